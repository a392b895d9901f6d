/* SPDX-License-Identifier: MIT
 * Dormand and Prince's pair of orders 5 and 4, from t = 1 to 0, with steps of its own for each sample.
 *
 *   stage s    point <- x + h sum_j a[s][j] k_j,  time <- t + c[s] h,  k_s <- velocity     s = 1 .. 6
 *   error      root mean square over a sample's numbers of h sum_j e[j] k_j / (atol + rtol max(|x|, |point|))
 *   advance    where error <= 1: x <- point, k_0 <- k_6, t <- t + h
 *
 * The norm is of one sample and so are t and h: what becomes of a sample does not depend on the others of its
 * batch, and the same samples come out whatever the batch. The price is that samples that have arrived are
 * evaluated on (with h = 0) until the last one is there.
 *
 * First step: Hairer, Noersett, Wanner, Solving ODEs I, II.4. Next ones: 0.9 error^(-1/5) times as long, at
 * least 1/5 and at most 10 times, and not longer after a step that was refused. */
#include "run/run.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STAGES       PF__STAGES_MAX
#define ATTEMPTS_MAX 1000 /* of steps, in one batch */
#define NODE         (STAGES - 1)

struct pf__dopri5 {
    pf__dopri5_desc d;
    const pf__solver *solver;
    int64_t batch, dim;
    pf__buffer *k[STAGES], *t, *h, *error, *accept, *weights; /* rows [B]; a stage's weights and node [7] */
    pf__plan *combine, *measure, *advance;
    float *host_t, *host_h, *host_error; /* [B]; h > 0 here, the device has -h */
    float *host_accept;                  /* [B]: 1 where the step is taken */
    bool *refused;                       /* [B]: the last attempt was */
    float *states[2];                    /* [B, dim] */
};

static const char *const k_name[STAGES] = {"k/0", "k/1", "k/2", "k/3", "k/4", "k/5", "k/6"};

/* ---- plans ---- */

/* A graph under construction and what its inputs are bound to. */
typedef struct draft {
    pf_graph *g;
    pf__binds binds;
    pf_shape state, rows;
} draft;

static pf_value input(draft *b, const char *name, pf__buffer *buffer, pf_shape shape) {
    pf__binds_add(&b->binds, name, buffer, 0);
    return pf_input(b->g, name, PF_F32, shape);
}

static pf_status finish(pf__dopri5 *d, draft *b, const char *name, const pf__output *outputs, int count,
                        pf__plan **out, pf_error *err) {
    pf_status st = pf_graph_check(b->g, err);
    if (st == PF_OK && b->binds.failed) st = pf__fail_memory(err, "bindings", sizeof(pf__bind));
    pf__plan_desc desc = {
        .name = name,
        .context = d->d.context,
        .graph = b->g,
        .outputs = outputs,
        .output_count = count,
        .binds = b->binds.list,
        .bind_count = b->binds.count,
    };
    if (st == PF_OK) st = pf__plan_create(out, &desc, err);
    pf__binds_free(&b->binds);
    pf_graph_destroy(&b->g);
    return st;
}

static pf_status begin(const pf__dopri5 *d, draft *b, pf_error *err) {
    *b = (draft){.state = d->d.state, .rows = pf_shape_of(1, (int)d->batch)};
    return pf_graph_create(&b->g, err);
}

/* point <- x + h sum weights k, time <- t + node h */
static pf_status compile_combine(pf__dopri5 *d, pf_error *err) {
    static const char *const w_name[STAGES] = {"w/0", "w/1", "w/2", "w/3", "w/4", "w/5", "node"};
    draft b;
    PF__TRY(begin(d, &b, err));
    pf_value h = input(&b, "h", d->h, b.rows), t = input(&b, "t", d->t, b.rows), sum = 0, node = 0;
    for (int j = 0; j < STAGES; j++) {
        pf_value w = pf_input(b.g, w_name[j], PF_F32, pf_shape_of(0));
        pf__binds_add(&b.binds, w_name[j], d->weights, (uint32_t)j);
        if (j == NODE)
            node = w;
        else
            sum = pf_add(b.g, sum, pf_mul(b.g, input(&b, k_name[j], d->k[j], b.state), w));
    }
    pf_value step = pf_mul(b.g, sum, pf_per_sample(b.g, h, b.state.rank));
    pf_value point = pf_add(b.g, input(&b, "x", d->d.x, b.state), step);
    pf_value time = pf_add(b.g, t, pf_mul(b.g, h, node));
    pf__output outputs[] = {{.value = point, .buffer = d->d.point}, {.value = time, .buffer = d->d.time}};
    return finish(d, &b, "dopri5 stage", outputs, 2, &d->combine, err);
}

