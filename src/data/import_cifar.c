/* SPDX-License-Identifier: MIT
 * A source: CIFAR-10 or CIFAR-100 in the binary version, a folder of .bin files or the .tar.gz. A record is
 * one label byte (CIFAR-100: the coarse one, then the fine one, which is used) and three planes of 32 x 32
 * bytes. */
#include "base/file.h"
#include "data/source.h"
#include "data/stream.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLANE      1024
#define PIXELS     (3 * PLANE)
#define NAMES_MAX  8192 /* bytes of the file of class names */
#define FILE_COUNT 10

/* In the order of reading: CIFAR-10, then CIFAR-100; the files of class names last. */
static const char *const file_names[FILE_COUNT] = {
    "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin",
    "test_batch.bin",   "train.bin",        "test.bin",         "batches.meta.txt", "fine_label_names.txt"};
enum { TEST_10 = 5, TRAIN_100 = 6, TEST_100 = 7, NAMES_10 = 8, NAMES_100 = 9 };

struct cifar_source {
    char *archive;          /* or NULL: a folder */
    char *file[FILE_COUNT]; /* member or path, NULL when absent */
    int64_t size[FILE_COUNT];
    bool fine;         /* CIFAR-100 */
    bool python;       /* the files of the Python version were seen */
    int current, last; /* files that are read */
    int64_t left;      /* records of the current one */
    pf__stream *stream;
};

static void free_state(void *state) {
    struct cifar_source *m = state;
    pf__stream_close(&m->stream);
    for (int i = 0; i < FILE_COUNT; i++) free(m->file[i]);
    free(m->archive);
    free(m);
}

/* ---- finding the files ---- */

static pf_status add_file(void *user, const char *name, int64_t size, pf_error *err) {
    struct cifar_source *m = user;
    const char *base = pf__base_name(name);
    if (strcmp(base, "data_batch_1") == 0 || strcmp(base, "train") == 0) m->python = true;
    for (int i = 0; i < FILE_COUNT; i++) {
        if (strcmp(base, file_names[i]) != 0 || m->file[i]) continue;
        m->file[i] = strdup(name);
        m->size[i] = size;
        if (!m->file[i]) return pf__fail_memory(err, name, strlen(name));
    }
    return PF_OK;
}

/* The files that lie in folder itself. */
static pf_status add_folder(struct cifar_source *m, const char *folder, pf_error *err) {
    pf_status st = PF_OK;
    for (int i = 0; i < FILE_COUNT && st == PF_OK; i++) {
        pf__file_kind there;
        int64_t size;
        char *path = pf__path_join(folder, file_names[i]);
        if (!path) return pf__fail_memory(err, folder, strlen(folder));
        st = pf__file_look(path, &there, &size, err);
        if (st == PF_OK && there == PF__FILE) st = add_file(m, path, size, err);
        free(path);
    }
    return st;
}

pf_status pf__source_is_cifar(const char *path, bool *is, pf_error *err) {
    *is = pf__ends_with(path, ".tar.gz") || pf__ends_with(path, ".tgz") || pf__ends_with(path, ".tar");
    if (!pf__is_folder(path)) return PF_OK;
    struct cifar_source *m = calloc(1, sizeof *m);
    if (!m) return pf__fail_memory(err, path, sizeof *m);
    pf_status st = add_folder(m, path, err);
    *is = m->file[0] || m->file[TEST_10] || m->file[TRAIN_100] || m->file[TEST_100];
    free_state(m);
    return st;
}

static pf_status fail_absent(const struct cifar_source *m, const char *path, pf_error *err) {
    pf_status st = pf__fail(err, PF_DATA,
                            "%s: neither data_batch_1.bin (CIFAR-10) nor train.bin (CIFAR-100)%s", path,
                            m->archive ? " in this archive" : " in this folder");
    if (m->python) return pf__hint(err, st, "this is the version for Python; fetch the binary version");
    return pf__hint(err, st,
                    "expected is cifar-10-binary.tar.gz, cifar-100-binary.tar.gz, or one of them unpacked");
}

/* ---- sizes ---- */

static int64_t record_bytes(const struct cifar_source *m) {
    return PIXELS + (m->fine ? 2 : 1);
}

static pf_status count_file(const struct cifar_source *m, const char *path, int i, int64_t *total,
                            pf_error *err) {
    if (!m->file[i]) return PF_OK;
    int64_t record = record_bytes(m);
    if (m->size[i] < record || m->size[i] % record != 0 || m->size[i] > PF__SOURCE_COUNT_MAX) {
        pf_status st = pf__fail(err, PF_DATA,
                                "%s: %s: %" PRId64
                                " bytes are no whole number of CIFAR-%d records of %" PRId64 " bytes",
                                path, file_names[i], m->size[i], m->fine ? 100 : 10, record);
        return pf__hint(err, st,
                        "the download or copy is incomplete; fetch it again and compare its checksum");
    }
    *total += m->size[i] / record;
    return PF_OK;
}

