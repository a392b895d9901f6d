/* SPDX-License-Identifier: MIT
 * A network on the device, one batch at a time, and the host loops of sampling over plans of one evaluation.
 *
 *   map       x <- X(x, r, t)                         t_0 = 1 > ... > t_n = 0, uniform
 *             x <- f(x)                               where noise has another size than a sample: once
 *   velocity  stage <- x + h sum a k; k_s <- v(stage) and x <- x + h sum b k, h = -1/steps
 *   adaptive  dopri5.c asks for v(stage) at a time of each sample */
#include "base/hash.h"
#include "run/run.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FIXED_STAGES 4 /* of solvers with equal steps, at most */

struct pf__evaluator {
    pf__evaluator_desc d;
    const pf__solver *solver; /* NULL for maps */
    pf__dopri5 *adaptive;     /* or NULL */
    int64_t dim, source;      /* numbers of a sample, and of what it is made of */
    pf__buffer *weights, *x, *stage, *out, *k[FIXED_STAGES], *time, *label, *block;
    pf__plan *evaluate, *combine, *velocity;
    pf_sampler_counts counts;
    int *evaluations;     /* [batch], adaptive */
    uint64_t seed, first; /* of the noise drawn between evaluations */
    float *host;          /* [batch, dim] */
    int32_t *host_label;  /* [batch] */
};

static pf_shape batch_of(const pf__evaluator *e, const pf_shape *one) {
    pf_shape shape = {.rank = one->rank + 1, .dim = {e->d.batch}};
    memcpy(shape.dim + 1, one->dim, (size_t)one->rank * sizeof *one->dim);
    return shape;
}

static pf_shape state_shape(const pf__evaluator *e) {
    return batch_of(e, &e->d.model->net.sample);
}

typedef void method_call(const pf__method_ctx *ctx, pf_value *out);

static pf_status compile(pf__evaluator *e, const char *name, pf_graph *g, pf_value value, pf__binds *binds,
                         pf__plan **out, pf_error *err) {
    PF__TRY(pf_graph_check(g, err));
    if (binds->failed) return pf__fail_memory(err, "bindings", sizeof(pf__bind));
    pf__output output = {.value = value, .buffer = e->out};
    pf__plan_desc desc = {
        .name = name,
        .context = e->d.context,
        .graph = g,
        .outputs = &output,
        .output_count = 1,
        .binds = binds->list,
        .bind_count = binds->count,
        .step_block = e->block,
        .matmul = e->d.matmul,
    };
    return pf__plan_create(out, &desc, err);
}

static bool adapts(const pf__evaluator *e) {
    return e->solver && e->solver->adaptive;
}

/* stage [B, sample...] at times step/t and step/r (adaptive: sample/t, of each row) -> out. The first one
 * fills the table of parameters. */
static pf_status compile_network(pf__evaluator *e, const char *name, method_call *call, pf__plan **out,
                                 pf_error *err) {
    pf_graph *g = NULL;
    pf__binds binds = {0};
    PF__TRY(pf_graph_create(&g, err));
    pf__model *m = e->d.model;
    pf_value t = adapts(e) ? pf_input(g, "sample/t", PF_F32, pf_shape_of(1, (int)e->d.batch))
                           : pf_input(g, "step/t", PF_F32, pf_shape_of(0));
    if (adapts(e)) pf__binds_add(&binds, "sample/t", e->time, 0);
    pf__method_ctx ctx = {
        .g = g,
        .config = m->config,
        .net = &m->net,
        .params = &m->params,
        .group = PF__STUDENT,
        .batch = e->d.batch,
        .x = pf_input(g, "sample/x", PF_F32, batch_of(e, &m->net.source)),
        .t = t,
        .r = pf_input(g, "step/r", PF_F32, pf_shape_of(0)),
    };
    pf__binds_add(&binds, "sample/x", e->stage, 0);
    if (m->net.class_count) {
        ctx.label = pf_input(g, "sample/label", PF_I32, pf_shape_of(1, (int)e->d.batch));
        pf__binds_add(&binds, "sample/label", e->label, 0);
    }
    pf_value value = 0;
    call(&ctx, &value);
    pf_status st = pf_graph_check(g, err);
    if (st == PF_OK && !e->weights) {
        if (!e->d.weights)
            st = pf__buffer_create(e->d.context, (size_t)m->params.flat_count * sizeof(float), "parameters",
                                   &e->weights, err);
        else
            e->weights = pf__buffer_retain(e->d.weights);
    }
    if (st == PF_OK) {
        pf__binds_add_group(&binds, &m->params, PF__STUDENT, e->weights);
        st = compile(e, name, g, value, &binds, out, err);
    }
    pf__binds_free(&binds);
    pf_graph_destroy(&g);
    return st;
}

