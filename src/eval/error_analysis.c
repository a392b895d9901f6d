/* SPDX-License-Identifier: MIT
 * The error of a learnt map beside the bounds of its two losses, point by point and then as means.
 *
 *   discrete    |g(x_1,1) - x_0| <= sum_n |g(x~_n,t_n) - g(x~_(n-1),t_(n-1))| + |g(x~_0,0) - x~_0| + |x~_0 -
 * x_0| along the path x~ of a solver; N terms of at most eps1 k, k = 1/N, are at most eps1 continuous
 * |g(x_1,1) - x_0| <= |g(x_0,0) - x_0| + int |dg/dt| dt along the exact path x_t
 *
 * The exact path runs once, on the grid of the smallest step over FINER; every other grid is part of it. */
#include "eval/error_analysis.h"
#include "base/error.h"
#include "run/probe.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FINER = 8, EXACT_STEPS = 512, STEPS_MOST = 4096, COUNT_MOST = 1 << 22 };
#define ROUNDING 1e-5 /* of single precision, in holds */

typedef struct analysis {
    pf__velocity *velocity;
    const pf__learnt_map *map;
    const double *noise;
    int64_t count, dim;
    const int *steps;
    int rows;
    double *x, *v, *x0, *end, *last; /* [count, dim]; last: g(x_1, 1) */
    double *error, *scratch;         /* [count] */
    double *coarse, *fine;           /* [rows, count]: integrals of |dg/dt| */
    double work[];                   /* [5 dim] */
} analysis;

static double distance(const double *x, const double *y, int64_t dim) {
    double sum = 0;
    for (int64_t i = 0; i < dim; i++) sum += (x[i] - (y ? y[i] : 0)) * (x[i] - (y ? y[i] : 0));
    return sqrt(sum);
}

static size_t points_bytes(const analysis *a) {
    return (size_t)(a->count * a->dim) * sizeof(double);
}

/* All points by one step. */
static void advance(analysis *a, const pf__solver *solver, double t, double h) {
    for (int64_t p = 0; p < a->count; p++)
        pf__velocity_advance(a->velocity, solver, a->x + p * a->dim, t, h, a->work);
}

/* ---- along the exact path ---- */

/* |dg/dt| at place i of `places`, into the integrals whose grids have it. */
static pf_status add_rate(analysis *a, int i, int places, pf_error *err) {
    const double t = (double)i / places, end = i == 0 || i == places ? 0.5 : 1;
    for (int64_t p = 0; p < a->count; p++)
        pf__velocity_at(a->velocity, a->x + p * a->dim, t, a->v + p * a->dim);
    PF__TRY(a->map->rate(a->map->user, a->x, a->v, t, a->count, a->end, err));
    for (int r = 0; r < a->rows; r++) {
        const int n = a->steps[r];
        const bool on_coarse = i % (places / n) == 0, on_fine = i % (places / n / FINER) == 0;
        for (int64_t p = 0; on_fine && p < a->count; p++) {
            const double rate = distance(a->end + p * a->dim, NULL, a->dim);
            a->fine[r * a->count + p] += end * rate / (n * FINER);
            if (on_coarse) a->coarse[r * a->count + p] += end * rate / n;
        }
    }
    return PF_OK;
}

