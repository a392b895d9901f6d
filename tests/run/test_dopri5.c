/* SPDX-License-Identifier: MIT
 * The adaptive solver on velocities that are known: tolerances, steps of each sample, what it refuses. */
#include "run/fixture.h"
#include "run/run.h"

void test_dopri5_suite(void);

enum { DIM = 3, ROWS = 40 };
static const double mean[DIM] = {1.5, -0.5, 0}, deviation[DIM] = {0.4, 1.5, 0.1};

/* Of Gaussian data. */
static double gaussian(double x, double t, int j) {
    double s2 = deviation[j] * deviation[j], variance = (1 - t) * (1 - t) * s2 + t * t;
    return -mean[j] + (t - (1 - t) * s2) / variance * (x - (1 - t) * mean[j]);
}

typedef struct rig {
    pf__dopri5 *solver;
    pf__buffer *x, *point, *time, *velocity;
    int64_t batch;
    double (*law)(double x, double t, int j);
    int calls;
} rig;

static pf_status evaluate(void *user, pf_error *err) {
    rig *r = user;
    float x[ROWS * DIM], t[ROWS], v[ROWS * DIM];
    const size_t bytes = (size_t)r->batch * DIM * sizeof *x;
    r->calls++;
    PF__TRY(pf__buffer_read(r->point, 0, x, bytes, err));
    PF__TRY(pf__buffer_read(r->time, 0, t, (size_t)r->batch * sizeof *t, err));
    for (int i = 0; i < r->batch * DIM; i++) v[i] = (float)r->law((double)x[i], (double)t[i / DIM], i % DIM);
    return pf__buffer_write(r->velocity, 0, v, bytes, true, err);
}

static void rig_begin(rig *r, int64_t batch, double tolerance, double (*law)(double, double, int)) {
    pf_error error = {0};
    pf_context *c = test_context();
    const size_t bytes = (size_t)batch * DIM * sizeof(float);
    *r = (rig){.batch = batch, .law = law};
    CHECK_OK(pf__buffer_create(c, bytes, "x", &r->x, &error), error);
    CHECK_OK(pf__buffer_create(c, bytes, "point", &r->point, &error), error);
    CHECK_OK(pf__buffer_create(c, bytes, "velocity", &r->velocity, &error), error);
    CHECK_OK(pf__buffer_create(c, (size_t)batch * sizeof(float), "time", &r->time, &error), error);
    pf__dopri5_desc desc = {
        .context = c,
        .state = pf_shape_of(2, (int)batch, DIM),
        .rtol = tolerance,
        .atol = tolerance,
        .x = r->x,
        .point = r->point,
        .time = r->time,
        .velocity = r->velocity,
        .evaluate = evaluate,
        .user = r,
    };
    CHECK_OK(pf__dopri5_create(&r->solver, &desc, &error), error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r->solver);
}

static void rig_end(rig *r) {
    pf__dopri5_destroy(&r->solver);
    pf__buffer_release(&r->x);
    pf__buffer_release(&r->point);
    pf__buffer_release(&r->time);
    pf__buffer_release(&r->velocity);
}

static void noise(float x[ROWS * DIM]) {
    for (int i = 0; i < ROWS * DIM; i++) x[i] = 2.5f * (float)sin(1.7 * i + 0.3); /* from -2.5 to 2.5 */
}

/* x, in place, by batches of r->batch rows. */
static pf_status solve(rig *r, float x[ROWS * DIM], int evaluations[ROWS], pf_error *error) {
    for (int64_t first = 0; first < ROWS; first += r->batch) {
        int64_t rows = ROWS - first < r->batch ? ROWS - first : r->batch;
        size_t bytes = (size_t)rows * DIM * sizeof *x;
        CHECK_OK(pf__buffer_write(r->x, 0, x + first * DIM, bytes, true, error), *error);
        PF__TRY(pf__dopri5_run(r->solver, rows, (uint64_t)first, evaluations + first, error));
        CHECK_OK(pf__buffer_read(r->x, 0, x + first * DIM, bytes, error), *error);
    }
    return PF_OK;
}

/* The flow map of Gaussian data is m + s b. Worst errors and mean evaluations are those of the same scheme in
 * float64, written a second time in Python; below 1e-4 single precision decides on some steps. */
