/* SPDX-License-Identifier: MIT
 * Zero and one folding of MAP nodes. These rules keep to the operands themselves, so that a derivative with
 * respect to any value of the graph stays right; rules that look behind an operand are in merge.c. */
#include "graph/build.h"
#include <math.h>

static bool equals(const pf_graph *g, pf_value v, double number) {
    double is;
    return pf__is_constant(g, v, &is) && is == number;
}

/* All inputs are constants. */
static pf_value evaluate(pf_graph *g, pf__scalar s, pf_dtype dtype, const pf_value *in) {
    double x[3] = {0};
    for (int i = 0; i < pf__scalar_arity(s); i++)
        if (!pf__is_constant(g, in[i], &x[i])) return 0;
    pf_shape shape = g->values[in[0]].shape;
    return pf__number(g, pf__scalar_evaluate(s, dtype, x[0], x[1], x[2]), dtype, &shape);
}

static pf_value fold_product(pf_graph *g, pf_dtype dtype, pf_value a, pf_value b) {
    if (equals(g, b, 0)) return b;
    if (equals(g, b, 1)) return a;
    if (equals(g, b, -1)) return pf__map(g, PF__NEG, dtype, &a);
    return 0;
}

static pf_value fold_quotient(pf_graph *g, pf_dtype dtype, pf_value a, pf_value b) {
    double divisor;
    if (equals(g, a, 0)) return a;
    if (equals(g, a, 1)) return pf__map(g, PF__RECIP, dtype, &b);
    if (!pf__is_constant(g, b, &divisor)) return 0;
    if (divisor == 1) return a;
    int exponent;
    if (fabs(frexp(divisor, &exponent)) != 0.5) return 0; /* powers of two only: those are exact */
    pf_shape shape = g->values[a].shape;
    pf_value inputs[2] = {a, pf__number(g, 1 / divisor, dtype, &shape)};
    return pf__map(g, PF__MUL, dtype, inputs);
}

static pf_value twice(pf_graph *g, pf_dtype dtype, pf_value a) {
    pf_shape shape = g->values[a].shape;
    pf_value inputs[2] = {a, pf__number(g, 2, dtype, &shape)};
    return pf__map(g, PF__MUL, dtype, inputs);
}

pf_value pf__fold_map(pf_graph *g, pf__scalar s, pf_dtype dtype, const pf_value *in) {
    pf_value number = evaluate(g, s, dtype, in), a = in[0], b = in[1];
    if (number) return number;
    switch (s) { /* of sums and products, the constant is b */
    case PF__ADD:
        return equals(g, b, 0) ? a : a == b ? twice(g, dtype, a) : 0;
    case PF__SUB:
        if (equals(g, b, 0)) return a;
        return equals(g, a, 0) && dtype != PF_U32 ? pf__map(g, PF__NEG, dtype, &b) : 0;
    case PF__MUL:
        return fold_product(g, dtype, a, b);
    case PF__DIV:
        return fold_quotient(g, dtype, a, b);
    case PF__MIN:
    case PF__MAX:
        return a == b ? a : 0;
    case PF__AND:
    case PF__MUL_HIGH:
        return equals(g, b, 0) ? b : 0;
    case PF__SHIFT_RIGHT:
        return equals(g, b, 0) ? a : 0;
    case PF__SELECT:
        if (b == in[2]) return b;
        double condition;
        if (!pf__is_constant(g, a, &condition)) return 0;
        return condition != 0 ? b : in[2];
    default:
        return 0;
    }
}
