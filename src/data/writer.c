/* SPDX-License-Identifier: MIT
 * Writing a new data set: rows in order, the checksum on the way, its name only when complete. */
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "data/dataset_private.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct pf__writer {
    pf__h5 *file;
    const pf__dataset_head *head;
    char *path, *temporary;
    int64_t done[2], noise_done;
    pf__sha256 *sha;
};

/* Now; or the time that SOURCE_DATE_EPOCH fixes, as reproducible builds have it, for files equal to the last
 * byte. */
static void creation_time(char out[32]) {
    const char *fixed = getenv("SOURCE_DATE_EPOCH");
    char *end = NULL;
    time_t seconds = fixed && *fixed ? (time_t)strtoll(fixed, &end, 10) : 0;
    struct tm utc;
    if (end && *end == '\0' && gmtime_r(&seconds, &utc) && strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &utc) > 0)
        return;
    pf__utc_now(out);
}

static pf_status write_root(pf__writer *w, pf_error *err) {
    char created[32];
    creation_time(created);
    PF__TRY(pf__h5_set_text(w->file, "/", "format", PF__DATASET_FORMAT, err));
    PF__TRY(pf__h5_set_int(w->file, "/", "format_version", PF__DATASET_VERSION, err));
    PF__TRY(pf__h5_set_text(w->file, "/", "creator", "pushforward " PF_VERSION_STRING, err));
    PF__TRY(pf__h5_set_text(w->file, "/", "created", created, err));
    PF__TRY(pf__h5_set_text(w->file, "/", "source", w->head->source, err));
    return pf__h5_set_text(w->file, "/", "license", w->head->license, err);
}

static pf_status create_part(pf__writer *w, pf_split split, int64_t count, pf_error *err) {
    const pf__dataset_head *head = w->head;
    const char *x = pf__dataset_path_x(split);
    pf_shape shape = {.rank = head->sample.rank + 1, .dim = {count}};
    for (int i = 0; i < head->sample.rank; i++) shape.dim[i + 1] = head->sample.dim[i];
    PF__TRY(pf__h5_create_rows(w->file, x, head->dtype, &shape, true, err));
    PF__TRY(pf__h5_set_text(w->file, x, "layout", head->sample.rank == 1 ? "ND" : "NHWC", err));
    PF__TRY(pf__h5_set_real(w->file, x, "scale_factor", head->scale_factor, err));
    PF__TRY(pf__h5_set_real(w->file, x, "add_offset", head->add_offset, err));
    if (head->noise && split == PF_TRAIN)
        PF__TRY(pf__h5_create_rows(w->file, pf__dataset_path_noise(), PF_F32, &shape, true, err));
    if (head->class_count == 0) return PF_OK;
    return pf__h5_create_rows(w->file, pf__dataset_path_y(split), PF_I32, &(pf_shape){1, {count}}, true, err);
}

static pf_status write_class_names(pf__writer *w, pf_error *err) {
    size_t count = (size_t)w->head->class_count;
    if (count == 0) return PF_OK;
    if (w->head->class_names)
        return pf__h5_write_texts(w->file, "/class_names", w->head->class_names, (int)count, err);
    char(*digits)[12] = malloc(count * sizeof *digits);
    const char **names = malloc(count * sizeof *names);
    pf_status st = PF_OK;
    if (!digits || !names) st = pf__fail_memory(err, "class names", count * sizeof *digits);
    for (size_t i = 0; i < count && st == PF_OK; i++) {
        snprintf(digits[i], sizeof digits[i], "%d", (int)i);
        names[i] = digits[i];
    }
    if (st == PF_OK) st = pf__h5_write_texts(w->file, "/class_names", names, (int)count, err);
    free(names);
    free(digits);
    return st;
}

static pf_status begin(pf__writer *w, const char *path, pf_error *err) {
    const pf__dataset_head *head = w->head;
    size_t size = strlen(path) + 32;
    w->path = strdup(path);
    w->temporary = malloc(size);
    w->sha = pf__sha256_begin();
    if (!w->path || !w->temporary || !w->sha) return pf__fail_memory(err, "data set to write", size);
    snprintf(w->temporary, size, "%s.tmp.%ld", path, (long)getpid());
    pf__file_remove_strays(path);
    PF__TRY(pf__h5_create(w->temporary, &w->file, err));
    PF__TRY(write_root(w, err));
    PF__TRY(create_part(w, PF_TRAIN, head->train_count, err));
    if (head->test_count > 0) PF__TRY(create_part(w, PF_TEST, head->test_count, err));
    if (head->law) PF__TRY(pf__law_write(head->law, w->file, err));
    return write_class_names(w, err);
}

