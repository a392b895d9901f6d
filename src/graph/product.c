/* SPDX-License-Identifier: MIT
 * Matrix products, gathers, and the gradient's stop.
 * A MATMUL node is [M,K] x [K,N] or, with equal batches, [B,M,K] x [B,K,N] (each side possibly transposed);
 * other ranks are reshaped to it. */
#include "graph/build.h"

static pf_value matmul_disagrees(pf_graph *g, pf_value a, pf_value b, bool ta, bool tb) {
    char first[PF__DESCRIBE_MAX], second[PF__DESCRIBE_MAX];
    return pf__graph_fail(g, PF_SHAPE, "matmul: %s%s and %s%s do not agree", pf__describe(g, a, first),
                          ta ? " transposed" : "", pf__describe(g, b, second), tb ? " transposed" : "");
}

/* [B,M,K] with the leading axes made one, or [M,K] when they hold one matrix. */
static pf_value as_batch(pf_graph *g, pf_value a) {
    pf_shape shape = g->values[a].shape, flat;
    int64_t batch = 1;
    for (int i = 0; i < shape.rank - 2; i++) batch *= shape.dim[i];
    int64_t rows = shape.dim[shape.rank - 2], columns = shape.dim[shape.rank - 1];
    if (batch == 1)
        flat = (pf_shape){.rank = 2, .dim = {rows, columns}};
    else
        flat = (pf_shape){.rank = 3, .dim = {batch, rows, columns}};
    return pf_reshape(g, a, flat);
}

static pf_value swap_last_axes(pf_graph *g, pf_value a) {
    int rank = g->values[a].shape.rank, order[PF_RANK_MAX];
    for (int i = 0; i < rank; i++) order[i] = i;
    order[rank - 2] = rank - 1;
    order[rank - 1] = rank - 2;
    return pf_permute(g, a, order);
}

/* Within merging: an operand whose last two axes are swapped is read transposed instead. */
static pf_value unswap(pf_graph *g, pf_value a, bool *transpose) {
    pf_value inner = pf__through(g, a, PF__OP_PERMUTE);
    if (!inner) return a;
    int rank = g->values[a].shape.rank;
    const int64_t *order = pf__node_of(g, a)->attr.a;
    if (order[rank - 1] != rank - 2 || order[rank - 2] != rank - 1) return a;
    *transpose = !*transpose;
    return inner;
}

/* a and b are both [M,K]-like or both [B,M,K]-like. */
static pf_value emit_matmul(pf_graph *g, pf_value a, pf_value b, bool ta, bool tb) {
    if (pf__failed(g)) return 0;
    if (g->merging) {
        a = unswap(g, a, &ta);
        b = unswap(g, b, &tb);
        pf_value merged = pf__unpad_matmul(g, a, b, ta, tb);
        if (merged) return merged;
    }
    pf_shape sa = g->values[a].shape, sb = g->values[b].shape;
    int r = sa.rank;
    pf_shape shape = sa;
    shape.dim[r - 2] = ta ? sa.dim[r - 1] : sa.dim[r - 2];
    shape.dim[r - 1] = tb ? sb.dim[r - 2] : sb.dim[r - 1];
    pf__attr attr = {.transpose_a = ta, .transpose_b = tb};
    return pf__emit(g, PF__OP_MATMUL, (pf_value[2]){a, b}, 2, &attr, PF_F32, &shape);
}

