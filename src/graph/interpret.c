/* SPDX-License-Identifier: MIT
 * The host interpreter: node after node in double, never optimised: the definition of truth. */
#include "base/philox.h"
#include "graph/build.h"
#include "graph/op.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct run {
    const pf_graph *g;
    const pf_binding *bindings;
    int binding_count;
    uint64_t seed, first_sample;
    double **data;  /* [values]: malloc, or NULL */
    uint32_t *uses; /* [values]: uses still to come; outputs hold one more */
    pf_error *error;
} run;

static size_t count_of(const run *r, pf_value v) {
    return (size_t)pf_shape_count(&r->g->values[v].shape);
}

static const double *bound(const run *r, const char *name) {
    for (int i = 0; i < r->binding_count; i++)
        if (strcmp(r->bindings[i].name, name) == 0) return r->bindings[i].data;
    return NULL;
}

static pf_status fill_bound(run *r, const pf__node *n, double *y) {
    const char *group = n->attr.group;
    size_t size = strlen(n->attr.name) + (group ? strlen(group) + 1 : 0) + 1;
    char *name = malloc(size);
    if (!name) return pf__fail_memory(r->error, "a name", size);
    snprintf(name, size, "%s%s%s", group ? group : "", group ? ":" : "", n->attr.name);
    const double *data = bound(r, name);
    pf_status st = PF_OK;
    if (data) {
        memcpy(y, data, count_of(r, n->first_output) * sizeof *y);
    } else {
        char text[PF__DESCRIBE_MAX];
        st = pf__fail(r->error, PF_USAGE, "interpret: no data for %s, %s", name,
                      pf__describe(r->g, n->first_output, text));
    }
    free(name);
    return st;
}

static void fill_random(const run *r, const pf__node *n, double *y) {
    const pf_shape *shape = &r->g->values[n->first_output].shape;
    size_t rows = (size_t)shape->dim[0], row = count_of(r, n->first_output) / rows;
    uint32_t stream = pf__stream(n->attr.name);
    for (size_t i = 0; i < rows; i++) {
        uint64_t sample = r->first_sample + i;
        for (size_t e = 0; e < row; e++) {
            uint32_t at = (uint32_t)e;
            double *to = &y[i * row + e];
            if (n->attr.kind == PF__RANDOM_NORMAL) *to = pf__random_normal(r->seed, stream, sample, at);
            if (n->attr.kind == PF__RANDOM_UNIFORM) *to = pf__random_uniform(r->seed, stream, sample, at);
            if (n->attr.kind == PF__RANDOM_BITS) *to = pf__random_bits(r->seed, stream, sample, at);
        }
    }
}

static void fill_iota(const run *r, const pf__node *n, double *y) {
    const pf_shape *shape = &r->g->values[n->first_output].shape;
    size_t count = count_of(r, n->first_output), inner = 1;
    for (int i = n->attr.axis + 1; i < shape->rank; i++) inner *= (size_t)shape->dim[i];
    for (size_t i = 0; i < count; i++) y[i] = (double)(i / inner % (size_t)shape->dim[n->attr.axis]);
}

static pf_status fill_leaf(run *r, const pf__node *n, double *y) {
    size_t count = count_of(r, n->first_output);
    const double *data = NULL;
    switch (n->op) {
    case PF__OP_CONSTANT:
        for (size_t i = 0; i < count; i++) y[i] = n->attr.number;
        return PF_OK;
    case PF__OP_IOTA:
        fill_iota(r, n, y);
        return PF_OK;
    case PF__OP_RANDOM:
        data = bound(r, n->attr.name);
        if (data)
            memcpy(y, data, count * sizeof *y);
        else
            fill_random(r, n, y);
        return PF_OK;
    default:
        return fill_bound(r, n, y);
    }
}

