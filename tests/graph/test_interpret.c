/* SPDX-License-Identifier: MIT
 * The interpreter against numbers worked out by hand, its leaves, and what it refuses. */
#include "base/philox.h"
#include "graph_test.h"

static void check_values(const pf_graph *g, pf_value v, const pf_binding *b, int bindings,
                         const double *want) {
    double out[64];
    int64_t count = pf_shape_count(&g->values[v].shape);
    test_run(g, v, b, bindings, out);
    for (int64_t i = 0; i < count; i++) CHECK_NEAR(out[i], want[i], 1e-15);
}

static void test_views(void) {
    pf_graph *g = test_graph();
    pf_value a = pf_input(g, "a", PF_F32, pf_shape_of(2, 2, 3));
    double x[6] = {1, 2, 3, 4, 5, 6};
    pf_binding b = {"a", x};
    check_values(g, pf_permute(g, a, (int[]){1, 0}), &b, 1, (double[]){1, 4, 2, 5, 3, 6});
    check_values(g, pf_slice_axis(g, a, 1, 1, 3), &b, 1, (double[]){2, 3, 5, 6});
    check_values(g, pf_pad(g, a, (int64_t[]){1, 0}, (int64_t[]){0, 1}), &b, 1,
                 (double[]){0, 0, 0, 0, 1, 2, 3, 0, 4, 5, 6, 0});
    check_values(g, pf_concat(g, (pf_value[]){a, pf_neg(g, a)}, 2, 1), &b, 1,
                 (double[]){1, 2, 3, -1, -2, -3, 4, 5, 6, -4, -5, -6});
    check_values(g, pf_broadcast(g, pf_sum(g, a, 2, true), pf_shape_of(2, 2, 2)), &b, 1,
                 (double[]){6, 6, 15, 15});
    check_values(g, pf_sum(g, a, 1, false), &b, 1, (double[]){5, 7, 9});
    check_values(g, pf_mean_all(g, a), &b, 1, (double[]){3.5});
    check_values(g, pf_row_max(g, pf_neg(g, a), 2, false), &b, 1, (double[]){-1, -4});
    check_values(g, pf_iota(g, PF_F32, pf_shape_of(3, 2, 2, 2), 1), &b, 1,
                 (double[]){0, 0, 1, 1, 0, 0, 1, 1});
    pf_graph_destroy(&g);
}

static void test_products(void) {
    pf_graph *g = test_graph();
    pf_value a = pf_input(g, "a", PF_F32, pf_shape_of(2, 2, 3)),
             w = pf_input(g, "b", PF_F32, pf_shape_of(2, 3, 2));
    pf_binding b[] = {
        {"a", (double[]){1, 2, 3, 4, 5, 6}}, {"b", (double[]){1, 0, 2, 1, 0, 3}}, {"i", (double[]){2, 0, 2}}};
    double product[] = {5, 11, 14, 23};
    check_values(g, pf_matmul(g, a, w, false, false), b, 2, product);
    pf_value at = pf_permute(g, a, (int[]){1, 0}), wt = pf_permute(g, w, (int[]){1, 0});
    check_values(g, pf_matmul(g, at, w, true, false), b, 2, product);
    check_values(g, pf_matmul(g, a, wt, false, true), b, 2, product);
    check_values(g, pf_matmul(g, at, wt, true, true), b, 2, product);
    pf_value deep = pf_reshape(g, a, pf_shape_of(3, 2, 1, 3)),
             deep_w = pf_concat(g, (pf_value[]){w, w}, 2, 0);
    check_values(g, pf_matmul(g, deep, w, false, false), b, 2, product);
    deep_w = pf_reshape(g, deep_w, pf_shape_of(3, 2, 3, 2));
    check_values(g, pf_matmul(g, deep, deep_w, false, false), b, 2, product);
    pf_value deep_t = pf_reshape(g, a, pf_shape_of(3, 2, 3, 1));
    check_values(g, pf_matmul(g, deep_t, w, true, false), b, 2, product);
    double twelve[12], want[8]; /* shared weights, each matrix transposed */
    uint64_t state = 6;
    test_fill(&state, twelve, 12, -1, 1);
    b[2] = (pf_binding){"c", twelve};
    for (int n = 0; n < 8; n++) { /* [2,3,2] transposed times [3,2] */
        want[n] = 0;
        for (int k = 0; k < 3; k++)
            want[n] += twelve[n / 4 * 6 + k * 2 + n / 2 % 2] * b[1].data[k * 2 + n % 2];
    }
    pf_value c = pf_input(g, "c", PF_F32, pf_shape_of(3, 2, 3, 2));
    check_values(g, pf_matmul(g, c, w, true, false), b, 3, want);
    check_values(g, pf_matmul(g, c, deep_w, true, false), b, 3, want);
    b[2] = (pf_binding){"i", (double[]){2, 0, 2}};
    pf_value i = pf_input(g, "i", PF_I32, pf_shape_of(1, 3));
    check_values(g, pf_gather(g, w, i), b, 3, (double[]){0, 3, 1, 0, 0, 3});
    check_values(g, pf_gather_adjoint(g, pf_gather(g, w, i), i, 3), b, 3, (double[]){1, 0, 0, 0, 0, 6});
    pf_graph_destroy(&g);
}

