/* SPDX-License-Identifier: MIT
 * Building a trainer: data, network, plans, memory. */
#include "base/clock.h"
#include "base/file.h"
#include "base/philox.h"
#include "run/run.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *matmul(const pf_trainer *t) {
    return pf__config_text(t->config->raw, "runtime.matmul");
}

static size_t flat_bytes(const pf_trainer *t) {
    return (size_t)t->model.params.flat_count * sizeof(float);
}

static pf__loader_desc loader_desc(const pf_trainer *t) {
    const pf__config *c = t->config->raw;
    const pf__needs *needs = &t->model.needs;
    const int classes = t->model.net.class_count;
    bool windowed = strcmp(pf__config_text(c, "data.shuffle"), "window") == 0;
    return (pf__loader_desc){.batch = t->options.batch,
                             .seed = t->options.seed,
                             .first_step = t->step,
                             .slots = PF__LOADER_SLOTS,
                             .window_bytes = windowed ? pf__config_int(c, "data.window") << 20 : 0,
                             .block_rows = windowed ? t->block_rows : 0,
                             .stored = needs->noise == PF__NOISE_STORED,
                             .transport = needs->noise == PF__NOISE_TRANSPORT,
                             .by_class = classes > 0,
                             .groups = !classes || !needs->by_class ? 0
                                       : needs->groups              ? needs->groups
                                                                    : classes,
                             .affine = t->scaling.count};
}

static pf_status check_labels(const pf_trainer *t, pf_error *err) {
    const pf__config *c = t->config->raw;
    if (!t->model.net.class_count || !t->model.needs.by_class || pf__config_real(c, "data.label_drop") <= 0)
        return PF_OK;
    return pf__hint(err,
                    pf__fail(err, PF_USAGE,
                             "%s: data.label_drop: %s learns nothing from samples without their label",
                             pf__config_origin(c, "data.label_drop"), t->model.method->name),
                    "leave data.label_drop out");
}

static pf_status open_data(pf_trainer *t, pf_error *err) {
    const pf__config *c = t->config->raw;
    const char *path = pf__config_text(c, "data.path");
    if (!*path)
        return pf__hint(err, pf__fail(err, PF_USAGE, "no data set is given"),
                        "--data FILE, or path = FILE under [data]; make one: pushforward data make "
                        "8gaussians 8gaussians.h5");
    PF__TRY(pf_dataset_open(path, &t->dataset, err));
    const pf_dataset_info *info = pf_dataset_describe(t->dataset);
    bool labels = pf__config_bool(c, "data.labels");
    if (info->train_count < 2)
        return pf__hint(err, pf__fail(err, PF_DATA, "%s: /train/x has one sample", path),
                        "there is no distribution to learn from one sample; 2 are the least");
    if (labels && !info->class_count)
        return pf__hint(
            err, pf__fail(err, PF_DATA, "%s: data.labels is true and the data set has no labels", path),
            "set data.labels = false");
    PF__TRY(pf__model_create(&t->model, t->config, &info->sample, labels ? info->class_count : 0, err));
    PF__TRY(check_labels(t, err));
    pf__loader_desc loader = loader_desc(t);
    PF__TRY(pf__loader_check(t->dataset, &loader, err));
    if (info->has_noise && t->model.needs.noise != PF__NOISE_STORED)
        pf__log(t->context, PF_LOG_NOTICE,
                "%s holds the noise that its samples were made of, and this training does not use it "
                "(method = flow, method.pairing = stored does)",
                path);
    return pf__scaling_measure(&t->scaling, t->dataset, path, pf__config_bool(c, "data.standardize"), err);
}

static pf_status open_teacher(pf_trainer *t, const pf_trainer_desc *d, pf_error *err) {
    if (!t->model.needs.teacher || d->teacher_velocity) return PF_OK;
    return pf__teacher_open(&t->teacher, t->config->raw, t->dataset, &t->scaling, t->model.net.class_count,
                            err);
}

typedef struct wanted {
    pf__buffer **buffer;
    size_t bytes;
    const char *what;
} wanted;

