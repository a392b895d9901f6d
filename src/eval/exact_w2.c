/* SPDX-License-Identifier: MIT
 * Exact Wasserstein-2 between two sets of equal size. */
#include "base/assignment.h"
#include "base/error.h"
#include "pushforward/eval.h"
#include <math.h>
#include <stdlib.h>

static double square_distance(const float *x, const float *y, int64_t dim) {
    double sum = 0;
    for (int64_t k = 0; k < dim; k++) sum += ((double)x[k] - (double)y[k]) * ((double)x[k] - (double)y[k]);
    return sum;
}

pf_status pf_exact_w2(const float *x, const float *y, int64_t count, int64_t dim, double *out,
                      pf_error *error) {
    if (count < 1 || count > PF_EXACT_W2_MAX || dim < 1)
        return pf__fail(error, PF_USAGE, "exact W2 of %lld samples of %lld numbers (at most %d samples)",
                        (long long)count, (long long)dim, PF_EXACT_W2_MAX);
    const size_t n = (size_t)count;
    pf__assignment *assignment = NULL;
    PF__TRY(pf__assignment_create(&assignment, (int)count, error));
    float *cost = malloc(n * n * sizeof *cost);
    if (!cost) {
        pf__assignment_destroy(&assignment);
        return pf__fail_memory(error, "an assignment", n * n * sizeof *cost);
    }
    for (size_t i = 0; i < n * n; i++)
        cost[i] = (float)square_distance(x + (int64_t)(i / n) * dim, y + (int64_t)(i % n) * dim, dim);
    const int *column = pf__assignment_solve(assignment, (int)count, cost);
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += square_distance(x + i * dim, y + column[i] * dim, dim);
    *out = sqrt(sum / (double)count);
    free(cost);
    pf__assignment_destroy(&assignment);
    return PF_OK;
}
