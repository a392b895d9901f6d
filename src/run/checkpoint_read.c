/* SPDX-License-Identifier: MIT
 * Reading checkpoints: verification, the description, tensors. */
#include "base/file.h"
#include "data/h5.h"
#include "run/run.h"
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pf_checkpoint {
    pf__h5 *file;
    pf_checkpoint_info info;
    pf__scaling scaling;
    char *config, *choices;
    char hash[32], teacher[64], teacher_path[1024];
    int64_t block_rows;
    pf_checkpoint_tensor *tensors; /* paths are owned */
};

/* ---- verification ---- */

typedef struct verifier {
    pf__h5 *file;
    pf__content_hash hash;
    pf_error *err;
} verifier;

static pf_status hash_dataset(void *user, const char *path, const pf__h5_info *info) {
    verifier *v = user;
    if (strncmp(path, "/provenance/", 12) == 0) return PF_OK;
    size_t bytes = (size_t)pf_shape_count(&info->shape) * pf_dtype_bytes(info->dtype);
    void *data = malloc(bytes ? bytes : 1);
    if (!data) return pf__fail_memory(v->err, path, bytes);
    pf_status st = pf__h5_read(v->file, path, info->dtype, data, v->err);
    if (st == PF_OK) pf__content_hash_add(&v->hash, path, data, bytes);
    free(data);
    return st;
}

static pf_status hash_text(verifier *v, const char *path) {
    char *text;
    PF__TRY(pf__h5_read_text(v->file, path, &text, v->err));
    pf__content_hash_add(&v->hash, path, text, strlen(text));
    free(text);
    return PF_OK;
}

static pf_status check_format(pf__h5 *file, const char *path, pf_error *err) {
    char *format;
    int64_t version;
    bool formatted;
    PF__TRY(pf__h5_has_attribute(file, "/", "format", &formatted, err));
    if (!formatted)
        return pf__hint(err,
                        pf__fail(err, PF_DATA, "%s: not a checkpoint (it has no format attribute)", path),
                        "checkpoints are the files step_*.h5 in a run's folder checkpoints/");
    PF__TRY(pf__h5_get_text(file, "/", "format", &format, err));
    bool fits = strcmp(format, PF__CHECKPOINT_FORMAT) == 0;
    pf_status st = fits ? PF_OK : pf__fail(err, PF_DATA, "%s: not a checkpoint but a %.64s", path, format);
    pf__hint(err, st, "checkpoints are the files step_*.h5 in a run's folder checkpoints/");
    free(format);
    if (st != PF_OK) return st;
    PF__TRY(pf__h5_get_int(file, "/", "format_version", &version, err));
    if (version == PF__CHECKPOINT_VERSION) return PF_OK;
    return pf__hint(err,
                    pf__fail(err, PF_DATA, "%s: checkpoint format %lld; this program reads %d", path,
                             (long long)version, PF__CHECKPOINT_VERSION),
                    version > PF__CHECKPOINT_VERSION ? "a newer pushforward reads it"
                                                     : "an older pushforward wrote it, and reads it");
}

static pf_status verify_open(pf__h5 *file, const char *path, pf_error *err) {
    verifier v = {.file = file, .err = err};
    PF__TRY(check_format(file, path, err));
    PF__TRY(pf__h5_each(file, "/", hash_dataset, &v, err));
    PF__TRY(hash_text(&v, "/config"));
    PF__TRY(hash_text(&v, "/plan/choices"));
    PF__TRY(hash_text(&v, "/data/sha256"));
    bool taught;
    PF__TRY(pf__h5_exists(file, "/teacher/identity", &taught, err));
    if (taught) PF__TRY(hash_text(&v, "/teacher/identity"));
    char found[17], *stated;
    pf__content_hash_text(&v.hash, found);
    PF__TRY(pf__h5_get_text(file, "/", "content_hash", &stated, err));
    bool same = strcmp(found, stated) == 0;
    free(stated);
    if (same) return PF_OK;
    return pf__hint(err, pf__fail(err, PF_DATA, "%s: damaged: its content is not what was written", path),
                    "use an earlier checkpoint of the same run");
}