static pf_status reserve(pf_trainer *t, pf_error *err) {
    const pf_dataset_info *info = pf_dataset_describe(t->dataset);
    size_t flat = flat_bytes(t), batch = (size_t)t->options.batch,
           row = (size_t)t->scaling.count * sizeof(float);
    wanted list[] = {
        {&t->params, flat, "parameters"},
        {&t->m, flat, "first moments"},
        {&t->v, flat, "second moments"},
        {&t->x, batch * (size_t)info->dim * pf_dtype_bytes(info->dtype), "a batch"},
        {&t->y, batch * sizeof(int32_t), "labels of a batch"},
        {&t->scale, row, "scale of the data"},
        {&t->shift, row, "shift of the data"},
        {&t->metrics, (size_t)t->metric_count * sizeof(float), "metrics"},
        {&t->sums, ((size_t)t->metric_count + 2) * sizeof(float), "sums of metrics"},
        {&t->bad, sizeof(float), "flag"},
        {&t->bad_next, sizeof(float), "flag"},
        {&t->block, PF__STEP_WORDS * sizeof(uint32_t), "step block"},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        PF__TRY(pf__buffer_create(t->context, list[i].bytes, list[i].what, list[i].buffer, err));
    for (int i = 0; i < t->options.ema_count; i++)
        PF__TRY(pf__buffer_create(t->context, flat, "averaged parameters", &t->ema[i], err));
    if (t->model.needs.target)
        PF__TRY(pf__buffer_create(t->context, flat, "parameters of the target", &t->target, err));
    if (t->model.needs.noise != PF__NOISE_INDEPENDENT)
        PF__TRY(pf__buffer_create(t->context, batch * (size_t)info->dim * sizeof(float), "noise of a batch",
                                  &t->noise, err));
    size_t host = flat * (size_t)pf__trainer_flats(t);
    t->host = calloc(1, host);
    return t->host ? PF_OK : pf__fail_memory(err, "parameters on the host", host);
}

static pf_status upload_scaling(pf_trainer *t, const pf__loss_desc *d, pf_error *err) {
    size_t bytes = (size_t)t->scaling.count * sizeof(float);
    float *affine = pf__loss_affine(d, err);
    if (!affine) return PF_MEMORY;
    pf_status st = pf__buffer_write(t->scale, 0, affine, bytes, true, err);
    if (st == PF_OK) st = pf__buffer_write(t->shift, 0, affine + t->scaling.count, bytes, true, err);
    free(affine);
    return st;
}

static pf_status compile_loss(pf_trainer *t, const pf__loss *l, pf_error *err) {
    const pf__params *params = &t->model.params;
    pf__binds binds = {0};
    pf__binds_add(&binds, "data/x", t->x, 0);
    pf__binds_add(&binds, "data/y", t->y, 0);
    if (t->noise) pf__binds_add(&binds, "noise", t->noise, 0);
    pf__binds_add(&binds, "data/scale", t->scale, 0);
    pf__binds_add(&binds, "data/shift", t->shift, 0);
    pf__binds_add_group(&binds, params, PF__STUDENT, t->params);
    if (t->target) pf__binds_add_group(&binds, params, PF__TARGET, t->target);
    if (t->teacher) pf__teacher_bind(t->teacher, &binds);
    pf__output *outputs = calloc((size_t)params->count + 1, sizeof *outputs);
    pf_status st = outputs && !binds.failed ? PF_OK : pf__fail_memory(err, "bindings", sizeof *outputs);
    int n = 0;
    for (int i = 0; st == PF_OK && i < params->count; i++)
        if (l->gradient[i])
            outputs[n++] = (pf__output){
                .value = l->gradient[i], .offset = params->list[i].offset, .at_front = true};
    if (st == PF_OK) {
        outputs[n++] = (pf__output){.value = l->metrics, .buffer = t->metrics};
        pf__plan_desc desc = {
            .name = "train",
            .context = t->context,
            .graph = l->g,
            .outputs = outputs,
            .output_count = n,
            .binds = binds.list,
            .bind_count = binds.count,
            .front_words = params->flat_count,
            .step_block = t->block,
            .matmul = matmul(t),
        };
        st = pf__plan_create(&t->loss, &desc, err);
        if (st == PF_OK) t->grads = pf__buffer_retain(pf__plan_arena(t->loss));
    }
    free(outputs);
    pf__binds_free(&binds);
    return st;
}

static pf_status compile_optimiser(pf_trainer *t, pf_error *err) {
    pf__optimiser_desc desc = {
        .context = t->context,
        .options = &t->options,
        .flat_count = t->model.params.flat_count,
        .metric_count = t->metric_count,
        .params = t->params,
        .grads = t->grads,
        .m = t->m,
        .v = t->v,
        .metrics = t->metrics,
        .sums = t->sums,
        .bad = t->bad,
        .bad_next = t->bad_next,
        .step_block = t->block,
        .target = t->target,
    };
    memcpy(desc.ema, t->ema, sizeof desc.ema);
    return pf__optimiser_create(&t->optimiser, &desc, err);
}

static pf_status compile(pf_trainer *t, const pf_trainer_desc *d, pf_error *err) {
    pf__loss_desc desc = {
        .context = t->context,
        .model = &t->model,
        .data = pf_dataset_describe(t->dataset),
        .scaling = &t->scaling,
        .batch = t->options.batch,
        .matmul = matmul(t),
        .teacher_velocity = t->teacher ? pf__teacher_velocity : d->teacher_velocity,
        .teacher = t->teacher ? t->teacher : d->teacher,
    };
    pf__loss loss;
    PF__TRY(pf__loss_build(&loss, &desc, err));
    t->metric_count = loss.metric_count;
    memcpy(t->metric_name, loss.metric_name, sizeof t->metric_name);
    pf_status st = reserve(t, err);
    if (st == PF_OK && t->teacher) st = pf__teacher_load(t->teacher, t->context, err);
    if (st == PF_OK) st = upload_scaling(t, &desc, err);
    if (st == PF_OK) st = compile_loss(t, &loss, err);
    pf__loss_free(&loss);
    return st == PF_OK ? compile_optimiser(t, err) : st;
}

/* The texts that every checkpoint of the run holds. */
static pf_status fix_texts(pf_trainer *t, pf_error *err) {
    pf__text config = {0}, choices = {0};
    pf__config_print(t->config->raw, false, true, &config);
    pf__plan_choices(t->loss, &choices);
    pf__plan_choices(t->optimiser, &choices);
    t->config_text = config.failed ? NULL : strdup(pf__text_string(&config));
    t->choices = choices.failed ? NULL : strdup(pf__text_string(&choices));
    pf__text_free(&config);
    pf__text_free(&choices);
    return t->config_text && t->choices ? PF_OK : pf__fail_memory(err, "configuration", 0);
}

/* The averaged copy that pictures are made with, or the parameters. */
static pf_status preview_weights(const pf_trainer *t, pf__buffer **out, pf_error *err) {
    const char *name = pf__config_text(t->config->raw, "sample.ema");
    int longest = -1;
    *out = t->params;
    if (strcmp(name, "none") == 0) return PF_OK;
    for (int i = 0; i < t->options.ema_count; i++) {
        if (*name && strcmp(name, t->options.ema_name[i]) == 0) longest = i;
        if (!*name && (longest < 0 || t->options.ema[i] > t->options.ema[longest])) longest = i;
    }
    if (*name && longest < 0)
        return pf__hint(err,
                        pf__fail(err, PF_USAGE, "%s: sample.ema = %s is none of train.ema",
                                 pf__config_origin(t->config->raw, "sample.ema"), name),
                        "train.ema = %s", pf__config_text(t->config->raw, "train.ema"));
    if (longest >= 0) *out = t->ema[longest];
    return PF_OK;
}

static pf_status draw_noise(pf_trainer *t, pf_error *err) {
    const pf__config *c = t->config->raw;
    pf_samples *s = &t->samples;
    uint64_t seed = (uint64_t)pf__config_int(c, "sample.seed");
    uint32_t stream = pf__stream("noise/sample");
    s->count = pf__config_int(c, "sample.count");
    s->sample = t->model.net.sample;
    s->dim = pf_shape_count(&s->sample);
    s->noise_dim = pf_shape_count(&t->model.net.source);
    const size_t n = (size_t)(s->count * s->dim), m = (size_t)(s->count * s->noise_dim);
    s->x = malloc(n * sizeof *s->x);
    s->noise = malloc(m * sizeof *s->noise);
    if (t->model.net.class_count) s->label = malloc((size_t)s->count * sizeof *s->label);
    if (!s->x || !s->noise || (t->model.net.class_count && !s->label))
        return pf__fail_memory(err, "samples", 4 * (n + m));
    for (int64_t i = 0; i < s->count; i++) {
        if (s->label) s->label[i] = (int32_t)(i % t->model.net.class_count);
        for (int64_t k = 0; k < s->noise_dim; k++)
            s->noise[i * s->noise_dim + k] = (float)pf__random_normal(seed, stream, (uint64_t)i, (uint32_t)k);
    }
    return PF_OK;
}

static pf_status build_preview(pf_trainer *t, pf_error *err) {
    const pf__config *c = t->config->raw;
    pf__evaluator_desc desc = {.context = t->context, .model = &t->model, .matmul = matmul(t)};
    PF__TRY(preview_weights(t, &desc.weights, err));
    PF__TRY(pf__sampling_plan(t->model.method, c, &(pf__sampling){0}, &desc.sampling, err));
    PF__TRY(draw_noise(t, err));
    desc.batch = pf__config_int(c, "sample.batch");
    if (desc.batch > t->samples.count) desc.batch = t->samples.count;
    PF__TRY(pf__evaluator_create(&t->preview, &desc, err));
    pf__evaluator_renew(t->preview, (uint64_t)pf__config_int(c, "sample.seed"), 0);
    return PF_OK;
}

static pf_status check_memory(const pf_trainer *t, pf_error *err) {
    pf_trainer_info i = pf_trainer_describe(t);
    double limit = pf__config_real(t->config->raw, "runtime.memory") * (double)i.device_bytes;
    if (!i.device_bytes || (double)i.total_bytes <= limit) return PF_OK;
    pf_status st = pf__fail(
        err, PF_MEMORY,
        "the training needs %.0f MiB of the device's %.0f MiB: activations and "
        "gradients %.0f, parameters and moments %.0f, averages %.0f",
        (double)i.total_bytes / 0x1p20, (double)i.device_bytes / 0x1p20, (double)i.arena_bytes / 0x1p20,
        (double)(i.parameter_bytes + i.moment_bytes) / 0x1p20, (double)i.ema_bytes / 0x1p20);
    return pf__hint(err, st, "try train.batch = %lld, or raise runtime.memory",
                    (long long)(t->options.batch > 1 ? t->options.batch / 2 : 1));
}

static pf_status start_fresh(pf_trainer *t, pf_error *err) {
    size_t n = t->model.params.flat_count;
    pf__params_initialise(&t->model.params, t->options.seed, t->host);
    memset(t->host + n, 0, 2 * flat_bytes(t));
    for (int i = 3; i < pf__trainer_flats(t); i++) memcpy(t->host + (size_t)i * n, t->host, flat_bytes(t));
    return pf__trainer_upload(t, err);
}

/* The run's own copy, from which --resume reads. */
static pf_status write_config(const pf_trainer *t, pf_error *err) {
    pf__text text = {0};
    char *path = pf__path_join(t->folder.path, "config.ini");
    pf__config_print(t->config->raw, false, false, &text);
    pf_status st = path && !text.failed ? pf__file_write(path, pf__text_string(&text), text.length, err)
                                        : pf__fail_memory(err, "config.ini", text.length);
    pf__text_free(&text);
    free(path);
    return st;
}

/* What the folder holds of later steps than the one resumed at: it happens again, or otherwise. */
static pf_status go_back(pf_trainer *t, pf_error *err) {
    int aside = pf__folder_set_aside(t->folder.path, t->step);
    if (aside) {
        pf__log(t->context, PF_LOG_NOTICE, "%d later or damaged checkpoint%s renamed to step_*.h5.old", aside,
                aside == 1 ? " is" : "s are");
        pf__folder_log(&t->folder, "%d checkpoints after step %lld are renamed to step_*.h5.old", aside,
                       (long long)t->step);
    }
    return pf__metrics_rewind(t->folder.path, t->step, err);
}

static pf_status create_loader(pf_trainer *t, pf_error *err) {
    pf__loader_desc loader = loader_desc(t);
    float *affine = pf__loss_affine(
        &(pf__loss_desc){.data = pf_dataset_describe(t->dataset), .scaling = &t->scaling}, err);
    if (!affine) return PF_MEMORY;
    loader.scale = affine;
    loader.shift = affine + t->scaling.count;
    pf_status st = pf__loader_create(t->dataset, &loader, &t->loader, err);
    free(affine);
    return st;
}

/* Everything that can fail for reasons of its own is done: the folder may change. */
static pf_status begin(pf_trainer *t, pf_run_folder how, pf_error *err) {
    PF__TRY(create_loader(t, err));
    PF__TRY(pf__folder_begin(&t->folder, how, err));
    if (how == PF_FOLDER_RESUME) PF__TRY(go_back(t, err));
    PF__TRY(write_config(t, err));
    pf__folder_log(&t->folder, "%s at step %lld of %lld on %s",
                   how == PF_FOLDER_RESUME ? "resumed" : "started", (long long)t->step,
                   (long long)t->options.steps, pf_context_device(t->context)->name);
    return PF_OK;
}

static pf_status build(pf_trainer *t, const pf_trainer_desc *d, pf_error *err) {
    bool resume = d->folder && d->open == PF_FOLDER_RESUME;
    PF__TRY(pf__train_options_get(&t->options, t->config->raw, err));
    PF__TRY(open_data(t, err));
    PF__TRY(open_teacher(t, d, err));
    if (d->folder) PF__TRY(pf__folder_open(&t->folder, d->folder, d->open, err));
    PF__TRY(compile(t, d, err));
    PF__TRY(fix_texts(t, err));
    if (resume)
        PF__TRY(pf__trainer_resume(t, d->checkpoint ? d->checkpoint : d->folder, err));
    else
        PF__TRY(start_fresh(t, err));
    t->first_step = t->interval_step = t->step;
    if (d->folder) PF__TRY(build_preview(t, err));
    PF__TRY(check_memory(t, err));
    return d->folder ? begin(t, d->open, err) : PF_OK;
}

pf_status pf_trainer_create(pf_trainer **out, const pf_trainer_desc *desc, pf_error *error) {
    assert(desc->context && desc->config && desc->config->method);
    *out = NULL;
    pf_trainer *t = calloc(1, sizeof *t);
    if (!t) return pf__fail_memory(error, "trainer", sizeof *t);
    t->context = desc->context;
    t->config = desc->config;
    t->folder.lock = -1;
    t->saved_step = -1;
    pf_status st = build(t, desc, error);
    if (st != PF_OK) {
        pf_trainer_destroy(&t);
        return st;
    }
    *out = t;
    return PF_OK;
}

void pf_trainer_destroy(pf_trainer **trainer) {
    if (!trainer || !*trainer) return;
    pf_trainer *t = *trainer;
    pf__context_finish(t->context, NULL); /* batches of the loader may still be on their way */
    pf__loader_destroy(&t->loader);
    pf__evaluator_destroy(&t->preview);
    pf__plan_destroy(&t->loss);
    pf__plan_destroy(&t->optimiser);
    pf__teacher_close(&t->teacher);
    pf__buffer **buffers[] = {&t->params, &t->grads,  &t->m,        &t->v,      &t->x,
                              &t->y,      &t->scale,  &t->shift,    &t->block,  &t->metrics,
                              &t->sums,   &t->bad,    &t->bad_next, &t->ema[0], &t->ema[1],
                              &t->ema[2], &t->ema[3], &t->target,   &t->noise};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++) pf__buffer_release(buffers[i]);
    pf__model_free(&t->model);
    pf__scaling_free(&t->scaling);
    pf_dataset_close(&t->dataset);
    pf__folder_close(&t->folder);
    pf_samples_free(&t->samples);
    free(t->host);
    free(t->config_text);
    free(t->choices);
    free(t->checkpoint);
    free(t);
    *trainer = NULL;
}

