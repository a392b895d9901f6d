/* SPDX-License-Identifier: MIT
 * Every operation on the device against the interpreter, over shapes with tails. */
#include "check.h"
#include "plan/harness.h"
#include <math.h>
#include <string.h>

void test_operations_suite(void);

static const int sizes[] = {1, 2, 3, 7, 16, 17, 33, 64, 130};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* The step through the sizes: a small run takes 1, 7, 33. */
static int stride(int usual) {
    return test_small() ? 3 : usual;
}

static int size_count(void) {
    return test_small() ? 7 : SIZES;
}

static pf_value input(pf_graph *g, const char *name, int rank, int a, int b, int c) {
    return pf_input(g, name, PF_F32,
                    rank == 1   ? pf_shape_of(1, a)
                    : rank == 2 ? pf_shape_of(2, a, b)
                                : pf_shape_of(3, a, b, c));
}

#define CHECK_GRAPH(g, outputs, count, tolerance)                                          \
    do {                                                                                   \
        double check_e_ = compare_on_device(g, outputs, count, 3);                         \
        if (!(check_e_ <= (tolerance)))                                                    \
            fprintf(stderr, "%s:%d: relative error %.3g\n", __FILE__, __LINE__, check_e_); \
        CU_ASSERT(check_e_ <= (tolerance));                                                \
    } while (0)

static pf_graph *fresh(void) {
    pf_graph *g = NULL;
    pf_error err = {0};
    CHECK_OK(pf_graph_create(&g, &err), err);
    return g;
}

static void test_scalars(void) {
    for (int i = 0; i < size_count(); i += stride(2)) {
        pf_graph *g = fresh();
        pf_value a = input(g, "a", 2, 5, sizes[i], 0), b = input(g, "b", 2, 5, sizes[i], 0);
        pf_value p = pf_add_number(g, pf_square(g, a), 0.1);
        pf_value y[] = {pf_add(g, a, b),
                        pf_sub(g, a, b),
                        pf_mul(g, a, b),
                        pf_div(g, a, p),
                        pf_min(g, a, b),
                        pf_max(g, a, b),
                        pf_neg(g, a),
                        pf_abs(g, a),
                        pf_floor(g, pf_mul_number(g, a, 3.3)),
                        pf_exp(g, a),
                        pf_log(g, p),
                        pf_log1p(g, p),
                        pf_sqrt(g, p),
                        pf_rsqrt(g, p),
                        pf_recip(g, p),
                        pf_sin(g, a),
                        pf_cos(g, a),
                        pf_atan(g, a),
                        pf_tanh(g, a),
                        pf_erf(g, a),
                        pf_sigmoid(g, a),
                        pf_less(g, a, b),
                        pf_less_equal(g, a, b),
                        pf_equal(g, pf_floor(g, a), pf_floor(g, b)),
                        pf_select(g, pf_less(g, a, b), a, p),
                        pf_silu(g, a),
                        pf_gelu(g, a),
                        pf_power(g, p, 0.75)};
        CHECK_GRAPH(g, y, (int)(sizeof y / sizeof *y), 2e-6);
        pf_graph_destroy(&g);
    }
}

/* Element by element, far out: what kernels of vectors compute themselves keeps infinities, not-a-numbers,
 * and 4 units in the last place; below the normal numbers it is 0. */
static void check_far(const char *what, float x, float y, double exact, double relative) {
    bool good = isnan(exact)          ? isnan(y)
                : isinf((float)exact) ? y == (float)exact
                                      : fabs((double)y - exact) <= relative * fabs(exact) + 2e-38;
    if (!good) fprintf(stderr, "%s(%.9g) = %.9g, not %.9g\n", what, (double)x, (double)y, exact);
    CU_ASSERT(good);
}

static void test_far(void) {
    enum { COUNT = 2407 };
    static float x[COUNT], y[3 * COUNT];
    for (int i = 0; i < COUNT - 3; i++) x[i] = -120.0f + 0.1f * (float)i + 1e-3f * (float)(i % 7);
    memcpy(x + COUNT - 3, (float[]){INFINITY, -INFINITY, NAN}, 3 * sizeof *x);
    pf_error err = {0};
    pf_graph *g = fresh();
    pf__buffer *buffer = NULL, *out = NULL;
    pf__plan *plan = NULL;
    pf_value v = pf_input(g, "x", PF_F32, pf_shape_of(1, COUNT));
    CHECK_OK(pf__buffer_create(test_context(), sizeof x, "x", &buffer, &err), err);
    CHECK_OK(pf__buffer_create(test_context(), sizeof y, "y", &out, &err), err);
    CHECK_OK(pf__buffer_write(buffer, 0, x, sizeof x, true, &err), err);
    pf__bind bind = {"x", buffer, 0};
    pf__output outputs[] = {{.value = pf_exp(g, v), .buffer = out},
                            {.value = pf_sigmoid(g, v), .buffer = out, .offset = COUNT},
                            {.value = pf_erf(g, v), .buffer = out, .offset = 2 * COUNT}};
    CHECK_OK(pf__plan_create(&plan,
                             &(pf__plan_desc){.name = "far",
                                              .context = test_context(),
                                              .graph = g,
                                              .outputs = outputs,
                                              .output_count = 3,
                                              .binds = &bind,
                                              .bind_count = 1},
                             &err),
             err);
    CHECK_OK(pf__plan_replay(plan, &err), err);
    CHECK_OK(pf__buffer_read(out, 0, y, sizeof y, &err), err);
    for (int i = 0; i < COUNT; i++) {
        const double a = (double)x[i];
        check_far("exp", x[i], y[i], exp(a), 5e-7);
        check_far("sigmoid", x[i], y[COUNT + i], 1 / (1 + exp(-a)), 5e-7);
        check_far("erf", x[i], y[2 * COUNT + i], erf(a), 1e-6);
    }
    pf__plan_destroy(&plan);
    pf__buffer_release(&buffer);
    pf__buffer_release(&out);
    pf_graph_destroy(&g);
}

