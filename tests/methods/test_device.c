/* SPDX-License-Identifier: MIT
 * The oracle's fixtures through a plan on the device: loss, metrics, every parameter gradient, one evaluation
 * and the velocity, in fp32, with each back end of the products. */
#include "check.h"
#include "fixture.h"
#include "plan/harness.h"

void test_device_suite(void);

enum { OUTPUTS = FIXTURE_TENSORS_MAX + PF__METRICS_MAX + 1 };

static int bindings_of(const fixture *f, pf_binding *b) {
    for (int i = 0; i < f->given_count; i++) b[i] = (pf_binding){f->given[i].name, f->given[i].data};
    return f->given_count;
}

static void check_loss(fixture *f, const char *matmul) {
    pf_error err = {0};
    pf_graph *g = NULL;
    pf_value outputs[OUTPUTS], gradient[FIXTURE_TENSORS_MAX];
    pf_binding b[FIXTURE_TENSORS_MAX];
    pf__metrics metrics = {0};
    int count = 1;
    CHECK_OK(pf_graph_create(&g, &err), err);
    CHECK_OK(fixture_build_loss(f, g, &outputs[0], &metrics, gradient, &err), err);
    for (int i = 0; i < metrics.count; i++)
        if (metrics.value[i]) outputs[count++] = metrics.value[i];
    for (int i = 0; i < f->gradient_count; i++) outputs[count++] = gradient[i];
    CHECK_OK(pf__simplify(g, outputs, count), err);
    const double e = compare_with(g, outputs, count, 3, b, bindings_of(f, b), matmul, NULL);
    if (!(e <= 1e-4)) fprintf(stderr, "%s by %s: relative error %.3g\n", f->name, matmul, e);
    CU_ASSERT(e <= 1e-4);
    pf_graph_destroy(&g);
}

static void check_sampler(fixture *f, const char *matmul) {
    pf_error err = {0};
    pf_graph *g = NULL;
    pf_value outputs[2];
    pf_binding b[FIXTURE_TENSORS_MAX + 3];
    const fixture_tensor *noise = fixture_given(f, "noise");
    int count = bindings_of(f, b);
    b[count++] = (pf_binding){"x", noise->data};
    b[count++] = (pf_binding){"step/t", &f->t};
    b[count++] = (pf_binding){"step/r", &f->r};
    CHECK_OK(pf_graph_create(&g, &err), err);
    CHECK_OK(fixture_build_sampler(f, g, &outputs[0], &outputs[1], &err), err);
    const double e = compare_with(g, outputs, outputs[1] ? 2 : 1, 3, b, count, matmul, NULL);
    if (!(e <= 1e-5)) fprintf(stderr, "%s by %s, sampler: relative error %.3g\n", f->name, matmul, e);
    CU_ASSERT(e <= 1e-5);
    pf_graph_destroy(&g);
}

static void check_all(const char *matmul) {
    for (int i = 0; fixture_names[i]; i++) {
        fixture f = {0};
        pf_error err = {0};
        CHECK_OK(fixture_load(&f, fixture_names[i], &err), err);
        check_loss(&f, matmul);
        check_sampler(&f, matmul);
        fixture_free(&f);
    }
}

static void test_auto(void) {
    check_all("auto");
}

static void test_generic(void) {
    check_all("generic");
}

static void test_clblast(void) {
    check_all("clblast");
}

void test_device_suite(void) {
    CU_pSuite s = CU_add_suite("oracle on the device", NULL, NULL);
    CU_add_test(s, "products chosen for the device", test_auto);
    CU_add_test(s, "generic products", test_generic);
    CU_add_test(s, "products by CLBlast", test_clblast);
}
