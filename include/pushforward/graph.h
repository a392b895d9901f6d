/* SPDX-License-Identifier: MIT
 * The graph language (experimental): networks, losses, sampler steps and optimiser steps are graphs of a
 * closed set of operations with static shapes. Transforms turn graphs into graphs (pf_jvp, pf_vjp); a plan
 * runs them on a device, the interpreter runs them in double on the host.
 *
 * A pf_value names one output of one node. Value 0 is the *symbolic zero*: it has no shape, and
 * add(0, x) = x, mul(0, x) = 0, any linear operation of 0 is 0.
 *
 * Errors are sticky: a constructor that fails records the first error in the graph and returns 0; every later
 * constructor returns 0 at once. Look at pf_graph_check() where a result is needed. A graph belongs to one
 * thread. */
#ifndef PUSHFORWARD_GRAPH_H
#define PUSHFORWARD_GRAPH_H

#include "pushforward/status.h"
#include "pushforward/tensor.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct pf_graph pf_graph;
typedef uint32_t pf_value;

PF_EXPERIMENTAL pf_status pf_graph_create(pf_graph **out, pf_error *error);
PF_EXPERIMENTAL void pf_graph_destroy(pf_graph **graph);
/** PF_OK, or the first error of any constructor so far (copied to error). */
PF_EXPERIMENTAL pf_status pf_graph_check(const pf_graph *graph, pf_error *error);

/** Shape and type of a value; the symbolic zero has rank -1. */
PF_EXPERIMENTAL pf_shape pf_value_shape(const pf_graph *graph, pf_value value);
PF_EXPERIMENTAL pf_dtype pf_value_dtype(const pf_graph *graph, pf_value value);

/** Shapes by their dimensions: pf_shape_of(2, 32, 784). Dimensions are int. */
PF_EXPERIMENTAL pf_shape pf_shape_of(int rank, ...);

/* ---- leaves ---- */
/** Bound to data by name when the graph runs. Names "step/..." are scalars of the step block (plan/step.h).
 * Same name, shape and type: same value. */
PF_EXPERIMENTAL pf_value pf_input(pf_graph *g, const char *name, pf_dtype dtype, pf_shape shape);
/** A tensor of a parameter group ("student", "target", ...), f32. Same group and path: same value. */
PF_EXPERIMENTAL pf_value pf_parameter(pf_graph *g, const char *group, const char *path, pf_shape shape);
/** The same number everywhere; f32 unless made by pf_constant_of. */
PF_EXPERIMENTAL pf_value pf_constant(pf_graph *g, double number, pf_shape shape);
PF_EXPERIMENTAL pf_value pf_constant_of(pf_graph *g, double number, pf_dtype dtype, pf_shape shape);
/** 0, 1, 2, ... along axis. */
PF_EXPERIMENTAL pf_value pf_iota(pf_graph *g, pf_dtype dtype, pf_shape shape, int axis);
/** Philox by (seed, stream name, sample, element); rank >= 1, the first dimension counts samples. A leaf can
 * be *bound* to given data when the graph runs: it is then an input of the name of its stream. */
PF_EXPERIMENTAL pf_value pf_random_normal(pf_graph *g, const char *stream, pf_shape shape);
PF_EXPERIMENTAL pf_value pf_random_uniform(pf_graph *g, const char *stream, pf_shape shape);
PF_EXPERIMENTAL pf_value pf_random_bits(pf_graph *g, const char *stream, pf_shape shape); /* u32 */

