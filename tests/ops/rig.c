/* SPDX-License-Identifier: MIT
 * See rig.h. */
#include "rig.h"
#include "base/text.h"

#define GUARD_BITS 0x7fc0beefu /* a NaN: what is read astray spoils the result */
#define PROGRAMS   512

static struct {
    pf_context *context;
    struct program {
        char *key; /* file and defines */
        pf__program *program;
    } programs[PROGRAMS];
    int program_count;
    bool tried;
} shared;

bool rig_small(void) {
    return getenv("PF_TEST_SMALL") != NULL;
}

pf_context *rig_context(void) {
    if (shared.tried) return shared.context;
    shared.tried = true;
    pf_error err = {0};
    CHECK_OK(pf_context_create(&shared.context, NULL, &err), err);
    return shared.context;
}

void rig_shut(void) {
    for (int i = 0; i < shared.program_count; i++) {
        free(shared.programs[i].key);
        pf__program_release(&shared.programs[i].program);
    }
    pf_context_destroy(&shared.context);
}

/* The text as the plan would make it: exp.cl, defines, the name, the file. */
static pf_status build(rig *r, const pf__step_desc *d, pf__program **out) {
    pf__text key = {0}, source = {0};
    pf__text_format(&key, "%s\n%s", d->file ? d->file : d->source, d->defines ? d->defines : "");
    for (int i = 0; i < shared.program_count; i++)
        if (strcmp(shared.programs[i].key, pf__text_string(&key)) == 0) {
            *out = shared.programs[i].program;
            pf__text_free(&key);
            return PF_OK;
        }
    char *text = NULL, *exponential = NULL;
    pf_status st = pf__kernel_source("exp.cl", &exponential, &r->err);
    if (st == PF_OK && d->file) st = pf__kernel_source(d->file, &text, &r->err);
    pf__text_format(&source, "%s%s#define KERNEL under_test\n%s", exponential ? exponential : "",
                    d->defines ? d->defines : "", text ? text : d->source);
    free(exponential);
    if (st == PF_OK)
        st = pf__program_build(r->lowering.context, d->label, pf__text_string(&source), "", out, &r->err);
    free(text);
    pf__text_free(&source);
    if (st == PF_OK && shared.program_count < PROGRAMS) {
        shared.programs[shared.program_count++] = (struct program){.key = key.data, .program = *out};
        return PF_OK;
    }
    pf__text_free(&key);
    return st == PF_OK ? pf__fail(&r->err, PF_USAGE, "too many programs") : st;
}

static rig_tensor *tensor_of(rig *r, const pf__operand *o) {
    return o->workspace ? &r->workspaces[o->id] : &r->tensors[o->id];
}

static pf_status add_kernel(pf__lowering *l, const pf__step_desc *d) {
    rig *r = (rig *)l;
    pf__argument arguments[32] = {0};
    for (int i = 0; i < d->operand_count; i++) {
        const pf__operand *o = &d->operands[i];
        pf__argument *a = &arguments[i];
        *a = (pf__argument){.kind = PF__ARGUMENT_BUFFER, .u32 = o->u32, .f32 = o->f32};
        if (o->kind == PF__OPERAND_U32)
            a->kind = PF__ARGUMENT_U32;
        else if (o->kind == PF__OPERAND_F32)
            a->kind = PF__ARGUMENT_F32;
        else if (o->workspace && o->id == PF__STEP_BLOCK)
            a->buffer = r->step;
        else
            *a = (pf__argument){.kind = PF__ARGUMENT_BUFFER,
                                .buffer = tensor_of(r, o)->buffer,
                                .offset = tensor_of(r, o)->offset};
    }
    pf__program *program = NULL;
    PF__TRY(build(r, d, &program));
    pf__launch launch = {.label = d->label,
                         .program = program,
                         .kernel = "under_test",
                         .dims = d->dims,
                         .arguments = arguments,
                         .argument_count = d->operand_count,
                         .flops = d->flops,
                         .bytes = d->bytes};
    memcpy(launch.global, d->global, sizeof launch.global);
    memcpy(launch.local, d->local, sizeof launch.local);
    return pf__list_add(r->list, &launch, &r->err);
}

typedef struct library_call {
    pf__library_call *call;
    void *state;
    void (*free_state)(void *);
    pf__place places[4];
} library_call;

static pf_status make_call(void *pointer, pf_context *c, pf_error *err) {
    library_call *lc = pointer;
    return lc->call(lc->state, c, lc->places, err);
}

static void free_call(void *pointer) {
    library_call *lc = pointer;
    lc->free_state(lc->state);
    free(lc);
}

static pf_status add_call(pf__lowering *l, const char *label, pf__library_call *call, void *state,
                          void (*free_state)(void *), const pf__operand *operands, int operand_count,
                          double flops, double bytes) {
    rig *r = (rig *)l;
    library_call *lc = calloc(1, sizeof *lc);
    *lc = (library_call){.call = call, .state = state, .free_state = free_state};
    for (int i = 0; i < operand_count; i++) {
        rig_tensor *t = tensor_of(r, &operands[i]);
        lc->places[i] = (pf__place){.buffer = t->buffer, .offset = t->offset};
    }
    return pf__list_add_call(r->list, label, make_call, lc, free_call, flops, bytes, &r->err);
}

static uint64_t whole(uint64_t count) {
    return (count + 15) / 16 * 16;
}

static uint64_t extent(const rig_tensor *t) {
    return t->offset + whole(t->count) + RIG_GUARD;
}

