/* SPDX-License-Identifier: MIT
 * The stores of a graph: nodes, values, links, names, and the table by which equal nodes are one. */
#include "base/hash.h"
#include "graph/build.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Makes room for `need` entries of `size` bytes. */
static bool grow(pf_graph *g, void **entries, uint32_t *capacity, uint32_t need, size_t size) {
    if (need <= *capacity) return true;
    uint32_t larger = *capacity ? *capacity : 64;
    while (larger < need) larger *= 2;
    void *moved = realloc(*entries, larger * size);
    if (!moved) {
        pf__graph_fail(g, PF_MEMORY, "out of memory: a graph (%llu bytes)",
                       (unsigned long long)(larger * size));
        return false;
    }
    *entries = moved;
    *capacity = larger;
    return true;
}

pf_status pf_graph_create(pf_graph **out, pf_error *error) {
    *out = NULL;
    pf_graph *g = calloc(1, sizeof *g);
    if (!g) return pf__fail_memory(error, "a graph", sizeof *g);
    void **nodes = (void **)&g->nodes, **values = (void **)&g->values;
    if (!grow(g, nodes, &g->node_capacity, 1, sizeof *g->nodes)) goto fail;
    if (!grow(g, values, &g->value_capacity, 1, sizeof *g->values)) goto fail;
    g->nodes[0] = (pf__node){.op = PF__OP_ZERO, .output_count = 1};
    g->values[0] = (pf__value){.shape = {.rank = -1}};
    g->node_count = 1;
    g->value_count = 1;
    *out = g;
    return PF_OK;
fail:
    pf_graph_destroy(&g);
    return pf__fail_memory(error, "a graph", 64 * sizeof(pf__node));
}

void pf_graph_destroy(pf_graph **graph) {
    if (!graph || !*graph) return;
    pf_graph *g = *graph;
    for (uint32_t i = 0; i < g->name_count; i++) free(g->names[i]);
    free(g->names);
    free(g->table);
    free(g->links);
    free(g->values);
    free(g->nodes);
    free(g);
    *graph = NULL;
}

pf_status pf_graph_check(const pf_graph *graph, pf_error *error) {
    if (error) *error = graph->error;
    return graph->error.status;
}

pf_value pf__graph_fail(pf_graph *g, pf_status status, const char *format, ...) {
    if (pf__failed(g)) return 0;
    char text[sizeof g->error.message];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    pf__fail(&g->error, status, "%s", n < 0 ? format : text);
    return 0;
}

pf_shape pf_value_shape(const pf_graph *graph, pf_value value) {
    if (value >= graph->value_count) return (pf_shape){.rank = -1};
    return graph->values[value].shape;
}

pf_dtype pf_value_dtype(const pf_graph *graph, pf_value value) {
    return value < graph->value_count ? graph->values[value].dtype : PF_F32;
}

const char *pf__intern(pf_graph *g, const char *text) {
    for (uint32_t i = 0; i < g->name_count; i++)
        if (strcmp(g->names[i], text) == 0) return g->names[i];
    size_t size = strlen(text) + 1;
    if (!grow(g, (void **)&g->names, &g->name_capacity, g->name_count + 1, sizeof *g->names)) return NULL;
    char *copy = malloc(size);
    if (!copy) {
        pf__graph_fail(g, PF_MEMORY, "out of memory: the name %s", text);
        return NULL;
    }
    memcpy(copy, text, size);
    g->names[g->name_count++] = copy;
    return copy;
}

bool *pf__needed(const pf_graph *g, const pf_value *outputs, int count) {
    bool *marks = calloc(g->node_count, sizeof *marks);
    if (!marks) return NULL;
    for (int i = 0; i < count; i++)
        if (outputs[i] && outputs[i] < g->value_count) marks[g->values[outputs[i]].node] = true;
    for (uint32_t n = g->node_count; n-- > 0;) {
        if (!marks[n]) continue;
        const pf_value *inputs = pf__inputs(g, &g->nodes[n]);
        for (uint32_t i = 0; i < g->nodes[n].input_count; i++) marks[g->values[inputs[i]].node] = true;
    }
    return marks;
}

/* ---- equal nodes are one ---- */

/* Everything that makes two nodes equal, without padding bytes of unknown content. */
typedef struct key {
    pf__attr attr;
    pf_shape shape;
    pf__op_id op;
    pf_dtype dtype;
    uint32_t input_count;
} key;

static void fill_key(key *k, pf__op_id op, const pf__attr *attr, pf_dtype dtype, const pf_shape *shape,
                     uint32_t input_count) {
    memset(k, 0, sizeof *k);
    memcpy(k->attr.a, attr->a, sizeof attr->a);
    memcpy(k->attr.b, attr->b, sizeof attr->b);
    k->attr.number = attr->number;
    k->attr.name = attr->name;
    k->attr.group = attr->group;
    k->attr.axes = attr->axes;
    k->attr.axis = attr->axis;
    k->attr.kind = attr->kind;
    k->attr.transpose_a = attr->transpose_a;
    k->attr.transpose_b = attr->transpose_b;
    k->shape.rank = shape->rank;
    for (int i = 0; i < shape->rank; i++) k->shape.dim[i] = shape->dim[i];
    k->op = op;
    k->dtype = dtype;
    k->input_count = input_count;
}