/* out <- x + c0 k0 + ... */
static pf_status compile_combine(pf__evaluator *e, pf_error *err) {
    static const char *const k_name[FIXED_STAGES] = {"k/0", "k/1", "k/2", "k/3"};
    static const char *const c_name[FIXED_STAGES] = {"step/c0", "step/c1", "step/c2", "step/c3"};
    pf_graph *g = NULL;
    pf__binds binds = {0};
    PF__TRY(pf_graph_create(&g, err));
    pf_shape shape = state_shape(e);
    pf_value sum = pf_input(g, "x", PF_F32, shape);
    pf__binds_add(&binds, "x", e->x, 0);
    for (int i = 0; i < e->solver->stages; i++) {
        pf_value k = pf_input(g, k_name[i], PF_F32, shape);
        pf__binds_add(&binds, k_name[i], e->k[i], 0);
        sum = pf_add(g, sum, pf_mul(g, k, pf_input(g, c_name[i], PF_F32, pf_shape_of(0))));
    }
    pf_status st = compile(e, "solver", g, sum, &binds, &e->combine, err);
    pf__binds_free(&binds);
    pf_graph_destroy(&g);
    return st;
}

static size_t state_bytes(const pf__evaluator *e) {
    return (size_t)(e->d.batch * e->dim) * sizeof(float);
}

static size_t source_bytes(const pf__evaluator *e) {
    return (size_t)(e->d.batch * e->source) * sizeof(float);
}

static pf_status reserve(pf__evaluator *e, pf_error *err) {
    pf_context *c = e->d.context;
    const size_t bytes = state_bytes(e), source = source_bytes(e), both = bytes > source ? bytes : source;
    PF__TRY(pf__buffer_create(c, both, "samples", &e->x, err));
    PF__TRY(pf__buffer_create(c, both, "samples of a stage", &e->stage, err));
    PF__TRY(pf__buffer_create(c, bytes, "samples after a step", &e->out, err));
    for (int i = 0; e->solver && !adapts(e) && i < e->solver->stages; i++)
        PF__TRY(pf__buffer_create(c, bytes, "a solver's stage", &e->k[i], err));
    if (adapts(e)) PF__TRY(pf__buffer_create(c, (size_t)e->d.batch * sizeof(float), "times", &e->time, err));
    PF__TRY(pf__buffer_create(c, (size_t)e->d.batch * sizeof(int32_t), "labels", &e->label, err));
    PF__TRY(pf__buffer_create(c, PF__STEP_WORDS * sizeof(uint32_t), "step block", &e->block, err));
    e->host = calloc(1, both);
    e->host_label = calloc((size_t)e->d.batch, sizeof *e->host_label);
    e->evaluations = calloc((size_t)e->d.batch, sizeof *e->evaluations);
    return e->host && e->host_label && e->evaluations ? PF_OK : pf__fail_memory(err, "samples", bytes);
}

static pf_status evaluate_rows(void *user, pf_error *err) {
    pf__evaluator *e = user;
    return pf__plan_replay(e->evaluate, err);
}

static pf_status create_adaptive(pf__evaluator *e, pf_error *err) {
    pf__dopri5_desc desc = {
        .context = e->d.context,
        .state = state_shape(e),
        .rtol = e->d.sampling.rtol,
        .atol = e->d.sampling.atol,
        .x = e->x,
        .point = e->stage,
        .time = e->time,
        .velocity = e->out,
        .evaluate = evaluate_rows,
        .user = e,
    };
    return pf__dopri5_create(&e->adaptive, &desc, err);
}

