/* SPDX-License-Identifier: MIT
 * The one-step map of Gaussian data, m + C^(1/2) b: all covariances along the linear path commute, so the
 * flow map is a matrix. */
#include "base/error.h"
#include "pushforward/eval.h"
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* root [dim, dim] from covariance; work: dim eigenvalues and dim * dim vectors. */
static pf_status square_root(const double *covariance, int64_t dim, double *root, double *work,
                             pf_error *err) {
    double *eigenvalue = work, *vector = work + dim;
    memcpy(vector, covariance, (size_t)(dim * dim) * sizeof *vector);
    lapack_int info = LAPACKE_dsyev(LAPACK_COL_MAJOR, 'V', 'U', (lapack_int)dim, vector, (lapack_int)dim,
                                    eigenvalue);
    if (info != 0)
        return pf__fail(err, PF_SYSTEM, "root of a covariance: LAPACK dsyev returned %d", (int)info);
    if (eigenvalue[0] < -1e-9 * fabs(eigenvalue[dim - 1]))
        return pf__fail(err, PF_USAGE, "the covariance has the negative eigenvalue %g", eigenvalue[0]);
    memset(root, 0, (size_t)(dim * dim) * sizeof *root);
    for (int64_t k = 0; k < dim; k++) {
        const double *q = vector + k * dim;
        double s = sqrt(fmax(eigenvalue[k], 0));
        for (int64_t i = 0; i < dim; i++)
            for (int64_t j = 0; j < dim; j++) root[i * dim + j] += s * q[i] * q[j];
    }
    return PF_OK;
}

pf_status pf_gaussian_map_error(const float *x, const float *noise, int64_t count, int64_t dim,
                                const double *mean, const double *covariance, double *out, pf_error *error) {
    if (count < 1 || dim < 1)
        return pf__fail(error, PF_USAGE, "a Gaussian map needs samples of at least one number");
    double *root = malloc((size_t)(dim * (2 * dim + 1)) * sizeof *root);
    if (!root) return pf__fail_memory(error, "root of a covariance", (unsigned long long)(dim * dim) * 16);
    pf_status st = square_root(covariance, dim, root, root + dim * dim, error);
    double sum = 0;
    for (int64_t n = 0; n < count && st == PF_OK; n++)
        for (int64_t i = 0; i < dim; i++) {
            double want = mean[i];
            for (int64_t j = 0; j < dim; j++) want += root[i * dim + j] * (double)noise[n * dim + j];
            sum += ((double)x[n * dim + i] - want) * ((double)x[n * dim + i] - want);
        }
    *out = sqrt(sum / (double)count);
    free(root);
    return st;
}
