/* SPDX-License-Identifier: MIT
 * Simplification of a finished graph: MAP rules that look behind their operands, and the sweep that applies
 * them. */
#include "graph/build.h"
#include <stdlib.h>

static pf_value map_number(pf_graph *g, pf__scalar s, pf_dtype dtype, pf_value a, double number) {
    pf_shape shape = g->values[a].shape;
    pf_value inputs[2] = {a, pf__number(g, number, dtype, &shape)};
    return pf__map(g, s, dtype, inputs);
}

static pf_value map_two(pf_graph *g, pf__scalar s, pf_dtype dtype, pf_value a, pf_value b) {
    return pf__map(g, s, dtype, (pf_value[2]){a, b});
}

static pf_value input_of(const pf_graph *g, const pf__node *n, int i) {
    return pf__inputs(g, n)[i];
}

/* a when v is neg(a), else 0. */
static pf_value behind_neg(const pf_graph *g, pf_value v) {
    const pf__node *n = pf__as_map(g, v, PF__NEG);
    return n ? input_of(g, n, 0) : 0;
}

/* a when v is s(a, number), else 0. */
static pf_value behind_number(const pf_graph *g, pf_value v, pf__scalar s, double *number) {
    const pf__node *n = pf__as_map(g, v, s);
    return n && pf__is_constant(g, input_of(g, n, 1), number) ? input_of(g, n, 0) : 0;
}

static pf_value merge_neg(pf_graph *g, pf_dtype dtype, pf_value a) {
    double number;
    pf_value inner = behind_neg(g, a);
    if (inner) return inner;
    const pf__node *n = pf__as_map(g, a, PF__SUB);
    if (n) return map_two(g, PF__SUB, dtype, input_of(g, n, 1), input_of(g, n, 0));
    inner = behind_number(g, a, PF__MUL, &number);
    return inner ? map_number(g, PF__MUL, dtype, inner, -number) : 0;
}

static pf_value merge_product(pf_graph *g, pf_dtype dtype, pf_value a, pf_value b) {
    double number, factor;
    pf_value na = behind_neg(g, a), nb = behind_neg(g, b);
    if (na && nb) return map_two(g, PF__MUL, dtype, na, nb);
    if (!pf__is_constant(g, b, &number)) return 0;
    if (na) return map_number(g, PF__MUL, dtype, na, -number);
    pf_value inner = behind_number(g, a, PF__MUL, &factor);
    if (!inner) return 0;
    return map_number(g, PF__MUL, dtype, inner, pf__scalar_evaluate(PF__MUL, dtype, factor, number, 0));
}

/* The axis along which the PAD v adds zeros, when it is only one; else -1. */
static int padded_axis(const pf_graph *g, pf_value v, pf_value *inside, int64_t *before, int64_t *after) {
    const pf__node *n = pf__node_of(g, v);
    if (n->op != PF__OP_PAD) return -1;
    int axis = -1;
    for (int i = 0; i < g->values[v].shape.rank; i++) {
        if (n->attr.a[i] == 0 && n->attr.b[i] == 0) continue;
        if (axis >= 0) return -1;
        axis = i;
    }
    *inside = input_of(g, n, 0);
    *before = n->attr.a[axis];
    *after = n->attr.b[axis];
    return axis;
}

/* A sum of two padded pieces that touch is a concatenation: the cotangents of slices come so. */
static pf_value merge_pads(pf_graph *g, pf_value a, pf_value b) {
    pf_value x, y;
    int64_t before_x, after_x, before_y, after_y;
    int axis = padded_axis(g, a, &x, &before_x, &after_x);
    if (axis < 0 || axis != padded_axis(g, b, &y, &before_y, &after_y)) return 0;
    if (before_x > before_y) return merge_pads(g, b, a);
    if (before_x + g->values[x].shape.dim[axis] != before_y) return 0;
    int64_t before[PF_RANK_MAX] = {0}, after[PF_RANK_MAX] = {0};
    before[axis] = before_x;
    after[axis] = after_y;
    return pf_pad(g, pf_concat(g, (pf_value[2]){x, y}, 2, axis), before, after);
}

static pf_value merge_sum(pf_graph *g, pf_dtype dtype, pf_value a, pf_value b) {
    double number, term;
    pf_value na = behind_neg(g, a), nb = behind_neg(g, b);
    if (nb) return map_two(g, PF__SUB, dtype, a, nb);
    if (na) return map_two(g, PF__SUB, dtype, b, na);
    if (pf__is_constant(g, b, &number)) {
        pf_value inner = behind_number(g, a, PF__ADD, &term);
        if (!inner) return 0;
        return map_number(g, PF__ADD, dtype, inner, pf__scalar_evaluate(PF__ADD, dtype, term, number, 0));
    }
    return merge_pads(g, a, b);
}

