/* SPDX-License-Identifier: MIT
 * Which values are held in memory. Operands and results of products, reductions and gathers must be;
 * everything pointwise in between is computed again where it is used, unless that costs more than a load. */
#include "plan/compile.h"

#include <stdlib.h>
#include <string.h>

/* A pointwise expression dearer than this (about one exp and a few products) is held when it would be
 * repeated along a broadcast axis... */
enum { COST_BROADCAST = 4 };
/* ...and dearer than this when several values use it. */
enum { COST_SHARED = 40 };
/* No expression grows beyond this. */
enum { COST_MOST = 96 };

pf_value pf__alias(const pf_graph *g, pf_value v) {
    for (;;) {
        const pf__node *n = pf__node_of(g, v);
        if (n->op != PF__OP_RESHAPE && n->op != PF__OP_STOP_GRADIENT) return v;
        v = pf__inputs(g, n)[0];
    }
}

bool pf__is_leaf(const pf_graph *g, pf_value v) {
    const pf__op_id op = pf__node_of(g, v)->op;
    return op == PF__OP_INPUT || op == PF__OP_PARAMETER;
}

static void keep(pf__compile *c, pf_value v) {
    c->kept[pf__alias(c->graph, v)] = 1;
}

/* What an operation demands of memory, whatever the costs. */
static void keep_structure(pf__compile *c, const pf__node *n) {
    const pf_graph *g = c->graph;
    const pf_value *x = pf__inputs(g, n);
    switch (n->op) {
    case PF__OP_MATMUL:
    case PF__OP_GATHER:
    case PF__OP_GATHER_ADJOINT:
    case PF__OP_DRIFT:
    case PF__OP_DRIFT_DISTANCE:
        keep(c, n->first_output);
        for (uint32_t i = 0; i < n->input_count; i++) keep(c, x[i]);
        break;
    case PF__OP_INPUT:
    case PF__OP_PARAMETER:
    case PF__OP_RANDOM:
    case PF__OP_SUM:
    case PF__OP_ROW_MAX:
    case PF__OP_CONCAT:
    case PF__OP_PAD:
        keep(c, n->first_output);
        break;
    case PF__OP_RESHAPE:
        if (!pf__only_ones_move(&g->values[x[0]].shape, &g->values[n->first_output].shape)) keep(c, x[0]);
        break;
    default:
        break;
    }
}

int pf__scalar_weight(pf__scalar s) {
    switch (s) {
    case PF__EXP:
    case PF__LOG:
    case PF__LOG1P:
    case PF__TANH:
    case PF__SIGMOID:
    case PF__ATAN:
        return 8;
    case PF__SIN:
    case PF__COS:
    case PF__ERF:
        return 16;
    case PF__DIV:
    case PF__SQRT:
    case PF__RSQRT:
    case PF__RECIP:
        return 2;
    default:
        return 1;
    }
}

static int input_cost(const pf__compile *c, const int *cost, pf_value v) {
    return c->kept[pf__alias(c->graph, v)] ? 0 : cost[v];
}

static int expression_cost(const pf__compile *c, const pf__node *n, const int *cost) {
    const pf_value *x = pf__inputs(c->graph, n);
    int sum = n->op == PF__OP_MAP ? pf__scalar_weight((pf__scalar)n->attr.kind) : 0;
    for (uint32_t i = 0; i < n->input_count; i++) {
        bool again = false;
        for (uint32_t j = 0; j < i; j++) again = again || x[j] == x[i];
        if (!again) sum += input_cost(c, cost, x[i]);
    }
    return sum;
}

static void keep_costly(pf__compile *c, int *cost, const int *uses) {
    const pf_graph *g = c->graph;
    for (uint32_t i = 1; i < g->node_count; i++) {
        const pf__node *n = &g->nodes[i];
        if (!c->needed[i]) continue;
        const pf_value v = n->first_output;
        const pf_value *x = pf__inputs(g, n);
        if (n->op == PF__OP_BROADCAST && input_cost(c, cost, x[0]) > COST_BROADCAST) keep(c, x[0]);
        cost[v] = expression_cost(c, n, cost);
        if (n->op != PF__OP_MAP || c->kept[v]) continue;
        if (cost[v] > COST_MOST || (uses[v] > 1 && cost[v] > COST_SHARED)) c->kept[v] = 1;
    }
}

pf_status pf__compile_keep(pf__compile *c) {
    const pf_graph *g = c->graph;
    int *cost = calloc(g->value_count, sizeof *cost), *uses = calloc(g->value_count, sizeof *uses);
    if (!cost || !uses) {
        free(cost);
        free(uses);
        return pf__fail_memory(c->err, "a plan's costs", g->value_count * sizeof *cost);
    }
    for (uint32_t i = 1; i < g->node_count; i++) {
        if (!c->needed[i]) continue;
        keep_structure(c, &g->nodes[i]);
        for (uint32_t k = 0; k < g->nodes[i].input_count; k++) uses[pf__inputs(g, &g->nodes[i])[k]]++;
    }
    for (int i = 0; i < c->desc->output_count; i++) keep(c, c->desc->outputs[i].value);
    keep_costly(c, cost, uses);
    free(cost);
    free(uses);
    return PF_OK;
}