static void test_integers(void) {
    pf_graph *g = fresh();
    pf_value u = pf_input(g, "u", PF_U32, pf_shape_of(2, 3, 37)),
             k = pf_constant_of(g, 2654435769.0, PF_U32, pf_shape_of(2, 3, 37));
    pf_value i = pf_input(g, "i", PF_I32, pf_shape_of(2, 3, 37)),
             c = pf_input(g, "c", PF_U8, pf_shape_of(2, 3, 37));
    pf_value h = pf_mul(g, pf_add(g, u, k), k);
    pf_value y[] = {pf_mul_high(g, h, k),
                    pf_shift_right(g, h, pf_constant_of(g, 7, PF_U32, pf_shape_of(2, 3, 37))),
                    pf_and(g, h, k),
                    pf_cast(g, i, PF_F32),
                    pf_cast(g, c, PF_F32),
                    pf_cast(g, pf_mul_number(g, pf_cast(g, c, PF_F32), 2.6), PF_I32),
                    pf_iota(g, PF_I32, pf_shape_of(2, 3, 37), 1),
                    pf_iota(g, PF_F32, pf_shape_of(2, 3, 37), 0)};
    CHECK_GRAPH(g, y, (int)(sizeof y / sizeof *y), 1e-7);
    pf_graph_destroy(&g);
}

static void test_views(void) {
    for (int i = 0; i < size_count(); i += stride(1)) {
        const int n = sizes[i];
        pf_graph *g = fresh();
        pf_value a = input(g, "a", 3, 4, n, 6), b = input(g, "b", 2, n, 1, 0),
                 s = pf_input(g, "s", PF_F32, pf_shape_of(0));
        int order[] = {2, 0, 1};
        int64_t start[] = {1, 0, 2}, stop[] = {4, n, 5}, before[] = {0, 2, 1}, after[] = {1, 0, 3};
        pf_value parts[] = {a, pf_neg(g, a), pf_slice_axis(g, a, 2, 1, 4)};
        pf_value two[] = {b, pf_square(g, b)};
        pf_value y[] = {pf_permute(g, a, order),
                        pf_exp(g, pf_permute(g, a, order)),
                        pf_slice(g, a, start, stop),
                        pf_pad(g, a, before, after),
                        pf_concat(g, parts, 3, 2),
                        pf_concat(g, two, 2, 0),
                        pf_broadcast(g, b, pf_shape_of(3, 4, n, 6)),
                        pf_mul(g, pf_add(g, a, b), s),
                        pf_reshape(g, pf_mul_number(g, a, 2), pf_shape_of(2, n * 4, 6)),
                        pf_add_number(g, pf_reshape(g, pf_permute(g, a, order), pf_shape_of(1, 24 * n)), 1)};
        CHECK_GRAPH(g, y, (int)(sizeof y / sizeof *y), 1e-6);
        pf_graph_destroy(&g);
    }
}

static void test_sums(void) {
    for (int i = 0; i < size_count(); i += stride(1)) {
        for (int j = 0; j < size_count(); j += stride(2)) {
            pf_graph *g = fresh();
            pf_value a = input(g, "a", 3, 3, sizes[i], sizes[j]), c = input(g, "c", 2, 1, sizes[j], 0);
            pf_value e = pf_square(g, pf_sub(g, a, c));
            pf_value y[] = {pf_sum(g, a, 1, false),           pf_sum(g, e, 2, true),
                            pf_sum(g, e, 4, false),           pf_sum(g, e, 3, false),
                            pf_sum(g, e, 6, false),           pf_sum_all(g, e),
                            pf_sum(g, e, 5, false),           pf_row_max(g, a, 4, true),
                            pf_row_max(g, a, 2, false),       pf_mean_all(g, a),
                            pf_sum(g, pf_abs(g, a), 4, false)};
            CHECK_GRAPH(g, y, (int)(sizeof y / sizeof *y), 1e-5);
            pf_graph_destroy(&g);
        }
    }
}

