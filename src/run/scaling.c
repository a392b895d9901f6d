/* SPDX-License-Identifier: MIT
 * Standardising: mean and deviation of the training part, in double, in the order of the rows. */
#include "run/run.h"
#include <math.h>
#include <stdlib.h>

#define CHUNK_BYTES (4 << 20)

pf_status pf__scaling_reserve(pf__scaling *s, int64_t count, pf_error *err) {
    s->count = count;
    s->mean = calloc((size_t)count, sizeof *s->mean);
    s->deviation = calloc((size_t)count, sizeof *s->deviation);
    if (!s->mean || !s->deviation) {
        pf__scaling_free(s);
        return pf__fail_memory(err, "mean and deviation", (unsigned long long)count * 2 * sizeof(double));
    }
    for (int64_t i = 0; i < count; i++) s->deviation[i] = 1;
    return PF_OK;
}

void pf__scaling_free(pf__scaling *s) {
    free(s->mean);
    free(s->deviation);
    *s = (pf__scaling){0};
}

/* Sums of x - origin and of its square, per feature or over everything. */
static void add_rows(const float *x, int64_t rows, int64_t dim, int64_t count, const double *origin,
                     double *sum, double *square) {
    for (int64_t i = 0; i < rows * dim; i++) {
        int64_t k = count == 1 ? 0 : i % dim;
        double d = (double)x[i] - origin[k];
        sum[k] += d;
        square[k] += d * d;
    }
}

static pf_status measure(pf__scaling *s, pf_dataset *dataset, const char *name, float *x, int64_t chunk,
                         double *work, pf_error *err) {
    const pf_dataset_info *info = pf_dataset_describe(dataset);
    double *origin = work, *sum = work + s->count, *square = work + 2 * s->count;
    for (int64_t first = 0; first < info->train_count; first += chunk) {
        int64_t rows = first + chunk < info->train_count ? chunk : info->train_count - first;
        PF__TRY(pf_dataset_read(dataset, PF_TRAIN, first, rows, x, NULL, err));
        if (first == 0) /* a shift near the mean keeps the squares small */
            for (int64_t k = 0; k < s->count; k++) origin[k] = (double)x[k];
        add_rows(x, rows, info->dim, s->count, origin, sum, square);
    }
    double n = (double)info->train_count * (double)(info->dim / s->count);
    for (int64_t k = 0; k < s->count; k++) {
        double mean = sum[k] / n, variance = square[k] / n - mean * mean;
        s->mean[k] = origin[k] + mean;
        s->deviation[k] = variance > 1e-20 ? sqrt(variance) : 1;
        if (!isfinite(variance))
            return pf__hint(err,
                            pf__fail(err, PF_DATA, "%s: /train/x holds values that are not finite", name),
                            "pushforward data check %s says where", name);
    }
    return PF_OK;
}

pf_status pf__scaling_measure(pf__scaling *s, pf_dataset *dataset, const char *name, bool standardise,
                              pf_error *err) {
    const pf_dataset_info *info = pf_dataset_describe(dataset);
    PF__TRY(pf__scaling_reserve(s, info->sample.rank == 1 ? info->dim : 1, err));
    if (!standardise) return PF_OK;
    int64_t chunk = CHUNK_BYTES / (info->dim * (int64_t)sizeof(float));
    if (chunk < 1) chunk = 1;
    if (chunk > info->train_count) chunk = info->train_count;
    float *x = malloc((size_t)(chunk * info->dim) * sizeof *x);
    double *work = calloc((size_t)s->count * 3, sizeof *work);
    pf_status st = x && work ? measure(s, dataset, name, x, chunk, work, err)
                             : pf__fail_memory(err, "a chunk of the data",
                                               (unsigned long long)(chunk * info->dim) * 4);
    free(work);
    free(x);
    if (st != PF_OK) pf__scaling_free(s);
    return st;
}

void pf__scaling_apply(const pf__scaling *s, float *x, int64_t rows, int64_t dim) {
    for (int64_t i = 0; i < rows * dim; i++) {
        int64_t k = s->count == 1 ? 0 : i % dim;
        x[i] = (float)(((double)x[i] - s->mean[k]) / s->deviation[k]);
    }
}

void pf__scaling_undo(const pf__scaling *s, float *x, int64_t rows, int64_t dim) {
    for (int64_t i = 0; i < rows * dim; i++) {
        int64_t k = s->count == 1 ? 0 : i % dim;
        x[i] = (float)((double)x[i] * s->deviation[k] + s->mean[k]);
    }
}
