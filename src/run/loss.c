/* SPDX-License-Identifier: MIT
 * The graph of a training step up to the gradients:
 *
 *   raw batch -> raw * scale + shift -> method's loss -> vjp with respect to every parameter
 *                                                     -> metrics = [loss, the method's own ...] */
#include "methods/guidance.h"
#include "run/run.h"
#include <stdlib.h>
#include <string.h>

static pf_shape batched(int64_t batch, const pf_shape *sample) {
    pf_shape shape = {.rank = sample->rank + 1};
    shape.dim[0] = batch;
    memcpy(shape.dim + 1, sample->dim, (size_t)sample->rank * sizeof *sample->dim);
    return shape;
}

static pf_value standardised(pf_graph *g, const pf__loss_desc *d) {
    pf_shape row = pf_shape_of(1, (int)d->scaling->count);
    pf_value x = pf_input(g, "data/x", d->data->dtype, batched(d->batch, &d->data->sample));
    if (d->data->dtype != PF_F32) x = pf_cast(g, x, PF_F32);
    pf_value scale = pf_input(g, "data/scale", PF_F32, row), shift = pf_input(g, "data/shift", PF_F32, row);
    return pf_add(g, pf_mul(g, x, scale), shift);
}

float *pf__loss_affine(const pf__loss_desc *d, pf_error *err) {
    int64_t n = d->scaling->count;
    float *rows = malloc((size_t)n * 2 * sizeof *rows);
    if (!rows) {
        pf__fail_memory(err, "scale and shift", (unsigned long long)n * 8);
        return NULL;
    }
    for (int64_t i = 0; i < n; i++) {
        rows[i] = (float)(d->data->scale_factor / d->scaling->deviation[i]);
        rows[n + i] = (float)((d->data->add_offset - d->scaling->mean[i]) / d->scaling->deviation[i]);
    }
    return rows;
}

static pf_value as_vector(pf_graph *g, pf_value scalar) {
    pf_shape one = pf_shape_of(1, 1);
    return scalar ? pf_reshape(g, scalar, one) : pf_constant(g, 0.0, one);
}

static void gather_metrics(pf__loss *l, pf_value loss, const pf__metrics *m) {
    pf_value parts[PF__METRICS_MAX + 1];
    l->metric_name[0] = "loss";
    parts[0] = as_vector(l->g, loss);
    for (int i = 0; i < m->count; i++) {
        l->metric_name[i + 1] = m->name[i];
        parts[i + 1] = as_vector(l->g, m->value[i]);
    }
    l->metric_count = m->count + 1;
    l->metrics = l->metric_count > 1 ? pf_concat(l->g, parts, l->metric_count, 0) : parts[0];
}

static pf_status differentiate(pf__loss *l, const pf__params *params, pf_value loss, pf_error *err) {
    size_t n = (size_t)params->count;
    pf_value *x = calloc(n + 1, sizeof *x);
    l->gradient = calloc(n + 1, sizeof *l->gradient);
    if (!x || !l->gradient) {
        free(x);
        return pf__fail_memory(err, "gradients", n * sizeof *x);
    }
    for (size_t i = 0; i < n; i++)
        x[i] = pf_parameter(l->g, PF__STUDENT, params->list[i].path, params->list[i].shape);
    pf_value one = pf_constant(l->g, 1.0, pf_value_shape(l->g, loss));
    pf_vjp(l->g, &loss, &one, 1, x, params->count, l->gradient);
    free(x);
    return pf_graph_check(l->g, err);
}

/* Merges views, constant factors and the like once every derivative has been taken. */
static pf_status simplify(pf__loss *l, int gradients, pf_error *err) {
    pf_value *all = calloc((size_t)gradients + 1, sizeof *all);
    if (!all) return pf__fail_memory(err, "gradients", (unsigned long long)gradients * sizeof *all);
    all[0] = l->metrics;
    for (int i = 0; i < gradients; i++) all[i + 1] = l->gradient[i];
    pf__simplify(l->g, all, gradients + 1);
    l->metrics = all[0];
    for (int i = 0; i < gradients; i++) l->gradient[i] = all[i + 1];
    free(all);
    return pf_graph_check(l->g, err);
}

static pf_value labels(pf_graph *g, const pf__loss_desc *d) {
    const double drop = pf__config_real(d->model->config, "data.label_drop");
    pf_value label = pf_input(g, "data/y", PF_I32, pf_shape_of(1, (int)d->batch));
    return drop > 0 ? pf__guidance_drop(g, label, d->model->net.class_count, drop) : label;
}

pf_status pf__loss_build(pf__loss *l, const pf__loss_desc *d, pf_error *err) {
    *l = (pf__loss){0};
    PF__TRY(pf_graph_create(&l->g, err));
    pf__method_ctx ctx = {
        .g = l->g,
        .config = d->model->config,
        .net = &d->model->net,
        .params = &d->model->params,
        .group = PF__STUDENT,
        .target = PF__TARGET,
        .batch = d->batch,
        .data = standardised(l->g, d),
        .teacher_velocity = d->teacher_velocity,
        .teacher = d->teacher,
    };
    if (d->model->net.class_count) ctx.label = labels(l->g, d);
    pf_value loss = 0;
    pf__metrics metrics = {0};
    pf_status st = PF_OK;
    if (d->model->needs.teacher && !d->teacher_velocity)
        st = pf__fail(err, PF_USAGE, "%s learns from a teacher, and there is none", d->model->method->name);
    if (st == PF_OK) d->model->method->loss(&ctx, &loss, &metrics);
    if (st == PF_OK) st = pf_graph_check(l->g, err);
    if (st == PF_OK && !loss)
        st = pf__fail(err, PF_USAGE, "the loss of %s is identically zero", d->model->method->name);
    if (st == PF_OK) {
        gather_metrics(l, loss, &metrics);
        st = differentiate(l, &d->model->params, loss, err);
    }
    if (st == PF_OK) st = simplify(l, d->model->params.count, err);
    if (st != PF_OK) pf__loss_free(l);
    return st;
}

void pf__loss_free(pf__loss *l) {
    pf_graph_destroy(&l->g);
    free(l->gradient);
    *l = (pf__loss){0};
}
