/* SPDX-License-Identifier: MIT
 * Files through zlib, which reads plain ones as well; members of archives through libarchive. */
#include "data/stream.h"
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define BLOCK ((int64_t)1 << 20)

struct pf__stream {
    gzFile file;
    struct archive *archive; /* instead of file */
    char *name;
};

static pf_status fail_missing(const char *path, pf_error *err) {
    pf_status st = pf__fail(err, PF_DATA, "%s: %s", path,
                            errno == ENOENT ? "missing: there is no such file" : "cannot be opened");
    return pf__hint(err, st, "check the path and its permissions");
}

static pf_status fail_short(const pf__stream *s, pf_error *err) {
    pf_status st = pf__fail(err, PF_DATA, "%s: truncated: the file ends too early", s->name);
    return pf__hint(err, st, "the download or copy is incomplete; fetch it again and compare its checksum");
}

static const char *known(const char *text) {
    return text && *text ? text : "unknown error";
}

static pf_status fail_damaged(const char *name, const char *text, pf_error *err) {
    pf_status st = pf__fail(err, PF_DATA, "%s: damaged: %s", name, known(text));
    return pf__hint(err, st, "the download or copy is incomplete; fetch it again and compare its checksum");
}

/* ---- archives ---- */

static pf_status archive_open(const char *path, struct archive **out, pf_error *err) {
    struct archive *a = *out = archive_read_new();
    if (!a) return pf__fail_memory(err, path, 0);
    FILE *file = fopen(path, "rb"); /* libarchive tells less of a file that cannot be opened */
    if (!file) return fail_missing(path, err);
    fclose(file);
    if (archive_read_support_filter_gzip(a) != ARCHIVE_OK ||
        archive_read_support_format_tar(a) != ARCHIVE_OK || archive_read_support_format_zip(a) != ARCHIVE_OK)
        return pf__fail(err, PF_SYSTEM, "%s: libarchive: %s", path, known(archive_error_string(a)));
    if (archive_read_open_filename(a, path, 1 << 16) == ARCHIVE_OK) return PF_OK;
    return fail_damaged(path, archive_error_string(a), err);
}

/* The next regular file; *name NULL at the end. */
static pf_status archive_next(struct archive *a, const char *path, const char **name, int64_t *size,
                              pf_error *err) {
    struct archive_entry *entry = NULL;
    for (;;) {
        int code = archive_read_next_header(a, &entry);
        *name = NULL;
        if (code == ARCHIVE_EOF) return PF_OK;
        if (code != ARCHIVE_OK && code != ARCHIVE_WARN)
            return fail_damaged(path, archive_error_string(a), err);
        *name = archive_entry_filetype(entry) == AE_IFREG ? archive_entry_pathname(entry) : NULL;
        if (!*name) continue;
        *size = archive_entry_size_is_set(entry) ? (int64_t)archive_entry_size(entry) : -1;
        return PF_OK;
    }
}

pf_status pf__archive_list(const char *path,
                           pf_status (*visit)(void *user, const char *name, int64_t size, pf_error *err),
                           void *user, pf_error *err) {
    struct archive *a = NULL;
    pf_status st = archive_open(path, &a, err);
    while (st == PF_OK) {
        const char *name;
        int64_t size;
        st = archive_next(a, path, &name, &size, err);
        if (st != PF_OK || !name) break;
        st = visit(user, name, size, err);
    }
    if (a) archive_read_free(a);
    return st;
}

static pf_status find_member(pf__stream *s, const char *path, const char *member, pf_error *err) {
    PF__TRY(archive_open(path, &s->archive, err));
    for (;;) {
        const char *name;
        int64_t size;
        PF__TRY(archive_next(s->archive, path, &name, &size, err));
        if (!name) return pf__fail(err, PF_DATA, "%s: %s is missing in this archive", path, member);
        if (strcmp(name, member) == 0) return PF_OK;
    }
}

/* ---- streams ---- */

pf_status pf__stream_open(const char *path, const char *member, pf__stream **out, pf_error *err) {
    *out = NULL;
    size_t length = strlen(path) + (member ? strlen(member) : 0) + 3;
    pf__stream *s = calloc(1, sizeof *s);
    if (!s) return pf__fail_memory(err, "file to read", sizeof *s);
    pf_status st = (s->name = malloc(length)) ? PF_OK : pf__fail_memory(err, path, length);
    if (st == PF_OK) {
        snprintf(s->name, length, "%s%s%s", path, member ? ": " : "", member ? member : "");
        if (member)
            st = find_member(s, path, member, err);
        else if (!(s->file = gzopen(path, "rb")))
            st = fail_missing(path, err);
    }
    if (st != PF_OK) {
        pf__stream_close(&s);
        return st;
    }
    *out = s;
    return PF_OK;
}

void pf__stream_close(pf__stream **stream) {
    if (!stream || !*stream) return;
    pf__stream *s = *stream;
    if (s->file) gzclose(s->file);
    if (s->archive) archive_read_free(s->archive);
    free(s->name);
    free(s);
    *stream = NULL;
}

const char *pf__stream_name(const pf__stream *stream) {
    return stream->name;
}

/* At most BLOCK bytes; 0 at a good end. */
static pf_status read_some(pf__stream *s, void *data, int64_t bytes, int64_t *got, pf_error *err) {
    size_t want = (size_t)(bytes < BLOCK ? bytes : BLOCK);
    if (s->archive) {
        *got = (int64_t)archive_read_data(s->archive, data, want);
        return *got < 0 ? fail_damaged(s->name, archive_error_string(s->archive), err) : PF_OK;
    }
    *got = gzread(s->file, data, (unsigned)want);
    if (*got == (int64_t)want) return PF_OK;
    int code = Z_OK;
    const char *text = gzerror(s->file, &code);
    if (code == Z_BUF_ERROR) return fail_short(s, err); /* the file ends before its gzip data do */
    return *got < 0 ? fail_damaged(s->name, code == Z_ERRNO ? strerror(errno) : text, err) : PF_OK;
}

pf_status pf__stream_read(pf__stream *stream, void *data, int64_t bytes, int64_t *got, pf_error *err) {
    int64_t part = 0;
    for (*got = 0; *got < bytes; *got += part) {
        PF__TRY(read_some(stream, (char *)data + *got, bytes - *got, &part, err));
        if (part == 0) break;
    }
    return PF_OK;
}

pf_status pf__stream_take(pf__stream *stream, void *data, int64_t bytes, pf_error *err) {
    int64_t got = 0;
    PF__TRY(pf__stream_read(stream, data, bytes, &got, err));
    return got == bytes ? PF_OK : fail_short(stream, err);
}

pf_status pf__stream_end(pf__stream *stream, pf_error *err) {
    char more;
    int64_t got = 0;
    PF__TRY(pf__stream_read(stream, &more, 1, &got, err));
    if (got == 0) return PF_OK;
    pf_status st = pf__fail(err, PF_DATA, "%s: longer than its head says", stream->name);
    return pf__hint(err, st, "the file is damaged or not what its name says; compare its checksum");
}
