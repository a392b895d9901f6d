/* SPDX-License-Identifier: MIT
 * The error analysis: orders and errors by closed forms, maps that are exact or wrong in a known way, and a
 * trained network. */
#include "eval/error_analysis.h"
#include "run/fixture.h"
#include "run/probe.h"

void test_error_analysis_suite(void);

/* Data N(1.5, 0.4^2): f(x, t) = m + s / S_t (x - (1-t) m) with S_t^2 = (1-t)^2 s^2 + t^2. */
enum { POINTS = 50 };
static const double m = 1.5, s = 0.4;

/* A map f + slip t (1 - t) + lift + kink |t - 1/2|: exact with all at 0. */
typedef struct wrong {
    double slip, lift, kink;
} wrong;

static pf_status wrong_end(void *user, const double *x, double t, int64_t count, double *end, pf_error *err) {
    const wrong *w = user;
    (void)err;
    for (int64_t i = 0; i < count; i++)
        end[i] = m + s / hypot((1 - t) * s, t) * (x[i] - (1 - t) * m) + w->slip * t * (1 - t) + w->lift +
                 w->kink * fabs(t - 0.5);
    return PF_OK;
}

static pf_status wrong_rate(void *user, const double *x, const double *v, double t, int64_t count,
                            double *rate, pf_error *err) {
    const wrong *w = user;
    (void)x, (void)v, (void)err;
    for (int64_t i = 0; i < count; i++) rate[i] = w->slip * (1 - 2 * t) + w->kink * ((t > 0.5) - (t < 0.5));
    return PF_OK;
}

static pf_error_analysis analyse(wrong w, const int *steps, int step_count, pf_status want) {
    double mean = m, variance = s * s, zero = 0, one = 1, noise[POINTS];
    pf__law law = {.count = 1, .dim = 1, .mean = &mean, .covariance = &variance};
    pf_error error = {0};
    pf__velocity *v = NULL;
    pf_error_analysis out = {0};
    const pf__learnt_map map = {wrong_end, wrong_rate, &w};
    const pf_error_analysis_desc desc = {.steps = steps, .step_count = step_count};
    noise[0] = 0.7;
    for (int i = 1; i < POINTS; i++) noise[i] = 2 * sin(3.1 * i);
    CHECK_OK(pf__velocity_of_law(&v, &law, "a law", &zero, &one, 1, &error), error);
    CHECK_INT(pf__error_analyse(v, &map, noise, POINTS, &desc, &out, &error), want);
    if (want != PF_OK) CU_ASSERT(error.hint[0] != '\0');
    pf__velocity_free(&v);
    return out;
}

/* All bounds of an analysis, in every row and for every point. */
static void check_bounds(const pf_error_analysis *a) {
    for (int r = 0; r < a->row_count; r++) {
        for (int i = 0; i < PF_ANALYSIS_SOLVERS; i++) {
            const pf_discrete_row *row = &a->discrete[i].row[r];
            CU_ASSERT(a->mean <= row->bound);
            CHECK_NEAR(row->holds, 1, 1e-12);
            CHECK_NEAR(row->bound, row->eps1 + row->discretisation + row->eps2, 1e-12);
        }
        const pf_continuous_row *c = &a->continuous[r];
        CU_ASSERT(a->mean <= c->bound + 1e-9);
        CHECK_NEAR(c->bound, c->eps2 + c->eps3 + c->smoothness, 1e-12);
    }
}

static void exact_map(void) {
    pf_error_analysis a = analyse((wrong){0}, NULL, 0, PF_OK);
    CHECK_INT(a.count, POINTS);
    CHECK_INT(a.row_count, 5);
    CU_ASSERT(a.largest < 1e-10);
    CHECK_NEAR(a.same_mode, 1, 0);
    for (int r = 0; r < 5; r++) {
        const pf_continuous_row *c = &a.continuous[r];
        CU_ASSERT(c->eps3 < 1e-12 && fabs(c->smoothness) < 1e-12 && c->eps2 < 1e-10);
        /* off the exact path f jumps by what the step was wrong by */
        for (int i = 0; i < PF_ANALYSIS_SOLVERS; i++) {
            CU_ASSERT(a.discrete[i].row[r].eps2 < 1e-10);
            CU_ASSERT(a.discrete[i].row[r].eps1 < 40 * a.discrete[i].row[r].discretisation);
        }
    }
    CU_ASSERT(fabs(a.discrete[0].order - 1) < 0.1);
    CU_ASSERT(fabs(a.discrete[1].order - 2) < 0.2);
    CU_ASSERT_STRING_EQUAL(a.discrete[0].solver, "euler");
    CU_ASSERT_STRING_EQUAL(a.discrete[1].solver, "heun");
    check_bounds(&a);
}

