/* SPDX-License-Identifier: MIT
 * Gaussian data on the linear path x_t = (1-t) a + t b, a of N(m, s^2), b of N(0, 1): everything is known in
 * closed form, so that the identities behind the methods, and the orders of the solvers, are tested exactly.
 * Times are inputs of the shape of x. */
#include "graph_test.h"

enum { D = 3 };
static const double means[D] = {1.5, -0.3, 0.7}, deviations[D] = {0.4, 1.1, 0.25};

typedef struct field {
    pf_graph *g;
    pf_value x, r, t, m, s; /* [D] */
    double data[5][D];
    pf_binding binding[5];
} field;

static void open_field(field *f, double x, double r, double t) {
    static const char *const names[5] = {"x", "r", "t", "m", "s"};
    pf_value *values[5] = {&f->x, &f->r, &f->t, &f->m, &f->s};
    f->g = test_graph();
    for (int i = 0; i < 5; i++) {
        *values[i] = pf_input(f->g, names[i], PF_F32, pf_shape_of(1, D));
        f->binding[i] = (pf_binding){names[i], f->data[i]};
    }
    for (int d = 0; d < D; d++) {
        f->data[0][d] = x;
        f->data[1][d] = r;
        f->data[2][d] = t;
        f->data[3][d] = means[d];
        f->data[4][d] = deviations[d];
    }
}

static pf_value one_minus(pf_graph *g, pf_value t) {
    return pf_sub(g, pf_constant(g, 1, pf_shape_of(0)), t);
}

/* S_t^2 = (1-t)^2 s^2 + t^2 */
static pf_value variance(const field *f, pf_value t) {
    pf_graph *g = f->g;
    return pf_add(g, pf_square(g, pf_mul(g, one_minus(g, t), f->s)), pf_square(g, t));
}

/* xi = x - (1-t) m */
static pf_value centred(const field *f, pf_value x, pf_value t) {
    return pf_sub(f->g, x, pf_mul(f->g, one_minus(f->g, t), f->m));
}

/* v(x,t) = -m + (t - (1-t) s^2) / S_t^2 xi */
static pf_value velocity(const field *f, pf_value x, pf_value t) {
    pf_graph *g = f->g;
    pf_value above = pf_sub(g, t, pf_mul(g, one_minus(g, t), pf_square(g, f->s)));
    pf_value slope = pf_div(g, above, variance(f, t));
    return pf_sub(g, pf_mul(g, slope, centred(f, x, t)), f->m);
}

/* X(x,r,t) = (1-r) m + (S_r / S_t) xi: where the flow from (x, t) is at time r */
static pf_value flow_map(const field *f, pf_value x, pf_value r, pf_value t) {
    pf_graph *g = f->g;
    pf_value ratio = pf_sqrt(g, pf_div(g, variance(f, r), variance(f, t)));
    return pf_add(g, pf_mul(g, one_minus(g, r), f->m), pf_mul(g, ratio, centred(f, x, t)));
}

/* u(x,r,t) = (x - X(x,r,t)) / (t - r) */
static pf_value average_velocity(const field *f, pf_value x, pf_value r, pf_value t) {
    pf_graph *g = f->g;
    return pf_div(g, pf_sub(g, x, flow_map(f, x, r, t)), pf_sub(g, t, r));
}

/* The first dimension of v has m = 1.5, s = 0.4: the fixture of the closed forms. */
static double first_of(const field *f, pf_value v) {
    double out[D];
    test_run(f->g, v, f->binding, 5, out);
    return out[0];
}

static void test_closed_forms(void) {
    field f;
    open_field(&f, 0.7, 0.25, 0.75);
    pf_graph *g = f.g;
    pf_value u = average_velocity(&f, f.x, f.r, f.t), zero = pf_constant(g, 0, pf_shape_of(1, D));
    CHECK_NEAR(first_of(&f, velocity(&f, f.x, f.t)), -1.096943231, 1e-9);
    CHECK_NEAR(first_of(&f, flow_map(&f, f.x, f.r, f.t)), 1.292737643, 1e-9);
    CHECK_NEAR(first_of(&f, u), -1.185475287, 1e-9);
    CHECK_NEAR(first_of(&f, flow_map(&f, f.x, zero, f.t)), 1.671812836, 1e-9);
    CHECK_NEAR(first_of(&f, pf_sub(g, f.x, pf_mul(g, f.t, u))), 1.589106465, 1e-9);
    pf_value one = pf_constant(g, 1, pf_shape_of(1, D));
    CHECK_NEAR(first_of(&f, flow_map(&f, f.x, zero, one)), 1.78, 1e-12);
    CHECK_NEAR(first_of(&f, average_velocity(&f, f.x, zero, one)), -1.08, 1e-12);
    pf_graph_destroy(&g);
}

