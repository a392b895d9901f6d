/* SPDX-License-Identifier: MIT
 * Building the instructions of a fused kernel by walking a value's expression back to what is held in memory.
 */
#include "plan/fused.h"

#include <stdlib.h>
#include <string.h>

void pf__fused_free(pf__fused *f) {
    free(f->instrs);
    free(f->loads);
    free(f->stores);
    memset(f, 0, sizeof *f);
}

void pf__dense_strides(const pf_shape *shape, int64_t *stride) {
    int64_t s = 1;
    for (int j = shape->rank - 1; j >= 0; j--) {
        stride[j] = s;
        s *= shape->dim[j];
    }
}

bool pf__only_ones_move(const pf_shape *a, const pf_shape *b) {
    int i = 0, j = 0;
    for (;;) {
        while (i < a->rank && a->dim[i] == 1) i++;
        while (j < b->rank && b->dim[j] == 1) j++;
        if (i == a->rank || j == b->rank) return i == a->rank && j == b->rank;
        if (a->dim[i++] != b->dim[j++]) return false;
    }
}

static bool grow(void **list, int count, int *capacity, size_t size) {
    if (count < *capacity) return true;
    int wanted = *capacity ? *capacity * 2 : 16;
    void *p = realloc(*list, (size_t)wanted * size);
    if (!p) return false;
    *list = p;
    *capacity = wanted;
    return true;
}

static int add_instr(pf__fused *f, const pf__instr *in) {
    if (!grow((void **)&f->instrs, f->instr_count, &f->instr_capacity, sizeof *f->instrs)) {
        f->failed = true;
        return 0;
    }
    f->instrs[f->instr_count] = *in;
    return f->instr_count++;
}

static void add_access(pf__fused *f, bool store, const pf__access *a) {
    void **list = store ? (void **)&f->stores : (void **)&f->loads;
    int *count = store ? &f->store_count : &f->load_count;
    if (!grow(list, *count, store ? &f->store_capacity : &f->load_capacity, sizeof *a)) {
        f->failed = true;
        return;
    }
    ((pf__access *)*list)[(*count)++] = *a;
}

void pf__fused_store(pf__fused *f, pf__operand operand, pf_dtype dtype, const int64_t *stride, int64_t offset,
                     int instr) {
    pf__access a = {.operand = operand, .dtype = dtype, .offset = offset, .instr = instr};
    memcpy(a.stride, stride, sizeof(int64_t) * (size_t)f->domain.rank);
    add_access(f, true, &a);
}

bool pf__fused_reduces(const pf__fused *f, const pf__access *store) {
    if (f->kind == PF__FUSED_POINTWISE) return false;
    const bool rows = f->kind == PF__FUSED_ROW; /* there, sums over the rows */
    if (rows && f->reduce_first == 0) return false;
    for (int j = rows ? 0 : f->reduce_first; j < (rows ? f->reduce_first : f->reduce_last); j++)
        if (store->stride[j] != 0) return false;
    for (int j = f->reduce_first; rows && j < f->domain.rank; j++)
        if (store->stride[j] != 0) return true;
    return !rows;
}

int pf__fused_number(pf__fused *f, double number) {
    pf__instr in = {.kind = PF__INSTR_CONSTANT, .dtype = PF_F32, .number = number};
    return add_instr(f, &in);
}

static pf_dtype register_type(pf_dtype dtype) {
    return dtype == PF_U8 ? PF_U32 : dtype == PF_F64 ? PF_F32 : dtype;
}

/* A load of v, which lies densely in its own shape in the storage of base. */
static int add_load(pf__fused *f, const pf_graph *g, pf_value v, pf_value base, const pf__index_map *map) {
    const pf__value *info = &g->values[v];
    pf__access a = {.operand = pf__read(base), .dtype = info->dtype};
    int64_t dense[PF_RANK_MAX];
    pf__dense_strides(&info->shape, dense);
    for (int j = 0; j < info->shape.rank; j++) {
        a.offset += map->shift[j] * dense[j];
        if (map->from[j] >= 0) a.stride[map->from[j]] += dense[j];
    }
    for (int i = 0; i < f->load_count; i++) {
        pf__access *b = &f->loads[i];
        if (b->operand.id == base && b->offset == a.offset && b->dtype == a.dtype &&
            memcmp(b->stride, a.stride, sizeof a.stride) == 0)
            return b->instr;
    }
    a.instr = f->instr_count;
    pf__instr in = {.kind = PF__INSTR_LOAD,
                    .dtype = register_type(info->dtype),
                    .access = f->load_count,
                    .value = v,
                    .map = *map};
    add_access(f, false, &a);
    return add_instr(f, &in);
}

