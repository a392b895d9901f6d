/* SPDX-License-Identifier: MIT
 * The velocity of known laws: closed forms, sums written out plainly, and the graph in double and on the
 * device. */
#include "run/fixture.h"
#include "run/velocity.h"

void test_velocity_suite(void);

enum { POINTS = 64, TIMES = 7 };
static const double times[TIMES] = {0, 1e-3, 0.05, 0.3, 0.5, 0.9, 1};

static pf__velocity *of_law(const pf__law *law, const double *mean, const double *deviation, int64_t scales) {
    pf_error error = {0};
    pf__velocity *v = NULL;
    CHECK_OK(pf__velocity_of_law(&v, law, "a law", mean, deviation, scales, &error), error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(v);
    return v;
}

static pf__velocity *of_set(const char *path, const double *mean, const double *deviation, int64_t scales) {
    pf_error error = {0};
    pf_dataset *set = NULL;
    pf__velocity *v = NULL;
    CHECK_OK(pf_dataset_open(path, &set, &error), error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    CHECK_OK(pf__velocity_create(&v, set, mean, deviation, scales, &error), error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(v);
    pf_dataset_close(&set);
    return v;
}

/* methods.md 8.1: m = 1.5, s = 0.4 */
static void one_gaussian(void) {
    double m = 1.5, s2 = 0.16, zero = 0, one = 1, two = 2, x = 0.7, v;
    pf__law law = {.count = 1, .dim = 1, .mean = &m, .covariance = &s2};
    pf__velocity *plain = of_law(&law, &zero, &one, 1), *scaled = of_law(&law, &one, &two, 1);
    pf__velocity_at(plain, &x, 0.75, &v);
    CHECK_NEAR(v, -1.096943231, 1e-9);
    double m2 = 0.25, s22 = 0.04; /* ((1.5 - 1) / 2, 0.16 / 4) */
    pf__law same = {.count = 1, .dim = 1, .mean = &m2, .covariance = &s22};
    pf__velocity *other = of_law(&same, &zero, &one, 1);
    double w, u;
    pf__velocity_at(scaled, &x, 0.4, &w);
    pf__velocity_at(other, &x, 0.4, &u);
    CHECK_NEAR(w, u, 1e-14);
    static const struct {
        const char *solver;
        int steps;
        double error;
    } known[] = {{"euler", 4, 9.82e-2}, {"midpoint", 4, 1.21e-3}, {"heun", 4, 4.85e-3},
                 {"rk4", 4, 1.75e-5},   {"euler", 64, 7.08e-3},   {"midpoint", 64, 3.64e-7},
                 {"heun", 64, 5.01e-5}, {"rk4", 64, 1.79e-10}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        double y = 0.7, work[8];
        for (int k = known[i].steps; k > 0; k--)
            pf__velocity_advance(plain, pf__solver_find(known[i].solver), &y, (double)k / known[i].steps,
                                 -1.0 / known[i].steps, work);
        CU_ASSERT(fabs(fabs(y - 1.78) / known[i].error - 1) < 6e-3);
    }
    pf__velocity_free(&plain);
    pf__velocity_free(&scaled);
    pf__velocity_free(&other);
}

/* E[b - a | x] of the eight centres by sums of densities, nothing taken off: long double has the range. */
static void plain_sum(const double *x, double t, const double *mean, const double *deviation, double *v) {
    long double total = 0, sum[2] = {0};
    for (int k = 0; k < 8; k++) {
        long double q = 0, each[2];
        for (int d = 0; d < 2; d++) {
            double angle = acos(-1.0) / 4 * k, centre = d ? 2 * sin(angle) : 2 * cos(angle);
            double mu = (centre - mean[d]) / deviation[d], l = 0.01 / (deviation[d] * deviation[d]);
            long double e2 = (1 - t) * (1 - t) * l + t * t, off = x[d] - (1 - t) * mu;
            q += off * off / e2;
            each[d] = (t - (1 - t) * l) / e2 * off - mu;
        }
        long double weight = expl(-q / 2);
        total += weight;
        for (int d = 0; d < 2; d++) sum[d] += weight * each[d];
    }
    for (int d = 0; d < 2; d++) v[d] = (double)(sum[d] / total);
}

static void eight_gaussians(void) {
    const char *path = test_set("8g.h5", &(pf_make_desc){.kind = "8gaussians", .train = 64, .noise = -1});
    const double mean[2] = {0.1, -0.2}, deviation[2] = {1.4, 1.5};
    pf__velocity *v = of_set(path, mean, deviation, 2);
    CHECK_INT(v->count, 8);
    CU_ASSERT_PTR_NULL(v->axes);
    for (int i = 0; i < TIMES; i++)
        for (int p = 0; p < POINTS; p++) {
            double x[2] = {3 * sin(1.7 * p), 3 * cos(2.3 * p + 1)}, ours[2], plain[2];
            plain_sum(x, times[i], mean, deviation, plain);
            pf__velocity_at(v, x, times[i], ours);
            for (int d = 0; d < 2 && isfinite(plain[d]); d++) CHECK_NEAR(ours[d], plain[d], 1e-9);
            CU_ASSERT(isfinite(ours[0]) && isfinite(ours[1]));
        }
    double far[2] = {1e4, -3e3}, at[2]; /* every density is 0 in double */
    pf__velocity_at(v, far, 0, at);
    CU_ASSERT(isfinite(at[0]) && isfinite(at[1]));
    pf__velocity_free(&v);
}

/* A rotated 2-D Gaussian keeps its axes: the flow ends at m + C^(1/2) b, here by the fine path. */
static void rotated(void) {
    const double mean[2] = {1.5, -0.5}, covariance[4] = {1.1, 0.5, 0.5, 0.4}, zero[2] = {0}, one[2] = {1, 1};
    const char *path = test_set(
        "rotated.h5",
        &(pf_make_desc){
            .kind = "gaussian", .train = 64, .noise = -1, .dim = 2, .mean = mean, .covariance = covariance});
    pf__velocity *v = of_set(path, zero, one, 2);
    CU_ASSERT_PTR_NOT_NULL(v->axes);
    /* C^(1/2) = (C + sqrt(det C) I) / sqrt(tr C + 2 sqrt(det C)) in two dimensions */
    const double det = sqrt(1.1 * 0.4 - 0.25), over = 1 / sqrt(1.5 + 2 * det);
    for (int p = 0; p < POINTS; p++) {
        double x[2] = {sin(1.7 * p), cos(2.3 * p + 1)}, work[10];
        const double b[2] = {x[0], x[1]};
        for (int k = 256; k > 0; k--)
            pf__velocity_advance(v, pf__solver_find("rk4"), x, k / 256.0, -1 / 256.0, work);
        CHECK_NEAR(x[0], mean[0] + over * ((1.1 + det) * b[0] + 0.5 * b[1]), 1e-8);
        CHECK_NEAR(x[1], mean[1] + over * (0.5 * b[0] + (0.4 + det) * b[1]), 1e-8);
    }
    pf__velocity_free(&v);
}

/* ---- the graph ---- */

/* Unlike fmax it keeps what is not a number. */
static double most(double worst, double error) {
    return error > worst || isnan(error) ? error : worst;
}

/* In double the graph is the host's formula to rounding. */
static void check_interpreted(pf__velocity *v, const pf_graph *g, const pf_value *out) {
    pf_error error = {0};
    double x[2 * POINTS], t[POINTS], ours[2 * POINTS], *outs[1] = {ours}, worst = 0;
    const int n = (int)v->dim;
    for (int p = 0; p < POINTS * n; p++) x[p] = 3 * sin(1.7 * p);
    for (int p = 0; p < POINTS; p++) t[p] = (double)p / (POINTS - 1);
    const pf_binding bindings[] = {{"x", x},
                                   {"t", t},
                                   {"teacher:law/centre", v->centre},
                                   {"teacher:law/variance", v->variance},
                                   {"teacher:law/axes", v->axes}};
    CHECK_OK(pf_interpret(g, out, 1, bindings, v->axes ? 5 : 4, 1, 0, outs, &error), error);
    for (int p = 0; p < POINTS; p++) {
        double exact[2];
        pf__velocity_at(v, x + p * n, t[p], exact);
        for (int d = 0; d < n; d++)
            worst = most(worst, fabs(ours[p * n + d] - exact[d]) / fmax(1, fabs(exact[d])));
    }
    CU_ASSERT(worst < 1e-10);
}

static void check_graph(pf__velocity *v) {
    pf_error error = {0};
    pf_graph *g = NULL;
    pf__params params = {0};
    const int n = (int)v->dim;
    CHECK_OK(pf_graph_create(&g, &error), error);
    pf_value x = pf_input(g, "x", PF_F32, pf_shape_of(2, POINTS, n)),
             t = pf_input(g, "t", PF_F32, pf_shape_of(1, POINTS));
    pf_value out = pf__velocity_graph(v, g, &params, PF__TEACHER, x, t);
    CHECK_OK(pf_graph_check(g, &error), error);
    check_interpreted(v, g, &out);
    float flat[512], place[2 * POINTS], moment[POINTS], ours[2 * POINTS];
    CU_ASSERT_FATAL(params.flat_count <= 512 && n <= 2);
    pf__velocity_values(v, &params, flat);
    pf__buffer *buffer[4] = {NULL}; /* x, t, law, out */
    size_t bytes[4] = {sizeof(float) * (size_t)(POINTS * n), sizeof moment, params.flat_count * sizeof(float),
                       sizeof(float) * (size_t)(POINTS * n)};
    for (int i = 0; i < 4; i++)
        CHECK_OK(pf__buffer_create(test_context(), bytes[i], "a test", &buffer[i], &error), error);
    pf__binds binds = {0};
    pf__binds_add(&binds, "x", buffer[0], 0);
    pf__binds_add(&binds, "t", buffer[1], 0);
    pf__binds_add_group(&binds, &params, PF__TEACHER, buffer[2]);
    pf__output output = {.value = out, .buffer = buffer[3]};
    pf__plan *plan = NULL;
    CHECK_OK(pf__plan_create(&plan,
                             &(pf__plan_desc){.name = "velocity",
                                              .context = test_context(),
                                              .graph = g,
                                              .outputs = &output,
                                              .output_count = 1,
                                              .binds = binds.list,
                                              .bind_count = binds.count},
                             &error),
             error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(plan);
    CHECK_OK(pf__buffer_write(buffer[2], 0, flat, bytes[2], true, &error), error);
    double worst = 0;
    for (int i = 0; i < TIMES; i++) {
        for (int p = 0; p < POINTS * n; p++) place[p] = (float)(3 * sin(1.7 * p + i));
        for (int p = 0; p < POINTS; p++) moment[p] = (float)times[i];
        CHECK_OK(pf__buffer_write(buffer[0], 0, place, bytes[0], true, &error), error);
        CHECK_OK(pf__buffer_write(buffer[1], 0, moment, bytes[1], true, &error), error);
        CHECK_OK(pf__plan_replay(plan, &error), error);
        CHECK_OK(pf__buffer_read(buffer[3], 0, ours, bytes[3], &error), error);
        for (int p = 0; p < POINTS; p++) {
            double at[2], exact[2];
            for (int d = 0; d < n; d++) at[d] = (double)place[p * n + d];
            pf__velocity_at(v, at, (double)moment[p], exact);
            for (int d = 0; d < n; d++)
                worst = most(worst, fabs((double)ours[p * n + d] - exact[d]) / fmax(1, fabs(exact[d])));
        }
    }
    CU_ASSERT(worst < 2e-4); /* where two centres weigh alike, the rounding of x is magnified */
    pf__plan_destroy(&plan);
    pf__binds_free(&binds);
    for (int i = 0; i < 4; i++) pf__buffer_release(&buffer[i]);
    pf__params_free(&params);
    pf_graph_destroy(&g);
}

static void the_graph(void) {
    const double mean[2] = {0.1, -0.2}, deviation[2] = {1.4, 1.5}, covariance[4] = {1.1, 0.5, 0.5, 0.4};
    const char *sets[] = {
        test_set("8g.h5", &(pf_make_desc){.kind = "8gaussians", .train = 64, .noise = -1}),
        test_set("tilted.h5",
                 &(pf_make_desc){
                     .kind = "gaussian", .train = 64, .noise = -1, .dim = 2, .covariance = covariance})};
    for (int i = 0; i < 2; i++) {
        pf__velocity *v = of_set(sets[i], mean, deviation, 2);
        check_graph(v);
        pf__velocity_free(&v);
    }
}

static void not_known(void) {
    pf_error error = {0};
    pf_dataset *set = NULL;
    pf__velocity *v = NULL;
    const double zero = 0, one = 1;
    CHECK_OK(pf_dataset_open(test_moons(), &set, &error), error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    CHECK_INT(pf__velocity_create(&v, set, &zero, &one, 1, &error), PF_DATA);
    CHECK_CONTAINS(error.message, "moons.h5: the velocity of this data set is not known");
    CHECK_CONTAINS(error.hint, "8gaussians");
    CU_ASSERT_PTR_NULL(v);
    pf_dataset_close(&set);
    const char *sharp = test_set("sharp.h5", &(pf_make_desc){.kind = "8gaussians", .train = 64, .noise = 0});
    CHECK_OK(pf_dataset_open(sharp, &set, &error), error);
    CHECK_INT(pf__velocity_create(&v, set, &zero, &one, 1, &error), PF_DATA);
    CHECK_CONTAINS(error.message, "not bounded at t = 0");
    pf_dataset_close(&set);
}

void test_velocity_suite(void) {
    CU_pSuite s = CU_add_suite("run/velocity", NULL, NULL);
    CU_add_test(s, "one Gaussian: closed forms, four solvers", one_gaussian);
    CU_add_test(s, "eight Gaussians: plain sums of densities", eight_gaussians);
    CU_add_test(s, "a rotated Gaussian: the flow ends at m + C^(1/2) b", rotated);
    CU_add_test(s, "the graph on the device", the_graph);
    CU_add_test(s, "sets whose velocity is not known", not_known);
}
