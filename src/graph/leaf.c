/* SPDX-License-Identifier: MIT
 * The leaves: inputs, parameters, constants, counters and random numbers. */
#include "graph/build.h"
#include <math.h>
#include <string.h>

/* False for f64, which lives in files and in the interpreter only. */
static bool dtype_is_known(pf_graph *g, const char *what, const char *name, pf_dtype dtype) {
    if (dtype == PF_F32 || dtype == PF_I32 || dtype == PF_U32 || dtype == PF_U8) return true;
    pf__graph_fail(g, PF_SHAPE, "%s %s: graphs hold f32, i32, u32 and u8 only", what, name);
    return false;
}

/* One name has one shape and type: data is bound by name. */
static bool name_is_free(pf_graph *g, pf__op_id op, const pf__attr *attr, pf_dtype dtype,
                         const pf_shape *shape) {
    for (uint32_t i = 1; i < g->node_count; i++) {
        const pf__node *n = &g->nodes[i];
        if (n->op != op || n->attr.name != attr->name || n->attr.group != attr->group) continue;
        const pf__value *v = &g->values[n->first_output];
        if (v->dtype == dtype && pf__shape_equal(&v->shape, shape)) return true;
        char before[PF__DESCRIBE_MAX], now[PF__DESCRIBE_MAX];
        pf__graph_fail(g, PF_SHAPE, "%s%s%s: %s before and %s %s now", attr->group ? attr->group : "",
                       attr->group ? ":" : "", attr->name, pf__describe(g, n->first_output, before),
                       pf__shape_text(shape, now), pf_dtype_name(dtype));
        return false;
    }
    return true;
}

pf_value pf_input(pf_graph *g, const char *name, pf_dtype dtype, pf_shape shape) {
    if (pf__failed(g) || !dtype_is_known(g, "input", name, dtype)) return 0;
    pf__attr attr = {.name = pf__intern(g, name)};
    if (!attr.name || !name_is_free(g, PF__OP_INPUT, &attr, dtype, &shape)) return 0;
    return pf__emit(g, PF__OP_INPUT, NULL, 0, &attr, dtype, &shape);
}

pf_value pf_parameter(pf_graph *g, const char *group, const char *path, pf_shape shape) {
    if (pf__failed(g)) return 0;
    pf__attr attr = {.name = pf__intern(g, path), .group = pf__intern(g, group)};
    if (!attr.name || !attr.group) return 0;
    if (!name_is_free(g, PF__OP_PARAMETER, &attr, PF_F32, &shape)) return 0;
    return pf__emit(g, PF__OP_PARAMETER, NULL, 0, &attr, PF_F32, &shape);
}

pf_value pf__number(pf_graph *g, double number, pf_dtype dtype, const pf_shape *shape) {
    pf__attr attr = {.number = number};
    return pf__emit(g, PF__OP_CONSTANT, NULL, 0, &attr, dtype, shape);
}

pf_value pf_constant_of(pf_graph *g, double number, pf_dtype dtype, pf_shape shape) {
    if (pf__failed(g) || !dtype_is_known(g, "constant", "", dtype)) return 0;
    if (dtype != PF_F32 && pf__scalar_evaluate(PF__CAST, dtype, number, 0, 0) != number)
        return pf__graph_fail(g, PF_USAGE, "constant: %g is not a number of type %s", number,
                              pf_dtype_name(dtype));
    return pf__number(g, number, dtype, &shape);
}

pf_value pf_constant(pf_graph *g, double number, pf_shape shape) {
    return pf_constant_of(g, number, PF_F32, shape);
}

pf_value pf_iota(pf_graph *g, pf_dtype dtype, pf_shape shape, int axis) {
    if (pf__failed(g) || !dtype_is_known(g, "iota", "", dtype)) return 0;
    if (axis < 0 || axis >= shape.rank)
        return pf__graph_fail(g, PF_SHAPE, "iota: axis %d of a shape of rank %d", axis, shape.rank);
    pf__attr attr = {.axis = axis};
    return pf__emit(g, PF__OP_IOTA, NULL, 0, &attr, dtype, &shape);
}

static pf_value random_leaf(pf_graph *g, pf__random_kind kind, const char *stream, pf_shape shape) {
    if (pf__failed(g)) return 0;
    if (shape.rank < 1)
        return pf__graph_fail(g, PF_SHAPE, "random %s: wants a rank of at least 1: axis 0 counts samples",
                              stream);
    pf__attr attr = {.name = pf__intern(g, stream), .kind = (int)kind};
    if (!attr.name) return 0;
    return pf__emit(g, PF__OP_RANDOM, NULL, 0, &attr, kind == PF__RANDOM_BITS ? PF_U32 : PF_F32, &shape);
}

pf_value pf_random_normal(pf_graph *g, const char *stream, pf_shape shape) {
    return random_leaf(g, PF__RANDOM_NORMAL, stream, shape);
}

pf_value pf_random_uniform(pf_graph *g, const char *stream, pf_shape shape) {
    return random_leaf(g, PF__RANDOM_UNIFORM, stream, shape);
}

pf_value pf_random_bits(pf_graph *g, const char *stream, pf_shape shape) {
    return random_leaf(g, PF__RANDOM_BITS, stream, shape);
}
