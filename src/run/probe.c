/* SPDX-License-Identifier: MIT
 * Two plans over the same batch: the map's end, and its derivative along (v, 1). */
#include "run/probe.h"
#include <stdlib.h>
#include <string.h>

struct pf__probe {
    pf__sampler_parts of;
    int64_t batch, dim;
    pf__buffer *x, *v, *out, *block;
    pf__plan *end, *rate;
    float *host; /* [batch, dim] */
};

static pf_shape batch_shape(const pf__probe *p) {
    const pf_shape *sample = &p->of.model->net.sample;
    pf_shape shape = {.rank = sample->rank + 1, .dim = {p->batch}};
    memcpy(shape.dim + 1, sample->dim, (size_t)sample->rank * sizeof *sample->dim);
    return shape;
}

static pf_value end_or_rate(pf__probe *p, pf_graph *g, bool rate) {
    const pf__model *m = p->of.model;
    const pf_shape shape = batch_shape(p), scalar = pf_shape_of(0);
    pf__method_ctx ctx = {
        .g = g,
        .config = m->config,
        .net = &m->net,
        .params = &p->of.model->params,
        .group = PF__STUDENT,
        .batch = p->batch,
        .x = pf_input(g, "probe/x", PF_F32, shape),
        .t = pf_input(g, "step/t", PF_F32, scalar),
        .r = pf_constant(g, 0, scalar),
    };
    pf_value end = 0, moved = 0;
    m->method->evaluate(&ctx, &end);
    if (!rate) return end;
    pf_value along[2] = {ctx.x, ctx.t},
             tangent[2] = {pf_input(g, "probe/v", PF_F32, shape), pf_constant(g, 1, scalar)};
    if (pf_jvp(g, &end, 1, along, tangent, 2, &moved) != PF_OK) return 0;
    return moved ? moved : pf_constant(g, 0, shape);
}

static pf_status compile(pf__probe *p, bool rate, pf__plan **out, pf_error *err) {
    pf_graph *g = NULL;
    pf__binds binds = {0};
    PF__TRY(pf_graph_create(&g, err));
    pf_value value = end_or_rate(p, g, rate);
    pf__binds_add(&binds, "probe/x", p->x, 0);
    pf__binds_add(&binds, "probe/v", p->v, 0);
    pf__binds_add_group(&binds, &p->of.model->params, PF__STUDENT, p->of.weights);
    pf__output output = {.value = value, .buffer = p->out};
    pf__plan_desc desc = {
        .name = rate ? "rate of a map" : "end of a map",
        .context = p->of.context,
        .graph = g,
        .outputs = &output,
        .output_count = 1,
        .binds = binds.list,
        .bind_count = binds.count,
        .step_block = p->block,
        .matmul = p->of.matmul,
    };
    pf_status st = pf_graph_check(g, err);
    if (st == PF_OK && binds.failed) st = pf__fail_memory(err, "bindings", sizeof(pf__bind));
    if (st == PF_OK) st = pf__plan_create(out, &desc, err);
    pf__binds_free(&binds);
    pf_graph_destroy(&g);
    return st;
}

static size_t batch_bytes(const pf__probe *p) {
    return (size_t)(p->batch * p->dim) * sizeof(float);
}

static pf_status build(pf__probe *p, pf_error *err) {
    pf_context *c = p->of.context;
    PF__TRY(pf__buffer_create(c, batch_bytes(p), "points", &p->x, err));
    PF__TRY(pf__buffer_create(c, batch_bytes(p), "velocities", &p->v, err));
    PF__TRY(pf__buffer_create(c, batch_bytes(p), "ends", &p->out, err));
    PF__TRY(pf__buffer_create(c, PF__STEP_WORDS * sizeof(uint32_t), "step block", &p->block, err));
    p->host = calloc(1, batch_bytes(p));
    if (!p->host) return pf__fail_memory(err, "points", batch_bytes(p));
    PF__TRY(compile(p, false, &p->end, err));
    return compile(p, true, &p->rate, err);
}

static pf_status check(const pf__model *m, pf_error *err) {
    if (m->method->evaluation != PF__EVALUATES_MAP || m->needs.condition_count == 0)
        return pf__hint(err,
                        pf__fail(err, PF_USAGE,
                                 "%s learns no map g(x, t) in time, of which an error could be analysed",
                                 m->method->name),
                        "consistency, continuous, meanflow and pixelmeanflow do");
    if (m->net.class_count)
        return pf__hint(err,
                        pf__fail(err, PF_USAGE,
                                 "a network of %d classes follows a velocity for each, which is not known",
                                 m->net.class_count),
                        "train with data.labels = false");
    return PF_OK;
}

pf_status pf__probe_create(pf__probe **out, pf_sampler *sampler, pf_error *err) {
    pf__sampler_parts of = pf__sampler_inside(sampler);
    *out = NULL;
    PF__TRY(check(of.model, err));
    pf__probe *p = calloc(1, sizeof *p);
    if (!p) return pf__fail_memory(err, "probe", sizeof *p);
    *p = (pf__probe){
        .of = of, .batch = pf_sampler_describe(sampler)->batch, .dim = pf_sampler_describe(sampler)->dim};
    pf_status st = build(p, err);
    if (st != PF_OK) {
        pf__probe_destroy(&p);
        return st;
    }
    *out = p;
    return PF_OK;
}

void pf__probe_destroy(pf__probe **probe) {
    pf__probe *p = *probe;
    if (!p) return;
    pf__plan_destroy(&p->end);
    pf__plan_destroy(&p->rate);
    pf__buffer **buffers[] = {&p->x, &p->v, &p->out, &p->block};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++) pf__buffer_release(buffers[i]);
    free(p->host);
    free(p);
    *probe = NULL;
}

/* Rows beyond `rows` are zeros. */
static pf_status upload(pf__probe *p, pf__buffer *to, const float *x, int64_t rows, pf_error *err) {
    const size_t used = (size_t)(rows * p->dim) * sizeof(float);
    memcpy(p->host, x, used);
    memset((char *)p->host + used, 0, batch_bytes(p) - used);
    return pf__buffer_write(to, 0, p->host, batch_bytes(p), true, err);
}

static pf_status evaluate(pf__probe *p, pf__plan *plan, const float *x, const float *v, double t,
                          int64_t count, float *out, pf_error *err) {
    uint32_t words[PF__STEP_WORDS] = {0};
    pf__step_pack(&(pf__step_block){.t = (float)t, .h = (float)t}, words);
    PF__TRY(pf__buffer_write(p->block, 0, words, sizeof words, true, err));
    for (int64_t first = 0; first < count; first += p->batch) {
        const int64_t rows = count - first < p->batch ? count - first : p->batch;
        PF__TRY(upload(p, p->x, x + first * p->dim, rows, err));
        if (v) PF__TRY(upload(p, p->v, v + first * p->dim, rows, err));
        PF__TRY(pf__plan_replay(plan, err));
        PF__TRY(pf__buffer_read(p->out, 0, out + first * p->dim, (size_t)(rows * p->dim) * sizeof *out, err));
    }
    return PF_OK;
}

pf_status pf__probe_end(pf__probe *p, const float *x, double t, int64_t count, float *end, pf_error *err) {
    return evaluate(p, p->end, x, NULL, t, count, end, err);
}

pf_status pf__probe_rate(pf__probe *p, const float *x, const float *v, double t, int64_t count, float *rate,
                         pf_error *err) {
    return evaluate(p, p->rate, x, v, t, count, rate, err);
}
