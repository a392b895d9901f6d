/* SPDX-License-Identifier: MIT
 * What a row kernel computes when: passes over the columns, private arrays between them, and how rows are
 * dealt to work-items. */
#include "plan/row.h"

#include <stdlib.h>
#include <string.h>

/* Dearer than this (an exp), and needed in two passes: kept in a private array, as far as these go. */
enum { DEAR = 8, ARRAYS_MOST = 16384 };
/* Rows that stay near the core while W of them wait for each other: bytes. */
enum { NEAR = 24576 };

void pf__row_free(pf__row *row) {
    free(row->instrs);
    memset(row, 0, sizeof *row);
}

static bool moves(const pf__fused *f, const pf__access *a) {
    for (int j = f->reduce_first; j < f->domain.rank; j++)
        if (a->stride[j] != 0) return true;
    return false;
}

bool pf__row_store_is_row(const pf__fused *f, const pf__access *store) {
    return !moves(f, store);
}

int64_t pf__row_length(const pf__row *row) {
    int64_t n = 1;
    for (int i = 0; i < row->loops.count; i++) {
        const int64_t size = row->loops.list[i].size, width = row->cut.width;
        if (row->loops.list[i].segment == 1)
            n *= i == row->loops.vector ? (size + width - 1) / width * width : size;
    }
    return n;
}

static void describe(pf__row *row, const pf__fused *f, int i) {
    const pf__instr *in = &f->instrs[i];
    pf__row_instr *r = &row->instrs[i];
    *r = (pf__row_instr){.row = true, .array = -1};
    switch (in->kind) {
    case PF__INSTR_LOAD:
        r->row = !moves(f, &f->loads[in->access]);
        break;
    case PF__INSTR_CONSTANT:
        r->everywhere = true;
        break;
    case PF__INSTR_IOTA:
        r->everywhere = in->axis < 0;
        r->row = in->axis < f->reduce_first;
        break;
    case PF__INSTR_REDUCE:
        r->ready = row->instrs[in->argument[0]].ready + 1;
        break;
    default:
        r->cost = pf__scalar_weight(in->scalar);
        for (int k = 0; k < pf__scalar_arity(in->scalar); k++) {
            const pf__row_instr *a = &row->instrs[in->argument[k]];
            r->row = r->row && a->row;
            if (a->ready > r->ready) r->ready = a->ready;
            if (!a->row) r->cost += a->cost;
        }
        if (r->cost > 1000) r->cost = 1000;
    }
}

static void need(pf__row *row, int i, uint32_t passes) {
    row->instrs[i].passes |= passes;
    if (passes && row->instrs[i].row && !row->instrs[i].everywhere) row->instrs[i].in_loop = true;
}

/* Passes, and what each needs. */
static void find_passes(pf__row *row, const pf__fused *f) {
    int last = 0;
    for (int i = 0; i < f->instr_count; i++) {
        const pf__instr *in = &f->instrs[i];
        if (in->kind != PF__INSTR_REDUCE) continue;
        const int pass = row->instrs[i].ready - 1;
        if (pass > last) last = pass;
        need(row, in->argument[0], 1u << pass);
    }
    for (int i = 0; i < f->store_count; i++) {
        const int ready = row->instrs[f->stores[i].instr].ready;
        if (moves(f, &f->stores[i]) && ready > last) last = ready;
    }
    row->passes = last + 1;
    for (int i = 0; i < f->store_count; i++)
        if (moves(f, &f->stores[i])) need(row, f->stores[i].instr, 1u << last);
}

/* From results to operands; what is dear is computed in one pass only. */
static void spread(pf__row *row, const pf__fused *f, int64_t arrays_most) {
    for (int i = f->instr_count - 1; i >= 0; i--) {
        const pf__instr *in = &f->instrs[i];
        pf__row_instr *r = &row->instrs[i];
        if (in->kind != PF__INSTR_MAP || r->row || !r->passes) continue;
        uint32_t passes = r->passes;
        if ((passes & (passes - 1)) && r->cost >= DEAR && in->dtype == PF_F32 && row->arrays < arrays_most) {
            r->array = row->arrays++;
            passes &= ~(passes - 1); /* the first */
        }
        for (int k = 0; k < pf__scalar_arity(in->scalar); k++) need(row, in->argument[k], passes);
    }
}

