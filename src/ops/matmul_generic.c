/* SPDX-License-Identifier: MIT
 * The matrix product for any device, any shape, any transposes: the last candidate. Kernel: cl/matmul.cl,
 * MATMUL_GENERIC. */
#include "ops/matmul_private.h"

pf_status pf__matmul_generic(pf__lowering *l, const pf__node *n) {
    const pf__product p = pf__product_of(l->graph, n);
    const uint32_t lx = l->device->work_group_max >= 64 ? 8 : 1;
    const pf__operand operands[] = {
        pf__read(p.a),
        pf__read(p.b),
        pf__write(p.c),
        pf__u32(p.m),
        pf__u32(p.n),
        pf__u32(p.k),
        pf__u32(p.transpose_a ? 1 : p.k),
        pf__u32(p.transpose_a ? p.m : 1),
        pf__u32(p.transpose_b ? 1 : p.n),
        pf__u32(p.transpose_b ? p.k : 1),
    };
    const pf__step_desc step = {
        .label = p.label,
        .file = "matmul.cl",
        .defines = "#define MATMUL_GENERIC 1\n",
        .dims = 3,
        .global = {(size_t)pf__ceil_div(p.n, 4 * lx) * lx, pf__round_up(pf__ceil_div(p.m, 4), lx), p.batch},
        .local = {lx, lx, 1},
        .operands = operands,
        .operand_count = sizeof operands / sizeof *operands,
        .flops = p.flops,
        .bytes = p.bytes,
    };
    return l->kernel(l, &step);
}
