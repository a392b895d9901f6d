/* SPDX-License-Identifier: MIT
 * The row of MAP: one scalar function on every element. */
#include "graph/build.h"
#include "ops/rows.h"

/* Where a choice is made, tangents are chosen, not multiplied by 0: a NaN of the branch not taken stays
 * there. */
static pf_value choose(pf_graph *g, const pf__node *n, const pf_value *dx) {
    const pf_value *in = pf__inputs(g, n);
    pf_value a = in[0], b = in[1];
    switch (n->attr.kind) {
    case PF__SELECT:
        return pf_select(g, a, dx[1], dx[2]);
    case PF__MIN:
        return pf_select(g, pf_less_equal(g, a, b), dx[0], dx[1]);
    default:
        return pf_select(g, pf_less_equal(g, b, a), dx[0], dx[1]);
    }
}

static pf_status map_jvp(pf_graph *g, const pf__node *n, const pf_value *dx, pf_value *y, pf_value *dy) {
    (void)y;
    bool chooses = n->attr.kind == PF__SELECT || n->attr.kind == PF__MIN || n->attr.kind == PF__MAX;
    dy[0] = 0;
    if (chooses && g->values[n->first_output].dtype == PF_F32) {
        dy[0] = choose(g, n, dx);
        return g->error.status;
    }
    for (uint32_t i = 0; i < n->input_count; i++)
        dy[0] = pf_add(g, dy[0], pf__scalar_derivative(g, n, (int)i, dx[i]));
    return g->error.status;
}

static pf_status map_vjp(pf_graph *g, const pf__node *n, const pf_value *ybar, pf_value *xbar) {
    for (uint32_t i = 0; i < n->input_count; i++) xbar[i] = pf__scalar_derivative(g, n, (int)i, ybar[0]);
    return g->error.status;
}

static void map_interpret(const pf_graph *g, const pf__node *n, const double *const *x, double *const *y) {
    const pf__value *v = &g->values[n->first_output];
    pf__scalar s = (pf__scalar)n->attr.kind;
    const double *a = x[0], *b = n->input_count > 1 ? x[1] : a, *c = n->input_count > 2 ? x[2] : a;
    int64_t count = pf_shape_count(&v->shape);
    for (int64_t i = 0; i < count; i++) y[0][i] = pf__scalar_evaluate(s, v->dtype, a[i], b[i], c[i]);
}

const struct pf__op pf__row_MAP = {.name = "map", .jvp = map_jvp, .vjp = map_vjp, .interpret = map_interpret};
