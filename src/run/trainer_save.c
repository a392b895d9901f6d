/* SPDX-License-Identifier: MIT
 * A trainer and its files: checkpoints out and in, pictures, the batch of a bad step. */
#include "base/clock.h"
#include "base/file.h"
#include "data/h5.h"
#include "run/run.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The flat buffers in the order of t->host. */
static pf__buffer *flat_buffer(const pf_trainer *t, int i) {
    pf__buffer *fixed[3] = {t->params, t->m, t->v};
    if (i < 3) return fixed[i];
    return i < 3 + t->options.ema_count ? t->ema[i - 3] : t->target;
}

int pf__trainer_flats(const pf_trainer *t) {
    return 3 + t->options.ema_count + (t->model.needs.target ? 1 : 0);
}

static float *flat_host(const pf_trainer *t, int i) {
    return t->host + (size_t)i * t->model.params.flat_count;
}

pf_status pf__trainer_upload(pf_trainer *t, pf_error *err) {
    size_t bytes = (size_t)t->model.params.flat_count * sizeof(float);
    for (int i = 0; i < pf__trainer_flats(t); i++)
        PF__TRY(pf__buffer_write(flat_buffer(t, i), 0, flat_host(t, i), bytes, true, err));
    return PF_OK;
}

static pf_status download(pf_trainer *t, pf_error *err) {
    size_t bytes = (size_t)t->model.params.flat_count * sizeof(float);
    float bad = 0;
    PF__TRY(pf__buffer_read(t->bad, 0, &bad, sizeof bad, err));
    if (bad != 0)
        return pf__fail(err, PF_NAN, "step %" PRId64 ": no checkpoint is written after a bad step", t->step);
    for (int i = 0; i < pf__trainer_flats(t); i++)
        PF__TRY(pf__buffer_read(flat_buffer(t, i), 0, flat_host(t, i), bytes, err));
    return PF_OK;
}

pf_status pf_trainer_save(pf_trainer *t, pf_error *error) {
    if (!t->folder.path) return pf__fail(error, PF_USAGE, "a trainer without a run folder cannot save");
    PF__TRY(download(t, error));
    double now = pf__seconds();
    bool windowed = strcmp(pf__config_text(t->config->raw, "data.shuffle"), "window") == 0;
    pf__checkpoint_content content = {
        .params = &t->model.params,
        .model = flat_host(t, 0),
        .m = flat_host(t, 1),
        .v = flat_host(t, 2),
        .ema_name = (const char(*)[32])t->options.ema_name,
        .ema_count = t->options.ema_count,
        .seed = t->options.seed,
        .step = t->step,
        .batch = t->options.batch,
        .scaling = &t->scaling,
        .data = pf_dataset_describe(t->dataset),
        .class_count = t->model.net.class_count,
        .block_rows = windowed ? pf__loader_block_rows(t->loader) : 0,
        .method = t->model.method->name,
        .model_kind = t->model.net.kind,
        .config = t->config_text,
        .choices = t->choices,
        .seconds = t->seconds_before + (t->run_seconds > 0 ? now - t->run_seconds : 0),
        .device = pf_context_device(t->context),
        .target = t->target ? flat_host(t, 3 + t->options.ema_count) : NULL,
        .teacher = t->model.needs.teacher ? pf__teacher_identity(t->teacher) : NULL,
        .teacher_path = pf__teacher_path(t->teacher),
    };
    for (int i = 0; i < t->options.ema_count; i++) content.ema[i] = flat_host(t, 3 + i);
    char *path = pf__folder_checkpoint(t->folder.path, t->step);
    if (!path) return pf__fail_memory(error, t->folder.path, 64);
    pf_status st = pf__checkpoint_write(path, &content, error);
    t->save_failed = st != PF_OK;
    if (st != PF_OK) {
        free(path);
        return st;
    }
    free(t->checkpoint);
    t->checkpoint = path;
    t->saved_step = t->step;
    pf__folder_prune(t->folder.path, t->options.keep_last, t->options.keep_every);
    pf__folder_log(&t->folder, "saved %s", path);
    return PF_OK;
}

