/* SPDX-License-Identifier: MIT
 * The rows of SUM and ROW_MAX: [outer, reduced, inner] to [outer, 1, inner]. */
#include "graph/build.h"
#include "ops/rows.h"

static void extents(const pf_graph *g, const pf__node *n, int64_t *outer, int64_t *reduced, int64_t *inner) {
    const pf_shape *shape = &g->values[pf__inputs(g, n)[0]].shape;
    *outer = *reduced = *inner = 1;
    bool behind = false;
    for (int i = 0; i < shape->rank; i++) {
        bool within = n->attr.axes & 1u << i;
        behind = behind || within;
        *(within ? reduced : behind ? inner : outer) *= shape->dim[i];
    }
}

static pf_status sum_vjp(pf_graph *g, const pf__node *n, const pf_value *ybar, pf_value *xbar) {
    xbar[0] = pf_broadcast(g, ybar[0], g->values[pf__inputs(g, n)[0]].shape);
    return g->error.status;
}

static void sum_interpret(const pf_graph *g, const pf__node *n, const double *const *x, double *const *y) {
    int64_t outer, reduced, inner;
    extents(g, n, &outer, &reduced, &inner);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++) {
            double sum = 0;
            for (int64_t r = 0; r < reduced; r++) sum += x[0][(o * reduced + r) * inner + i];
            y[0][o * inner + i] = sum;
        }
}

const struct pf__op pf__row_SUM = {.name = "sum", PF__LINEAR, .vjp = sum_vjp, .interpret = sum_interpret};

static void row_max_interpret(const pf_graph *g, const pf__node *n, const double *const *x,
                              double *const *y) {
    int64_t outer, reduced, inner;
    extents(g, n, &outer, &reduced, &inner);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++) {
            double max = x[0][o * reduced * inner + i];
            for (int64_t r = 1; r < reduced; r++) {
                double next = x[0][(o * reduced + r) * inner + i];
                if (next > max) max = next;
            }
            y[0][o * inner + i] = max;
        }
}

const struct pf__op pf__row_ROW_MAX = {.name = "row_max", PF__NO_DERIVATIVE, .interpret = row_max_interpret};