/* MeanFlow: v - (t-r) du/dt = u, with du/dt along (v, 0, 1). */
static void test_meanflow_identity(void) {
    static const double points[][3] = {{0.7, 0.25, 0.75}, {-1.2, 0, 1}, {2, 0.4, 0.45}, {0.1, 0.1, 0.9}};
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        field f;
        open_field(&f, points[i][0], points[i][1], points[i][2]);
        pf_graph *g = f.g;
        pf_value x[3] = {f.x, f.r, f.t}, v = velocity(&f, f.x, f.t), du;
        pf_value dx[3] = {v, 0, pf_constant(g, 1, pf_shape_of(1, D))},
                 u = average_velocity(&f, f.x, f.r, f.t);
        CHECK_INT(pf_jvp(g, &u, 1, x, dx, 3, &du), PF_OK);
        pf_value target = pf_sub(g, v, pf_mul(g, pf_sub(g, f.t, f.r), du));
        double is[D], want[D];
        test_run(g, target, f.binding, 5, is);
        test_run(g, u, f.binding, 5, want);
        for (int d = 0; d < D; d++) CHECK_NEAR(is[d], want[d], 1e-9);
        if (i == 0) CHECK_NEAR(first_of(&f, du), 0.17706411, 1e-8);
        pf_graph_destroy(&g);
    }
}

/* The consistency function does not change along the flow; the flow map composes. */
static void test_constancy(void) {
    field f;
    open_field(&f, 0.7, 0.25, 0.75);
    pf_graph *g = f.g;
    pf_value zero = pf_constant(g, 0, pf_shape_of(1, D)), one = pf_constant(g, 1, pf_shape_of(1, D)), df;
    pf_value end = flow_map(&f, f.x, zero, f.t), x[2] = {f.x, f.t}, dx[2] = {velocity(&f, f.x, f.t), one};
    CHECK_INT(pf_jvp(g, &end, 1, x, dx, 2, &df), PF_OK);
    double out[D], want[D];
    test_run(g, df, f.binding, 5, out);
    for (int d = 0; d < D; d++) CHECK_NEAR(out[d], 0, 1e-9);
    /* the gradient of |df/dt|^2 by the parameters vanishes with it */
    pf_value loss = pf_sum_all(g, pf_square(g, df)), unit = pf_constant(g, 1, pf_shape_of(0)), sbar;
    CHECK_INT(pf_vjp(g, &loss, &unit, 1, &f.s, 1, &sbar), PF_OK);
    test_run(g, sbar, f.binding, 5, out);
    for (int d = 0; d < D; d++) CHECK_NEAR(out[d], 0, 1e-9);
    pf_value between = flow_map(&f, flow_map(&f, f.x, f.r, f.t), zero, f.r);
    test_run(g, between, f.binding, 5, out);
    test_run(g, end, f.binding, 5, want);
    for (int d = 0; d < D; d++) CHECK_NEAR(out[d], want[d], 1e-12);
    pf_graph_destroy(&g);
}

/* ---- solvers from t = 1 to 0 ---- */

typedef struct stepper {
    const char *name;
    pf_value (*step)(const field *f, pf_value x, pf_value t, pf_value h); /* x at t - h */
    double error_4, error_64;
} stepper;

/* x - h k */
static pf_value back(const field *f, pf_value x, pf_value h, pf_value k) {
    return pf_sub(f->g, x, pf_mul(f->g, h, k));
}

static pf_value euler(const field *f, pf_value x, pf_value t, pf_value h) {
    return back(f, x, h, velocity(f, x, t));
}

static pf_value midpoint(const field *f, pf_value x, pf_value t, pf_value h) {
    pf_value half = pf_mul_number(f->g, h, 0.5);
    pf_value middle = back(f, x, half, velocity(f, x, t));
    return back(f, x, h, velocity(f, middle, pf_sub(f->g, t, half)));
}

