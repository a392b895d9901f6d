/* SPDX-License-Identifier: MIT
 * Simplification: equal nodes are one, zeros and ones fold, views merge, and nothing that a derivative needs
 * is bypassed. */
#include "graph_test.h"

static pf_value input(pf_graph *g, const char *name) {
    return pf_input(g, name, PF_F32, pf_shape_of(2, 4, 6));
}

static void test_equal_nodes_are_one(void) {
    pf_graph *g = test_graph();
    pf_value a = input(g, "a"), b = input(g, "b");
    CHECK_INT(input(g, "a"), a);
    CU_ASSERT_NOT_EQUAL(a, b);
    pf_value sum = pf_add(g, a, b);
    uint32_t nodes = g->node_count;
    CHECK_INT(pf_add(g, a, b), sum);
    CHECK_INT(pf_add(g, b, a), sum);
    CHECK_INT(g->node_count, nodes);
    CU_ASSERT_NOT_EQUAL(pf_sub(g, a, b), pf_sub(g, b, a));
    CU_ASSERT_NOT_EQUAL(pf_max(g, a, b), pf_min(g, a, b));
    CHECK_INT(pf_parameter(g, "student", "w", pf_shape_of(1, 3)),
              pf_parameter(g, "student", "w", pf_shape_of(1, 3)));
    CU_ASSERT_NOT_EQUAL(pf_parameter(g, "student", "w", pf_shape_of(1, 3)),
                        pf_parameter(g, "target", "w", pf_shape_of(1, 3)));
    CU_ASSERT_NOT_EQUAL(pf_random_normal(g, "n", pf_shape_of(1, 3)),
                        pf_random_uniform(g, "n", pf_shape_of(1, 3)));
    CU_ASSERT_NOT_EQUAL(pf_slice_axis(g, a, 0, 0, 2), pf_slice_axis(g, a, 0, 1, 3));
    pf_value many[600]; /* the table grows */
    for (int i = 0; i < 600; i++) many[i] = pf_add_number(g, a, i + 1);
    for (int i = 0; i < 600; i++) CHECK_INT(pf_add_number(g, a, i + 1), many[i]);
    pf_graph_destroy(&g);
}

static void test_folding(void) {
    pf_graph *g = test_graph();
    pf_value a = input(g, "a"), two = pf_constant(g, 2, pf_shape_of(0));
    CHECK_INT(pf_add_number(g, a, 0), a);
    CHECK_INT(pf_mul_number(g, a, 1), a);
    CHECK_INT(pf_mul_number(g, a, 0), pf_constant(g, 0, pf_shape_of(2, 4, 6)));
    CHECK_INT(pf_mul_number(g, a, -1), pf_neg(g, a));
    CHECK_INT(pf_add(g, a, a), pf_mul_number(g, a, 2));
    CHECK_INT(pf_div(g, a, two), pf_mul_number(g, a, 0.5));
    CHECK_INT(pf_div(g, pf_constant(g, 1, pf_shape_of(0)), a), pf_recip(g, a));
    CHECK_INT(pf_sub(g, pf_constant(g, 0, pf_shape_of(1, 6)), a), pf_neg(g, a));
    CHECK_INT(pf_max(g, a, a), a);
    CHECK_INT(pf_select(g, a, two, two), pf_constant(g, 2, pf_shape_of(2, 4, 6)));
    CHECK_INT(pf_select(g, two, a, two), a);
    CHECK_INT(pf_power(g, a, 2), pf_square(g, a));
    CHECK_INT(pf_power(g, a, -0.5), pf_rsqrt(g, a));
    CHECK_INT(pf_power(g, a, 1), a);
    pf_value wide = pf_broadcast(g, two, pf_shape_of(2, 8, 3)); /* constants fold through everything */
    CHECK_INT(pf_sum_all(g, pf_square(g, wide)), pf_constant(g, 96, pf_shape_of(0)));
    CHECK_INT(pf_exp(g, pf_constant(g, 0, pf_shape_of(1, 3))), pf_constant(g, 1, pf_shape_of(1, 3)));
    CHECK_INT(pf_graph_check(g, NULL), PF_OK);
    pf_graph_destroy(&g);
}

