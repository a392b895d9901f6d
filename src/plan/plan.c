/* SPDX-License-Identifier: MIT
 * A plan from end to end: compile, build the program, set the arguments, replay. */
#include "plan/compile.h"
#include "plan/fused_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pf__plan {
    pf__list *list;
    pf__buffer *arena;
    pf__place *outputs;
    pf__gap *gaps;
    int gap_count;
    int output_count;
    pf__plan_report report;
    pf__text choices, steps;
};

/* ---- launches ---- */

static pf__place place_of(const pf__compile *c, const pf__plan *plan, const pf__operand *o) {
    if (o->workspace && o->id == PF__STEP_BLOCK) return (pf__place){c->desc->step_block, 0};
    const pf__storage *s = &c->storages[o->id];
    if (s->fixed) return s->place;
    return (pf__place){plan->arena, (uint32_t)s->offset};
}

/* A library call as a list node: its operands' places are resolved once. */
typedef struct pf__bound_call {
    pf__library_call *call;
    void *state;
    void (*free_state)(void *);
    pf__place *places;
    int count;
} pf__bound_call;

static pf_status run_call(void *state, pf_context *context, pf_error *err) {
    pf__bound_call *b = state;
    return b->call(b->state, context, b->places, err);
}

static void free_call(void *state) {
    pf__bound_call *b = state;
    if (!b) return;
    if (b->free_state) b->free_state(b->state);
    for (int i = 0; i < b->count; i++) pf__buffer_release(&b->places[i].buffer);
    free(b->places);
    free(b);
}

static pf_status add_call(pf__compile *c, pf__plan *plan, pf__plan_step *s) {
    pf__bound_call *b = calloc(1, sizeof *b);
    pf__place *places = calloc((size_t)s->operand_count + 1, sizeof *places);
    if (!b || !places) {
        free(b);
        free(places);
        return pf__fail_memory(c->err, "a library call", 0);
    }
    *b = (pf__bound_call){s->call, s->state, s->free_state, places, 0};
    for (int i = 0; i < s->operand_count; i++) {
        places[i] = place_of(c, plan, &s->operands[i]);
        pf__buffer_retain(places[i].buffer);
        b->count++;
    }
    s->state = NULL; /* the list owns it now */
    s->free_state = NULL;
    pf_status st = pf__list_add_call(plan->list, s->label, run_call, b, free_call, s->flops, s->bytes,
                                     c->err);
    if (st != PF_OK) free_call(b);
    return st;
}

static pf_status add_kernel(pf__compile *c, pf__plan *plan, pf__program *program, const pf__plan_step *s) {
    pf__argument *arguments = calloc((size_t)s->operand_count + 1, sizeof *arguments);
    if (!arguments) return pf__fail_memory(c->err, "kernel arguments", 0);
    for (int i = 0; i < s->operand_count; i++) {
        const pf__operand *o = &s->operands[i];
        pf__argument *a = &arguments[i];
        a->u32 = o->u32;
        a->f32 = o->f32;
        a->kind = o->kind == PF__OPERAND_U32   ? PF__ARGUMENT_U32
                  : o->kind == PF__OPERAND_F32 ? PF__ARGUMENT_F32
                                               : PF__ARGUMENT_BUFFER;
        if (a->kind != PF__ARGUMENT_BUFFER) continue;
        const pf__place at = place_of(c, plan, o);
        a->buffer = at.buffer;
        a->offset = at.offset;
        if (!o->workspace && at.buffer == plan->arena && c->storages[o->id].value &&
            c->graph->values[c->storages[o->id].value].dtype == PF_U8)
            a->offset *= 4; /* the arena counts words, the kernel bytes */
    }
    char name[16];
    pf__kernel_name(s->kernel, name);
    pf__launch launch = {.label = s->label,
                         .program = program,
                         .kernel = name,
                         .dims = s->dims,
                         .arguments = arguments,
                         .argument_count = s->operand_count,
                         .flops = s->flops,
                         .bytes = s->bytes};
    memcpy(launch.global, s->global, sizeof launch.global);
    memcpy(launch.local, s->local, sizeof launch.local);
    pf_status st = pf__list_add(plan->list, &launch, c->err);
    free(arguments);
    return st;
}

static pf_status add_launches(pf__compile *c, pf__plan *plan, pf__program *program) {
    for (int i = 0; i < c->step_count; i++) {
        pf__plan_step *s = &c->steps[i];
        if (s->kernel >= 0)
            PF__TRY(add_kernel(c, plan, program, s));
        else
            PF__TRY(add_call(c, plan, s));
        pf__text_format(&plan->steps, "%4d  %s", i, s->label);
        if (s->kernel >= 0)
            pf__text_format(&plan->steps, "  [%zu, %zu, %zu]", s->global[0], s->dims > 1 ? s->global[1] : 1,
                            s->dims > 2 ? s->global[2] : 1);
        pf__text_add(&plan->steps, "\n");
    }
    return PF_OK;
}