/* An index outside its table would read or write outside memory. */
static pf_status check_index(const run *r, const pf__node *n, const double *index) {
    const pf_value *in = pf__inputs(r->g, n);
    pf_value table = n->op == PF__OP_GATHER ? in[0] : n->first_output;
    int64_t rows = r->g->values[table].shape.dim[0];
    for (size_t i = 0; i < count_of(r, in[1]); i++)
        if (!(index[i] >= 0 && index[i] < (double)rows))
            return pf__fail(r->error, PF_DATA, "interpret: %s: index %g at %zu is outside 0 to %lld",
                            pf__ops[n->op]->name, index[i], i, (long long)rows - 1);
    return PF_OK;
}

static void release(run *r, pf_value v) {
    if (--r->uses[v] > 0) return;
    free(r->data[v]);
    r->data[v] = NULL;
}

static pf_status run_node(run *r, const pf__node *n) {
    const double *few[16], **x = few;
    double *y[16];
    const pf_value *in = pf__inputs(r->g, n);
    pf_status st = PF_OK;
    if (n->output_count > 16)
        return pf__fail(r->error, PF_USAGE, "interpret: %s has too many outputs", pf__ops[n->op]->name);
    for (uint32_t o = 0; o < n->output_count; o++) {
        pf_value v = n->first_output + o;
        y[o] = r->data[v] = malloc(count_of(r, v) * sizeof(double));
        if (!y[o]) return pf__fail_memory(r->error, "the interpreter", count_of(r, v) * sizeof(double));
    }
    if (!pf__ops[n->op]->interpret) return fill_leaf(r, n, y[0]);
    if (n->input_count > 16) x = malloc(n->input_count * sizeof *x);
    if (!x) return pf__fail_memory(r->error, "the interpreter", n->input_count * sizeof *x);
    for (uint32_t i = 0; i < n->input_count; i++) x[i] = r->data[in[i]];
    if (n->op == PF__OP_GATHER || n->op == PF__OP_GATHER_ADJOINT) st = check_index(r, n, x[1]);
    if (!st) pf__ops[n->op]->interpret(r->g, n, x, y);
    if (x != few) free(x);
    for (uint32_t i = 0; i < n->input_count && !st; i++) release(r, in[i]);
    return st;
}

static pf_status run_all(run *r, const bool *needed, const pf_value *outputs, int count, double *const *out) {
    const pf_graph *g = r->g;
    for (uint32_t i = 0; i < g->node_count; i++) {
        if (!needed[i]) continue;
        const pf__node *n = &g->nodes[i];
        for (uint32_t k = 0; k < n->input_count; k++) r->uses[pf__inputs(g, n)[k]]++;
    }
    for (int i = 0; i < count; i++) r->uses[outputs[i]]++;
    for (uint32_t i = 1; i < g->node_count; i++)
        if (needed[i]) PF__TRY(run_node(r, &g->nodes[i]));
    for (int i = 0; i < count; i++)
        if (outputs[i]) memcpy(out[i], r->data[outputs[i]], count_of(r, outputs[i]) * sizeof(double));
    return PF_OK;
}

pf_status pf_interpret(const pf_graph *g, const pf_value *outputs, int count, const pf_binding *bindings,
                       int binding_count, uint64_t seed, uint64_t first_sample, double *const *out,
                       pf_error *error) {
    if (pf__failed(g)) return pf_graph_check(g, error);
    for (int i = 0; i < count; i++)
        if (outputs[i] >= g->value_count)
            return pf__fail(error, PF_USAGE, "interpret: value %u is not of this graph", outputs[i]);
    run r = {.g = g,
             .bindings = bindings,
             .binding_count = binding_count,
             .seed = seed,
             .first_sample = first_sample,
             .error = error};
    bool *needed = pf__needed(g, outputs, count);
    r.data = calloc(g->value_count, sizeof *r.data);
    r.uses = calloc(g->value_count, sizeof *r.uses);
    pf_status st = PF_OK;
    if (needed && r.data && r.uses)
        st = run_all(&r, needed, outputs, count, out);
    else
        st = pf__fail_memory(error, "the interpreter", g->value_count * (sizeof *r.data + sizeof *r.uses));
    for (uint32_t v = 0; r.data && v < g->value_count; v++) free(r.data[v]);
    free(r.uses);
    free(r.data);
    free(needed);
    return st;
}
