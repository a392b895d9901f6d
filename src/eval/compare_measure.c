/* SPDX-License-Identifier: MIT
 * What a finished run comes to: samples of each number of evaluations, their distance to real draws, their
 * modes, a picture of them; and what the training took. It is kept in measured/ with a mark of what it is of.
 */
#include "base/clock.h"
#include "base/file.h"
#include "eval/compare.h"
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOISE_SEED = 1, SAMPLE_BATCH = 4096, MODE_REFERENCES = 4096, SIDE = 156, GRID = 64, MARK = 256 };

/* ---- paths ---- */

static char *path_of(const pf_compare *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
static char *path_of(const pf_compare *c, const char *format, ...) {
    char name[3 * PF__COMPARE_NAME + 64];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    return pf__path_join(c->folder, name);
}

char *pf__compare_picture_path(const pf_compare *c, const pf_compare_row *row, int nfe) {
    return path_of(c, "pictures/%s-%s-%" PRIu64 "-%d.png", row->data, row->name, row->seed, nfe);
}

char *pf__compare_data_picture_path(const pf_compare *c, const pf__compare_set *set) {
    return path_of(c, "pictures/%s.png", set->name);
}

static char *measured_path(const pf_compare *c, const pf_compare_row *row) {
    return path_of(c, "measured/%s-%s-%" PRIu64 ".json", row->data, row->name, row->seed);
}

/* ---- pictures ---- */

/* All pictures of a set have the limits of its real draws. */
static pf_scatter_desc limits_of(const pf__draws *d) {
    pf_scatter_desc s = {.side = SIDE, .no_axes = 1, .style = PF_SCATTER_DENSITY};
    if (d->dim < 2) return (pf_scatter_desc){.side = SIDE, .no_axes = 1};
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (int64_t i = 0; i < 2 * d->count; i++) {
        const double value = (double)d->x[i / 2 * d->dim + i % 2];
        low[i % 2] = fmin(low[i % 2], value);
        high[i % 2] = fmax(high[i % 2], value);
    }
    const double half = fmax(0.6 * fmax(high[0] - low[0], high[1] - low[1]), 1e-6);
    s.x_min = (low[0] + high[0]) / 2 - half;
    s.x_max = (low[0] + high[0]) / 2 + half;
    s.y_min = (low[1] + high[1]) / 2 - half;
    s.y_max = (low[1] + high[1]) / 2 + half;
    return s;
}

static pf_status draw_picture(const char *path, const pf__draws *d, float *x, const char *made_by,
                              pf_error *err) {
    const pf_scatter_desc scatter = limits_of(d);
    pf_samples samples = {.count = d->count, .dim = d->dim, .sample = d->sample, .x = x};
    if (d->sample.rank == 3 && samples.count > GRID) samples.count = GRID;
    const char *text[] = {"made_by", made_by, NULL};
    pf_picture picture;
    if (!path) return pf__fail_memory(err, "a picture", 0);
    PF__TRY(pf__samples_draw(&samples, d->is_u8, d->scale_factor, d->add_offset, &scatter, &picture, err));
    pf_status st = pf_draw_png_write(path, &picture, text, err);
    pf_draw_free(&picture);
    return st;
}

pf_status pf__compare_picture(const pf_compare *c, const pf__compare_set *set, pf_error *err) {
    char *path = pf__compare_data_picture_path(c, set);
    pf_status st = draw_picture(path, &set->draws, set->draws.x, "real draws", err);
    free(path);
    return st;
}

/* ---- measuring ---- */

typedef struct bench {
    const pf_compare *c;
    const pf__draws *draws;
    pf_compare_row *row;
    pf_context *context;
    pf_checkpoint *checkpoint;
    float *noise, *x; /* [count, the sampler's noise_dim], [count, dim] */
    int32_t *label;   /* [count] of conditional models, or NULL */
} bench;

static pf_status reserve(bench *b, pf_error *err) {
    const pf__draws *d = b->draws;
    const size_t n = (size_t)(d->count * d->dim);
    const int classes = pf_checkpoint_describe(b->checkpoint)->class_count;
    b->x = malloc(n * sizeof *b->x);
    b->label = classes ? malloc((size_t)d->count * sizeof *b->label) : NULL;
    if (!b->x || (classes && !b->label)) return pf__fail_memory(err, "samples", n * sizeof *b->x);
    for (int64_t i = 0; b->label && i < d->count; i++) b->label[i] = (int32_t)(i % classes);
    return PF_OK;
}

/* Anew for each sampler: a method may make its samples of more noise than they have numbers. */
static pf_status make_noise(bench *b, const pf_sampler *sampler, pf_error *err) {
    const int64_t count = b->draws->count, dim = pf_sampler_describe(sampler)->noise_dim;
    const size_t bytes = (size_t)(count * dim) * sizeof *b->noise;
    free(b->noise);
    b->noise = malloc(bytes);
    if (!b->noise) return pf__fail_memory(err, "noise", bytes);
    if (b->c->balanced && pf__noise_can_balance(dim, count))
        pf__noise_balanced(NOISE_SEED, count, b->noise);
    else
        pf_sampler_noise(sampler, NOISE_SEED, 0, count, b->noise);
    return PF_OK;
}

static pf_status draw_samples(bench *b, pf_compare_quality *q, pf_error *err) {
    const pf__draws *d = b->draws;
    pf_sampler *sampler = NULL;
    pf_sampler_desc desc = {.context = b->context,
                            .checkpoint = b->checkpoint,
                            .nfe = q->nfe,
                            .solver = strcmp(q->solver, "map") == 0 ? NULL : q->solver,
                            .batch = d->count < SAMPLE_BATCH ? d->count : SAMPLE_BATCH};
    PF__TRY(pf_sampler_create(&sampler, &desc, err));
    pf_status st = make_noise(b, sampler, err);
    pf_sampler_renew(sampler, NOISE_SEED, 0);
    const double begun = pf__seconds();
    if (st == PF_OK) st = pf_sampler_run(sampler, b->noise, b->label, d->count, b->x, err);
    q->seconds = pf__seconds() - begun;
    pf_sampler_destroy(&sampler);
    return st;
}

static pf_status measure_one(bench *b, pf_compare_quality *q, pf_error *err) {
    const pf__draws *d = b->draws;
    q->sliced_w2 = NAN;
    if (!*q->solver) return PF_OK;
    PF__TRY(draw_samples(b, q, err));
    PF__TRY(pf_sliced_w2(b->x, d->x, d->count, d->dim, b->c->slices, &q->sliced_w2, err));
    if (!isfinite(q->sliced_w2))
        return pf__hint(
            err,
            pf__fail(err, PF_NAN, "%s: samples of %d evaluations are not finite", b->row->folder, q->nfe),
            "lower its learning rate under [compare.%s]", b->row->name);
    const int64_t references = d->count < MODE_REFERENCES ? d->count : MODE_REFERENCES;
    if (d->modes)
        PF__TRY(
            pf_mode_coverage(b->x, d->count, d->x, d->mode, references, d->dim, d->modes, &q->modes, err));
    char made_by[128];
    snprintf(made_by, sizeof made_by, "%s, seed %" PRIu64 ", evaluations %d (%s)", b->row->name, b->row->seed,
             q->nfe, q->solver);
    char *path = pf__compare_picture_path(b->c, b->row, q->nfe);
    pf_status st = draw_picture(path, d, b->x, made_by, err);
    free(path);
    return st;
}

/* ---- cost ---- */

static double number(const cJSON *json, const char *name) {
    const cJSON *n = cJSON_GetObjectItemCaseSensitive(json, name);
    return cJSON_IsNumber(n) ? n->valuedouble : NAN;
}

/* The median time of a step over the lines of metrics.jsonl but the first, which carries what the driver
 * delays; the memory of the last one. */
static pf_status read_cost(pf_compare_row *r, pf_error *err) {
    char *path = pf__path_join(r->folder, "metrics.jsonl"), *text = NULL;
    size_t length = 0;
    pf_status st = path ? pf__file_read(path, &text, &length, err) : pf__fail_memory(err, r->folder, 0);
    double *times = st == PF_OK ? malloc((length + 1) * sizeof *times) : NULL; /* a line has more bytes */
    int64_t count = 0, lines = 0;
    if (st == PF_OK && !times) st = pf__fail_memory(err, path, length * sizeof *times);
    for (const char *line = text; st == PF_OK && *line;) {
        const size_t n = strcspn(line, "\n");
        cJSON *json = cJSON_ParseWithLength(line, n);
        if (!json && n && line[n - 1] == '}')
            st = pf__fail_memory(err, path, n); /* a torn line is passed over */
        const double ms = number(json, "ms_per_step"), bytes = number(json, "memory_bytes");
        cJSON_Delete(json);
        line += n + (line[n] == '\n');
        if (isfinite(bytes)) r->memory_bytes = bytes;
        if (!isfinite(ms)) continue;
        if (lines++ == 1) count = 0;
        times[count++] = 1e-3 * ms;
    }
    r->step_seconds = lines > 1 ? pf_median(times, count) : NAN;
    free(times);
    free(text);
    free(path);
    return st;
}

/* ---- what is kept ---- */

/* What the numbers depend on beside the samples' own seed. */
static void mark_of(const pf_compare *c, pf_checkpoint *checkpoint, const pf__draws *d, char mark[MARK]) {
    int n = snprintf(mark, MARK, "%s %lld %d %s %.9g", pf__checkpoint_hash(checkpoint), (long long)d->count,
                     c->slices, c->balanced ? "balanced" : "plain", d->floor);
    for (int q = 0; q < c->nfe_count; q++) n += snprintf(mark + n, (size_t)(MARK - n), " %d", c->nfe[q]);
}

static pf_status keep(const pf_compare *c, const pf_compare_row *r, const char *mark, pf_error *err) {
    pf__text t = {0};
    pf__text_format(&t, "{\"of\":\"%s\"", mark);
    pf__json_number(&t, "train_seconds", r->train_seconds);
    pf__json_number(&t, "step_seconds", r->step_seconds);
    pf__json_number(&t, "memory_bytes", r->memory_bytes);
    pf__json_number(&t, "parameters", (double)r->parameter_count);
    pf__text_add(&t, ",\"quality\":[");
    for (int i = 0; i < r->quality_count; i++) {
        const pf_compare_quality *q = &r->quality[i];
        pf__text_format(&t, "%s\n{\"nfe\":%d,\"solver\":\"%s\"", i ? "," : "", q->nfe, q->solver);
        pf__json_number(&t, "sliced_w2", q->sliced_w2);
        pf__json_number(&t, "modes", q->modes.modes);
        pf__json_number(&t, "covered", q->modes.covered);
        pf__json_number(&t, "within", q->modes.within);
        pf__json_number(&t, "kl", q->modes.kl);
        pf__json_number(&t, "least_share", q->modes.least_share);
        pf__json_number(&t, "seconds", q->seconds);
        pf__text_add(&t, "}");
    }
    pf__text_add(&t, "]}\n");
    char *path = measured_path(c, r);
    pf_status st = path && !t.failed ? pf__file_write(path, pf__text_string(&t), t.length, err)
                                     : pf__fail_memory(err, "measurements", t.length);
    free(path);
    pf__text_free(&t);
    return st;
}

static int whole(const cJSON *json, const char *name) {
    const double value = number(json, name);
    return value >= 0 && value <= 1e9 ? (int)value : 0;
}

static void take_quality(const cJSON *json, pf_compare_quality *q) {
    const cJSON *solver = cJSON_GetObjectItemCaseSensitive(json, "solver");
    q->nfe = whole(json, "nfe");
    snprintf(q->solver, sizeof q->solver, "%s", cJSON_IsString(solver) ? solver->valuestring : "");
    q->sliced_w2 = number(json, "sliced_w2");
    q->modes = (pf_mode_coverage_result){.modes = whole(json, "modes"),
                                         .covered = whole(json, "covered"),
                                         .within = number(json, "within"),
                                         .kl = number(json, "kl"),
                                         .least_share = number(json, "least_share")};
    q->seconds = number(json, "seconds");
}

/* True when the file is of the same samples, and its pictures are there; anything else is measured again. */
static bool take_kept(const pf_compare *c, pf_compare_row *r, const char *mark) {
    char *path = measured_path(c, r), *text = NULL;
    size_t length;
    if (!path || !pf__file_exists(path) || pf__file_read(path, &text, &length, NULL) != PF_OK) {
        free(path);
        return false;
    }
    cJSON *json = cJSON_Parse(text);
    const cJSON *of = cJSON_GetObjectItemCaseSensitive(json, "of"),
                *quality = cJSON_GetObjectItemCaseSensitive(json, "quality");
    bool same = cJSON_IsString(of) && strcmp(of->valuestring, mark) == 0 &&
                cJSON_GetArraySize(quality) == r->quality_count;
    for (int i = 0; same && i < r->quality_count; i++) {
        take_quality(cJSON_GetArrayItem(quality, i), &r->quality[i]);
        char *picture = pf__compare_picture_path(c, r, r->quality[i].nfe);
        same = !*r->quality[i].solver || (picture && pf__file_exists(picture));
        free(picture);
    }
    cJSON_Delete(json);
    free(text);
    free(path);
    return same;
}

/* ---- a row ---- */

static pf_status measure(bench *b, const pf_compare_run_desc *d, pf_error *err) {
    PF__TRY(reserve(b, err));
    for (int q = 0; q < b->row->quality_count; q++) {
        if (d->stop && *d->stop)
            return pf__fail(err, PF_INTERRUPTED, "interrupted while %s of %s was measured", b->row->name,
                            b->row->data);
        PF__TRY(measure_one(b, &b->row->quality[q], err));
    }
    return PF_OK;
}

pf_status pf__compare_measure(pf_compare *c, int row, const pf_compare_run_desc *d, pf_error *err) {
    pf_compare_row *r = &c->rows[row];
    bench b = {.c = c, .draws = &c->set[pf__compare_set_of(c, row)].draws, .row = r, .context = d->context};
    char mark[MARK];
    PF__TRY(pf_checkpoint_open(r->folder, &b.checkpoint, err));
    const pf_checkpoint_info *i = pf_checkpoint_describe(b.checkpoint);
    r->train_seconds = i->seconds;
    r->parameter_count = i->parameter_count;
    mark_of(c, b.checkpoint, b.draws, mark);
    pf_status st = read_cost(r, err);
    if (st == PF_OK && !take_kept(c, r, mark)) {
        if (d->stage) d->stage(d->user, r, row, PF_COMPARE_MEASURES);
        st = measure(&b, d, err);
        if (st == PF_OK) st = keep(c, r, mark, err);
    }
    r->done = st == PF_OK;
    free(b.noise);
    free(b.x);
    free(b.label);
    pf_checkpoint_close(&b.checkpoint);
    return st;
}