/* A function of equally repeated values is the repeated function of the values. */
static pf_value merge_broadcasts(pf_graph *g, pf__scalar s, pf_dtype dtype, const pf_value *in) {
    int arity = pf__scalar_arity(s);
    pf_value small[3] = {0}, source = 0;
    for (int i = 0; i < arity; i++) {
        double number;
        small[i] = pf__through(g, in[i], PF__OP_BROADCAST);
        if (!small[i] && !pf__is_constant(g, in[i], &number)) return 0;
        if (!small[i]) continue;
        if (source && !pf__shape_equal(&g->values[source].shape, &g->values[small[i]].shape)) return 0;
        source = small[i];
    }
    if (!source) return 0;
    pf_shape shape = g->values[source].shape, wide = g->values[in[0]].shape;
    for (int i = 0; i < arity; i++) {
        double number = 0;
        if (small[i]) continue;
        pf__is_constant(g, in[i], &number);
        small[i] = pf__number(g, number, g->values[in[i]].dtype, &shape);
    }
    return pf_broadcast(g, pf__map(g, s, dtype, small), wide);
}

/* A function of one concatenation (and of numbers) is the concatenation of the functions: its parts are then
 * written where they are wanted at once. */
static pf_value merge_concat(pf_graph *g, pf__scalar s, pf_dtype dtype, const pf_value *in) {
    enum { MOST = 16 };
    const int arity = pf__scalar_arity(s);
    int at = -1;
    for (int i = 0; i < arity; i++) {
        double number;
        if (pf__is_constant(g, in[i], &number)) continue;
        if (at >= 0 || pf__node_of(g, in[i])->op != PF__OP_CONCAT) return 0;
        at = i;
    }
    if (at < 0) return 0;
    const pf__node n = *pf__node_of(g, in[at]);
    pf_value parts[MOST], inner[3];
    if (n.input_count > MOST) return 0;
    for (uint32_t k = 0; k < n.input_count; k++) {
        const pf_value part = pf__inputs(g, &n)[k];
        const pf_shape shape = g->values[part].shape;
        for (int i = 0; i < arity; i++) {
            double number = 0;
            pf__is_constant(g, in[i], &number);
            inner[i] = i == at ? part : pf__number(g, number, g->values[in[i]].dtype, &shape);
        }
        parts[k] = pf__map(g, s, dtype, inner);
    }
    return pf_concat(g, parts, (int)n.input_count, n.attr.axis);
}

pf_value pf__merge_map(pf_graph *g, pf__scalar s, pf_dtype dtype, const pf_value *in) {
    pf_value merged = merge_broadcasts(g, s, dtype, in);
    if (merged || dtype == PF_U32) return merged;
    merged = pf__unpad_map(g, s, dtype, in);
    if (!merged) merged = merge_concat(g, s, dtype, in);
    if (merged) return merged;
    switch (s) {
    case PF__NEG:
        return merge_neg(g, dtype, in[0]);
    case PF__MUL:
        return merge_product(g, dtype, in[0], in[1]);
    case PF__ADD:
        return merge_sum(g, dtype, in[0], in[1]);
    case PF__SUB: {
        pf_value inner = behind_neg(g, in[1]);
        return inner ? map_two(g, PF__ADD, dtype, in[0], inner) : 0;
    }
    default:
        return 0;
    }
}

/* Rebuilds node index with its inputs replaced. */
static void rebuild_node(pf_graph *g, uint32_t index, pf_value *replaced) {
    pf__node n = g->nodes[index];
    pf_value few[16], *inputs = few;
    if (n.input_count > 16) inputs = malloc(n.input_count * sizeof *inputs);
    if (!inputs) {
        pf__graph_fail(g, PF_MEMORY, "out of memory: simplifying a graph");
        return;
    }
    for (uint32_t i = 0; i < n.input_count; i++) inputs[i] = replaced[pf__inputs(g, &n)[i]];
    replaced[n.first_output] = pf__rebuild(g, &n, inputs);
    if (inputs != few) free(inputs);
}

pf_status pf__simplify(pf_graph *g, pf_value *outputs, int count) {
    if (!pf__usable(g, "simplify", outputs, count)) return g->error.status;
    uint32_t node_count = g->node_count;
    pf_value *replaced = malloc(g->value_count * sizeof *replaced);
    bool *needed = pf__needed(g, outputs, count);
    if (!replaced || !needed) {
        pf__graph_fail(g, PF_MEMORY, "out of memory: simplifying a graph of %u nodes", node_count);
        goto done;
    }
    for (uint32_t v = 0; v < g->value_count; v++) replaced[v] = v;
    g->merging = true;
    for (uint32_t i = 1; i < node_count && !pf__failed(g); i++)
        if (needed[i]) rebuild_node(g, i, replaced);
    g->merging = false;
    for (int i = 0; i < count && !pf__failed(g); i++) outputs[i] = replaced[outputs[i]];
done:
    free(needed);
    free(replaced);
    return g->error.status;
}
