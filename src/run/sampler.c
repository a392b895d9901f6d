/* SPDX-License-Identifier: MIT
 * The public sampler: a checkpoint's configuration, network and weights behind an evaluator. */
#include "base/philox.h"
#include "base/text.h"
#include "run/probe.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pf_sampler {
    pf_context *context;
    pf_config *config; /* of the checkpoint */
    pf__model model;
    pf__evaluator *evaluator;
    pf__scaling scaling;
    pf__sampling sampling;
    pf_sampler_info info;
};

/* The asked guidance in place of sample.guidance; the method says whether it can be. */
static pf_status set_guidance(pf_sampler *s, const char *path, double guidance, pf_error *err) {
    char origin[512];
    pf__text pair = {0};
    snprintf(origin, sizeof origin, "%.400s: guidance %g", path, guidance);
    if (!pf__config_has(s->config->raw, "sample.guidance"))
        return pf__hint(err,
                        pf__fail(err, PF_USAGE, "%s: samples of %s are guided by nothing but training",
                                 origin, s->config->method->name),
                        "flow is guided in sampling; meanflow and pixelmeanflow learn it, by method.omega");
    pf__text_format(&pair, "sample.guidance=%.17g", guidance); /* a decimal point in every locale */
    pf_status st = pair.failed ? pf__fail_memory(err, "the guidance's text", 64)
                               : pf_config_set(s->config, pf__text_string(&pair), origin, err);
    pf__text_free(&pair);
    return st == PF_OK ? pf_config_resolve(s->config, err) : st;
}

static pf_status load_config(pf_sampler *s, const pf_sampler_desc *d, pf_error *err) {
    const char *path = pf_checkpoint_describe(d->checkpoint)->path;
    PF__TRY(pf_config_create(&s->config, err));
    PF__TRY(pf_config_read_text(s->config, pf_checkpoint_config(d->checkpoint), path, err));
    PF__TRY(pf_config_resolve(s->config, err));
    return d->guidance == 0 ? PF_OK : set_guidance(s, path, d->guidance, err);
}

static double guidance_of(const pf__config *config) {
    if (pf__config_has(config, "sample.guidance")) return pf__config_real(config, "sample.guidance");
    if (!pf__config_has(config, "method.omega")) return 1;
    return pf__config_real(config, "method.omega") / (1 - pf__config_real(config, "method.kappa"));
}

static pf_status copy_scaling(pf_sampler *s, const pf_checkpoint *c, pf_error *err) {
    const double *mean, *deviation;
    int64_t count;
    pf_checkpoint_scaling(c, &mean, &deviation, &count);
    PF__TRY(pf__scaling_reserve(&s->scaling, count, err));
    memcpy(s->scaling.mean, mean, (size_t)count * sizeof *mean);
    memcpy(s->scaling.deviation, deviation, (size_t)count * sizeof *deviation);
    return PF_OK;
}

/* The asked name, or that of the configuration, or the longest rate. */
static pf_status choose_weights(pf_sampler *s, const pf_checkpoint_info *c, const char *asked,
                                pf_error *err) {
    if (!asked || !*asked) asked = pf__config_text(s->config->raw, "sample.ema");
    return pf__checkpoint_weights(c, asked, s->info.weights, err);
}

static pf_status load_weights(pf_sampler *s, pf_checkpoint *c, pf_error *err) {
    char group[64];
    bool none = strcmp(s->info.weights, "none") == 0;
    snprintf(group, sizeof group, none ? "/model" : "/ema/%s", s->info.weights);
    size_t bytes = (size_t)s->model.params.flat_count * sizeof(float);
    float *flat = malloc(bytes);
    if (!flat) return pf__fail_memory(err, "parameters", bytes);
    pf_status st = PF_OK;
    if (strcmp(s->info.weights, "initial") == 0)
        pf__params_initialise(&s->model.params, (uint64_t)pf__config_int(s->config->raw, "train.seed"), flat);
    else
        st = pf__checkpoint_read_flat(c, group, &s->model.params, flat, err);
    if (st == PF_OK) st = pf__buffer_write(pf__evaluator_weights(s->evaluator), 0, flat, bytes, true, err);
    free(flat);
    return st;
}

static pf_status describe(pf_sampler *s, const pf_sampler_desc *d, pf_error *err) {
    const pf_checkpoint_info *c = pf_checkpoint_describe(d->checkpoint);
    const pf__config *config = s->config->raw;
    pf_sampler_info *i = &s->info;
    const pf__sampling asked = {.nfe = d->nfe, .solver = d->solver, .rtol = d->rtol, .atol = d->atol};
    PF__TRY(choose_weights(s, c, d->weights, err));
    PF__TRY(pf__sampling_plan(s->config->method, config, &asked, &s->sampling, err));
    snprintf(i->solver, sizeof i->solver, "%s", s->sampling.solver);
    i->nfe = s->sampling.nfe;
    i->rtol = s->sampling.rtol;
    i->atol = s->sampling.atol;
    snprintf(i->method, sizeof i->method, "%s", s->config->method->name);
    i->knows_velocity = s->config->method->velocity != NULL;
    i->paired = s->config->method->needs(config).noise != PF__NOISE_INDEPENDENT;
    i->dim = c->dim;
    i->sample = c->sample;
    i->step = c->step;
    i->class_count = c->class_count;
    i->batch = d->batch > 0 ? d->batch : pf__config_int(config, "sample.batch");
    i->seed = (uint64_t)pf__config_int(config, "sample.seed");
    i->count = pf__config_int(config, "sample.count");
    i->is_u8 = c->is_u8;
    i->scale_factor = c->scale_factor;
    i->add_offset = c->add_offset;
    i->guidance = guidance_of(config);
    return PF_OK;
}

