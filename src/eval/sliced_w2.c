/* SPDX-License-Identifier: MIT
 * Sliced Wasserstein-2: project both sets on many directions, sort, compare (Bonneel et al. 2015). */
#include "base/error.h"
#include "base/philox.h"
#include "pushforward/eval.h"
#include <math.h>
#include <stdlib.h>

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* 2-D: equally spaced angles in [0, pi); else normal vectors by a fixed seed, scaled to length 1. */
static void direction(int slice, int slices, int64_t dim, double *w) {
    if (dim == 2) {
        double angle = acos(-1) * slice / slices;
        w[0] = cos(angle);
        w[1] = sin(angle);
        return;
    }
    uint32_t stream = pf__stream("sliced_w2");
    double square = 0;
    for (int64_t k = 0; k < dim; k++) {
        w[k] = pf__random_normal(0, stream, (uint64_t)slice, (uint32_t)k);
        square += w[k] * w[k];
    }
    for (int64_t k = 0; k < dim; k++) w[k] /= sqrt(square);
}

static void project(const float *x, int64_t count, int64_t dim, const double *w, double *out) {
    for (int64_t i = 0; i < count; i++) {
        double sum = 0;
        for (int64_t k = 0; k < dim; k++) sum += (double)x[i * dim + k] * w[k];
        out[i] = sum;
    }
    qsort(out, (size_t)count, sizeof *out, by_value);
}

pf_status pf_sliced_w2(const float *x, const float *y, int64_t count, int64_t dim, int slices, double *out,
                       pf_error *error) {
    if (count < 1 || dim < 1 || slices < 1)
        return pf__fail(error, PF_USAGE, "sliced W2 of %lld samples of %lld numbers along %d directions",
                        (long long)count, (long long)dim, slices);
    double *w = malloc((size_t)(dim + 2 * count) * sizeof *w);
    if (!w) return pf__fail_memory(error, "projections", (unsigned long long)(dim + 2 * count) * 8);
    double *px = w + dim, *py = px + count, sum = 0;
    for (int s = 0; s < slices; s++) {
        direction(s, slices, dim, w);
        project(x, count, dim, w, px);
        project(y, count, dim, w, py);
        for (int64_t i = 0; i < count; i++) sum += (px[i] - py[i]) * (px[i] - py[i]);
    }
    *out = sqrt(sum / ((double)count * slices));
    free(w);
    return PF_OK;
}
