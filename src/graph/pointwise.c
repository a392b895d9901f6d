/* SPDX-License-Identifier: MIT
 * The pointwise constructors: operands are checked, broadcast together and become one MAP node. */
#include "graph/build.h"

enum { F = 1 << PF_F32, I = 1 << PF_I32, U = 1 << PF_U32, NUMBERS = F | I | U };

/* The types that a scalar function takes. */
static int types_of(pf__scalar s) {
    switch (s) {
    case PF__ADD:
    case PF__SUB:
    case PF__MUL:
    case PF__MIN:
    case PF__MAX:
    case PF__LESS:
    case PF__LESS_EQUAL:
    case PF__EQUAL:
        return NUMBERS;
    case PF__NEG:
    case PF__ABS:
        return F | I;
    case PF__AND:
    case PF__SHIFT_RIGHT:
    case PF__MUL_HIGH:
        return U;
    default:
        return F;
    }
}

static bool takes(pf_graph *g, pf__scalar s, pf_value v) {
    if (types_of(s) & 1 << g->values[v].dtype) return true;
    char text[PF__DESCRIBE_MAX];
    pf__graph_fail(g, PF_SHAPE, "%s: cannot take %s", pf__scalar_name(s), pf__describe(g, v, text));
    pf__hint(&g->error, PF_SHAPE, "cast it first (pf_cast)");
    return false;
}

static pf_value disagree(pf_graph *g, const char *what, pf_value a, pf_value b) {
    char first[PF__DESCRIBE_MAX], second[PF__DESCRIBE_MAX];
    pf__graph_fail(g, PF_SHAPE, "%s: %s and %s do not agree", what, pf__describe(g, a, first),
                   pf__describe(g, b, second));
    if (g->values[a].dtype != g->values[b].dtype)
        pf__hint(&g->error, PF_SHAPE, "cast one of them (pf_cast)");
    else
        pf__hint(&g->error, PF_SHAPE, "axes are aligned at the last; each pair must be equal or hold a 1");
    return 0;
}

/* NumPy's rule; false when the shapes do not agree. */
static bool common_shape(const pf_shape *a, const pf_shape *b, pf_shape *out) {
    pf_shape common = {.rank = a->rank > b->rank ? a->rank : b->rank};
    for (int i = 1; i <= common.rank; i++) {
        int64_t m = i <= a->rank ? a->dim[a->rank - i] : 1;
        int64_t n = i <= b->rank ? b->dim[b->rank - i] : 1;
        if (m != n && m != 1 && n != 1) return false;
        common.dim[common.rank - i] = m == 1 ? n : m;
    }
    *out = common;
    return true;
}

static pf_value unary(pf_graph *g, pf__scalar s, pf_value a) {
    if (!pf__usable(g, pf__scalar_name(s), &a, 1)) return 0;
    if (a == 0 && s == PF__NEG) return 0;
    if (a == 0) {
        pf__graph_fail(g, PF_USAGE, "%s: the symbolic zero has no shape", pf__scalar_name(s));
        pf__hint(&g->error, PF_USAGE,
                 "only linear operations take it; make a constant 0 of the shape wanted");
        return 0;
    }
    if (!takes(g, s, a)) return 0;
    return pf__map(g, s, g->values[a].dtype, &a);
}

static pf_value binary(pf_graph *g, pf__scalar s, pf_value a, pf_value b);

/* One operand or both are the symbolic zero. */
static pf_value binary_of_zero(pf_graph *g, pf__scalar s, pf_value a, pf_value b) {
    switch (s) {
    case PF__ADD:
        return a ? a : b;
    case PF__SUB:
        return a ? a : pf_neg(g, b);
    case PF__MUL:
    case PF__AND:
    case PF__MUL_HIGH:
        return 0;
    case PF__SHIFT_RIGHT:
        return a;
    case PF__MIN:
    case PF__MAX:
        if (a == b) return 0;
        break;
    case PF__DIV:
        if (a == 0 && b != 0) return 0;
        return pf__graph_fail(g, PF_USAGE, "div: the divisor is the symbolic zero");
    default:
        if (a == b)
            return pf__graph_fail(g, PF_USAGE, "%s: two symbolic zeros have no shape", pf__scalar_name(s));
    }
    return binary(g, s, a ? a : pf__zeros_like(g, b), b ? b : pf__zeros_like(g, a));
}