/* Whether W rows at a time pay: there is arithmetic on rows' numbers, and their columns stay near. */
static bool worth_blocks(const pf__row *row, const pf__fused *f, int64_t rows, int64_t cores) {
    const int64_t width = row->cut.width;
    int row_loops = 0, arithmetic = 0, streams = row->arrays;
    for (int i = 0; i < row->loops.count; i++) row_loops += row->loops.list[i].segment == 0;
    for (int i = 0; i < f->instr_count; i++) {
        const pf__row_instr *r = &row->instrs[i];
        if (f->instrs[i].kind == PF__INSTR_MAP) arithmetic += r->row;
        if (f->instrs[i].kind == PF__INSTR_LOAD) streams += !r->row;
    }
    return row_loops == 1 && arithmetic > 0 && rows >= 2 * width * cores &&
           4 * width * pf__row_length(row) * streams <= NEAR;
}

static int64_t ceil_div(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

/* Loop iterations of a row, at most: each pass goes through the vectors, and through the lanes of what has a
 * stride. */
static int64_t row_iterations(const pf__row *row, const pf__fused *f) {
    const int64_t vectors = ceil_div(pf__row_length(row), row->cut.width);
    int64_t strided = 0;
    for (int i = 0; i < f->load_count; i++) strided += pf__vector_stride(&row->loops, &f->loads[i]) > 1;
    for (int i = 0; i < f->store_count; i++) strided += pf__vector_stride(&row->loops, &f->stores[i]) > 1;
    return row->passes * 2 * vectors * (1 + strided * row->cut.width) +
           row->cut.width * (f->load_count + f->store_count + 1);
}

static void cut_cpu(pf__row *row, const pf__fused *f, const pf_device_info *device) {
    enum { ELEMENTS = 1024, GROUPS = 256, SLICES = 64, SLICE = 8 };
    pf__cut *c = &row->cut;
    int64_t groups = ceil_div(c->rows * pf__row_length(row), ELEMENTS), most_groups = GROUPS;
    bool sums = false;
    for (int i = 0; i < f->store_count; i++) sums = sums || pf__fused_reduces(f, &f->stores[i]);
    if (sums) most_groups = c->rows > SLICES * SLICE ? SLICES : ceil_div(c->rows, SLICE);
    if (groups > most_groups) groups = most_groups;
    if (groups > c->rows) groups = c->rows;
    c->rows_per_item = ceil_div(c->rows, groups);
    row->blocks = worth_blocks(row, f, c->rows, device->compute_units);
    const int64_t most = pf__most_iterations(device), each = most ? row_iterations(row, f) : 0;
    if (most && c->rows_per_item * each > most) c->rows_per_item = most > each ? most / each : 1;
    if (most && c->width * each > most) row->blocks = false;
    if (row->blocks) c->rows_per_item = ceil_div(c->rows_per_item, c->width) * c->width;
    row->lanes = row->beside = 1;
    c->dims = 1;
    c->global[0] = (size_t)ceil_div(c->rows, c->rows_per_item);
    c->local[0] = 1;
    c->partial = ceil_div(pf__row_length(row), 64) * 64;
}

static void cut_gpu(pf__row *row, const pf_device_info *device) {
    enum { LANES = 128, GROUP = 64 };
    pf__cut *c = &row->cut;
    const int64_t most = device->work_group_max && device->work_group_max < LANES
                             ? (int64_t)device->work_group_max
                             : LANES;
    row->lanes = 1;
    while (2 * row->lanes <= most && row->lanes * c->width < pf__row_length(row)) row->lanes *= 2;
    row->beside = 1;
    while (2 * row->beside * row->lanes <= GROUP && 2 * row->beside * row->lanes <= most) row->beside *= 2;
    c->rows_per_item = 1;
    c->dims = 2;
    c->local[0] = (size_t)row->lanes;
    c->local[1] = (size_t)row->beside;
    c->global[0] = c->local[0];
    c->global[1] = (size_t)(ceil_div(c->rows, row->beside) * row->beside);
}

pf_status pf__row_plan(pf__row *row, const pf__fused *f, const pf_device_info *device) {
    memset(row, 0, sizeof *row);
    row->instrs = calloc((size_t)f->instr_count + 1, sizeof *row->instrs);
    if (!row->instrs) return PF_MEMORY;
    pf__fused_loops(f, &row->loops);
    pf__cut *c = &row->cut;
    c->cpu = device->type == PF_DEVICE_CPU;
    c->width = pf__fused_width(device);
    c->slices = c->unroll = 1;
    c->rows = 1;
    for (int i = 0; i < row->loops.count; i++)
        if (row->loops.list[i].segment == 0) c->rows *= row->loops.list[i].size;
    for (int i = 0; i < f->instr_count; i++) describe(row, f, i);
    find_passes(row, f);
    spread(row, f, c->cpu ? ARRAYS_MOST / pf__row_length(row) : 0);
    if (c->cpu)
        cut_cpu(row, f, device);
    else
        cut_gpu(row, device);
    return PF_OK;
}
