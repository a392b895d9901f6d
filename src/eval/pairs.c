/* SPDX-License-Identifier: MIT
 * Distances of distributions that are means over pairs of samples, without bias: the energy distance (Szekely
 * & Rizzo 2013) and the squared maximum mean discrepancy (Gretton et al. 2012). */
#include "base/error.h"
#include "pushforward/eval.h"
#include <math.h>
#include <stdlib.h>

enum { LANES = 16, BANDWIDTHS = 5, MEDIAN_ROWS = 1024 };

static double square_distance(const float *x, const float *y, int64_t dim) {
    float lane[LANES] = {0};
    double sum = 0;
    int64_t k = 0;
    for (; k + LANES <= dim; k += LANES)
        for (int l = 0; l < LANES; l++) lane[l] += (x[k + l] - y[k + l]) * (x[k + l] - y[k + l]);
    for (int l = 0; l < LANES; l++) sum += (double)lane[l];
    for (; k < dim; k++) sum += ((double)x[k] - (double)y[k]) * ((double)x[k] - (double)y[k]);
    return sum;
}

/* What is averaged: |x - y|, or the kernel: the mean of exp(-|x - y|^2 / (2 s^2)) over the bandwidths s. */
typedef struct measure {
    bool kernel;
    double rate[BANDWIDTHS]; /* 1 / (2 s^2) */
} measure;

static double value_of(const measure *m, double square) {
    if (!m->kernel) return sqrt(square);
    double sum = 0;
    for (int i = 0; i < BANDWIDTHS; i++) sum += exp(-square * m->rate[i]);
    return sum / BANDWIDTHS;
}

static double mean_between(const measure *m, const float *x, int64_t nx, const float *y, int64_t ny,
                           int64_t dim) {
    double sum = 0;
    for (int64_t i = 0; i < nx; i++) {
        double row = 0;
        for (int64_t j = 0; j < ny; j++) row += value_of(m, square_distance(x + i * dim, y + j * dim, dim));
        sum += row / (double)ny;
    }
    return sum / (double)nx;
}

/* Over pairs of different samples. */
static double mean_within(const measure *m, const float *x, int64_t n, int64_t dim) {
    double sum = 0;
    for (int64_t i = 1; i < n; i++) {
        double row = 0;
        for (int64_t j = 0; j < i; j++) row += value_of(m, square_distance(x + i * dim, x + j * dim, dim));
        sum += row / (double)n;
    }
    return 2 * sum / (double)(n - 1);
}

static pf_status check(int64_t nx, int64_t ny, int64_t dim, pf_error *error) {
    if (nx >= 2 && ny >= 2 && dim >= 1) return PF_OK;
    return pf__fail(error, PF_USAGE, "a distance over pairs of %lld and %lld samples of %lld numbers",
                    (long long)nx, (long long)ny, (long long)dim);
}

pf_status pf_energy_distance(const float *x, int64_t nx, const float *y, int64_t ny, int64_t dim, double *out,
                             pf_error *error) {
    const measure m = {.kernel = false};
    PF__TRY(check(nx, ny, dim, error));
    *out = 2 * mean_between(&m, x, nx, y, ny, dim) - mean_within(&m, x, nx, dim) -
           mean_within(&m, y, ny, dim);
    return PF_OK;
}

/* The median distance of two of the first rows of y. */
static pf_status typical_distance(const float *y, int64_t ny, int64_t dim, double *out, pf_error *error) {
    const int64_t n = ny < MEDIAN_ROWS ? ny : MEDIAN_ROWS, pairs = n * (n - 1) / 2;
    double *distance = malloc((size_t)pairs * sizeof *distance), *at = distance;
    if (!distance) return pf__fail_memory(error, "distances", (unsigned long long)pairs * sizeof *distance);
    for (int64_t i = 1; i < n; i++)
        for (int64_t j = 0; j < i; j++) *at++ = sqrt(square_distance(y + i * dim, y + j * dim, dim));
    *out = pf_median(distance, pairs);
    free(distance);
    return PF_OK;
}

pf_status pf_mmd2(const float *x, int64_t nx, const float *y, int64_t ny, int64_t dim, double *out,
                  pf_error *error) {
    measure m = {.kernel = true};
    double typical = 0;
    PF__TRY(check(nx, ny, dim, error));
    PF__TRY(typical_distance(y, ny, dim, &typical, error));
    if (!(typical > 0))
        return pf__fail(error, PF_DATA, "squared MMD: more than half of the samples compared with are equal");
    for (int i = 0; i < BANDWIDTHS; i++) {
        const double s = ldexp(typical, i - BANDWIDTHS / 2); /* a quarter of it to four times it */
        m.rate[i] = 1 / (2 * s * s);
    }
    *out = mean_within(&m, x, nx, dim) + mean_within(&m, y, ny, dim) -
           2 * mean_between(&m, x, nx, y, ny, dim);
    return PF_OK;
}
