/* SPDX-License-Identifier: MIT
 * The graphs of the self-test: together they use every operation and every scalar function. Sizes have tails
 * for every vector width; a group is one plan, so that few programs are built. */
#include "bench/selftest.h"
#include <stdio.h>

/* A leaf of its own for every size. */
static pf_value leaf(pf__trial *t, const char *name, int size, pf_dtype dtype, pf_shape shape) {
    char text[32];
    snprintf(text, sizeof text, "%s/%d", name, size);
    return pf_input(t->graph, text, dtype, shape);
}

static pf_value matrix(pf__trial *t, const char *name, int size, int rows, int columns) {
    return leaf(t, name, size, PF_F32, pf_shape_of(2, rows, columns));
}

/* ---- scalar functions ---- */

static void arithmetic(pf__trial *t, pf_value a, pf_value b, pf_value p) {
    pf_graph *g = t->graph;
    pf__trial_add(t, "add", pf_add(g, a, b));
    pf__trial_add(t, "sub", pf_sub(g, a, b));
    pf__trial_add(t, "mul", pf_mul(g, a, b));
    pf__trial_add(t, "div", pf_div(g, a, p));
    pf__trial_add(t, "min", pf_min(g, a, b));
    pf__trial_add(t, "max", pf_max(g, a, b));
    pf__trial_add(t, "neg", pf_neg(g, a));
    pf__trial_add(t, "abs", pf_abs(g, a));
    pf__trial_add(t, "floor", pf_floor(g, pf_mul_number(g, a, 3.25)));
    pf__trial_add(t, "less", pf_less(g, a, b));
    pf__trial_add(t, "less_equal", pf_less_equal(g, a, b));
    pf__trial_add(t, "equal", pf_equal(g, pf_floor(g, a), pf_floor(g, b)));
    pf__trial_add(t, "select", pf_select(g, pf_less(g, a, b), a, p));
}

static void functions(pf__trial *t, pf_value a, pf_value p) {
    pf_graph *g = t->graph;
    pf__trial_add(t, "exp", pf_exp(g, a));
    pf__trial_add(t, "log", pf_log(g, p));
    pf__trial_add(t, "log1p", pf_log1p(g, p));
    pf__trial_add(t, "sqrt", pf_sqrt(g, p));
    pf__trial_add(t, "rsqrt", pf_rsqrt(g, p));
    pf__trial_add(t, "recip", pf_recip(g, p));
    pf__trial_add(t, "sin", pf_sin(g, a));
    pf__trial_add(t, "cos", pf_cos(g, a));
    pf__trial_add(t, "atan", pf_atan(g, a));
    pf__trial_add(t, "tanh", pf_tanh(g, a));
    pf__trial_add(t, "erf", pf_erf(g, a));
    pf__trial_add(t, "sigmoid", pf_sigmoid(g, a));
}

/* Made of the others. */
static void compositions(pf__trial *t, pf_value a, pf_value p) {
    pf_graph *g = t->graph;
    pf__trial_add(t, "silu", pf_silu(g, a));
    pf__trial_add(t, "gelu", pf_gelu(g, a));
    pf__trial_add(t, "power", pf_power(g, p, 0.75));
}

static void scalars(pf__trial *t, bool quick) {
    static const int sizes[] = {37, 1};
    for (int i = 0; i < (quick ? 1 : 2); i++) {
        pf_value a = matrix(t, "a", sizes[i], 5, sizes[i]), b = matrix(t, "b", sizes[i], 5, sizes[i]);
        pf_value p = pf_add_number(t->graph, pf_square(t->graph, a), 0.125);
        arithmetic(t, a, b, p);
        functions(t, a, p);
        if (!quick) compositions(t, a, p);
    }
}

static void integers(pf__trial *t, bool quick) {
    (void)quick;
    pf_graph *g = t->graph;
    const pf_shape s = pf_shape_of(2, 3, 37);
    pf_value u = leaf(t, "u", 37, PF_U32, s), i = leaf(t, "i", 37, PF_I32, s), c = leaf(t, "c", 37, PF_U8, s);
    pf_value k = pf_constant_of(g, 2654435769.0, PF_U32, s), seven = pf_constant_of(g, 7, PF_U32, s);
    pf__trial_add(t, "u32 add", pf_add(g, u, k));
    pf__trial_add(t, "u32 mul", pf_mul(g, u, k));
    pf__trial_add(t, "mul_high", pf_mul_high(g, u, k));
    pf__trial_add(t, "shift_right", pf_shift_right(g, u, seven));
    pf__trial_add(t, "and", pf_and(g, u, k));
    pf__trial_add(t, "i32 to f32", pf_cast(g, i, PF_F32));
    pf__trial_add(t, "u8 to f32", pf_cast(g, c, PF_F32));
    pf__trial_add(t, "f32 to i32", pf_cast(g, pf_mul_number(g, pf_cast(g, c, PF_F32), -2.75), PF_I32));
    pf__trial_add(t, "i32 iota", pf_iota(g, PF_I32, s, 1));
    pf__trial_add(t, "f32 iota", pf_iota(g, PF_F32, s, 0));
}

