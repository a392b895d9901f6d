/* SPDX-License-Identifier: MIT
 * The rows of GATHER and its adjoint: linear in the table, constant in the index. */
#include "graph/build.h"
#include "ops/candidates.h"
#include "ops/rows.h"
#include <string.h>

static int64_t rows_of(const pf_graph *g, pf_value v) {
    return g->values[v].shape.dim[0];
}

static size_t row_of(const pf_graph *g, pf_value v) {
    return (size_t)(pf_shape_count(&g->values[v].shape) / rows_of(g, v));
}

/* ---- gather: y[b] = table[index[b]] ---- */

static pf_status gather_jvp(pf_graph *g, const pf__node *n, const pf_value *dx, pf_value *y, pf_value *dy) {
    (void)y;
    dy[0] = pf_gather(g, dx[0], pf__inputs(g, n)[1]);
    return g->error.status;
}

static pf_status gather_vjp(pf_graph *g, const pf__node *n, const pf_value *ybar, pf_value *xbar) {
    pf_value table = pf__inputs(g, n)[0], index = pf__inputs(g, n)[1];
    xbar[0] = pf_gather_adjoint(g, ybar[0], index, rows_of(g, table));
    return g->error.status;
}

static void gather_interpret(const pf_graph *g, const pf__node *n, const double *const *x, double *const *y) {
    pf_value out = n->first_output;
    size_t row = row_of(g, out), count = (size_t)rows_of(g, out);
    for (size_t b = 0; b < count; b++) memcpy(y[0] + b * row, x[0] + (size_t)x[1][b] * row, row * sizeof **y);
}

const struct pf__op pf__row_GATHER = {.name = "gather",
                                      .jvp = gather_jvp,
                                      .vjp = gather_vjp,
                                      .interpret = gather_interpret,
                                      .candidates = pf__gather_candidates};

/* ---- its adjoint: y[r] = sum, in order, of source[b] with index[b] == r ---- */

static pf_status adjoint_jvp(pf_graph *g, const pf__node *n, const pf_value *dx, pf_value *y, pf_value *dy) {
    (void)y;
    dy[0] = pf_gather_adjoint(g, dx[0], pf__inputs(g, n)[1], rows_of(g, n->first_output));
    return g->error.status;
}

static pf_status adjoint_vjp(pf_graph *g, const pf__node *n, const pf_value *ybar, pf_value *xbar) {
    xbar[0] = pf_gather(g, ybar[0], pf__inputs(g, n)[1]);
    return g->error.status;
}

static void adjoint_interpret(const pf_graph *g, const pf__node *n, const double *const *x,
                              double *const *y) {
    pf_value out = n->first_output;
    size_t row = row_of(g, out), count = (size_t)rows_of(g, pf__inputs(g, n)[0]);
    memset(y[0], 0, (size_t)rows_of(g, out) * row * sizeof **y);
    for (size_t b = 0; b < count; b++) {
        double *to = y[0] + (size_t)x[1][b] * row;
        for (size_t e = 0; e < row; e++) to[e] += x[0][b * row + e];
    }
}

const struct pf__op pf__row_GATHER_ADJOINT = {.name = "gather_adjoint",
                                              .jvp = adjoint_jvp,
                                              .vjp = adjoint_vjp,
                                              .interpret = adjoint_interpret,
                                              .candidates = pf__gather_adjoint_candidates};
