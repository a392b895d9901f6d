/* SPDX-License-Identifier: MIT
 * The velocity of K Gaussians, each as likely, of one covariance Q^T diag(l) Q, in double and as a graph.
 * With y = Q x, the centres m_k = Q mu_k, and along every axis
 *
 *   e^2 = (1-t)^2 l + t^2,   c = (t - (1-t) l) / e^2,   d_k = y - (1-t) m_k
 *   gamma = softmax_k(-1/2 sum d_k^2 / e^2),   m = sum_k gamma_k m_k
 *   v = Q^T (c (y - (1-t) m) - m) = E[b - a | x_t = x]
 *
 * The differences d_k are squared, not multiplied out: near t = 0 the terms of a product would be thousands
 * of times larger than what they leave. The largest score is taken off before exp. */
#include "run/velocity.h"
#include "base/hash.h"
#include "data/dataset_private.h"
#include <assert.h>
#include <lapacke.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- from a law ---- */

static bool is_diagonal(const double *a, int64_t n) {
    for (int64_t i = 0; i < n * n; i++)
        if (i % n != i / n && a[i] != 0) return false;
    return true;
}

/* covariance [D, D] in standardised units: variances and, where they are others, axes. */
static pf_status find_axes(pf__velocity *v, const double *covariance, pf_error *err) {
    const int64_t n = v->dim;
    if (is_diagonal(covariance, n)) {
        for (int64_t i = 0; i < n; i++) v->variance[i] = covariance[i * n + i];
        return PF_OK;
    }
    v->axes = malloc((size_t)(n * n) * sizeof *v->axes);
    if (!v->axes) return pf__fail_memory(err, "axes of a covariance", (unsigned long long)(n * n) * 8);
    memcpy(v->axes, covariance, (size_t)(n * n) * sizeof *v->axes);
    /* column-major, so that eigenvector k comes out as row k of ours */
    lapack_int info = LAPACKE_dsyev(LAPACK_COL_MAJOR, 'V', 'U', (lapack_int)n, v->axes, (lapack_int)n,
                                    v->variance);
    if (info == 0) return PF_OK;
    return pf__fail(err, PF_SYSTEM, "axes of a covariance: LAPACK dsyev returned %d", (int)info);
}

static void to_axes(const pf__velocity *v, const double *x, double *y) {
    for (int64_t k = 0; k < v->dim; k++) {
        double sum = v->axes ? 0 : x[k];
        for (int64_t i = 0; v->axes && i < v->dim; i++) sum += v->axes[k * v->dim + i] * x[i];
        y[k] = sum;
    }
}

static pf_status fill(pf__velocity *v, const pf__law *law, const char *name, const double *mean,
                      const double *deviation, int64_t scales, pf_error *err) {
    const int64_t n = v->dim;
    double *covariance = malloc((size_t)(n * n) * sizeof *covariance), least = INFINITY;
    if (!covariance) return pf__fail_memory(err, "covariance", (unsigned long long)(n * n) * 8);
    for (int64_t i = 0; i < n * n; i++)
        covariance[i] = law->covariance[i] / (deviation[i / n % scales] * deviation[i % n % scales]);
    pf_status st = find_axes(v, covariance, err);
    free(covariance);
    for (int64_t i = 0; i < n; i++) least = fmin(least, v->variance[i]);
    if (st == PF_OK && !(least > 0))
        return pf__hint(err,
                        pf__fail(err, PF_DATA,
                                 "%s: the velocity of this data set is not bounded at t = 0: "
                                 "its Gaussians have no width",
                                 name),
                        "make it with noise");
    for (int64_t k = 0; st == PF_OK && k < v->count; k++) {
        for (int64_t i = 0; i < n; i++)
            v->scratch[i] = (law->mean[k * n + i] - mean[i % scales]) / deviation[i % scales];
        to_axes(v, v->scratch, v->centre + k * n);
    }
    return st;
}