static pf_status compile_measure(pf__dopri5 *d, pf_error *err) {
    draft b;
    PF__TRY(begin(d, &b, err));
    pf_value sum = 0, h = input(&b, "h", d->h, b.rows);
    for (int j = 0; j < STAGES; j++)
        if (d->solver->e[j] != 0)
            sum = pf_add(b.g, sum,
                         pf_mul_number(b.g, input(&b, k_name[j], d->k[j], b.state), d->solver->e[j]));
    pf_value x = pf_abs(b.g, input(&b, "x", d->d.x, b.state)),
             point = pf_abs(b.g, input(&b, "point", d->d.point, b.state));
    pf_value scale = pf_add_number(b.g, pf_mul_number(b.g, pf_max(b.g, x, point), d->d.rtol), d->d.atol);
    pf_value part = pf_div(b.g, pf_mul(b.g, sum, pf_per_sample(b.g, h, b.state.rank)), scale);
    pf_value mean = pf_mul_number(b.g, pf_sum_per_sample(b.g, pf_square(b.g, part)), 1.0 / (double)d->dim);
    pf__output output = {.value = pf_sqrt(b.g, mean), .buffer = d->error};
    return finish(d, &b, "dopri5 error", &output, 1, &d->measure, err);
}

/* velocity <- x and k_1 <- k_0 of the next step: both are free by then. */
static pf_status compile_advance(pf__dopri5 *d, pf_error *err) {
    draft b;
    PF__TRY(begin(d, &b, err));
    pf_value accept = input(&b, "accept", d->accept, b.rows);
    accept = pf_per_sample(b.g, accept, b.state.rank);
    pf_value x = input(&b, "x", d->d.x, b.state), point = input(&b, "point", d->d.point, b.state),
             k0 = input(&b, k_name[0], d->k[0], b.state),
             k6 = input(&b, k_name[STAGES - 1], d->k[STAGES - 1], b.state);
    pf__output outputs[] = {{.value = pf_select(b.g, accept, point, x), .buffer = d->d.velocity},
                            {.value = pf_select(b.g, accept, k6, k0), .buffer = d->k[1]}};
    return finish(d, &b, "dopri5 advance", outputs, 2, &d->advance, err);
}

/* ---- creation ---- */

static pf_status reserve(pf__dopri5 *d, pf_error *err) {
    pf_context *c = d->d.context;
    const size_t row = (size_t)d->batch * sizeof(float), state = row * (size_t)d->dim;
    for (int j = 0; j < STAGES; j++) PF__TRY(pf__buffer_create(c, state, "a solver's stage", &d->k[j], err));
    pf__buffer **rows[] = {&d->t, &d->h, &d->error, &d->accept};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        PF__TRY(pf__buffer_create(c, row, "steps of samples", rows[i], err));
    PF__TRY(pf__buffer_create(c, STAGES * sizeof(float), "weights of a stage", &d->weights, err));
    float **host[] = {&d->host_t, &d->host_h, &d->host_error, &d->host_accept};
    bool good = true;
    for (size_t i = 0; i < sizeof host / sizeof *host; i++)
        good = (*host[i] = calloc((size_t)d->batch, sizeof(float))) != NULL && good;
    for (int i = 0; i < 2; i++) good = (d->states[i] = malloc(state)) != NULL && good;
    d->refused = calloc((size_t)d->batch, sizeof *d->refused);
    good = good && d->refused;
    return good ? PF_OK : pf__fail_memory(err, "samples", 2 * state + 4 * row);
}

pf_status pf__dopri5_create(pf__dopri5 **out, const pf__dopri5_desc *desc, pf_error *err) {
    *out = NULL;
    pf__dopri5 *d = calloc(1, sizeof *d);
    if (!d) return pf__fail_memory(err, "solver", sizeof *d);
    d->d = *desc;
    d->solver = pf__solver_find("dopri5");
    d->batch = desc->state.dim[0];
    d->dim = pf_shape_count(&desc->state) / d->batch;
    pf_status st = reserve(d, err);
    if (st == PF_OK) st = compile_combine(d, err);
    if (st == PF_OK) st = compile_measure(d, err);
    if (st == PF_OK) st = compile_advance(d, err);
    if (st != PF_OK) {
        pf__dopri5_destroy(&d);
        return st;
    }
    *out = d;
    return PF_OK;
}

