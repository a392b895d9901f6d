/* SPDX-License-Identifier: MIT
 * Places in the arena: tensors whose lives overlap lie apart, the largest are placed first, each at the
 * lowest free offset. */
#include "plan/compile.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGN_WORDS = 64 };

static uint64_t rounded(uint64_t words) {
    return (words + ALIGN_WORDS - 1) / ALIGN_WORDS * ALIGN_WORDS;
}

typedef struct pf__sorted {
    uint32_t id;
    uint64_t words;
} pf__sorted;

static int larger_first(const void *a, const void *b) {
    const pf__sorted *x = a, *y = b;
    if (x->words != y->words) return x->words > y->words ? -1 : 1;
    return x->id < y->id ? -1 : 1;
}

static int lower_first(const void *a, const void *b) {
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static bool alive_together(const pf__storage *a, const pf__storage *b) {
    return a->first <= b->last && b->first <= a->last;
}

/* The lowest offset where s overlaps no placed storage that is alive with it. */
static uint64_t lowest_offset(const pf__compile *c, const pf__sorted *placed, int count, const pf__storage *s,
                              uint64_t words, uint64_t *taken) {
    int n = 0;
    for (int i = 0; i < count; i++) {
        const pf__storage *p = &c->storages[placed[i].id];
        if (!alive_together(p, s)) continue;
        taken[2 * n] = p->offset;
        taken[2 * n + 1] = p->offset + placed[i].words;
        n++;
    }
    qsort(taken, (size_t)n, 2 * sizeof *taken, lower_first);
    uint64_t at = 0;
    for (int i = 0; i < n; i++) {
        if (taken[2 * i] >= at + words) break;
        if (taken[2 * i + 1] > at) at = taken[2 * i + 1];
    }
    return at;
}

static uint64_t lower_bound(const pf__compile *c) {
    uint64_t most = 0;
    for (int step = 0; step < c->step_count; step++) {
        uint64_t alive = 0;
        for (uint32_t i = 0; i < c->storage_count; i++) {
            const pf__storage *s = &c->storages[i];
            if (!s->fixed && s->first <= step && step <= s->last) alive += rounded(s->count);
        }
        if (alive > most) most = alive;
    }
    return most;
}

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

pf_status pf__compile_places(pf__compile *c, uint64_t *arena_words, uint64_t *lower_bound_words) {
    pf__sorted *list = calloc((size_t)c->storage_count + 1, sizeof *list);
    uint64_t *taken = calloc(2 * (size_t)c->storage_count + 2, sizeof *taken);
    int count = 0;
    pf_status st = PF_OK;
    *arena_words = 0;
    if (!list || !taken) {
        st = pf__fail_memory(c->err, "a plan's places", c->storage_count * sizeof *list);
        goto done;
    }
    for (uint32_t i = 0; i < c->storage_count; i++) {
        const pf__storage *s = &c->storages[i];
        if (!s->fixed && s->first <= s->last) list[count++] = (pf__sorted){i, rounded(s->count)};
    }
    qsort(list, (size_t)count, sizeof *list, larger_first);
    for (int i = 0; i < count; i++) {
        pf__storage *s = &c->storages[list[i].id];
        s->offset = lowest_offset(c, list, i, s, list[i].words, taken);
        if (s->offset + list[i].words > *arena_words) *arena_words = s->offset + list[i].words;
    }
    *lower_bound_words = lower_bound(c);
    st = check_overlaps(c);
done:
    free(list);
    free(taken);
    return st;
}