pf_status pf__velocity_of_law(pf__velocity **out, const pf__law *law, const char *name, const double *mean,
                              const double *deviation, int64_t scales, pf_error *err) {
    assert(scales == 1 || scales == law->dim);
    *out = NULL;
    pf__velocity *v = calloc(1, sizeof *v);
    if (!v) return pf__fail_memory(err, "velocity", sizeof *v);
    v->count = law->count;
    v->dim = law->dim;
    v->centre = calloc((size_t)(v->count * v->dim), sizeof *v->centre);
    v->variance = calloc((size_t)v->dim, sizeof *v->variance);
    v->scratch = calloc((size_t)(2 * v->dim + v->count), sizeof *v->scratch);
    pf_status st = v->centre && v->variance && v->scratch
                       ? fill(v, law, name, mean, deviation, scales, err)
                       : pf__fail_memory(err, "velocity", (unsigned long long)(v->count * v->dim) * 8);
    if (st != PF_OK) {
        pf__velocity_free(&v);
        return st;
    }
    *out = v;
    return PF_OK;
}

pf_status pf__velocity_create(pf__velocity **out, pf_dataset *set, const double *mean,
                              const double *deviation, int64_t scales, pf_error *err) {
    pf__law law = {0};
    *out = NULL;
    PF__TRY(pf__law_read(&law, set, err));
    pf_status st = pf__velocity_of_law(out, &law, pf__dataset_name(set), mean, deviation, scales, err);
    pf__law_free(&law);
    return st;
}

void pf__velocity_free(pf__velocity **velocity) {
    pf__velocity *v = *velocity;
    if (!v) return;
    free(v->centre);
    free(v->variance);
    free(v->axes);
    free(v->scratch);
    free(v);
    *velocity = NULL;
}

/* ---- in double ---- */

void pf__velocity_at(pf__velocity *v, const double *x, double t, double *out) {
    const int64_t n = v->dim;
    const double rest = 1 - t;
    double *y = v->scratch, *mean = y + n, *score = mean + n, most = -INFINITY, sum = 0;
    to_axes(v, x, y);
    for (int64_t k = 0; k < v->count; k++) {
        score[k] = 0;
        for (int64_t i = 0; i < n; i++) {
            double d = y[i] - rest * v->centre[k * n + i];
            score[k] -= 0.5 * d * d / (rest * rest * v->variance[i] + t * t);
        }
        most = fmax(most, score[k]);
    }
    for (int64_t i = 0; i < n; i++) mean[i] = 0;
    for (int64_t k = 0; k < v->count; k++) {
        const double weight = exp(score[k] - most);
        sum += weight;
        for (int64_t i = 0; i < n; i++) mean[i] += weight * v->centre[k * n + i];
    }
    for (int64_t i = 0; i < n; i++) {
        const double m = mean[i] / sum, l = v->variance[i];
        y[i] = (t - rest * l) / (rest * rest * l + t * t) * (y[i] - rest * m) - m;
    }
    for (int64_t i = 0; i < n; i++) {
        out[i] = v->axes ? 0 : y[i];
        for (int64_t k = 0; v->axes && k < n; k++) out[i] += v->axes[k * n + i] * y[k];
    }
}

void pf__velocity_advance(pf__velocity *v, const pf__solver *solver, double *x, double t, double h,
                          double *work) {
    const int64_t n = v->dim;
    double *stage = work + solver->stages * n;
    for (int s = 0; s < solver->stages; s++) {
        memcpy(stage, x, (size_t)n * sizeof *stage);
        for (int j = 0; j < s; j++)
            for (int64_t i = 0; i < n; i++) stage[i] += h * solver->a[s][j] * work[j * n + i];
        pf__velocity_at(v, stage, t + solver->c[s] * h, work + s * n);
    }
    for (int s = 0; s < solver->stages; s++)
        for (int64_t i = 0; i < n; i++) x[i] += h * solver->b[s] * work[s * n + i];
}

int64_t pf__velocity_nearest(pf__velocity *v, const double *x) {
    int64_t best = 0;
    double *y = v->scratch, least = INFINITY;
    to_axes(v, x, y);
    for (int64_t k = 0; k < v->count; k++) {
        double d2 = 0;
        for (int64_t i = 0; i < v->dim; i++) d2 += pow(y[i] - v->centre[k * v->dim + i], 2);
        if (d2 < least) best = k;
        least = fmin(least, d2);
    }
    return best;
}

