/* SPDX-License-Identifier: MIT
 * Whether samples reach every class of the data, and in the right shares. */
#include "base/error.h"
#include "pushforward/eval.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define INSIDE 0.99 /* of a class's own samples lie within its radius */

typedef struct mode {
    double *centre; /* [dim] */
    double radius;
    int64_t real, count; /* reference samples; samples whose nearest reference is of this class */
    bool covered;
} mode;

static double distance_to(const mode *m, const float *x, int64_t dim) {
    double sum = 0;
    for (int64_t k = 0; k < dim; k++) sum += ((double)x[k] - m->centre[k]) * ((double)x[k] - m->centre[k]);
    return sqrt(sum);
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Centre and radius of class c; scratch [references]. */
static void find_mode(const float *reference, const int32_t *label, int64_t references, int64_t dim,
                      int32_t c, double *scratch, mode *m) {
    for (int64_t i = 0; i < references; i++) {
        if (label[i] != c) continue;
        m->real++;
        for (int64_t k = 0; k < dim; k++) m->centre[k] += (double)reference[i * dim + k];
    }
    for (int64_t k = 0; m->real && k < dim; k++) m->centre[k] /= (double)m->real;
    int64_t n = 0;
    for (int64_t i = 0; i < references; i++)
        if (label[i] == c) scratch[n++] = distance_to(m, reference + i * dim, dim);
    qsort(scratch, (size_t)n, sizeof *scratch, by_value);
    if (n) m->radius = scratch[(int64_t)ceil(INSIDE * (double)n) - 1];
}

static void summarise(const mode *modes, int classes, int64_t count, int64_t inside, int64_t references,
                      pf_mode_coverage_result *out) {
    *out = (pf_mode_coverage_result){.within = (double)inside / (double)count};
    for (int c = 0; c < classes; c++) {
        const mode *m = &modes[c];
        if (!m->real) continue;
        const double p = (double)m->count / (double)count, q = (double)m->real / (double)references;
        out->modes++;
        out->covered += m->covered;
        if (p > 0) out->kl += p * log(p / q);
        if (p / q < out->least_share || out->modes == 1) out->least_share = p / q;
    }
}

pf_status pf_mode_coverage(const float *x, int64_t count, const float *reference, const int32_t *label,
                           int64_t references, int64_t dim, int classes, pf_mode_coverage_result *out,
                           pf_error *error) {
    if (count < 1 || references < 1 || dim < 1 || classes < 1)
        return pf__fail(error, PF_USAGE, "mode coverage of %lld samples, %lld references, %d classes",
                        (long long)count, (long long)references, classes);
    const size_t longest = (size_t)(count > references ? count : references);
    mode *modes = calloc((size_t)classes, sizeof *modes);
    double *centres = calloc((size_t)classes * (size_t)dim, sizeof *centres),
           *distance = malloc(longest * sizeof *distance);
    int64_t *index = malloc((size_t)count * sizeof *index), inside = 0;
    pf_status st = PF_MEMORY;
    if (!modes || !centres || !distance || !index) {
        pf__fail_memory(error, "modes", (unsigned long long)longest * sizeof *distance);
        goto done;
    }
    for (int c = 0; c < classes; c++) {
        modes[c].centre = centres + c * dim;
        find_mode(reference, label, references, dim, c, distance, &modes[c]);
    }
    st = pf_nearest(x, count, reference, references, dim, distance, index, error);
    for (int64_t i = 0; st == PF_OK && i < count; i++) {
        const int32_t c = label[index[i]];
        if (c < 0 || c >= classes) continue;
        const bool near = distance_to(&modes[c], x + i * dim, dim) <= modes[c].radius;
        modes[c].count++;
        modes[c].covered = modes[c].covered || near;
        inside += near;
    }
    if (st == PF_OK) summarise(modes, classes, count, inside, references, out);
done:
    free(modes);
    free(centres);
    free(distance);
    free(index);
    return st;
}