/* Where g is off by known amounts, so is every term. */
static void wrong_maps(void) {
    const int steps[] = {4, 8, 16, 32, 64};
    pf_error_analysis a = analyse((wrong){.lift = 0.25}, steps, 5, PF_OK); /* g(x, 0) = x + 1/4 */
    CHECK_NEAR(a.mean, 0.25, 1e-9);
    CHECK_NEAR(a.median, 0.25, 1e-9);
    CHECK_NEAR(a.upper, 0.25, 1e-9);
    check_bounds(&a);
    for (int r = 0; r < 5; r++) {
        CHECK_NEAR(a.continuous[r].eps2, 0.25, 1e-9);
        CHECK_NEAR(a.discrete[1].row[r].eps2, 0.25, 1e-9);
        CHECK_NEAR(a.continuous[r].eps3 + a.continuous[r].smoothness, 0, 1e-12);
    }
    a = analyse((wrong){.slip = 1}, steps, 5, PF_OK); /* int |1 - 2t| dt = 1/2, and no error */
    CU_ASSERT(a.largest < 1e-9);
    check_bounds(&a);
    for (int r = 0; r < 5; r++) CHECK_NEAR(a.continuous[r].eps3, 0.5, 1e-12); /* 1/2 is on every grid */
    a = analyse((wrong){.kink = 1}, steps, 5, PF_OK);
    check_bounds(&a);
    CHECK_NEAR(a.mean, 0.5, 1e-9); /* of lift 1/2 at both ends */
    for (int r = 0; r < 5; r++) {  /* |dg/dt| = 1 but at t = 1/2: what the grid is off by is the smoothness */
        CHECK_NEAR(a.continuous[r].eps3, 1 - 1.0 / steps[r], 1e-12);
        CHECK_NEAR(a.continuous[r].smoothness, 7.0 / 8 / steps[r], 1e-12);
    }
}

/* methods.md 8.1: errors of the solvers from x = 0.7; here with the others' weight of 0. */
static void known_errors(void) {
    double mean = m, variance = s * s, zero = 0, one = 1, noise = 0.7;
    const int steps[] = {4, 64};
    pf__law law = {.count = 1, .dim = 1, .mean = &mean, .covariance = &variance};
    pf_error error = {0};
    pf__velocity *v = NULL;
    pf_error_analysis a = {0};
    wrong w = {0};
    const pf__learnt_map map = {wrong_end, wrong_rate, &w};
    CHECK_OK(pf__velocity_of_law(&v, &law, "a law", &zero, &one, 1, &error), error);
    CHECK_OK(pf__error_analyse(v, &map, &noise, 1, &(pf_error_analysis_desc){.steps = steps, .step_count = 2},
                               &a, &error),
             error);
    static const double want[2][2] = {{9.82e-2, 7.08e-3}, {4.85e-3, 5.01e-5}};
    for (int i = 0; i < 2; i++)
        for (int r = 0; r < 2; r++)
            CU_ASSERT(fabs(a.discrete[i].row[r].discretisation / want[i][r] - 1) < 2e-3);
    pf__velocity_free(&v);
}

static void wrong_steps(void) {
    const int falling[] = {8, 4}, uneven[] = {3, 8}, none[] = {0, 8}, many[] = {1, 8192}, one[] = {8};
    analyse((wrong){0}, falling, 2, PF_USAGE);
    analyse((wrong){0}, uneven, 2, PF_USAGE);
    analyse((wrong){0}, none, 2, PF_USAGE);
    analyse((wrong){0}, many, 2, PF_USAGE);
    analyse((wrong){0}, one, 1, PF_USAGE);
}

/* ---- of networks ---- */

static pf_checkpoint *trained(const char *name, const char *data, const char *const *pairs) {
    pf_error error = {0};
    pf_checkpoint *c = NULL;
    const char *folder = test_path(name);
    pf_config *config = test_config(data, pairs);
    CHECK_OK(test_train(folder, PF_FOLDER_NEW, config, 0, &error), error);
    pf_config_destroy(&config);
    CHECK_OK(pf_checkpoint_open(folder, &c, &error), error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    return c;
}

static pf_status analyse_trained(pf_checkpoint *c, const char *data, pf_error_analysis *out,
                                 pf_error *error) {
    const int steps[] = {1, 2, 4, 8, 16};
    pf_sampler *sampler = NULL;
    pf_dataset *set = NULL;
    CHECK_OK(pf_dataset_open(data, &set, error), *error);
    CHECK_OK(pf_sampler_create(&sampler,
                               &(pf_sampler_desc){.context = test_context(), .checkpoint = c, .batch = 128},
                               error),
             *error);
    CU_ASSERT_FATAL(sampler && set);
    pf_status st = pf_error_analyse(
        sampler, set, &(pf_error_analysis_desc){.count = 300, .steps = steps, .step_count = 5}, out, error);
    pf_sampler_destroy(&sampler);
    pf_dataset_close(&set);
    return st;
}

/* Each method that learns a map in time, taught by the analytic velocity where it takes a teacher. */
static void networks(void) {
    static const char *const pairs[][8] = {
        {"method.name=consistency", "method.form=distillation", "method.teacher=analytic", "train.steps=100",
         NULL},
        {"method.name=continuous", "method.form=full", "method.velocity=teacher", "method.teacher=analytic",
         "train.steps=100", NULL},
        {"method.name=continuous", "method.form=trigflow", "method.velocity=teacher",
         "method.teacher=analytic", "train.steps=100", NULL},
        {"method.name=consistency", "method.parametrisation=free", "method.boundary=1", "train.steps=100",
         NULL},
        {"method.name=meanflow", "train.steps=100", NULL},
    };
    const char *data = test_set("8g.h5", &(pf_make_desc){.kind = "8gaussians", .train = 4096, .noise = -1});
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char name[32];
        snprintf(name, sizeof name, "analysed-%zu", i);
        pf_checkpoint *c = trained(name, data, pairs[i]);
        pf_error error = {0};
        pf_error_analysis a = {0};
        CHECK_OK(analyse_trained(c, data, &a, &error), error);
        check_bounds(&a);
        CU_ASSERT(a.mean > 0.01 && a.mean < 2);
        CU_ASSERT(a.median <= a.upper && a.upper <= a.largest);
        const double eps2 = a.continuous[0].eps2;
        CU_ASSERT(i == 3 ? eps2 > 1e-3 : eps2 < 1e-5); /* only the free one may miss g(x, 0) = x */
        pf_checkpoint_close(&c);
    }
}