static void test_integers(void) {
    pf_graph *g = test_graph();
    pf_value u = pf_input(g, "u", PF_U32, pf_shape_of(1, 3)), v = pf_input(g, "v", PF_U32, pf_shape_of(1, 3));
    pf_value f = pf_input(g, "f", PF_F32, pf_shape_of(1, 3));
    pf_binding b[] = {{"u", (double[]){4294967295.0, 5, 0x80000001p0}},
                      {"v", (double[]){2, 7, 0x80000001p0}},
                      {"f", (double[]){-1.75, 300.5, NAN}}};
    check_values(g, pf_add(g, u, v), b, 2, (double[]){1, 12, 2});
    check_values(g, pf_sub(g, v, u), b, 2, (double[]){3, 2, 0});
    check_values(g, pf_mul(g, u, v), b, 2, (double[]){4294967294.0, 35, 1});
    check_values(g, pf_mul_high(g, u, v), b, 2, (double[]){1, 0, 0x40000001p0});
    check_values(g, pf_and(g, u, v), b, 2, (double[]){2, 5, 0x80000001p0});
    check_values(g, pf_shift_right(g, u, pf_constant_of(g, 4, PF_U32, pf_shape_of(0))), b, 2,
                 (double[]){268435455, 0, 0x08000000p0});
    check_values(g, pf_cast(g, f, PF_I32), b, 3, (double[]){-1, 300, 0});
    check_values(g, pf_cast(g, f, PF_U8), b, 3, (double[]){0, 255, 0});
    check_values(g, pf_cast(g, u, PF_I32), b, 3, (double[]){-1, 5, -2147483647});
    check_values(g, pf_cast(g, u, PF_F32), b, 3, (double[]){4294967296.0, 5, 2147483648.0});
    check_values(g, pf_less(g, u, v), b, 2, (double[]){0, 1, 0});
    check_values(g, pf_equal(g, u, v), b, 2, (double[]){0, 0, 1});
    pf_graph_destroy(&g);
}

static void test_select_keeps_nan_away(void) {
    pf_graph *g = test_graph();
    pf_value a = pf_input(g, "a", PF_F32, pf_shape_of(1, 2)), one = pf_constant(g, 1, pf_shape_of(1, 2)), dy,
             bar;
    pf_value positive = pf_less(g, pf_constant(g, 0, pf_shape_of(0)), a);
    pf_value y = pf_select(g, positive, pf_sqrt(g, a), pf_constant(g, 3, pf_shape_of(0)));
    pf_binding b = {"a", (double[]){4, -4}};
    check_values(g, y, &b, 1, (double[]){2, 3});
    CHECK_INT(pf_jvp(g, &y, 1, &a, &one, 1, &dy), PF_OK);
    check_values(g, dy, &b, 1, (double[]){0.25, 0});
    double out[2];
    CHECK_INT(pf_vjp(g, &y, &one, 1, &a, 1, &bar), PF_OK);
    test_run(g, bar, &b, 1, out); /* the cotangent 0 enters sqrt(-4), whose derivative is 0 / NaN there */
    CHECK_NEAR(out[0], 0.25, 1e-15);
    pf_graph_destroy(&g);
}