static pf_value binary(pf_graph *g, pf__scalar s, pf_value a, pf_value b) {
    pf_value both[2] = {a, b};
    if (!pf__usable(g, pf__scalar_name(s), both, 2)) return 0;
    if (a == 0 || b == 0) return binary_of_zero(g, s, a, b);
    pf_shape shape;
    bool same_type = g->values[a].dtype == g->values[b].dtype;
    if (!same_type || !common_shape(&g->values[a].shape, &g->values[b].shape, &shape))
        return disagree(g, pf__scalar_name(s), a, b);
    if (!takes(g, s, a)) return 0;
    bool compares = s == PF__LESS || s == PF__LESS_EQUAL || s == PF__EQUAL;
    pf_dtype dtype = compares ? PF_F32 : g->values[a].dtype;
    pf_value inputs[2] = {pf_broadcast(g, a, shape), pf_broadcast(g, b, shape)};
    return pf__map(g, s, dtype, inputs);
}

pf_value pf__map(pf_graph *g, pf__scalar s, pf_dtype dtype, const pf_value *inputs) {
    if (pf__failed(g)) return 0;
    int arity = pf__scalar_arity(s);
    pf_value in[3] = {0};
    for (int i = 0; i < arity; i++) in[i] = inputs[i];
    double number;
    /* One order for sums and products: constants last, else by age. It is exact, and makes equal nodes meet.
     */
    if (s == PF__ADD || s == PF__MUL || s == PF__EQUAL || s == PF__AND) {
        bool constant = pf__is_constant(g, in[0], &number), other = pf__is_constant(g, in[1], &number);
        if (constant != other ? constant : in[0] > in[1]) {
            in[0] = inputs[1];
            in[1] = inputs[0];
        }
    }
    pf_value folded = pf__fold_map(g, s, dtype, in);
    if (folded == 0 && g->merging) folded = pf__merge_map(g, s, dtype, in);
    if (folded != 0 || pf__failed(g)) return folded;
    pf__attr attr = {.kind = (int)s};
    pf_shape shape = g->values[in[0]].shape;
    return pf__emit(g, PF__OP_MAP, in, (uint32_t)arity, &attr, dtype, &shape);
}

#define UNARY(name, id)                           \
    pf_value pf_##name(pf_graph *g, pf_value a) { \
        return unary(g, PF__##id, a);             \
    }
#define BINARY(name, id)                                      \
    pf_value pf_##name(pf_graph *g, pf_value a, pf_value b) { \
        return binary(g, PF__##id, a, b);                     \
    }

BINARY(add, ADD)
BINARY(sub, SUB)
BINARY(mul, MUL)
BINARY(div, DIV)
BINARY(min, MIN)
BINARY(max, MAX)
UNARY(neg, NEG)
UNARY(abs, ABS)
UNARY(floor, FLOOR)
UNARY(exp, EXP)
UNARY(log, LOG)
UNARY(log1p, LOG1P)
UNARY(sqrt, SQRT)
UNARY(rsqrt, RSQRT)
UNARY(recip, RECIP)
UNARY(sin, SIN)
UNARY(cos, COS)
UNARY(atan, ATAN)
UNARY(tanh, TANH)
UNARY(erf, ERF)
UNARY(sigmoid, SIGMOID)
BINARY(less, LESS)
BINARY(less_equal, LESS_EQUAL)
BINARY(equal, EQUAL)
BINARY(and, AND)
BINARY(shift_right, SHIFT_RIGHT)
BINARY(mul_high, MUL_HIGH)

pf_value pf_select(pf_graph *g, pf_value condition, pf_value a, pf_value b) {
    pf_value all[3] = {condition, a, b};
    if (!pf__usable(g, "select", all, 3) || (a == 0 && b == 0)) return 0;
    if (a == 0) a = pf__zeros_like(g, b);
    if (b == 0) b = pf__zeros_like(g, a);
    pf_shape shape;
    bool same_type = g->values[a].dtype == g->values[b].dtype;
    if (!same_type || !common_shape(&g->values[a].shape, &g->values[b].shape, &shape))
        return disagree(g, "select", a, b);
    if (condition == 0) return pf_broadcast(g, b, shape);
    if (!common_shape(&shape, &g->values[condition].shape, &shape))
        return disagree(g, "select", condition, a);
    pf_value inputs[3] = {pf_broadcast(g, condition, shape), pf_broadcast(g, a, shape),
                          pf_broadcast(g, b, shape)};
    return pf__map(g, PF__SELECT, g->values[a].dtype, inputs);
}

pf_value pf_cast(pf_graph *g, pf_value a, pf_dtype dtype) {
    if (!pf__usable(g, "cast", &a, 1) || a == 0) return 0;
    if (g->values[a].dtype == dtype) return a;
    if (dtype == PF_F64) return pf__graph_fail(g, PF_SHAPE, "cast: graphs hold f32, i32, u32 and u8 only");
    return pf__map(g, PF__CAST, dtype, &a);
}