const char *pf_trainer_checkpoint(const pf_trainer *trainer) {
    return trainer->checkpoint ? trainer->checkpoint : "";
}

/* ---- resuming ---- */

static pf_status check_origin(const pf_trainer *t, const pf_checkpoint_info *c, pf_error *err) {
    const pf_dataset_info *data = pf_dataset_describe(t->dataset);
    if (strcmp(c->method, t->model.method->name) != 0)
        return pf__fail(err, PF_USAGE, "%s: trained with the method %s, not %s", c->path, c->method,
                        t->model.method->name);
    if (c->data_sha256[0] && strcmp(c->data_sha256, data->sha256) != 0)
        return pf__hint(err,
                        pf__fail(err, PF_DATA, "%s: trained on another data set than %s", c->path,
                                 pf__config_text(t->config->raw, "data.path")),
                        "name the data set it was trained on with --data");
    if ((double)c->samples_seen != (double)c->step * (double)t->options.batch) /* the file may say anything */
        return pf__hint(err,
                        pf__fail(err, PF_USAGE, "%s: trained with another batch size than %" PRId64, c->path,
                                 t->options.batch),
                        "keep train.batch = %" PRId64,
                        c->step > 0 ? c->samples_seen / c->step : t->options.batch);
    return PF_OK;
}

/* The path of the configuration may hold another training by now. */
static pf_status check_teacher(const pf_trainer *t, const pf_checkpoint *c, pf_error *err) {
    const char *was = pf__checkpoint_teacher(c), *path = pf__checkpoint_teacher_path(c);
    const char *is = t->model.needs.teacher ? pf__teacher_identity(t->teacher) : "";
    if (strcmp(was, is) == 0) return PF_OK;
    pf_status st = pf__fail(err, PF_DATA, "%s: taught by another teacher (%s) than %s (%s)",
                            pf_checkpoint_describe(c)->path, *was ? was : "none",
                            t->teacher ? pf__teacher_path(t->teacher) : "that of this configuration",
                            *is ? is : "none");
    return *path ? pf__hint(err, st, "it was: --set method.teacher=%s", path)
                 : pf__hint(err, st, "keep method.form and method.teacher as they were");
}

static pf_status read_state(pf_trainer *t, pf_checkpoint *c, pf_error *err) {
    const pf__params *params = &t->model.params;
    const pf_checkpoint_info *info = pf_checkpoint_describe(c);
    char group[64];
    PF__TRY(check_origin(t, info, err));
    PF__TRY(check_teacher(t, c, err));
    PF__TRY(pf__checkpoint_read_flat(c, "/model", params, flat_host(t, 0), err));
    PF__TRY(pf__checkpoint_read_flat(c, "/optimizer/m", params, flat_host(t, 1), err));
    PF__TRY(pf__checkpoint_read_flat(c, "/optimizer/v", params, flat_host(t, 2), err));
    for (int i = 0; i < t->options.ema_count; i++) {
        snprintf(group, sizeof group, "/ema/%s", t->options.ema_name[i]);
        PF__TRY(pf__checkpoint_read_flat(c, group, params, flat_host(t, 3 + i), err));
    }
    if (t->target)
        PF__TRY(
            pf__checkpoint_read_flat(c, "/" PF__TARGET, params, flat_host(t, 3 + t->options.ema_count), err));
    t->step = t->saved_step = info->step;
    t->block_rows = pf__checkpoint_block_rows(c);
    t->seconds_before = info->seconds;
    t->checkpoint = strdup(info->path);
    return t->checkpoint ? pf__trainer_upload(t, err) : pf__fail_memory(err, info->path, strlen(info->path));
}

pf_status pf__trainer_resume(pf_trainer *t, const char *path, pf_error *err) {
    pf_checkpoint *c = NULL;
    PF__TRY(pf_checkpoint_open(path, &c, err));
    pf_status st = read_state(t, c, err);
    if (st == PF_OK && strcmp(pf__checkpoint_choices(c), t->choices) != 0) {
        const char *text = "other kernels are chosen than in the checkpoint: the last bits may differ from "
                           "an uninterrupted run";
        pf__log(t->context, PF_LOG_NOTICE, "%s", text);
        pf__folder_log(&t->folder, "%s", text);
    }
    pf_checkpoint_close(&c);
    return st;
}

