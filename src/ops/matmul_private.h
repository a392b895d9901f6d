/* SPDX-License-Identifier: MIT
 * What the candidates of the matrix product share. */
#ifndef PF__OPS_MATMUL_PRIVATE_H
#define PF__OPS_MATMUL_PRIVATE_H

#include "ops/lower.h"

/** C[b] = op(A[b]) op(B[b]) for b < batch; op(A) [m, k], op(B) [k, n], C [m, n]; all dense. */
typedef struct pf__product {
    pf_value a, b, c;
    uint32_t batch, m, n, k;
    bool transpose_a, transpose_b;
    char label[64]; /* "matmul nt 1024x256x256", batched "matmul nn 384x49x49x64": [batch x] m x n x k */
    double flops, bytes;
} pf__product;

/** Whether a kernel can index the product: equal ranks (2, or 3 with one batch), f32, fewer than 2^32
 * elements each. */
bool pf__product_fits(const pf_graph *g, const pf__node *n);
pf__product pf__product_of(const pf_graph *g, const pf__node *n);

bool pf__matmul_cpu_supports(const pf__lowering *l, const pf__node *n);
pf_status pf__matmul_cpu(pf__lowering *l, const pf__node *n);
/** [A; A'] B as one launch: B is packed once, and the two parts lie wherever they lie. */
bool pf__matmul_cpu_pairs(const pf__lowering *l, const pf__node *n, const pf__node *twin);
pf_status pf__matmul_cpu_pair(pf__lowering *l, const pf__node *n, const pf__node *twin);
bool pf__matmul_clblast_supports(const pf__lowering *l, const pf__node *n);
pf_status pf__matmul_clblast(pf__lowering *l, const pf__node *n);
pf_status pf__matmul_generic(pf__lowering *l, const pf__node *n);

static inline uint32_t pf__ceil_div(uint32_t a, uint32_t b) {
    return (uint32_t)(((uint64_t)a + b - 1) / b);
}
static inline uint32_t pf__round_up(uint32_t a, uint32_t b) {
    return pf__ceil_div(a, b) * b;
}

#endif
