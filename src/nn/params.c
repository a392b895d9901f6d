/* SPDX-License-Identifier: MIT
 * The table of a network's parameters: paths, shapes, places in the flat buffer, initial values. */
#include "nn/params.h"
#include "base/philox.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN 64 /* floats: 256 bytes, what any device asks of a vector load or a sub-buffer */

static bool same_shape(const pf_shape *a, const pf_shape *b) {
    if (a->rank != b->rank) return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i]) return false;
    return true;
}

const pf__param *pf__params_find(const pf__params *p, const char *path) {
    for (int i = 0; i < p->count; i++)
        if (strcmp(p->list[i].path, path) == 0) return &p->list[i];
    return NULL;
}

static bool make_room(pf__params *p) {
    if (p->count < p->capacity) return true;
    int capacity = p->capacity ? 2 * p->capacity : 16;
    pf__param *list = realloc(p->list, (size_t)capacity * sizeof *list);
    if (!list) return false;
    p->list = list;
    p->capacity = capacity;
    return true;
}

static bool enter(pf__params *p, pf_graph *g, const pf__param *wanted) {
    int64_t end = p->flat_count + (wanted->count + ALIGN - 1) / ALIGN * ALIGN;
    if (end > UINT32_MAX) {
        pf__graph_fail(g, PF_USAGE, "parameter %s: a network has at most 2^32 - 1 parameters", wanted->path);
        return false;
    }
    char *path = strdup(wanted->path);
    if (!path || !make_room(p)) {
        free(path);
        pf__graph_fail(g, PF_MEMORY, "out of memory: table of parameters");
        return false;
    }
    pf__param *q = &p->list[p->count++];
    *q = *wanted;
    q->path = path;
    q->offset = p->flat_count;
    p->flat_count = (uint32_t)end;
    return true;
}

pf_value pf__params_leaf(pf__params *p, pf_graph *g, const char *group, const char *path, pf_shape shape,
                         pf__init init, double scale) {
    if (pf__failed(g)) return 0; /* the shape may be nonsense: keep it out of the table */
    const pf__param *known = pf__params_find(p, path);
    if (known && !same_shape(&known->shape, &shape))
        return pf__graph_fail(g, PF_SHAPE, "parameter %s: another shape than when it was first used", path);
    pf__param wanted = {.path = path, .shape = shape, .init = init, .scale = scale};
    wanted.count = pf_shape_count(&shape);
    if (!known && !enter(p, g, &wanted)) return 0;
    return pf_parameter(g, group, path, shape);
}

int64_t pf__params_total(const pf__params *p) {
    int64_t total = 0;
    for (int i = 0; i < p->count; i++) total += p->list[i].count;
    return total;
}

static void initialise(const pf__param *q, uint64_t seed, float *to) {
    char name[256];
    snprintf(name, sizeof name, "init/%s", q->path);
    uint32_t stream = pf__stream(name);
    for (int64_t e = 0; e < q->count; e++) {
        uint32_t i = (uint32_t)e;
        double value = q->init == PF__INIT_NORMAL ? pf__random_normal(seed, stream, 0, i)
                                                  : 2.0 * pf__random_uniform(seed, stream, 0, i) - 1.0;
        to[e] = (float)(q->scale * value);
    }
}

void pf__params_initialise(const pf__params *p, uint64_t seed, float *flat) {
    memset(flat, 0, p->flat_count * sizeof *flat);
    for (int i = 0; i < p->count; i++)
        if (p->list[i].init != PF__INIT_ZERO) initialise(&p->list[i], seed, flat + p->list[i].offset);
}

void pf__params_free(pf__params *p) {
    for (int i = 0; i < p->count; i++) free((void *)(uintptr_t)p->list[i].path);
    free(p->list);
    *p = (pf__params){0};
}
