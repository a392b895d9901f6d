/* SPDX-License-Identifier: MIT
 * Views: the same numbers under another shape, or a part of them, or repeated. */
#include "graph/build.h"
#include <string.h>

pf_value pf_reshape(pf_graph *g, pf_value a, pf_shape shape) {
    if (!pf__usable(g, "reshape", &a, 1) || a == 0) return 0;
    const pf__value *v = &g->values[a];
    if (pf__shape_equal(&v->shape, &shape)) return a;
    if (shape.rank < 0 || shape.rank > PF_RANK_MAX || pf_shape_count(&shape) != pf_shape_count(&v->shape)) {
        char from[PF__DESCRIBE_MAX], to[PF__DESCRIBE_MAX];
        return pf__graph_fail(g, PF_SHAPE, "reshape: %s does not fit in %s", pf__describe(g, a, from),
                              pf__shape_text(&shape, to));
    }
    double number;
    if (pf__is_constant(g, a, &number)) return pf__number(g, number, v->dtype, &shape);
    pf_value inner = g->merging ? pf__through(g, a, PF__OP_RESHAPE) : 0;
    if (!inner && g->merging) inner = pf__unpad_reshape(g, a, &shape);
    if (inner) return pf_reshape(g, inner, shape);
    return pf__emit(g, PF__OP_RESHAPE, &a, 1, &(pf__attr){0}, v->dtype, &shape);
}

static bool is_permutation(const int *order, int rank) {
    uint32_t seen = 0;
    for (int i = 0; i < rank; i++) {
        if (order[i] < 0 || order[i] >= rank) return false;
        seen |= 1u << order[i];
    }
    return seen == (1u << rank) - 1;
}

pf_value pf_permute(pf_graph *g, pf_value a, const int *order) {
    if (!pf__usable(g, "permute", &a, 1) || a == 0) return 0;
    pf_shape from = g->values[a].shape, to = {.rank = from.rank};
    if (!is_permutation(order, from.rank)) {
        char text[PF__DESCRIBE_MAX];
        return pf__graph_fail(g, PF_SHAPE, "permute: the order is no permutation of the axes of %s",
                              pf__describe(g, a, text));
    }
    pf__attr attr = {0};
    int last = -1;
    bool moves = false; /* an axis longer than 1 before an earlier one */
    for (int i = 0; i < from.rank; i++) {
        attr.a[i] = order[i];
        to.dim[i] = from.dim[order[i]];
        if (to.dim[i] == 1) continue;
        if (order[i] < last) moves = true;
        last = order[i];
    }
    if (!moves) return pf_reshape(g, a, to);
    double number;
    if (pf__is_constant(g, a, &number)) return pf__number(g, number, g->values[a].dtype, &to);
    pf_value inner = g->merging ? pf__through(g, a, PF__OP_PERMUTE) : 0;
    if (inner) {
        const int64_t *first = pf__node_of(g, a)->attr.a;
        int both[PF_RANK_MAX];
        for (int i = 0; i < from.rank; i++) both[i] = (int)first[order[i]];
        return pf_permute(g, inner, both);
    }
    return pf__emit(g, PF__OP_PERMUTE, &a, 1, &attr, g->values[a].dtype, &to);
}

/* A slice that sees nothing of the zeros, or nothing but zeros; 0 when it sees both. */
static pf_value slice_of_pad(pf_graph *g, pf_value a, int64_t *from, int64_t *to) {
    pf__node n = *pf__node_of(g, a);
    pf_value inside = pf__inputs(g, &n)[0];
    pf_shape inner = g->values[inside].shape, shape = inner;
    bool within = true, outside = false;
    for (int i = 0; i < inner.rank; i++) {
        shape.dim[i] = to[i] - from[i];
        from[i] -= n.attr.a[i];
        to[i] -= n.attr.a[i];
        within = within && from[i] >= 0 && to[i] <= inner.dim[i];
        outside = outside || to[i] <= 0 || from[i] >= inner.dim[i];
    }
    if (outside) return pf__number(g, 0, g->values[a].dtype, &shape);
    return within ? pf_slice(g, inside, from, to) : 0;
}

/* Within merging: a slice of a slice, of a PAD, and a slice of one part of a concatenation. 0 when neither.
 */
