/* SPDX-License-Identifier: MIT
 * Kernels that can wait run with a later one that does such work too, unless something large would have to
 * live longer for it: the sums behind a norm's gradients, the metrics behind a loss. */
#include "graph/build.h"
#include "plan/compile.h"

#include <limits.h>
#include <stdlib.h>

typedef struct pf__delay {
    pf__compile *c;
    pf__members group;
    int *last; /* per value: the stage of the last task or node that needs it; INT_MAX for an output */
    int *node; /* per value: the stage of the first node that needs it */
} pf__delay;

static void find_uses(pf__delay *d) {
    const pf__compile *c = d->c;
    const pf_graph *g = c->graph;
    for (uint32_t v = 0; v < g->value_count; v++) d->last[v] = 0, d->node[v] = INT_MAX;
    for (int i = 0; i < c->task_count; i++)
        for (int k = 0; k < c->tasks[i].load_count; k++) {
            int *last = &d->last[c->tasks[i].loads[k]];
            if (c->tasks[i].stage > *last) *last = c->tasks[i].stage;
        }
    for (uint32_t i = 1; i < g->node_count; i++) {
        const pf__node *n = &g->nodes[i];
        if (!c->needed[i] || !pf__by_hand(n)) continue;
        for (uint32_t k = 0; k < n->input_count; k++) {
            const pf_value v = pf__alias(g, pf__inputs(g, n)[k]);
            const int stage = c->stage[n->first_output];
            if (stage > d->last[v]) d->last[v] = stage;
            if (stage < d->node[v]) d->node[v] = stage;
        }
    }
    for (int i = 0; i < c->desc->output_count; i++)
        d->last[pf__alias(g, c->desc->outputs[i].value)] = INT_MAX;
}

/* Whether an output is written where the leaf lies: it must be read before. */
static bool overwritten(const pf__compile *c, const pf__storage *leaf) {
    for (int i = 0; i < c->desc->output_count; i++)
        if (leaf->place.buffer && c->desc->outputs[i].buffer == leaf->place.buffer) return true;
    return false;
}

/* The value that a task makes, or makes a part of; 0 for a copy. */
static pf_value result_of(const pf__compile *c, const pf__task *t) {
    return t->whole ? t->whole : t->order < c->graph->value_count ? t->order : 0;
}

static bool makes(const pf__delay *d, pf_value v) {
    for (int i = 0; i < d->group.count; i++)
        if (result_of(d->c, &d->c->tasks[d->group.list[i]]) == v) return true;
    return false;
}

static bool is_member(const pf__delay *d, int task) {
    for (int i = 0; i < d->group.count; i++)
        if (d->group.list[i] == task) return true;
    return false;
}

/* Whether nothing large lives longer when the group runs at the stage. */
static bool keeps_lives(const pf__delay *d, int stage) {
    enum { LITTLE = 4096 };
    for (int i = 0; i < d->group.count; i++) {
        const pf__task *t = &d->c->tasks[d->group.list[i]];
        for (int k = 0; k < t->load_count; k++) {
            const pf__storage *s = &d->c->storages[d->c->storage_of[t->loads[k]] - 1];
            if (makes(d, t->loads[k])) continue;
            if (s->fixed && overwritten(d->c, s)) return false;
            if (!s->fixed && s->count > LITTLE && d->last[t->loads[k]] < stage) return false;
        }
    }
    return true;
}

static void set_stage(pf__delay *d, int stage) {
    pf__compile *c = d->c;
    for (int i = 0; i < d->group.count; i++) c->tasks[d->group.list[i]].stage = stage;
    for (int i = 0; i < d->group.count; i++) {
        const pf_value v = result_of(c, &c->tasks[d->group.list[i]]);
        c->stage[v] = 0; /* values are whole when all their parts are */
        for (int k = 0; k < c->task_count; k++)
            if (result_of(c, &c->tasks[k]) == v && c->tasks[k].stage > c->stage[v])
                c->stage[v] = c->tasks[k].stage;
    }
}

