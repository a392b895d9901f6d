/* SPDX-License-Identifier: MIT
 * Held-out flow-matching error of a network beside that of the best affine predictor.
 *
 * With data of mean m and covariance C = Q diag(l) Q^T, x_t = (1-t) a + t b and the target b - a, the best
 * affine prediction is -m + Q diag((t - (1-t) l) / ((1-t)^2 l + t^2)) Q^T (x_t - (1-t) m) for each t. Errors
 * are invariant under Q, so the affine one is computed in the coordinates of Q, where it is diagonal. */
#include "base/error.h"
#include "base/philox.h"
#include "pushforward/eval.h"
#include <assert.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct affine {
    int64_t dim;
    double *mean, *eigenvalue, *vector; /* vector [dim, dim]: row k is an eigenvector */
} affine;

static void affine_free(affine *f) {
    free(f->mean);
    free(f->eigenvalue);
    free(f->vector);
}

/* c[i][j] += sum over rows of x_i x_j for j >= i; four rows at a time share the traffic on c. */
static void add_products(const double *x, int64_t rows, int64_t dim, double *c) {
    assert(rows % 4 == 0);
    for (int64_t r = 0; r < rows; r += 4) {
        const double *a = x + r * dim, *b = a + dim, *d = b + dim, *e = d + dim;
        for (int64_t i = 0; i < dim; i++) {
            double ai = a[i], bi = b[i], di = d[i], ei = e[i], *restrict row = c + i * dim;
            for (int64_t j = i; j < dim; j++) row[j] += ai * a[j] + bi * b[j] + di * d[j] + ei * e[j];
        }
    }
}

enum { CHUNK = 256 };

typedef struct fit_work {
    float *x;  /* [CHUNK, dim] */
    double *y; /* [CHUNK, dim] */
    int64_t count;
} fit_work;

/* Calls for every chunk of the first training rows, standardised; the chunk is zero-padded to CHUNK rows
 * after `centre` was taken off. */
static pf_status each_chunk(pf_sampler *s, pf_dataset *data, affine *f, fit_work *w, bool second,
                            pf_error *err) {
    int64_t dim = f->dim;
    for (int64_t first = 0; first < w->count; first += CHUNK) {
        int64_t rows = w->count - first < CHUNK ? w->count - first : CHUNK;
        PF__TRY(pf_dataset_read(data, PF_TRAIN, first, rows, w->x, NULL, err));
        pf_sampler_standardise(s, rows, w->x);
        if (!second) {
            for (int64_t i = 0; i < rows * dim; i++) f->mean[i % dim] += (double)w->x[i] / (double)w->count;
            continue;
        }
        memset(w->y, 0, (size_t)(CHUNK * dim) * sizeof *w->y);
        for (int64_t i = 0; i < rows * dim; i++) w->y[i] = (double)w->x[i] - f->mean[i % dim];
        add_products(w->y, CHUNK, dim, f->vector);
    }
    return PF_OK;
}

static pf_status eigen(affine *f, int64_t count, pf_error *err) {
    int64_t n = f->dim;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = i; j < n; j++) f->vector[j * n + i] = f->vector[i * n + j] /= (double)count;
    /* column-major, so that eigenvector k comes out as row k of ours */
    lapack_int info = LAPACKE_dsyev(LAPACK_COL_MAJOR, 'V', 'U', (lapack_int)n, f->vector, (lapack_int)n,
                                    f->eigenvalue);
    if (info != 0)
        return pf__fail(err, PF_SYSTEM, "eigenvalues of the data's covariance: LAPACK dsyev returned %d",
                        (int)info);
    for (int64_t i = 0; i < n; i++) f->eigenvalue[i] = fmax(f->eigenvalue[i], 0);
    return PF_OK;
}

static pf_status fit(pf_sampler *s, pf_dataset *data, int64_t count, affine *f, pf_error *err) {
    int64_t dim = f->dim;
    fit_work w = {.count = count};
    w.x = malloc((size_t)(CHUNK * dim) * sizeof *w.x);
    w.y = malloc((size_t)(CHUNK * dim) * sizeof *w.y);
    f->mean = calloc((size_t)dim, sizeof *f->mean);
    f->eigenvalue = calloc((size_t)dim, sizeof *f->eigenvalue);
    f->vector = calloc((size_t)(dim * dim), sizeof *f->vector);
    bool good = w.x && w.y && f->mean && f->eigenvalue && f->vector;
    pf_status st = good ? PF_OK
                        : pf__fail_memory(err, "covariance of the data", (unsigned long long)(dim * dim) * 8);
    if (st == PF_OK) st = each_chunk(s, data, f, &w, false, err);
    if (st == PF_OK) st = each_chunk(s, data, f, &w, true, err);
    if (st == PF_OK) st = eigen(f, count, err);
    free(w.x);
    free(w.y);
    return st;
}

/* The held-out set: data and noise in the original coordinates and in those of Q (without the mean). */
typedef struct held {
    int64_t count, dim;
    float *a, *b, *x, *v;
    double *qa, *qb;
    int32_t *label;
} held;