/* ---- as a graph ---- */

/* E[a | x], along the axes: y, e2 [B, D], rest [B, 1], centre [K, D]. */
static pf_value mean_of_centres(const pf__velocity *v, pf_graph *g, pf_value y, pf_value rest, pf_value e2,
                                pf_value centre) {
    const int rows = (int)pf_value_shape(g, y).dim[0], n = (int)v->dim, count = (int)v->count;
    const uint32_t along = 2, across = 4; /* axes 1 and 2 */
    if (count == 1) return centre;
    const pf_shape each = pf_shape_of(3, rows, 1, n);
    pf_value placed = pf_mul(g, pf_reshape(g, rest, pf_shape_of(3, rows, 1, 1)),
                             pf_reshape(g, centre, pf_shape_of(3, 1, count, n)));
    pf_value d2 = pf_square(g, pf_sub(g, pf_reshape(g, y, each), placed));
    pf_value score = pf_sum(g, pf_div(g, d2, pf_reshape(g, e2, each)), across, false);
    score = pf_mul_number(g, score, -0.5);
    pf_value weight = pf_exp(g, pf_sub(g, score, pf_row_max(g, score, along, true)));
    return pf_matmul(g, pf_div(g, weight, pf_sum(g, weight, along, true)), centre, false, false);
}

pf_value pf__velocity_graph(const pf__velocity *v, pf_graph *g, pf__params *params, const char *group,
                            pf_value x, pf_value t) {
    const pf_shape shape = pf_value_shape(g, x);
    const int n = (int)v->dim, count = (int)v->count, rows = (int)shape.dim[0];
    pf_value axes = 0, y = pf_reshape(g, x, pf_shape_of(2, rows, n));
    pf_value centre = pf__params_leaf(params, g, group, "law/centre", pf_shape_of(2, count, n), PF__INIT_ZERO,
                                      0);
    pf_value variance = pf__params_leaf(params, g, group, "law/variance", pf_shape_of(2, 1, n), PF__INIT_ZERO,
                                        0);
    if (v->axes) axes = pf__params_leaf(params, g, group, "law/axes", pf_shape_of(2, n, n), PF__INIT_ZERO, 0);
    if (axes) y = pf_matmul(g, y, axes, false, true);
    pf_value time = pf_reshape(g, t, pf_shape_of(2, rows, 1));
    pf_value rest = pf_add_number(g, pf_neg(g, time), 1.0), spread = pf_mul(g, rest, variance);
    pf_value e2 = pf_add(g, pf_mul(g, rest, spread), pf_square(g, time));
    pf_value mean = mean_of_centres(v, g, y, rest, e2, centre);
    pf_value c = pf_div(g, pf_sub(g, time, spread), e2);
    pf_value out = pf_sub(g, pf_mul(g, c, pf_sub(g, y, pf_mul(g, rest, mean))), mean);
    if (axes) out = pf_matmul(g, out, axes, false, false);
    return pf_reshape(g, out, shape);
}

static void put(const pf__params *params, const char *path, const double *values, float *flat) {
    const pf__param *p = pf__params_find(params, path);
    for (int64_t i = 0; p && i < p->count; i++) flat[p->offset + i] = (float)values[i];
}

void pf__velocity_values(const pf__velocity *v, const pf__params *params, float *flat) {
    memset(flat, 0, params->flat_count * sizeof *flat);
    put(params, "law/centre", v->centre, flat);
    put(params, "law/variance", v->variance, flat);
    if (v->axes) put(params, "law/axes", v->axes, flat);
}

void pf__velocity_hash(const pf__velocity *v, char out[17]) {
    const size_t n = (size_t)v->dim, number = sizeof(double);
    uint64_t hash = pf__hash64(v->centre, (size_t)v->count * n * number, 0);
    hash = pf__hash64(v->variance, n * number, hash);
    if (v->axes) hash = pf__hash64(v->axes, n * n * number, hash);
    snprintf(out, 17, "%016llx", (unsigned long long)hash);
}