static pf_status make_tensor(rig *r, uint64_t count, rig_tensor *t) {
    *t = (rig_tensor){.count = count, .offset = r->offset};
    return pf__buffer_create(r->lowering.context, extent(t) * 4, "a tensor", &t->buffer, &r->err);
}

/* Guard bits everywhere, then the data. */
static pf_status fill(rig *r, rig_tensor *t, const void *data) {
    uint32_t *words = malloc(extent(t) * 4);
    for (uint64_t i = 0; i < extent(t); i++) words[i] = GUARD_BITS;
    if (data) memcpy(words + t->offset, data, t->count * 4);
    pf_status st = pf__buffer_write(t->buffer, 0, words, extent(t) * 4, true, &r->err);
    free(words);
    return st;
}

static pf_status add_workspace(pf__lowering *l, uint64_t count, uint32_t *id) {
    rig *r = (rig *)l;
    *id = r->workspace_count++;
    return make_tensor(r, count, &r->workspaces[*id]);
}

void rig_open(rig *r) {
    memset(r, 0, sizeof *r);
    pf_context *c = rig_context();
    r->device = *pf_context_device(c);
    if (rig_small()) r->device.type = PF_DEVICE_CPU;
    r->offset = 64;
    r->lowering = (pf__lowering){.context = c,
                                 .device = &r->device,
                                 .graph = &r->graph,
                                 .err = &r->err,
                                 .matmul = "auto",
                                 .kernel = add_kernel,
                                 .call = add_call,
                                 .workspace = add_workspace};
    r->graph.values = r->values;
    r->graph.value_count = 1;
    r->graph.nodes = &r->node;
    r->graph.node_count = 1;
    r->graph.links = r->links;
    CHECK_OK(pf__list_create(c, &r->list, &r->err), r->err);
    CHECK_OK(pf__buffer_create(c, 64, "the step block", &r->step, &r->err), r->err);
}

void rig_close(rig *r) {
    pf__list_destroy(&r->list);
    for (int i = 0; i < RIG_TENSORS; i++) {
        pf__buffer_release(&r->tensors[i].buffer);
        pf__buffer_release(&r->workspaces[i].buffer);
    }
    pf__buffer_release(&r->step);
}

pf_value rig_value(rig *r, pf_dtype dtype, pf_shape shape, const void *data) {
    pf_value v = r->graph.value_count++;
    r->values[v] = (pf__value){.dtype = dtype, .shape = shape};
    CHECK_OK(make_tensor(r, (uint64_t)pf_shape_count(&shape), &r->tensors[v]), r->err);
    CHECK_OK(fill(r, &r->tensors[v], data), r->err);
    return v;
}

pf_shape rig_shape(int rank, int64_t a, int64_t b, int64_t c) {
    return (pf_shape){.rank = rank, .dim = {a, b, c}};
}

void rig_node(rig *r, pf__op_id op, const pf_value *inputs, uint32_t count, const pf__attr *attr,
              pf_value output) {
    if (count) memcpy(r->links, inputs, count * sizeof *inputs);
    r->node = (pf__node){
        .op = op, .input_count = count, .first_output = output, .output_count = 1, .attr = *attr};
    r->tensors[output].written = true;
}

void rig_seed(rig *r, uint64_t seed, uint64_t first) {
    const uint32_t words[4] = {(uint32_t)seed, (uint32_t)(seed >> 32), (uint32_t)first,
                               (uint32_t)(first >> 32)};
    CHECK_OK(pf__buffer_write(r->step, 0, words, sizeof words, true, &r->err), r->err);
}

pf_status rig_lower(rig *r, const pf__candidate *candidates) {
    for (const pf__candidate *c = candidates; c->name; c++) {
        if (!c->supports(&r->lowering, &r->node)) continue;
        r->chosen = c->name;
        return c->lower(&r->lowering, &r->node);
    }
    return pf__fail(&r->err, PF_USAGE, "no candidate");
}

/* The tensor's words (malloc), after looking at the zones around it. */
static uint32_t *inspect(rig *r, const rig_tensor *t, const char *what) {
    uint32_t *words = malloc(extent(t) * 4);
    CHECK_OK(pf__buffer_read(t->buffer, 0, words, extent(t) * 4, &r->err), r->err);
    uint64_t astray = 0;
    for (uint64_t i = 0; i < extent(t); i++)
        if ((i < t->offset || i >= t->offset + whole(t->count)) && words[i] != GUARD_BITS) astray++;
    if (astray)
        fprintf(stderr, "%s of %s: %llu words beyond it changed\n", what, r->chosen,
                (unsigned long long)astray);
    CU_ASSERT_EQUAL(astray, 0);
    return words;
}

void *rig_run(rig *r) {
    rig_tensor *out = &r->tensors[r->node.first_output];
    CHECK_OK(fill(r, out, NULL), r->err);
    for (uint32_t i = 0; i < r->workspace_count; i++) CHECK_OK(fill(r, &r->workspaces[i], NULL), r->err);
    pf_status st = pf__list_replay(r->list, &r->err);
    CHECK_OK(st, r->err);
    if (st != PF_OK) return NULL;
    uint32_t *words = inspect(r, out, "output");
    memmove(words, words + out->offset, out->count * 4);
    for (uint32_t i = 0; i < r->workspace_count; i++) free(inspect(r, &r->workspaces[i], "workspace"));
    return words;
}

float *rig_numbers(uint64_t count, uint32_t seed) {
    float *x = malloc(count * sizeof *x);
    uint32_t s = seed * 2654435761u + 12345;
    for (uint64_t i = 0; i < count; i++) {
        s = s * 1664525u + 1013904223u;
        x[i] = (float)(s >> 8) * 0x1p-23f - 1.0f;
    }
    return x;
}
