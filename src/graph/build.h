/* SPDX-License-Identifier: MIT
 * What the constructors and the rules of operations share. */
#ifndef PF__GRAPH_BUILD_H
#define PF__GRAPH_BUILD_H

#include "graph/graph.h"

enum { PF__DESCRIBE_MAX = 224 };
/** "[32,4]" */
const char *pf__shape_text(const pf_shape *shape, char text[PF__DESCRIBE_MAX]);
/** "[32,4] f32", or "zero" for the symbolic zero. */
const char *pf__describe(const pf_graph *g, pf_value v, char text[PF__DESCRIBE_MAX]);
bool pf__shape_equal(const pf_shape *a, const pf_shape *b);

/** False when the graph has failed, or when one of the values does not exist (which fails it, naming the
 * caller). */
bool pf__usable(pf_graph *g, const char *what, const pf_value *values, int count);
/** Fails the graph unless v (not the symbolic zero) is f32. */
bool pf__wants_float(pf_graph *g, const char *what, pf_value v);

/** The same number everywhere, without the checks of pf_constant_of. */
pf_value pf__number(pf_graph *g, double number, pf_dtype dtype, const pf_shape *shape);
/** True for a CONSTANT; its number goes to *number. */
bool pf__is_constant(const pf_graph *g, pf_value v, double *number);
pf_value pf__zeros_like(pf_graph *g, pf_value v);
/** The node of v when it is a MAP of s, else NULL. Valid until the next constructor. */
const pf__node *pf__as_map(const pf_graph *g, pf_value v, pf__scalar s);
/** The only input of v when v is made by op, else 0. */
pf_value pf__through(const pf_graph *g, pf_value v, pf__op_id op);

/** What a MAP of s on these inputs simplifies to while only the operands themselves are kept; 0 when nothing.
 */
pf_value pf__fold_map(pf_graph *g, pf__scalar s, pf_dtype dtype, const pf_value *inputs);
/** The same while looking through the operands: only within pf__simplify. */
pf_value pf__merge_map(pf_graph *g, pf__scalar s, pf_dtype dtype, const pf_value *inputs);

/* Zeros move outwards (pad.c): the same value as a PAD of something smaller, or 0 where that is not so. Only
 * within pf__simplify. */
pf_value pf__unpad_map(pf_graph *g, pf__scalar s, pf_dtype dtype, const pf_value *inputs);
pf_value pf__unpad_reshape(pf_graph *g, pf_value a, const pf_shape *shape);
pf_value pf__unpad_broadcast(pf_graph *g, pf_value a, const pf_shape *shape);
pf_value pf__unpad_sum(pf_graph *g, pf_value a, uint32_t axes);
pf_value pf__unpad_concat(pf_graph *g, const pf_value *parts, int count, int axis);
pf_value pf__unpad_matmul(pf_graph *g, pf_value a, pf_value b, bool transpose_a, bool transpose_b);

/** The same operation on other inputs, by its constructor. Leaves return themselves. node is a copy. */
pf_value pf__rebuild(pf_graph *g, const pf__node *node, const pf_value *inputs);
pf_value pf__drift_rebuild(pf_graph *g, const pf__node *node, const pf_value *inputs);
/** t times the derivative of the scalar function of a MAP by its input i; 0 where it is zero. node is a copy.
 */
pf_value pf__scalar_derivative(pf_graph *g, const pf__node *node, int i, pf_value t);

#endif
