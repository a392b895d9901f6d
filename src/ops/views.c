/* SPDX-License-Identifier: MIT
 * The rows of the views. All are linear; each one's adjoint is another of them, or a sum. */
#include "graph/build.h"
#include "ops/rows.h"
#include <string.h>

/* One side of a copy between a dense tensor and a strided one: an offset and a stride per axis, in elements.
 */
typedef struct places {
    int64_t offset, stride[PF_RANK_MAX];
} places;

static places dense(const pf_shape *shape) {
    places p = {0};
    int64_t stride = 1;
    for (int i = shape->rank - 1; i >= 0; i--) {
        p.stride[i] = stride;
        stride *= shape->dim[i];
    }
    return p;
}

/* y at `to` = x at `from`, for every index below shape. */
static void copy(const pf_shape *shape, const double *x, places from, double *y, places to) {
    int64_t count = pf_shape_count(shape), index[PF_RANK_MAX] = {0};
    for (int64_t n = 0; n < count; n++) {
        y[to.offset] = x[from.offset];
        for (int i = shape->rank - 1; i >= 0; i--) {
            from.offset += from.stride[i];
            to.offset += to.stride[i];
            if (++index[i] < shape->dim[i]) break;
            from.offset -= index[i] * from.stride[i];
            to.offset -= index[i] * to.stride[i];
            index[i] = 0;
        }
    }
}

static const pf_shape *input_shape(const pf_graph *g, const pf__node *n) {
    return &g->values[pf__inputs(g, n)[0]].shape;
}

static const pf_shape *output_shape(const pf_graph *g, const pf__node *n) {
    return &g->values[n->first_output].shape;
}

/* ---- reshape ---- */

static pf_status reshape_vjp(pf_graph *g, const pf__node *n, const pf_value *ybar, pf_value *xbar) {
    xbar[0] = pf_reshape(g, ybar[0], *input_shape(g, n));
    return g->error.status;
}

static void reshape_interpret(const pf_graph *g, const pf__node *n, const double *const *x,
                              double *const *y) {
    memcpy(y[0], x[0], (size_t)pf_shape_count(output_shape(g, n)) * sizeof **y);
}

const struct pf__op pf__row_RESHAPE = {
    .name = "reshape", PF__LINEAR, .vjp = reshape_vjp, .interpret = reshape_interpret};

/* ---- permute ---- */

static pf_status permute_vjp(pf_graph *g, const pf__node *n, const pf_value *ybar, pf_value *xbar) {
    int inverse[PF_RANK_MAX];
    int rank = output_shape(g, n)->rank;
    for (int i = 0; i < rank; i++) inverse[n->attr.a[i]] = i;
    xbar[0] = pf_permute(g, ybar[0], inverse);
    return g->error.status;
}

static void permute_interpret(const pf_graph *g, const pf__node *n, const double *const *x,
                              double *const *y) {
    places source = dense(input_shape(g, n)), from = {0};
    const pf_shape *shape = output_shape(g, n);
    for (int i = 0; i < shape->rank; i++) from.stride[i] = source.stride[n->attr.a[i]];
    copy(shape, x[0], from, y[0], dense(shape));
}

const struct pf__op pf__row_PERMUTE = {
    .name = "permute", PF__LINEAR, .vjp = permute_vjp, .interpret = permute_interpret};

/* ---- slice and pad: each other's adjoints ---- */

static pf_status slice_vjp(pf_graph *g, const pf__node *n, const pf_value *ybar, pf_value *xbar) {
    int64_t after[PF_RANK_MAX] = {0};
    const pf_shape *shape = input_shape(g, n);
    for (int i = 0; i < shape->rank; i++) after[i] = shape->dim[i] - n->attr.b[i];
    xbar[0] = pf_pad(g, ybar[0], n->attr.a, after);
    return g->error.status;
}

static void slice_interpret(const pf_graph *g, const pf__node *n, const double *const *x, double *const *y) {
    places from = dense(input_shape(g, n));
    const pf_shape *shape = output_shape(g, n);
    for (int i = 0; i < shape->rank; i++) from.offset += n->attr.a[i] * from.stride[i];
    copy(shape, x[0], from, y[0], dense(shape));
}

const struct pf__op pf__row_SLICE = {
    .name = "slice", PF__LINEAR, .vjp = slice_vjp, .interpret = slice_interpret};

static pf_status pad_vjp(pf_graph *g, const pf__node *n, const pf_value *ybar, pf_value *xbar) {
    int64_t stop[PF_RANK_MAX] = {0};
    const pf_shape *shape = input_shape(g, n);
    for (int i = 0; i < shape->rank; i++) stop[i] = n->attr.a[i] + shape->dim[i];
    xbar[0] = pf_slice(g, ybar[0], n->attr.a, stop);
    return g->error.status;
}

static void pad_interpret(const pf_graph *g, const pf__node *n, const double *const *x, double *const *y) {
    places to = dense(output_shape(g, n));
    const pf_shape *shape = input_shape(g, n);
    memset(y[0], 0, (size_t)pf_shape_count(output_shape(g, n)) * sizeof **y);
    for (int i = 0; i < shape->rank; i++) to.offset += n->attr.a[i] * to.stride[i];
    copy(shape, x[0], dense(shape), y[0], to);
}

const struct pf__op pf__row_PAD = {.name = "pad", PF__LINEAR, .vjp = pad_vjp, .interpret = pad_interpret};

/* ---- concat ---- */

static pf_status concat_vjp(pf_graph *g, const pf__node *n, const pf_value *ybar, pf_value *xbar) {
    int64_t start = 0;
    for (uint32_t i = 0; i < n->input_count; i++) {
        int64_t extent = g->values[pf__inputs(g, n)[i]].shape.dim[n->attr.axis];
        xbar[i] = pf_slice_axis(g, ybar[0], n->attr.axis, start, start + extent);
        start += extent;
    }
    return g->error.status;
}

static void concat_interpret(const pf_graph *g, const pf__node *n, const double *const *x, double *const *y) {
    places to = dense(output_shape(g, n));
    for (uint32_t i = 0; i < n->input_count; i++) {
        const pf_shape *shape = &g->values[pf__inputs(g, n)[i]].shape;
        copy(shape, x[i], dense(shape), y[0], to);
        to.offset += shape->dim[n->attr.axis] * to.stride[n->attr.axis];
    }
}

const struct pf__op pf__row_CONCAT = {
    .name = "concat", PF__LINEAR, .vjp = concat_vjp, .interpret = concat_interpret};

/* ---- broadcast ---- */

static pf_status broadcast_vjp(pf_graph *g, const pf__node *n, const pf_value *ybar, pf_value *xbar) {
    const pf_shape *from = input_shape(g, n), *to = output_shape(g, n);
    uint32_t repeated = 0;
    for (int i = 0; i < to->rank; i++)
        if (from->dim[i] != to->dim[i]) repeated |= 1u << i;
    xbar[0] = pf_sum(g, ybar[0], repeated, true);
    return g->error.status;
}

static void broadcast_interpret(const pf_graph *g, const pf__node *n, const double *const *x,
                                double *const *y) {
    const pf_shape *source = input_shape(g, n), *shape = output_shape(g, n);
    places from = dense(source);
    for (int i = 0; i < shape->rank; i++)
        if (source->dim[i] == 1) from.stride[i] = 0;
    copy(shape, x[0], from, y[0], dense(shape));
}

const struct pf__op pf__row_BROADCAST = {
    .name = "broadcast", PF__LINEAR, .vjp = broadcast_vjp, .interpret = broadcast_interpret};