/* ---- pointwise: shapes are broadcast together as in NumPy; f32 unless said otherwise ---- */
PF_EXPERIMENTAL pf_value pf_add(pf_graph *g, pf_value a, pf_value b);
PF_EXPERIMENTAL pf_value pf_sub(pf_graph *g, pf_value a, pf_value b);
PF_EXPERIMENTAL pf_value pf_mul(pf_graph *g, pf_value a, pf_value b);
PF_EXPERIMENTAL pf_value pf_div(pf_graph *g, pf_value a, pf_value b);
PF_EXPERIMENTAL pf_value pf_min(pf_graph *g, pf_value a, pf_value b);
PF_EXPERIMENTAL pf_value pf_max(pf_graph *g, pf_value a, pf_value b);
PF_EXPERIMENTAL pf_value pf_neg(pf_graph *g, pf_value a);
PF_EXPERIMENTAL pf_value pf_abs(pf_graph *g, pf_value a);
PF_EXPERIMENTAL pf_value pf_floor(pf_graph *g, pf_value a);
PF_EXPERIMENTAL pf_value pf_exp(pf_graph *g, pf_value a);
PF_EXPERIMENTAL pf_value pf_log(pf_graph *g, pf_value a);
PF_EXPERIMENTAL pf_value pf_log1p(pf_graph *g, pf_value a);
PF_EXPERIMENTAL pf_value pf_sqrt(pf_graph *g, pf_value a);
PF_EXPERIMENTAL pf_value pf_rsqrt(pf_graph *g, pf_value a);
PF_EXPERIMENTAL pf_value pf_recip(pf_graph *g, pf_value a);
PF_EXPERIMENTAL pf_value pf_sin(pf_graph *g, pf_value a);
PF_EXPERIMENTAL pf_value pf_cos(pf_graph *g, pf_value a);
PF_EXPERIMENTAL pf_value pf_atan(pf_graph *g, pf_value a);
PF_EXPERIMENTAL pf_value pf_tanh(pf_graph *g, pf_value a);
PF_EXPERIMENTAL pf_value pf_erf(pf_graph *g, pf_value a);
PF_EXPERIMENTAL pf_value pf_sigmoid(pf_graph *g, pf_value a);
/** Comparisons yield f32 1 or 0. */
PF_EXPERIMENTAL pf_value pf_less(pf_graph *g, pf_value a, pf_value b);
PF_EXPERIMENTAL pf_value pf_less_equal(pf_graph *g, pf_value a, pf_value b);
PF_EXPERIMENTAL pf_value pf_equal(pf_graph *g, pf_value a, pf_value b);
/** condition != 0 ? a : b, element by element; the branch not taken never spreads a NaN. */
PF_EXPERIMENTAL pf_value pf_select(pf_graph *g, pf_value condition, pf_value a, pf_value b);
PF_EXPERIMENTAL pf_value pf_cast(pf_graph *g, pf_value a, pf_dtype dtype);
/** Integers (u32): and, logical shift right by a value, high word of the product. */
PF_EXPERIMENTAL pf_value pf_and(pf_graph *g, pf_value a, pf_value b);
PF_EXPERIMENTAL pf_value pf_shift_right(pf_graph *g, pf_value a, pf_value b);
PF_EXPERIMENTAL pf_value pf_mul_high(pf_graph *g, pf_value a, pf_value b);

/* compositions of the above */
PF_EXPERIMENTAL pf_value pf_add_number(pf_graph *g, pf_value a, double number);
PF_EXPERIMENTAL pf_value pf_mul_number(pf_graph *g, pf_value a, double number);
PF_EXPERIMENTAL pf_value pf_square(pf_graph *g, pf_value a);
PF_EXPERIMENTAL pf_value pf_silu(pf_graph *g, pf_value a); /* x sigmoid(x) */
PF_EXPERIMENTAL pf_value pf_gelu(pf_graph *g, pf_value a); /* x Phi(x), by erf */
/** a^p for a > 0 as exp(p log a); p of 0, 1, 2, 0.5, -1, -0.5 become cheaper forms. */
PF_EXPERIMENTAL pf_value pf_power(pf_graph *g, pf_value a, double p);

/* ---- views: no arithmetic ---- */
PF_EXPERIMENTAL pf_value pf_reshape(pf_graph *g, pf_value a, pf_shape shape);
/** Axis i of the result is axis order[i] of a. */
PF_EXPERIMENTAL pf_value pf_permute(pf_graph *g, pf_value a, const int *order);
/** [start, stop) per axis. */
PF_EXPERIMENTAL pf_value pf_slice(pf_graph *g, pf_value a, const int64_t *start, const int64_t *stop);
/** [start, stop) along one axis. */
PF_EXPERIMENTAL pf_value pf_slice_axis(pf_graph *g, pf_value a, int axis, int64_t start, int64_t stop);
/** Zeros around: before and after per axis. */
PF_EXPERIMENTAL pf_value pf_pad(pf_graph *g, pf_value a, const int64_t *before, const int64_t *after);
PF_EXPERIMENTAL pf_value pf_concat(pf_graph *g, const pf_value *parts, int count, int axis);
/** As NumPy: aligned at the last axis; dimensions of 1 are repeated, missing ones added in front. */
PF_EXPERIMENTAL pf_value pf_broadcast(pf_graph *g, pf_value a, pf_shape shape);
/** [B] to [B,1,...,1] of the given rank, so that it broadcasts against a batch. */
PF_EXPERIMENTAL pf_value pf_per_sample(pf_graph *g, pf_value a, int rank);

/* ---- reductions. axes is a bit mask (bit i = axis i); keep leaves dimensions of 1 ---- */
PF_EXPERIMENTAL pf_value pf_sum(pf_graph *g, pf_value a, uint32_t axes, bool keep);
PF_EXPERIMENTAL pf_value pf_mean(pf_graph *g, pf_value a, uint32_t axes, bool keep);
/** For stabilising only: both derivatives are zero. */
PF_EXPERIMENTAL pf_value pf_row_max(pf_graph *g, pf_value a, uint32_t axes, bool keep);
/** Every axis but the first: [B, ...] to [B]. */
PF_EXPERIMENTAL pf_value pf_sum_per_sample(pf_graph *g, pf_value a);
/** Sum of everything, and mean of everything: rank 0. */
PF_EXPERIMENTAL pf_value pf_sum_all(pf_graph *g, pf_value a);
PF_EXPERIMENTAL pf_value pf_mean_all(pf_graph *g, pf_value a);

