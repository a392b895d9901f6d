/* SPDX-License-Identifier: MIT
 * Numbers about samples and models. All arrays are row-major f32 in the caller's memory. */
#ifndef PUSHFORWARD_EVAL_H
#define PUSHFORWARD_EVAL_H

#include "pushforward/dataset.h"
#include "pushforward/sampler.h"

/** Sliced Wasserstein-2 distance of two sets of equal size: the root of the mean squared difference of sorted
 * projections. 2-D: `slices` equally spaced angles; else `slices` fixed random directions.  x, y [count,
 * dim]. PF_USAGE when count, dim or slices < 1. */
PF_API pf_status pf_sliced_w2(const float *x, const float *y, int64_t count, int64_t dim, int slices,
                              double *out, pf_error *error);

/** For each row of x the nearest row of y by Euclidean distance.  x [nx, dim], y [ny, dim]; distance [nx] f64
 * and index [nx] written. */
PF_API pf_status pf_nearest(const float *x, int64_t nx, const float *y, int64_t ny, int64_t dim,
                            double *distance, int64_t *index, pf_error *error);
/** The median of values [count] (the mean of the two middle ones), which are left as they are. NaN when count
 * < 1 or out of memory. */
PF_API double pf_median(const double *values, int64_t count);

/** Root of the mean squared distance per sample of x from m + C^(1/2) noise, the one-step map of Gaussian
 * data N(m, C). x, noise [count, dim] f32; mean [dim]; covariance [dim, dim] symmetric, positive
 * semi-definite. */
PF_API pf_status pf_gaussian_map_error(const float *x, const float *noise, int64_t count, int64_t dim,
                                       const double *mean, const double *covariance, double *out,
                                       pf_error *error);

typedef struct pf_fm_error_desc {
    int64_t count;     /* held-out samples; 0 = 1024, at most what the test part has */
    int64_t fit_count; /* training rows for mean and covariance; 0 = 20000 */
    int times;         /* t = (i + 1/2) / times; 0 = 16 */
    uint64_t seed;     /* of the noise; 0 = 1 */
} pf_fm_error_desc;
typedef struct pf_fm_error {
    double model;  /* E |u(x_t, t) - (b - a)|^2 / dim on held-out data, standardised units, uniform t */
    double affine; /* the same of the best affine predictor of b - a from x_t, for each t, by the training
                      data's mean and covariance */
    double zero;   /* the same of the prediction 0 */
    int64_t count;
    int times;
} pf_fm_error;
/** Held-out flow-matching error of the sampler's velocity beside that of the best affine predictor, on the
 * same noise and times. desc may be NULL. PF_DATA when the data set has no test part or other samples. */
PF_API pf_status pf_flow_matching_error(pf_sampler *sampler, pf_dataset *dataset,
                                        const pf_fm_error_desc *desc, pf_fm_error *out, pf_error *error);

#endif