/* ---- creation ---- */

static pf_status compile_begin(pf__compile *c, const pf__plan_desc *desc, pf_error *err) {
    const pf_graph *g = desc->graph;
    memset(c, 0, sizeof *c);
    c->desc = desc;
    c->graph = g;
    c->err = err;
    PF__TRY(pf_graph_check(g, err));
    pf_value *values = calloc((size_t)desc->output_count + 1, sizeof *values);
    for (int i = 0; values && i < desc->output_count; i++) {
        values[i] = desc->outputs[i].value;
        if (values[i] != 0) continue;
        free(values);
        return pf__fail(err, PF_USAGE, "plan '%s': output %d is the symbolic zero", desc->name, i);
    }
    c->needed = values ? pf__needed(g, values, desc->output_count) : NULL;
    free(values);
    c->kept = calloc(g->value_count, 1);
    c->in_group = calloc(g->value_count, 1);
    c->storage_of = calloc(g->value_count, sizeof *c->storage_of);
    c->stage = calloc(g->value_count, sizeof *c->stage);
    c->writer = calloc(g->value_count, sizeof *c->writer);
    c->uses = calloc(g->value_count, sizeof *c->uses);
    c->group_uses = calloc(g->value_count, sizeof *c->group_uses);
    c->output_storage = calloc((size_t)desc->output_count + 1, sizeof *c->output_storage);
    if (!c->needed || !c->kept || !c->in_group || !c->storage_of || !c->stage || !c->writer || !c->uses ||
        !c->group_uses || !c->output_storage)
        return pf__fail_memory(err, "a plan", g->value_count * 16ull);
    for (uint32_t i = 0; i < g->value_count; i++) c->writer[i] = -1;
    pf__lowering_begin(c);
    return PF_OK;
}

void pf__compile_free(pf__compile *c) {
    for (int i = 0; i < c->kernel_count; i++) {
        free(c->kernels[i].file);
        free(c->kernels[i].source);
        free(c->kernels[i].defines);
    }
    for (int i = 0; i < c->step_count; i++) {
        if (c->steps[i].free_state) c->steps[i].free_state(c->steps[i].state);
        free(c->steps[i].label);
        free(c->steps[i].operands);
    }
    for (int i = 0; i < c->task_count; i++) free(c->tasks[i].loads);
    free(c->needed);
    free(c->kept);
    free(c->in_group);
    free(c->storage_of);
    free(c->stage);
    free(c->writer);
    free(c->uses);
    free(c->group_uses);
    free(c->families);
    free(c->claims);
    free(c->output_storage);
    free(c->gaps);
    free(c->storages);
    free(c->tasks);
    free(c->kernels);
    free(c->steps);
    pf__text_free(&c->choices);
}

/* Leaves that lie somewhere already, constants and views need no launch of their own. */
static bool is_work(const pf__compile *c, const pf__node *n) {
    switch (n->op) {
    case PF__OP_INPUT:
    case PF__OP_PARAMETER:
    case PF__OP_CONSTANT:
    case PF__OP_IOTA:
    case PF__OP_RESHAPE:
    case PF__OP_PERMUTE:
    case PF__OP_SLICE:
    case PF__OP_BROADCAST:
    case PF__OP_STOP_GRADIENT:
        return false;
    case PF__OP_RANDOM:
        return !c->storages[c->storage_of[n->first_output] - 1].leaf;
    default:
        return true;
    }
}

static void count_nodes(const pf__compile *c, pf__plan_report *r) {
    const pf_graph *g = c->graph;
    for (uint32_t i = 1; i < g->node_count; i++) {
        const pf__node *n = &g->nodes[i];
        if (!c->needed[i]) continue;
        r->nodes++;
        if (!is_work(c, n)) continue;
        r->unfused++;
        for (uint32_t k = 0; k < n->output_count; k++) {
            const pf__value *v = &g->values[n->first_output + k];
            r->unfused_bytes += (uint64_t)pf_shape_count(&v->shape) * pf_dtype_bytes(v->dtype);
        }
    }
}

