/* SPDX-License-Identifier: MIT
 * Reading fixtures (JSON by cJSON) and building their graphs. */
#include "fixture.h"
#include "base/file.h"
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const fixture_names[] = {"flow-uniform",
                                     "flow-logit-normal",
                                     "flow-label-residual",
                                     "flow-image",
                                     "meanflow-u-p0",
                                     "meanflow-u-p075",
                                     "meanflow-u-p1",
                                     "meanflow-x",
                                     "meanflow-x-image",
                                     "meanflow-x-gate",
                                     "meanflow-improved-u",
                                     "meanflow-improved-u-x",
                                     "meanflow-improved-head",
                                     "meanflow-taught-x",
                                     "meanflow-full",
                                     "meanflow-full-x",
                                     "meanflow-map",
                                     "meanflow-guided",
                                     "pixelmeanflow-head",
                                     "pixelmeanflow-image",
                                     "pixelmeanflow-velocity",
                                     "pixelmeanflow-guided",
                                     "consistency-ict",
                                     "consistency-uniform",
                                     "consistency-ema-edm",
                                     "consistency-ect",
                                     "consistency-free",
                                     "consistency-distil-euler",
                                     "consistency-distil-heun",
                                     "continuous-full",
                                     "continuous-full-gate",
                                     "continuous-stopgrad",
                                     "continuous-stopgrad-taught",
                                     "continuous-trig",
                                     "continuous-trig-taught",
                                     "continuous-trig-adaptive",
                                     "drifting-two-sided",
                                     "drifting-one-sided",
                                     "drifting-gauss-groups",
                                     "drifting-authors",
                                     "drifting-labels",
                                     "drifting-labels-one-sided",
                                     NULL};

static pf_shape shape_of(const cJSON *list) {
    pf_shape shape = {0};
    const cJSON *item;
    cJSON_ArrayForEach(item, list) {
        if (shape.rank < PF_RANK_MAX) shape.dim[shape.rank++] = (int64_t)item->valuedouble;
    }
    return shape;
}

static pf_status read_tensor(fixture_tensor *t, const char *prefix, const char *name, const cJSON *json,
                             pf_error *err) {
    const cJSON *data = cJSON_GetObjectItemCaseSensitive(json, "data"), *item;
    snprintf(t->name, sizeof t->name, "%s%s", prefix, name);
    t->shape = shape_of(cJSON_GetObjectItemCaseSensitive(json, "shape"));
    t->count = pf_shape_count(&t->shape);
    if (t->count != cJSON_GetArraySize(data))
        return pf__fail(err, PF_DATA, "fixture: %s: wrong size", t->name);
    t->data = malloc((size_t)t->count * sizeof *t->data);
    if (!t->data) return pf__fail_memory(err, t->name, (unsigned long long)t->count * sizeof *t->data);
    int64_t i = 0;
    cJSON_ArrayForEach(item, data) t->data[i++] = item->valuedouble;
    return PF_OK;
}

static pf_status read_tensors(fixture_tensor *list, int *count, const char *prefix, const cJSON *json,
                              pf_error *err) {
    const cJSON *item;
    cJSON_ArrayForEach(item, json) {
        if (*count == FIXTURE_TENSORS_MAX) return pf__fail(err, PF_DATA, "fixture: too many tensors");
        PF__TRY(read_tensor(&list[(*count)++], prefix, item->string, item, err));
    }
    return PF_OK;
}

/* What guidance asks of [data]. */
static const pf__option data_options[] = {
    {"data", "labels", PF__OPTION_BOOL, NULL, 0, 0, "false", NULL, NULL, "", NULL},
    {"data", "label_drop", PF__OPTION_REAL, NULL, 0, 1, "0", NULL, NULL, "", NULL},
    {0},
};

