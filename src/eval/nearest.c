/* SPDX-License-Identifier: MIT
 * Nearest neighbours by brute force, |x - y|^2 = |x|^2 - 2 x.y + |y|^2 in blocks, with the winner's distance
 * recomputed directly. */
#include "base/error.h"
#include "pushforward/eval.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LANES = 16, ROWS = 4 }; /* rows of y side by side, and rows of x that share them */

/* y [ny, dim] into [ny / LANES][dim][LANES], zero-padded, and |y|^2 (large for padding). */
static void pack(const float *y, int64_t ny, int64_t dim, float *packed, float *square) {
    int64_t blocks = (ny + LANES - 1) / LANES;
    for (int64_t b = 0; b < blocks; b++)
        for (int64_t l = 0; l < LANES; l++) {
            int64_t row = b * LANES + l;
            double sum = 0;
            for (int64_t k = 0; k < dim; k++) {
                float value = row < ny ? y[row * dim + k] : 0.0f;
                packed[(b * dim + k) * LANES + l] = value;
                sum += (double)value * (double)value;
            }
            square[row] = row < ny ? (float)sum : FLT_MAX;
        }
}

/* dot[r][l] = x_r . y_l of one block. */
static void products(const float *const x[ROWS], const float *restrict block, int64_t dim,
                     float dot[ROWS][LANES]) {
    float sum[ROWS][LANES] = {{0}};
    for (int64_t k = 0; k < dim; k++)
        for (int r = 0; r < ROWS; r++) {
            float value = x[r][k];
            for (int l = 0; l < LANES; l++) sum[r][l] += value * block[k * LANES + l];
        }
    memcpy(dot, sum, sizeof sum);
}

static double distance_of(const float *a, const float *b, int64_t dim) {
    double sum = 0;
    for (int64_t k = 0; k < dim; k++) {
        double d = (double)a[k] - (double)b[k];
        sum += d * d;
    }
    return sqrt(sum);
}

static void search(const float *x, int64_t first, int64_t nx, int64_t dim, const float *packed,
                   const float *square, int64_t blocks, int64_t *index) {
    const float *row[ROWS];
    float best[ROWS], dot[ROWS][LANES];
    int64_t last = nx - 1;
    for (int r = 0; r < ROWS; r++) {
        row[r] = x + (first + r < nx ? first + r : last) * dim;
        best[r] = FLT_MAX;
    }
    for (int64_t b = 0; b < blocks; b++) {
        products(row, packed + b * dim * LANES, dim, dot);
        for (int r = 0; r < ROWS; r++)
            for (int l = 0; l < LANES; l++) {
                float score = square[b * LANES + l] - 2 * dot[r][l];
                if (!(score < best[r]) || first + r >= nx) continue;
                best[r] = score;
                index[first + r] = b * LANES + l;
            }
    }
}

pf_status pf_nearest(const float *x, int64_t nx, const float *y, int64_t ny, int64_t dim, double *distance,
                     int64_t *index, pf_error *error) {
    if (nx < 1 || ny < 1 || dim < 1)
        return pf__fail(error, PF_USAGE, "nearest of %lld samples among %lld of %lld numbers", (long long)nx,
                        (long long)ny, (long long)dim);
    int64_t blocks = (ny + LANES - 1) / LANES;
    size_t floats = (size_t)(blocks * LANES) * (size_t)(dim + 1);
    float *packed = malloc(floats * sizeof *packed);
    if (!packed) return pf__fail_memory(error, "reference samples", floats * sizeof *packed);
    float *square = packed + blocks * LANES * dim;
    pack(y, ny, dim, packed, square);
    for (int64_t i = 0; i < nx; i++) index[i] = 0;
    for (int64_t i = 0; i < nx; i += ROWS) search(x, i, nx, dim, packed, square, blocks, index);
    for (int64_t i = 0; i < nx; i++) distance[i] = distance_of(x + i * dim, y + index[i] * dim, dim);
    free(packed);
    return PF_OK;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double pf_median(const double *values, int64_t count) {
    double *sorted = count > 0 ? malloc((size_t)count * sizeof *sorted) : NULL;
    if (!sorted) return NAN;
    memcpy(sorted, values, (size_t)count * sizeof *sorted);
    qsort(sorted, (size_t)count, sizeof *sorted, by_value);
    double median = 0.5 * (sorted[(count - 1) / 2] + sorted[count / 2]);
    free(sorted);
    return median;
}