static void test_identities(void) {
    pf_graph *g = test_graph();
    pf_value a = input(g, "a");
    CHECK_INT(pf_reshape(g, a, pf_shape_of(2, 4, 6)), a);
    CHECK_INT(pf_permute(g, a, (int[]){0, 1}), a);
    CHECK_INT(pf_slice_axis(g, a, 1, 0, 6), a);
    CHECK_INT(pf_pad(g, a, (int64_t[]){0, 0}, (int64_t[]){0, 0}), a);
    CHECK_INT(pf_broadcast(g, a, pf_shape_of(2, 4, 6)), a);
    CHECK_INT(pf_cast(g, a, PF_F32), a);
    CHECK_INT(pf_concat(g, &a, 1, 0), a);
    CHECK_INT(pf_sum(g, a, 0, true), a);
    pf_value thin = pf_reshape(g, a, pf_shape_of(3, 24, 1, 1)); /* a sum over one number is a reshape */
    CHECK_INT(g->nodes[g->values[pf_sum(g, thin, 6, false)].node].op, PF__OP_RESHAPE);
    pf_value column = pf_input(g, "c", PF_F32, pf_shape_of(3, 4, 1, 2)); /* no number changes its place */
    CHECK_INT(g->nodes[g->values[pf_permute(g, column, (int[]){1, 0, 2})].node].op, PF__OP_RESHAPE);
    CHECK_INT(pf_stop_gradient(g, pf_stop_gradient(g, a)), pf_stop_gradient(g, a));
    CHECK_INT(pf_graph_check(g, NULL), PF_OK);
    pf_graph_destroy(&g);
}

static void test_sum_runs(void) {
    pf_graph *g = test_graph();
    pf_value a = pf_input(g, "a", PF_F32, pf_shape_of(5, 2, 3, 1, 4, 5));
    pf_value near = pf_sum(g, a, 10, true); /* axes 1 and 3, with a 1 between them: one node */
    CHECK_INT(test_nodes(g, &near, 1), 2);
    CHECK_INT(pf__node_of(g, near)->attr.axes, 14);
    pf_value apart = pf_sum(g, a, 17, true); /* axes 0 and 4: two nodes */
    CHECK_INT(test_nodes(g, &apart, 1), 3);
    CHECK_SHAPE(g, apart, 5, 1, 3, 1, 4, 1);
    pf_graph_destroy(&g);
}

/* The simplified value in the same graph; its count of nodes beside the leaf is checked. */
static pf_value simplified(pf_graph *g, pf_value v, int nodes) {
    CHECK_INT(pf__simplify(g, &v, 1), PF_OK);
    CHECK_INT(test_nodes(g, &v, 1), nodes);
    return v;
}

static void test_merging(void) {
    pf_graph *g = test_graph();
    pf_value a = input(g, "a"), b = input(g, "b"), row = pf_input(g, "row", PF_F32, pf_shape_of(2, 1, 6));
    CHECK_INT(simplified(g, pf_neg(g, pf_neg(g, a)), 1), a);
    CHECK_INT(simplified(g, pf_reshape(g, pf_reshape(g, a, pf_shape_of(1, 24)), pf_shape_of(2, 4, 6)), 1), a);
    CHECK_INT(simplified(g, pf_permute(g, pf_permute(g, a, (int[]){1, 0}), (int[]){1, 0}), 1), a);
    CHECK_INT(simplified(g, pf_add(g, a, pf_neg(g, b)), 3), pf_sub(g, a, b));
    CHECK_INT(simplified(g, pf_sub(g, a, pf_neg(g, b)), 3), pf_add(g, a, b));
    CHECK_INT(simplified(g, pf_neg(g, pf_sub(g, a, b)), 3), pf_sub(g, b, a));
    CHECK_INT(simplified(g, pf_mul_number(g, pf_mul_number(g, a, 3), 5), 3), pf_mul_number(g, a, 15));
    CHECK_INT(simplified(g, pf_add_number(g, pf_add_number(g, a, 3), 5), 3), pf_add_number(g, a, 8));
    CHECK_INT(simplified(g, pf_stop_gradient(g, a), 1), a);
    pf_value twice = pf_slice_axis(g, pf_slice_axis(g, a, 1, 1, 5), 1, 1, 3);
    CHECK_INT(simplified(g, twice, 2), pf_slice_axis(g, a, 1, 2, 4));
    pf_value joined = pf_concat(g, (pf_value[]){a, b}, 2, 0);
    CHECK_INT(simplified(g, pf_slice_axis(g, joined, 0, 4, 8), 1), b);
    pf_value nested = pf_concat(g, (pf_value[]){b, pf_mul_number(g, joined, 2)}, 2, 0);
    CHECK_INT(simplified(g, nested, 6),
              pf_concat(g, (pf_value[]){b, pf_mul_number(g, a, 2), pf_mul_number(g, b, 2)}, 3, 0));
    pf_value wide = pf_exp(g, pf_mul_number(g, pf_broadcast(g, row, pf_shape_of(2, 4, 6)), 3));
    wide = simplified(g, wide, 5); /* the broadcast moves to the end */
    CHECK_INT(pf__node_of(g, wide)->op, PF__OP_BROADCAST);
    pf_value swapped = pf_matmul(g, pf_permute(g, a, (int[]){1, 0}), b, false, false);
    CHECK_INT(simplified(g, swapped, 3), pf_matmul(g, a, b, true, false));
    CHECK_INT(pf_graph_check(g, NULL), PF_OK);
    pf_graph_destroy(&g);
}