static pf_status assemble(pf_sampler *s, const pf_sampler_desc *d, pf_error *err) {
    PF__TRY(load_config(s, d, err));
    PF__TRY(describe(s, d, err));
    PF__TRY(copy_scaling(s, d->checkpoint, err));
    PF__TRY(pf__model_create(&s->model, s->config, &s->info.sample, s->info.class_count, err));
    s->info.noise_dim = pf_shape_count(&s->model.net.source);
    pf__evaluator_desc desc = {
        .context = d->context,
        .model = &s->model,
        .batch = s->info.batch,
        .sampling = s->sampling,
        .matmul = pf__config_text(s->config->raw, "runtime.matmul"),
    };
    PF__TRY(pf__evaluator_create(&s->evaluator, &desc, err));
    pf__evaluator_renew(s->evaluator, s->info.seed, 0);
    return load_weights(s, d->checkpoint, err);
}

pf_status pf_sampler_create(pf_sampler **out, const pf_sampler_desc *desc, pf_error *error) {
    assert(desc->context && desc->checkpoint);
    *out = NULL;
    pf_sampler *s = calloc(1, sizeof *s);
    if (!s) return pf__fail_memory(error, "sampler", sizeof *s);
    s->context = desc->context;
    pf_status st = assemble(s, desc, error);
    if (st != PF_OK) {
        pf_sampler_destroy(&s);
        return st;
    }
    *out = s;
    return PF_OK;
}

void pf_sampler_destroy(pf_sampler **sampler) {
    if (!sampler || !*sampler) return;
    pf_sampler *s = *sampler;
    pf__evaluator_destroy(&s->evaluator);
    pf__model_free(&s->model);
    pf__scaling_free(&s->scaling);
    pf_config_destroy(&s->config);
    free(s);
    *sampler = NULL;
}

const pf_sampler_info *pf_sampler_describe(const pf_sampler *sampler) {
    return &sampler->info;
}

void pf_sampler_noise(const pf_sampler *sampler, uint64_t seed, uint64_t first, int64_t count, float *noise) {
    uint32_t stream = pf__stream("noise/sample");
    const int64_t dim = sampler->info.noise_dim;
    for (int64_t i = 0; i < count; i++)
        for (int64_t k = 0; k < dim; k++)
            noise[i * dim + k] = (float)pf__random_normal(seed, stream, first + (uint64_t)i, (uint32_t)k);
}

void pf_sampler_renew(pf_sampler *sampler, uint64_t seed, uint64_t first) {
    pf__evaluator_renew(sampler->evaluator, seed, first);
}

static pf_status check_labels(const pf_sampler *s, const int32_t *label, int64_t count, pf_error *err) {
    for (int64_t i = 0; label && s->info.class_count && i < count; i++)
        if (label[i] < 0 || label[i] > s->info.class_count)
            return pf__fail(err, PF_USAGE, "label %d is none of the %d classes", label[i],
                            s->info.class_count);
    return PF_OK;
}

pf_status pf_sampler_run(pf_sampler *sampler, const float *noise, const int32_t *label, int64_t count,
                         float *x, pf_error *error) {
    PF__TRY(check_labels(sampler, label, count, error));
    PF__TRY(pf__evaluator_run(sampler->evaluator, noise, label, count, x, error));
    pf__scaling_undo(&sampler->scaling, x, count, sampler->info.dim);
    return PF_OK;
}

pf_sampler_counts pf_sampler_count(const pf_sampler *sampler) {
    return pf__evaluator_count(sampler->evaluator);
}

pf_status pf_sampler_velocity(pf_sampler *sampler, const float *x, double t, const int32_t *label,
                              int64_t count, float *v, pf_error *error) {
    PF__TRY(check_labels(sampler, label, count, error));
    if (!sampler->info.knows_velocity)
        return pf__hint(error, pf__fail(error, PF_USAGE, "%s knows no velocity", sampler->info.method),
                        "flow, meanflow and pixelmeanflow do");
    return pf__evaluator_velocity(sampler->evaluator, x, t, label, count, v, error);
}

void pf_sampler_standardise(const pf_sampler *sampler, int64_t count, float *x) {
    pf__scaling_apply(&sampler->scaling, x, count, sampler->info.dim);
}

pf__sampler_parts pf__sampler_inside(pf_sampler *sampler) {
    return (pf__sampler_parts){
        .context = sampler->context,
        .model = &sampler->model,
        .weights = pf__evaluator_weights(sampler->evaluator),
        .scaling = &sampler->scaling,
        .matmul = pf__config_text(sampler->config->raw, "runtime.matmul"),
    };
}
