/* SPDX-License-Identifier: MIT
 * Shapes and values in words, and the checks that every constructor begins with. */
#include "graph/build.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

pf_shape pf_shape_of(int rank, ...) {
    pf_shape shape = {.rank = rank};
    va_list dims;
    va_start(dims, rank);
    for (int i = 0; i < rank && i < PF_RANK_MAX; i++) shape.dim[i] = va_arg(dims, int);
    va_end(dims);
    return shape;
}

bool pf__shape_equal(const pf_shape *a, const pf_shape *b) {
    if (a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i]) return false;
    return true;
}

const char *pf__shape_text(const pf_shape *shape, char text[PF__DESCRIBE_MAX]) {
    size_t at = 0;
    text[at++] = '[';
    for (int i = 0; i < shape->rank && i < PF_RANK_MAX; i++) {
        int n = snprintf(text + at, PF__DESCRIBE_MAX - at, i ? ",%lld" : "%lld", (long long)shape->dim[i]);
        at += n > 0 ? (size_t)n : 0;
    }
    memcpy(text + at, "]", 2);
    return text;
}

const char *pf__describe(const pf_graph *g, pf_value v, char text[PF__DESCRIBE_MAX]) {
    if (v == 0 || v >= g->value_count) return "zero";
    pf__shape_text(&g->values[v].shape, text);
    size_t at = strlen(text);
    snprintf(text + at, PF__DESCRIBE_MAX - at, " %s", pf_dtype_name(g->values[v].dtype));
    return text;
}

bool pf__usable(pf_graph *g, const char *what, const pf_value *values, int count) {
    if (pf__failed(g)) return false;
    for (int i = 0; i < count; i++) {
        if (values[i] < g->value_count) continue;
        pf__graph_fail(g, PF_USAGE, "%s: value %u is not of this graph, which has %u", what, values[i],
                       g->value_count);
        return false;
    }
    return true;
}

bool pf__wants_float(pf_graph *g, const char *what, pf_value v) {
    if (g->values[v].dtype == PF_F32) return true;
    char text[PF__DESCRIBE_MAX];
    pf__graph_fail(g, PF_SHAPE, "%s: wants f32, not %s", what, pf__describe(g, v, text));
    pf__hint(&g->error, PF_SHAPE, "cast it first (pf_cast)");
    return false;
}

bool pf__is_constant(const pf_graph *g, pf_value v, double *number) {
    const pf__node *n = pf__node_of(g, v);
    if (n->op != PF__OP_CONSTANT) return false;
    *number = n->attr.number;
    return true;
}

pf_value pf__zeros_like(pf_graph *g, pf_value v) {
    pf_shape shape = g->values[v].shape;
    return pf__number(g, 0, g->values[v].dtype, &shape);
}

const pf__node *pf__as_map(const pf_graph *g, pf_value v, pf__scalar s) {
    const pf__node *n = pf__node_of(g, v);
    return n->op == PF__OP_MAP && n->attr.kind == (int)s ? n : NULL;
}

pf_value pf__through(const pf_graph *g, pf_value v, pf__op_id op) {
    const pf__node *n = pf__node_of(g, v);
    return n->op == op && n->input_count == 1 ? pf__inputs(g, n)[0] : 0;
}
