/* SPDX-License-Identifier: MIT
 * The table of parameters and their initial values. */
#include "base/philox.h"
#include "check.h"
#include "nn/params.h"

typedef struct three { /* a graph with three parameters */
    pf_graph *g;
    pf__params p;
} three;

static void open_three(three *t) {
    pf_error err = {0};
    *t = (three){0};
    CHECK_OK(pf_graph_create(&t->g, &err), err);
    pf__params_leaf(&t->p, t->g, "student", "a/weight", pf_shape_of(2, 60, 70), PF__INIT_NORMAL, 0.5);
    pf__params_leaf(&t->p, t->g, "student", "a/bias", pf_shape_of(1, 70), PF__INIT_ZERO, 0.0);
    pf__params_leaf(&t->p, t->g, "student", "b", pf_shape_of(1, 3000), PF__INIT_UNIFORM, 2.0);
    CHECK_OK(pf_graph_check(t->g, &err), err);
}

static void close_three(three *t) {
    pf__params_free(&t->p);
    pf_graph_destroy(&t->g);
}

static void test_layout(void) {
    three t;
    open_three(&t);
    CHECK_INT(t.p.count, 3);
    CHECK_INT(pf__params_total(&t.p), 4200 + 70 + 3000);
    CHECK_INT(t.p.list[0].offset, 0);
    CHECK_INT(t.p.list[1].offset, 4224);
    CHECK_INT(t.p.list[2].offset, 4224 + 128);
    CHECK_INT(t.p.flat_count, 4224 + 128 + 3008);
    CU_ASSERT_PTR_EQUAL(pf__params_find(&t.p, "b"), &t.p.list[2]);
    CU_ASSERT_PTR_NULL(pf__params_find(&t.p, "c"));
    close_three(&t);
}

static void test_same_leaf(void) {
    three t;
    open_three(&t);
    pf_error err = {0};
    pf_value first = pf__params_leaf(&t.p, t.g, "student", "b", pf_shape_of(1, 3000), PF__INIT_UNIFORM, 2.0);
    pf_value again = pf__params_leaf(&t.p, t.g, "student", "b", pf_shape_of(1, 3000), PF__INIT_UNIFORM, 2.0);
    pf_value other = pf__params_leaf(&t.p, t.g, "ema", "b", pf_shape_of(1, 3000), PF__INIT_UNIFORM, 2.0);
    CU_ASSERT(first != 0 && first == again && other != 0 && other != first);
    CHECK_INT(t.p.count, 3); /* groups share the table */
    CHECK_INT(pf__params_leaf(&t.p, t.g, "student", "b", pf_shape_of(2, 30, 100), PF__INIT_ZERO, 0.0), 0);
    CHECK_INT(pf_graph_check(t.g, &err), PF_SHAPE);
    CHECK_CONTAINS(err.message, "b");
    close_three(&t);
}

static void test_initialise(void) {
    three t;
    open_three(&t);
    float *flat = malloc(t.p.flat_count * sizeof *flat), *again = malloc(t.p.flat_count * sizeof *again);
    memset(flat, 0xff, t.p.flat_count * sizeof *flat); /* not-a-number wherever nothing is written */
    pf__params_initialise(&t.p, 11, flat);
    pf__params_initialise(&t.p, 11, again);
    CU_ASSERT(memcmp(flat, again, t.p.flat_count * sizeof *flat) == 0);
    double sum = 0.0, squares = 0.0;
    for (int i = 0; i < 4200; i++) {
        sum += flat[i];
        squares += (double)flat[i] * flat[i];
    }
    CHECK_NEAR(sum / 4200, 0.0, 4 * 0.5 / sqrt(4200));
    CHECK_NEAR(squares / 4200, 0.25, 4 * 0.25 * sqrt(2.0 / 4200));
    CHECK_NEAR(flat[5], 0.5 * pf__random_normal(11, pf__stream("init/a/weight"), 0, 5), 1e-7);
    int outside = 0, nonzero = 0;
    for (int i = 4200; i < 4224 + 128; i++) nonzero += flat[i] != 0.0f; /* gap, bias, gap */
    for (int i = 4224 + 128; i < 4224 + 128 + 3000; i++) outside += !(fabsf(flat[i]) <= 2.0f);
    for (uint32_t i = 4224 + 128 + 3000; i < t.p.flat_count; i++) nonzero += flat[i] != 0.0f;
    CHECK_INT(outside, 0);
    CHECK_INT(nonzero, 0);
    pf__params_initialise(&t.p, 12, again);
    CU_ASSERT(flat[0] != again[0]);
    free(flat);
    free(again);
    close_three(&t);
}

void test_params_suite(void) {
    CU_pSuite suite = CU_add_suite("params", NULL, NULL);
    CU_add_test(suite, "offsets are multiples of 64", test_layout);
    CU_add_test(suite, "a path is one leaf per group, of one shape", test_same_leaf);
    CU_add_test(suite, "initial values", test_initialise);
}