static pf_status set_options(pf__config **config, const cJSON *options, pf_error *err) {
    PF__TRY(pf__config_create(config, err));
    const cJSON *section, *item;
    cJSON_ArrayForEach(section, options) {
        cJSON_ArrayForEach(item, section) {
            char text[256];
            snprintf(text, sizeof text, "%s.%s=%s", section->string, item->string, item->valuestring);
            PF__TRY(pf__config_set(*config, text, "fixture", err));
        }
    }
    PF__TRY(pf__config_add_table(*config, data_options, err));
    return pf__config_add_table(*config, pf__model_options, err);
}

static pf_status configure(fixture *f, const cJSON *options, pf_error *err) {
    PF__TRY(set_options(&f->config, options, err));
    PF__TRY(pf__config_add_table(f->config, f->method->options, err));
    PF__TRY(pf__config_resolve(f->config, err));
    return f->method->check(f->config, err);
}

static pf_status read_expected(fixture *f, const cJSON *json, pf_error *err) {
    const cJSON *item, *sampler = cJSON_GetObjectItemCaseSensitive(json, "sampler");
    f->loss = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(json, "loss"));
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(json, "metrics")) {
        if (f->metric_count == PF__METRICS_MAX) return pf__fail(err, PF_DATA, "fixture: too many metrics");
        snprintf(f->metric_name[f->metric_count], FIXTURE_NAME_MAX, "%s", item->string);
        f->metric[f->metric_count++] = item->valuedouble;
    }
    f->t = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(sampler, "t"));
    f->r = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(sampler, "r"));
    PF__TRY(read_tensor(&f->evaluate, "", "evaluate", cJSON_GetObjectItemCaseSensitive(sampler, "evaluate"),
                        err));
    if ((item = cJSON_GetObjectItemCaseSensitive(sampler, "velocity")) != NULL)
        PF__TRY(read_tensor(&f->velocity, "", "velocity", item, err));
    return read_tensors(f->gradient, &f->gradient_count, "",
                        cJSON_GetObjectItemCaseSensitive(json, "gradients"), err);
}

static pf_status read_fixture(fixture *f, const cJSON *json, pf_error *err) {
    const char *method = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "method"));
    f->method = method ? pf__method_find(method) : NULL;
    if (!f->method) return pf__fail(err, PF_DATA, "fixture %s: unknown method", f->name);
    PF__TRY(configure(f, cJSON_GetObjectItemCaseSensitive(json, "options"), err));
    PF__TRY(
        read_tensors(f->given, &f->given_count, "", cJSON_GetObjectItemCaseSensitive(json, "given"), err));
    PF__TRY(read_tensors(f->given, &f->given_count,
                         "student:", cJSON_GetObjectItemCaseSensitive(json, "parameters"), err));
    PF__TRY(read_tensors(f->given, &f->given_count,
                         "target:", cJSON_GetObjectItemCaseSensitive(json, "target"), err));
    PF__TRY(read_tensors(f->given, &f->given_count,
                         "teacher:", cJSON_GetObjectItemCaseSensitive(json, "teacher"), err));
    PF__TRY(read_expected(f, json, err));
    pf_shape sample = shape_of(cJSON_GetObjectItemCaseSensitive(json, "sample"));
    int classes = (int)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(json, "classes"));
    f->batch = (int64_t)cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(json, "batch"));
    pf__needs needs = f->method->needs(f->config), flow = {.condition_count = 1, .head_count = 1};
    const cJSON *teacher = cJSON_GetObjectItemCaseSensitive(json, "teacher_options");
    if (teacher) {
        PF__TRY(set_options(&f->teacher_config, teacher, err));
        PF__TRY(pf__config_resolve(f->teacher_config, err));
        PF__TRY(pf__net_create(&f->teacher, f->teacher_config, &sample, classes, &flow, err));
    }
    return pf__net_create(&f->net, f->config, &sample, classes, &needs, err);
}

