/* SPDX-License-Identifier: MIT
 * Rows by index, and the adjoint. Kernels: cl/gather.cl. */
#include "ops/candidates.h"

#include <stdio.h>

/* What both kernels are told: rows of the table, of the batch, elements of a row. */
typedef struct sizes {
    uint32_t rows, batch, width;
} sizes;

static bool fits(const pf_graph *g, pf_value v) {
    return pf_dtype_bytes(g->values[v].dtype) == 4 && pf_shape_count(&g->values[v].shape) <= INT32_MAX;
}

static bool supports(const pf__lowering *l, const pf__node *n) {
    const pf_graph *g = l->graph;
    const pf_value *in = pf__inputs(g, n);
    return g->values[in[1]].dtype == PF_I32 && fits(g, in[0]) && fits(g, in[1]) && fits(g, n->first_output);
}

/* How often a work-item may go through the batch for one row; 0: never whole. */
static uint32_t passes_max(const pf__lowering *l, uint32_t batch) {
    const uint32_t most = l->device->iterations_max;
    return most ? (most - 64) / (batch + 1) : UINT32_MAX;
}

static bool adjoint_supports(const pf__lowering *l, const pf__node *n) {
    const uint32_t batch = (uint32_t)l->graph->values[pf__inputs(l->graph, n)[1]].shape.dim[0];
    return supports(l, n) && l->graph->values[n->first_output].dtype == PF_F32 && passes_max(l, batch) > 16;
}

static sizes sizes_of(const pf_graph *g, pf_value table, pf_value index) {
    const pf_shape *t = &g->values[table].shape;
    return (sizes){
        .rows = (uint32_t)t->dim[0],
        .batch = (uint32_t)g->values[index].shape.dim[0],
        .width = (uint32_t)(pf_shape_count(t) / t->dim[0]),
    };
}

/* Both kernels cut the output into blocks: rows by whole columns for CPUs, single vectors for the others. */
static pf_status lower_either(pf__lowering *l, const pf__node *n, const sizes *s, uint32_t output_rows,
                              const char *name, const char *macro, uint32_t rows_per_item,
                              uint32_t columns_max, double flops) {
    const pf_value *in = pf__inputs(l->graph, n);
    const bool cpu = l->device->type == PF_DEVICE_CPU;
    const uint32_t v = l->device->vector_width >= 16 ? 16 : l->device->vector_width >= 8 ? 8 : 4;
    const uint32_t columns = !cpu ? v : s->width < columns_max ? s->width : columns_max;
    const uint32_t rows = cpu ? rows_per_item : 1;
    const uint32_t local = cpu || l->device->work_group_max < 64 ? 1 : 8;
    const uint32_t x = (s->width + columns - 1) / columns, y = (output_rows + rows - 1) / rows;
    char label[96], defines[64];
    snprintf(label, sizeof label, "%s %ux%u", name, output_rows, s->width);
    snprintf(defines, sizeof defines, "#define %s 1\n#define V %u\n", macro, v);
    const pf__operand operands[] = {
        pf__read(in[0]),   pf__read(in[1]),   pf__write(n->first_output), pf__u32(s->rows),
        pf__u32(s->batch), pf__u32(s->width), pf__u32(columns),           pf__u32(rows),
    };
    const pf__step_desc step = {
        .label = label,
        .file = "gather.cl",
        .defines = defines,
        .dims = 2,
        .global = {(size_t)((x + local - 1) / local) * local, (size_t)((y + local - 1) / local) * local, 1},
        .local = {local, local, 1},
        .operands = operands,
        .operand_count = sizeof operands / sizeof *operands,
        .flops = flops,
        .bytes = 4.0 * s->width * ((double)s->batch + output_rows),
    };
    return l->kernel(l, &step);
}

static pf_status lower(pf__lowering *l, const pf__node *n) {
    const sizes s = sizes_of(l->graph, pf__inputs(l->graph, n)[0], pf__inputs(l->graph, n)[1]);
    return lower_either(l, n, &s, s.batch, "gather", "GATHER", 16, 4096, 0);
}

static pf_status lower_adjoint(pf__lowering *l, const pf__node *n) {
    const sizes s = sizes_of(l->graph, n->first_output, pf__inputs(l->graph, n)[1]);
    const uint32_t passes = passes_max(l, s.batch); /* a vector each */
    const uint32_t columns = passes < UINT32_MAX ? passes / 16 * 16 : UINT32_MAX;
    return lower_either(l, n, &s, s.rows, "gather adjoint", "GATHER_ADJOINT", 1, columns,
                        (double)s.batch * s.width);
}

const pf__candidate pf__gather_candidates[] = {
    {.name = "rows", .supports = supports, .lower = lower},
    {0},
};

const pf__candidate pf__gather_adjoint_candidates[] = {
    {.name = "rows", .supports = adjoint_supports, .lower = lower_adjoint},
    {0},
};