pf_value pf_matmul(pf_graph *g, pf_value a, pf_value b, bool transpose_a, bool transpose_b) {
    if (!pf__usable(g, "matmul", (pf_value[2]){a, b}, 2) || a == 0 || b == 0) return 0;
    if (!pf__wants_float(g, "matmul", a) || !pf__wants_float(g, "matmul", b)) return 0;
    pf_shape sa = g->values[a].shape, sb = g->values[b].shape;
    bool agrees = sa.rank >= 2 && sb.rank >= 2 && (sb.rank == 2 || sb.rank == sa.rank);
    for (int i = 0; agrees && sb.rank > 2 && i < sa.rank - 2; i++) agrees = sa.dim[i] == sb.dim[i];
    if (!agrees) return matmul_disagrees(g, a, b, transpose_a, transpose_b);
    int64_t rows = sa.dim[sa.rank - (transpose_a ? 1 : 2)], inner = sa.dim[sa.rank - (transpose_a ? 2 : 1)];
    int64_t columns = sb.dim[sb.rank - (transpose_b ? 2 : 1)];
    if (inner != sb.dim[sb.rank - (transpose_b ? 1 : 2)])
        return matmul_disagrees(g, a, b, transpose_a, transpose_b);
    pf_shape shape = sa;
    shape.dim[sa.rank - 2] = rows;
    shape.dim[sa.rank - 1] = columns;
    if (sa.rank > 2 && sb.rank == 2) { /* shared weights: the leading axes are more rows */
        if (transpose_a) a = swap_last_axes(g, a);
        int64_t all = pf_shape_count(&shape) / columns;
        a = pf_reshape(g, a, (pf_shape){.rank = 2, .dim = {all, inner}});
        return pf_reshape(g, emit_matmul(g, a, b, false, transpose_b), shape);
    }
    if (sa.rank > 2) {
        a = as_batch(g, a);
        b = as_batch(g, b);
    }
    return pf_reshape(g, emit_matmul(g, a, b, transpose_a, transpose_b), shape);
}

/* False unless index is [B] i32. */
static bool is_index(pf_graph *g, const char *what, pf_value index) {
    if (index && g->values[index].dtype == PF_I32 && g->values[index].shape.rank == 1) return true;
    char text[PF__DESCRIBE_MAX];
    pf__graph_fail(g, PF_SHAPE, "%s: the index is %s, not [B] i32", what, pf__describe(g, index, text));
    return false;
}

pf_value pf_gather(pf_graph *g, pf_value table, pf_value index) {
    if (!pf__usable(g, "gather", (pf_value[2]){table, index}, 2) || table == 0) return 0;
    if (!is_index(g, "gather", index) || !pf__wants_float(g, "gather", table)) return 0;
    pf_shape shape = g->values[table].shape;
    if (shape.rank < 1) return pf__graph_fail(g, PF_SHAPE, "gather: the table has no rows: its rank is 0");
    shape.dim[0] = g->values[index].shape.dim[0];
    double number;
    if (pf__is_constant(g, table, &number)) return pf__number(g, number, PF_F32, &shape);
    return pf__emit(g, PF__OP_GATHER, (pf_value[2]){table, index}, 2, &(pf__attr){0}, PF_F32, &shape);
}

pf_value pf_gather_adjoint(pf_graph *g, pf_value source, pf_value index, int64_t rows) {
    if (!pf__usable(g, "gather_adjoint", (pf_value[2]){source, index}, 2) || source == 0) return 0;
    if (!is_index(g, "gather_adjoint", index) || !pf__wants_float(g, "gather_adjoint", source)) return 0;
    pf_shape shape = g->values[source].shape;
    if (shape.rank < 1 || shape.dim[0] != g->values[index].shape.dim[0]) {
        char first[PF__DESCRIBE_MAX], second[PF__DESCRIBE_MAX];
        return pf__graph_fail(g, PF_SHAPE, "gather_adjoint: %s and the index %s do not agree",
                              pf__describe(g, source, first), pf__describe(g, index, second));
    }
    shape.dim[0] = rows;
    return pf__emit(g, PF__OP_GATHER_ADJOINT, (pf_value[2]){source, index}, 2, &(pf__attr){0}, PF_F32,
                    &shape);
}

pf_value pf_stop_gradient(pf_graph *g, pf_value a) {
    if (!pf__usable(g, "stop_gradient", &a, 1) || a == 0) return 0;
    pf__op_id op = pf__node_of(g, a)->op;
    bool stopped = op == PF__OP_CONSTANT || op == PF__OP_STOP_GRADIENT || g->values[a].dtype != PF_F32;
    if (stopped || g->merging) return a; /* nothing is differentiated after merging */
    pf_shape shape = g->values[a].shape;
    return pf__emit(g, PF__OP_STOP_GRADIENT, &a, 1, &(pf__attr){0}, PF_F32, &shape);
}
