/* SPDX-License-Identifier: MIT
 * When a task can run: after everything it loads, except what a kernel of the same stage makes at the same
 * element, or in the same row. Stores of one domain are such a kernel; so is a family of rows: reductions
 * over the last axes, and the stores of rows' and elements' numbers around them; so are, on a CPU, sums over
 * the other axes and the stores of what they sum (the gradient of a layer's output, and its bias'). On a CPU
 * a family of rows takes such sums too, row by row (the gradients of a norm's gain and shift). */
#include "graph/build.h"
#include "plan/compile.h"

#include <stdlib.h>
#include <string.h>

/* Columns whose sums a row kernel carries from row to row. */
enum { CARRIED = 4096 };
/* One work-item takes whole rows. Few long ones would leave cores idle; so little work that a launch costs
 * more is done by one. */
enum { ROWS_PER_CORE = 4, SMALL = 8192 };
/* On a CPU a row takes whole vectors: very short ones waste lanes, which only small kernels can afford. */
enum { SHORT_ROWS = 4096 };

static bool is_store(const pf__task *t) {
    return t->kind == PF__TASK_STORE || t->kind == PF__TASK_ZERO;
}

static bool grow(pf__compile *c, void **list, int count, int *capacity, size_t size) {
    if (count < *capacity) return true;
    const int wanted = *capacity ? *capacity * 2 : 16;
    void *p = realloc(*list, (size_t)wanted * size);
    if (!p) {
        pf__fail_memory(c->err, "a plan's rows", (unsigned long long)wanted * size);
        return false;
    }
    *list = p;
    *capacity = wanted;
    return true;
}

/* ---- families ---- */

static bool worth_rows(const pf__compile *c, int64_t rows, int64_t columns) {
    const pf_device_info *device = c->lowering.device;
    const bool cpu = device->type == PF_DEVICE_CPU;
    if (cpu && 2 * columns < device->vector_width && rows > SHORT_ROWS) return false;
    if (device->iterations_max && columns > device->iterations_max / 32)
        return false; /* some passes, each of them long */
    return rows >= ROWS_PER_CORE * (int64_t)device->compute_units || rows * columns <= SMALL;
}

/* Sums of columns that may keep what they sum: there, too few work-items for a GPU; and a device that ends
 * long loops would need more of them. */
static bool worth_sums(const pf__compile *c, const pf__task *t) {
    const pf_device_info *device = c->lowering.device;
    return t->kind == PF__TASK_SUM && device->type == PF_DEVICE_CPU && !device->iterations_max;
}

/* Whether a reduction adds rows, column by column: its result is whole only behind its kernel. */
static bool adds_rows(const pf__task *t) {
    return !is_store(t) && t->reduce_last < t->domain.rank;
}

static bool same_family(const pf__family *a, const pf__family *b) {
    return a->rows == b->rows && a->sums == b->sums && a->reduce_first == b->reduce_first &&
           a->reduce_last == b->reduce_last && pf__shape_equal(&a->domain, &b->domain);
}

/* The family of a reduction, or 0. */
static pf_status find_family(pf__compile *c, pf__task *t) {
    if (is_store(t) || t->dtype != PF_F32) return PF_OK;
    pf__family wanted = {.domain = t->domain, .rows = t->reduce_first};
    int64_t rows = 1, columns = 1;
    for (int j = 0; j < t->domain.rank; j++) *(j < t->reduce_first ? &rows : &columns) *= t->domain.dim[j];
    if (t->reduce_last < t->domain.rank) {
        if (!worth_sums(c, t)) return PF_OK;
        wanted = (pf__family){t->domain, 0, true, t->reduce_first, t->reduce_last};
    } else if (!worth_rows(c, rows, columns)) {
        return PF_OK;
    }
    for (int i = 0; i < c->family_count && !t->family; i++)
        if (same_family(&c->families[i], &wanted)) t->family = i + 1;
    if (t->family) return PF_OK;
    if (!grow(c, (void **)&c->families, c->family_count, &c->family_capacity, sizeof *c->families))
        return PF_MEMORY;
    c->families[c->family_count++] = wanted;
    t->family = c->family_count;
    return PF_OK;
}