pf_status pf__checkpoint_verify(const char *path, pf_error *err) {
    pf__h5 *file;
    PF__TRY(pf__h5_open(path, &file, err));
    pf_status st = verify_open(file, path, err);
    pf__h5_close(&file, NULL);
    return st;
}

/* ---- the description ---- */

static pf_status number(pf_checkpoint *c, const char *path, double *out, pf_error *err) {
    pf__h5_info info;
    PF__TRY(pf__h5_describe(c->file, path, &info, err));
    if (pf_shape_count(&info.shape) != 1)
        return pf__fail(err, PF_DATA, "%s: %s is not one number", c->info.path, path);
    return pf__h5_read(c->file, path, PF_F64, out, err);
}

static pf_status whole(pf_checkpoint *c, const char *path, int64_t *out, pf_error *err) {
    double value = 0;
    PF__TRY(number(c, path, &value, err));
    if (!(value >= 0 && value <= 0x1p53))
        return pf__fail(err, PF_DATA, "%s: %s is %g", c->info.path, path, value);
    *out = (int64_t)value;
    return PF_OK;
}

static void copy_text(char *out, size_t size, char *text) {
    snprintf(out, size, "%s", text ? text : "");
    free(text);
}

static pf_status provenance(pf_checkpoint *c, const char *path, char *out, size_t size, pf_error *err) {
    char *text = NULL;
    bool found;
    PF__TRY(pf__h5_exists(c->file, path, &found, err));
    if (found) PF__TRY(pf__h5_read_text(c->file, path, &text, err));
    copy_text(out, size, text);
    return PF_OK;
}

static pf_status read_shape(pf_checkpoint *c, pf_error *err) {
    pf__h5_info info;
    int32_t dim[PF_RANK_MAX];
    PF__TRY(pf__h5_describe(c->file, "/data/sample_shape", &info, err));
    int64_t rank = pf_shape_count(&info.shape);
    if (info.shape.rank != 1 || rank < 1 || rank >= PF_RANK_MAX)
        return pf__fail(err, PF_DATA, "%s: /data/sample_shape has %lld dimensions", c->info.path,
                        (long long)rank);
    PF__TRY(pf__h5_read(c->file, "/data/sample_shape", PF_I32, dim, err));
    c->info.sample.rank = (int)rank;
    c->info.dim = 1;
    for (int i = 0; i < rank; i++) {
        if (dim[i] < 1 || c->info.dim > INT32_MAX / dim[i])
            return pf__fail(err, PF_DATA, "%s: /data/sample_shape is no shape", c->info.path);
        c->info.sample.dim[i] = dim[i];
        c->info.dim *= dim[i];
    }
    return PF_OK;
}

static pf_status read_scaling(pf_checkpoint *c, pf_error *err) {
    pf__h5_info mean, deviation;
    PF__TRY(pf__h5_describe(c->file, "/data/mean", &mean, err));
    PF__TRY(pf__h5_describe(c->file, "/data/deviation", &deviation, err));
    int64_t count = pf_shape_count(&mean.shape);
    if (count != pf_shape_count(&deviation.shape) || (count != 1 && count != c->info.dim))
        return pf__fail(err, PF_DATA, "%s: /data/mean and /data/deviation do not fit the sample's shape",
                        c->info.path);
    PF__TRY(pf__scaling_reserve(&c->scaling, count, err));
    PF__TRY(pf__h5_read(c->file, "/data/mean", PF_F64, c->scaling.mean, err));
    return pf__h5_read(c->file, "/data/deviation", PF_F64, c->scaling.deviation, err);
}