static uint64_t hash_node(const key *k, const pf_value *inputs) {
    return pf__hash64(inputs, k->input_count * sizeof *inputs, pf__hash64(k, sizeof *k, 0));
}

static bool same_node(const pf_graph *g, uint32_t index, const key *k, const pf_value *inputs) {
    const pf__node *n = &g->nodes[index];
    if (n->op != k->op || n->input_count != k->input_count) return false;
    key other;
    const pf__value *v = &g->values[n->first_output];
    fill_key(&other, n->op, &n->attr, v->dtype, &v->shape, n->input_count);
    if (memcmp(&other, k, sizeof other) != 0) return false;
    return k->input_count == 0 || memcmp(pf__inputs(g, n), inputs, k->input_count * sizeof *inputs) == 0;
}

/* The slot of the equal node, or the free slot where it belongs. */
static uint32_t *find_slot(pf_graph *g, const key *k, const pf_value *inputs) {
    uint32_t mask = g->table_capacity - 1;
    for (uint32_t at = (uint32_t)hash_node(k, inputs) & mask;; at = (at + 1) & mask) {
        uint32_t *slot = &g->table[at];
        if (*slot == 0 || same_node(g, *slot - 1, k, inputs)) return slot;
    }
}

static bool grow_table(pf_graph *g) {
    if (2 * (g->node_count + 1) <= g->table_capacity) return true;
    uint32_t capacity = g->table_capacity ? 2 * g->table_capacity : 256;
    uint32_t *table = calloc(capacity, sizeof *table);
    if (!table) {
        pf__graph_fail(g, PF_MEMORY, "out of memory: a graph of %u nodes", g->node_count);
        return false;
    }
    free(g->table);
    g->table = table;
    g->table_capacity = capacity;
    for (uint32_t i = 1; i < g->node_count; i++) {
        const pf__node *n = &g->nodes[i];
        const pf__value *v = &g->values[n->first_output];
        key k;
        fill_key(&k, n->op, &n->attr, v->dtype, &v->shape, n->input_count);
        *find_slot(g, &k, pf__inputs(g, n)) = i + 1;
    }
    return true;
}

/* Dimensions are positive and the count of elements is far from overflowing. */
static bool shape_is_sane(pf_graph *g, pf__op_id op, const pf_shape *shape) {
    static const char *const names[] = {
#define NAME(id, text) text,
        PF__OPS(NAME)
#undef NAME
    };
    char text[PF__DESCRIBE_MAX];
    if (shape->rank < 0 || shape->rank > PF_RANK_MAX) {
        pf__graph_fail(g, PF_SHAPE, "%s: rank %d is outside 0 to %d", names[op], shape->rank, PF_RANK_MAX);
        return false;
    }
    int64_t count = 1;
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dim[i] < 1 || shape->dim[i] > (INT64_C(1) << 40) / count) {
            pf__graph_fail(g, PF_SHAPE, "%s: the shape %s is empty or too large", names[op],
                           pf__shape_text(shape, text));
            return false;
        }
        count *= shape->dim[i];
    }
    return true;
}

pf_value pf__emit(pf_graph *g, pf__op_id op, const pf_value *inputs, uint32_t input_count,
                  const pf__attr *attr, pf_dtype dtype, const pf_shape *shape) {
    if (pf__failed(g) || !shape_is_sane(g, op, shape) || !grow_table(g)) return 0;
    key k;
    fill_key(&k, op, attr, dtype, shape, input_count);
    uint32_t *slot = find_slot(g, &k, inputs);
    if (*slot) return g->nodes[*slot - 1].first_output;

    void **nodes = (void **)&g->nodes, **values = (void **)&g->values, **links = (void **)&g->links;
    if (!grow(g, nodes, &g->node_capacity, g->node_count + 1, sizeof *g->nodes)) return 0;
    if (!grow(g, values, &g->value_capacity, g->value_count + 1, sizeof *g->values)) return 0;
    if (!grow(g, links, &g->link_capacity, g->link_count + input_count, sizeof *g->links)) return 0;
    uint32_t index = g->node_count++, value = g->value_count++;
    g->nodes[index] = (pf__node){.op = op,
                                 .input = g->link_count,
                                 .input_count = input_count,
                                 .first_output = value,
                                 .output_count = 1,
                                 .attr = k.attr};
    g->values[value] = (pf__value){.node = index, .output = 0, .dtype = dtype, .shape = k.shape};
    for (uint32_t i = 0; i < input_count; i++) g->links[g->link_count + i] = inputs[i];
    g->link_count += input_count;
    *slot = index + 1;
    return value;
}