static pf_status follow(analysis *a, pf_error *err) {
    const pf__solver *rk4 = pf__solver_find("rk4");
    const int places = FINER * a->steps[a->rows - 1], parts = (EXACT_STEPS + places - 1) / places;
    const double h = -1.0 / ((double)places * parts);
    memcpy(a->x, a->noise, points_bytes(a));
    PF__TRY(a->map->end(a->map->user, a->x, 1, a->count, a->last, err));
    for (int i = places;; i--) {
        PF__TRY(add_rate(a, i, places, err));
        if (i == 0) break;
        for (int j = 0; j < parts; j++) advance(a, rk4, (double)i / places + j * h, h);
    }
    memcpy(a->x0, a->x, points_bytes(a));
    return PF_OK;
}

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(analysis *a, pf_error_analysis *out) {
    int64_t same = 0;
    double sum = 0;
    for (int64_t p = 0; p < a->count; p++) {
        const double *mapped = a->last + p * a->dim, *exact = a->x0 + p * a->dim;
        sum += a->error[p] = distance(mapped, exact, a->dim);
        same += pf__velocity_nearest(a->velocity, mapped) == pf__velocity_nearest(a->velocity, exact);
    }
    memcpy(a->scratch, a->error, (size_t)a->count * sizeof *a->scratch);
    qsort(a->scratch, (size_t)a->count, sizeof *a->scratch, by_value);
    out->mean = sum / (double)a->count;
    out->median = (a->scratch[(a->count - 1) / 2] + a->scratch[a->count / 2]) / 2;
    out->upper = a->scratch[(9 * a->count + 9) / 10 - 1];
    out->largest = a->scratch[a->count - 1];
    out->same_mode = (double)same / (double)a->count;
}

static pf_status bound_continuous(analysis *a, pf_error_analysis *out, pf_error *err) {
    PF__TRY(a->map->end(a->map->user, a->x0, 0, a->count, a->end, err));
    for (int r = 0; r < a->rows; r++) {
        pf_continuous_row *row = &out->continuous[r];
        *row = (pf_continuous_row){.steps = a->steps[r]};
        const double each = 1 / (double)a->count;
        for (int64_t p = 0; p < a->count; p++) {
            const double eps2 = distance(a->end + p * a->dim, a->x0 + p * a->dim, a->dim),
                         eps3 = a->coarse[r * a->count + p], fine = a->fine[r * a->count + p];
            row->eps2 += each * eps2;
            row->eps3 += each * eps3;
            row->smoothness += each * (fine - eps3);
            row->holds += a->error[p] <= eps2 + fine + ROUNDING ? each : 0;
        }
        row->bound = row->eps2 + row->eps3 + row->smoothness;
    }
    return PF_OK;
}

/* ---- along a solver's path ---- */

static pf_status walk(analysis *a, const pf__solver *solver, int n, pf_discrete_row *row, pf_error *err) {
    double *before = a->v, *eps1 = a->scratch; /* g at the place before; its largest change */
    memset(eps1, 0, (size_t)a->count * sizeof *eps1);
    memcpy(a->x, a->noise, points_bytes(a));
    memcpy(before, a->last, points_bytes(a));
    for (int i = n; i > 0; i--) {
        advance(a, solver, (double)i / n, -1.0 / n);
        PF__TRY(a->map->end(a->map->user, a->x, (double)(i - 1) / n, a->count, a->end, err));
        for (int64_t p = 0; p < a->count; p++)
            eps1[p] = fmax(eps1[p], n * distance(a->end + p * a->dim, before + p * a->dim, a->dim));
        memcpy(before, a->end, points_bytes(a));
    }
    *row = (pf_discrete_row){.steps = n};
    const double each = 1 / (double)a->count;
    for (int64_t p = 0; p < a->count; p++) {
        const double *x = a->x + p * a->dim;
        const double off = distance(x, a->x0 + p * a->dim, a->dim),
                     eps2 = distance(a->end + p * a->dim, x, a->dim);
        row->eps1 += each * eps1[p];
        row->discretisation += each * off;
        row->eps2 += each * eps2;
        row->holds += a->error[p] <= eps1[p] + off + eps2 + ROUNDING ? each : 0;
    }
    row->bound = row->eps1 + row->discretisation + row->eps2;
    return PF_OK;
}

/* The slope of log(error) over log(k), by least squares. */
static double order_of(const pf_discrete_row *row, int rows) {
    double x = 0, y = 0, xx = 0, xy = 0;
    for (int r = 0; r < rows; r++) {
        const double u = -log(row[r].steps), w = log(row[r].discretisation);
        x += u / rows, y += w / rows, xx += u * u / rows, xy += u * w / rows;
    }
    return (xy - x * y) / (xx - x * x);
}