static void test_long_sums(void) {
    pf_graph *g = fresh();
    const int less = test_small() ? 8 : 1; /* still long enough to be sliced */
    pf_value a = input(g, "a", 2, 5000 / less, 37, 0), b = input(g, "b", 1, 100003 / less, 0, 0),
             w = input(g, "w", 2, 3, less == 1 ? 20011 : 4501, 0);
    pf_value y[] = {pf_sum(g, a, 1, false),      pf_sum(g, a, 2, false),     pf_sum_all(g, pf_square(g, a)),
                    pf_sum_all(g, pf_exp(g, b)), pf_row_max(g, b, 1, false), pf_sum(g, w, 2, false),
                    pf_row_max(g, w, 2, true),   pf_row_max(g, a, 1, true)};
    CHECK_GRAPH(g, y, (int)(sizeof y / sizeof *y), 3e-6);
    pf_graph_destroy(&g);
}

static void test_products(void) {
    uint64_t state = 5;
    for (int i = 0; i < (test_small() ? 6 : 24); i++) {
        const int last = size_count() - 1, m = sizes[test_int(&state, 0, last)],
                  n = sizes[test_int(&state, 0, last)], k = sizes[test_int(&state, 0, last)];
        pf_graph *g = fresh();
        pf_value a = input(g, "a", 2, m, k, 0), at = input(g, "at", 2, k, m, 0),
                 b = input(g, "b", 2, k, n, 0), bt = input(g, "bt", 2, n, k, 0);
        pf_value a3 = input(g, "a3", 3, 3, m, k), b3 = input(g, "b3", 3, 3, k, n);
        pf_value y[] = {pf_matmul(g, a, b, false, false),
                        pf_matmul(g, a, bt, false, true),
                        pf_matmul(g, at, b, true, false),
                        pf_matmul(g, at, bt, true, true),
                        pf_matmul(g, a3, b3, false, false),
                        pf_matmul(g, a3, b, false, false),
                        pf_silu(g, pf_matmul(g, pf_neg(g, a), b, false, false))};
        CHECK_GRAPH(g, y, (int)(sizeof y / sizeof *y), 5e-6);
        pf_graph_destroy(&g);
    }
}

static void test_gathers(void) {
    pf_graph *g = fresh();
    pf_value table = input(g, "table", 2, 3, 19, 0), index = pf_input(g, "index", PF_I32, pf_shape_of(1, 41)),
             source = input(g, "source", 2, 41, 19, 0);
    pf_value y[] = {pf_gather(g, table, index), pf_gather_adjoint(g, source, index, 3),
                    pf_gather(g, pf_exp(g, table), index)};
    CHECK_GRAPH(g, y, 3, 2e-6);
    pf_graph_destroy(&g);
}

static void test_random(void) {
    for (int i = 0; i < size_count(); i += stride(1)) {
        pf_graph *g = fresh();
        pf_value y[] = {pf_random_normal(g, "noise", pf_shape_of(2, 33, sizes[i])),
                        pf_random_uniform(g, "time", pf_shape_of(1, 64 + sizes[i])),
                        pf_random_bits(g, "bits", pf_shape_of(2, sizes[i], 5)),
                        pf_exp(g, pf_random_normal(g, "other", pf_shape_of(1, 21)))};
        CHECK_GRAPH(g, y, 4, 3e-6);
        pf_graph_destroy(&g);
    }
}

/* The same expression feeds two kernels, a product and an output; a value is an output twice; an input is an
 * output. */
static void test_shared(void) {
    pf_graph *g = fresh();
    pf_value x = input(g, "x", 2, 32, 24, 0), w = pf_parameter(g, "student", "w", pf_shape_of(2, 24, 40)),
             b = pf_parameter(g, "student", "b", pf_shape_of(1, 40));
    pf_value z = pf_add(g, pf_matmul(g, x, w, false, false), b), h = pf_silu(g, z),
             loss = pf_mean_all(g, pf_square(g, h)), dw[2], p[] = {w, b};
    pf_value one = pf_constant(g, 1, pf_shape_of(0));
    pf_error err = {0};
    CHECK_OK(pf_vjp(g, &loss, &one, 1, p, 2, dw), err);
    pf_value y[] = {
        loss, dw[0], dw[1], h, h, x, pf_reshape(g, h, pf_shape_of(1, 32 * 40)), pf_stop_gradient(g, z)};
    CHECK_GRAPH(g, y, 8, 3e-6);
    pf_graph_destroy(&g);
}

void test_operations_suite(void) {
    CU_pSuite s = CU_add_suite("operations on the device", NULL, NULL);
    CU_add_test(s, "scalar functions", test_scalars);
    CU_add_test(s, "far arguments", test_far);
    CU_add_test(s, "integers", test_integers);
    CU_add_test(s, "views", test_views);
    CU_add_test(s, "sums", test_sums);
    CU_add_test(s, "long sums", test_long_sums);
    CU_add_test(s, "products", test_products);
    CU_add_test(s, "gathers", test_gathers);
    CU_add_test(s, "random leaves", test_random);
    CU_add_test(s, "shared values", test_shared);
}