pf_status fixture_load(fixture *f, const char *name, pf_error *err) {
    *f = (fixture){0};
    snprintf(f->name, sizeof f->name, "%s", name);
    char path[1024], *text;
    size_t length;
    snprintf(path, sizeof path, "%s/tests/oracle/%s.json", PF_SOURCE_DIR, name);
    PF__TRY(pf__file_read(path, &text, &length, err));
    cJSON *json = cJSON_ParseWithLength(text, length);
    pf_status st = json ? read_fixture(f, json, err) : pf__fail(err, PF_DATA, "%s: not JSON", path);
    cJSON_Delete(json);
    free(text);
    return st;
}

void fixture_free(fixture *f) {
    for (int i = 0; i < f->given_count; i++) free(f->given[i].data);
    for (int i = 0; i < f->gradient_count; i++) free(f->gradient[i].data);
    free(f->evaluate.data);
    free(f->velocity.data);
    pf__params_free(&f->params);
    pf__params_free(&f->teacher_params);
    pf__config_destroy(&f->config);
    pf__config_destroy(&f->teacher_config);
    *f = (fixture){0};
}

const fixture_tensor *fixture_given(const fixture *f, const char *name) {
    for (int i = 0; i < f->given_count; i++)
        if (strcmp(f->given[i].name, name) == 0) return &f->given[i];
    return NULL;
}

static pf_value teach(void *user, pf_graph *g, pf_value x, pf_value t, pf_value label) {
    fixture *f = user;
    pf_value v = 0;
    f->teacher.apply(&f->teacher, g, &f->teacher_params, "teacher", x, &t, label, PF__MODE_SAMPLE, &v);
    return v;
}

static pf__method_ctx context_of(fixture *f, pf_graph *g) {
    pf__method_ctx ctx = {
        .g = g, .config = f->config, .net = &f->net, .params = &f->params, .group = "student"};
    ctx.target = "target";
    ctx.teacher_velocity = teach;
    ctx.teacher = f;
    ctx.batch = f->batch;
    const fixture_tensor *label = fixture_given(f, "label");
    if (label) ctx.label = pf_input(g, "label", PF_I32, label->shape);
    return ctx;
}

pf_status fixture_build_loss(fixture *f, pf_graph *g, pf_value *loss, pf__metrics *metrics,
                             pf_value *gradient, pf_error *err) {
    pf__method_ctx ctx = context_of(f, g);
    pf__metrics ignored;
    ctx.data = pf_input(g, "data", PF_F32, fixture_given(f, "data")->shape);
    f->method->loss(&ctx, loss, metrics ? metrics : &ignored);
    PF__TRY(pf_graph_check(g, err));
    if (!gradient) return PF_OK;
    pf_value parameter[FIXTURE_TENSORS_MAX], one = pf_constant(g, 1.0, pf_shape_of(0));
    for (int i = 0; i < f->gradient_count; i++)
        parameter[i] = pf_parameter(g, "student", f->gradient[i].name, f->gradient[i].shape);
    pf_vjp(g, loss, &one, 1, parameter, f->gradient_count, gradient);
    return pf_graph_check(g, err);
}

pf_status fixture_build_sampler(fixture *f, pf_graph *g, pf_value *evaluate, pf_value *velocity,
                                pf_error *err) {
    pf__method_ctx ctx = context_of(f, g);
    ctx.x = pf_input(g, "x", PF_F32, fixture_given(f, "noise")->shape);
    ctx.t = pf_input(g, "step/t", PF_F32, pf_shape_of(0));
    ctx.r = pf_input(g, "step/r", PF_F32, pf_shape_of(0));
    f->method->evaluate(&ctx, evaluate);
    *velocity = 0;
    if (f->method->velocity) f->method->velocity(&ctx, velocity);
    return pf_graph_check(g, err);
}

double fixture_distance(const double *got, const double *expected, int64_t count) {
    double difference = 0.0, norm = 0.0;
    for (int64_t i = 0; i < count; i++) {
        difference += (got[i] - expected[i]) * (got[i] - expected[i]);
        norm += expected[i] * expected[i];
    }
    return sqrt(difference) / (norm > 0.0 ? sqrt(norm) : 1.0);
}