/* Whether all tasks that load a result of the group, which runs at the stage now, run behind it or with it.
 */
static bool tasks_wait(pf__delay *d, int stage) {
    pf__compile *c = d->c;
    for (int i = 0; i < c->task_count; i++) {
        const pf__task *t = &c->tasks[i];
        bool loads = false;
        if (t->stage > stage || is_member(d, i)) continue;
        for (int k = 0; k < t->load_count && !loads; k++) loads = makes(d, t->loads[k]);
        if (!loads) continue;
        if (t->stage < stage || !pf__compile_together(c, t, &c->tasks[d->group.list[0]]) ||
            !pf__compile_still_joins(c, t))
            return false;
    }
    return true;
}

/* Moves the group to the other's kernel if that is right. */
static pf_status move(pf__delay *d, const pf__task *other, bool *moved) {
    pf__compile *c = d->c;
    const int claims = c->claim_count, from = c->tasks[d->group.list[0]].stage;
    bool may = keeps_lives(d, other->stage);
    *moved = false;
    for (int i = 0; i < d->group.count && may; i++)
        PF__TRY(pf__compile_enter(c, &c->tasks[d->group.list[i]], other, &may));
    if (may) {
        set_stage(d, other->stage);
        *moved = tasks_wait(d, other->stage);
        if (!*moved) set_stage(d, from);
    }
    if (!*moved) c->claim_count = claims;
    return PF_OK;
}

/* The kernel whose first task is `lead`. False where it must stay: zeros lie below what is stored over them.
 */
static bool collect(pf__delay *d, int lead) {
    const pf__compile *c = d->c;
    d->group.count = 0;
    for (int i = 0; i < c->task_count; i++) {
        if (!pf__compile_together(c, &c->tasks[lead], &c->tasks[i])) continue;
        if (i < lead || c->tasks[i].kind == PF__TASK_ZERO) return false;
        d->group.list[d->group.count++] = i;
    }
    return true;
}

/* To the next stage where there is such work, or the next but one, ... */
static pf_status delay(pf__delay *d) {
    const pf__compile *c = d->c;
    const pf__task lead = c->tasks[d->group.list[0]];
    int after = lead.stage, before = INT_MAX;
    bool moved = false;
    for (int i = 0; i < d->group.count; i++) {
        const int node = d->node[result_of(c, &c->tasks[d->group.list[i]])];
        if (node < before) before = node;
    }
    while (!moved) {
        int next = -1;
        for (int i = 0; i < c->task_count; i++) {
            const pf__task *t = &c->tasks[i];
            if (t->stage <= after || t->stage >= before || (next >= 0 && t->stage >= c->tasks[next].stage))
                continue;
            if (pf__compile_would_share(c, &lead, t)) next = i;
        }
        if (next < 0) return PF_OK;
        after = c->tasks[next].stage;
        PF__TRY(move(d, &c->tasks[next], &moved));
    }
    find_uses(d);
    return PF_OK;
}

pf_status pf__compile_delay(pf__compile *c) {
    pf__delay d = {.c = c};
    pf_status st = PF_OK;
    int last = 0;
    d.group.list = calloc((size_t)c->task_count + 1, sizeof *d.group.list);
    d.last = calloc(c->graph->value_count, sizeof *d.last);
    d.node = calloc(c->graph->value_count, sizeof *d.node);
    if (!d.group.list || !d.last || !d.node) {
        st = pf__fail_memory(c->err, "a plan's stages", c->graph->value_count * sizeof *d.last);
        goto done;
    }
    find_uses(&d);
    for (int i = 0; i < c->task_count; i++)
        if (c->tasks[i].stage > last) last = c->tasks[i].stage;
    for (int stage = last - 1; stage > 0 && st == PF_OK; stage--)
        for (int i = 0; i < c->task_count && st == PF_OK; i++)
            if (c->tasks[i].stage == stage && collect(&d, i)) st = delay(&d);
done:
    free(d.group.list);
    free(d.last);
    free(d.node);
    return st;
}
