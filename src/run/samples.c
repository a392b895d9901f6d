/* SPDX-License-Identifier: MIT
 * Files of samples: HDF5, .npy and pictures, chosen by the name's end. */
#include "base/file.h"
#include "data/h5.h"
#include "run/run.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool ends_with(const char *path, const char *end) {
    size_t n = strlen(path), m = strlen(end);
    return n > m && strcmp(path + n - m, end) == 0;
}

static pf_shape with_count(const pf_samples *s) {
    pf_shape shape = {.rank = s->sample.rank + 1};
    shape.dim[0] = s->count;
    for (int i = 0; i < s->sample.rank; i++) shape.dim[i + 1] = s->sample.dim[i];
    return shape;
}

static pf_status fill(pf__h5 *file, const pf_samples *s, pf_error *err) {
    pf_shape shape = with_count(s), noise = shape, row = {.rank = 1, .dim = {s->count}};
    PF__TRY(pf__h5_write(file, "/x", PF_F32, &shape, s->x, true, err));
    if (s->noise_dim && s->noise_dim != s->dim)
        noise = (pf_shape){.rank = 2, .dim = {s->count, s->noise_dim}};
    if (s->noise) PF__TRY(pf__h5_write(file, "/noise", PF_F32, &noise, s->noise, true, err));
    if (s->label) PF__TRY(pf__h5_write(file, "/label", PF_I32, &row, s->label, true, err));
    PF__TRY(pf__h5_set_text(file, "/", "format", "pushforward-samples", err));
    PF__TRY(pf__h5_set_int(file, "/", "format_version", 1, err));
    return pf__h5_set_text(file, "/", "made_by", s->header, err);
}

static pf_status write_h5(const char *path, const pf_samples *s, pf_error *err) {
    size_t size = strlen(path) + 8;
    char *tmp = malloc(size);
    if (!tmp) return pf__fail_memory(err, path, size);
    snprintf(tmp, size, "%s.tmp", path);
    pf__h5 *file = NULL;
    pf_status st = pf__h5_create(tmp, &file, err);
    if (st == PF_OK) {
        st = fill(file, s, err);
        pf_status closed = pf__h5_close(&file, st == PF_OK ? err : NULL);
        if (st == PF_OK) st = closed;
        if (st == PF_OK) st = pf__file_commit(tmp, path, err);
        if (st != PF_OK) unlink(tmp);
    }
    free(tmp);
    return st;
}

pf_status pf_samples_write(const char *path, const pf_samples *samples, bool is_u8, double scale_factor,
                           double add_offset, pf_error *error) {
    if (ends_with(path, ".h5") || ends_with(path, ".hdf5")) return write_h5(path, samples, error);
    if (ends_with(path, ".png"))
        return pf__samples_picture(path, samples, is_u8, scale_factor, add_offset, error);
    if (ends_with(path, ".npy")) {
        pf_shape shape = with_count(samples);
        return pf__npy_write(path, &shape, samples->x, error);
    }
    return pf__hint(error, pf__fail(error, PF_USAGE, "%s: no format for samples has this ending", path),
                    "end the name with .png, .h5 or .npy");
}

static pf_status take_shape(pf_samples *s, const char *path, const pf_shape *shape, pf_error *err) {
    if (shape->rank < 1 || pf_shape_count(shape) < 1)
        return pf__fail(err, PF_DATA, "%s: not an array of samples [count, ...]", path);
    s->count = shape->dim[0];
    s->dim = pf_shape_count(shape) / s->count;
    s->sample.rank = shape->rank - 1;
    for (int i = 1; i < shape->rank; i++) s->sample.dim[i - 1] = shape->dim[i];
    if (shape->rank > 1) return PF_OK;
    s->sample.rank = 1; /* [count] is [count, 1] */
    s->sample.dim[0] = 1;
    return PF_OK;
}

static pf_status read_h5(pf__h5 *file, const char *path, const char *name, pf_samples *s, pf_error *err) {
    pf__h5_info info;
    char *header = NULL;
    PF__TRY(pf__h5_describe(file, name, &info, err));
    PF__TRY(take_shape(s, path, &info.shape, err));
    s->x = malloc((size_t)(s->count * s->dim) * sizeof *s->x);
    if (!s->x) return pf__fail_memory(err, path, (unsigned long long)(s->count * s->dim) * 4);
    PF__TRY(pf__h5_read(file, name, PF_F32, s->x, err));
    bool found;
    PF__TRY(pf__h5_has_attribute(file, "/", "made_by", &found, err));
    if (!found) return PF_OK;
    PF__TRY(pf__h5_get_text(file, "/", "made_by", &header, err));
    snprintf(s->header, sizeof s->header, "%s", header);
    free(header);
    return PF_OK;
}

pf_status pf_samples_read(const char *path, const char *name, pf_samples *out, pf_error *error) {
    *out = (pf_samples){0};
    pf_status st;
    if (ends_with(path, ".npy")) {
        pf_shape shape;
        st = pf__npy_read(path, &shape, &out->x, error);
        if (st == PF_OK) st = take_shape(out, path, &shape, error);
    } else {
        pf__h5 *file;
        PF__TRY(pf__h5_open(path, &file, error));
        st = read_h5(file, path, name, out, error);
        pf__h5_close(&file, NULL);
    }
    if (st != PF_OK) pf_samples_free(out);
    return st;
}

void pf_samples_free(pf_samples *samples) {
    free(samples->x);
    free(samples->noise);
    free(samples->label);
    *samples = (pf_samples){0};
}