void pf__dopri5_destroy(pf__dopri5 **solver) {
    pf__dopri5 *d = *solver;
    if (!d) return;
    pf__plan_destroy(&d->combine);
    pf__plan_destroy(&d->measure);
    pf__plan_destroy(&d->advance);
    for (int j = 0; j < STAGES; j++) pf__buffer_release(&d->k[j]);
    pf__buffer **buffers[] = {&d->t, &d->h, &d->error, &d->accept, &d->weights};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++) pf__buffer_release(buffers[i]);
    for (int i = 0; i < 2; i++) free(d->states[i]);
    free(d->host_t);
    free(d->host_h);
    free(d->host_error);
    free(d->host_accept);
    free(d->refused);
    free(d);
    *solver = NULL;
}

/* ---- a step ---- */

/* k_s <- the velocity at stage s. */
static pf_status stage(pf__dopri5 *d, int s, pf_error *err) {
    float weights[STAGES] = {0};
    for (int j = 0; j < NODE; j++) weights[j] = (float)d->solver->a[s][j];
    weights[NODE] = (float)d->solver->c[s];
    PF__TRY(pf__buffer_write(d->weights, 0, weights, sizeof weights, true, err));
    PF__TRY(pf__plan_replay(d->combine, err));
    PF__TRY(d->d.evaluate(d->d.user, err));
    return pf__buffer_copy(d->d.velocity, 0, d->k[s], 0, pf__buffer_bytes(d->k[s]), err);
}

static pf_status write_steps(pf__dopri5 *d, pf_error *err) {
    const size_t bytes = (size_t)d->batch * sizeof(float);
    float *down = d->host_error; /* free until it is read */
    for (int64_t i = 0; i < d->batch; i++) down[i] = -d->host_h[i];
    PF__TRY(pf__buffer_write(d->t, 0, d->host_t, bytes, true, err));
    return pf__buffer_write(d->h, 0, down, bytes, true, err);
}

/* ---- the first step ---- */

/* Root mean square of (a - b) / scale of a sample; b may be NULL. */
static double norm(const pf__dopri5 *d, const float *a, const float *b, const float *x) {
    double sum = 0;
    for (int64_t j = 0; j < d->dim; j++) {
        const double scale = d->d.atol + d->d.rtol * fabs((double)x[j]);
        const double part = ((double)a[j] - (b ? (double)b[j] : 0)) / scale;
        sum += part * part;
    }
    return sqrt(sum / (double)d->dim);
}

/* A step over which a first guess at the curvature counts little; then one by that curvature. */
static pf_status choose_first(pf__dopri5 *d, int64_t rows, pf_error *err) {
    const size_t bytes = pf__buffer_bytes(d->k[0]);
    float *x = d->states[0], *v = d->states[1];
    double *slope = malloc((size_t)rows * sizeof *slope);
    if (!slope) return pf__fail_memory(err, "steps of samples", (unsigned long long)rows * sizeof *slope);
    pf_status st = pf__buffer_read(d->d.x, 0, x, bytes, err);
    if (st == PF_OK) st = pf__buffer_read(d->k[0], 0, v, bytes, err);
    for (int64_t i = 0; i < rows && st == PF_OK; i++) {
        const float *at = x + i * d->dim;
        const double size = norm(d, at, NULL, at);
        slope[i] = norm(d, v + i * d->dim, NULL, at);
        const double guess = size < 1e-5 || slope[i] < 1e-5 ? 1e-6 : 0.01 * size / slope[i];
        d->host_h[i] = (float)fmin(guess, 1);
    }
    float euler[STAGES] = {[0] = 1, [NODE] = 1};
    if (st == PF_OK) st = write_steps(d, err);
    if (st == PF_OK) st = pf__buffer_write(d->weights, 0, euler, sizeof euler, true, err);
    if (st == PF_OK) st = pf__plan_replay(d->combine, err);
    if (st == PF_OK) st = d->d.evaluate(d->d.user, err);
    float *next = NULL;
    if (st == PF_OK && !(next = malloc(bytes))) st = pf__fail_memory(err, "samples", bytes);
    if (st == PF_OK) st = pf__buffer_read(d->d.velocity, 0, next, bytes, err);
    for (int64_t i = 0; i < rows && st == PF_OK; i++) {
        const double guess = d->host_h[i];
        const double bend = norm(d, next + i * d->dim, v + i * d->dim, x + i * d->dim) / guess;
        const double most = fmax(slope[i], bend);
        const double h = most <= 1e-15 ? fmax(1e-6, 1e-3 * guess) : pow(0.01 / most, 0.2);
        d->host_h[i] = (float)fmin(fmin(100 * guess, h), 1);
    }
    free(next);
    free(slope);
    return st;
}

