/* SPDX-License-Identifier: MIT
 * From a domain to loops, and from loops to work-items. */
#include "plan/fused_text.h"

#include <string.h>

static bool merges(const pf__fused *f, int axis, int next) {
    const int64_t size = f->domain.dim[next];
    for (int i = 0; i < f->load_count; i++)
        if (f->loads[i].stride[axis] != f->loads[i].stride[next] * size) return false;
    for (int i = 0; i < f->store_count; i++)
        if (f->stores[i].stride[axis] != f->stores[i].stride[next] * size) return false;
    for (int i = 0; i < f->instr_count; i++)
        if (f->instrs[i].kind == PF__INSTR_IOTA && (f->instrs[i].axis == axis || f->instrs[i].axis == next))
            return false;
    return true;
}

static int segment_of(const pf__fused *f, int axis) {
    if (f->kind == PF__FUSED_POINTWISE || axis < f->reduce_first) return 0;
    return axis < f->reduce_last ? 1 : 2;
}

void pf__fused_loops(const pf__fused *f, pf__loops *loops) {
    memset(loops, 0, sizeof *loops);
    for (int axis = 0; axis < f->domain.rank; axis++) {
        if (f->domain.dim[axis] == 1) continue;
        const int segment = segment_of(f, axis);
        pf__loop *last = loops->count ? &loops->list[loops->count - 1] : NULL;
        if (last && last->segment == segment && merges(f, last->axis, axis)) {
            last->size *= f->domain.dim[axis];
            last->axis = axis;
        } else {
            loops->list[loops->count++] = (pf__loop){f->domain.dim[axis], axis, segment};
        }
    }
    const int wanted = f->kind == PF__FUSED_POINTWISE ? 0 : 1;
    bool found = false;
    for (int i = 0; i < loops->count; i++) found = found || loops->list[i].segment >= wanted;
    if (!found) loops->list[loops->count++] = (pf__loop){1, -1, wanted};
    loops->vector = loops->count - 1;
}