static void tolerance_is_kept(void) {
    static const struct {
        double tolerance, error, nfe;
    } rows[] = {{1e-2, 0.18390, 14},
                {1e-3, 7.4059e-3, 33.95},
                {1e-4, 9.3326e-4, 45.65},
                {1e-5, 3.1790e-4, 62.9},
                {1e-6, 1.7066e-6, 91.55}};
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        pf_error error = {0};
        rig r;
        float x[ROWS * DIM], b[ROWS * DIM];
        int evaluations[ROWS], most = 0;
        double worst = 0, nfe = 0;
        noise(b);
        memcpy(x, b, sizeof x);
        rig_begin(&r, ROWS, rows[k].tolerance, gaussian);
        CHECK_OK(solve(&r, x, evaluations, &error), error);
        for (int i = 0; i < ROWS * DIM; i++)
            worst = fmax(worst, fabs((double)x[i] - mean[i % DIM] - deviation[i % DIM] * (double)b[i]));
        for (int i = 0; i < ROWS; i++) {
            nfe += evaluations[i] / (double)ROWS;
            most = evaluations[i] > most ? evaluations[i] : most;
        }
        CHECK_INT(r.calls, most); /* the batch goes on for the slowest, no longer */
        CHECK_NEAR(nfe / rows[k].nfe, 1, k < 3 ? 0.01 : 0.15);
        if (k < 3)
            CHECK_NEAR(worst / rows[k].error, 1, 0.2);
        else
            CU_ASSERT(worst < 50 * rows[k].tolerance);
        rig_end(&r);
    }
}

/* Neighbours of a sample change nothing, to the last bit: neither its value nor its steps. */
static void samples_stand_alone(void) {
    static const int64_t batches[] = {ROWS, 7, 1};
    float x[3][ROWS * DIM];
    int evaluations[3][ROWS];
    for (int k = 0; k < 3; k++) {
        pf_error error = {0};
        rig r;
        noise(x[k]);
        x[k][0] = 100; /* this one takes smaller steps */
        rig_begin(&r, batches[k], 1e-4, gaussian);
        CHECK_OK(solve(&r, x[k], evaluations[k], &error), error);
        CU_ASSERT_EQUAL(memcmp(x[k], x[0], sizeof x[0]), 0);
        CU_ASSERT_EQUAL(memcmp(evaluations[k], evaluations[0], sizeof evaluations[0]), 0);
        rig_end(&r);
    }
    int differ = 0;
    for (int i = 1; i < ROWS; i++) differ += evaluations[0][i] != evaluations[0][0];
    CU_ASSERT(differ > 0);
}

/* A bend that no step may pass unseen: a velocity that jumps. */
static double jump(double x, double t, int j) {
    (void)x, (void)j;
    return t > 0.37 ? 1 : -3;
}

static void a_jump_is_stepped_over_finely(void) {
    pf_error error = {0};
    rig r;
    float x[ROWS * DIM] = {0};
    int evaluations[ROWS];
    rig_begin(&r, ROWS, 1e-4, jump);
    CHECK_OK(solve(&r, x, evaluations, &error), error);
    double worst = 0;
    for (int i = 0; i < ROWS * DIM; i++) worst = fmax(worst, fabs((double)x[i] - (3 * 0.37 - 0.63)));
    CU_ASSERT(worst < 5e-3);
    CU_ASSERT(evaluations[0] > 60);
    rig_end(&r);
}

static double not_a_number(double x, double t, int j) {
    (void)j;
    return t < 0.5 && x > 8 ? (double)NAN : 0.5;
}

static double wild(double x, double t, int j) {
    (void)x;
    return 1e4 * sin(1e5 * t + j);
}

static void refusals(void) {
    pf_error error = {0};
    rig r;
    float x[ROWS * DIM] = {0};
    int evaluations[ROWS];
    x[33 * DIM] = 9;
    rig_begin(&r, 8, 1e-4, not_a_number);
    CHECK_INT(solve(&r, x, evaluations, &error), PF_NAN);
    CHECK_CONTAINS(error.message, "sample 33 is not finite");
    x[33 * DIM] = 0; /* and what is left in the solver's memory does no harm */
    CHECK_OK(solve(&r, x, evaluations, &error), error);
    rig_end(&r);
    rig_begin(&r, ROWS, 1e-5, wild);
    CHECK_INT(solve(&r, x, evaluations, &error), PF_USAGE);
    CHECK_CONTAINS(error.message, "dopri5: 1000 steps brought sample ");
    CHECK_CONTAINS(error.hint, "raise rtol and atol (1e-05 and 1e-05)");
    rig_end(&r);
}

void test_dopri5_suite(void) {
    CU_pSuite s = CU_add_suite("run/dopri5", NULL, NULL);
    CU_add_test(s, "tolerances on Gaussian data", tolerance_is_kept);
    CU_add_test(s, "samples stand alone", samples_stand_alone);
    CU_add_test(s, "a jump", a_jump_is_stepped_over_finely);
    CU_add_test(s, "not a number, too many steps", refusals);
}
