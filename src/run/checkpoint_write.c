/* SPDX-License-Identifier: MIT
 * Writing a checkpoint: temporary name, close, read back and compare, rename. Layout: datasets/FORMAT.md. */
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "data/h5.h"
#include "run/run.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct writer {
    pf__h5 *file;
    pf__content_hash hash;
    pf_error *err;
} writer;

void pf__content_hash_add(pf__content_hash *h, const char *path, const void *bytes, size_t length) {
    h->sum += pf__hash64(bytes, length, pf__hash64(path, strlen(path), 0));
}

void pf__content_hash_text(const pf__content_hash *h, char out[17]) {
    snprintf(out, 17, "%016llx", (unsigned long long)h->sum);
}

static pf_status put(writer *w, const char *path, pf_dtype dtype, const pf_shape *shape, const void *data) {
    size_t bytes = (size_t)pf_shape_count(shape) * pf_dtype_bytes(dtype);
    pf__content_hash_add(&w->hash, path, data, bytes);
    return pf__h5_write(w->file, path, dtype, shape, data, true, w->err);
}

/* Whole numbers too: a double holds them exactly up to 2^53. */
static pf_status put_number(writer *w, const char *path, double value) {
    pf_shape scalar = {0};
    return put(w, path, PF_F64, &scalar, &value);
}

static pf_status put_text(writer *w, const char *path, const char *text) {
    pf__content_hash_add(&w->hash, path, text, strlen(text));
    return pf__h5_write_text(w->file, path, text, w->err);
}

static pf_status put_group(writer *w, const char *group, const pf__params *params, const float *flat) {
    char path[512];
    for (int i = 0; i < params->count; i++) {
        const pf__param *p = &params->list[i];
        snprintf(path, sizeof path, "%s/%s", group, p->path);
        PF__TRY(put(w, path, PF_F32, &p->shape, flat + p->offset));
    }
    return PF_OK;
}

static pf_status put_tensors(writer *w, const pf__checkpoint_content *c) {
    char group[64];
    PF__TRY(put_group(w, "/model", c->params, c->model));
    for (int i = 0; i < c->ema_count; i++) {
        snprintf(group, sizeof group, "/ema/%s", c->ema_name[i]);
        PF__TRY(put_group(w, group, c->params, c->ema[i]));
    }
    if (c->target) PF__TRY(put_group(w, "/" PF__TARGET, c->params, c->target));
    PF__TRY(put_group(w, "/optimizer/m", c->params, c->m));
    return put_group(w, "/optimizer/v", c->params, c->v);
}

static pf_status put_data(writer *w, const pf__checkpoint_content *c) {
    pf_shape row = {.rank = 1, .dim = {c->scaling->count}};
    pf_shape rank = {.rank = 1, .dim = {c->data->sample.rank}};
    int32_t dim[PF_RANK_MAX];
    for (int i = 0; i < c->data->sample.rank; i++) dim[i] = (int32_t)c->data->sample.dim[i];
    PF__TRY(put_number(w, "/data/position", (double)(c->step * c->batch)));
    if (c->block_rows) PF__TRY(put_number(w, "/data/block_rows", (double)c->block_rows));
    PF__TRY(put(w, "/data/mean", PF_F64, &row, c->scaling->mean));
    PF__TRY(put(w, "/data/deviation", PF_F64, &row, c->scaling->deviation));
    PF__TRY(put(w, "/data/sample_shape", PF_I32, &rank, dim));
    PF__TRY(put_number(w, "/data/scale_factor", c->data->scale_factor));
    PF__TRY(put_number(w, "/data/add_offset", c->data->add_offset));
    PF__TRY(put_number(w, "/data/is_u8", c->data->dtype == PF_U8));
    PF__TRY(put_number(w, "/data/class_count", c->class_count));
    return put_text(w, "/data/sha256", c->data->sha256);
}

static pf_status put_state(writer *w, const pf__checkpoint_content *c) {
    double samples = (double)(c->step * c->batch);
    PF__TRY(put_number(w, "/train/step", (double)c->step));
    PF__TRY(put_number(w, "/train/samples_seen", samples));
    PF__TRY(put_number(w, "/rng/seed", (double)c->seed));
    PF__TRY(put_number(w, "/rng/first_sample", samples));
    if (c->teacher) PF__TRY(put_text(w, "/teacher/identity", c->teacher));
    PF__TRY(put_text(w, "/plan/choices", c->choices));
    return put_text(w, "/config", c->config);
}

/* The one part that may differ between two runs of the same training: not hashed. */
static pf_status put_provenance(writer *w, const pf__checkpoint_content *c) {
    char now[32], host[128] = "";
    pf__utc_now(now);
    if (gethostname(host, sizeof host - 1) != 0) host[0] = '\0';
    const char *pairs[][2] = {
        {"/provenance/created", now},
        {"/provenance/host", host},
        {"/provenance/version", pf_version()},
        {"/provenance/device", c->device->name},
        {"/provenance/driver", c->device->driver},
        {"/provenance/platform", c->device->platform},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        PF__TRY(pf__h5_write_text(w->file, pairs[i][0], pairs[i][1], w->err));
    if (c->teacher)
        PF__TRY(pf__h5_write_text(w->file, "/provenance/teacher", c->teacher_path ? c->teacher_path : "",
                                  w->err));
    pf_shape scalar = {0};
    return pf__h5_write(w->file, "/provenance/seconds", PF_F64, &scalar, &c->seconds, false, w->err);
}

static pf_status put_all(writer *w, const pf__checkpoint_content *c) {
    PF__TRY(put_tensors(w, c));
    PF__TRY(put_data(w, c));
    PF__TRY(put_state(w, c));
    PF__TRY(put_provenance(w, c));
    char hash[17];
    pf__content_hash_text(&w->hash, hash);
    PF__TRY(pf__h5_set_text(w->file, "/", "format", PF__CHECKPOINT_FORMAT, w->err));
    PF__TRY(pf__h5_set_int(w->file, "/", "format_version", PF__CHECKPOINT_VERSION, w->err));
    PF__TRY(pf__h5_set_text(w->file, "/", "method", c->method, w->err));
    PF__TRY(pf__h5_set_text(w->file, "/", "model", c->model_kind, w->err));
    return pf__h5_set_text(w->file, "/", "content_hash", hash, w->err);
}

static pf_status write_file(const char *path, const pf__checkpoint_content *c, pf_error *err) {
    writer w = {.err = err};
    PF__TRY(pf__h5_create(path, &w.file, err));
    pf_status st = put_all(&w, c);
    pf_status closed = pf__h5_close(&w.file, st == PF_OK ? err : NULL);
    return st != PF_OK ? st : closed;
}

pf_status pf__checkpoint_write(const char *path, const pf__checkpoint_content *content, pf_error *err) {
    size_t size = strlen(path) + 8;
    char *tmp = malloc(size);
    if (!tmp) return pf__fail_memory(err, path, size);
    snprintf(tmp, size, "%s.tmp", path);
    pf_status st = write_file(tmp, content, err);
    if (st == PF_OK) st = pf__checkpoint_verify(tmp, err);
    if (st == PF_OK) st = pf__file_commit(tmp, path, err);
    if (st != PF_OK) unlink(tmp);
    free(tmp);
    return st;
}
