/* SPDX-License-Identifier: MIT
 * Random leaves on the device. Kernel: cl/random.cl. Seed and first sample come from the step block. */
#include "base/philox.h"
#include "ops/candidates.h"
#include <stdio.h>

#define CHUNK 256u /* Philox blocks that one work-group of a CPU computes */

static bool supports(const pf__lowering *l, const pf__node *n) {
    const pf__value *v = &l->graph->values[n->first_output];
    return v->shape.rank >= 1 && v->dtype == (n->attr.kind == PF__RANDOM_BITS ? PF_U32 : PF_F32) &&
           pf_shape_count(&v->shape) <= INT32_MAX;
}

static pf_status lower(pf__lowering *l, const pf__node *n) {
    static const char *const kinds[] = {
        [PF__RANDOM_NORMAL] = "NORMAL", [PF__RANDOM_UNIFORM] = "UNIFORM", [PF__RANDOM_BITS] = "BITS"};
    const pf_shape *shape = &l->graph->values[n->first_output].shape;
    const uint32_t rows = (uint32_t)shape->dim[0], width = (uint32_t)(pf_shape_count(shape) / shape->dim[0]);
    const uint32_t per_row = (width + 3) / 4, blocks = rows * per_row;
    const bool cpu = l->device->type == PF_DEVICE_CPU;
    const uint32_t v = l->device->vector_width >= 16 ? 16 : l->device->vector_width >= 8 ? 8 : 4;
    const uint32_t chunk = cpu ? CHUNK : v, local = cpu || l->device->work_group_max < 64 ? 1 : 64;
    const uint32_t items = (blocks + chunk - 1) / chunk;
    char label[128], defines[96];
    snprintf(label, sizeof label, "random %s %ux%u", n->attr.name, rows, width);
    snprintf(defines, sizeof defines, "#define V %u\n#define %s 1\n%s", v, kinds[n->attr.kind],
             width == 1 ? "#define D_1 1\n" : "");
    const pf__operand operands[] = {
        {.kind = PF__OPERAND_READ, .workspace = true, .id = PF__STEP_BLOCK},
        pf__write(n->first_output),
        pf__u32(pf__stream(n->attr.name)),
        pf__u32(rows),
        pf__u32(width),
        pf__u32(per_row),
        pf__u32(chunk),
    };
    const pf__step_desc step = {
        .label = label,
        .file = "random.cl",
        .defines = defines,
        .dims = 1,
        .global = {(size_t)((items + local - 1) / local) * local, 1, 1},
        .local = {local, 1, 1},
        .operands = operands,
        .operand_count = sizeof operands / sizeof *operands,
        .flops = 80.0 * blocks,
        .bytes = 4.0 * rows * width,
    };
    return l->kernel(l, &step);
}

const pf__candidate pf__random_candidates[] = {
    {.name = "philox", .supports = supports, .lower = lower},
    {0},
};
