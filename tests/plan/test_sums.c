/* SPDX-License-Identifier: MIT
 * Sums over rows, in the kernel that makes what they sum: the gradient of a layer's output and its bias'. */
#include "check.h"
#include "plan/harness.h"

void test_sums_suite(void);

/* Where sums keep what they sum: the launches without the joining of slices. */
static bool one_kernel(void) {
    const pf_device_info *d = pf_context_device(test_context());
    return d->type == PF_DEVICE_CPU && !d->iterations_max;
}

static pf_graph *fresh(void) {
    pf_graph *g = NULL;
    pf_error err = {0};
    CHECK_OK(pf_graph_create(&g, &err), err);
    return g;
}

/* z = a sigmoid(b) and its sums, one of them of z a; how many launches that takes. */
static int layer(pf_shape shape, unsigned axes) {
    pf_graph *g = fresh();
    pf_value a = pf_input(g, "a", PF_F32, shape), b = pf_input(g, "b", PF_F32, shape),
             z = pf_mul(g, a, pf_sigmoid(g, b));
    pf_value y[] = {z, pf_sum(g, z, axes, false), pf_sum(g, pf_mul(g, z, a), axes, true)};
    pf__plan_report report;
    const double e = compare_with(g, y, 3, 0, NULL, 0, NULL, &report);
    CU_ASSERT(e < 1e-5);
    if (!(e < 1e-5))
        fprintf(stderr, "%lld x %lld: %g\n", (long long)shape.dim[0], (long long)shape.dim[1], e);
    pf_graph_destroy(&g);
    return report.launches;
}

static void test_layers(void) {
    static const int columns[] = {2, 3, 16, 37, 64, 130, 257, 1000};
    for (int i = 0; i < 8; i += test_small() ? 3 : 1) {
        const int one = layer(pf_shape_of(2, 7, columns[i]), 1),
                  cut = layer(pf_shape_of(2, 300, columns[i]), 1);
        if (!one_kernel()) continue;
        CHECK_INT(one, 1);
        CHECK_INT(cut, 2); /* and what joins both */
    }
}

static void test_axes(void) {
    layer(pf_shape_of(3, 5, 17, 33), 1 | 2);
    layer(pf_shape_of(3, 5, 17, 33), 1);
    layer(pf_shape_of(3, 5, 17, 33), 2);
    layer(pf_shape_of(4, 3, 4, 5, 18), 1 | 2 | 4);
}

/* Larger than caches: pieces of rows, also where nothing is kept. */
static void test_large(void) {
    if (test_small()) return;
    pf_graph *g = fresh();
    pf_value a = pf_input(g, "a", PF_F32, pf_shape_of(2, 700, 601));
    pf_value y[] = {pf_sum(g, a, 1, false), pf_sum(g, pf_square(g, a), 1, false)};
    CU_ASSERT(compare_on_device(g, y, 2, 0) < 1e-5);
    pf_graph_destroy(&g);
    layer(pf_shape_of(2, 700, 601), 1);
}

/* What needs the sum itself waits for it. */
static void test_behind(void) {
    pf_graph *g = fresh();
    pf_value a = pf_input(g, "a", PF_F32, pf_shape_of(2, 50, 40));
    pf_value z = pf_square(g, a), mean = pf_mean(g, z, 1, true), y[] = {z, pf_div(g, z, mean), mean};
    CU_ASSERT(compare_on_device(g, y, 3, 0) < 1e-5);
    pf_graph_destroy(&g);
}

/* What is summed takes the place of what it is made of. */
static void test_place(void) {
    enum { ROWS = 64, WIDTH = 64 };
    pf_graph *g = fresh();
    pf_value x = pf_input(g, "x", PF_F32, pf_shape_of(2, ROWS, WIDTH)),
             w = pf_input(g, "w", PF_F32, pf_shape_of(2, WIDTH, WIDTH));
    pf_value z = pf_square(g, pf_matmul(g, x, w, false, false));
    pf_value y[] = {pf_sum(g, z, 1, false), pf_matmul(g, z, w, false, true)};
    pf__plan_report report;
    CU_ASSERT(compare_with(g, y, 2, 0, NULL, 0, "generic", &report) < 1e-5);
    CU_ASSERT(report.arena_bytes <= 4 * (2 * ROWS * WIDTH + 64));
    pf_graph_destroy(&g);
}

void test_sums_suite(void) {
    CU_pSuite s = CU_add_suite("sums of columns", NULL, NULL);
    CU_add_test(s, "layers", test_layers);
    CU_add_test(s, "axes", test_axes);
    CU_add_test(s, "large", test_large);
    CU_add_test(s, "what waits for them", test_behind);
    CU_add_test(s, "places", test_place);
}
