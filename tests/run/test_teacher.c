/* SPDX-License-Identifier: MIT
 * Groups beside the student: theta- and the teacher in training, in checkpoints and on resuming; fresh noise
 * in sampling. */
#include "run/fixture.h"
#include "run/run.h"
#include <string.h>
#include <unistd.h>

void test_teacher_suite(void);

/* test_path keeps eight paths; these stay. */
static const char *keep(const char *path) {
    static char kept[24][512];
    static int count;
    for (int i = 0; i < count; i++)
        if (strcmp(kept[i], path) == 0) return kept[i];
    CU_ASSERT_FATAL(count < 24);
    snprintf(kept[count], sizeof kept[0], "%s", path);
    return kept[count++];
}

/* A small flow run on the moons, once per name. */
static const char *teacher(const char *name, const char *pair) {
    pf_error error = {0};
    const char *pairs[] = {"method.name=flow", "train.steps=10", pair, NULL}, *folder = keep(test_path(name));
    if (access(folder, R_OK) == 0) return folder;
    pf_config *config = test_config(test_moons(), pairs);
    CHECK_OK(test_train(folder, PF_FOLDER_NEW, config, 0, &error), error);
    pf_config_destroy(&config);
    return folder;
}

/* A configuration that distils `folder`. */
static pf_config *distilling(const char *folder, const char *first, const char *second) {
    char pair[600];
    snprintf(pair, sizeof pair, "method.teacher=%.500s", folder);
    const char *pairs[] = {"method.name=consistency",
                           "method.form=distillation",
                           pair,
                           "method.curriculum=constant",
                           "method.mu=0.9",
                           first,
                           second,
                           NULL};
    return test_config(test_moons(), pairs);
}

static void check_same(const char *a, const char *b, int64_t step) {
    char *path[2] = {pf__folder_checkpoint(a, step), pf__folder_checkpoint(b, step)};
    char command[1400];
    snprintf(command, sizeof command, "h5diff -q --exclude-path /provenance '%s' '%s'", path[0], path[1]);
    CHECK_INT(system(command), 0);
    free(path[0]);
    free(path[1]);
}

static void resumed_equals_uninterrupted(void) {
    static const char *const curricula[] = {"method.curriculum=original", "method.curriculum=ict",
                                            "method.curriculum=ect"};
    pf_error error = {0};
    for (int i = 0; i < 3; i++) {
        const char *first = teacher("teacher", "model.width=24"); /* of another size than the student */
        pf_config *config = distilling(first, curricula[i], "method.solver=euler");
        char whole[64], parts[64];
        snprintf(whole, sizeof whole, "distil-whole-%d", i);
        snprintf(parts, sizeof parts, "distil-parts-%d", i);
        CHECK_OK(test_train(keep(test_path(whole)), PF_FOLDER_NEW, config, 0, &error), error);
        CHECK_INT(test_train(keep(test_path(parts)), PF_FOLDER_NEW, config, 7, &error), PF_INTERRUPTED);
        CHECK_INT(test_train(keep(test_path(parts)), PF_FOLDER_RESUME, config, 6, &error), PF_INTERRUPTED);
        CHECK_OK(test_train(keep(test_path(parts)), PF_FOLDER_RESUME, config, 0, &error), error);
        check_same(keep(test_path(whole)), keep(test_path(parts)), 20);
        pf_config_destroy(&config);
    }
}

/* The whole gradient of |df/dt|^2 needs a teacher; TrigFlow's warm-up changes from step to step. */
static void continuous_resumes(void) {
    pf_error error = {0};
    char pair[600];
    snprintf(pair, sizeof pair, "method.teacher=%.500s", teacher("teacher", "model.width=24"));
    const char *sets[][5] = {
        {"method.name=continuous", "method.form=full", "method.velocity=teacher", pair, NULL},
        {"method.name=continuous", "method.form=trigflow", "method.H=12", NULL},
    };
    for (int i = 0; i < 2; i++) {
        pf_config *config = test_config(test_moons(), sets[i]);
        const char *whole = keep(test_path(i ? "trig-whole" : "full-whole")),
                   *parts = keep(test_path(i ? "trig-parts" : "full-parts"));
        CHECK_OK(test_train(whole, PF_FOLDER_NEW, config, 0, &error), error);
        CHECK_INT(test_train(parts, PF_FOLDER_NEW, config, 7, &error), PF_INTERRUPTED);
        CHECK_OK(test_train(parts, PF_FOLDER_RESUME, config, 0, &error), error);
        check_same(whole, parts, 20);
        pf_config_destroy(&config);
    }
}