static pf_status bound_discrete(analysis *a, pf_error_analysis *out, pf_error *err) {
    static const char *const names[PF_ANALYSIS_SOLVERS] = {"euler", "heun"};
    for (int s = 0; s < PF_ANALYSIS_SOLVERS; s++) {
        pf_discrete_analysis *d = &out->discrete[s];
        d->solver = names[s];
        for (int r = 0; r < a->rows; r++)
            PF__TRY(walk(a, pf__solver_find(names[s]), a->steps[r], &d->row[r], err));
        d->order = order_of(d->row, a->rows);
    }
    return PF_OK;
}

/* ---- the whole ---- */

static pf_status check_steps(const int *steps, int rows, pf_error *err) {
    bool good = rows >= 2 && rows <= PF_ANALYSIS_ROWS_MAX && steps[0] >= 1 && steps[rows - 1] <= STEPS_MOST;
    for (int r = 1; good && r < rows; r++) good = steps[r] > steps[r - 1];
    if (!good)
        return pf__hint(err,
                        pf__fail(err, PF_USAGE, "numbers of steps must increase: 2 to %d of them in 1 .. %d",
                                 PF_ANALYSIS_ROWS_MAX, STEPS_MOST),
                        "for example 32,64,128,256,512");
    for (int r = 0; r < rows; r++)
        if (steps[rows - 1] % steps[r] != 0)
            return pf__hint(err,
                            pf__fail(err, PF_USAGE, "%d steps do not divide the largest number of steps, %d",
                                     steps[r], steps[rows - 1]),
                            "for example 32,64,128,256,512");
    return PF_OK;
}

static void analysis_free(analysis *a) {
    double *arrays[] = {a->x, a->v, a->x0, a->end, a->last, a->error, a->scratch, a->coarse, a->fine};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) free(arrays[i]);
    free(a);
}

static pf_status analysis_create(analysis **out, int64_t count, int64_t dim, int rows, pf_error *err) {
    analysis *a = calloc(1, sizeof *a + (size_t)(5 * dim) * sizeof *a->work);
    if (!a) return pf__fail_memory(err, "error analysis", sizeof *a);
    const size_t n = (size_t)count, d = (size_t)dim, r = (size_t)rows;
    struct {
        double **array;
        size_t length;
    } wanted[] = {{&a->x, n * d}, {&a->v, n * d},   {&a->x0, n * d},     {&a->end, n * d}, {&a->last, n * d},
                  {&a->error, n}, {&a->scratch, n}, {&a->coarse, r * n}, {&a->fine, r * n}};
    bool good = true;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        good = (*wanted[i].array = calloc(wanted[i].length, sizeof(double))) != NULL && good;
    a->count = count, a->dim = dim, a->rows = rows;
    *out = a;
    if (good) return PF_OK;
    analysis_free(a);
    return pf__fail_memory(err, "points of an error analysis", n * d * 48);
}

pf_status pf__error_analyse(pf__velocity *velocity, const pf__learnt_map *map, const double *noise,
                            int64_t count, const pf_error_analysis_desc *desc, pf_error_analysis *out,
                            pf_error *err) {
    static const int usual[] = {32, 64, 128, 256, 512};
    const int *steps = desc->steps ? desc->steps : usual, rows = desc->steps ? desc->step_count : 5;
    analysis *a = NULL;
    PF__TRY(check_steps(steps, rows, err));
    PF__TRY(analysis_create(&a, count, velocity->dim, rows, err));
    a->velocity = velocity;
    a->map = map;
    a->noise = noise;
    a->steps = steps;
    *out = (pf_error_analysis){.count = count, .row_count = rows};
    pf_status st = follow(a, err);
    if (st == PF_OK) measure(a, out);
    if (st == PF_OK) st = bound_continuous(a, out, err);
    if (st == PF_OK) st = bound_discrete(a, out, err);
    analysis_free(a);
    return st;
}

