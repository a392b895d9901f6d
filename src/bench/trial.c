/* SPDX-License-Identifier: MIT
 * Running a trial. Leaves are uploaded before each of two replays, so that outputs in place can be replayed
 * too, and the bits of both are compared. */
#include "bench/trial.h"
#include "base/philox.h"
#include "plan/plan.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED  0x9e3779b97f4a7c15u
#define FIRST 0xfffffff3u /* the low word of the sample overflows in row 13 */

typedef struct leaf {
    char name[64];
    size_t bytes;
    double *data;
    void *raw;
    pf__buffer *buffer;
} leaf;

typedef struct rig {
    const pf__trial *t;
    pf_context *context;
    pf_error *err;
    leaf *leaves;
    pf_binding *bindings;
    pf__bind *binds;
    int leaf_count, bind_count;
    pf__buffer *step;
    uint32_t words[PF__STEP_WORDS];
    pf_value values[PF__TRIAL_OUTPUTS];
    double *wanted[PF__TRIAL_OUTPUTS];
    void *got[2][PF__TRIAL_OUTPUTS]; /* of either replay */
    pf__plan *plan;
} rig;

static void add(pf__trial *t, pf__trial_output output) {
    if (pf__failed(t->graph)) return;
    if (output.value == 0 || t->output_count == PF__TRIAL_OUTPUTS)
        pf__graph_fail(t->graph, PF_USAGE, "self-test: %s is no output", output.name);
    else
        t->outputs[t->output_count++] = output;
}

void pf__trial_add(pf__trial *t, const char *name, pf_value value) {
    add(t, (pf__trial_output){.name = name, .value = value});
}

void pf__trial_add_in_place(pf__trial *t, const char *name, pf_value value, const char *input) {
    add(t, (pf__trial_output){.name = name, .value = value, .in_place = input});
}

void pf__finding_take(pf__finding *f, const char *name, double error) {
    f->checks++;
    if (isnan(f->error) || (f->worst && error <= f->error)) return;
    f->error = error;
    f->worst = name;
}

static const pf__value *value_of(const rig *r, int output) {
    return &r->t->graph->values[r->values[output]];
}

/* The element as the device will see it, in raw and in data. */
static void fill(leaf *l, pf_dtype dtype, size_t i) {
    const uint32_t stream = pf__stream(l->name), e = (uint32_t)i;
    const uint32_t bits = pf__random_bits(SEED, stream, 1, e);
    if (dtype == PF_F32) {
        float x = (float)pf__random_normal(SEED, stream, 1, e);
        ((float *)l->raw)[i] = x;
        l->data[i] = (double)x;
    } else if (dtype == PF_U32) {
        ((uint32_t *)l->raw)[i] = bits;
        l->data[i] = bits;
    } else if (dtype == PF_I32) {
        ((int32_t *)l->raw)[i] = (int32_t)(bits % 3);
        l->data[i] = bits % 3;
    } else {
        ((uint8_t *)l->raw)[i] = (uint8_t)bits;
        l->data[i] = (uint8_t)bits;
    }
}

static pf_status add_leaf(rig *r, const pf__node *n) {
    leaf *l = &r->leaves[r->leaf_count];
    const pf__value *v = &r->t->graph->values[n->first_output];
    const size_t count = (size_t)pf_shape_count(&v->shape);
    const char *group = n->attr.group;
    snprintf(l->name, sizeof l->name, "%s%s%s", group ? group : "", group ? ":" : "", n->attr.name);
    l->bytes = count * pf_dtype_bytes(v->dtype);
    l->data = malloc(count * sizeof *l->data);
    l->raw = malloc(l->bytes);
    r->bindings[r->leaf_count++] = (pf_binding){l->name, l->data};
    if (!l->data || !l->raw) return pf__fail_memory(r->err, l->name, count * sizeof *l->data);
    for (size_t i = 0; i < count; i++) fill(l, v->dtype, i);
    const int word = pf__step_word(l->name);
    if (word >= 0) {
        memcpy(&r->words[word], l->raw, sizeof r->words[word]);
        return PF_OK;
    }
    PF__TRY(pf__buffer_create(r->context, l->bytes, l->name, &l->buffer, r->err));
    r->binds[r->bind_count++] = (pf__bind){l->name, l->buffer, 0};
    return PF_OK;
}

