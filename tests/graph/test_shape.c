/* SPDX-License-Identifier: MIT
 * Shapes, types, the symbolic zero, and what is said when operands do not agree. */
#include "graph_test.h"

static pf_value f32(pf_graph *g, const char *name, pf_shape shape) {
    return pf_input(g, name, PF_F32, shape);
}

static void test_pointwise_shapes(void) {
    pf_graph *g = test_graph();
    pf_value a = f32(g, "a", pf_shape_of(2, 4, 5)), row = f32(g, "row", pf_shape_of(1, 5));
    pf_value column = f32(g, "column", pf_shape_of(2, 4, 1)), one = f32(g, "one", pf_shape_of(0));
    pf_value deep = f32(g, "deep", pf_shape_of(3, 3, 1, 5));
    CHECK_SHAPE(g, pf_add(g, a, row), 2, 4, 5);
    CHECK_SHAPE(g, pf_add(g, row, column), 2, 4, 5);
    CHECK_SHAPE(g, pf_mul(g, one, a), 2, 4, 5);
    CHECK_SHAPE(g, pf_div(g, a, deep), 3, 3, 4, 5);
    CHECK_SHAPE(g, pf_select(g, column, row, deep), 3, 3, 4, 5);
    CHECK_SHAPE(g, pf_exp(g, deep), 3, 3, 1, 5);
    CHECK_INT(pf_value_dtype(g, pf_less(g, a, row)), PF_F32);
    CHECK_INT(pf_value_shape(g, 0).rank, -1);
    CHECK_INT(pf_graph_check(g, NULL), PF_OK);
    pf_graph_destroy(&g);
    CU_ASSERT_PTR_NULL(g);
}

static void test_view_shapes(void) {
    pf_graph *g = test_graph();
    pf_value a = f32(g, "a", pf_shape_of(3, 2, 3, 4)), b = f32(g, "b", pf_shape_of(1, 2));
    CHECK_SHAPE(g, pf_reshape(g, a, pf_shape_of(2, 6, 4)), 2, 6, 4);
    CHECK_SHAPE(g, pf_permute(g, a, (int[]){2, 0, 1}), 3, 4, 2, 3);
    CHECK_SHAPE(g, pf_slice(g, a, (int64_t[]){0, 1, 2}, (int64_t[]){2, 2, 4}), 3, 2, 1, 2);
    CHECK_SHAPE(g, pf_slice_axis(g, a, 2, 1, 3), 3, 2, 3, 2);
    CHECK_SHAPE(g, pf_pad(g, a, (int64_t[]){0, 1, 2}, (int64_t[]){3, 0, 1}), 3, 5, 4, 7);
    CHECK_SHAPE(g, pf_concat(g, (pf_value[]){a, a, a}, 3, 1), 3, 2, 9, 4);
    CHECK_SHAPE(g, pf_broadcast(g, b, pf_shape_of(2, 5, 2)), 2, 5, 2);
    CHECK_SHAPE(g, pf_per_sample(g, b, 4), 4, 2, 1, 1, 1);
    CHECK_SHAPE(g, pf_sum(g, a, 5, false), 1, 3);
    CHECK_SHAPE(g, pf_sum(g, a, 5, true), 3, 1, 3, 1);
    CHECK_SHAPE(g, pf_mean(g, a, 6, false), 1, 2);
    CHECK_SHAPE(g, pf_row_max(g, a, 4, true), 3, 2, 3, 1);
    CHECK_SHAPE(g, pf_sum_per_sample(g, a), 1, 2);
    CHECK_SHAPE(g, pf_mean_all(g, a), 0);
    CHECK_INT(pf_graph_check(g, NULL), PF_OK);
    pf_graph_destroy(&g);
}