static pf__claim *find_claim(const pf__compile *c, int stage, const pf_shape *domain) {
    for (int i = 0; i < c->claim_count; i++)
        if (c->claims[i].stage == stage && pf__shape_equal(&c->claims[i].domain, domain))
            return &c->claims[i];
    return NULL;
}

static int family_at(const pf__compile *c, const pf__task *t, int stage) {
    if (!is_store(t)) return t->family;
    const pf__claim *k = find_claim(c, stage, &t->domain);
    return k ? k->family : 0;
}

int pf__compile_family(const pf__compile *c, const pf__task *t) {
    return family_at(c, t, t->stage);
}

static pf_status claim(pf__compile *c, int stage, const pf__task *t, int family) {
    if (!is_store(t) || find_claim(c, stage, &t->domain)) return PF_OK;
    if (!grow(c, (void **)&c->claims, c->claim_count, &c->claim_capacity, sizeof *c->claims))
        return PF_MEMORY;
    c->claims[c->claim_count++] = (pf__claim){stage, family, t->domain};
    return PF_OK;
}

/* Whether a family of rows can add them up as the task does. */
static bool carries(const pf__family *f, const pf__task *t) {
    return t->kind == PF__TASK_SUM && t->dtype == PF_F32 && t->reduce_first == 0 &&
           t->reduce_last == f->rows && f->rows + 1 == t->domain.rank && t->domain.dim[f->rows] <= CARRIED &&
           pf__shape_equal(&f->domain, &t->domain);
}

/* 2: one number per element, 1: per row, 0: does not belong there. */
static int level_in(const pf__family *f, const pf__task *t) {
    if (adds_rows(t) && !f->sums) return carries(f, t) ? 2 : 0;
    if (!is_store(t)) return 1;
    if (pf__shape_equal(&f->domain, &t->domain)) return 2;
    if (f->sums || t->domain.rank != f->rows) return 0;
    return memcmp(f->domain.dim, t->domain.dim, sizeof *f->domain.dim * (size_t)f->rows) ? 0 : 1;
}

/* ---- what may share a kernel ---- */

/* Whether the load takes the element of the first `rank` axes' own index, whatever the others are. */
static bool aligned(const pf__access *load, const pf_shape *domain, int rank) {
    pf_shape own = *domain;
    int64_t dense[PF_RANK_MAX] = {0};
    own.rank = rank;
    pf__dense_strides(&own, dense);
    for (int j = 0; j < domain->rank; j++)
        if (load->stride[j] != (j < rank ? dense[j] : 0)) return false;
    return load->offset == 0;
}

static const pf__task *writer_of(const pf__compile *c, const pf__access *load) {
    const int w = c->writer[load->operand.id];
    return w >= 0 ? &c->tasks[w] : NULL;
}

/* Whether all that t loads of this stage is made by stores of its own domain, element by element. */
static bool joins_stores(const pf__compile *c, const pf__task *t, const pf__fused *f, int stage) {
    for (int i = 0; i < f->load_count; i++) {
        const pf__task *w = writer_of(c, &f->loads[i]);
        if (c->stage[f->loads[i].operand.id] < stage) continue;
        if (!w || !is_store(t) || !is_store(w) || !pf__shape_equal(&w->domain, &t->domain)) return false;
        if (!aligned(&f->loads[i], &t->domain, t->domain.rank)) return false;
    }
    return true;
}

/* Whether all that t loads of this stage belongs to the family or may be taken into it. */
static bool joins_family(const pf__compile *c, const pf__task *t, const pf__fused *f, int stage, int family) {
    const pf__family *k = &c->families[family - 1];
    const int taken = family_at(c, t, stage), level = level_in(k, t);
    if (level == 0 || (taken && taken != family)) return false;
    bool member = !is_store(t);
    for (int i = 0; i < f->load_count; i++) {
        const pf__task *w = writer_of(c, &f->loads[i]);
        if (c->stage[f->loads[i].operand.id] < stage) continue;
        const int its = w ? family_at(c, w, stage) : 0;
        if (!w || (its && its != family) || (!its && !is_store(w))) return false;
        const int from = level_in(k, w);
        if (from == 0 || (from == 2 && level == 1 && is_store(t))) return false;
        if (adds_rows(w)) return false;
        if (!aligned(&f->loads[i], &t->domain, from == 2 ? k->domain.rank : k->rows)) return false;
        member = member || its;
    }
    return member;
}

