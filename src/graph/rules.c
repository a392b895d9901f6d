/* SPDX-License-Identifier: MIT
 * The markers of the table of operations: rules that serve more than one row. */
#include "graph/build.h"
#include "graph/op.h"

enum { INPUTS_MAX = 64, OUTPUTS_MAX = 16 };

pf_status pf__no_jvp(pf_graph *g, const pf__node *n, const pf_value *dx, pf_value *y, pf_value *dy) {
    (void)dx;
    (void)y;
    for (uint32_t o = 0; o < n->output_count; o++) dy[o] = 0;
    return g->error.status;
}

pf_status pf__no_vjp(pf_graph *g, const pf__node *n, const pf_value *ybar, pf_value *xbar) {
    (void)ybar;
    for (uint32_t i = 0; i < n->input_count; i++) xbar[i] = 0;
    return g->error.status;
}

static bool fits(pf_graph *g, const pf__node *n) {
    if (n->input_count <= INPUTS_MAX && n->output_count <= OUTPUTS_MAX) return true;
    pf__graph_fail(g, PF_USAGE, "%s of %u inputs: derivatives go up to %d", pf__ops[n->op]->name,
                   n->input_count, (int)INPUTS_MAX);
    return false;
}

pf_status pf__linear_jvp(pf_graph *g, const pf__node *n, const pf_value *dx, pf_value *y, pf_value *dy) {
    (void)y;
    if (!fits(g, n)) return g->error.status;
    pf_value tangents[INPUTS_MAX];
    for (uint32_t i = 0; i < n->input_count; i++)
        tangents[i] = dx[i] ? dx[i] : pf__zeros_like(g, pf__inputs(g, n)[i]);
    dy[0] = pf__rebuild(g, n, tangents);
    return g->error.status;
}

/* The variables and the decomposed outputs of a macro. Each value counts once, and constants do not: in[i] =
 * 0. */
static pf_status take_apart(pf_graph *g, const pf__node *n, pf_value *in, pf_value *out) {
    if (!fits(g, n)) return g->error.status;
    if (!pf__ops[n->op]->decompose) {
        pf__graph_fail(g, PF_USAGE, "%s has no decomposition", pf__ops[n->op]->name);
        return g->error.status;
    }
    for (uint32_t i = 0; i < n->input_count; i++) {
        double number;
        in[i] = pf__inputs(g, n)[i];
        bool counts = !pf__is_constant(g, in[i], &number);
        for (uint32_t k = 0; k < i; k++) counts = counts && in[k] != in[i];
        if (!counts) in[i] = 0;
    }
    return pf__ops[n->op]->decompose(g, n, out);
}

pf_status pf__decompose_jvp(pf_graph *g, const pf__node *n, const pf_value *dx, pf_value *y, pf_value *dy) {
    pf_value in[INPUTS_MAX], out[OUTPUTS_MAX], along[INPUTS_MAX];
    (void)y;
    PF__TRY(take_apart(g, n, in, out));
    for (uint32_t i = 0; i < n->input_count; i++) along[i] = in[i] ? dx[i] : 0;
    return pf_jvp(g, out, (int)n->output_count, in, along, (int)n->input_count, dy);
}

pf_status pf__decompose_vjp(pf_graph *g, const pf__node *n, const pf_value *ybar, pf_value *xbar) {
    pf_value in[INPUTS_MAX], out[OUTPUTS_MAX];
    PF__TRY(take_apart(g, n, in, out));
    return pf_vjp(g, out, ybar, (int)n->output_count, in, (int)n->input_count, xbar);
}