static void test_product_shapes(void) {
    pf_graph *g = test_graph();
    pf_value x = f32(g, "x", pf_shape_of(4, 2, 3, 4, 5)), w = f32(g, "w", pf_shape_of(2, 5, 7));
    pf_value xt = f32(g, "xt", pf_shape_of(4, 2, 3, 5, 4)), y = f32(g, "y", pf_shape_of(4, 2, 3, 7, 5));
    CHECK_SHAPE(g, pf_matmul(g, x, w, false, false), 4, 2, 3, 4, 7);
    CHECK_SHAPE(g, pf_matmul(g, xt, w, true, false), 4, 2, 3, 4, 7);
    CHECK_SHAPE(g, pf_matmul(g, x, y, false, true), 4, 2, 3, 4, 7);
    CHECK_SHAPE(g, pf_matmul(g, xt, y, true, true), 4, 2, 3, 4, 7);
    for (uint32_t i = 0; i < g->node_count; i++) { /* nodes are plain or batched, never more */
        if (g->nodes[i].op != PF__OP_MATMUL) continue;
        const pf_value *in = pf__inputs(g, &g->nodes[i]);
        int ra = g->values[in[0]].shape.rank, rb = g->values[in[1]].shape.rank;
        CHECK_INT(ra, rb);
        CU_ASSERT(ra == 2 || ra == 3);
    }
    pf_value table = f32(g, "table", pf_shape_of(2, 10, 6)),
             index = pf_input(g, "i", PF_I32, pf_shape_of(1, 3));
    pf_value rows = pf_gather(g, table, index);
    CHECK_SHAPE(g, rows, 2, 3, 6);
    CHECK_SHAPE(g, pf_gather_adjoint(g, rows, index, 10), 2, 10, 6);
    CHECK_INT(pf_graph_check(g, NULL), PF_OK);
    pf_graph_destroy(&g);
}

static void test_symbolic_zero(void) {
    pf_graph *g = test_graph();
    pf_value x = f32(g, "x", pf_shape_of(2, 4, 5)), i = pf_input(g, "i", PF_I32, pf_shape_of(1, 3));
    CHECK_INT(pf_add(g, 0, x), x);
    CHECK_INT(pf_add(g, x, 0), x);
    CHECK_INT(pf_sub(g, x, 0), x);
    CHECK_INT(pf_sub(g, 0, x), pf_neg(g, x));
    CHECK_INT(pf_mul(g, 0, x), 0);
    CHECK_INT(pf_div(g, 0, x), 0);
    CHECK_INT(pf_add(g, 0, 0), 0);
    CHECK_INT(pf_neg(g, 0), 0);
    CHECK_INT(pf_sum_all(g, 0), 0);
    CHECK_INT(pf_reshape(g, 0, pf_shape_of(1, 3)), 0);
    CHECK_INT(pf_matmul(g, 0, x, false, false), 0);
    CHECK_INT(pf_gather(g, 0, i), 0);
    CHECK_INT(pf_concat(g, (pf_value[]){0, 0}, 2, 0), 0);
    CHECK_INT(pf_stop_gradient(g, 0), 0);
    CHECK_INT(pf_mul_number(g, 0, 3), 0);
    CHECK_INT(pf_select(g, x, 0, 0), 0);
    CHECK_SHAPE(g, pf_select(g, x, 0, x), 2, 4, 5);
    CHECK_INT(pf_max(g, x, 0), pf_max(g, x, pf_constant(g, 0, pf_shape_of(0))));
    CHECK_INT(pf_graph_check(g, NULL), PF_OK);
    pf_exp(g, 0);
    CHECK_FAILS(g, PF_USAGE, "exp: the symbolic zero has no shape");
}