static pf_value merge_slice(pf_graph *g, pf_value a, const int64_t *start, const int64_t *stop) {
    pf__node n = *pf__node_of(g, a);
    int rank = g->values[a].shape.rank;
    int64_t from[PF_RANK_MAX] = {0}, to[PF_RANK_MAX] = {0};
    memcpy(from, start, (size_t)rank * sizeof *from);
    memcpy(to, stop, (size_t)rank * sizeof *to);
    if (n.op == PF__OP_SLICE) {
        for (int i = 0; i < rank; i++) {
            from[i] += n.attr.a[i];
            to[i] += n.attr.a[i];
        }
        return pf_slice(g, pf__inputs(g, &n)[0], from, to);
    }
    if (n.op == PF__OP_PAD) return slice_of_pad(g, a, from, to);
    if (n.op != PF__OP_CONCAT) return 0;
    int axis = n.attr.axis;
    for (uint32_t i = 0; i < n.input_count; i++) {
        pf_value part = pf__inputs(g, &n)[i];
        int64_t extent = g->values[part].shape.dim[axis];
        if (from[axis] >= 0 && to[axis] <= extent) return pf_slice(g, part, from, to);
        from[axis] -= extent;
        to[axis] -= extent;
    }
    return 0;
}

pf_value pf_slice(pf_graph *g, pf_value a, const int64_t *start, const int64_t *stop) {
    if (!pf__usable(g, "slice", &a, 1) || a == 0) return 0;
    pf_shape shape = g->values[a].shape;
    pf_dtype dtype = g->values[a].dtype;
    pf__attr attr = {0};
    bool whole = true;
    for (int i = 0; i < shape.rank; i++) {
        if (start[i] < 0 || start[i] >= stop[i] || stop[i] > shape.dim[i]) {
            char text[PF__DESCRIBE_MAX];
            return pf__graph_fail(g, PF_SHAPE, "slice: %lld to %lld along axis %d of %s", (long long)start[i],
                                  (long long)stop[i], i, pf__describe(g, a, text));
        }
        whole = whole && stop[i] - start[i] == shape.dim[i];
        shape.dim[i] = stop[i] - start[i];
        attr.a[i] = start[i];
        attr.b[i] = stop[i];
    }
    if (whole) return a;
    double number;
    if (pf__is_constant(g, a, &number)) return pf__number(g, number, dtype, &shape);
    pf_value merged = g->merging ? merge_slice(g, a, start, stop) : 0;
    if (merged) return merged;
    return pf__emit(g, PF__OP_SLICE, &a, 1, &attr, dtype, &shape);
}

pf_value pf_slice_axis(pf_graph *g, pf_value a, int axis, int64_t start, int64_t stop) {
    if (!pf__usable(g, "slice", &a, 1) || a == 0) return 0;
    pf_shape shape = g->values[a].shape;
    if (axis < 0 || axis >= shape.rank)
        return pf__graph_fail(g, PF_SHAPE, "slice: axis %d of a value of rank %d", axis, shape.rank);
    int64_t from[PF_RANK_MAX] = {0}, to[PF_RANK_MAX];
    memcpy(to, shape.dim, sizeof to);
    from[axis] = start;
    to[axis] = stop;
    return pf_slice(g, a, from, to);
}

pf_value pf_pad(pf_graph *g, pf_value a, const int64_t *before, const int64_t *after) {
    if (!pf__usable(g, "pad", &a, 1) || a == 0) return 0;
    pf_shape shape = g->values[a].shape;
    pf__attr attr = {0};
    bool nothing = true;
    for (int i = 0; i < shape.rank; i++) {
        if (before[i] < 0 || after[i] < 0)
            return pf__graph_fail(g, PF_SHAPE, "pad: %lld before and %lld after along axis %d",
                                  (long long)before[i], (long long)after[i], i);
        nothing = nothing && before[i] == 0 && after[i] == 0;
        shape.dim[i] += before[i] + after[i];
        attr.a[i] = before[i];
        attr.b[i] = after[i];
    }
    if (nothing) return a;
    double number;
    pf_dtype dtype = g->values[a].dtype;
    if (pf__is_constant(g, a, &number) && number == 0) return pf__number(g, 0, dtype, &shape);
    return pf__emit(g, PF__OP_PAD, &a, 1, &attr, dtype, &shape);
}

/* True when part agrees with the first in everything but the extent along axis. */
static bool joins(const pf_graph *g, pf_value first, pf_value part, int axis) {
    pf_shape a = g->values[first].shape, b = g->values[part].shape;
    a.dim[axis] = 0;
    b.dim[axis] = 0;
    return g->values[first].dtype == g->values[part].dtype && pf__shape_equal(&a, &b);
}

