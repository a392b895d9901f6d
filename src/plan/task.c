/* SPDX-License-Identifier: MIT
 * Storages for what is kept, and the tasks that fill them. */
#include "graph/build.h"
#include "plan/compile.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

pf_status pf__storage_new(pf__compile *c, uint64_t count, pf_value value, uint32_t *id) {
    if (c->storage_count == c->storage_capacity) {
        uint32_t wanted = c->storage_capacity ? c->storage_capacity * 2 : 64;
        pf__storage *p = realloc(c->storages, wanted * sizeof *p);
        if (!p) return pf__fail_memory(c->err, "a plan's storages", wanted * sizeof *p);
        c->storages = p;
        c->storage_capacity = wanted;
    }
    c->storages[c->storage_count] = (pf__storage){
        .count = count, .value = value, .first = INT_MAX, .last = -1};
    *id = c->storage_count++;
    return PF_OK;
}

static const pf__bind *find_bind(const pf__compile *c, const char *name) {
    for (int i = 0; i < c->desc->bind_count; i++)
        if (strcmp(c->desc->binds[i].name, name) == 0) return &c->desc->binds[i];
    return NULL;
}

static uint64_t words_of(const pf__value *v) {
    return ((uint64_t)pf_shape_count(&v->shape) * pf_dtype_bytes(v->dtype) + 3) / 4;
}

/* The given place of a leaf. PF_USAGE when it has none (random leaves: *found = false). */
static pf_status leaf_place(pf__compile *c, const pf__node *n, pf__place *place, bool *found) {
    char name[256];
    const int word = n->op == PF__OP_INPUT ? pf__step_word(n->attr.name) : -1;
    *found = true;
    if (word >= 0) {
        *place = (pf__place){c->desc->step_block, (uint32_t)word};
        if (!c->desc->step_block)
            return pf__fail(c->err, PF_USAGE, "plan '%s' reads %s but has no step block", c->desc->name,
                            n->attr.name);
        return PF_OK;
    }
    if (n->op == PF__OP_PARAMETER)
        snprintf(name, sizeof name, "%s:%s", n->attr.group, n->attr.name);
    else
        snprintf(name, sizeof name, "%s", n->attr.name);
    const pf__bind *b = find_bind(c, name);
    *found = b != NULL;
    if (!b) {
        if (n->op == PF__OP_RANDOM) return PF_OK;
        return pf__fail(c->err, PF_USAGE, "plan '%s': no data is bound to %s", c->desc->name, name);
    }
    *place = (pf__place){b->buffer, b->offset};
    const pf__value *v = &c->graph->values[n->first_output];
    const uint64_t size = pf_dtype_bytes(v->dtype);
    if (((uint64_t)b->offset + (uint64_t)pf_shape_count(&v->shape)) * size > pf__buffer_bytes(b->buffer))
        return pf__fail(c->err, PF_USAGE, "plan '%s': the buffer bound to %s is too small", c->desc->name,
                        name);
    return PF_OK;
}

static pf_status add_leaf_storage(pf__compile *c, const pf__node *n) {
    pf__place place = {0};
    bool found = false;
    uint32_t id = 0;
    PF__TRY(leaf_place(c, n, &place, &found));
    const pf_value v = n->first_output;
    PF__TRY(pf__storage_new(c, words_of(&c->graph->values[v]), v, &id));
    c->storage_of[v] = id + 1;
    if (!found) return PF_OK;
    c->storages[id].fixed = c->storages[id].leaf = true;
    c->storages[id].place = place;
    return PF_OK;
}

/* Alive to the end, at the front of the arena where it is wanted there. */
static void pin(pf__compile *c, uint32_t id, const pf__output *o) {
    c->storages[id].last = INT_MAX;
    if (!o->at_front) return;
    c->storages[id].pinned = true;
    c->storages[id].offset = o->offset;
}

/* Gives outputs their place: directly where the value may be produced there, else a storage of their own that
 * a copy fills. */
