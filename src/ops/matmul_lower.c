/* SPDX-License-Identifier: MIT
 * The candidates of the matrix product and their order: the device's type decides, or runtime.matmul. */
#include "ops/candidates.h"
#include "ops/matmul_private.h"
#include <stdio.h>
#include <string.h>

static bool fits_u32(const pf_graph *g, pf_value v) {
    return g->values[v].dtype == PF_F32 && pf_shape_count(&g->values[v].shape) <= UINT32_MAX;
}

bool pf__product_fits(const pf_graph *g, const pf__node *n) {
    const pf_value *in = pf__inputs(g, n);
    const pf_shape *a = &g->values[in[0]].shape, *b = &g->values[in[1]].shape;
    if (a->rank != b->rank || a->rank < 2 || a->rank > 3) return false;
    if (a->rank == 3 && a->dim[0] != b->dim[0]) return false;
    return fits_u32(g, in[0]) && fits_u32(g, in[1]) && fits_u32(g, n->first_output);
}

pf__product pf__product_of(const pf_graph *g, const pf__node *n) {
    const pf_value *in = pf__inputs(g, n);
    const pf_shape *a = &g->values[in[0]].shape, *c = &g->values[n->first_output].shape;
    pf__product p = {
        .a = in[0],
        .b = in[1],
        .c = n->first_output,
        .batch = c->rank == 3 ? (uint32_t)c->dim[0] : 1,
        .m = (uint32_t)c->dim[c->rank - 2],
        .n = (uint32_t)c->dim[c->rank - 1],
        .k = (uint32_t)a->dim[n->attr.transpose_a ? a->rank - 2 : a->rank - 1],
        .transpose_a = n->attr.transpose_a,
        .transpose_b = n->attr.transpose_b,
    };
    double m = p.m, columns = p.n, k = p.k;
    p.flops = 2.0 * p.batch * m * columns * k;
    p.bytes = 4.0 * p.batch * (m * k + k * columns + m * columns);
    char batch[16] = "";
    if (p.batch > 1) snprintf(batch, sizeof batch, "%ux", p.batch);
    snprintf(p.label, sizeof p.label, "matmul %c%c %s%ux%ux%u", p.transpose_a ? 't' : 'n',
             p.transpose_b ? 't' : 'n', batch, p.m, p.n, p.k);
    return p;
}

static bool wanted(const pf__lowering *l, const char *name) {
    return l->matmul && strcmp(l->matmul, name) == 0;
}

static bool automatic(const pf__lowering *l) {
    return !l->matmul || strcmp(l->matmul, "auto") == 0;
}

static bool cpu_supports(const pf__lowering *l, const pf__node *n) {
    if (!wanted(l, "cpu") && !(automatic(l) && l->device->type == PF_DEVICE_CPU)) return false;
    return pf__product_fits(l->graph, n) && pf__matmul_cpu_supports(l, n);
}

static bool clblast_supports(const pf__lowering *l, const pf__node *n) {
    if (!wanted(l, "clblast") && !(automatic(l) && l->device->type == PF_DEVICE_GPU)) return false;
    return pf__product_fits(l->graph, n) && pf__matmul_clblast_supports(l, n);
}

static bool generic_supports(const pf__lowering *l, const pf__node *n) {
    const uint32_t most = l->device->iterations_max;
    return pf__product_fits(l->graph, n) && (!most || pf__product_of(l->graph, n).k < most - 64);
}

const pf__candidate pf__matmul_candidates[] = {
    {"cpu", cpu_supports, pf__matmul_cpu, pf__matmul_cpu_pairs, pf__matmul_cpu_pair},
    {"clblast", clblast_supports, pf__matmul_clblast, NULL, NULL},
    {"generic", generic_supports, pf__matmul_generic, NULL, NULL},
    {0},
};