static void held_free(held *h) {
    free(h->a);
    free(h->b);
    free(h->x);
    free(h->v);
    free(h->qa);
    free(h->qb);
    free(h->label);
}

static void rotate(const affine *f, const float *x, const double *centre, int64_t count, double *out) {
    int64_t dim = f->dim;
    for (int64_t i = 0; i < count; i++)
        for (int64_t k = 0; k < dim; k++) {
            const double *q = f->vector + k * dim;
            double sum = 0;
            for (int64_t j = 0; j < dim; j++)
                sum += q[j] * ((double)x[i * dim + j] - (centre ? centre[j] : 0));
            out[i * dim + k] = sum;
        }
}

static pf_status hold(pf_sampler *s, pf_dataset *data, const affine *f, uint64_t seed, held *h,
                      pf_error *err) {
    size_t n = (size_t)(h->count * h->dim);
    float **single[] = {&h->a, &h->b, &h->x, &h->v};
    bool good = true;
    for (int i = 0; i < 4; i++) good = (*single[i] = malloc(n * sizeof(float))) != NULL && good;
    h->qa = malloc(n * sizeof *h->qa);
    h->qb = malloc(n * sizeof *h->qb);
    bool labels = pf_sampler_describe(s)->class_count > 0 && pf_dataset_describe(data)->class_count > 0;
    if (labels) h->label = malloc((size_t)h->count * sizeof *h->label);
    if (!good || !h->qa || !h->qb || (labels && !h->label))
        return pf__fail_memory(err, "held-out samples", n * 32);
    PF__TRY(pf_dataset_read(data, PF_TEST, 0, h->count, h->a, h->label, err));
    pf_sampler_standardise(s, h->count, h->a);
    uint32_t stream = pf__stream("noise/fm_error");
    for (size_t i = 0; i < n; i++)
        h->b[i] = (float)pf__random_normal(seed, stream, i / (size_t)h->dim, (uint32_t)(i % (size_t)h->dim));
    rotate(f, h->a, f->mean, h->count, h->qa);
    rotate(f, h->b, NULL, h->count, h->qb);
    return PF_OK;
}

/* Sums of squared errors at one time. */
static pf_status errors_at(pf_sampler *s, const affine *f, held *h, double t, double sum[3], pf_error *err) {
    int64_t n = h->count * h->dim;
    for (int64_t i = 0; i < n; i++) h->x[i] = (float)((1 - t) * (double)h->a[i] + t * (double)h->b[i]);
    PF__TRY(pf_sampler_velocity(s, h->x, t, h->label, h->count, h->v, err));
    for (int64_t i = 0; i < n; i++) {
        double target = (double)h->b[i] - (double)h->a[i], l = f->eigenvalue[i % h->dim];
        double c = (t - (1 - t) * l) / ((1 - t) * (1 - t) * l + t * t);
        double off = c * ((1 - t) * h->qa[i] + t * h->qb[i]) - (h->qb[i] - h->qa[i]); /* the means cancel */
        sum[0] += ((double)h->v[i] - target) * ((double)h->v[i] - target);
        sum[1] += off * off;
        sum[2] += target * target;
    }
    return PF_OK;
}

pf_status pf_flow_matching_error(pf_sampler *sampler, pf_dataset *dataset, const pf_fm_error_desc *desc,
                                 pf_fm_error *out, pf_error *error) {
    static const pf_fm_error_desc defaults = {0};
    if (!desc) desc = &defaults;
    const pf_dataset_info *info = pf_dataset_describe(dataset);
    const pf_sampler_info *net = pf_sampler_describe(sampler);
    if (info->dim != net->dim)
        return pf__fail(error, PF_DATA, "the data set has samples of %lld numbers, the network of %lld",
                        (long long)info->dim, (long long)net->dim);
    if (info->test_count < 1)
        return pf__hint(error, pf__fail(error, PF_DATA, "the data set has no test part"),
                        "import it with a test fraction");
    int64_t count = desc->count > 0 ? desc->count : 1024,
            fit_count = desc->fit_count > 0 ? desc->fit_count : 20000;
    if (count > info->test_count) count = info->test_count;
    if (fit_count > info->train_count) fit_count = info->train_count;
    *out = (pf_fm_error){.count = count, .times = desc->times > 0 ? desc->times : 16};
    affine f = {.dim = info->dim};
    held h = {.count = count, .dim = info->dim};
    double sum[3] = {0};
    pf_status st = fit(sampler, dataset, fit_count, &f, error);
    if (st == PF_OK) st = hold(sampler, dataset, &f, desc->seed ? desc->seed : 1, &h, error);
    for (int i = 0; i < out->times && st == PF_OK; i++)
        st = errors_at(sampler, &f, &h, (i + 0.5) / out->times, sum, error);
    double scale = 1 / ((double)count * (double)info->dim * out->times);
    out->model = sum[0] * scale;
    out->affine = sum[1] * scale;
    out->zero = sum[2] * scale;
    held_free(&h);
    affine_free(&f);
    return st;
}