/* The cotangents of slices are pads; together they are one concatenation. */
static void test_pads_become_concat(void) {
    pf_graph *g = test_graph();
    pf_value a = input(g, "a"), seeds[3], parts[3], abar;
    for (int i = 0; i < 3; i++) {
        parts[i] = pf_slice_axis(g, a, 1, 2 * i, 2 * i + 2);
        seeds[i] = pf_input(g, (const char *[]){"p", "q", "r"}[i], PF_F32, pf_shape_of(2, 4, 2));
    }
    CHECK_INT(pf_vjp(g, parts, seeds, 3, &a, 1, &abar), PF_OK);
    double x[3][8], out[24], before[24];
    uint64_t state = 5;
    for (int i = 0; i < 3; i++) test_fill(&state, x[i], 8, -1, 1);
    pf_binding bindings[] = {{"p", x[0]}, {"q", x[1]}, {"r", x[2]}};
    test_run(g, abar, bindings, 3, before);
    CHECK_INT(pf__simplify(g, &abar, 1), PF_OK);
    for (uint32_t i = 0; i < g->node_count; i++) {
        bool *needed = pf__needed(g, &abar, 1);
        CU_ASSERT(!needed[i] || g->nodes[i].op != PF__OP_PAD);
        free(needed);
    }
    CHECK_INT(pf__node_of(g, abar)->op, PF__OP_CONCAT);
    test_run(g, abar, bindings, 3, out);
    for (int i = 0; i < 24; i++) CHECK_NEAR(out[i], before[i], 0);
    pf_graph_destroy(&g);
}

