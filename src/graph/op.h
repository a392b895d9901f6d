/* SPDX-License-Identifier: MIT
 * One row of the table of operations. A rule is a function or one of the markers, so a forgotten one is NULL
 * and the table's test fails (ops/table.c asserts at compile time that every id has a row). */
#ifndef PF__GRAPH_OP_H
#define PF__GRAPH_OP_H

#include "graph/graph.h"

struct pf__lowering; /* ops/lower.h */
typedef struct pf__candidate pf__candidate;

struct pf__op {
    const char *name;
    /** Tangents of the outputs from those of the inputs (0 = zero tangent; at least one is not 0). A macro's
     * dual form also writes replacements y of the primal outputs; other rules leave y alone. */
    pf_status (*jvp)(pf_graph *g, const pf__node *n, const pf_value *dx, pf_value *y, pf_value *dy);
    /** Cotangents of the inputs from those of the outputs (0 = none; at least one is not 0). xbar is zeroed
     * before. */
    pf_status (*vjp)(pf_graph *g, const pf__node *n, const pf_value *ybar, pf_value *xbar);
    /** Macros: the same outputs in smaller operations. */
    pf_status (*decompose)(pf_graph *g, const pf__node *n, pf_value *y);
    /** y[o] from x[i], in double. NULL for leaves (the interpreter fills them). */
    void (*interpret)(const pf_graph *g, const pf__node *n, const double *const *x, double *const *y);
    /** Ended by name == NULL; NULL for what the code generator covers. */
    const pf__candidate *candidates;
};
/* Mind: a rule may append nodes, which moves graph->nodes: rules must copy what they need of *n first, or use
 * pf__rule_node. */

/* Markers: rules that serve more than one row (graph/rules.c). */
pf_status pf__no_jvp(pf_graph *g, const pf__node *n, const pf_value *dx, pf_value *y,
                     pf_value *dy); /* PF__NO_DERIVATIVE: tangents are zero */
pf_status pf__no_vjp(pf_graph *g, const pf__node *n, const pf_value *ybar, pf_value *xbar);
pf_status pf__linear_jvp(pf_graph *g, const pf__node *n, const pf_value *dx, pf_value *y,
                         pf_value *dy); /* PF__LINEAR: the same node on the tangents */
pf_status pf__decompose_jvp(pf_graph *g, const pf__node *n, const pf_value *dx, pf_value *y,
                            pf_value *dy); /* PF__DECOMPOSE: the derivative of the decomposition */
pf_status pf__decompose_vjp(pf_graph *g, const pf__node *n, const pf_value *ybar, pf_value *xbar);

extern const struct pf__op
    *const pf__ops[PF__OP_COUNT]; /* defined in ops/table.c: the one place where a symbol looks down */

#endif
