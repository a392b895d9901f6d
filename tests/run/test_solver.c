/* SPDX-License-Identifier: MIT
 * The solvers' tables on Gaussian data N(1.5, 0.4^2), where velocity and flow map are known. */
#include "check.h"
#include "run/run.h"

static double velocity(double x, double t) {
    double m = 1.5, s2 = 0.16, variance = (1 - t) * (1 - t) * s2 + t * t;
    return -m + (t - (1 - t) * s2) / variance * (x - (1 - t) * m);
}

/* |error| of the flow from x = 0.7 at t = 1 to t = 0, whose end is 1.5 + 0.4 * 0.7. */
static double end_error(const pf__solver *s, int steps) {
    double x = 0.7, h = -1.0 / steps, k[PF__STAGES_MAX] = {0};
    for (int i = 0; i < steps; i++) {
        double t = 1 + i * h, next = x;
        for (int stage = 0; stage < s->stages; stage++) {
            double at = x;
            for (int j = 0; j < stage; j++) at += h * s->a[stage][j] * k[j];
            k[stage] = velocity(at, t + s->c[stage] * h);
            next += h * s->b[stage] * k[stage];
        }
        x = next;
    }
    return fabs(x - 1.78);
}

static void check_errors(const char *name, double at_4, double at_64) {
    const pf__solver *s = pf__solver_find(name);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CHECK_NEAR(end_error(s, 4) / at_4, 1, 5e-3);
    CHECK_NEAR(end_error(s, 64) / at_64, 1, 5e-3);
}

static void orders(void) {
    check_errors("euler", 9.82e-2, 7.08e-3);
    check_errors("midpoint", 1.21e-3, 3.64e-7);
    check_errors("heun", 4.85e-3, 5.01e-5);
    check_errors("rk4", 1.75e-5, 1.79e-10);
    const pf__solver *dopri5 = pf__solver_find("dopri5");
    CHECK_NEAR(end_error(dopri5, 4) / 1.3051e-5, 1, 5e-3);
    CHECK_NEAR(end_error(dopri5, 16) / 1.8798e-9, 1, 5e-3);
    CU_ASSERT(end_error(dopri5, 8) > 32 * end_error(dopri5, 16));
    CU_ASSERT_PTR_NULL(pf__solver_find("dopri"));
}

static void consistent_tables(void) {
    static const char *const names[] = {"euler", "midpoint", "heun", "rk4", "dopri5"};
    for (int i = 0; i < 5; i++) {
        const pf__solver *s = pf__solver_find(names[i]);
        double sum = 0, estimate = 0;
        for (int stage = 0; stage < s->stages; stage++) {
            double row = 0;
            for (int j = 0; j < PF__STAGES_MAX; j++) row += s->a[stage][j];
            CHECK_NEAR(row, s->c[stage], 1e-14);
            sum += s->b[stage];
            estimate += s->e[stage];
        }
        CHECK_NEAR(sum, 1, 1e-15);
        CHECK_NEAR(estimate, 0, 1e-15);
    }
}

/* dopri5's last stage looks at the step's end. The embedded scheme has order 4: sum (b - e) c^(p - 1) = 1/p
 * for p <= 4, and not for 5. */
static void dopri5_is_a_pair(void) {
    const pf__solver *s = pf__solver_find("dopri5");
    CU_ASSERT_TRUE(s->adaptive);
    for (int j = 0; j < PF__STAGES_MAX; j++) CHECK_NEAR(s->a[PF__STAGES_MAX - 1][j], s->b[j], 0);
    for (int p = 1; p <= 5; p++) {
        double main_ = 0, embedded = 0;
        for (int j = 0; j < PF__STAGES_MAX; j++) {
            main_ += s->b[j] * pow(s->c[j], p - 1);
            embedded += (s->b[j] - s->e[j]) * pow(s->c[j], p - 1);
        }
        CHECK_NEAR(main_, 1.0 / p, 1e-14);
        if (p <= 4) CHECK_NEAR(embedded, 1.0 / p, 1e-14);
        if (p == 5) CU_ASSERT(fabs(embedded - 0.2) > 1e-5);
    }
}

void test_solver_suite(void) {
    CU_pSuite s = CU_add_suite("run/solver", NULL, NULL);
    CU_add_test(s, "errors on Gaussian data", orders);
    CU_add_test(s, "tables add up", consistent_tables);
    CU_add_test(s, "dopri5 is a pair of orders 5 and 4", dopri5_is_a_pair);
}