static pf_status read_data(pf_checkpoint *c, pf_error *err) {
    double is_u8 = 0;
    int64_t classes = 0;
    char *sha256;
    PF__TRY(read_shape(c, err));
    PF__TRY(read_scaling(c, err));
    PF__TRY(number(c, "/data/scale_factor", &c->info.scale_factor, err));
    PF__TRY(number(c, "/data/add_offset", &c->info.add_offset, err));
    PF__TRY(number(c, "/data/is_u8", &is_u8, err));
    PF__TRY(whole(c, "/data/class_count", &classes, err));
    bool found;
    PF__TRY(pf__h5_exists(c->file, "/data/block_rows", &found, err));
    if (found) PF__TRY(whole(c, "/data/block_rows", &c->block_rows, err));
    PF__TRY(pf__h5_read_text(c->file, "/data/sha256", &sha256, err));
    copy_text(c->info.data_sha256, sizeof c->info.data_sha256, sha256);
    c->info.is_u8 = is_u8 != 0;
    c->info.class_count = classes < INT32_MAX ? (int)classes : 0;
    return PF_OK;
}

static pf_status read_state(pf_checkpoint *c, pf_error *err) {
    char *method, *model, *hash;
    PF__TRY(pf__h5_get_text(c->file, "/", "content_hash", &hash, err));
    copy_text(c->hash, sizeof c->hash, hash);
    PF__TRY(provenance(c, "/teacher/identity", c->teacher, sizeof c->teacher, err));
    PF__TRY(provenance(c, "/provenance/teacher", c->teacher_path, sizeof c->teacher_path, err));
    PF__TRY(whole(c, "/train/step", &c->info.step, err));
    PF__TRY(whole(c, "/train/samples_seen", &c->info.samples_seen, err));
    PF__TRY(pf__h5_get_text(c->file, "/", "method", &method, err));
    copy_text(c->info.method, sizeof c->info.method, method);
    PF__TRY(pf__h5_get_text(c->file, "/", "model", &model, err));
    copy_text(c->info.model, sizeof c->info.model, model);
    PF__TRY(pf__h5_read_text(c->file, "/config", &c->config, err));
    PF__TRY(pf__h5_read_text(c->file, "/plan/choices", &c->choices, err));
    pf_checkpoint_info *i = &c->info;
    PF__TRY(provenance(c, "/provenance/created", i->created, sizeof i->created, err));
    PF__TRY(provenance(c, "/provenance/version", i->version, sizeof i->version, err));
    PF__TRY(provenance(c, "/provenance/device", i->device, sizeof i->device, err));
    PF__TRY(provenance(c, "/provenance/driver", i->driver, sizeof i->driver, err));
    PF__TRY(provenance(c, "/provenance/host", i->host, sizeof i->host, err));
    bool timed;
    PF__TRY(pf__h5_exists(c->file, "/provenance/seconds", &timed, err));
    return timed ? number(c, "/provenance/seconds", &i->seconds, err) : PF_OK;
}

typedef struct tensor_visit {
    pf_checkpoint *c;
    pf_error *err;
} tensor_visit;

static pf_status add_tensor(void *user, const char *path, const pf__h5_info *info) {
    tensor_visit *v = user;
    pf_checkpoint *c = v->c;
    size_t n = (size_t)c->info.tensor_count;
    pf_checkpoint_tensor *list = realloc(c->tensors, (n + 1) * sizeof *list);
    if (list) c->tensors = list;
    char *copy = list ? strdup(path + strlen("/model/")) : NULL;
    if (!copy) return pf__fail_memory(v->err, "list of tensors", (n + 1) * sizeof *list);
    list[n] = (pf_checkpoint_tensor){
        .path = copy, .shape = info->shape, .count = pf_shape_count(&info->shape)};
    c->info.tensor_count++;
    c->info.parameter_count += list[n].count;
    return PF_OK;
}

