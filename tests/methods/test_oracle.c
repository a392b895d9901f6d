/* SPDX-License-Identifier: MIT
 * Loss, metrics, gradients and sampler of the methods against the JAX fixtures of tests/oracle/. */
#include "check.h"
#include "fixture.h"

#define TOLERANCE   1e-10
#define OUTPUTS_MAX (1 + PF__METRICS_MAX + FIXTURE_TENSORS_MAX)

static int bindings_of(const fixture *f, pf_binding *bindings) {
    int count = 0;
    for (int i = 0; i < f->given_count; i++)
        bindings[count++] = (pf_binding){f->given[i].name, f->given[i].data};
    return count;
}

static void check_metrics(const fixture *f, const pf__metrics *metrics, double *const *out) {
    CHECK_INT(metrics->count, f->metric_count);
    for (int k = 0; k < f->metric_count; k++) {
        int i = 0;
        while (i < metrics->count && strcmp(metrics->name[i], f->metric_name[k]) != 0) i++;
        CU_ASSERT(i < metrics->count);
        if (i < metrics->count) CHECK_NEAR(*out[i], f->metric[k], TOLERANCE);
    }
}

static void check_gradients(const fixture *f, double *const *out) {
    for (int i = 0; i < f->gradient_count; i++) {
        double distance = fixture_distance(out[i], f->gradient[i].data, f->gradient[i].count);
        if (!(distance <= TOLERANCE))
            fprintf(stderr, "%s: gradient of %s is off by %g\n", f->name, f->gradient[i].name, distance);
        CU_ASSERT(distance <= TOLERANCE);
    }
}

static void check_loss(fixture *f) {
    pf_error err = {0};
    pf_graph *g = NULL;
    pf__metrics metrics = {0};
    pf_value output[OUTPUTS_MAX] = {0}, gradient[FIXTURE_TENSORS_MAX] = {0};
    double *out[OUTPUTS_MAX] = {0}, scalars[1 + PF__METRICS_MAX] = {0};
    CHECK_OK(pf_graph_create(&g, &err), err);
    pf_status st = fixture_build_loss(f, g, &output[0], &metrics, gradient, &err);
    CHECK_OK(st, err);
    CHECK_INT(f->params.count, f->gradient_count);
    int first = 1 + metrics.count, count = first + f->gradient_count;
    for (int i = 0; i < first; i++) out[i] = &scalars[i];
    for (int i = 0; i < metrics.count; i++) output[1 + i] = metrics.value[i];
    for (int i = 0; i < f->gradient_count; i++) {
        output[first + i] = gradient[i];
        out[first + i] = calloc((size_t)f->gradient[i].count, sizeof **out);
    }
    pf_binding bindings[FIXTURE_TENSORS_MAX];
    int bound = bindings_of(f, bindings);
    if (st == PF_OK) {
        CHECK_OK(pf_interpret(g, output, count, bindings, bound, 1, 0, out, &err), err);
        CHECK_NEAR(scalars[0], f->loss, TOLERANCE);
        check_metrics(f, &metrics, out + 1);
        check_gradients(f, out + first);
    }
    for (int i = 0; i < f->gradient_count; i++) free(out[first + i]);
    pf_graph_destroy(&g);
}

static void check_sampler(fixture *f) {
    pf_error err = {0};
    pf_graph *g = NULL;
    pf_value output[2] = {0};
    CHECK_OK(pf_graph_create(&g, &err), err);
    pf_status st = fixture_build_sampler(f, g, &output[0], &output[1], &err);
    CHECK_OK(st, err);
    pf_binding bindings[FIXTURE_TENSORS_MAX + 3];
    int bound = bindings_of(f, bindings);
    bindings[bound++] = (pf_binding){"x", fixture_given(f, "noise")->data};
    bindings[bound++] = (pf_binding){"step/t", &f->t};
    bindings[bound++] = (pf_binding){"step/r", &f->r};
    int64_t count = f->evaluate.count;
    double *out[2] = {calloc((size_t)count, sizeof **out), calloc((size_t)count, sizeof **out)};
    if (st == PF_OK) {
        CHECK_OK(pf_interpret(g, output, 2, bindings, bound, 1, 0, out, &err), err);
        CU_ASSERT(fixture_distance(out[0], f->evaluate.data, count) <= TOLERANCE);
        if (f->method->velocity) CU_ASSERT(fixture_distance(out[1], f->velocity.data, count) <= TOLERANCE);
    }
    free(out[0]);
    free(out[1]);
    pf_graph_destroy(&g);
}

static void each_fixture(void (*check)(fixture *f)) {
    for (int i = 0; fixture_names[i]; i++) {
        pf_error err = {0};
        fixture f;
        pf_status st = fixture_load(&f, fixture_names[i], &err);
        CHECK_OK(st, err);
        if (st == PF_OK) check(&f);
        fixture_free(&f);
    }
}

static void test_loss(void) {
    each_fixture(check_loss);
}

static void test_sampler(void) {
    each_fixture(check_sampler);
}

void test_oracle_suite(void) {
    CU_pSuite suite = CU_add_suite("oracle", NULL, NULL);
    CU_add_test(suite, "loss, metrics and gradients equal JAX's", test_loss);
    CU_add_test(suite, "evaluate and velocity equal JAX's", test_sampler);
}