pf_trainer_info pf_trainer_describe(const pf_trainer *t) {
    const pf_dataset_info *data = pf_dataset_describe(t->dataset);
    pf__plan_report loss = pf__plan_describe(t->loss), optimiser = pf__plan_describe(t->optimiser);
    uint64_t flat = flat_bytes(t);
    pf_trainer_info i = {
        .step = t->step,
        .steps = t->options.steps,
        .batch = t->options.batch,
        .dim = data->dim,
        .train_count = data->train_count,
        .test_count = data->test_count,
        .parameter_count = pf__params_total(&t->model.params),
        .launches = loss.launches + optimiser.launches,
        .launches_unfused = loss.unfused + optimiser.unfused,
        .flops = loss.flops + optimiser.flops,
        .parameter_bytes = flat,
        .moment_bytes = 2 * flat,
        .ema_bytes = flat * (uint64_t)(pf__trainer_flats(t) - 3),
        .arena_bytes = loss.arena_bytes + optimiser.arena_bytes,
        .arena_bound_bytes = loss.lower_bound_bytes + optimiser.lower_bound_bytes,
        .arena_sum_bytes = loss.sum_bytes + optimiser.sum_bytes,
        .arena_unfused_bytes = loss.unfused_bytes + optimiser.unfused_bytes,
        .batch_bytes = pf__buffer_bytes(t->x) + pf__buffer_bytes(t->y) +
                       (t->noise ? pf__buffer_bytes(t->noise) : 0),
        .total_bytes = pf_context_count(t->context).bytes,
        .device_bytes = pf_context_device(t->context)->memory_bytes,
    };
    uint64_t named = i.parameter_bytes + i.moment_bytes + i.ema_bytes + i.arena_bytes + i.batch_bytes;
    i.other_bytes = i.total_bytes > named ? i.total_bytes - named : 0;
    return i;
}

char *pf_trainer_launches(const pf_trainer *trainer) {
    pf__text text = {0};
    pf__plan_print(trainer->loss, &text);
    pf__plan_print(trainer->optimiser, &text);
    char *copy = text.failed ? NULL : strdup(pf__text_string(&text));
    pf__text_free(&text);
    return copy;
}