/* ---- of a sampler ---- */

typedef struct learnt {
    pf__probe *probe;
    float *x, *v, *out; /* [count, dim] */
    int64_t dim;
} learnt;

static void narrow(const double *from, int64_t n, float *to) {
    for (int64_t i = 0; i < n; i++) to[i] = (float)from[i];
}

static pf_status widen(const float *from, int64_t n, double *to, pf_error *err) {
    bool finite = true;
    for (int64_t i = 0; i < n; i++) {
        to[i] = (double)from[i];
        finite = finite && isfinite(to[i]);
    }
    return finite ? PF_OK : pf__fail(err, PF_DATA, "the network yields values that are not finite");
}

static pf_status learnt_end(void *user, const double *x, double t, int64_t count, double *end,
                            pf_error *err) {
    learnt *l = user;
    narrow(x, count * l->dim, l->x);
    PF__TRY(pf__probe_end(l->probe, l->x, t, count, l->out, err));
    return widen(l->out, count * l->dim, end, err);
}

static pf_status learnt_rate(void *user, const double *x, const double *v, double t, int64_t count,
                             double *rate, pf_error *err) {
    learnt *l = user;
    narrow(x, count * l->dim, l->x);
    narrow(v, count * l->dim, l->v);
    PF__TRY(pf__probe_rate(l->probe, l->x, l->v, t, count, l->out, err));
    return widen(l->out, count * l->dim, rate, err);
}

/* Noise [n] as pf_sampler_noise draws it, and room for what passes between host and device. */
static pf_status reserve(learnt *l, const pf_sampler *sampler, uint64_t seed, int64_t count, double **noise,
                         pf_error *err) {
    const size_t n = (size_t)(count * l->dim);
    l->x = malloc(n * sizeof *l->x);
    l->v = malloc(n * sizeof *l->v);
    l->out = malloc(n * sizeof *l->out);
    *noise = malloc(n * sizeof **noise);
    if (!l->x || !l->v || !l->out || !*noise) return pf__fail_memory(err, "noise", n * 20);
    pf_sampler_noise(sampler, seed, 0, count, l->x);
    for (size_t i = 0; i < n; i++) (*noise)[i] = (double)l->x[i];
    return PF_OK;
}

pf_status pf_error_analyse(pf_sampler *sampler, pf_dataset *dataset, const pf_error_analysis_desc *desc,
                           pf_error_analysis *out, pf_error *error) {
    static const pf_error_analysis_desc defaults = {0};
    if (!desc) desc = &defaults;
    const int64_t count = desc->count ? desc->count : 1024, dim = pf_sampler_describe(sampler)->dim;
    const pf__scaling *scaling = pf__sampler_inside(sampler).scaling;
    if (count < 1 || count > COUNT_MOST)
        return pf__fail(error, PF_USAGE, "%lld noise points: 1 to %d can be analysed", (long long)count,
                        COUNT_MOST);
    if (pf_dataset_describe(dataset)->dim != dim)
        return pf__fail(error, PF_DATA, "the data set has samples of %lld numbers, the network of %lld",
                        (long long)pf_dataset_describe(dataset)->dim, (long long)dim);
    learnt l = {.dim = dim};
    double *noise = NULL;
    pf__velocity *velocity = NULL;
    pf_status st = pf__velocity_create(&velocity, dataset, scaling->mean, scaling->deviation, scaling->count,
                                       error);
    if (st == PF_OK) st = pf__probe_create(&l.probe, sampler, error);
    if (st == PF_OK) st = reserve(&l, sampler, desc->seed ? desc->seed : 1, count, &noise, error);
    const pf__learnt_map map = {.end = learnt_end, .rate = learnt_rate, .user = &l};
    if (st == PF_OK) st = pf__error_analyse(velocity, &map, noise, count, desc, out, error);
    pf__probe_destroy(&l.probe);
    pf__velocity_free(&velocity);
    free(l.x);
    free(l.v);
    free(l.out);
    free(noise);
    return st;
}