/* ---- pictures ---- */

pf_status pf__trainer_preview(pf_trainer *t, pf_error *err) {
    if (!t->preview) return PF_OK;
    const pf_dataset_info *data = pf_dataset_describe(t->dataset);
    pf_samples *s = &t->samples;
    char name[64];
    snprintf(name, sizeof name, "samples/step_%08" PRId64 ".png", t->step);
    snprintf(s->header, sizeof s->header, "%s step %" PRId64, t->model.method->name, t->step);
    PF__TRY(pf__evaluator_run(t->preview, s->noise, s->label, s->count, s->x, err));
    pf__scaling_undo(&t->scaling, s->x, s->count, s->dim);
    char *path = pf__path_join(t->folder.path, name);
    if (!path) return pf__fail_memory(err, name, sizeof name);
    pf_status st = pf__samples_picture(path, s, data->dtype == PF_U8, data->scale_factor, data->add_offset,
                                       err);
    free(path);
    return st;
}

/* ---- the batch of a bad step ---- */

static pf_status dump_noise(pf_trainer *t, pf__h5 *file, int64_t step, const pf_shape *shape, pf_error *err) {
    size_t bytes = pf__buffer_bytes(t->noise);
    float *noise = malloc(bytes);
    if (!noise) return pf__fail_memory(err, "debug_step.h5", bytes);
    pf_status st = pf__loader_gather_noise(t->loader, step, noise, err);
    if (st == PF_OK) st = pf__h5_write(file, "/noise", PF_F32, shape, noise, true, err);
    free(noise);
    return st;
}

static pf_status fill_dump(pf_trainer *t, pf__h5 *file, int64_t step, void *x, int32_t *y, pf_error *err) {
    const pf_dataset_info *data = pf_dataset_describe(t->dataset);
    pf_shape shape = {.rank = data->sample.rank + 1}, row = {.rank = 1, .dim = {t->options.batch}};
    shape.dim[0] = t->options.batch;
    for (int i = 0; i < data->sample.rank; i++) shape.dim[i + 1] = data->sample.dim[i];
    PF__TRY(pf__loader_gather(t->loader, step, x, data->class_count ? y : NULL, err));
    PF__TRY(pf__h5_write(file, "/x", data->dtype, &shape, x, true, err));
    if (data->class_count) PF__TRY(pf__h5_write(file, "/y", PF_I32, &row, y, true, err));
    if (t->noise) PF__TRY(dump_noise(t, file, step, &shape, err));
    PF__TRY(pf__h5_set_text(file, "/", "format", "pushforward-debug-step", err));
    PF__TRY(pf__h5_set_int(file, "/", "step", step, err));
    PF__TRY(pf__h5_set_int(file, "/", "seed", (int64_t)t->options.seed, err));
    return pf__h5_set_text(file, "/", "config", t->config_text, err);
}

pf_status pf__trainer_dump(pf_trainer *t, int64_t step, pf_error *err) {
    const pf_dataset_info *data = pf_dataset_describe(t->dataset);
    size_t batch = (size_t)t->options.batch;
    char *path = pf__path_join(t->folder.path, "debug_step.h5");
    void *x = malloc(batch * (size_t)data->dim * pf_dtype_bytes(data->dtype));
    int32_t *y = malloc(batch * sizeof *y);
    pf_status st = path && x && y ? PF_OK : pf__fail_memory(err, "debug_step.h5", batch);
    pf__h5 *file = NULL;
    if (st == PF_OK) st = pf__h5_create(path, &file, err);
    if (st == PF_OK) {
        st = fill_dump(t, file, step, x, y, err);
        pf_status closed = pf__h5_close(&file, st == PF_OK ? err : NULL);
        if (st == PF_OK) st = closed;
    }
    free(y);
    free(x);
    free(path);
    return st;
}