/* ---- products and gathers ---- */
/** C = op(A) op(B) over the last two axes, op transposing when its flag is set. Leading axes: equal, or
 * absent in B (shared weights). A [..., M, K] (or [..., K, M]), B [..., K, N] (or [..., N, K]), C [..., M,
 * N]. */
PF_EXPERIMENTAL pf_value pf_matmul(pf_graph *g, pf_value a, pf_value b, bool transpose_a, bool transpose_b);
/** Rows of table [R, ...] by index [B] (i32, 0 <= index < R): [B, ...]. */
PF_EXPERIMENTAL pf_value pf_gather(pf_graph *g, pf_value table, pf_value index);
/** The adjoint: row r of the result [rows, ...] is the sum, in order, of rows b of source with index[b] == r.
 */
PF_EXPERIMENTAL pf_value pf_gather_adjoint(pf_graph *g, pf_value source, pf_value index, int64_t rows);

/* ---- the drifting field (Deng et al. 2026, arXiv 2602.04770) ---- */
typedef enum pf_drift_form {
    PF_DRIFT_ONE_SIDED, /* V = E_{k/Z+} [y+] - E_{k/Z-} [y-] */
    PF_DRIFT_TWO_SIDED, /* weights A = sqrt(softmax over targets * softmax over x), as the authors run it */
} pf_drift_form;
typedef enum pf_drift_kernel {
    PF_DRIFT_LAPLACE, /* exp(-|x - y| / tau) */
    PF_DRIFT_GAUSS,   /* exp(-|x - y|^2 / (2 tau^2)) */
} pf_drift_kernel;
typedef enum pf_drift_own {
    PF_DRIFT_OWN_OTHERS, /* the x of a group are each other's negatives */
    PF_DRIFT_OWN_ALL,    /* and their own */
    PF_DRIFT_OWN_NONE,   /* the extra negatives alone */
} pf_drift_own;
typedef struct pf_drift_options {
    pf_drift_form form;
    pf_drift_kernel kernel;
    pf_drift_own own;
    double floor;             /* two-sided: A^2 is at least this, also for a sample with itself */
    uint64_t workspace_bytes; /* 0: 64 MiB. Distances that do not fit are computed anew, block by block */
} pf_drift_options;
/** V of x [G,N,D] in each of G groups, towards positive [G,M,D] and away from the other x and from extra
 * [G,E,D] (0: none), which count weight [G,E] >= 0 times (0: once): [T,G,N,D] for temperatures tau [T] > 0.
 * Where all negatives weigh nothing, V is 0. options == NULL: one-sided, Laplace. */
PF_EXPERIMENTAL pf_value pf_drift(pf_graph *g, pf_value x, pf_value positive, pf_value extra, pf_value weight,
                                  pf_value tau, const pf_drift_options *options);
/** For each x the sum, over the same targets and itself, of weight times distance: [G,N]. */
PF_EXPERIMENTAL pf_value pf_drift_distance(pf_graph *g, pf_value x, pf_value positive, pf_value extra,
                                           pf_value weight, const pf_drift_options *options);

/* ---- control ---- */
/** The same value with both derivatives zero, as in JAX. */
PF_EXPERIMENTAL pf_value pf_stop_gradient(pf_graph *g, pf_value a);

/* ---- transforms ---- */
/** Forward mode: dy[i] = sum_j (d y_i / d x_j) dx_j, appended to the graph; 0 where it is zero. dx[j] == 0
 * means a zero tangent. y     [ny], replaced where a macro's dual form recomputes the primal: use the
 * returned values from then on. */
PF_EXPERIMENTAL pf_status pf_jvp(pf_graph *g, pf_value *y, int ny, const pf_value *x, const pf_value *dx,
                                 int nx, pf_value *dy);
/** Reverse mode: xbar[j] = sum_i ybar_i (d y_i / d x_j), appended to the graph; 0 where it is zero. ybar[i]
 * has y[i]'s shape. */
PF_EXPERIMENTAL pf_status pf_vjp(pf_graph *g, const pf_value *y, const pf_value *ybar, int ny,
                                 const pf_value *x, int nx, pf_value *xbar);

/* ---- the host interpreter: plain C in double, the definition of truth ---- */
/** Data for a leaf: by input name, stream name (binds a random leaf) or "group:path" of a parameter. data
 * [count] doubles, row-major. */
typedef struct pf_binding {
    const char *name;
    const double *data;
} pf_binding;
/** Runs the graph for the given outputs. out[i]: caller's memory, [count of outputs[i]] doubles (a symbolic
 * zero writes nothing). seed and first_sample drive the random leaves that are not bound. PF_USAGE names a
 * leaf that has no data. */
PF_EXPERIMENTAL pf_status pf_interpret(const pf_graph *g, const pf_value *outputs, int count,
                                       const pf_binding *bindings, int binding_count, uint64_t seed,
                                       uint64_t first_sample, double *const *out, pf_error *error);

#endif