/* Rates are the names between "/ema/" and the next '/'. */
static pf_status add_rate(void *user, const char *path, const pf__h5_info *info) {
    (void)info;
    tensor_visit *v = user;
    pf_checkpoint_info *i = &v->c->info;
    const char *name = path + strlen("/ema/");
    int length = (int)strcspn(name, "/");
    char rate[32];
    snprintf(rate, sizeof rate, "%.*s", length, name);
    for (int k = 0; k < i->ema_count; k++)
        if (strcmp(i->ema[k], rate) == 0) return PF_OK;
    if (i->ema_count < PF_EMA_MAX) memcpy(i->ema[i->ema_count++], rate, sizeof rate);
    return PF_OK;
}

static pf_status read_all(pf_checkpoint *c, pf_error *err) {
    tensor_visit visit = {c, err};
    PF__TRY(verify_open(c->file, c->info.path, err));
    PF__TRY(pf__h5_each(c->file, "/model", add_tensor, &visit, err));
    bool averaged;
    PF__TRY(pf__h5_exists(c->file, "/ema", &averaged, err));
    if (averaged) PF__TRY(pf__h5_each(c->file, "/ema", add_rate, &visit, err));
    PF__TRY(read_data(c, err));
    return read_state(c, err);
}

static pf_status open_file(const char *path, pf_checkpoint **out, pf_error *err) {
    pf_checkpoint *c = calloc(1, sizeof *c);
    if (!c) return pf__fail_memory(err, path, sizeof *c);
    if (snprintf(c->info.path, sizeof c->info.path, "%s", path) >= (int)sizeof c->info.path) {
        pf_checkpoint_close(&c);
        return pf__hint(err,
                        pf__fail(err, PF_USAGE, "the path of a checkpoint is longer than %zu bytes",
                                 sizeof c->info.path - 1),
                        "change into its folder first");
    }
    pf_status st = pf__h5_open(path, &c->file, err);
    if (st == PF_OK) st = read_all(c, err);
    if (st != PF_OK) {
        pf_checkpoint_close(&c);
        return st;
    }
    *out = c;
    return PF_OK;
}

/* The newest that verifies; with it, or when none does, the newest one's message. */
static pf_status open_newest(const char *folder, pf_checkpoint **out, pf_error *err) {
    char **paths;
    int count;
    PF__TRY(pf__folder_checkpoints(folder, &paths, &count, err));
    pf_status st = PF_DATA;
    if (count == 0) {
        st = pf__fail(err, PF_DATA, "%s: no checkpoint in this folder", folder);
        st = pf__hint(err, st,
                      "a run folder has checkpoints/step_*.h5; train first: pushforward train --out %s",
                      folder);
    }
    pf_error first = {0};
    for (int i = count; i-- > 0 && st != PF_OK;) {
        pf_error one = {0};
        st = open_file(paths[i], out, &one);
        if (i == count - 1) first = one;
        if (st != PF_OK && err) *err = st == PF_DATA ? first : one;
        if (st != PF_OK && st != PF_DATA) break;
    }
    if (st == PF_OK) snprintf((*out)->info.passed_over, sizeof(*out)->info.passed_over, "%s", first.message);
    pf__folder_free_paths(paths, count);
    return st;
}

pf_status pf_checkpoint_open(const char *path, pf_checkpoint **out, pf_error *error) {
    *out = NULL;
    return pf__is_folder(path) ? open_newest(path, out, error) : open_file(path, out, error);
}

void pf_checkpoint_close(pf_checkpoint **checkpoint) {
    if (!checkpoint || !*checkpoint) return;
    pf_checkpoint *c = *checkpoint;
    if (c->file) pf__h5_close(&c->file, NULL);
    for (int i = 0; i < c->info.tensor_count; i++) free((char *)(uintptr_t)c->tensors[i].path);
    free(c->tensors);
    pf__scaling_free(&c->scaling);
    free(c->config);
    free(c->choices);
    free(c);
    *checkpoint = NULL;
}

const pf_checkpoint_info *pf_checkpoint_describe(const pf_checkpoint *checkpoint) {
    return &checkpoint->info;
}