/* ---- views and reductions ---- */

static void views(pf__trial *t, bool quick) {
    static const int sizes[] = {17, 1};
    for (int i = 0; i < (quick ? 1 : 2); i++) {
        pf_graph *g = t->graph;
        const int n = sizes[i], order[] = {2, 0, 1};
        pf_value a = leaf(t, "a", n, PF_F32, pf_shape_of(3, 4, n, 6)), b = matrix(t, "b", n, n, 1);
        const int64_t start[] = {1, 0, 2}, stop[] = {4, n, 5}, before[] = {0, 2, 1}, after[] = {1, 0, 3};
        pf_value parts[] = {a, pf_neg(g, a), pf_slice_axis(g, a, 2, 1, 4)}, turned = pf_permute(g, a, order);
        pf__trial_add(t, "permute", turned);
        pf__trial_add(t, "pad", pf_pad(g, a, before, after));
        pf__trial_add(t, "concat", pf_concat(g, parts, 3, 2));
        pf__trial_add(t, "function of broadcast", pf_max(g, a, b));
        pf__trial_add(t, "reshape", pf_reshape(g, pf_neg(g, a), pf_shape_of(2, 4 * n, 6)));
        pf__trial_add(t, "slice", pf_slice(g, a, start, stop));
        pf__trial_add(t, "stop_gradient", pf_stop_gradient(g, pf_abs(g, a)));
        if (quick) continue;
        pf__trial_add(t, "function of permute", pf_neg(g, turned));
        pf__trial_add(t, "broadcast", pf_broadcast(g, b, pf_shape_of(3, 4, n, 6)));
        pf__trial_add(t, "reshape of permute", pf_abs(g, pf_reshape(g, turned, pf_shape_of(1, 24 * n))));
    }
}

static void sums(pf__trial *t, bool quick) {
    static const int sizes[] = {37, 1, 130};
    (void)quick;
    for (int i = 0; i < 3; i++) {
        pf_graph *g = t->graph;
        const int n = sizes[i];
        pf_value a = leaf(t, "a", n, PF_F32, pf_shape_of(3, 3, 17, n)), c = matrix(t, "c", n, 1, n);
        pf_value e = pf_square(g, pf_sub(g, a, c));
        pf__trial_add(t, "sum of rows", pf_sum(g, e, 4, false));
        pf__trial_add(t, "sum of columns", pf_sum(g, e, 3, false));
        pf__trial_add(t, "sum of the middle", pf_sum(g, e, 2, true));
        pf__trial_add(t, "sum of the first", pf_sum(g, e, 1, false));
        pf__trial_add(t, "sum per sample", pf_sum(g, e, 6, false));
        pf__trial_add(t, "mean", pf_mean_all(g, e));
    }
}

/* Kernels that reduce a row, use the result and reduce again, with a derivative. */
static void rows(pf__trial *t, bool quick) {
    (void)quick;
    pf_graph *g = t->graph;
    pf_value x = matrix(t, "x", 37, 19, 37), bar = matrix(t, "bar", 37, 19, 37), back = 0;
    pf_value centred = pf_sub(g, x, pf_mean(g, x, 2, true));
    pf_value variance = pf_mean(g, pf_square(g, centred), 2, true);
    pf_value norm = pf_mul(g, centred, pf_rsqrt(g, pf_add_number(g, variance, 0.01)));
    pf_value e = pf_exp(g, pf_sub(g, x, pf_row_max(g, x, 2, true)));
    pf__trial_add(t, "norm of rows", norm);
    pf__trial_add(t, "softmax", pf_div(g, e, pf_sum(g, e, 2, true)));
    if (pf_vjp(g, &norm, &bar, 1, &x, 1, &back) == PF_OK) pf__trial_add(t, "norm of rows, reverse", back);
}

