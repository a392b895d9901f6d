/* SPDX-License-Identifier: MIT
 * The same operation on other inputs. */
#include "graph/build.h"

static pf_value rebuild_map(pf_graph *g, const pf__node *n, const pf_value *in) {
    pf_dtype dtype = g->values[n->first_output].dtype;
    pf__scalar s = (pf__scalar)n->attr.kind;
    if (s == PF__NEG) return pf_neg(g, in[0]); /* as a linear rule it may meet the symbolic zero */
    return pf__map(g, s, dtype, in);
}

static pf_value rebuild_permute(pf_graph *g, const pf__node *n, pf_value a) {
    int order[PF_RANK_MAX];
    for (int i = 0; i < PF_RANK_MAX; i++) order[i] = (int)n->attr.a[i];
    return pf_permute(g, a, order);
}

pf_value pf__rebuild(pf_graph *g, const pf__node *n, const pf_value *in) {
    pf_shape shape = g->values[n->first_output].shape;
    const pf__attr *at = &n->attr;
    switch (n->op) {
    case PF__OP_ZERO:
    case PF__OP_INPUT:
    case PF__OP_PARAMETER:
    case PF__OP_CONSTANT:
    case PF__OP_IOTA:
    case PF__OP_RANDOM:
        return n->first_output;
    case PF__OP_MAP:
        return rebuild_map(g, n, in);
    case PF__OP_RESHAPE:
        return pf_reshape(g, in[0], shape);
    case PF__OP_PERMUTE:
        return rebuild_permute(g, n, in[0]);
    case PF__OP_SLICE:
        return pf_slice(g, in[0], at->a, at->b);
    case PF__OP_PAD:
        return pf_pad(g, in[0], at->a, at->b);
    case PF__OP_CONCAT:
        return pf_concat(g, in, (int)n->input_count, at->axis);
    case PF__OP_BROADCAST:
        return pf_broadcast(g, in[0], shape);
    case PF__OP_SUM:
        return pf_sum(g, in[0], at->axes, true);
    case PF__OP_ROW_MAX:
        return pf_row_max(g, in[0], at->axes, true);
    case PF__OP_MATMUL:
        return pf_matmul(g, in[0], in[1], at->transpose_a, at->transpose_b);
    case PF__OP_GATHER:
        return pf_gather(g, in[0], in[1]);
    case PF__OP_GATHER_ADJOINT:
        return pf_gather_adjoint(g, in[0], in[1], shape.dim[0]);
    case PF__OP_DRIFT:
    case PF__OP_DRIFT_DISTANCE:
        return pf__drift_rebuild(g, n, in);
    case PF__OP_STOP_GRADIENT:
        return pf_stop_gradient(g, in[0]);
    case PF__OP_COUNT:
        break;
    }
    return pf__graph_fail(g, PF_USAGE, "unknown operation %d", (int)n->op);
}