static pf_status add_leaves(rig *r, const bool *needed) {
    const pf_graph *g = r->t->graph;
    const size_t most = g->node_count;
    r->leaves = calloc(most, sizeof *r->leaves);
    r->bindings = calloc(most, sizeof *r->bindings);
    r->binds = calloc(most, sizeof *r->binds);
    if (!needed || !r->leaves || !r->bindings || !r->binds)
        return pf__fail_memory(r->err, "the self-test", most * sizeof *r->leaves);
    pf__step_pack(&(pf__step_block){.seed = SEED, .first_sample = FIRST}, r->words);
    for (uint32_t i = 1; i < g->node_count; i++)
        if (needed[i] && (g->nodes[i].op == PF__OP_INPUT || g->nodes[i].op == PF__OP_PARAMETER))
            PF__TRY(add_leaf(r, &g->nodes[i]));
    return pf__buffer_create(r->context, sizeof r->words, "the step block", &r->step, r->err);
}

static pf_status prepare(rig *r) {
    PF__TRY(pf_graph_check(r->t->graph, r->err));
    for (int i = 0; i < r->t->output_count; i++) {
        r->values[i] = r->t->outputs[i].value;
        const pf__value *v = value_of(r, i);
        const size_t count = (size_t)pf_shape_count(&v->shape), bytes = count * pf_dtype_bytes(v->dtype);
        r->wanted[i] = malloc(count * sizeof(double));
        r->got[0][i] = malloc(bytes);
        r->got[1][i] = malloc(bytes);
        if (!r->wanted[i] || !r->got[0][i] || !r->got[1][i])
            return pf__fail_memory(r->err, r->t->outputs[i].name, count * sizeof(double));
    }
    bool *needed = pf__needed(r->t->graph, r->values, r->t->output_count);
    pf_status st = add_leaves(r, needed);
    free(needed);
    return st;
}

static pf__buffer *buffer_of(const rig *r, const char *name) {
    for (int i = 0; name && i < r->bind_count; i++)
        if (strcmp(r->binds[i].name, name) == 0) return r->binds[i].buffer;
    return NULL;
}

static bool chose(const char *choices, const char *candidate) {
    char line[32];
    snprintf(line, sizeof line, " = %s\n", candidate);
    return strstr(choices, line) != NULL;
}

static pf_status compile(rig *r, const char *candidate, pf__finding *f) {
    pf__output outputs[PF__TRIAL_OUTPUTS];
    for (int i = 0; i < r->t->output_count; i++)
        outputs[i] = (pf__output){.value = r->values[i], .buffer = buffer_of(r, r->t->outputs[i].in_place)};
    const pf__plan_desc desc = {.name = "self-test",
                                .context = r->context,
                                .graph = r->t->graph,
                                .outputs = outputs,
                                .output_count = r->t->output_count,
                                .binds = r->binds,
                                .bind_count = r->bind_count,
                                .step_block = r->step,
                                .matmul = candidate};
    PF__TRY(pf__plan_create(&r->plan, &desc, r->err));
    pf__text choices = {0};
    pf__plan_choices(r->plan, &choices);
    const bool cut = choices.failed;
    f->applies = !candidate || chose(pf__text_string(&choices), candidate);
    for (const pf__candidate *k = pf__ops[PF__OP_MATMUL]->candidates; k[0].name && k[1].name; k++)
        if (chose(pf__text_string(&choices), k->name))
            snprintf(f->optional, sizeof f->optional, "%s", k->name);
    pf__text_free(&choices);
    return cut ? pf__fail_memory(r->err, "the choices of a plan", 0) : PF_OK;
}

