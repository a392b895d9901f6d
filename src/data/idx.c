/* SPDX-License-Identifier: MIT
 * IDX through zlib, which reads plain files as well. */
#include "data/idx.h"
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define TYPE_U8        8
#define RANK_MAX       4
#define SIZE_MAX_BYTES ((int64_t)1 << 40)

struct pf__idx {
    gzFile file;
    char *path;
    pf_shape shape;
    int64_t done;
};

static pf_status fail_short(const pf__idx *idx, pf_error *err) {
    int code = 0;
    const char *text = gzerror(idx->file, &code);
    bool damaged = code == Z_DATA_ERROR;
    pf_status st = pf__fail(err, PF_DATA, "%s: %s%s%s%s", idx->path,
                            damaged ? "damaged gzip data" : "truncated: the file ends too early",
                            damaged ? " (" : "", damaged ? text : "", damaged ? ")" : "");
    return pf__hint(err, st, "the download or copy is incomplete; fetch it again and compare its checksum");
}

pf_status pf__idx_read(pf__idx *idx, void *data, int64_t bytes, pf_error *err) {
    char *to = data;
    while (bytes > 0) {
        unsigned part = bytes > 1 << 24 ? 1u << 24 : (unsigned)bytes;
        int got = gzread(idx->file, to, part);
        if (got <= 0) return fail_short(idx, err);
        to += got;
        bytes -= got;
        idx->done += got;
    }
    return PF_OK;
}

static pf_status fail_magic(const pf__idx *idx, const unsigned char *head, pf_error *err) {
    pf_status st = pf__fail(err, PF_DATA,
                            "%s: not an IDX file of bytes: it begins with %02x %02x %02x %02x, 00 00 08 and "
                            "the rank are expected",
                            idx->path, head[0], head[1], head[2], head[3]);
    if (memcmp(head, "\x89HDF", 4) == 0)
        return pf__hint(err, st, "this is an HDF5 file: it needs no import, use it as the data set");
    if (memcmp(head, "PK", 2) == 0) return pf__hint(err, st, "this is a zip archive: unpack it first");
    if (head[0] == 0 && head[1] == 0)
        return pf__hint(err, st, "IDX files of other types than unsigned bytes are not imported");
    return pf__hint(err, st,
                    "MNIST and Fashion-MNIST come as *-images-idx3-ubyte.gz and *-labels-idx1-ubyte.gz; "
                    "tables of numbers are called .csv, .tsv or .txt");
}

static pf_status read_head(pf__idx *idx, pf_error *err) {
    unsigned char head[4], size[4];
    PF__TRY(pf__idx_read(idx, head, 4, err));
    if (head[0] != 0 || head[1] != 0 || head[2] != TYPE_U8 || head[3] < 1 || head[3] > RANK_MAX)
        return fail_magic(idx, head, err);
    idx->shape.rank = head[3];
    int64_t total = 1;
    for (int i = 0; i < idx->shape.rank; i++) {
        PF__TRY(pf__idx_read(idx, size, 4, err));
        int64_t n = (int64_t)size[0] << 24 | (int64_t)size[1] << 16 | (int64_t)size[2] << 8 | size[3];
        if (n < 1 || total > SIZE_MAX_BYTES / n)
            return pf__fail(err, PF_DATA, "%s: size %" PRId64 " of dimension %d cannot be right", idx->path,
                            n, i);
        total *= n;
        idx->shape.dim[i] = n;
    }
    idx->done = 0;
    return PF_OK;
}

pf_status pf__idx_open(const char *path, pf__idx **out, pf_error *err) {
    *out = NULL;
    pf__idx *idx = calloc(1, sizeof *idx);
    if (!idx) return pf__fail_memory(err, "IDX file", sizeof *idx);
    pf_status st = (idx->path = strdup(path)) ? PF_OK : pf__fail_memory(err, path, strlen(path));
    if (st == PF_OK && !(idx->file = gzopen(path, "rb"))) {
        st = pf__fail(err, PF_DATA, "%s: %s", path,
                      errno == ENOENT ? "missing: there is no such file" : "cannot be opened");
        st = pf__hint(err, st, "check the path and its permissions");
    }
    if (st == PF_OK) st = read_head(idx, err);
    if (st != PF_OK) {
        pf__idx_close(&idx);
        return st;
    }
    *out = idx;
    return PF_OK;
}

void pf__idx_close(pf__idx **idx) {
    if (!idx || !*idx) return;
    if ((*idx)->file) gzclose((*idx)->file);
    free((*idx)->path);
    free(*idx);
    *idx = NULL;
}

const pf_shape *pf__idx_shape(const pf__idx *idx) {
    return &idx->shape;
}

pf_status pf__idx_end(pf__idx *idx, pf_error *err) {
    char more;
    int code = Z_OK, got = gzread(idx->file, &more, 1);
    gzerror(idx->file, &code); /* an end of file before that of gzip reads as 0 bytes with Z_BUF_ERROR */
    if (got < 0 || code == Z_BUF_ERROR) return fail_short(idx, err);
    if (got == 0) return PF_OK;
    pf_status st = pf__fail(err, PF_DATA, "%s: longer than its head says (%" PRId64 " elements)", idx->path,
                            pf_shape_count(&idx->shape));
    return pf__hint(err, st, "the file is damaged or not what its name says; compare its checksum");
}