/* The map of a view's input, from the map of the view. */
static pf__index_map view_map(const pf_graph *g, const pf__node *n, const pf_shape *in,
                              const pf__index_map *map) {
    pf__index_map out = *map;
    const int rank = in->rank < PF_RANK_MAX ? in->rank : PF_RANK_MAX;
    switch (n->op) {
    case PF__OP_PERMUTE:
        for (int j = 0; j < rank; j++) {
            const int k = (int)n->attr.a[j] & (PF_RANK_MAX - 1);
            out.from[k] = map->from[j];
            out.shift[k] = map->shift[j];
        }
        break;
    case PF__OP_SLICE:
        for (int j = 0; j < rank; j++) out.shift[j] += n->attr.a[j];
        break;
    case PF__OP_BROADCAST:
        for (int j = 0; j < rank; j++)
            if (in->dim[j] == 1) out.from[j] = -1, out.shift[j] = 0;
        break;
    case PF__OP_RESHAPE: { /* only dimensions of 1 come or go */
        const pf_shape *s = &g->values[n->first_output].shape;
        int k = 0;
        for (int j = 0; j < rank; j++) {
            out.from[j] = -1;
            out.shift[j] = 0;
            if (in->dim[j] == 1) continue;
            while (s->dim[k] == 1) k++;
            out.from[j] = map->from[k];
            out.shift[j] = map->shift[k];
            k++;
        }
        break;
    }
    default:
        break;
    }
    for (int j = rank; j < PF_RANK_MAX; j++) out.from[j] = -1, out.shift[j] = 0;
    return out;
}

static int find(const pf__fused *f, pf_value v, const pf__index_map *map, int rank) {
    for (int i = 0; i < f->instr_count; i++) {
        const pf__instr *in = &f->instrs[i];
        if (in->value != v || in->kind == PF__INSTR_LOAD) continue;
        bool same = true;
        for (int j = 0; j < rank && same; j++)
            same = in->map.from[j] == map->from[j] && in->map.shift[j] == map->shift[j];
        if (same) return i;
    }
    return -1;
}

/* An axis of extent 1 has index 0, wherever the walk came from: equal points get equal maps. */
static pf__index_map without_ones(const pf_shape *shape, const pf__index_map *map) {
    pf__index_map out = *map;
    for (int j = 0; j < PF_RANK_MAX; j++)
        if (j >= shape->rank || shape->dim[j] == 1) out.from[j] = -1, out.shift[j] = 0;
    return out;
}

/* The map of a reduction's input: its reduced axes are the columns. */
static pf__index_map columns_map(const pf__fused *f, const pf__node *n, const pf_shape *in,
                                 const pf__index_map *map) {
    pf__index_map out = *map;
    int column = f->reduce_first;
    for (int j = 0; j < in->rank; j++) {
        if (!(n->attr.axes >> j & 1u) || in->dim[j] == 1) continue;
        out.from[j] = (int8_t)column++;
        out.shift[j] = 0;
    }
    return out;
}

/* What v is a view of, as far back as a map can follow. */
static pf_value viewed(const pf_graph *g, pf_value v) {
    pf_value x = pf__inputs(g, pf__node_of(g, v))[0];
    if (pf__node_of(g, v)->op != PF__OP_RESHAPE) return x;
    for (pf_value at = x;; at = pf__inputs(g, pf__node_of(g, at))[0]) {
        if (pf__only_ones_move(&g->values[at].shape, &g->values[v].shape)) x = at;
        const pf__op_id op = pf__node_of(g, at)->op;
        if (op != PF__OP_RESHAPE && op != PF__OP_STOP_GRADIENT) return x;
    }
}

int pf__fused_add(pf__fused *f, const pf_graph *g, pf_value v, const pf__index_map *at, pf__held *held,
                  void *user, bool root) {
    pf_value base = 0;
    if (f->failed) return 0;
    const pf__index_map here = without_ones(&g->values[v].shape, at), *map = &here;
    if (!root && held(user, v, &base)) return add_load(f, g, v, base, map);
    const pf__node *n = pf__node_of(g, v);
    const pf__value *info = &g->values[v];
    const pf_value *x = pf__inputs(g, n);
    int known = find(f, v, map, info->shape.rank);
    if (known >= 0) return known;
    pf__instr in = {.dtype = register_type(info->dtype), .value = v, .map = *map};
    switch (n->op) {
    case PF__OP_CONSTANT:
        in.kind = PF__INSTR_CONSTANT;
        in.number = n->attr.number;
        return add_instr(f, &in);
    case PF__OP_IOTA:
        in.kind = PF__INSTR_IOTA;
        in.axis = map->from[n->attr.axis];
        in.number = (double)map->shift[n->attr.axis];
        return add_instr(f, &in);
    case PF__OP_MAP:
        in.kind = PF__INSTR_MAP;
        in.scalar = (pf__scalar)n->attr.kind;
        for (uint32_t i = 0; i < n->input_count; i++)
            in.argument[i] = pf__fused_add(f, g, x[i], map, held, user, false);
        return add_instr(f, &in);
    case PF__OP_SUM:
    case PF__OP_ROW_MAX: {
        const pf__index_map inner = columns_map(f, n, &g->values[x[0]].shape, map);
        in.kind = PF__INSTR_REDUCE;
        in.maximum = n->op == PF__OP_ROW_MAX;
        in.argument[0] = pf__fused_add(f, g, x[0], &inner, held, user, false);
        return add_instr(f, &in);
    }
    default: {
        const pf_value of = viewed(g, v);
        const pf__index_map inner = view_map(g, n, &g->values[of].shape, map);
        return pf__fused_add(f, g, of, &inner, held, user, false);
    }
    }
}