static void read_group(const char *folder, int64_t step, const char *group, const pf__params *params,
                       float *flat) {
    pf_error error = {0};
    pf_checkpoint *c = NULL;
    char *path = pf__folder_checkpoint(folder, step);
    CHECK_OK(pf_checkpoint_open(path, &c, &error), error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    CHECK_OK(pf__checkpoint_read_flat(c, group, params, flat, &error), error);
    pf_checkpoint_close(&c);
    free(path);
}

/* theta-(k) = mu theta-(k - 1) + (1 - mu) theta(k), from checkpoints of every step; theta-(0) = theta(0). */
static void the_target_follows(void) {
    pf_error error = {0};
    const char *pairs[] = {
        "method.name=consistency", "method.curriculum=constant", "method.mu=0.75", "train.steps=6",
        "train.save_every=1",      "train.keep_last=0",          "train.ema=0.5",  NULL};
    pf_config *config = test_config(test_moons(), pairs);
    const char *folder = keep(test_path("follows"));
    pf_trainer *t = NULL;
    pf_trainer_desc desc = {.context = test_context(), .config = config, .folder = folder};
    CHECK_OK(pf_trainer_create(&t, &desc, &error), error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    CHECK_OK(pf_trainer_run(t, &(pf_run_desc){0}, &error), error);
    const pf__params *params = &t->model.params;
    uint32_t n = params->flat_count;
    float *theta = malloc(n * sizeof *theta), *target = malloc(n * sizeof *target);
    double *expected = malloc(n * sizeof *expected), worst = 0, moved = 0;
    pf__params_initialise(params, 1, theta);
    for (uint32_t i = 0; i < n; i++) expected[i] = (double)theta[i];
    for (int64_t step = 1; step <= 6; step++) {
        read_group(folder, step, "/model", params, theta);
        read_group(folder, step, "/target", params, target);
        for (uint32_t i = 0; i < n; i++) {
            expected[i] = 0.75 * expected[i] + 0.25 * (double)theta[i];
            worst = fmax(worst, fabs(expected[i] - (double)target[i]));
            moved = fmax(moved, fabs((double)theta[i] - (double)target[i]));
        }
    }
    CU_ASSERT(worst < 1e-6);
    CU_ASSERT(moved > 1e-4);
    free(theta);
    free(target);
    free(expected);
    pf_trainer_destroy(&t);
    pf_config_destroy(&config);
}

/* A training whose data, scaling, network or teacher does not fit. */
static void check_refused(pf_config *config, pf_status want, const char *message, const char *hint) {
    pf_error error = {0};
    CHECK_INT(test_train(keep(test_path("refused")), PF_FOLDER_NEW, config, 0, &error), want);
    CHECK_CONTAINS(error.message, message);
    CHECK_CONTAINS(error.hint, hint);
    CU_ASSERT_NOT_EQUAL(access(keep(test_path("refused")), R_OK), 0);
    pf_config_destroy(&config);
}

static void wrong_teachers(void) {
    const char *strokes = keep(test_set(
        "strokes-8.h5", &(pf_make_desc){.kind = "strokes", .train = 64, .test = 8, .noise = -1, .size = 8}));
    const char *first = teacher("teacher", "model.width=24");
    pf_error error = {0};
    check_refused(distilling("", NULL, NULL), PF_USAGE, "none is given", "method.teacher = RUN");
    check_refused(distilling(keep(test_path("nowhere")), NULL, NULL), PF_DATA, "nowhere", "");
    check_refused(distilling(test_moons(), NULL, NULL), PF_DATA, "not a checkpoint", "");
    check_refused(distilling(first, "method.teacher_weights=0.5", NULL), PF_USAGE,
                  "no averaged weights '0.5'", "0.99");
    check_refused(distilling(first, "method.teacher_weights=initial", NULL), PF_USAGE, "teaches nothing", "");
    check_refused(distilling(first, "data.standardize=false", NULL), PF_DATA, "standardised otherwise",
                  "data.standardize");
    check_refused(distilling(first, "data.labels=true", NULL), PF_DATA, "knows 0 classes, the student 2",
                  "data.labels");
    char pair[600];
    snprintf(pair, sizeof pair, "data.path=%.500s", strokes);
    check_refused(distilling(first, pair, NULL), PF_DATA, "samples are [2], those of the data set [8,8,1]",
                  "same data set");
    const char *pairs[] = {"method.name=consistency", "train.steps=2", NULL};
    pf_config *config = test_config(test_moons(), pairs);
    CHECK_OK(test_train(keep(test_path("no-velocity")), PF_FOLDER_NEW, config, 0, &error), error);
    pf_config_destroy(&config);
    check_refused(distilling(keep(test_path("no-velocity")), NULL, NULL), PF_DATA, "knows no velocity",
                  "--method flow");
}

static void another_teacher_on_resuming(void) {
    pf_error error = {0};
    const char *first = teacher("teacher", "model.width=24"), *other = teacher("teacher-2", "train.seed=2");
    pf_config *config = distilling(first, NULL, NULL);
    const char *folder = keep(test_path("taught"));
    CHECK_INT(test_train(folder, PF_FOLDER_NEW, config, 3, &error), PF_INTERRUPTED);
    pf_config_destroy(&config);
    pf_config *wrong[] = {distilling(other, NULL, NULL),
                          distilling(first, "method.teacher_weights=0.9", NULL),
                          distilling("", "method.form=training", NULL)};
    for (int i = 0; i < 3; i++) {
        CHECK_INT(test_train(folder, PF_FOLDER_RESUME, wrong[i], 0, &error), PF_DATA);
        CHECK_CONTAINS(error.message, "another teacher");
        CHECK_CONTAINS(error.hint, "teacher/checkpoints/step_00000010.h5");
        pf_config_destroy(&wrong[i]);
    }
    CHECK_OK(pf__metrics_append(folder, "", &error), error); /* nothing was touched: it goes on */
    config = distilling(first, NULL, NULL);
    CHECK_OK(test_train(folder, PF_FOLDER_RESUME, config, 0, &error), error);
    pf_config_destroy(&config);
}

static pf_value straight(void *user, pf_graph *g, pf_value x, pf_value t, pf_value label) {
    (void)t, (void)label;
    return pf_mul_number(g, x, *(double *)user);
}

/* dx/dt = c x: Euler's step from t to r is 1 + (r - t) c, so that f(x, 1) is x times their product. */
static void an_analytic_teacher(void) {
    pf_error error = {0};
    double c = 0.5, factor = 1;
    const char *pairs[] = {"method.name=consistency",
                           "method.form=distillation",
                           "method.solver=euler",
                           "method.curriculum=constant",
                           "method.N=9",
                           "method.grid=uniform",
                           "method.time=uniform",
                           "method.distance=square",
                           "method.weight=none",
                           "train.steps=800",
                           "train.lr=5e-3",
                           "train.save_every=0",
                           NULL};
    for (int i = 0; i < 8; i++) factor *= 1 - c / 8;
    pf_config *config = test_config(test_moons(), pairs);
    pf_trainer_desc desc = {
        .context = test_context(), .config = config, .folder = keep(test_path("analytic"))};
    desc.teacher_velocity = straight;
    desc.teacher = &c;
    pf_trainer *t = NULL;
    CHECK_OK(pf_trainer_create(&t, &desc, &error), error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    CHECK_OK(pf_trainer_run(t, &(pf_run_desc){0}, &error), error);
    pf_trainer_destroy(&t);
    pf_checkpoint *checkpoint = NULL;
    pf_sampler *s = NULL;
    CHECK_OK(pf_checkpoint_open(desc.folder, &checkpoint, &error), error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(checkpoint);
    CU_ASSERT_STRING_EQUAL(pf__checkpoint_teacher(checkpoint), "analytic");
    CHECK_OK(pf_sampler_create(&s, &(pf_sampler_desc){.context = test_context(), .checkpoint = checkpoint},
                               &error),
             error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    float noise[256 * 2], x[256 * 2];
    double error2 = 0, plain = 0;
    pf_sampler_noise(s, 3, 0, 256, noise);
    CHECK_OK(pf_sampler_run(s, noise, NULL, 256, x, &error), error);
    pf_sampler_standardise(s, 256, x);
    for (int i = 0; i < 512; i++) {
        error2 += pow((double)x[i] - factor * (double)noise[i], 2) / 512;
        plain += pow((double)x[i] - (double)noise[i], 2) / 512;
    }
    CU_ASSERT(sqrt(error2) < 0.05);
    CU_ASSERT(sqrt(plain) > 0.3);
    pf_sampler_destroy(&s);
    pf_checkpoint_close(&checkpoint);
    CHECK_INT(test_train(keep(test_path("analytic")), PF_FOLDER_RESUME, config, 0, &error),
              PF_USAGE); /* none given */
    pf_config_destroy(&config);
}

/* method.teacher = analytic: the law of the data set, standardised as the student's data; resumed bit for
 * bit, and refused where the law is another. */
static void a_known_law(void) {
    pf_error error = {0};
    const char *data = keep(
        test_set("8g.h5", &(pf_make_desc){.kind = "8gaussians", .train = 512, .test = 64, .noise = -1}));
    const char *whole = keep(test_path("law-whole")), *parts = keep(test_path("law-parts"));
    const char *pairs[] = {"method.name=continuous",
                           "method.form=full",
                           "method.velocity=teacher",
                           "method.teacher=analytic",
                           NULL,
                           NULL};
    pf_config *config = test_config(data, pairs);
    CU_ASSERT_STRING_EQUAL(pf_config_get(config, "method.teacher"), "analytic");
    CHECK_OK(test_train(whole, PF_FOLDER_NEW, config, 0, &error), error);
    CHECK_INT(test_train(parts, PF_FOLDER_NEW, config, 7, &error), PF_INTERRUPTED);
    pf_config_destroy(&config);
    pairs[4] = "data.standardize=false";
    config = test_config(data, pairs);
    CHECK_INT(test_train(parts, PF_FOLDER_RESUME, config, 0, &error), PF_DATA);
    CHECK_CONTAINS(error.message, "another teacher (analytic ");
    pf_config_destroy(&config);
    pairs[4] = NULL;
    config = test_config(data, pairs);
    CHECK_OK(test_train(parts, PF_FOLDER_RESUME, config, 0, &error), error);
    check_same(whole, parts, 20);
    pf_config_destroy(&config);
}

enum { COUNT = 50, DIM = 2 };

/* Several evaluations: fresh noise belongs to the sample, not to the batch or the call. */
static void fresh_noise(void) {
    pf_error error = {0};
    const char *pairs[] = {"method.name=consistency", NULL};
    pf_config *config = test_config(test_moons(), pairs);
    CHECK_OK(test_train(keep(test_path("renew")), PF_FOLDER_NEW, config, 0, &error), error);
    pf_config_destroy(&config);
    pf_checkpoint *c = NULL;
    CHECK_OK(pf_checkpoint_open(keep(test_path("renew")), &c, &error), error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    static const int64_t batches[] = {64, 7, 64, 64};
    float x[4][COUNT * DIM], noise[COUNT * DIM], v[COUNT * DIM];
    double apart[4] = {0};
    for (int k = 0; k < 4; k++) {
        pf_sampler *s = NULL;
        pf_sampler_desc desc = {.context = test_context(), .checkpoint = c, .nfe = 3, .batch = batches[k]};
        CHECK_OK(pf_sampler_create(&s, &desc, &error), error);
        CU_ASSERT_PTR_NOT_NULL_FATAL(s);
        pf_sampler_noise(s, 3, 0, COUNT, noise);
        CHECK_INT(pf_sampler_velocity(s, noise, 0.5, NULL, COUNT, v, &error), PF_USAGE);
        pf_sampler_renew(s, k == 3 ? 4 : 3, 0);
        int done = k == 2 ? 10 : 0; /* in two calls */
        if (done) CHECK_OK(pf_sampler_run(s, noise, NULL, done, x[k], &error), error);
        if (done) pf_sampler_renew(s, 3, (uint64_t)done);
        CHECK_OK(pf_sampler_run(s, noise + done * DIM, NULL, COUNT - done, x[k] + done * DIM, &error), error);
        for (int i = 0; i < COUNT * DIM; i++)
            apart[k] = fmax(apart[k], fabs((double)x[k][i] - (double)x[0][i]));
        pf_sampler_destroy(&s);
    }
    CU_ASSERT(apart[1] < 1e-5);
    CU_ASSERT(apart[2] < 1e-5);
    CU_ASSERT(apart[3] > 1e-2); /* another seed */
    pf_checkpoint_close(&c);
}

static void not_a_number_stops(void) {
    const char *pairs[] = {"method.name=consistency", "method.mu=0.9", "method.curriculum=constant",
                           "train.lr=1e30",           "train.clip=0",  NULL};
    pf_error error = {0};
    pf_config *config = test_config(test_moons(), pairs);
    CHECK_INT(test_train(keep(test_path("nan-consistency")), PF_FOLDER_NEW, config, 0, &error), PF_NAN);
    pf_config_destroy(&config);
}

void test_teacher_suite(void) {
    CU_pSuite s = CU_add_suite("run/teacher", NULL, NULL);
    CU_add_test(s, "resumed = uninterrupted, with theta- and a teacher", resumed_equals_uninterrupted);
    CU_add_test(s, "continuous: resumed = uninterrupted", continuous_resumes);
    CU_add_test(s, "theta- follows theta", the_target_follows);
    CU_add_test(s, "teachers that do not fit", wrong_teachers);
    CU_add_test(s, "another teacher on resuming", another_teacher_on_resuming);
    CU_add_test(s, "a graph of the caller's as teacher", an_analytic_teacher);
    CU_add_test(s, "the law of the data set as teacher", a_known_law);
    CU_add_test(s, "fresh noise between evaluations", fresh_noise);
    CU_add_test(s, "not a number: stop", not_a_number_stops);
}
