/* SPDX-License-Identifier: MIT
 * The row of MATMUL: C[M,N] = op(A) op(B), with or without one leading batch axis on both. Bilinear, and
 * closed under differentiation. */
#include "graph/build.h"
#include "ops/candidates.h"
#include "ops/rows.h"
#include <string.h>

static pf_status matmul_jvp(pf_graph *g, const pf__node *n, const pf_value *dx, pf_value *y, pf_value *dy) {
    (void)y;
    pf_value a = pf__inputs(g, n)[0], b = pf__inputs(g, n)[1];
    bool ta = n->attr.transpose_a, tb = n->attr.transpose_b;
    pf_value by_a = pf_matmul(g, dx[0], b, ta, tb), by_b = pf_matmul(g, a, dx[1], ta, tb);
    dy[0] = pf_add(g, by_a, by_b);
    return g->error.status;
}

static pf_status matmul_vjp(pf_graph *g, const pf__node *n, const pf_value *ybar, pf_value *xbar) {
    pf_value a = pf__inputs(g, n)[0], b = pf__inputs(g, n)[1], c = ybar[0];
    bool ta = n->attr.transpose_a, tb = n->attr.transpose_b;
    xbar[0] = ta ? pf_matmul(g, b, c, tb, true) : pf_matmul(g, c, b, false, !tb);
    xbar[1] = tb ? pf_matmul(g, c, a, true, ta) : pf_matmul(g, a, c, !ta, false);
    return g->error.status;
}

static void matmul_interpret(const pf_graph *g, const pf__node *n, const double *const *x, double *const *y) {
    const pf_shape *shape = &g->values[n->first_output].shape, *sa = &g->values[pf__inputs(g, n)[0]].shape;
    bool ta = n->attr.transpose_a, tb = n->attr.transpose_b;
    int r = shape->rank;
    int64_t batch = r == 3 ? shape->dim[0] : 1, M = shape->dim[r - 2], N = shape->dim[r - 1];
    int64_t K = sa->dim[ta ? r - 2 : r - 1];
    memset(y[0], 0, (size_t)(batch * M * N) * sizeof **y);
    for (int64_t e = 0; e < batch; e++) {
        const double *a = x[0] + e * M * K, *b = x[1] + e * K * N;
        for (int64_t m = 0; m < M; m++)
            for (int64_t k = 0; k < K; k++) {
                double a_mk = ta ? a[k * M + m] : a[m * K + k], *c_m = y[0] + (e * M + m) * N;
                for (int64_t j = 0; j < N; j++) c_m[j] += a_mk * (tb ? b[j * K + k] : b[k * N + j]);
            }
    }
}

const struct pf__op pf__row_MATMUL = {.name = "matmul",
                                      .jvp = matmul_jvp,
                                      .vjp = matmul_vjp,
                                      .interpret = matmul_interpret,
                                      .candidates = pf__matmul_candidates};