/* dg/dt by forward mode is the slope of g along the path, which the two integrals see alike. */
static void rates(void) {
    const char *pairs[] = {"method.name=meanflow", "train.steps=100", NULL};
    const char *data = test_set("8g.h5", &(pf_make_desc){.kind = "8gaussians", .train = 4096, .noise = -1});
    pf_checkpoint *c = trained("rates", data, pairs);
    pf_error error = {0};
    pf_sampler *sampler = NULL;
    pf__probe *probe = NULL;
    CHECK_OK(
        pf_sampler_create(&sampler, &(pf_sampler_desc){.context = test_context(), .checkpoint = c}, &error),
        error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(sampler);
    CHECK_OK(pf__probe_create(&probe, sampler, &error), error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(probe);
    enum { N = 40 };
    const double t = 0.6, h = 1e-2;
    float x[2 * N], v[2 * N], near[2][2 * N], end[2][2 * N], rate[2 * N];
    for (int i = 0; i < 2 * N; i++) x[i] = (float)sin(1.3 * i), v[i] = (float)cos(2.1 * i);
    for (int k = 0; k < 2; k++) {
        const double off = k ? h : -h;
        for (int i = 0; i < 2 * N; i++) near[k][i] = (float)((double)x[i] + off * (double)v[i]);
        CHECK_OK(pf__probe_end(probe, near[k], t + off, N, end[k], &error), error);
    }
    CHECK_OK(pf__probe_rate(probe, x, v, t, N, rate, &error), error);
    for (int i = 0; i < 2 * N; i++) {
        const double slope = ((double)end[1][i] - (double)end[0][i]) / (2 * h);
        CHECK_NEAR((double)rate[i], slope, 5e-3);
    }
    pf__probe_destroy(&probe);
    pf_sampler_destroy(&sampler);
    pf_checkpoint_close(&c);
}

static void refused(void) {
    static const struct {
        const char *pairs[4], *message, *hint;
        pf_status status;
        bool moons;
    } cases[] = {
        {{"method.name=flow"}, "flow learns no map g(x, t)", "meanflow", PF_USAGE, false},
        {{"method.name=drifting"}, "drifting learns no map g(x, t)", "consistency", PF_USAGE, false},
        {{"data.labels=true"}, "a network of 8 classes", "data.labels = false", PF_USAGE, false},
        {{"method.name=meanflow"},
         "moons.h5: the velocity of this data set is not known",
         "8gaussians",
         PF_DATA,
         true},
    };
    const char *data = test_set("8g.h5", &(pf_make_desc){.kind = "8gaussians", .train = 4096, .noise = -1});
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[32];
        snprintf(name, sizeof name, "refused-%zu", i);
        pf_checkpoint *c = trained(name, data, cases[i].pairs);
        pf_error error = {0};
        pf_error_analysis a = {0};
        CHECK_INT(analyse_trained(c, cases[i].moons ? test_moons() : data, &a, &error), cases[i].status);
        CHECK_CONTAINS(error.message, cases[i].message);
        CHECK_CONTAINS(error.hint, cases[i].hint);
        pf_checkpoint_close(&c);
    }
}

void test_error_analysis_suite(void) {
    CU_pSuite suite = CU_add_suite("eval/error analysis", NULL, NULL);
    CU_add_test(suite, "an exact map: nothing to bound; orders 1 and 2", exact_map);
    CU_add_test(suite, "maps wrong in known ways", wrong_maps);
    CU_add_test(suite, "errors of the solvers by closed forms", known_errors);
    CU_add_test(suite, "numbers of steps that do not go", wrong_steps);
    CU_add_test(suite, "trained networks: every bound holds", networks);
    CU_add_test(suite, "dg/dt by forward mode against differences", rates);
    CU_add_test(suite, "what cannot be analysed", refused);
}