static pf_status compile(pf__compile *c, pf__plan *plan) {
    uint64_t arena_words = 0, bound = 0;
    PF__TRY(pf__compile_keep(c));
    PF__TRY(pf__compile_storages(c));
    PF__TRY(pf__compile_front(c));
    PF__TRY(pf__compile_tasks(c));
    PF__TRY(pf__compile_share(c));
    PF__TRY(pf__compile_delay(c));
    PF__TRY(pf__compile_groups(c));
    PF__TRY(pf__compile_places(c, &arena_words, &bound));
    plan->report.launches = c->step_count;
    plan->report.kernels = c->kernel_count;
    count_nodes(c, &plan->report);
    for (uint32_t i = 0; i < c->storage_count; i++)
        if (!c->storages[i].fixed && c->storages[i].first <= c->storages[i].last)
            plan->report.sum_bytes += 4 * c->storages[i].count;
    plan->report.arena_bytes = 4 * arena_words;
    plan->report.lower_bound_bytes = 4 * bound;
    plan->report.flops = c->flops;
    if (arena_words > UINT32_MAX) {
        pf_status st = pf__fail(c->err, PF_MEMORY, "plan '%s' needs an arena of %.1f GB", c->desc->name,
                                4e-9 * (double)arena_words);
        return pf__hint(c->err, st, "use a smaller batch or a narrower network");
    }
    if (arena_words == 0) return PF_OK;
    char what[96];
    snprintf(what, sizeof what, "the arena of plan '%s'", c->desc->name);
    return pf__buffer_create(c->desc->context, 4 * (size_t)arena_words, what, &plan->arena, c->err);
}

static pf_status finish(pf__compile *c, pf__plan *plan) {
    pf__program *program = NULL;
    PF__TRY(pf__list_create(c->desc->context, &plan->list, c->err));
    pf_status st = pf__compile_program(c, &program);
    if (st == PF_OK) st = add_launches(c, plan, program);
    pf__program_release(&program);
    plan->outputs = calloc((size_t)c->desc->output_count + 1, sizeof *plan->outputs);
    if (!plan->outputs) return st != PF_OK ? st : pf__fail_memory(c->err, "a plan's outputs", 0);
    plan->output_count = c->desc->output_count;
    for (int i = 0; i < plan->output_count; i++)
        plan->outputs[i] = place_of(c, plan, &(pf__operand){.id = c->output_storage[i]});
    plan->choices = c->choices;
    c->choices = (pf__text){0};
    plan->gaps = c->gaps;
    plan->gap_count = c->gap_count;
    c->gaps = NULL;
    if (st == PF_OK && (plan->choices.failed || plan->steps.failed))
        st = pf__fail_memory(c->err, "the texts of a plan", plan->choices.length + plan->steps.length);
    return st;
}

pf_status pf__plan_create(pf__plan **out, const pf__plan_desc *desc, pf_error *err) {
    pf__compile c;
    pf__plan *plan = calloc(1, sizeof *plan);
    *out = NULL;
    if (!plan) return pf__fail_memory(err, "a plan", sizeof *plan);
    pf_status st = compile_begin(&c, desc, err);
    if (st == PF_OK) st = compile(&c, plan);
    if (st == PF_OK) st = finish(&c, plan);
    pf__compile_free(&c);
    if (st != PF_OK) {
        pf__plan_destroy(&plan);
        return st;
    }
    *out = plan;
    return PF_OK;
}

void pf__plan_destroy(pf__plan **plan) {
    if (!plan || !*plan) return;
    pf__list_destroy(&(*plan)->list);
    pf__buffer_release(&(*plan)->arena);
    free((*plan)->outputs);
    free((*plan)->gaps);
    pf__text_free(&(*plan)->choices);
    pf__text_free(&(*plan)->steps);
    free(*plan);
    *plan = NULL;
}

pf_status pf__plan_replay(pf__plan *plan, pf_error *err) {
    return pf__list_replay(plan->list, err);
}

pf_status pf__plan_poison(pf__plan *plan, pf_error *err) {
    const uint32_t nan_bits = 0x7fc0beef;
    if (!plan->arena) return PF_OK;
    PF__TRY(pf__buffer_fill(plan->arena, 0, pf__buffer_bytes(plan->arena), nan_bits, err));
    for (int i = 0; i < plan->gap_count; i++)
        PF__TRY(pf__buffer_fill(plan->arena, 4 * (size_t)plan->gaps[i].first, 4 * (size_t)plan->gaps[i].words,
                                0, err));
    return PF_OK;
}

pf__place pf__plan_place(const pf__plan *plan, int output) {
    return plan->outputs[output];
}

pf__buffer *pf__plan_arena(const pf__plan *plan) {
    return plan->arena;
}

pf__plan_report pf__plan_describe(const pf__plan *plan) {
    return plan->report;
}

void pf__plan_print(const pf__plan *plan, pf__text *out) {
    pf__text_add(out, pf__text_string(&plan->steps));
}

void pf__plan_choices(const pf__plan *plan, pf__text *out) {
    pf__text_add(out, pf__text_string(&plan->choices));
}

pf__list *pf__plan_list(pf__plan *plan) {
    return plan->list;
}