static pf_status count_all(struct cifar_source *m, const char *path, pf__source *s, pf_error *err) {
    m->fine = m->file[0] == NULL;
    if (m->fine && !m->file[TRAIN_100]) return fail_absent(m, path, err);
    m->current = m->fine ? TRAIN_100 : 0;
    m->last = m->fine ? TEST_100 : TEST_10;
    for (int i = m->current; i < m->last; i++) PF__TRY(count_file(m, path, i, &s->train, err));
    return count_file(m, path, m->last, &s->test, err);
}

/* ---- class names ---- */

/* The lines of text as class names, when there are as many as classes; otherwise the classes keep their
 * numbers. */
static pf_status take_names(pf__source *s, char *text, pf_error *err) {
    char **names = calloc((size_t)s->class_count, sizeof *names);
    if (!names) return pf__fail_memory(err, "class names", (size_t)s->class_count * sizeof *names);
    s->class_names = names;
    int count = 0;
    char *save = NULL;
    for (char *line = strtok_r(text, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save)) {
        if (count < s->class_count && !(names[count] = strdup(line)))
            return pf__fail_memory(err, line, strlen(line));
        count++;
    }
    if (count == s->class_count) return PF_OK;
    for (int i = 0; i < s->class_count; i++) free(names[i]);
    free(names);
    s->class_names = NULL;
    return PF_OK;
}

static pf_status open_file(struct cifar_source *m, int i, pf_error *err) {
    pf__stream_close(&m->stream);
    return pf__stream_open(m->archive ? m->archive : m->file[i], m->archive ? m->file[i] : NULL, &m->stream,
                           err);
}

static pf_status read_names(struct cifar_source *m, pf__source *s, pf_error *err) {
    char text[NAMES_MAX + 1];
    int64_t got = 0;
    int i = m->fine ? NAMES_100 : NAMES_10;
    if (!m->file[i]) return PF_OK;
    PF__TRY(open_file(m, i, err));
    PF__TRY(pf__stream_read(m->stream, text, NAMES_MAX, &got, err));
    text[got] = '\0';
    return take_names(s, text, err);
}

/* ---- the source ---- */

static pf_status next_file(struct cifar_source *m, pf_error *err) {
    if (m->stream) PF__TRY(pf__stream_end(m->stream, err));
    do {
        m->current++;
    } while (!m->file[m->current]); /* no more samples are asked for than the files hold */
    m->left = m->size[m->current] / record_bytes(m);
    return open_file(m, m->current, err);
}

static pf_status rows(void *state, int64_t count, void *x, int32_t *y, pf_error *err) {
    struct cifar_source *m = state;
    uint8_t record[PIXELS + 2], *to = x;
    int64_t bytes = record_bytes(m);
    for (int64_t i = 0; i < count; i++, to += PIXELS) {
        if (m->left == 0) PF__TRY(next_file(m, err));
        PF__TRY(pf__stream_take(m->stream, record, bytes, err));
        m->left--;
        const uint8_t *plane = record + bytes - PIXELS;
        y[i] = plane[-1];
        for (int k = 0; k < PLANE; k++)
            for (int c = 0; c < 3; c++) to[3 * k + c] = plane[c * PLANE + k];
    }
    return PF_OK;
}

static pf_status end(void *state, pf_error *err) {
    struct cifar_source *m = state;
    return pf__stream_end(m->stream, err);
}

pf_status pf__source_cifar(const char *path, pf__source *s, pf_error *err) {
    struct cifar_source *m = calloc(1, sizeof *m);
    if (!m) return pf__fail_memory(err, path, sizeof *m);
    s->state = m;
    s->rows = rows;
    s->end = end;
    s->free = free_state;
    if (pf__is_folder(path)) {
        PF__TRY(add_folder(m, path, err));
    } else {
        if (!(m->archive = strdup(path))) return pf__fail_memory(err, path, strlen(path));
        PF__TRY(pf__archive_list(path, add_file, m, err));
    }
    PF__TRY(count_all(m, path, s, err));
    s->dtype = PF_U8;
    s->sample = (pf_shape){.rank = 3, .dim = {32, 32, 3}};
    s->class_count = m->fine ? 100 : 10;
    snprintf(s->name, sizeof s->name, "CIFAR-%d: %s", m->fine ? 100 : 10,
             m->archive ? pf__base_name(path) : "binary version");
    PF__TRY(read_names(m, s, err));
    m->left = m->size[m->current] / record_bytes(m);
    return open_file(m, m->current, err);
}
