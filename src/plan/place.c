/* SPDX-License-Identifier: MIT
 * Places in the arena: storages whose lives overlap lie apart. Each takes the lowest free offset, or the
 * place of one that dies where it is born when the kernel between them reads and writes element by element.
 */
#include "plan/compile.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN_WORDS = 64 };

/* What a vector reads past the end is its own: another work-item may be writing what lies behind. */
static uint64_t rounded(const pf__storage *s) {
    const uint64_t words = s->count + (s->tail ? 15 : 0);
    return (words + ALIGN_WORDS - 1) / ALIGN_WORDS * ALIGN_WORDS;
}

typedef struct pf__sorted {
    uint32_t id;
    uint64_t words;
    int first, length; /* of its life */
} pf__sorted;

static int larger_first(const void *a, const void *b) {
    const pf__sorted *x = a, *y = b;
    if (x->words != y->words) return x->words > y->words ? -1 : 1;
    return x->id < y->id ? -1 : 1;
}

static int longer_first(const void *a, const void *b) {
    const pf__sorted *x = a, *y = b;
    return x->length != y->length ? (x->length > y->length ? -1 : 1) : larger_first(a, b);
}

static int earlier_first(const void *a, const void *b) {
    const pf__sorted *x = a, *y = b;
    return x->first != y->first ? (x->first < y->first ? -1 : 1) : larger_first(a, b);
}

static bool alive_together(const pf__storage *a, const pf__storage *b) {
    return a->first <= b->last && b->first <= a->last;
}

/* ---- in place ---- */

static bool elementwise_only(const pf__plan_step *step, uint32_t id, pf__operand_kind kind) {
    for (int k = 0; k < step->operand_count; k++) {
        const pf__operand *o = &step->operands[k];
        if (o->kind == PF__OPERAND_U32 || o->kind == PF__OPERAND_F32 || o->id != id) continue;
        if (o->workspace && o->id == PF__STEP_BLOCK) continue;
        if (o->kind != kind || !o->elementwise) return false;
    }
    return true;
}

/* Of 4-byte elements: element i of one type lies where element i of the other does. */
static bool is_wide(const pf__compile *c, const pf__storage *s) {
    return s->value && pf_dtype_bytes(c->graph->values[s->value].dtype) == 4;
}

/* Whether `next` may take the place of `old`: the kernel that reads the one for the last time writes the
 * other, element by element. */
static bool may_take(const pf__compile *c, uint32_t old, uint32_t next) {
    const pf__storage *a = &c->storages[old], *b = &c->storages[next];
    if (a->fixed || b->fixed || a->count != b->count) return false;
    if (!is_wide(c, a) || !is_wide(c, b)) return false;
    const int step = b->first;
    if (a->last != step || a->first >= step) return false;
    return elementwise_only(&c->steps[step], old, PF__OPERAND_READ) &&
           elementwise_only(&c->steps[step], next, PF__OPERAND_WRITE);
}

/* ---- free offsets ---- */

/* Offsets that a storage may not have: low < offset < high. */
typedef struct pf__forbidden {
    int64_t low, high;
} pf__forbidden;

/* The offsets at which s would lie over `placed`; how many intervals (0 or 1). */
static int forbid(const pf__storage *placed, const pf__storage *s, pf__forbidden *list) {
    if (!alive_together(placed, s)) return 0;
    const int64_t at = (int64_t)placed->offset;
    *list = (pf__forbidden){at - (int64_t)rounded(s), at + (int64_t)rounded(placed)};
    return 1;
}

static int lower_first(const void *a, const void *b) {
    const pf__forbidden *x = a, *y = b;
    return x->low != y->low ? (x->low < y->low ? -1 : 1) : (x->high > y->high) - (x->high < y->high);
}

static int64_t lowest_free(pf__forbidden *list, int count) {
    int64_t at = 0;
    qsort(list, (size_t)count, sizeof *list, lower_first);
    for (int i = 0; i < count && at > list[i].low; i++) /* later ones begin at `at` or behind it */
        if (at < list[i].high) at = list[i].high;
    return at;
}

static bool is_free(const pf__forbidden *list, int count, int64_t at) {
    for (int i = 0; i < count; i++)
        if (at > list[i].low && at < list[i].high) return false;
    return true;
}

/* The lowest offset of s[count] that no storage before it in the list forbids. */
static int64_t offset_for(const pf__compile *c, const pf__sorted *list, int count, pf__forbidden *scratch) {
    const uint32_t id = list[count].id;
    const pf__storage *s = &c->storages[id];
    int n = 0;
    for (int i = 0; i < count; i++) n += forbid(&c->storages[list[i].id], s, scratch + n);
    int64_t best = lowest_free(scratch, n);
    for (int i = 0; i < count; i++) { /* over another */
        const pf__storage *p = &c->storages[list[i].id];
        if ((int64_t)p->offset >= best || (!may_take(c, list[i].id, id) && !may_take(c, id, list[i].id)))
            continue;
        n = 0;
        for (int k = 0; k < count; k++) {
            const bool shares = c->storages[list[k].id].offset == p->offset &&
                                (may_take(c, list[k].id, id) || may_take(c, id, list[k].id));
            if (!shares) n += forbid(&c->storages[list[k].id], s, scratch + n);
        }
        if (is_free(scratch, n, (int64_t)p->offset)) best = (int64_t)p->offset;
    }
    return best;
}

/* ---- the lower bound ---- */