static void maxima(pf__trial *t, bool quick) {
    (void)quick;
    pf_graph *g = t->graph;
    pf_value a = leaf(t, "a", 37, PF_F32, pf_shape_of(3, 3, 17, 37)), w = matrix(t, "w", 1, 3, 20011);
    pf__trial_add(t, "maximum of rows", pf_row_max(g, a, 4, true));
    pf__trial_add(t, "maximum of columns", pf_row_max(g, a, 3, false));
    pf__trial_add(t, "maximum of the middle", pf_row_max(g, a, 2, false));
    pf__trial_add(t, "maximum of long rows", pf_row_max(g, w, 2, true));
}

static void long_sums(pf__trial *t, bool quick) {
    (void)quick;
    pf_graph *g = t->graph;
    pf_value a = matrix(t, "a", 1, 5000, 37), w = matrix(t, "w", 1, 3, 20011);
    pf_value b = leaf(t, "b", 1, PF_F32, pf_shape_of(1, 100003));
    pf__trial_add(t, "sum of long columns", pf_sum(g, pf_square(g, a), 1, false));
    pf__trial_add(t, "sum of many rows", pf_sum(g, pf_square(g, a), 2, false));
    pf__trial_add(t, "sum of long rows", pf_sum(g, pf_abs(g, w), 2, false));
    pf__trial_add(t, "sum of everything", pf_sum_all(g, pf_exp(g, b)));
}

/* The least that meets every form of the generated reductions: rows, columns, and long ones in slices. */
static void reductions(pf__trial *t, bool quick) {
    (void)quick;
    pf_graph *g = t->graph;
    pf_value a = leaf(t, "a", 37, PF_F32, pf_shape_of(3, 3, 17, 37));
    pf_value b = leaf(t, "b", 1, PF_F32, pf_shape_of(1, 12503)), e = pf_square(g, a);
    pf__trial_add(t, "sum of rows", pf_sum(g, e, 4, false));
    pf__trial_add(t, "sum of columns", pf_sum(g, e, 3, false));
    pf__trial_add(t, "sum of everything", pf_sum_all(g, pf_abs(g, b)));
    pf__trial_add(t, "maximum of rows", pf_row_max(g, a, 4, true));
}

/* ---- products and gathers ---- */

static void product(pf__trial *t, int id, int m, int n, int k) {
    pf_graph *g = t->graph;
    pf_value a = matrix(t, "a", id, m, k), at = matrix(t, "at", id, k, m);
    pf_value b = matrix(t, "b", id, k, n), bt = matrix(t, "bt", id, n, k);
    pf__trial_add(t, "product nn", pf_matmul(g, a, b, false, false));
    pf__trial_add(t, "product nt", pf_matmul(g, a, bt, false, true));
    pf__trial_add(t, "product tn", pf_matmul(g, at, b, true, false));
    pf__trial_add(t, "product tt", pf_matmul(g, at, bt, true, true));
}

static void products(pf__trial *t, bool quick) {
    static const int sizes[][3] = {{37, 33, 17}, {1, 1, 1},      {3, 130, 64}, {64, 64, 64},
                                   {130, 7, 33}, {17, 19, 1100}, {264, 70, 33}}; /* m, n, k */
    const int count = quick ? 2 : (int)(sizeof sizes / sizeof *sizes);
    for (int i = 0; i < count; i++) product(t, i, sizes[i][0], sizes[i][1], sizes[i][2]);
    pf_graph *g = t->graph;
    pf_value a = leaf(t, "a", 100, PF_F32, pf_shape_of(3, 3, 19, 33));
    pf_value b = leaf(t, "b", 100, PF_F32, pf_shape_of(3, 3, 33, 21)), w = matrix(t, "w", 100, 33, 21);
    pf__trial_add(t, "batched product", pf_matmul(g, a, b, false, false));
    pf__trial_add(t, "product with shared weights", pf_matmul(g, a, w, false, false));
    if (!quick)
        pf__trial_add(t, "function of a product", pf_silu(g, pf_matmul(g, pf_neg(g, a), w, false, false)));
}

