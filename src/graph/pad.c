/* SPDX-License-Identifier: MIT
 * Within merging, zeros move outwards: a function that keeps zeros zero acts on the inside of a PAD and is
 * padded afterwards. So a tangent that only some rows of a batch have costs these rows alone:
 *
 *   matmul(pad(a), W)    pad(matmul(a, W))
 *   pad(a) * b           pad(a * slice(b))
 *   sum of rows of pad   sum of rows */
#include "graph/build.h"
#include <string.h>

/* A PAD along one axis. */
typedef struct padding {
    pf_value inside;
    int axis;
    int64_t before, after;
} padding;

static bool padding_of(const pf_graph *g, pf_value v, padding *p) {
    const pf__node *n = pf__node_of(g, v);
    if (n->op != PF__OP_PAD) return false;
    p->axis = -1;
    for (int i = 0; i < g->values[v].shape.rank; i++) {
        if (n->attr.a[i] == 0 && n->attr.b[i] == 0) continue;
        if (p->axis >= 0) return false;
        p->axis = i;
    }
    p->inside = pf__inputs(g, n)[0];
    p->before = n->attr.a[p->axis];
    p->after = n->attr.b[p->axis];
    return true;
}

static bool same_padding(const padding *p, const padding *q) {
    return p->axis == q->axis && p->before == q->before && p->after == q->after;
}

static pf_value padded(pf_graph *g, pf_value inside, const padding *p, int axis) {
    int64_t before[PF_RANK_MAX] = {0}, after[PF_RANK_MAX] = {0};
    before[axis] = p->before;
    after[axis] = p->after;
    return pf_pad(g, inside, before, after);
}

/* The part of v that lies at p's inside, along v's own axis. */
static pf_value within(pf_graph *g, pf_value v, const padding *p, int axis) {
    return pf_slice_axis(g, v, axis, p->before, g->values[v].shape.dim[axis] - p->after);
}

static bool is_zero(const pf_graph *g, pf_value v) {
    double number;
    return pf__is_constant(g, v, &number) && number == 0;
}

/* ---- functions of elements ---- */

/* Whether s is 0 wherever the inputs of the mask are 0. */
static bool keeps_zero(pf__scalar s, unsigned zero) {
    switch (s) {
    case PF__MUL:
        return zero != 0;
    case PF__DIV:
        return (zero & 1u) != 0;
    case PF__ADD:
    case PF__SUB:
        return (zero & 3u) == 3u;
    case PF__NEG:
    case PF__ABS:
    case PF__SIN:
    case PF__TANH:
    case PF__ATAN:
    case PF__ERF:
    case PF__SQRT:
        return zero != 0;
    case PF__SELECT:
        return (zero & 6u) == 6u;
    default:
        return false;
    }
}

pf_value pf__unpad_map(pf_graph *g, pf__scalar s, pf_dtype dtype, const pf_value *in) {
    padding first = {0}, p;
    unsigned zero = 0;
    bool any = false;
    for (int i = 0; i < pf__scalar_arity(s); i++) {
        if (is_zero(g, in[i])) zero |= 1u << i;
        if (!padding_of(g, in[i], &p) || (any && !same_padding(&first, &p))) continue;
        if (!any) first = p;
        any = true;
        zero |= 1u << i;
    }
    if (!any || !keeps_zero(s, zero)) return 0;
    pf_value inner[3] = {0};
    for (int i = 0; i < pf__scalar_arity(s); i++)
        inner[i] = padding_of(g, in[i], &p) && same_padding(&first, &p)
                       ? p.inside
                       : within(g, in[i], &first, first.axis);
    return padded(g, pf__map(g, s, dtype, inner), &first, first.axis);
}

/* ---- views and sums ---- */

pf_value pf__unpad_reshape(pf_graph *g, pf_value a, const pf_shape *shape) {
    padding p;
    if (!padding_of(g, a, &p) || p.axis != 0 || shape->rank < 1) return 0;
    if (g->values[a].shape.dim[0] != shape->dim[0]) return 0;
    pf_shape inner = *shape;
    inner.dim[0] = g->values[p.inside].shape.dim[0];
    return padded(g, pf_reshape(g, p.inside, inner), &p, 0);
}

pf_value pf__unpad_broadcast(pf_graph *g, pf_value a, const pf_shape *shape) {
    padding p;
    if (!padding_of(g, a, &p) || g->values[a].shape.dim[p.axis] != shape->dim[p.axis]) return 0;
    pf_shape inner = *shape;
    inner.dim[p.axis] = g->values[p.inside].shape.dim[p.axis];
    return padded(g, pf_broadcast(g, p.inside, inner), &p, p.axis);
}

pf_value pf__unpad_sum(pf_graph *g, pf_value a, uint32_t axes) {
    padding p;
    if (!padding_of(g, a, &p)) return 0;
    pf_value sum = pf_sum(g, p.inside, axes, true);
    return axes >> p.axis & 1u ? sum : padded(g, sum, &p, p.axis);
}

pf_value pf__unpad_concat(pf_graph *g, const pf_value *parts, int count, int axis) {
    enum { MOST = 16 };
    padding first = {0}, p;
    pf_value inner[MOST];
    bool any = false;
    if (count > MOST) return 0;
    for (int i = 0; i < count; i++) {
        if (is_zero(g, parts[i])) continue;
        if (!padding_of(g, parts[i], &p) || p.axis == axis || (any && !same_padding(&first, &p))) return 0;
        first = p;
        any = true;
    }
    if (!any) return 0;
    for (int i = 0; i < count; i++)
        inner[i] = padding_of(g, parts[i], &p) ? p.inside : within(g, parts[i], &first, first.axis);
    return padded(g, pf_concat(g, inner, count, axis), &first, first.axis);
}

/* ---- products of matrices ---- */

pf_value pf__unpad_matmul(pf_graph *g, pf_value a, pf_value b, bool ta, bool tb) {
    padding p;
    const int rank = g->values[a].shape.rank;
    const int row = ta ? rank - 1 : rank - 2, column = tb ? rank - 2 : rank - 1; /* axes of M and of N */
    const int ka = ta ? rank - 2 : rank - 1, kb = tb ? rank - 1 : rank - 2;
    if (padding_of(g, a, &p)) {
        if (p.axis == row) return padded(g, pf_matmul(g, p.inside, b, ta, tb), &p, rank - 2);
        if (p.axis == ka) return pf_matmul(g, p.inside, within(g, b, &p, kb), ta, tb);
    }
    if (padding_of(g, b, &p)) {
        if (p.axis == column) return padded(g, pf_matmul(g, a, p.inside, ta, tb), &p, rank - 1);
        if (p.axis == kb) return pf_matmul(g, within(g, a, &p, ka), p.inside, ta, tb);
    }
    return 0;
}
