/* SPDX-License-Identifier: MIT
 * The scalar functions of MAP: names, numbers of inputs, and their values in double. */
#include "graph/graph.h"
#include <math.h>

static const struct {
    const char *name;
    int arity;
} scalars[PF__SCALAR_COUNT] = {
    [PF__ADD] = {"add", 2},
    [PF__SUB] = {"sub", 2},
    [PF__MUL] = {"mul", 2},
    [PF__DIV] = {"div", 2},
    [PF__MIN] = {"min", 2},
    [PF__MAX] = {"max", 2},
    [PF__NEG] = {"neg", 1},
    [PF__ABS] = {"abs", 1},
    [PF__FLOOR] = {"floor", 1},
    [PF__EXP] = {"exp", 1},
    [PF__LOG] = {"log", 1},
    [PF__LOG1P] = {"log1p", 1},
    [PF__SQRT] = {"sqrt", 1},
    [PF__RSQRT] = {"rsqrt", 1},
    [PF__RECIP] = {"recip", 1},
    [PF__SIN] = {"sin", 1},
    [PF__COS] = {"cos", 1},
    [PF__ATAN] = {"atan", 1},
    [PF__TANH] = {"tanh", 1},
    [PF__ERF] = {"erf", 1},
    [PF__SIGMOID] = {"sigmoid", 1},
    [PF__LESS] = {"less", 2},
    [PF__LESS_EQUAL] = {"less_equal", 2},
    [PF__EQUAL] = {"equal", 2},
    [PF__SELECT] = {"select", 3},
    [PF__CAST] = {"cast", 1},
    [PF__AND] = {"and", 2},
    [PF__SHIFT_RIGHT] = {"shift_right", 2},
    [PF__MUL_HIGH] = {"mul_high", 2},
};

const char *pf__scalar_name(pf__scalar s) {
    return scalars[s].name;
}

int pf__scalar_arity(pf__scalar s) {
    return scalars[s].arity;
}

/* Integers in double to 64 bits, modulo 2^64. */
static uint64_t bits_of(double a) {
    return a < 0 ? (uint64_t)(int64_t)a : (uint64_t)a;
}

static double wrapped(pf_dtype dtype, uint64_t bits) {
    if (dtype == PF_U32) return (double)(uint32_t)bits;
    if (dtype == PF_U8) return (double)(uint8_t)bits;
    uint32_t low = (uint32_t)bits;
    return low & 0x80000000u ? (double)low - 0x1p32 : (double)low;
}

/* Towards zero, and to the nearest end of the type's range; not-a-number becomes 0. Integers outside wrap
 * round. */
static double cast_to(pf_dtype dtype, double a) {
    if (dtype == PF_F64) return a;
    if (dtype == PF_F32)
        return a == trunc(a) && fabs(a) >= 0x1p24 && fabs(a) <= 0x1p32 ? (double)(float)a : a;
    if (isnan(a)) return 0;
    double low = dtype == PF_I32 ? -0x1p31 : 0;
    double high = dtype == PF_I32 ? 0x1p31 - 1 : dtype == PF_U32 ? 0x1p32 - 1 : 255;
    double whole = trunc(a);
    if (whole >= low && whole <= high) return whole;
    if (whole == a && fabs(a) < 0x1p33) return wrapped(dtype, bits_of(a));
    return whole < low ? low : high;
}

static double integer(pf__scalar s, pf_dtype out, double a, double b) {
    switch (s) {
    case PF__ADD:
        return wrapped(out, bits_of(a) + bits_of(b));
    case PF__SUB:
        return wrapped(out, bits_of(a) - bits_of(b));
    case PF__MUL:
        return wrapped(out, bits_of(a) * bits_of(b));
    case PF__NEG:
        return wrapped(out, 0 - bits_of(a));
    case PF__ABS:
        return wrapped(out, bits_of(fabs(a)));
    case PF__MIN:
        return a < b ? a : b;
    case PF__MAX:
        return a > b ? a : b;
    case PF__AND:
        return (double)(bits_of(a) & bits_of(b));
    case PF__SHIFT_RIGHT:
        return b < 32 ? (double)(bits_of(a) >> bits_of(b)) : 0;
    case PF__MUL_HIGH:
        return (double)((bits_of(a) * bits_of(b)) >> 32);
    default:
        return NAN;
    }
}

double pf__scalar_evaluate(pf__scalar s, pf_dtype out, double a, double b, double c) {
    if (s == PF__SELECT) return a != 0 ? b : c;
    if (s == PF__CAST) return cast_to(out, a);
    if (out != PF_F32 && out != PF_F64) return integer(s, out, a, b);
    switch (s) {
    case PF__ADD:
        return a + b;
    case PF__SUB:
        return a - b;
    case PF__MUL:
        return a * b;
    case PF__DIV:
        return a / b;
    case PF__MIN:
        return a <= b ? a : b;
    case PF__MAX:
        return b <= a ? a : b;
    case PF__NEG:
        return -a;
    case PF__ABS:
        return fabs(a);
    case PF__FLOOR:
        return floor(a);
    case PF__EXP:
        return exp(a);
    case PF__LOG:
        return log(a);
    case PF__LOG1P:
        return log1p(a);
    case PF__SQRT:
        return sqrt(a);
    case PF__RSQRT:
        return 1 / sqrt(a);
    case PF__RECIP:
        return 1 / a;
    case PF__SIN:
        return sin(a);
    case PF__COS:
        return cos(a);
    case PF__ATAN:
        return atan(a);
    case PF__TANH:
        return tanh(a);
    case PF__ERF:
        return erf(a);
    case PF__SIGMOID:
        return 1 / (1 + exp(-a));
    case PF__LESS:
        return a < b;
    case PF__LESS_EQUAL:
        return a <= b;
    case PF__EQUAL:
        return a == b;
    default:
        return NAN;
    }
}