static pf_status place_outputs(pf__compile *c) {
    for (int i = 0; i < c->desc->output_count; i++) {
        const pf__output *o = &c->desc->outputs[i];
        const pf_value v = pf__alias(c->graph, o->value);
        const pf__value *info = &c->graph->values[v];
        uint32_t id = c->storage_of[v] - 1;
        c->output_storage[i] = id;
        if (!o->buffer && !c->storages[id].leaf && !(o->at_front && c->storages[id].last == INT_MAX)) {
            pin(c, id, o);
            continue;
        }
        if (o->buffer &&
            ((uint64_t)o->offset + (uint64_t)pf_shape_count(&info->shape)) * pf_dtype_bytes(info->dtype) >
                pf__buffer_bytes(o->buffer))
            return pf__fail(c->err, PF_USAGE, "plan '%s': the buffer of output %d is too small",
                            c->desc->name, i);
        if (o->buffer && !c->storages[id].fixed && c->storages[id].last < 0) {
            c->storages[id].fixed = true;
            c->storages[id].place = (pf__place){o->buffer, o->offset};
            continue;
        }
        PF__TRY(pf__storage_new(c, words_of(info), v, &id));
        c->output_storage[i] = id;
        if (o->buffer) {
            c->storages[id].fixed = true;
            c->storages[id].place = (pf__place){o->buffer, o->offset};
        } else {
            pin(c, id, o);
        }
    }
    return PF_OK;
}

pf_status pf__compile_storages(pf__compile *c) {
    const pf_graph *g = c->graph;
    for (uint32_t i = 1; i < g->node_count; i++) {
        const pf__node *n = &g->nodes[i];
        const pf_value v = n->first_output;
        if (!c->needed[i] || !c->kept[v]) continue;
        if (n->op == PF__OP_INPUT || n->op == PF__OP_PARAMETER || n->op == PF__OP_RANDOM) {
            PF__TRY(add_leaf_storage(c, n));
            continue;
        }
        uint32_t id = 0;
        PF__TRY(pf__storage_new(c, words_of(&g->values[v]), v, &id));
        c->storage_of[v] = id + 1;
    }
    return place_outputs(c);
}

static pf__task *add_task(pf__compile *c, pf__task_kind kind, pf_value compute, pf_value order,
                          uint32_t storage) {
    if (c->task_count == c->task_capacity) {
        int wanted = c->task_capacity ? c->task_capacity * 2 : 64;
        pf__task *p = realloc(c->tasks, (size_t)wanted * sizeof *p);
        if (!p) {
            pf__fail_memory(c->err, "a plan's tasks", (unsigned long long)wanted * sizeof *p);
            return NULL;
        }
        c->tasks = p;
        c->task_capacity = wanted;
    }
    pf__task *t = &c->tasks[c->task_count++];
    memset(t, 0, sizeof *t);
    t->kind = kind;
    t->compute = compute;
    t->order = order;
    t->storage = storage;
    const pf__value *v = &c->graph->values[compute];
    t->domain = v->shape;
    t->dtype = v->dtype;
    pf__dense_strides(&v->shape, t->stride);
    return t;
}

static pf_status concat_tasks(pf__compile *c, const pf__node *n) {
    const pf_value v = n->first_output;
    int64_t dense[PF_RANK_MAX], at = 0;
    pf__dense_strides(&c->graph->values[v].shape, dense);
    for (uint32_t i = 0; i < n->input_count; i++) {
        const pf_value part = pf__inputs(c->graph, n)[i];
        pf__task *t = add_task(c, PF__TASK_STORE, part, v, c->storage_of[v] - 1);
        if (!t) return PF_MEMORY;
        memcpy(t->stride, dense, sizeof dense);
        t->offset = at * dense[n->attr.axis];
        at += t->domain.dim[n->attr.axis];
    }
    return PF_OK;
}

static pf_status pad_tasks(pf__compile *c, const pf__node *n) {
    const pf_value v = n->first_output;
    int64_t dense[PF_RANK_MAX];
    pf__dense_strides(&c->graph->values[v].shape, dense);
    if (!add_task(c, PF__TASK_ZERO, v, v, c->storage_of[v] - 1)) return PF_MEMORY;
    pf__task *t = add_task(c, PF__TASK_STORE, pf__inputs(c->graph, n)[0], v, c->storage_of[v] - 1);
    if (!t) return PF_MEMORY;
    for (int j = 0; j < t->domain.rank; j++) t->offset += n->attr.a[j] * dense[j];
    memcpy(t->stride, dense, sizeof dense);
    return PF_OK;
}