static void test_random_leaves(void) {
    pf_graph *g = test_graph();
    pf_value normal = pf_random_normal(g, "noise", pf_shape_of(3, 4, 3, 2));
    pf_value small = pf_random_normal(g, "noise", pf_shape_of(3, 2, 3, 2));
    pf_value uniform = pf_random_uniform(g, "time", pf_shape_of(1, 500)),
             bits = pf_random_bits(g, "bits", pf_shape_of(2, 2, 5));
    pf_error error = {0};
    double all[24], part[12], times[500], words[10];
    pf_value outputs[] = {normal, uniform, bits};
    CHECK_OK(pf_interpret(g, outputs, 3, NULL, 0, 9, 100, (double *[]){all, times, words}, &error), error);
    CHECK_OK(pf_interpret(g, &small, 1, NULL, 0, 9, 102, (double *[]){part}, &error), error);
    for (int i = 0; i < 12; i++) CHECK_NEAR(part[i], all[12 + i], 0); /* rows 102, 103, whatever the batch */
    CHECK_NEAR(all[7], pf__random_normal(9, pf__stream("noise"), 101, 1), 0);
    CHECK_NEAR(words[6], pf__random_bits(9, pf__stream("bits"), 101, 1), 0);
    double mean = 0;
    for (int i = 0; i < 500; i++) mean += times[i] / 500;
    CHECK_NEAR(mean, 0.5, 4 * 0.2887 / sqrt(500));
    CHECK_OK(pf_interpret(g, &normal, 1, NULL, 0, 10, 100, (double *[]){all}, &error), error);
    CU_ASSERT(all[12] != part[0]); /* another seed */
    pf_binding bound = {"noise", times};
    CHECK_OK(pf_interpret(g, &small, 1, &bound, 1, 9, 0, (double *[]){part}, &error), error);
    CHECK_NEAR(part[3], times[3], 0);
    pf_graph_destroy(&g);
}

static void test_refusals(void) {
    pf_graph *g = test_graph();
    pf_value w = pf_parameter(g, "student", "hidden/0/weight", pf_shape_of(2, 3, 2));
    pf_value i = pf_input(g, "i", PF_I32, pf_shape_of(1, 2)), y = pf_gather(g, w, i);
    pf_error error = {0};
    double data[6] = {0}, out[4] = {0};
    pf_binding b[] = {{"student:hidden/0/weight", data}, {"i", (double[]){2, 3}}};
    CHECK_INT(pf_interpret(g, &y, 1, b, 2, 0, 0, (double *[]){out}, &error), PF_DATA);
    CHECK_CONTAINS(error.message, "index 3 at 1 is outside 0 to 2");
    CHECK_INT(pf_interpret(g, &y, 1, b + 1, 1, 0, 0, (double *[]){out}, &error), PF_USAGE);
    CHECK_CONTAINS(error.message, "no data for student:hidden/0/weight, [3,2] f32");
    pf_graph_destroy(&g);
}

/* Every id has a whole row. */
static void test_table(void) {
    for (int i = 0; i < PF__OP_COUNT; i++) {
        CU_ASSERT_PTR_NOT_NULL(pf__ops[i]);
        CU_ASSERT_PTR_NOT_NULL(pf__ops[i]->name);
        CU_ASSERT(pf__ops[i]->jvp != NULL);
        CU_ASSERT(pf__ops[i]->vjp != NULL);
        CU_ASSERT(i <= PF__OP_RANDOM || pf__ops[i]->interpret != NULL);
    }
    for (int s = 0; s < PF__SCALAR_COUNT; s++) {
        CU_ASSERT_PTR_NOT_NULL(pf__scalar_name((pf__scalar)s));
        CU_ASSERT(pf__scalar_arity((pf__scalar)s) >= 1);
    }
}

void test_interpret_suite(void) {
    CU_pSuite s = CU_add_suite("interpreter", NULL, NULL);
    CU_add_test(s, "views and sums", test_views);
    CU_add_test(s, "products and gathers", test_products);
    CU_add_test(s, "integers", test_integers);
    CU_add_test(s, "select keeps NaN away", test_select_keeps_nan_away);
    CU_add_test(s, "random leaves", test_random_leaves);
    CU_add_test(s, "refusals", test_refusals);
    CU_add_test(s, "the table", test_table);
}
