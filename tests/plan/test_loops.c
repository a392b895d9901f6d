/* SPDX-License-Identifier: MIT
 * Work so large that a work-item's loops are long: some drivers end them early and say nothing. What is
 * summed are ones, or numbers whose sums are exact, so that nothing has to be interpreted. */
#include "check.h"
#include "plan/harness.h"

void test_loops_suite(void);

/* The first numbers of v, [count], as the device computes it. */
static void run(pf_graph *g, pf_value v, float *out, int count) {
    pf_error err = {0};
    pf__plan *plan = NULL;
    const pf__output output = {.value = v};
    const pf__plan_desc desc = {
        .name = "loops", .context = test_context(), .graph = g, .outputs = &output, .output_count = 1};
    for (int i = 0; i < count; i++) out[i] = NAN;
    CHECK_OK(pf_graph_check(g, &err), err);
    CHECK_OK(pf__plan_create(&plan, &desc, &err), err);
    if (!plan) return;
    CHECK_OK(pf__plan_replay(plan, &err), err);
    const pf__place at = pf__plan_place(plan, 0);
    CHECK_OK(pf__buffer_read(at.buffer, 4 * (size_t)at.offset, out, 4 * (size_t)count, &err), err);
    pf__plan_destroy(&plan);
}

static pf_graph *graph(void) {
    pf_error err = {0};
    pf_graph *g = NULL;
    CHECK_OK(pf_graph_create(&g, &err), err);
    return g;
}

/* One everywhere, which no simplification knows. */
static pf_value ones(pf_graph *g, pf_shape shape) {
    return pf_less_equal(g, pf_constant(g, 0, shape), pf_iota(g, PF_F32, shape, shape.rank - 1));
}

/* 2^26 elements; a device without an end to its loops needs no such test under a slow checker. */
static bool too_slow(void) {
    return test_small() && !pf_context_device(test_context())->iterations_max;
}

static void sum_of_everything(void) {
    if (too_slow()) return;
    pf_graph *g = graph();
    float sum;
    run(g, pf_sum_all(g, ones(g, pf_shape_of(2, 8192, 8192))), &sum, 1);
    CHECK_NEAR(sum, 67108864, 0);
    pf_graph_destroy(&g);
}

static void sums_of_rows_and_columns(void) {
    if (too_slow()) return;
    enum { N = 1 << 21 };
    float sum[8];
    pf_graph *g = graph();
    run(g, pf_sum(g, ones(g, pf_shape_of(2, N, 8)), 1, false), sum, 8);
    for (int i = 0; i < 8; i++) CHECK_NEAR(sum[i], N, 0);
    pf_graph_destroy(&g);
    g = graph();
    run(g, pf_sum(g, ones(g, pf_shape_of(2, 8, N)), 2, false), sum, 8);
    for (int i = 0; i < 8; i++) CHECK_NEAR(sum[i], N, 0);
    pf_graph_destroy(&g);
    g = graph();
    run(g, pf_row_max(g, pf_iota(g, PF_F32, pf_shape_of(2, 8, N), 1), 2, false), sum, 8);
    for (int i = 0; i < 8; i++) CHECK_NEAR(sum[i], N - 1, 0);
    pf_graph_destroy(&g);
    g = graph();
    run(g, pf_sum(g, ones(g, pf_shape_of(2, N, 32)), 2, false), sum,
        8); /* many rows: the first, and all together */
    for (int i = 0; i < 8; i++) CHECK_NEAR(sum[i], 32, 0);
    pf_graph_destroy(&g);
    g = graph();
    run(g, pf_sum_all(g, pf_sum(g, ones(g, pf_shape_of(2, N, 32)), 2, false)), sum, 1);
    CHECK_NEAR(sum[0], 32.0 * N, 0);
    pf_graph_destroy(&g);
}

/* A tensor that is stored whole, then summed: rows of even length, and of odd. */
static void maps(void) {
    if (too_slow()) return;
    static const int columns[] = {4096, 1023};
    for (int i = 0; i < 2; i++) {
        const int rows = 1 << (26 - 12 + 2 * i);
        const pf_shape shape = pf_shape_of(2, rows, columns[i]);
        pf_graph *g = graph();
        pf_value y = pf_add(g, ones(g, shape), pf_iota(g, PF_F32, shape, 0)), whole = pf_concat(g, &y, 1, 0);
        float last[2];
        pf_value end = pf_slice_axis(g, whole, 0, rows - 1, rows);
        run(g, pf_reshape(g, pf_slice_axis(g, end, 1, columns[i] - 2, columns[i]), pf_shape_of(1, 2)), last,
            2);
        for (int k = 0; k < 2; k++) CHECK_NEAR(last[k], rows, 0);
        pf_graph_destroy(&g);
    }
}

static void products_and_gathers(void) {
    if (too_slow()) return;
    pf_graph *g = graph();
    pf_value x = pf_input(g, "x", PF_F32, pf_shape_of(2, 1024, 256)),
             w = pf_input(g, "w", PF_F32, pf_shape_of(2, 256, 256));
    pf_value index = pf_input(g, "index", PF_I32, pf_shape_of(1, 1024));
    pf_value outputs[] = {pf_matmul(g, x, w, false, false), pf_matmul(g, x, w, false, true),
                          pf_matmul(g, x, x, true, false), pf_gather_adjoint(g, x, index, 7)};
    const double error = compare_on_device(g, outputs, 4, 7);
    CU_ASSERT(error < 1e-5);
    pf_graph_destroy(&g);
}

void test_loops_suite(void) {
    CU_pSuite s = CU_add_suite("long loops", NULL, NULL);
    CU_add_test(s, "a sum of everything", sum_of_everything);
    CU_add_test(s, "sums of long rows and columns", sums_of_rows_and_columns);
    CU_add_test(s, "maps", maps);
    CU_add_test(s, "products and gathers", products_and_gathers);
}
