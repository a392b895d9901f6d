/* SPDX-License-Identifier: MIT
 * Sums and row maxima. A node reduces neighbouring axes and keeps them as 1; the constructors make everything
 * else of it. */
#include "graph/build.h"

/* The next run of neighbouring axes of the mask, from the last axis on; axes of extent 1 do not separate. 0
 * when none is left. */
static uint32_t take_run(const pf_shape *shape, uint32_t *mask) {
    uint32_t run = 0, between = 0;
    for (int i = shape->rank - 1; i >= 0; i--) {
        uint32_t bit = 1u << i;
        if (*mask & bit) {
            run |= bit | between;
            between = 0;
            *mask &= ~bit;
        } else if (run && shape->dim[i] == 1) {
            between |= bit;
        } else if (run) {
            break;
        }
    }
    return run;
}

static pf_value without_axes(pf_graph *g, pf_value a, uint32_t axes) {
    pf_shape shape = g->values[a].shape, less = {.rank = 0};
    for (int i = 0; i < shape.rank; i++)
        if (!(axes & 1u << i)) less.dim[less.rank++] = shape.dim[i];
    return pf_reshape(g, a, less);
}

/* One node over neighbouring axes. */
static pf_value reduce_run(pf_graph *g, pf__op_id op, pf_value a, uint32_t run) {
    pf_shape shape = g->values[a].shape;
    double count = 1, number;
    for (int i = 0; i < shape.rank; i++) {
        if (!(run & 1u << i)) continue;
        count *= (double)shape.dim[i];
        shape.dim[i] = 1;
    }
    if (pf__is_constant(g, a, &number))
        return pf__number(g, op == PF__OP_SUM ? number * count : number, g->values[a].dtype, &shape);
    pf_value merged = g->merging && op == PF__OP_SUM ? pf__unpad_sum(g, a, run) : 0;
    if (merged) return merged;
    pf__attr attr = {.axes = run};
    return pf__emit(g, op, &a, 1, &attr, g->values[a].dtype, &shape);
}

static pf_value reduce(pf_graph *g, pf__op_id op, const char *what, pf_value a, uint32_t axes, bool keep) {
    if (!pf__usable(g, what, &a, 1) || a == 0) return 0;
    const pf_shape shape = g->values[a].shape;
    if (axes >> shape.rank) {
        char text[PF__DESCRIBE_MAX];
        return pf__graph_fail(g, PF_SHAPE, "%s: the axes 0x%x reach beyond %s", what, axes,
                              pf__describe(g, a, text));
    }
    if (!pf__wants_float(g, what, a)) return 0;
    uint32_t mask = axes, run;
    for (int i = 0; i < shape.rank; i++)
        if (shape.dim[i] == 1) mask &= ~(1u << i);
    pf_value y = a;
    while ((run = take_run(&shape, &mask)) != 0 && y) y = reduce_run(g, op, y, run);
    return keep || !y ? y : without_axes(g, y, axes);
}

pf_value pf_sum(pf_graph *g, pf_value a, uint32_t axes, bool keep) {
    return reduce(g, PF__OP_SUM, "sum", a, axes, keep);
}

pf_value pf_row_max(pf_graph *g, pf_value a, uint32_t axes, bool keep) {
    return reduce(g, PF__OP_ROW_MAX, "row_max", a, axes, keep);
}

pf_value pf_mean(pf_graph *g, pf_value a, uint32_t axes, bool keep) {
    pf_value sum = reduce(g, PF__OP_SUM, "mean", a, axes, keep);
    if (!sum) return 0;
    double count = 1;
    pf_shape shape = g->values[a].shape;
    for (int i = 0; i < shape.rank; i++)
        if (axes & 1u << i) count *= (double)shape.dim[i];
    return pf_mul_number(g, sum, 1 / count);
}

/* The mask of axes first .. rank - 1. */
static uint32_t axes_from(const pf_graph *g, pf_value a, int first) {
    int rank = a < g->value_count ? g->values[a].shape.rank : 0;
    return rank > first ? ((1u << rank) - 1) & ~((1u << first) - 1) : 0;
}

pf_value pf_sum_per_sample(pf_graph *g, pf_value a) {
    return pf_sum(g, a, axes_from(g, a, 1), false);
}

pf_value pf_sum_all(pf_graph *g, pf_value a) {
    return pf_sum(g, a, axes_from(g, a, 0), false);
}

pf_value pf_mean_all(pf_graph *g, pf_value a) {
    return pf_mean(g, a, axes_from(g, a, 0), false);
}