const char *pf_checkpoint_config(const pf_checkpoint *checkpoint) {
    return checkpoint->config;
}

pf_status pf__checkpoint_weights(const pf_checkpoint_info *c, const char *asked, char name[32],
                                 pf_error *err) {
    const char *found = *asked ? asked : "none";
    double longest = -1, rate;
    for (int i = 0; !*asked && i < c->ema_count; i++)
        if (pf__parse_real(c->ema[i], &rate) && rate > longest) {
            longest = rate;
            found = c->ema[i];
        }
    bool known = strcmp(found, "none") == 0 || strcmp(found, "initial") == 0;
    for (int i = 0; i < c->ema_count; i++) known = known || strcmp(c->ema[i], found) == 0;
    snprintf(name, 32, "%s", found);
    if (known) return PF_OK;
    pf__text rates = {0};
    for (int i = 0; i < c->ema_count; i++) pf__text_format(&rates, ", %s", c->ema[i]);
    pf_status st = pf__fail(err, PF_USAGE, "%s: there are no averaged weights '%s'", c->path, found);
    st = pf__hint(err, st, "this checkpoint has: none, initial%s", pf__text_string(&rates));
    pf__text_free(&rates);
    return st;
}

const char *pf__checkpoint_hash(const pf_checkpoint *c) {
    return c->hash;
}

const char *pf__checkpoint_teacher(const pf_checkpoint *c) {
    return c->teacher;
}

const char *pf__checkpoint_teacher_path(const pf_checkpoint *c) {
    return c->teacher_path;
}

const char *pf__checkpoint_choices(const pf_checkpoint *c) {
    return c->choices;
}

int64_t pf__checkpoint_block_rows(const pf_checkpoint *c) {
    return c->block_rows;
}

void pf_checkpoint_scaling(const pf_checkpoint *checkpoint, const double **mean, const double **deviation,
                           int64_t *count) {
    *mean = checkpoint->scaling.mean;
    *deviation = checkpoint->scaling.deviation;
    *count = checkpoint->scaling.count;
}

pf_checkpoint_tensor pf_checkpoint_tensor_at(const pf_checkpoint *checkpoint, int i) {
    assert(i >= 0 && i < checkpoint->info.tensor_count);
    return checkpoint->tensors[i];
}

/* ---- tensors ---- */

pf_status pf_checkpoint_read(pf_checkpoint *checkpoint, const char *weights, const char *path, float *data,
                             pf_error *error) {
    char full[512];
    bool model = strcmp(weights, "model") == 0 || strcmp(weights, "none") == 0;
    snprintf(full, sizeof full, model ? "/model/%s%s" : "/ema/%s/%s", model ? "" : weights, path);
    return pf__h5_read(checkpoint->file, full, PF_F32, data, error);
}

static bool same_shape(const pf_shape *a, const pf_shape *b) {
    if (a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i]) return false;
    return true;
}

pf_status pf__checkpoint_read_flat(pf_checkpoint *c, const char *group, const pf__params *params, float *flat,
                                   pf_error *err) {
    char path[512];
    memset(flat, 0, (size_t)params->flat_count * sizeof *flat);
    for (int i = 0; i < params->count; i++) {
        const pf__param *p = &params->list[i];
        pf__h5_info info;
        snprintf(path, sizeof path, "%s/%s", group, p->path);
        pf_status st = pf__h5_describe(c->file, path, &info, err);
        if (st != PF_OK)
            return pf__hint(err, st,
                            "the checkpoint belongs to another model: keep the [model] options and the "
                            "train.ema it was trained with");
        if (!same_shape(&info.shape, &p->shape)) {
            st = pf__fail(err, PF_DATA, "%s: %s has another shape than this configuration's network",
                          c->info.path, path);
            return pf__hint(
                err, st,
                "the checkpoint belongs to another model: keep the [model] options it was trained with");
        }
        PF__TRY(pf__h5_read(c->file, path, PF_F32, flat + p->offset, err));
    }
    return PF_OK;
}