static int64_t ceil_div(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

static int64_t clamp(int64_t x, int64_t low, int64_t high) {
    return x < low ? low : x > high ? high : x;
}

/* The number of work-groups for a CPU: 64 for even work, fewer when there is little of it. */
static int64_t groups_for(int64_t elements) {
    return clamp(elements / 1024, 1, 64);
}

static void cut_items(pf__cut *c, int64_t columns, int64_t step) {
    const int64_t groups = groups_for(c->rows * columns);
    if (!c->cpu) {
        c->rows_per_item = 1;
        c->columns_per_item = step;
    } else if (c->rows >= groups) {
        c->rows_per_item = ceil_div(c->rows, groups);
        c->columns_per_item = ceil_div(columns, step) * step;
    } else {
        c->rows_per_item = 1;
        c->columns_per_item = ceil_div(ceil_div(columns, ceil_div(groups, c->rows)), step) * step;
    }
    c->dims = 2;
    c->global[0] = (size_t)ceil_div(columns, c->columns_per_item);
    c->global[1] = (size_t)ceil_div(c->rows, c->rows_per_item);
    c->local[0] = c->local[1] = c->cpu ? 1 : 0;
}

/* ---- drivers that end long loops ---- */

int64_t pf__most_iterations(const pf_device_info *device) {
    return device->iterations_max ? (int64_t)device->iterations_max / 10 * 9 : 0;
}

/* Of one vector: accesses with a stride go through its lanes one by one. */
static int64_t body_iterations(const pf__fused *f, const pf__loops *loops, const pf__cut *c) {
    const int axis = loops->list[loops->vector].axis;
    int64_t strided = 0;
    for (int i = 0; axis >= 0 && i < f->load_count; i++) strided += f->loads[i].stride[axis] > 1;
    for (int i = 0; f->kind == PF__FUSED_POINTWISE && i < f->store_count; i++)
        strided += axis >= 0 && (f->stores[i].stride[axis] > 1 || f->stores[i].dtype == PF_U8);
    return 1 + strided * c->width;
}

static void limit_items(const pf__fused *f, const pf__loops *loops, int64_t most, pf__cut *c) {
    const int64_t body = body_iterations(f, loops, c), tail = c->width * f->store_count;
    int64_t row = 1 + ceil_div(c->columns_per_item, c->width) * body + tail;
    if (row > most) {
        c->columns_per_item = clamp((most - 1 - tail) / body, 1, INT64_MAX) * c->width;
        row = most;
        c->global[0] = (size_t)ceil_div(loops->list[loops->vector].size, c->columns_per_item);
    }
    if (c->rows_per_item * row <= most) return;
    c->rows_per_item = most / row;
    c->global[1] = (size_t)ceil_div(c->rows, c->rows_per_item);
}

/* Of one sum, over all its nested loops; the outermost has only a slice. */
static int64_t reduced_iterations(const pf__fused *f, const pf__loops *loops, const pf__cut *c,
                                  bool row_mode) {
    int64_t runs = 1, total = 0;
    bool first = true;
    for (int i = 0; i < loops->count; i++) {
        if (loops->list[i].segment != 1) continue;
        const int64_t size = first ? c->slice : loops->list[i].size;
        first = false;
        runs *= i == loops->vector ? ceil_div(size, c->width) : size;
        total += runs;
    }
    return total + runs * (body_iterations(f, loops, c) - 1) * (row_mode ? 1 : c->unroll);
}

/* Slices of the outermost reduced loop: a pure function of the shape, so that the order of additions is. */
static void cut_slices(const pf__loops *loops, pf__cut *c, bool row_mode, int64_t outputs) {
    const pf__loop *first = NULL;
    int reduced = 0;
    int64_t count = 1;
    for (int i = 0; i < loops->count; i++) {
        if (loops->list[i].segment != 1) continue;
        if (!first) first = &loops->list[i];
        count *= loops->list[i].size;
        reduced++;
    }
    int64_t wanted = 1;
    if (row_mode) {
        if (outputs < 32) wanted = clamp(count / 2048, 1, 32);
    } else {
        wanted = clamp(count / 128, 1, 32);
    }
    if (!first || first->size < wanted) wanted = 1;
    const bool by_vectors = row_mode && reduced == 1;
    c->slice = first ? ceil_div(first->size, wanted) : 1;
    if (by_vectors) c->slice = ceil_div(c->slice, c->width) * c->width;
    c->slices = first ? ceil_div(first->size, c->slice) : 1;
}

int pf__fused_width(const pf_device_info *device) {
    const int width = (int)device->vector_width;
    if (device->type == PF_DEVICE_CPU) return width < 4 ? 4 : width;
    return width > 4 ? 4 : width;
}

/* Halves the slices. */
static void cut_finer(const pf__loops *loops, pf__cut *c, bool row_mode) {
    const pf__loop *first = NULL;
    int reduced = 0;
    for (int i = loops->count - 1; i >= 0; i--) {
        if (loops->list[i].segment != 1) continue;
        first = &loops->list[i];
        reduced++;
    }
    const int64_t step = row_mode && reduced == 1 ? c->width : 1;
    c->slice = ceil_div(ceil_div(c->slice, 2), step) * step;
    c->slices = ceil_div(first->size, c->slice);
}

/* Sums over rows: few columns at a time, in registers, as long as the caches hold all of it; where memory is
 * read, or written too, rows must be walked by pieces that are worth a visit: as long as all cores have some.
 */
static void cut_band(const pf__fused *f, const pf__loops *loops, pf__cut *c, int64_t columns, int64_t cores,
                     bool limited) {
    enum { REGISTERS = 4, BAND = 256, WIDEST = 1024, CACHED = 1 << 18 };
    int64_t elements = 1, band = BAND;
    bool keeps = false;
    for (int i = 0; i < loops->count; i++) elements *= loops->list[i].size;
    for (int i = 0; i < f->store_count; i++) keeps = keeps || !pf__fused_reduces(f, &f->stores[i]);
    const int64_t vectors = ceil_div(columns, c->width);
    c->band = !limited && vectors > REGISTERS && (keeps || elements > CACHED);
    while (elements > CACHED && band < WIDEST && ceil_div(columns, 2 * band) * c->slices >= 2 * cores)
        band *= 2;
    if (c->band)
        c->unroll = (int)clamp(vectors, 1, band / c->width);
    else if (f->instr_count <= 40)
        c->unroll = (int)clamp(vectors, 1, REGISTERS);
}

void pf__fused_cut(const pf__fused *f, const pf__loops *loops, const pf_device_info *device, pf__cut *cut) {
    memset(cut, 0, sizeof *cut);
    cut->cpu = device->type == PF_DEVICE_CPU;
    cut->width = pf__fused_width(device);
    cut->rows = 1;
    cut->slices = 1;
    cut->unroll = 1;
    const bool row_mode = f->kind != PF__FUSED_POINTWISE && loops->list[loops->vector].segment == 1;
    for (int i = 0; i < loops->count; i++)
        if (i != loops->vector && loops->list[i].segment != 1) cut->rows *= loops->list[i].size;
    const int64_t columns = loops->list[loops->vector].size;
    if (f->kind == PF__FUSED_POINTWISE) {
        cut_items(cut, columns, cut->width);
        if (pf__most_iterations(device)) limit_items(f, loops, pf__most_iterations(device), cut);
        return;
    }
    const int64_t outputs = row_mode ? cut->rows : cut->rows * columns, most = pf__most_iterations(device);
    cut_slices(loops, cut, row_mode, outputs);
    if (!row_mode && cut->cpu) cut_band(f, loops, cut, columns, device->compute_units, most > 0);
    while (most && cut->slice > 1 && reduced_iterations(f, loops, cut, row_mode) > most)
        cut_finer(loops, cut, row_mode);
    cut->partial = ceil_div(outputs, 64) * 64;
    cut->rows *= cut->slices;
    if (row_mode) {
        cut->dims = 1;
        cut->rows_per_item = cut->cpu ? ceil_div(cut->rows, clamp(cut->rows, 1, 64)) : 1;
        if (most)
            cut->rows_per_item = clamp(cut->rows_per_item, 1,
                                       clamp(most / (reduced_iterations(f, loops, cut, true) + 1), 1, most));
        cut->global[0] = (size_t)ceil_div(cut->rows, cut->rows_per_item);
        cut->local[0] = cut->cpu ? 1 : 0;
        return;
    }
    cut_items(cut, columns, cut->width * cut->unroll);
    cut->columns_per_item = cut->width * cut->unroll;
    cut->global[0] = (size_t)ceil_div(columns, cut->columns_per_item);
    cut->rows_per_item = 1;
    cut->global[1] = (size_t)cut->rows;
}