static void test_messages(void) {
    pf_graph *g = test_graph();
    pf_add(g, f32(g, "a", pf_shape_of(2, 32, 4)), f32(g, "b", pf_shape_of(2, 32, 5)));
    CHECK_FAILS(g, PF_SHAPE, "add: [32,4] f32 and [32,5] f32 do not agree");
    g = test_graph();
    pf_mul(g, f32(g, "a", pf_shape_of(1, 2)), pf_input(g, "b", PF_I32, pf_shape_of(1, 2)));
    CHECK_FAILS(g, PF_SHAPE, "mul: [2] f32 and [2] i32 do not agree");
    g = test_graph();
    pf_exp(g, pf_input(g, "b", PF_I32, pf_shape_of(1, 2)));
    CHECK_FAILS(g, PF_SHAPE, "exp: cannot take [2] i32");
    g = test_graph();
    pf_matmul(g, f32(g, "a", pf_shape_of(2, 3, 4)), f32(g, "b", pf_shape_of(2, 3, 4)), false, false);
    CHECK_FAILS(g, PF_SHAPE, "matmul: [3,4] f32 and [3,4] f32 do not agree");
    g = test_graph();
    f32(g, "a", pf_shape_of(1, 2));
    f32(g, "a", pf_shape_of(1, 3));
    CHECK_FAILS(g, PF_SHAPE, "a: [2] f32 before and [3] f32 now");
    g = test_graph();
    f32(g, "a", pf_shape_of(2, 2, 0));
    CHECK_FAILS(g, PF_SHAPE, "input: the shape [2,0] is empty");
    g = test_graph();
    pf_reshape(g, f32(g, "a", pf_shape_of(1, 6)), pf_shape_of(2, 2, 4));
    CHECK_FAILS(g, PF_SHAPE, "reshape: [6] f32 does not fit in [2,4]");
    g = test_graph();
    pf_neg(g, 99);
    CHECK_FAILS(g, PF_USAGE, "neg: value 99");
    g = test_graph();
    pf_slice_axis(g, f32(g, "a", pf_shape_of(1, 6)), 0, 4, 8);
    CHECK_FAILS(g, PF_SHAPE, "slice: 4 to 8 along axis 0 of [6] f32");
    g = test_graph();
    pf_concat(g, (pf_value[]){f32(g, "a", pf_shape_of(2, 6, 2)), f32(g, "b", pf_shape_of(2, 6, 3))}, 2, 0);
    CHECK_FAILS(g, PF_SHAPE, "concat along axis 0: [6,2] f32 and [6,3] f32 do not agree");
    g = test_graph();
    pf_gather(g, f32(g, "a", pf_shape_of(2, 6, 2)), f32(g, "b", pf_shape_of(1, 6)));
    CHECK_FAILS(g, PF_SHAPE, "gather: the index is [6] f32");
    g = test_graph();
    pf_permute(g, f32(g, "a", pf_shape_of(2, 6, 2)), (int[]){0, 0});
    CHECK_FAILS(g, PF_SHAPE, "permute:");
    g = test_graph();
    pf_constant_of(g, 1.5, PF_I32, pf_shape_of(0));
    CHECK_FAILS(g, PF_USAGE, "1.5 is not a number of type i32");
}

static void test_errors_are_sticky(void) {
    pf_graph *g = test_graph();
    pf_value a = f32(g, "a", pf_shape_of(1, 2)), dy = 5;
    CHECK_INT(pf_broadcast(g, a, pf_shape_of(1, 3)), 0);
    CHECK_INT(pf_add(g, a, a), 0);
    CHECK_INT(pf_input(g, "b", PF_F32, pf_shape_of(1, 2)), 0);
    pf_exp(g, pf_input(g, "b", PF_I32, pf_shape_of(1, 2))); /* a second error changes nothing */
    CHECK_INT(pf_jvp(g, &a, 1, &a, &a, 1, &dy), PF_SHAPE);
    CHECK_INT(dy, 0);
    CHECK_FAILS(g, PF_SHAPE, "broadcast: [2] f32 does not become [3]");
}

static void test_derivative_messages(void) {
    pf_graph *g = test_graph();
    pf_value x = f32(g, "x", pf_shape_of(1, 2)), y = pf_exp(g, x), wrong = f32(g, "w", pf_shape_of(1, 3)),
             out;
    CHECK_INT(pf_vjp(g, &y, &wrong, 1, &x, 1, &out), PF_SHAPE);
    CHECK_FAILS(g, PF_SHAPE, "vjp: the value is [2] f32, its derivative [3] f32");
    g = test_graph();
    x = pf_constant(g, 2, pf_shape_of(1, 2));
    y = f32(g, "y", pf_shape_of(1, 2));
    CHECK_INT(pf_jvp(g, &y, 1, &x, &y, 1, &out), PF_USAGE);
    CHECK_FAILS(g, PF_USAGE, "with respect to the constant 2");
}

void test_shape_suite(void) {
    CU_pSuite s = CU_add_suite("shapes", NULL, NULL);
    CU_add_test(s, "pointwise", test_pointwise_shapes);
    CU_add_test(s, "views and sums", test_view_shapes);
    CU_add_test(s, "products", test_product_shapes);
    CU_add_test(s, "symbolic zero", test_symbolic_zero);
    CU_add_test(s, "messages", test_messages);
    CU_add_test(s, "errors are sticky", test_errors_are_sticky);
    CU_add_test(s, "derivative messages", test_derivative_messages);
}