pf_status pf__evaluator_create(pf__evaluator **out, const pf__evaluator_desc *d, pf_error *err) {
    *out = NULL;
    const pf__method *method = d->model->method;
    pf__evaluator *e = calloc(1, sizeof *e);
    if (!e) return pf__fail_memory(err, "evaluator", sizeof *e);
    e->d = *d;
    e->dim = pf_shape_count(&d->model->net.sample);
    e->source = pf_shape_count(&d->model->net.source);
    assert(e->source == e->dim || (method->evaluation == PF__EVALUATES_MAP && d->sampling.nfe == 1));
    if (method->evaluation == PF__EVALUATES_VELOCITY) {
        e->solver = pf__solver_find(d->sampling.solver);
        assert(e->solver && (adapts(e) || d->sampling.nfe % e->solver->stages == 0));
    }
    pf_status st = reserve(e, err);
    if (st == PF_OK) st = compile_network(e, "sample", method->evaluate, &e->evaluate, err);
    if (st == PF_OK && e->solver) st = adapts(e) ? create_adaptive(e, err) : compile_combine(e, err);
    if (st != PF_OK) {
        pf__evaluator_destroy(&e);
        return st;
    }
    *out = e;
    return PF_OK;
}

void pf__evaluator_destroy(pf__evaluator **evaluator) {
    pf__evaluator *e = *evaluator;
    if (!e) return;
    pf__dopri5_destroy(&e->adaptive);
    pf__plan_destroy(&e->evaluate);
    pf__plan_destroy(&e->combine);
    pf__plan_destroy(&e->velocity);
    pf__buffer **buffers[] = {&e->weights, &e->x,    &e->stage, &e->out,   &e->k[0], &e->k[1],
                              &e->k[2],    &e->k[3], &e->label, &e->block, &e->time};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++) pf__buffer_release(buffers[i]);
    free(e->host);
    free(e->host_label);
    free(e->evaluations);
    free(e);
    *evaluator = NULL;
}

pf__buffer *pf__evaluator_weights(pf__evaluator *e) {
    return e->weights;
}

void pf__evaluator_renew(pf__evaluator *e, uint64_t seed, uint64_t first) {
    e->seed = seed;
    e->first = first;
}

static pf_status write_block(pf__evaluator *e, const pf__step_block *block, pf_error *err) {
    uint32_t words[PF__STEP_WORDS] = {0};
    pf__step_pack(block, words);
    return pf__buffer_write(e->block, 0, words, sizeof words, true, err);
}

/* key and sample (of row 0): of the noise that the method draws. */
static pf_status evaluate_at(pf__evaluator *e, pf__plan *plan, double t, double r, uint64_t key,
                             uint64_t sample, pf_error *err) {
    pf__step_block block = {.seed = key, .first_sample = sample};
    block.t = (float)t, block.r = (float)r, block.h = (float)(t - r);
    PF__TRY(write_block(e, &block, err));
    return pf__plan_replay(plan, err);
}

/* e->out <- x + h sum of weights k */
static pf_status combine(pf__evaluator *e, const double *weights, double h, pf_error *err) {
    pf__step_block block = {0};
    float *c[FIXED_STAGES] = {&block.c0, &block.c1, &block.c2, &block.c3};
    for (int i = 0; i < e->solver->stages; i++) *c[i] = (float)(h * weights[i]);
    PF__TRY(write_block(e, &block, err));
    return pf__plan_replay(e->combine, err);
}

static pf_status solver_step(pf__evaluator *e, double t, double h, pf_error *err) {
    size_t bytes = state_bytes(e);
    PF__TRY(pf__buffer_copy(e->x, 0, e->stage, 0, bytes, err));
    for (int s = 0; s < e->solver->stages; s++) {
        if (s > 0) {
            PF__TRY(combine(e, e->solver->a[s], h, err));
            PF__TRY(pf__buffer_copy(e->out, 0, e->stage, 0, bytes, err));
        }
        double at = t + e->solver->c[s] * h;
        PF__TRY(evaluate_at(e, e->evaluate, at, at, 0, 0, err));
        PF__TRY(pf__buffer_copy(e->out, 0, e->k[s], 0, bytes, err));
    }
    PF__TRY(combine(e, e->solver->b, h, err));
    return pf__buffer_copy(e->out, 0, e->x, 0, bytes, err);
}

/* Each evaluation has noise of its own, and each sample, whatever the batch. */
static uint64_t key_of(const pf__evaluator *e, int evaluation) {
    const uint64_t both[2] = {e->seed, (uint64_t)evaluation};
    return pf__hash64(both, sizeof both, 0);
}

/* e->x from noise to samples. */
static pf_status walk(pf__evaluator *e, uint64_t sample, pf_error *err) {
    int nfe = e->d.sampling.nfe, steps = e->solver ? nfe / e->solver->stages : nfe;
    size_t bytes = state_bytes(e);
    for (int i = 0; i < steps; i++) {
        double t = (double)(steps - i) / steps, r = (double)(steps - i - 1) / steps;
        if (e->solver) {
            PF__TRY(solver_step(e, t, r - t, err));
            continue;
        }
        PF__TRY(pf__buffer_copy(e->x, 0, e->stage, 0, source_bytes(e), err));
        PF__TRY(evaluate_at(e, e->evaluate, t, r, key_of(e, i), sample, err));
        PF__TRY(pf__buffer_copy(e->out, 0, e->x, 0, bytes, err));
    }
    return PF_OK;
}