static pf_status reduce_task(pf__compile *c, const pf__node *n) {
    const pf_value v = n->first_output;
    pf__task *t = add_task(c, n->op == PF__OP_SUM ? PF__TASK_SUM : PF__TASK_MAX, pf__inputs(c->graph, n)[0],
                           v, c->storage_of[v] - 1);
    if (!t) return PF_MEMORY;
    t->whole = v;
    pf__dense_strides(&c->graph->values[v].shape, t->stride);
    t->reduce_first = PF_RANK_MAX;
    for (int j = 0; j < t->domain.rank; j++) {
        if (!(n->attr.axes >> j & 1u)) continue;
        if (j < t->reduce_first) t->reduce_first = j;
        t->reduce_last = j + 1;
        t->stride[j] = 0;
    }
    return PF_OK;
}

static pf_status node_tasks(pf__compile *c, const pf__node *n) {
    const pf_value v = n->first_output;
    switch (n->op) {
    case PF__OP_INPUT:
    case PF__OP_PARAMETER:
    case PF__OP_RANDOM:
    case PF__OP_MATMUL:
    case PF__OP_GATHER:
    case PF__OP_GATHER_ADJOINT:
    case PF__OP_DRIFT:
    case PF__OP_DRIFT_DISTANCE:
        return PF_OK;
    case PF__OP_CONCAT:
        return concat_tasks(c, n);
    case PF__OP_PAD:
        return pad_tasks(c, n);
    case PF__OP_SUM:
    case PF__OP_ROW_MAX:
        return reduce_task(c, n);
    default: {
        pf__task *t = add_task(c, PF__TASK_STORE, v, v, c->storage_of[v] - 1);
        if (!t) return PF_MEMORY;
        t->root = true;
        t->whole = v;
        return PF_OK;
    }
    }
}

static pf_status stage_node(pf__compile *c, const pf__node *n, int first_task) {
    const pf_value v = n->first_output;
    int stage = pf__is_leaf(c->graph, v) ? 0 : 1;
    if (pf__by_hand(n))
        for (uint32_t i = 0; i < n->input_count; i++) {
            const pf_value x = pf__alias(c->graph, pf__inputs(c->graph, n)[i]);
            if (c->stage[x] + 1 > stage) stage = c->stage[x] + 1;
            c->uses[x]++;
        }
    int least = 1;
    for (int i = first_task; i < c->task_count; i++) {
        PF__TRY(pf__compile_stage(c, &c->tasks[i], least));
        if (c->tasks[i].kind == PF__TASK_ZERO) least = c->tasks[i].stage + 1; /* the region over the zeros */
        if (c->tasks[i].stage > stage) stage = c->tasks[i].stage;
    }
    c->stage[v] = stage;
    c->writer[v] = first_task < c->task_count && c->tasks[first_task].whole == v ? first_task : -1;
    return PF_OK;
}

pf_status pf__compile_tasks(pf__compile *c) {
    const pf_graph *g = c->graph;
    for (uint32_t i = 1; i < g->node_count; i++) {
        const pf__node *n = &g->nodes[i];
        if (!c->needed[i] || !c->kept[n->first_output]) continue;
        const int first = c->task_count;
        PF__TRY(node_tasks(c, n));
        PF__TRY(stage_node(c, n, first));
    }
    for (int i = 0; i < c->desc->output_count; i++) { /* copies */
        const pf_value v = pf__alias(g, c->desc->outputs[i].value);
        c->uses[v]++;
        if (c->output_storage[i] == c->storage_of[v] - 1) continue;
        pf__task *t = add_task(c, PF__TASK_STORE, v, g->value_count, c->output_storage[i]);
        if (!t) return PF_MEMORY;
        PF__TRY(pf__compile_stage(c, t, 1));
    }
    return PF_OK;
}
