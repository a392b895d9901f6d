/* SPDX-License-Identifier: MIT
 * Functions made of the others. */
#include "graph/build.h"
#include <math.h>

/* The number as a constant of rank 0 and of a's type. */
static pf_value number_for(pf_graph *g, pf_value a, double number) {
    return pf_constant_of(g, number, g->values[a].dtype, (pf_shape){.rank = 0});
}

pf_value pf_add_number(pf_graph *g, pf_value a, double number) {
    if (!pf__usable(g, "add_number", &a, 1)) return 0;
    if (a == 0) {
        if (number == 0) return 0;
        return pf__graph_fail(g, PF_USAGE, "add_number: the symbolic zero has no shape");
    }
    return pf_add(g, a, number_for(g, a, number));
}

pf_value pf_mul_number(pf_graph *g, pf_value a, double number) {
    if (!pf__usable(g, "mul_number", &a, 1) || a == 0) return 0;
    return pf_mul(g, a, number_for(g, a, number));
}

pf_value pf_square(pf_graph *g, pf_value a) {
    return pf_mul(g, a, a);
}

pf_value pf_silu(pf_graph *g, pf_value a) {
    return a == 0 ? 0 : pf_mul(g, a, pf_sigmoid(g, a));
}

pf_value pf_gelu(pf_graph *g, pf_value a) {
    if (a == 0) return 0;
    pf_value phi = pf_add_number(g, pf_erf(g, pf_mul_number(g, a, 0.70710678118654752440)), 1); /* 2 Phi(a) */
    return pf_mul(g, pf_mul_number(g, a, 0.5), phi);
}

pf_value pf_power(pf_graph *g, pf_value a, double p) {
    if (!pf__usable(g, "power", &a, 1)) return 0;
    if (a == 0) {
        if (p >= 1) return 0;
        return pf__graph_fail(g, PF_USAGE, "power: the symbolic zero to the power %g", p);
    }
    if (p == 0) return pf_constant(g, 1, g->values[a].shape);
    if (p == 1) return a;
    if (p == 2) return pf_mul(g, a, a);
    if (p == 0.5) return pf_sqrt(g, a);
    if (p == -1) return pf_recip(g, a);
    if (p == -0.5) return pf_rsqrt(g, a);
    return pf_exp(g, pf_mul_number(g, pf_log(g, a), p));
}