static pf_status claim_all(pf__compile *c, const pf__task *t, const pf__fused *f, int stage, int family) {
    for (int i = 0; i < f->load_count; i++)
        if (c->stage[f->loads[i].operand.id] == stage)
            PF__TRY(claim(c, stage, writer_of(c, &f->loads[i]), family));
    return claim(c, stage, t, family);
}

/* Takes a sum over rows into a family of rows, if it may belong there. */
static bool join_rows(const pf__compile *c, pf__task *t, const pf__fused *f, int stage, int family) {
    const int own = t->family;
    t->family = family;
    if (joins_family(c, t, f, stage, family)) return true;
    t->family = own;
    return false;
}

/* The family of rows that makes what a sum over rows loads of its stage, or 0. */
static int rows_before(const pf__compile *c, const pf__task *t, const pf__fused *f, int stage) {
    for (int i = 0; i < f->load_count && t->family && adds_rows(t); i++) {
        const pf__task *w = writer_of(c, &f->loads[i]);
        const int family = w && c->stage[f->loads[i].operand.id] == stage ? family_at(c, w, stage) : 0;
        if (family && !c->families[family - 1].sums) return family;
    }
    return 0;
}

static pf_status choose_stage(pf__compile *c, pf__task *t, const pf__fused *f, int least) {
    int stage = 0;
    for (int i = 0; i < f->load_count; i++)
        if (c->stage[f->loads[i].operand.id] > stage) stage = c->stage[f->loads[i].operand.id];
    t->stage = stage < least ? least : stage;
    if (t->stage > stage || joins_stores(c, t, f, stage)) return PF_OK;
    for (int k = t->family ? t->family : 1; k <= (t->family ? t->family : c->family_count); k++) {
        if (!is_store(t) && !t->family) break;
        if (joins_family(c, t, f, stage, k)) return claim_all(c, t, f, stage, k);
    }
    const int rows = rows_before(c, t, f, stage);
    if (rows && join_rows(c, t, f, stage, rows)) return claim_all(c, t, f, stage, rows);
    t->stage = stage + 1;
    return PF_OK;
}

static void squeeze(pf__task *t) {
    const pf__task all = *t;
    int n = 0;
    t->map = (pf__index_map){{0}, {0}};
    for (int j = 0; j < PF_RANK_MAX; j++) {
        t->map.from[j] = -1;
        if (j == all.reduce_first) t->reduce_first = n;
        if (j == all.reduce_last) t->reduce_last = n;
        if (j >= all.domain.rank || all.domain.dim[j] == 1) continue;
        t->domain.dim[n] = all.domain.dim[j];
        t->stride[n] = all.stride[j];
        t->map.from[j] = (int8_t)n++;
    }
    if (all.reduce_last == PF_RANK_MAX) t->reduce_last = n;
    t->domain.rank = n;
    for (; n < PF_RANK_MAX; n++) t->stride[n] = 0;
}

/* The loads of a task, while everything that is kept is in memory. */
static pf__fused walk(pf__compile *c, const pf__task *t) {
    pf__fused f = {.domain = t->domain};
    if (t->kind != PF__TASK_ZERO)
        pf__fused_add(&f, c->graph, t->compute, &t->map, pf__compile_held, c, t->root);
    return f;
}

static pf_status note_loads(pf__compile *c, pf__task *t, const pf__fused *f) {
    t->loads = calloc((size_t)f->load_count + 1, sizeof *t->loads);
    if (!t->loads || f->failed) return pf__fail_memory(c->err, "a fused kernel", 0);
    for (int i = 0; i < f->load_count; i++) {
        bool again = false;
        for (int k = 0; k < t->load_count; k++) again = again || t->loads[k] == f->loads[i].operand.id;
        if (again) continue;
        t->loads[t->load_count++] = f->loads[i].operand.id;
        c->uses[f->loads[i].operand.id]++;
    }
    return PF_OK;
}