/* x [rows, source...]. Rows beyond `rows` are padding: zeros, and the null class. */
static pf_status upload(pf__evaluator *e, pf__buffer *to, const float *x, const int32_t *label, int64_t rows,
                        pf_error *err) {
    const size_t used = (size_t)(rows * e->source) * sizeof(float), all = source_bytes(e);
    memcpy(e->host, x, used);
    memset((char *)e->host + used, 0, all - used);
    PF__TRY(pf__buffer_write(to, 0, e->host, all, true, err));
    for (int64_t i = 0; i < e->d.batch; i++)
        e->host_label[i] = label && i < rows ? label[i] : e->d.model->net.class_count;
    return pf__buffer_write(e->label, 0, e->host_label, (size_t)e->d.batch * sizeof(int32_t), true, err);
}

/* The counts so far, of `done` samples, with another batch. */
static void count_batch(pf__evaluator *e, int64_t done, int64_t rows) {
    pf_sampler_counts *c = &e->counts;
    double sum = c->nfe * (double)done;
    for (int64_t i = 0; i < rows; i++) {
        const int n = adapts(e) ? e->evaluations[i] : e->d.sampling.nfe;
        sum += n;
        if (done + i == 0 || n < c->nfe_least) c->nfe_least = n;
        if (done + i == 0 || n > c->nfe_most) c->nfe_most = n;
    }
    c->nfe = sum / (double)(done + rows);
}

pf_status pf__evaluator_run(pf__evaluator *e, const float *noise, const int32_t *label, int64_t count,
                            float *x, pf_error *err) {
    e->counts = (pf_sampler_counts){0};
    for (int64_t first = 0; first < count; first += e->d.batch) {
        int64_t rows = count - first < e->d.batch ? count - first : e->d.batch;
        PF__TRY(upload(e, e->x, noise + first * e->source, label ? label + first : NULL, rows, err));
        uint64_t sample = e->first + (uint64_t)first;
        PF__TRY(e->adaptive ? pf__dopri5_run(e->adaptive, rows, sample, e->evaluations, err)
                            : walk(e, sample, err));
        PF__TRY(pf__buffer_read(e->x, 0, x + first * e->dim, (size_t)(rows * e->dim) * sizeof(float), err));
        count_batch(e, first, rows);
    }
    return PF_OK;
}

pf_sampler_counts pf__evaluator_count(const pf__evaluator *e) {
    return e->counts;
}

static pf_status write_times(pf__evaluator *e, double t, pf_error *err) {
    const float time = (float)t;
    uint32_t word;
    memcpy(&word, &time, sizeof word);
    return adapts(e) ? pf__buffer_fill(e->time, 0, pf__buffer_bytes(e->time), word, err) : PF_OK;
}

/* Not a map, and not a velocity that is guided. */
static bool integrates_velocity(const pf__evaluator *e) {
    const pf__config *config = e->d.model->config;
    if (!e->solver) return false;
    return !pf__config_has(config, "sample.guidance") || pf__config_real(config, "sample.guidance") == 1;
}

pf_status pf__evaluator_velocity(pf__evaluator *e, const float *x, double t, const int32_t *label,
                                 int64_t count, float *v, pf_error *err) {
    pf__plan *plan = e->evaluate;
    if (!integrates_velocity(e)) {
        if (!e->velocity)
            PF__TRY(compile_network(e, "velocity", e->d.model->method->velocity, &e->velocity, err));
        plan = e->velocity;
    }
    for (int64_t first = 0; first < count; first += e->d.batch) {
        int64_t rows = count - first < e->d.batch ? count - first : e->d.batch;
        PF__TRY(upload(e, e->stage, x + first * e->dim, label ? label + first : NULL, rows, err));
        PF__TRY(write_times(e, t, err));
        PF__TRY(evaluate_at(e, plan, t, t, 0, 0, err));
        PF__TRY(pf__buffer_read(e->out, 0, v + first * e->dim, (size_t)(rows * e->dim) * sizeof(float), err));
    }
    return PF_OK;
}