static void gathers(pf__trial *t, bool quick) {
    (void)quick;
    pf_graph *g = t->graph;
    pf_value table = matrix(t, "table", 1, 3, 21), source = matrix(t, "source", 1, 41, 21);
    pf_value index = leaf(t, "index", 1, PF_I32, pf_shape_of(1, 41));
    pf__trial_add(t, "gather", pf_gather(g, table, index));
    pf__trial_add(t, "gather_adjoint", pf_gather_adjoint(g, source, index, 3));
    pf__trial_add(t, "gather of a function", pf_gather(g, pf_exp(g, table), index));
    /* a work-item goes through the batch again and again: a driver that ends long loops is found here */
    pf_value wide = matrix(t, "wide", 1, 3500, 1024), many = leaf(t, "many", 1, PF_I32, pf_shape_of(1, 3500));
    pf__trial_add(t, "gather_adjoint of many", pf_gather_adjoint(g, wide, many, 3));
}

/* ---- random leaves ---- */

typedef pf_value random_leaf(pf_graph *g, const char *stream, pf_shape shape);

static void random_shapes(pf__trial *t, random_leaf *make) {
    pf__trial_add(t, "rows of 12", make(t->graph, "noise", pf_shape_of(2, 33, 12)));
    pf__trial_add(t, "rows of 7", make(t->graph, "other", pf_shape_of(2, 130, 7)));
    pf__trial_add(t, "rows of 1", make(t->graph, "time", pf_shape_of(1, 77)));
}

static void random_leaves(pf__trial *t, bool quick) {
    (void)quick;
    pf__trial_add(t, "bits", pf_random_bits(t->graph, "noise", pf_shape_of(2, 33, 12)));
    pf__trial_add(t, "uniforms", pf_random_uniform(t->graph, "other", pf_shape_of(2, 33, 7)));
    pf__trial_add(t, "normals", pf_random_normal(t->graph, "time", pf_shape_of(2, 130, 7)));
}

static void random_bits(pf__trial *t, bool quick) {
    (void)quick;
    random_shapes(t, pf_random_bits);
}

static void random_uniforms(pf__trial *t, bool quick) {
    (void)quick;
    random_shapes(t, pf_random_uniform);
}

static void random_normals(pf__trial *t, bool quick) {
    (void)quick;
    random_shapes(t, pf_random_normal);
}

/* ---- whole computations ---- */

/* A residual network: with one hidden layer, or with none. */
static pf_value network(pf_graph *g, pf_value x, const pf_value *p, bool hidden) {
    pf_value h = pf_silu(g, pf_add(g, pf_matmul(g, x, p[0], false, false), p[1]));
    return pf_add(g, x, hidden ? pf_add(g, pf_matmul(g, h, p[2], false, false), p[3]) : h);
}

/* Reverse over forward, as MeanFlow trains: the loss holds the derivative of the network along v. */
static void differentiate(pf__trial *t, int width, bool hidden) {
    enum { BATCH = 33, DIM = 21 };
    static const char *const names[] = {"vjp to x", "vjp to in/weight", "vjp to in/bias", "vjp to out/weight",
                                        "vjp to out/bias"};
    pf_graph *g = t->graph;
    const int count = hidden ? 5 : 3;
    pf_value x = matrix(t, "x", 1, BATCH, DIM), v = matrix(t, "v", 1, BATCH, DIM), dy = 0, gradient[5] = {0};
    pf_value p[] = {x, pf_parameter(g, "student", "in/weight", pf_shape_of(2, DIM, width)),
                    pf_parameter(g, "student", "in/bias", pf_shape_of(1, width)),
                    pf_parameter(g, "student", "out/weight", pf_shape_of(2, width, DIM)),
                    pf_parameter(g, "student", "out/bias", pf_shape_of(1, DIM))};
    pf_value y = network(g, x, p + 1, hidden), one = pf_constant(g, 1, pf_shape_of(0));
    if (pf_jvp(g, &y, 1, &x, &v, 1, &dy) != PF_OK) return;
    pf_value loss = pf_mean_all(g, pf_square(g, pf_add(g, y, dy)));
    if (pf_vjp(g, &loss, &one, 1, p, count, gradient) != PF_OK) return;
    pf__trial_add(t, "network", y);
    pf__trial_add(t, "jvp", dy);
    pf__trial_add(t, "loss", loss);
    for (int i = 0; i < count; i++) pf__trial_add(t, names[i], gradient[i]);
}

/* A quick run has no row for the device's own choice of products, so they are here. */
static void training(pf__trial *t, bool quick) {
    differentiate(t, quick ? 21 : 40, !quick);
    if (!quick) return;
    pf_value a = matrix(t, "a", 1, 1100, 300), b = matrix(t, "b", 1, 1100, 33);
    pf__trial_add(t, "long product", pf_matmul(t->graph, a, b, true, false));
}

