/* SPDX-License-Identifier: MIT
 * Every scalar function's first and second derivative against differences, and the rules that are no plain
 * function. */
#include "graph_test.h"

enum { POINTS = 24 };

typedef struct scalar_case {
    pf__scalar s;
    double low, high;
} scalar_case;

static const scalar_case unary_cases[] = {
    {PF__NEG, -2, 2},     {PF__ABS, 0.1, 2},   {PF__ABS, -2, -0.1},   {PF__FLOOR, 0.1, 0.9},
    {PF__EXP, -3, 3},     {PF__LOG, 0.2, 4},   {PF__LOG1P, -0.7, 4},  {PF__SQRT, 0.2, 4},
    {PF__RSQRT, 0.3, 4},  {PF__RECIP, 0.3, 4}, {PF__RECIP, -4, -0.3}, {PF__SIN, -4, 4},
    {PF__COS, -4, 4},     {PF__ATAN, -4, 4},   {PF__TANH, -3, 3},     {PF__ERF, -3, 3},
    {PF__SIGMOID, -5, 5},
};

/* f'(x) by central differences of f, to about 1e-10. */
static double slope(pf__scalar s, double x) {
    double h = 1e-3, d[2];
    for (int i = 0; i < 2; i++) {
        double step = h * (i + 1);
        double up = pf__scalar_evaluate(s, PF_F32, x + step, 0, 0);
        d[i] = (up - pf__scalar_evaluate(s, PF_F32, x - step, 0, 0)) / (2 * step);
    }
    return (4 * d[0] - d[1]) / 3; /* Richardson: the error is h^4 */
}

static double slope_of_slope(pf__scalar s, double x) {
    double h = 1e-3;
    double inner = (slope(s, x + h) - slope(s, x - h)) / (2 * h);
    double outer = (slope(s, x + 2 * h) - slope(s, x - 2 * h)) / (4 * h);
    return (4 * inner - outer) / 3;
}

static void check_scalar(const scalar_case *c) {
    pf_graph *g = test_graph();
    pf_shape shape = pf_shape_of(1, POINTS);
    pf_value x = pf_input(g, "x", PF_F32, shape), one = pf_constant(g, 1, shape), dy = 0, xbar = 0,
             second = 0;
    pf_value y = pf__map(g, c->s, PF_F32, &x);
    CHECK_INT(pf_jvp(g, &y, 1, &x, &one, 1, &dy), PF_OK);
    CHECK_INT(pf_vjp(g, &y, &one, 1, &x, 1, &xbar), PF_OK);
    CHECK_INT(dy, xbar); /* the same expression, hence the same value */
    if (dy) CHECK_INT(pf_jvp(g, &dy, 1, &x, &one, 1, &second), PF_OK);
    double data[POINTS], first[POINTS] = {0}, next[POINTS] = {0};
    uint64_t state = 3;
    test_fill(&state, data, POINTS, c->low, c->high);
    pf_binding b = {"x", data};
    if (dy) test_run(g, dy, &b, 1, first);
    if (second) test_run(g, second, &b, 1, next);
    for (int i = 0; i < POINTS; i++) {
        CHECK_NEAR(first[i], slope(c->s, data[i]), 1e-8);
        CHECK_NEAR(next[i], slope_of_slope(c->s, data[i]), 2e-6);
    }
    pf_graph_destroy(&g);
}

static void test_unary(void) {
    for (size_t i = 0; i < sizeof unary_cases / sizeof *unary_cases; i++) check_scalar(&unary_cases[i]);
}

static void test_binary(void) {
    static const pf__scalar cases[] = {PF__ADD, PF__SUB, PF__MUL,  PF__DIV,
                                       PF__MIN, PF__MAX, PF__LESS, PF__EQUAL};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        pf_graph *g = test_graph();
        pf_shape shape = pf_shape_of(1, POINTS);
        pf_value x[2] = {pf_input(g, "a", PF_F32, shape), pf_input(g, "b", PF_F32, shape)}, xbar[2];
        pf_value y = pf__map(g, cases[k], PF_F32, x), one = pf_constant(g, 1, shape);
        CHECK_INT(pf_vjp(g, &y, &one, 1, x, 2, xbar), PF_OK);
        double data[2][POINTS];
        uint64_t state = 4;
        test_fill(&state, data[0], POINTS, 0.5, 2);
        test_fill(&state, data[1], POINTS, 0.5, 2);
        pf_binding b[] = {{"a", data[0]}, {"b", data[1]}};
        for (int i = 0; i < 2; i++) {
            pf_value tangent[2] = {i == 0 ? one : 0, i == 1 ? one : 0}, dy;
            double forward[POINTS] = {0}, reverse[POINTS] = {0}, h = 1e-6;
            CHECK_INT(pf_jvp(g, &y, 1, x, tangent, 2, &dy), PF_OK);
            if (dy) test_run(g, dy, b, 2, forward);
            if (xbar[i]) test_run(g, xbar[i], b, 2, reverse);
            for (int p = 0; p < POINTS; p++) {
                double da = i == 0 ? h : 0, db = i == 1 ? h : 0, u = data[0][p], v = data[1][p];
                double up = pf__scalar_evaluate(cases[k], PF_F32, u + da, v + db, 0);
                double want = (up - pf__scalar_evaluate(cases[k], PF_F32, u - da, v - db, 0)) / (2 * h);
                CHECK_NEAR(forward[p], want, 1e-8);
                CHECK_NEAR(reverse[p], want, 1e-8);
            }
        }
        pf_graph_destroy(&g);
    }
}