/* ---- from 1 to 0 ---- */

static pf_status start(pf__dopri5 *d, int64_t rows, int *evaluations, pf_error *err) {
    for (int64_t i = 0; i < d->batch; i++) {
        d->host_t[i] = i < rows ? 1 : 0;
        d->host_h[i] = 0;
        d->refused[i] = false;
    }
    for (int j = 0; j < STAGES; j++) /* a weight of 0 does not help against what is not finite */
        PF__TRY(pf__buffer_zero(d->k[j], 0, pf__buffer_bytes(d->k[j]), err));
    PF__TRY(write_steps(d, err));
    PF__TRY(stage(d, 0, err));
    for (int64_t i = 0; i < rows; i++) evaluations[i] = 2;
    return choose_first(d, rows, err);
}

/* What becomes of a sample's step, and how long the next one is. */
static void control(pf__dopri5 *d, int64_t i) {
    const double error = d->host_error[i];
    double factor = error > 0 ? 0.9 * pow(error, -0.2) : 10;
    factor = fmin(fmax(factor, 0.2), d->refused[i] ? 1 : 10);
    d->refused[i] = error > 1;
    if (d->refused[i]) factor = fmin(factor, 0.9);
    if (!d->refused[i]) d->host_t[i] -= d->host_h[i];
    d->host_accept[i] = d->refused[i] ? 0 : 1;
    const double h = factor * d->host_h[i], rest = d->host_t[i];
    d->host_h[i] = h > 0.999 * rest ? d->host_t[i] : (float)h; /* no tiny step at the end */
}

/* One attempt for every sample that is on its way; how many still are. */
static pf_status attempt(pf__dopri5 *d, int64_t rows, uint64_t first, int *evaluations, int64_t *left,
                         pf_error *err) {
    PF__TRY(write_steps(d, err));
    for (int s = 1; s < STAGES; s++) PF__TRY(stage(d, s, err));
    PF__TRY(pf__plan_replay(d->measure, err));
    PF__TRY(pf__buffer_read(d->error, 0, d->host_error, (size_t)d->batch * sizeof(float), err));
    *left = 0;
    for (int64_t i = 0; i < d->batch; i++) {
        d->host_accept[i] = 0;
        if (i >= rows || d->host_t[i] <= 0) continue;
        evaluations[i] += STAGES - 1;
        if (!isfinite(d->host_error[i]))
            return pf__hint(
                err,
                pf__fail(err, PF_NAN,
                         "dopri5: the velocity of sample %llu is not finite between t = %.4g and %.4g",
                         (unsigned long long)first + (unsigned long long)i, (double)d->host_t[i],
                         (double)(d->host_t[i] - d->host_h[i])),
                "the network's training may have diverged: try an earlier checkpoint");
        control(d, i);
        *left += d->host_t[i] > 0;
    }
    PF__TRY(pf__buffer_write(d->accept, 0, d->host_accept, (size_t)d->batch * sizeof(float), true, err));
    PF__TRY(pf__plan_replay(d->advance, err));
    const size_t bytes = pf__buffer_bytes(d->k[0]);
    PF__TRY(pf__buffer_copy(d->d.velocity, 0, d->d.x, 0, bytes, err));
    return pf__buffer_copy(d->k[1], 0, d->k[0], 0, bytes, err);
}

pf_status pf__dopri5_run(pf__dopri5 *d, int64_t rows, uint64_t first, int *evaluations, pf_error *err) {
    int64_t left = rows, slowest = 0;
    PF__TRY(start(d, rows, evaluations, err));
    for (int n = 0; n < ATTEMPTS_MAX && left > 0; n++)
        PF__TRY(attempt(d, rows, first, evaluations, &left, err));
    if (left == 0) return PF_OK;
    for (int64_t i = 1; i < rows; i++)
        if (d->host_t[i] > d->host_t[slowest]) slowest = i;
    return pf__hint(err,
                    pf__fail(err, PF_USAGE, "dopri5: %d steps brought sample %llu from t = 1 to %.4g only",
                             ATTEMPTS_MAX, (unsigned long long)first + (unsigned long long)slowest,
                             (double)d->host_t[slowest]),
                    "raise rtol and atol (%.3g and %.3g), or choose a number of evaluations: rk4 with nfe",
                    d->d.rtol, d->d.atol);
}