/* What is alive at a step; a storage that takes another's place counts once. */
static uint64_t alive_at(const pf__compile *c, int step, uint8_t *taken) {
    uint64_t alive = 0;
    memset(taken, 0, c->storage_count);
    for (uint32_t i = 0; i < c->storage_count; i++) {
        const pf__storage *s = &c->storages[i];
        if (s->fixed || s->first > step || s->last < step) continue;
        alive += rounded(s);
        if (s->first != step) continue;
        for (uint32_t p = 0; p < c->storage_count; p++) {
            if (taken[p] || !may_take(c, p, i)) continue;
            taken[p] = 1;
            alive -= rounded(s);
            break;
        }
    }
    return alive;
}

static uint64_t lower_bound(const pf__compile *c, uint8_t *taken) {
    uint64_t most = 0;
    for (int step = 0; step < c->step_count; step++) {
        const uint64_t alive = alive_at(c, step, taken);
        if (alive > most) most = alive;
    }
    return most;
}

/* ---- outputs over inputs ---- */

/* An output that lies over a leaf: allowed at exactly the same place, if nothing reads the leaf after the
 * output is written and the kernel that writes it reads it element by element. */
static pf_status check_overlap(pf__compile *c, const pf__storage *out, const pf__storage *leaf,
                               uint32_t leaf_id) {
    const uint64_t a0 = out->place.offset, a1 = a0 + out->count, b0 = leaf->place.offset,
                   b1 = b0 + leaf->count;
    if (out->place.buffer != leaf->place.buffer || a1 <= b0 || b1 <= a0) return PF_OK;
    bool good = a0 == b0 && a1 == b1;
    for (int i = out->first; good && i < c->step_count; i++) {
        const pf__plan_step *s = &c->steps[i];
        for (int k = 0; k < s->operand_count; k++) {
            const pf__operand *o = &s->operands[k];
            if (o->kind != PF__OPERAND_READ || o->id != leaf_id) continue;
            if (o->workspace && o->id == PF__STEP_BLOCK) continue;
            if (i > out->first || !o->elementwise) good = false;
        }
    }
    if (good) return PF_OK;
    return pf__fail(c->err, PF_USAGE, "plan '%s': an output overwrites an input that is still needed",
                    c->desc->name);
}

static pf_status check_overlaps(pf__compile *c) {
    for (uint32_t i = 0; i < c->storage_count; i++) {
        if (!c->storages[i].fixed || c->storages[i].leaf || c->storages[i].first > c->storages[i].last)
            continue;
        for (uint32_t j = 0; j < c->storage_count; j++)
            if (c->storages[j].leaf) PF__TRY(check_overlap(c, &c->storages[i], &c->storages[j], j));
    }
    return PF_OK;
}

/* Places the list in its order, what is pinned (in front) aside; the words needed. */
static uint64_t place_all(pf__compile *c, const pf__sorted *list, int count, pf__forbidden *scratch) {
    uint64_t most = 0;
    for (int i = 0; i < count; i++) {
        pf__storage *s = &c->storages[list[i].id];
        if (!s->pinned) s->offset = (uint64_t)offset_for(c, list, i, scratch);
        if (s->offset + list[i].words > most) most = s->offset + list[i].words;
    }
    return most;
}

/* No order is best for all graphs: the one that needs least. */
static uint64_t place_best(pf__compile *c, pf__sorted *list, int pinned, int count, pf__forbidden *scratch) {
    int (*const orders[])(const void *, const void *) = {larger_first, longer_first, earlier_first};
    const int n = (int)(sizeof orders / sizeof *orders);
    uint64_t best = UINT64_MAX, words = 0;
    int chosen = 0;
    for (int k = 0; k <= n; k++) { /* the last time the best again */
        const int at = k < n ? k : chosen;
        if (k == n && chosen == n - 1) break;
        qsort(list + pinned, (size_t)(count - pinned), sizeof *list, orders[at]);
        words = place_all(c, list, count, scratch);
        if (words >= best) continue;
        best = words;
        chosen = at;
    }
    return best;
}

/* What needs a place in the arena, or has one (pinned); how many. */
static int gather(const pf__compile *c, pf__sorted *list, bool pinned) {
    int count = 0;
    for (uint32_t i = 0; i < c->storage_count; i++) {
        const pf__storage *s = &c->storages[i];
        if (!s->fixed && s->pinned == pinned && s->first <= s->last)
            list[count++] = (pf__sorted){i, rounded(s), s->first, s->last - s->first};
    }
    return count;
}

pf_status pf__compile_places(pf__compile *c, uint64_t *arena_words, uint64_t *lower_bound_words) {
    pf__sorted *list = calloc((size_t)c->storage_count + 1, sizeof *list);
    pf__forbidden *scratch = calloc((size_t)c->storage_count + 1, sizeof *scratch);
    uint8_t *taken = calloc((size_t)c->storage_count + 1, 1);
    int count, pinned;
    pf_status st = PF_OK;
    *arena_words = 0;
    if (!list || !scratch || !taken) {
        st = pf__fail_memory(c->err, "a plan's places", c->storage_count * sizeof *list);
        goto done;
    }
    count = pinned = gather(c, list, true);
    count += gather(c, list + count, false);
    *arena_words = place_best(c, list, pinned, count, scratch);
    *lower_bound_words = lower_bound(c, taken);
    st = check_overlaps(c);
done:
    free(list);
    free(scratch);
    free(taken);
    return st;
}