/* A tangent that two rows of four have: no product of it has four rows, and the numbers are the same. */
static void test_zeros_move_outwards(void) {
    pf_graph *g = test_graph();
    pf_value a = input(g, "a"), w = pf_input(g, "w", PF_F32, pf_shape_of(2, 6, 6));
    pf_value t = pf_input(g, "t", PF_F32, pf_shape_of(2, 2, 6)),
             ones = pf_constant(g, 1, pf_shape_of(2, 4, 6));
    int64_t before[2] = {1, 0}, after[2] = {1, 0};
    pf_value tangent = pf_pad(g, t, before, after), parts[2] = {a, pf_sin(g, a)}, dy, wbar;
    pf_value both = pf_concat(g, parts, 2, 1), v = pf_concat(g, (pf_value[]){w, w}, 2, 0);
    pf_value y = pf_div(g, pf_silu(g, pf_matmul(g, both, v, false, false)),
                        pf_add_number(g, pf_square(g, a), 1));
    y = pf_matmul(g, pf_reshape(g, y, pf_shape_of(3, 4, 1, 6)), w, false, false);
    CHECK_INT(pf_jvp(g, &y, 1, &a, &tangent, 1, &dy), PF_OK);
    pf_value total = pf_broadcast(g, pf_sum_all(g, dy), pf_shape_of(2, 4, 6));
    dy = pf_add(g, pf_reshape(g, dy, pf_shape_of(2, 4, 6)), total);
    CHECK_INT(pf_vjp(g, &dy, &ones, 1, &w, 1, &wbar), PF_OK);
    CHECK_INT(pf_graph_check(g, NULL), PF_OK);
    pf_value values[2] = {dy, wbar};
    double x[24], matrix[36], seed[12], out[2][36], expected[2][36];
    uint64_t state = 7;
    test_fill(&state, x, 24, -1, 1);
    test_fill(&state, matrix, 36, -1, 1);
    test_fill(&state, seed, 12, -1, 1);
    pf_binding bindings[] = {{"a", x}, {"w", matrix}, {"t", seed}};
    for (int i = 0; i < 2; i++) test_run(g, values[i], bindings, 3, expected[i]);
    CHECK_INT(pf__simplify(g, values, 2), PF_OK);
    for (int i = 0; i < 2; i++) test_run(g, values[i], bindings, 3, out[i]);
    for (int i = 0; i < 24; i++) CHECK_NEAR(out[0][i], expected[0][i], 1e-13);
    for (int i = 0; i < 36; i++) CHECK_NEAR(out[1][i], expected[1][i], 1e-13);
    bool *needed = pf__needed(g, values, 1); /* those of the tangent; silu' needs one product of all rows */
    int wide = 0;
    for (uint32_t i = 1; i < g->node_count; i++)
        wide += needed[i] && g->nodes[i].op == PF__OP_MATMUL &&
                g->values[g->nodes[i].first_output].shape.dim[0] == 4;
    CHECK_INT(wide, 1);
    free(needed);
    pf_graph_destroy(&g);
}

/* Constructors must not look behind a value that a derivative is taken by. */
static void test_derivatives_by_inner_values(void) {
    pf_graph *g = test_graph();
    pf_value a = input(g, "a"), one = pf_constant(g, 1, pf_shape_of(2, 4, 6)), dy;
    pf_value scaled = pf_mul_number(g, a, 0.5), y = pf_mul_number(g, scaled, 1000);
    CHECK_INT(pf_jvp(g, &y, 1, &scaled, &one, 1, &dy), PF_OK);
    CHECK_INT(dy, pf_constant(g, 1000, pf_shape_of(2, 4, 6)));
    pf_value back = pf_neg(g, a), z = pf_neg(g, back), bar;
    CHECK_INT(pf_vjp(g, &z, &one, 1, &back, 1, &bar), PF_OK);
    CHECK_INT(bar, pf_constant(g, -1, pf_shape_of(2, 4, 6)));
    pf_value flat = pf_reshape(g, a, pf_shape_of(1, 24)), again = pf_reshape(g, flat, pf_shape_of(2, 6, 4));
    pf_value ones = pf_constant(g, 1, pf_shape_of(2, 6, 4));
    CHECK_INT(pf_vjp(g, &again, &ones, 1, &flat, 1, &bar), PF_OK);
    CHECK_INT(bar, pf_constant(g, 1, pf_shape_of(1, 24)));
    pf_value both[2] = {a, scaled}, bars[2]; /* an x cuts: what is behind it counts as constant */
    CHECK_INT(pf_vjp(g, &y, &one, 1, both, 2, bars), PF_OK);
    CHECK_INT(bars[0], 0);
    CHECK_INT(bars[1], pf_constant(g, 1000, pf_shape_of(2, 4, 6)));
    CHECK_INT(pf_jvp(g, &y, 1, both, (pf_value[]){one, 0}, 2, &dy), PF_OK);
    CHECK_INT(dy, 0);
    pf_graph_destroy(&g);
}

void test_simplify_suite(void) {
    CU_pSuite s = CU_add_suite("simplify", NULL, NULL);
    CU_add_test(s, "equal nodes are one", test_equal_nodes_are_one);
    CU_add_test(s, "folding", test_folding);
    CU_add_test(s, "identities", test_identities);
    CU_add_test(s, "runs of sums", test_sum_runs);
    CU_add_test(s, "merging", test_merging);
    CU_add_test(s, "pads become a concatenation", test_pads_become_concat);
    CU_add_test(s, "zeros move outwards", test_zeros_move_outwards);
    CU_add_test(s, "derivatives by inner values", test_derivatives_by_inner_values);
}
