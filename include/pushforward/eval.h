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

enum { PF_EXACT_W2_MAX = 4096 };
/** Exact Wasserstein-2 distance of two sets of equal size: the root of the mean squared distance of the best
 * assignment.  x, y [count, dim], 1 <= count <= PF_EXACT_W2_MAX (memory count^2 * 4 bytes, time about count^3
 * / 10^9 seconds). PF_USAGE otherwise. */
PF_API pf_status pf_exact_w2(const float *x, const float *y, int64_t count, int64_t dim, double *out,
                             pf_error *error);

/** Energy distance 2 E|x - y| - E|x - x'| - E|y - y'|, without bias (pairs of different samples), so that it
 * may be slightly negative for equal distributions.  x [nx, dim], y [ny, dim], nx, ny >= 2, else PF_USAGE. */
PF_API pf_status pf_energy_distance(const float *x, int64_t nx, const float *y, int64_t ny, int64_t dim,
                                    double *out, pf_error *error);

/** Squared maximum mean discrepancy without bias, as pf_energy_distance. The kernel is the mean of five
 * Gaussians whose deviations are 1/4, 1/2, 1, 2 and 4 times the median distance of two of the first 1024 rows
 * of y. PF_DATA when that is 0. */
PF_API pf_status pf_mmd2(const float *x, int64_t nx, const float *y, int64_t ny, int64_t dim, double *out,
                         pf_error *error);

typedef struct pf_mode_coverage_result {
    int modes;          /* classes that the reference samples have */
    int covered;        /* of them, those with a sample within their radius */
    double within;      /* share of samples within the radius of their class */
    double kl;          /* sum p log(p / q), p the samples' and q the references' shares of the classes */
    double least_share; /* the smallest p / q */
} pf_mode_coverage_result;
/** A sample's class is that of the nearest reference sample; a class's radius holds 99 % of its reference
 * samples about their mean.  x [count, dim], reference [references, dim] with label [references] in [0,
 * classes). */
PF_API pf_status pf_mode_coverage(const float *x, int64_t count, const float *reference, const int32_t *label,
                                  int64_t references, int64_t dim, int classes, pf_mode_coverage_result *out,
                                  pf_error *error);

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
