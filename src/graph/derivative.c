/* SPDX-License-Identifier: MIT
 * The derivatives of the scalar functions, as expressions in the same functions. A MAP acts element by
 * element, so that "t times the derivative" serves tangents and cotangents alike. Where the function's own
 * value y makes it cheaper, it is used. */
#include "graph/build.h"

/* t times number / (1 + a^2) and the like: t / divisor. */
static pf_value over(pf_graph *g, pf_value t, pf_value divisor) {
    return pf_div(g, t, divisor);
}

static pf_value of_binary(pf_graph *g, pf__scalar s, pf_value a, pf_value b, pf_value y, int i, pf_value t) {
    switch (s) {
    case PF__ADD:
        return t;
    case PF__SUB:
        return i == 0 ? t : pf_neg(g, t);
    case PF__MUL:
        return pf_mul(g, t, i == 0 ? b : a);
    case PF__DIV:
        return i == 0 ? over(g, t, b) : pf_neg(g, over(g, pf_mul(g, t, y), b));
    case PF__MIN: /* of equal numbers, the first */
        return i == 0 ? pf_select(g, pf_less_equal(g, a, b), t, 0)
                      : pf_select(g, pf_less_equal(g, a, b), 0, t);
    case PF__MAX:
        return i == 0 ? pf_select(g, pf_less_equal(g, b, a), t, 0)
                      : pf_select(g, pf_less_equal(g, b, a), 0, t);
    default:
        return 0; /* comparisons, bits */
    }
}

/* 0 at 0. */
static pf_value of_abs(pf_graph *g, pf_value a, pf_value t) {
    pf_value zero = pf__zeros_like(g, a);
    pf_value falling = pf_select(g, pf_less(g, a, zero), pf_neg(g, t), 0);
    return pf_select(g, pf_less(g, zero, a), t, falling);
}

static pf_value of_unary(pf_graph *g, pf__scalar s, pf_value a, pf_value y, pf_value t) {
    switch (s) {
    case PF__NEG:
        return pf_neg(g, t);
    case PF__ABS:
        return of_abs(g, a, t);
    case PF__EXP:
        return pf_mul(g, t, y);
    case PF__LOG:
        return over(g, t, a);
    case PF__LOG1P:
        return over(g, t, pf_add_number(g, a, 1));
    case PF__SQRT:
        return over(g, pf_mul_number(g, t, 0.5), y);
    case PF__RSQRT:
        return pf_mul(g, pf_mul_number(g, t, -0.5), pf_mul(g, y, pf_mul(g, y, y)));
    case PF__RECIP:
        return pf_neg(g, pf_mul(g, t, pf_mul(g, y, y)));
    case PF__SIN:
        return pf_mul(g, t, pf_cos(g, a));
    case PF__COS:
        return pf_neg(g, pf_mul(g, t, pf_sin(g, a)));
    case PF__ATAN:
        return over(g, t, pf_add_number(g, pf_mul(g, a, a), 1));
    case PF__TANH:
        return pf_mul(g, t, pf_sub(g, pf_constant(g, 1, (pf_shape){.rank = 0}), pf_mul(g, y, y)));
    case PF__ERF: /* 2 / sqrt(pi) exp(-a^2) */
        return pf_mul(g, pf_mul_number(g, t, 1.12837916709551257390), pf_exp(g, pf_neg(g, pf_mul(g, a, a))));
    case PF__SIGMOID:
        return pf_mul(g, t, pf_mul(g, y, pf_sub(g, pf_constant(g, 1, (pf_shape){.rank = 0}), y)));
    default:
        return 0; /* floor; casts, which are all from or to integers */
    }
}

pf_value pf__scalar_derivative(pf_graph *g, const pf__node *node, int i, pf_value t) {
    pf__scalar s = (pf__scalar)node->attr.kind;
    pf_value in[3] = {0}, y = node->first_output;
    for (uint32_t k = 0; k < node->input_count; k++) in[k] = pf__inputs(g, node)[k];
    bool smooth = g->values[y].dtype == PF_F32 && g->values[in[i]].dtype == PF_F32;
    if (t == 0 || !smooth) return 0;
    if (s == PF__SELECT) return i == 0 ? 0 : i == 1 ? pf_select(g, in[0], t, 0) : pf_select(g, in[0], 0, t);
    if (pf__scalar_arity(s) == 2) return of_binary(g, s, in[0], in[1], y, i, t);
    return of_unary(g, s, in[0], y, t);
}
