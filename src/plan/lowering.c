/* SPDX-License-Identifier: MIT
 * The plan's side of a lowering: collects kernels (each distinct text once), steps and workspaces. */
#include "base/hash.h"
#include "plan/compile.h"

#include <stdlib.h>
#include <string.h>

static char *copy_text(const char *s) {
    if (!s) return NULL;
    char *p = malloc(strlen(s) + 1);
    return p ? strcpy(p, s) : NULL;
}

static uint64_t hash_text(const char *s, uint64_t seed) {
    return s ? pf__hash64(s, strlen(s), seed) : seed;
}

static bool same_text(const char *a, const char *b) {
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static int find_kernel(pf__compile *c, const pf__step_desc *d) {
    const uint64_t hash = hash_text(d->defines, hash_text(d->source, hash_text(d->file, 1)));
    for (int i = 0; i < c->kernel_count; i++) {
        const pf__kernel_text *k = &c->kernels[i];
        if (k->hash == hash && same_text(k->file, d->file) && same_text(k->source, d->source) &&
            same_text(k->defines, d->defines))
            return i;
    }
    if (c->kernel_count == c->kernel_capacity) {
        int wanted = c->kernel_capacity ? c->kernel_capacity * 2 : 32;
        pf__kernel_text *p = realloc(c->kernels, (size_t)wanted * sizeof *p);
        if (!p) return -1;
        c->kernels = p;
        c->kernel_capacity = wanted;
    }
    pf__kernel_text *k = &c->kernels[c->kernel_count];
    *k = (pf__kernel_text){copy_text(d->file), copy_text(d->source), copy_text(d->defines), hash};
    c->kernel_count++; /* it is c's to free, whole or not */
    bool whole = (k->file || !d->file) && (k->source || !d->source) && (k->defines || !d->defines);
    return whole ? c->kernel_count - 1 : -1;
}

static pf__plan_step *add_step(pf__compile *c, const char *label, const pf__operand *operands, int count) {
    if (c->step_count == c->step_capacity) {
        int wanted = c->step_capacity ? c->step_capacity * 2 : 64;
        pf__plan_step *p = realloc(c->steps, (size_t)wanted * sizeof *p);
        if (!p) return NULL;
        c->steps = p;
        c->step_capacity = wanted;
    }
    pf__plan_step *s = &c->steps[c->step_count];
    memset(s, 0, sizeof *s);
    s->label = copy_text(label);
    s->operands = calloc((size_t)count + 1, sizeof *operands);
    if (!s->label || !s->operands) {
        free(s->label);
        free(s->operands);
        return NULL;
    }
    memcpy(s->operands, operands, (size_t)count * sizeof *operands);
    s->operand_count = count;
    c->step_count++;
    return s;
}

/* Candidates name values; steps name storages. Generated kernels (source given) name storages already. */
static void resolve_operands(pf__compile *c, pf__plan_step *s, bool generated) {
    for (int i = 0; i < s->operand_count; i++) {
        pf__operand *o = &s->operands[i];
        if (o->kind == PF__OPERAND_U32 || o->kind == PF__OPERAND_F32) continue;
        if (!o->workspace && !generated) o->id = c->storage_of[pf__alias(c->graph, (pf_value)o->id)] - 1;
        if (o->id == PF__STEP_BLOCK) continue;
        pf__storage *st = &c->storages[o->id];
        if (!generated && o->kind == PF__OPERAND_READ && st->value) { /* rows that end within a vector */
            const pf_shape *shape = &c->graph->values[st->value].shape;
            st->tail |= shape->rank > 0 && shape->dim[shape->rank - 1] % 16 != 0;
        }
        const int at = c->step_count - 1;
        if (at < st->first) st->first = at;
        if (at > st->last) st->last = at;
    }
}

static pf_status on_kernel(pf__lowering *l, const pf__step_desc *d) {
    pf__compile *c = (pf__compile *)l;
    const int kernel = find_kernel(c, d);
    pf__plan_step *s = kernel >= 0 ? add_step(c, d->label, d->operands, d->operand_count) : NULL;
    if (!s) return pf__fail_memory(c->err, "a plan's steps", 0);
    s->kernel = kernel;
    s->dims = d->dims;
    memcpy(s->global, d->global, sizeof s->global);
    memcpy(s->local, d->local, sizeof s->local);
    s->flops = d->flops;
    s->bytes = d->bytes;
    resolve_operands(c, s, d->source != NULL);
    return PF_OK;
}

static pf_status on_call(pf__lowering *l, const char *label, pf__library_call *call, void *state,
                         void (*free_state)(void *), const pf__operand *operands, int operand_count,
                         double flops, double bytes) {
    pf__compile *c = (pf__compile *)l;
    pf__plan_step *s = add_step(c, label, operands, operand_count);
    if (!s) {
        if (free_state) free_state(state);
        return pf__fail_memory(c->err, "a plan's steps", 0);
    }
    s->kernel = -1;
    s->call = call;
    s->state = state;
    s->free_state = free_state;
    s->flops = flops;
    s->bytes = bytes;
    resolve_operands(c, s, false);
    return PF_OK;
}

static pf_status on_workspace(pf__lowering *l, uint64_t count, uint32_t *id) {
    return pf__storage_new((pf__compile *)l, count, 0, id);
}

void pf__lowering_begin(pf__compile *c) {
    c->lowering.context = c->desc->context;
    c->lowering.device = pf_context_device(c->desc->context);
    c->lowering.graph = c->graph;
    c->lowering.err = c->err;
    c->lowering.matmul = c->desc->matmul ? c->desc->matmul : "auto";
    c->lowering.kernel = on_kernel;
    c->lowering.call = on_call;
    c->lowering.workspace = on_workspace;
}