static pf_status replay(rig *r, void *const *got) {
    PF__TRY(pf__buffer_write(r->step, 0, r->words, sizeof r->words, true, r->err));
    for (int i = 0; i < r->leaf_count; i++) {
        const leaf *l = &r->leaves[i];
        if (l->buffer) PF__TRY(pf__buffer_write(l->buffer, 0, l->raw, l->bytes, true, r->err));
    }
    PF__TRY(pf__plan_replay(r->plan, r->err));
    for (int i = 0; i < r->t->output_count; i++) {
        const pf__value *v = value_of(r, i);
        const pf__place at = pf__plan_place(r->plan, i);
        const size_t size = pf_dtype_bytes(v->dtype), count = (size_t)pf_shape_count(&v->shape);
        PF__TRY(pf__buffer_read(at.buffer, at.offset * size, got[i], count * size, r->err));
    }
    return PF_OK;
}

static double element(const void *raw, pf_dtype dtype, size_t i) {
    if (dtype == PF_F32) return (double)((const float *)raw)[i];
    if (dtype == PF_I32) return ((const int32_t *)raw)[i];
    if (dtype == PF_U32) return ((const uint32_t *)raw)[i];
    return ((const uint8_t *)raw)[i];
}

static double relative_error(const rig *r, int output) {
    const pf__value *v = value_of(r, output);
    const size_t count = (size_t)pf_shape_count(&v->shape);
    double difference = 0, norm = 0;
    for (size_t i = 0; i < count; i++) {
        const double x = r->wanted[output][i], d = element(r->got[0][output], v->dtype, i) - x;
        difference += d * d;
        norm += x * x;
    }
    return sqrt(difference) / fmax(sqrt(norm), 1e-6 * sqrt((double)count));
}

static void compare(const rig *r, pf__finding *f) {
    f->repeats = true;
    for (int i = 0; i < r->t->output_count; i++) {
        const pf__value *v = value_of(r, i);
        const size_t bytes = (size_t)pf_shape_count(&v->shape) * pf_dtype_bytes(v->dtype);
        if (memcmp(r->got[0][i], r->got[1][i], bytes) != 0) f->repeats = false;
        pf__finding_take(f, r->t->outputs[i].name, relative_error(r, i));
    }
}

static pf_status run(rig *r, const char *candidate, pf__finding *f) {
    PF__TRY(prepare(r));
    PF__TRY(compile(r, candidate, f));
    if (!f->applies) return PF_OK;
    PF__TRY(pf_interpret(r->t->graph, r->values, r->t->output_count, r->bindings, r->leaf_count, SEED, FIRST,
                         r->wanted, r->err));
    PF__TRY(replay(r, r->got[0]));
    PF__TRY(replay(r, r->got[1]));
    compare(r, f);
    return PF_OK;
}

static void release(rig *r) {
    pf__plan_destroy(&r->plan);
    for (int i = 0; i < r->leaf_count; i++) {
        pf__buffer_release(&r->leaves[i].buffer);
        free(r->leaves[i].data);
        free(r->leaves[i].raw);
    }
    for (int i = 0; i < r->t->output_count; i++) {
        free(r->wanted[i]);
        free(r->got[0][i]);
        free(r->got[1][i]);
    }
    pf__buffer_release(&r->step);
    free(r->leaves);
    free(r->bindings);
    free(r->binds);
}

pf_status pf__trial_run(const pf__trial *t, pf_context *context, const char *candidate, pf__finding *out,
                        pf_error *err) {
    *out = (pf__finding){0};
    rig *r = calloc(1, sizeof *r);
    if (!r) return pf__fail_memory(err, "the self-test", sizeof *r);
    r->t = t;
    r->context = context;
    r->err = err;
    pf_status st = run(r, candidate, out);
    release(r);
    free(r);
    return st;
}