/* A function of one value: its derivative at the points of x. */
static void derivative_at(pf_value (*f)(pf_graph *, pf_value), const double *x, double *out) {
    pf_graph *g = test_graph();
    pf_value v = pf_input(g, "x", PF_F32, pf_shape_of(1, 3)), one = pf_constant(g, 1, pf_shape_of(1, 3)), bar;
    pf_value y = f(g, v);
    CHECK_INT(pf_vjp(g, &y, &one, 1, &v, 1, &bar), PF_OK);
    pf_binding b = {"x", x};
    memset(out, 0, 3 * sizeof *out);
    if (bar) test_run(g, bar, &b, 1, out);
    pf_graph_destroy(&g);
}

static pf_value cube(pf_graph *g, pf_value x) {
    return pf_power(g, x, 3);
}
static pf_value stopped(pf_graph *g, pf_value x) {
    return pf_mul(g, x, pf_stop_gradient(g, x));
}
static pf_value rounded(pf_graph *g, pf_value x) {
    return pf_add(g, pf_cast(g, pf_cast(g, x, PF_I32), PF_F32), pf_floor(g, x));
}
static pf_value clipped(pf_graph *g, pf_value x) {
    pf_shape scalar = {.rank = 0};
    return pf_max(g, pf_min(g, x, pf_constant(g, 2, scalar)), pf_constant(g, 1, scalar));
}
static pf_value stabilised(pf_graph *g, pf_value x) { /* log-sum-exp: the row maximum must not count */
    pf_value max = pf_row_max(g, x, 1, true);
    pf_value sum = pf_sum(g, pf_exp(g, pf_sub(g, x, max)), 1, true);
    return pf_broadcast(g, pf_mul_number(g, pf_add(g, pf_log(g, sum), max), 1 / 3.0), pf_shape_of(1, 3));
}

static void test_compositions(void) {
    double x[3] = {0.5, 1, 2.5}, out[3];
    derivative_at(cube, x, out);
    for (int i = 0; i < 3; i++) CHECK_NEAR(out[i], 3 * x[i] * x[i], 1e-12);
    derivative_at(stopped, x, out);
    for (int i = 0; i < 3; i++) CHECK_NEAR(out[i], x[i], 1e-15);
    derivative_at(rounded, x, out);
    for (int i = 0; i < 3; i++) CHECK_NEAR(out[i], 0, 0);
    derivative_at(clipped, x, out); /* at the tie x = 1 the first operand has it */
    for (int i = 0; i < 3; i++) CHECK_NEAR(out[i], i == 1, 0);
    derivative_at(pf_abs, (double[]){-2, 0, 3}, out);
    for (int i = 0; i < 3; i++) CHECK_NEAR(out[i], i - 1, 0);
    derivative_at(stabilised, x, out);
    double total = exp(x[0]) + exp(x[1]) + exp(x[2]);
    for (int i = 0; i < 3; i++) CHECK_NEAR(out[i], exp(x[i]) / total, 1e-14);
    derivative_at(pf_gelu, x, out);
    for (int i = 0; i < 3; i++) {
        double phi = exp(-x[i] * x[i] / 2) / sqrt(2 * acos(-1)), cumulative = (1 + erf(x[i] / sqrt(2))) / 2;
        CHECK_NEAR(out[i], cumulative + x[i] * phi, 1e-14);
    }
    derivative_at(pf_silu, x, out);
    for (int i = 0; i < 3; i++) {
        double s = 1 / (1 + exp(-x[i]));
        CHECK_NEAR(out[i], s + x[i] * s * (1 - s), 1e-14);
    }
}

static void test_stop_gradient(void) {
    pf_graph *g = test_graph();
    pf_value x = pf_input(g, "x", PF_F32, pf_shape_of(1, 3)), one = pf_constant(g, 1, pf_shape_of(1, 3)), dy,
             bar;
    pf_value y = pf_exp(g, pf_stop_gradient(g, x)), n = pf_random_normal(g, "n", pf_shape_of(1, 3));
    CHECK_INT(pf_jvp(g, &y, 1, &x, &one, 1, &dy), PF_OK);
    CHECK_INT(dy, 0);
    CHECK_INT(pf_vjp(g, &y, &one, 1, &x, 1, &bar), PF_OK);
    CHECK_INT(bar, 0);
    CHECK_INT(pf_vjp(g, &n, &one, 1, &x, 1, &bar), PF_OK); /* nothing between them */
    CHECK_INT(bar, 0);
    CHECK_INT(pf_vjp(g, &n, &one, 1, &n, 1, &bar), PF_OK); /* a random leaf may be a variable */
    CHECK_INT(bar, one);
    pf_graph_destroy(&g);
}

void test_derivative_suite(void) {
    CU_pSuite s = CU_add_suite("derivatives", NULL, NULL);
    CU_add_test(s, "scalar functions", test_unary);
    CU_add_test(s, "scalar functions of two", test_binary);
    CU_add_test(s, "compositions", test_compositions);
    CU_add_test(s, "stop_gradient", test_stop_gradient);
}