/* Two groups of samples and data: V at once, by differences, by products; and distances in blocks. */
static void drifting(pf__trial *t, bool quick) {
    static const int dims[] = {2, 20, 100};
    static const char *const names[][2] = {{"drift, 2-D", "drift two-sided, 2-D"},
                                           {"drift, 20-D", "drift two-sided, 20-D"},
                                           {"drift, 100-D", "drift two-sided, 100-D"}};
    pf_graph *g = t->graph;
    for (int i = 0; i < (quick ? 1 : 3); i++) {
        const pf_value tau = pf_constant(g, 0.5 * dims[i], pf_shape_of(1, 1));
        const pf_drift_options two_sided = {.form = PF_DRIFT_TWO_SIDED},
                               blocks = {.workspace_bytes = 1 << 16};
        pf_value x = leaf(t, "drift/x", dims[i], PF_F32, pf_shape_of(3, 2, 37, dims[i]));
        pf_value y = leaf(t, "drift/y", dims[i], PF_F32, pf_shape_of(3, 2, 150, dims[i]));
        pf__trial_add(t, names[i][0], pf_drift(g, x, y, 0, 0, tau, NULL));
        pf__trial_add(t, names[i][1], pf_drift(g, x, y, 0, 0, tau, &two_sided));
        if (i == 0) pf__trial_add(t, "sums of distances", pf_drift_distance(g, x, y, 0, 0, &blocks));
    }
}

/* Adam's: every vector is overwritten by its own successor. */
static void update(pf__trial *t, bool quick) {
    (void)quick;
    pf_graph *g = t->graph;
    const pf_shape s = pf_shape_of(1, 1003);
    pf_value grad = pf_input(g, "g", PF_F32, s), p = pf_input(g, "p", PF_F32, s);
    pf_value m = pf_input(g, "m", PF_F32, s), v = pf_input(g, "v", PF_F32, s);
    pf_value lr = pf_input(g, "step/lr", PF_F32, pf_shape_of(0));
    pf_value m2 = pf_add(g, pf_mul_number(g, m, 0.875), pf_mul_number(g, grad, 0.125));
    pf_value v2 = pf_add(g, pf_mul_number(g, v, 0.75), pf_mul_number(g, pf_square(g, grad), 0.25));
    pf_value root = pf_add_number(g, pf_sqrt(g, pf_abs(g, v2)), 0.125);
    pf__trial_add_in_place(t, "first moment in place", m2, "m");
    pf__trial_add_in_place(t, "second moment in place", v2, "v");
    pf__trial_add_in_place(t, "parameters in place", pf_sub(g, p, pf_mul(g, lr, pf_div(g, m2, root))), "p");
}

const pf__selftest_group pf__selftest_groups[] = {
    {"scalar functions", scalars, 2e-6, NULL, PF__SELFTEST_ALWAYS},
    {"integers", integers, 0, NULL, PF__SELFTEST_ALWAYS},
    {"views", views, 0, NULL, PF__SELFTEST_ALWAYS},
    {"sums and maxima", reductions, 3e-6, NULL, PF__SELFTEST_QUICK},
    {"sums", sums, 3e-6, NULL, PF__SELFTEST_FULL},
    {"long sums", long_sums, 3e-6, NULL, PF__SELFTEST_FULL},
    {"maxima", maxima, 0, NULL, PF__SELFTEST_FULL},
    {"norms and softmax", rows, 1e-5, NULL, PF__SELFTEST_ALWAYS},
    {"products by cpu", products, 5e-6, "cpu", PF__SELFTEST_FULL},
    {"products by clblast", products, 5e-6, "clblast", PF__SELFTEST_FULL},
    {"products by generic", products, 5e-6, "generic", PF__SELFTEST_ALWAYS},
    {"gathers", gathers, 2e-6, NULL, PF__SELFTEST_ALWAYS},
    {"random leaves", random_leaves, 3e-6, NULL, PF__SELFTEST_QUICK},
    {"random bits", random_bits, 0, NULL, PF__SELFTEST_FULL},
    {"random uniforms", random_uniforms, 1e-7, NULL, PF__SELFTEST_FULL},
    {"random normals", random_normals, 3e-6, NULL, PF__SELFTEST_FULL},
    {"jvp and vjp of a network", training, 1e-5, NULL, PF__SELFTEST_ALWAYS},
    {"drifting field", drifting, 1e-5, NULL, PF__SELFTEST_FULL},
    {"update in place", update, 1e-6, NULL, PF__SELFTEST_ALWAYS},
    {0},
};
