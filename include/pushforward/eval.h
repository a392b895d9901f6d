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

/* ---- how far a learnt map is from the exact one, and what bounds that ----
 *
 * For methods that learn a map g(x, t) to the end at t = 0 of the flow through x at time t (consistency,
 * continuous, meanflow, pixelmeanflow), on a set whose velocity v is known: one of data make gaussian or
 * 8gaussians. With x_t the exact path from noise x_1 to x_0, and x~ the path of a solver with steps of
 * k = 1/N from the same noise:
 *
 *   error           |g(x_1, 1) - x_0|
 *   eps1            max_n |g(x~_nk, nk) - g(x~_(n-1)k, (n-1)k)| / k    what a loss in discrete time sees
 *   discretisation  |x~_0 - x_0|                                       of order k for Euler, k^2 for Heun
 *   eps2            |g(x, 0) - x| at the path's end                    0 where g(x, 0) = x by construction
 *   eps3            int |dg/dt| dt on a grid of step k                 what a loss in continuous time sees
 *   smoothness      the same integral on steps of k / 8, less eps3     what lies between the times of it
 *
 *   discrete bound      error <= eps1 + discretisation + eps2
 *   continuous bound    error <= eps2 + eps3 + smoothness
 *
 * Both hold for each noise point by the triangle inequality, the continuous one as far as the finer grid
 * resolves dg/dt, and so for their means. Without the smoothness a coarse grid may miss where g turns, and
 * the inequality is false. All distances are Euclidean, in standardised units; v and the paths are in double,
 * g and dg/dt = v . d_x g + d_t g (forward mode) in single precision on the sampler's device. */
enum { PF_ANALYSIS_ROWS_MAX = 16, PF_ANALYSIS_SOLVERS = 2 };
typedef struct pf_error_analysis_desc {
    int64_t count;    /* noise points: the first of this seed (pf_sampler_noise); 0 = 1024 */
    uint64_t seed;    /* 0 = 1 */
    const int *steps; /* [step_count] N, increasing, each dividing the last; NULL = 32 64 128 256 512 */
    int step_count;   /* 2 .. PF_ANALYSIS_ROWS_MAX */
} pf_error_analysis_desc;

/** One size of steps; means over the noise points. */
typedef struct pf_discrete_row {
    int steps; /* N */
    double eps1, discretisation, eps2, bound;
    double holds; /* share of the points whose own error is within their own bound */
} pf_discrete_row;
typedef struct pf_continuous_row {
    int steps;
    double eps2, eps3, smoothness, bound;
    double holds;
} pf_continuous_row;
typedef struct pf_discrete_analysis {
    const char *solver; /* of the path x~: "euler", "heun" */
    double order;       /* of the discretisation: slope of its logarithm over that of k. NaN where it is 0 */
    pf_discrete_row row[PF_ANALYSIS_ROWS_MAX];
} pf_discrete_analysis;
typedef struct pf_error_analysis {
    int64_t count;
    int row_count;
    double mean, median, upper, largest; /* of the error over the points; upper: of 90 % it is at most this */
    double same_mode;                    /* share of the points that g and the exact map take to one centre */
    pf_discrete_analysis discrete[PF_ANALYSIS_SOLVERS];
    pf_continuous_row continuous[PF_ANALYSIS_ROWS_MAX];
} pf_error_analysis;
/** desc may be NULL. PF_DATA when the set's velocity is not known, or the set has other samples; PF_USAGE for
 * methods that learn no such map, networks with classes, and steps that are not as above. */
PF_API pf_status pf_error_analyse(pf_sampler *sampler, pf_dataset *dataset,
                                  const pf_error_analysis_desc *desc, pf_error_analysis *out,
                                  pf_error *error);

#endif