pf_status pf__compile_stage(pf__compile *c, pf__task *t, int least) {
    squeeze(t);
    PF__TRY(find_family(c, t));
    pf__fused f = walk(c, t);
    pf_status st = note_loads(c, t, &f);
    if (st == PF_OK) st = choose_stage(c, t, &f, least);
    pf__fused_free(&f);
    return st;
}

/* ---- what a stage shares ---- */

/* Whether both read a value as large as their domain. */
static bool read_alike(const pf__compile *c, const pf__task *a, const pf__task *b) {
    const int64_t elements = pf_shape_count(&a->domain);
    for (int i = 0; i < a->load_count; i++)
        for (int k = 0; k < b->load_count; k++)
            if (a->loads[i] == b->loads[k] &&
                (int64_t)c->storages[c->storage_of[a->loads[i]] - 1].count >= elements)
                return true;
    return false;
}

/* The kernel of rows in the sum's own stage that reads what it reads takes it. */
static bool enter_rows(pf__compile *c, pf__task *t) {
    for (int i = 0; i < c->task_count; i++) {
        const pf__task *u = &c->tasks[i];
        const int family = u->stage == t->stage ? pf__compile_family(c, u) : 0;
        if (!family || family == t->family || !carries(&c->families[family - 1], t) || !read_alike(c, t, u))
            continue;
        pf__fused f = walk(c, t);
        const bool joined = join_rows(c, t, &f, t->stage, family);
        pf__fused_free(&f);
        if (joined) return true;
    }
    return false;
}

pf_status pf__compile_share(pf__compile *c) {
    for (int i = 0; i < c->task_count; i++) {
        pf__task *t = &c->tasks[i];
        if (!t->family || !adds_rows(t)) continue;
        const pf__claim *taken = find_claim(c, t->stage, &t->domain);
        if ((taken && taken->family == t->family) || enter_rows(c, t)) continue;
        for (int k = 0; k < c->task_count; k++) {
            const pf__task *u = &c->tasks[k];
            if (u->stage == t->stage && is_store(u) && pf__shape_equal(&u->domain, &t->domain) &&
                read_alike(c, t, u))
                PF__TRY(claim(c, t->stage, u, t->family));
        }
    }
    return PF_OK;
}

static bool same_work(const pf__task *a, const pf__task *b) {
    if (!pf__shape_equal(&a->domain, &b->domain) || is_store(a) != is_store(b)) return false;
    return is_store(a) ||
           (a->kind == b->kind && a->reduce_first == b->reduce_first && a->reduce_last == b->reduce_last);
}

bool pf__compile_together(const pf__compile *c, const pf__task *a, const pf__task *b) {
    if (a->stage != b->stage) return false;
    const int family = pf__compile_family(c, a);
    return family == pf__compile_family(c, b) && (family || same_work(a, b));
}

bool pf__compile_would_share(const pf__compile *c, const pf__task *t, const pf__task *other) {
    const int family = pf__compile_family(c, t);
    if (family) return family == pf__compile_family(c, other);
    return same_work(t, other) && (is_store(t) || other->family == 0);
}

pf_status pf__compile_enter(pf__compile *c, const pf__task *t, const pf__task *other, bool *may) {
    const int family = pf__compile_family(c, other);
    const pf__claim *k = is_store(t) ? find_claim(c, other->stage, &t->domain) : NULL;
    *may = !k || k->family == family;
    return *may && family ? claim(c, other->stage, t, family) : PF_OK;
}

bool pf__compile_still_joins(pf__compile *c, const pf__task *t) {
    const int family = pf__compile_family(c, t);
    pf__fused f = walk(c, t);
    const bool joins = family ? joins_family(c, t, &f, t->stage, family) : joins_stores(c, t, &f, t->stage);
    pf__fused_free(&f);
    return joins;
}