static void writer_free(pf__writer *w) {
    pf__sha256_end(w->sha, NULL);
    free(w->temporary);
    free(w->path);
    free(w);
}

pf_status pf__writer_open(const char *path, const pf__dataset_head *head, pf__writer **out, pf_error *err) {
    *out = NULL;
    if (!path || !path[0]) return pf__fail(err, PF_USAGE, "no name given for the data set to write");
    if (pf__is_folder(path)) {
        pf_status st = pf__fail(err, PF_USAGE, "%s: is a folder", path);
        return pf__hint(err, st, "name the file to write, such as %s/set.h5", path);
    }
    pf__writer *w = calloc(1, sizeof *w);
    if (!w) return pf__fail_memory(err, "data set to write", sizeof *w);
    w->head = head;
    pf_status st = begin(w, path, err);
    if (st != PF_OK) {
        pf__writer_abandon(w);
        return st;
    }
    *out = w;
    return PF_OK;
}

pf_status pf__writer_add(pf__writer *w, pf_split split, int64_t count, const void *x, const int32_t *y,
                         pf_error *err) {
    const pf__dataset_head *head = w->head;
    int64_t first = w->done[split];
    assert(first + count <= (split == PF_TRAIN ? head->train_count : head->test_count));
    assert((y != NULL) == (head->class_count > 0));
    PF__TRY(pf__h5_write_rows(w->file, pf__dataset_path_x(split), head->dtype, first, count, x, err));
    if (y) PF__TRY(pf__h5_write_rows(w->file, pf__dataset_path_y(split), PF_I32, first, count, y, err));
    if (split == PF_TRAIN)
        pf__sha256_add(w->sha, x,
                       (size_t)(count * pf_shape_count(&head->sample)) * pf_dtype_bytes(head->dtype));
    w->done[split] += count;
    return PF_OK;
}

pf_status pf__writer_add_noise(pf__writer *w, int64_t count, const float *noise, pf_error *err) {
    assert(w->head->noise && w->noise_done + count <= w->head->train_count);
    PF__TRY(pf__h5_write_rows(w->file, pf__dataset_path_noise(), PF_F32, w->noise_done, count, noise, err));
    w->noise_done += count;
    return PF_OK;
}

/* Labels and noise are hashed after all of x: read back, as there may be too many to keep. */
static pf_status hash_rows(pf__writer *w, const char *path, pf_dtype dtype, int64_t row, pf_error *err) {
    int64_t total = w->head->train_count, block = pf__block_rows(row);
    if (block > total) block = total;
    void *rows = malloc((size_t)(block * row));
    if (!rows) return pf__fail_memory(err, path, (unsigned long long)(block * row));
    pf_status st = PF_OK;
    for (int64_t first = 0; first < total && st == PF_OK; first += block) {
        int64_t count = total - first < block ? total - first : block;
        st = pf__h5_read_rows(w->file, path, dtype, first, count, rows, err);
        if (st == PF_OK) pf__sha256_add(w->sha, rows, (size_t)(count * row));
    }
    free(rows);
    return st;
}

static pf_status hash_beside(pf__writer *w, pf_error *err) {
    const int64_t dim = pf_shape_count(&w->head->sample);
    if (w->head->class_count > 0)
        PF__TRY(hash_rows(w, pf__dataset_path_y(PF_TRAIN), PF_I32, (int64_t)sizeof(int32_t), err));
    if (!w->head->noise) return PF_OK;
    return hash_rows(w, pf__dataset_path_noise(), PF_F32, dim * (int64_t)sizeof(float), err);
}

pf_status pf__writer_finish(pf__writer *w, pf_error *err) {
    char hex[65];
    assert(w->done[PF_TRAIN] == w->head->train_count);
    assert(w->done[PF_TEST] == w->head->test_count);
    assert(w->noise_done == (w->head->noise ? w->head->train_count : 0));
    pf_status st = hash_beside(w, err);
    pf__sha256_end(w->sha, hex);
    w->sha = NULL;
    if (st == PF_OK) st = pf__h5_set_text(w->file, "/", "sha256", hex, err);
    if (st == PF_OK) st = pf__h5_close(&w->file, err);
    if (st == PF_OK) st = pf__file_commit(w->temporary, w->path, err);
    if (st != PF_OK) {
        pf__writer_abandon(w);
        return st;
    }
    writer_free(w);
    return PF_OK;
}

void pf__writer_abandon(pf__writer *w) {
    if (!w) return;
    pf__h5_close(&w->file, NULL); /* the failure before this one is the one to tell */
    if (w->temporary) unlink(w->temporary);
    writer_free(w);
}