/* Within merging: the parts of parts along the same axis. */
static pf_value flat_concat(pf_graph *g, const pf_value *parts, int count, int axis) {
    enum { MOST = 32 };
    pf_value all[MOST];
    int n = 0;
    bool nested = false;
    for (int i = 0; i < count; i++) {
        const pf__node *p = pf__node_of(g, parts[i]);
        const bool inner = p->op == PF__OP_CONCAT && p->attr.axis == axis;
        const int more = inner ? (int)p->input_count : 1;
        if (n + more > MOST) return 0;
        for (int k = 0; k < more; k++) all[n++] = inner ? pf__inputs(g, p)[k] : parts[i];
        nested = nested || inner;
    }
    return nested ? pf_concat(g, all, n, axis) : 0;
}

pf_value pf_concat(pf_graph *g, const pf_value *parts, int count, int axis) {
    if (!pf__usable(g, "concat", parts, count)) return 0;
    int zeros = 0;
    for (int i = 0; i < count; i++) zeros += parts[i] == 0;
    if (zeros == count) return 0;
    if (zeros > 0) return pf__graph_fail(g, PF_USAGE, "concat: the symbolic zero has no extent");
    pf_shape shape = g->values[parts[0]].shape;
    if (axis < 0 || axis >= shape.rank)
        return pf__graph_fail(g, PF_SHAPE, "concat: axis %d of a value of rank %d", axis, shape.rank);
    double number, other;
    bool constant = pf__is_constant(g, parts[0], &number);
    for (int i = 1; i < count; i++) {
        if (!joins(g, parts[0], parts[i], axis)) {
            char first[PF__DESCRIBE_MAX], second[PF__DESCRIBE_MAX];
            return pf__graph_fail(g, PF_SHAPE, "concat along axis %d: %s and %s do not agree", axis,
                                  pf__describe(g, parts[0], first), pf__describe(g, parts[i], second));
        }
        constant = constant && pf__is_constant(g, parts[i], &other) && other == number;
        shape.dim[axis] += g->values[parts[i]].shape.dim[axis];
    }
    if (count == 1) return parts[0];
    pf_dtype dtype = g->values[parts[0]].dtype;
    if (constant) return pf__number(g, number, dtype, &shape);
    pf_value merged = g->merging ? pf__unpad_concat(g, parts, count, axis) : 0;
    if (!merged && g->merging) merged = flat_concat(g, parts, count, axis);
    if (merged) return merged;
    pf__attr attr = {.axis = axis};
    return pf__emit(g, PF__OP_CONCAT, parts, (uint32_t)count, &attr, dtype, &shape);
}

pf_value pf_broadcast(pf_graph *g, pf_value a, pf_shape shape) {
    if (!pf__usable(g, "broadcast", &a, 1) || a == 0) return 0;
    pf_shape from = g->values[a].shape;
    pf_dtype dtype = g->values[a].dtype;
    if (pf__shape_equal(&from, &shape)) return a;
    bool fits = shape.rank >= from.rank && shape.rank <= PF_RANK_MAX;
    int missing = shape.rank - from.rank;
    pf_shape full = shape;
    for (int i = 0; fits && i < shape.rank; i++) {
        full.dim[i] = i < missing ? 1 : from.dim[i - missing];
        fits = full.dim[i] == 1 || full.dim[i] == shape.dim[i];
    }
    if (!fits) {
        char text[PF__DESCRIBE_MAX], to[PF__DESCRIBE_MAX];
        return pf__graph_fail(g, PF_SHAPE, "broadcast: %s does not become %s", pf__describe(g, a, text),
                              pf__shape_text(&shape, to));
    }
    double number;
    if (pf__is_constant(g, a, &number)) return pf__number(g, number, dtype, &shape);
    pf_value inner = pf_reshape(g, a, full);
    if (pf__shape_equal(&full, &shape)) return inner;
    pf_value source = g->merging ? pf__through(g, inner, PF__OP_BROADCAST) : 0;
    if (source) return pf_broadcast(g, source, shape);
    source = g->merging ? pf__unpad_broadcast(g, inner, &shape) : 0;
    if (source) return source;
    return pf__emit(g, PF__OP_BROADCAST, &inner, 1, &(pf__attr){0}, dtype, &shape);
}

pf_value pf_per_sample(pf_graph *g, pf_value a, int rank) {
    if (!pf__usable(g, "per_sample", &a, 1) || a == 0) return 0;
    pf_shape shape = g->values[a].shape;
    if (shape.rank != 1 || rank < 1 || rank > PF_RANK_MAX) {
        char text[PF__DESCRIBE_MAX];
        return pf__graph_fail(g, PF_SHAPE, "per_sample: wants one number per sample, not %s (rank %d wanted)",
                              pf__describe(g, a, text), rank);
    }
    for (int i = 1; i < rank; i++) shape.dim[i] = 1;
    shape.rank = rank;
    return pf_reshape(g, a, shape);
}