static pf_value heun(const field *f, pf_value x, pf_value t, pf_value h) {
    pf_value first = velocity(f, x, t);
    pf_value second = velocity(f, back(f, x, h, first), pf_sub(f->g, t, h));
    return back(f, x, h, pf_mul_number(f->g, pf_add(f->g, first, second), 0.5));
}

static pf_value runge_kutta(const field *f, pf_value x, pf_value t, pf_value h) {
    pf_graph *g = f->g;
    pf_value half = pf_mul_number(g, h, 0.5), middle = pf_sub(g, t, half);
    pf_value a = velocity(f, x, t), b = velocity(f, back(f, x, half, a), middle);
    pf_value c = velocity(f, back(f, x, half, b), middle), d = velocity(f, back(f, x, h, c), pf_sub(g, t, h));
    pf_value sum = pf_add(g, pf_add(g, a, d), pf_mul_number(g, pf_add(g, b, c), 2));
    return back(f, x, h, pf_mul_number(g, sum, 1.0 / 6));
}

static const stepper steppers[] = {
    {"Euler", euler, 9.82e-2, 7.08e-3},
    {"midpoint", midpoint, 1.21e-3, 3.64e-7},
    {"Heun", heun, 4.85e-3, 5.01e-5},
    {"RK4", runge_kutta, 1.75e-5, 1.79e-10},
};

/* The error at t = 0 of the first dimension; r holds the step. */
static double solve(const stepper *s, int n) {
    field f;
    open_field(&f, 0.7, 1.0 / n, 1);
    pf_value next = s->step(&f, f.x, f.t, f.r);
    for (int i = 0; i < n; i++) {
        double out[D];
        for (int d = 0; d < D; d++) f.data[2][d] = 1 - (double)i / n;
        test_run(f.g, next, f.binding, 5, out);
        memcpy(f.data[0], out, sizeof out);
    }
    double end = f.data[0][0];
    pf_graph_destroy(&f.g);
    return fabs(end - 1.78); /* X(.7,0,1) = m + s x */
}

static void test_solvers(void) {
    for (size_t i = 0; i < sizeof steppers / sizeof *steppers; i++) {
        double coarse = solve(&steppers[i], 4), fine = solve(&steppers[i], 64);
        int good = fabs(coarse / steppers[i].error_4 - 1) < 0.01 &&
                   fabs(fine / steppers[i].error_64 - 1) < 0.01;
        if (!good) fprintf(stderr, "%s: %.3g and %.3g\n", steppers[i].name, coarse, fine);
        CU_ASSERT(good);
    }
}

/* The same by one unrolled graph of some two thousand nodes. */
static void test_unrolled(void) {
    field f;
    open_field(&f, 0.7, 1.0 / 32, 1);
    pf_value x = f.x;
    for (int i = 0; i < 32; i++) x = runge_kutta(&f, x, pf_sub(f.g, f.t, pf_mul_number(f.g, f.r, i)), f.r);
    CU_ASSERT(f.g->node_count > 1500);
    CHECK_NEAR(fabs(first_of(&f, x) - 1.78), solve(&steppers[3], 32), 1e-13);
    pf_value one = pf_constant(f.g, 1, pf_shape_of(1, D)), xbar, simple = x; /* dX/dx = s at r = 0, t = 1 */
    CHECK_INT(pf_vjp(f.g, &x, &one, 1, &f.x, 1, &xbar), PF_OK);
    CHECK_NEAR(first_of(&f, xbar), 0.4, 1e-6);
    CHECK_INT(pf__simplify(f.g, &simple, 1), PF_OK);
    CHECK_NEAR(first_of(&f, simple), first_of(&f, x), 1e-12);
    pf_graph_destroy(&f.g);
}

void test_gaussian_suite(void) {
    CU_pSuite s = CU_add_suite("Gaussian closed forms", NULL, NULL);
    CU_add_test(s, "closed forms", test_closed_forms);
    CU_add_test(s, "MeanFlow identity", test_meanflow_identity);
    CU_add_test(s, "constancy along the flow", test_constancy);
    CU_add_test(s, "solver orders", test_solvers);
    CU_add_test(s, "unrolled", test_unrolled);
}
