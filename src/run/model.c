/* SPDX-License-Identifier: MIT
 * A method, its network and the table of parameters; and lists of bindings for plans. */
#include "run/run.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

pf_status pf__model_create(pf__model *m, const pf_config *config, const pf_shape *sample, int class_count,
                           pf_error *err) {
    *m = (pf__model){.config = config->raw, .method = config->method};
    m->needs = m->method->needs(config->raw);
    return pf__net_create(&m->net, config->raw, sample, class_count, &m->needs, err);
}

void pf__model_free(pf__model *m) {
    pf__params_free(&m->params);
}

void pf__binds_add(pf__binds *b, const char *name, pf__buffer *buffer, uint32_t offset) {
    if (b->failed) return;
    if (b->count == b->capacity) {
        int capacity = b->capacity ? 2 * b->capacity : 32;
        pf__bind *list = realloc(b->list, (size_t)capacity * sizeof *list);
        if (list) {
            b->list = list;
            b->capacity = capacity;
        }
    }
    char *copy = b->count < b->capacity ? strdup(name) : NULL;
    b->failed = !copy;
    if (copy) b->list[b->count++] = (pf__bind){.name = copy, .buffer = buffer, .offset = offset};
}

void pf__binds_add_group(pf__binds *b, const pf__params *params, const char *group, pf__buffer *buffer) {
    char name[512];
    for (int i = 0; i < params->count; i++) {
        snprintf(name, sizeof name, "%s:%s", group, params->list[i].path);
        pf__binds_add(b, name, buffer, params->list[i].offset);
    }
}

void pf__binds_free(pf__binds *b) {
    for (int i = 0; i < b->count; i++) free((char *)(uintptr_t)b->list[i].name);
    free(b->list);
    *b = (pf__binds){0};
}
