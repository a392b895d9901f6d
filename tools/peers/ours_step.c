/* SPDX-License-Identifier: MIT
 * The trainer as our side of tools/peers/step: whole steps, loader and optimiser included. */
#include "base/clock.h"
#include "base/philox.h"
#include "ours.h"
#include "run/run.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct serving {
    pf_trainer *trainer;
    const char *folder;
    double begun;
    int64_t until;
    volatile sig_atomic_t stop;
    bool first;
    long long resident_start; /* bytes, before the trainer */
} serving;

static long long resident(void) {
    long long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f && fscanf(f, "%*d %lld", &pages) != 1) pages = 0;
    if (f) fclose(f);
    return pages * sysconf(_SC_PAGESIZE);
}

static bool dump(const serving *s, const char *name, const float *data, size_t count) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s.f32", s->folder, name);
    FILE *f = fopen(path, "wb");
    bool good = f && fwrite(data, sizeof *data, count, f) == count;
    if (f) good = fclose(f) == 0 && good;
    return good;
}

/* The numbers of a random leaf in step 0. */
static bool dump_random(const serving *s, const char *stream, int64_t columns, bool normal) {
    const pf_trainer *t = s->trainer;
    const size_t count = (size_t)(t->options.batch * columns);
    float *x = malloc(count * sizeof *x);
    char name[64];
    if (!x) return false;
    for (size_t i = 0; i < count; i++) {
        const uint64_t row = i / (size_t)columns;
        const uint32_t e = (uint32_t)(i % (size_t)columns);
        x[i] = (float)(normal ? pf__random_normal(t->options.seed, pf__stream(stream), row, e)
                              : pf__random_uniform(t->options.seed, pf__stream(stream), row, e));
    }
    snprintf(name, sizeof name, "%s", stream);
    for (char *c = name; *c; c++)
        if (*c == '/') *c = '_';
    bool good = dump(s, name, x, count);
    free(x);
    return good;
}

/* The first batch, standardised. */
static bool dump_batch(const serving *s) {
    const pf_trainer *t = s->trainer;
    const pf_dataset_info *data = pf_dataset_describe(t->dataset);
    const size_t count = (size_t)(t->options.batch * data->dim);
    void *raw = malloc(count * sizeof(float));
    int32_t *label = malloc((size_t)t->options.batch * sizeof *label);
    float *x = malloc(count * sizeof *x);
    bool good = raw && label && x && pf__loader_gather(t->loader, 0, raw, label, NULL) == PF_OK;
    for (size_t i = 0; good && i < count; i++) {
        const double value = data->dtype == PF_U8
                                 ? ((const uint8_t *)raw)[i] * data->scale_factor + data->add_offset
                                 : (double)((const float *)raw)[i] * data->scale_factor + data->add_offset;
        const int64_t k = t->scaling.count == 1 ? 0 : (int64_t)i % data->dim;
        x[i] = (float)((value - t->scaling.mean[k]) / t->scaling.deviation[k]);
    }
    good = good && dump(s, "data", x, count);
    free(raw);
    free(label);
    free(x);
    return good;
}

static bool dump_all(const serving *s) {
    const pf_trainer *t = s->trainer;
    bool good = dump(s, "params", t->host, t->model.params.flat_count) && dump_batch(s);
    good = good && dump_random(s, "noise", pf_dataset_describe(t->dataset)->dim, true);
    return good && dump_random(s, "time", 1, false) && dump_random(s, "time/r", 1, false);
}

static void describe(const serving *s, double loss) {
    const pf_trainer *t = s->trainer;
    const pf_trainer_info i = pf_trainer_describe(t);
    const pf__plan_report plan = pf__plan_describe(t->loss);
    printf("{\"loss\":%.9g,\"launches\":%d,\"flops\":%.17g,\"arena\":%llu,\"sum\":%llu,\"bound\":%llu,"
           "\"total\":%llu,\"batch\":%llu,\"resident_start\":%lld,\"params\":[",
           loss, i.launches, i.flops, (unsigned long long)plan.arena_bytes,
           (unsigned long long)plan.sum_bytes, (unsigned long long)plan.lower_bound_bytes,
           (unsigned long long)i.total_bytes, (unsigned long long)i.batch_bytes, s->resident_start);
    for (int k = 0; k < t->model.params.count; k++) {
        const pf__param *p = &t->model.params.list[k];
        printf("%s{\"path\":\"%s\",\"offset\":%u,\"shape\":[", k ? "," : "", p->path, p->offset);
        for (int d = 0; d < p->shape.rank; d++) printf("%s%lld", d ? "," : "", (long long)p->shape.dim[d]);
        printf("]}");
    }
    printf("]}\n");
}

/* Called after every step: answers when the asked number of steps is done. */
static void on_progress(void *user, const pf_progress *p) {
    serving *s = user;
    if (p->step < s->until) return;
    pf__context_finish(s->trainer->context, NULL);
    if (s->first) {
        float loss = 0;
        pf__buffer_read(s->trainer->metrics, 0, &loss, sizeof loss, NULL);
        describe(s, (double)loss);
        s->first = false;
    } else {
        printf("%.9g\n", pf__seconds() - s->begun);
    }
    int steps = 0;
    if (!ours_next(&steps)) s->stop = 1;
    s->until = p->step + steps;
    s->begun = pf__seconds();
}

int ours_step(pf_context *context, int argc, char **argv) {
    pf_error error = {0};
    pf_config *config = NULL;
    serving s = {.folder = argv[2], .until = 1, .first = true, .resident_start = resident()};
    char pair[1200];
    pf_status st = pf_config_create(&config, &error);
    if (st == PF_OK) st = pf_config_read(config, argv[0], &error);
    snprintf(pair, sizeof pair, "data.path=%s", argv[1]);
    if (st == PF_OK) st = pf_config_set(config, pair, "--data", &error);
    if (st == PF_OK) st = pf_config_set(config, "train.steps=1000000000", "ours", &error);
    for (int i = 3; i < argc && st == PF_OK; i++) st = pf_config_set(config, argv[i], "--set", &error);
    if (st == PF_OK) st = pf_config_resolve(config, &error);
    pf_trainer_desc desc = {.context = context, .config = config};
    if (st == PF_OK) st = pf_trainer_create(&s.trainer, &desc, &error);
    if (st == PF_OK && !s.trainer->loader) { /* without a folder a trainer makes none */
        pf__loader_desc loader = {
            .batch = s.trainer->options.batch, .seed = s.trainer->options.seed, .slots = PF__LOADER_SLOTS};
        st = pf__loader_create(s.trainer->dataset, &loader, &s.trainer->loader, &error);
    }
    if (st == PF_OK && !dump_all(&s)) st = pf__fail(&error, PF_SYSTEM, "%s: cannot be written", s.folder);
    pf_run_desc run = {.stop = &s.stop, .progress = on_progress, .user = &s};
    if (st == PF_OK) pf_trainer_run(s.trainer, &run, &error); /* ends by `stop`, with nothing to save to */
    if (st != PF_OK) ours_fail(&error);
    pf_trainer_destroy(&s.trainer);
    pf_config_destroy(&config);
    return st == PF_OK ? 0 : 1;
}
