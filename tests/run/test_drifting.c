/* SPDX-License-Identifier: MIT
 * Drifting from end to end: resuming, the guard against not-a-number, one evaluation and no more. */
#include "base/file.h"
#include "run/fixture.h"
#include "run/run.h"
#include <string.h>

void test_drifting_suite(void);

/* test_path's ring is short. */
static const char *folder(const char *name, char path[512]) {
    snprintf(path, 512, "%s", test_path(name));
    return path;
}

static void check_same(const char *a, const char *b, int64_t step) {
    char *path[2] = {pf__folder_checkpoint(a, step), pf__folder_checkpoint(b, step)}, command[1400];
    snprintf(command, sizeof command, "h5diff -q --exclude-path /provenance '%s' '%s'", path[0], path[1]);
    CHECK_INT(system(command), 0);
    free(path[0]);
    free(path[1]);
}

/* Distances kept; and in blocks, normalised, with more samples than data. */
static void resumed_equals_uninterrupted(void) {
    static const char *const names[][2] = {{"drift-whole", "drift-parts"},
                                           {"drift-whole-blocks", "drift-parts-blocks"},
                                           {"drift-whole-noise", "drift-parts-noise"},
                                           {"drift-whole-labels", "drift-parts-labels"}};
    static const char *const sets[4][7] = {
        {"method.name=drifting", NULL},
        {"method.name=drifting", "method.scale=distance", "method.normalize=true", "method.generated=160",
         "method.groups=2", "drift.workspace=0.04", NULL},
        {"method.name=drifting", "method.noise=5", "method.generated=96", NULL},
        {"method.name=drifting", "data.labels=true", "method.alpha=1.5", "method.unconditional=4", NULL},
    };
    pf_error error = {0};
    for (int i = 0; i < 4; i++) {
        char whole[512], parts[512];
        pf_config *config = test_config(test_moons(), sets[i]);
        folder(names[i][0], whole);
        folder(names[i][1], parts);
        CHECK_OK(test_train(whole, PF_FOLDER_NEW, config, 0, &error), error);
        CHECK_INT(test_train(parts, PF_FOLDER_NEW, config, 7, &error), PF_INTERRUPTED);
        CHECK_OK(test_train(parts, PF_FOLDER_RESUME, config, 0, &error), error);
        check_same(whole, parts, 20);
        pf_config_destroy(&config);
    }
}

static void not_a_number_stops(void) {
    const char *pairs[] = {"method.name=drifting", "train.lr=1e30", "train.clip=0", NULL};
    pf_error error = {0};
    pf_config *config = test_config(test_moons(), pairs);
    CHECK_INT(test_train(test_path("nan-drifting"), PF_FOLDER_NEW, config, 0, &error), PF_NAN);
    CHECK_CONTAINS(error.message, "not finite");
    CU_ASSERT_TRUE(pf__file_exists(test_path("nan-drifting/debug_step.h5")));
    pf_config_destroy(&config);
}

static void one_evaluation(void) {
    enum { COUNT = 20 };
    const char *pairs[] = {"method.name=drifting", NULL};
    pf_error error = {0};
    char run[512];
    pf_config *config = test_config(test_moons(), pairs);
    CHECK_OK(test_train(folder("drift-once", run), PF_FOLDER_NEW, config, 0, &error), error);
    pf_config_destroy(&config);
    pf_checkpoint *c = NULL;
    pf_sampler *s = NULL;
    CHECK_OK(pf_checkpoint_open(run, &c, &error), error);
    pf_sampler_desc desc = {.context = test_context(), .checkpoint = c, .nfe = 2};
    CHECK_INT(pf_sampler_create(&s, &desc, &error), PF_USAGE);
    CHECK_CONTAINS(error.message, "one evaluation");
    CHECK_CONTAINS(error.hint, "--nfe");
    desc.nfe = 0;
    CHECK_OK(pf_sampler_create(&s, &desc, &error), error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CHECK_INT(pf_sampler_describe(s)->nfe, 1);
    float noise[COUNT * 2], x[COUNT * 2], v[COUNT * 2];
    pf_sampler_noise(s, 3, 0, COUNT, noise);
    CHECK_OK(pf_sampler_run(s, noise, NULL, COUNT, x, &error), error);
    for (int i = 0; i < COUNT * 2; i++) CU_ASSERT(isfinite(x[i]));
    CHECK_INT(pf_sampler_velocity(s, x, 0.5, NULL, COUNT, v, &error), PF_USAGE);
    CHECK_CONTAINS(error.message, "velocity");
    pf_sampler_destroy(&s);
    pf_checkpoint_close(&c);
}

/* Five numbers make two: the batch plays no part, files hold the noise as it is, and no pairs come of it. */
static void noise_of_its_own_size(void) {
    enum { COUNT = 20, NOISE = 5 };
    const char *pairs[] = {"method.name=drifting", "method.noise=5", NULL};
    pf_error error = {0};
    char run[512];
    float noise[COUNT * NOISE], x[2][COUNT * 2];
    pf_config *config = test_config(test_moons(), pairs);
    CHECK_OK(test_train(folder("drift-noise", run), PF_FOLDER_NEW, config, 0, &error), error);
    pf_config_destroy(&config);
    pf_checkpoint *c = NULL;
    CHECK_OK(pf_checkpoint_open(run, &c, &error), error);
    for (int k = 0; k < 2; k++) {
        pf_sampler *s = NULL;
        pf_sampler_desc desc = {.context = test_context(), .checkpoint = c, .batch = k ? 7 : 32};
        CHECK_OK(pf_sampler_create(&s, &desc, &error), error);
        CU_ASSERT_PTR_NOT_NULL_FATAL(s);
        CHECK_INT(pf_sampler_describe(s)->dim, 2);
        CHECK_INT(pf_sampler_describe(s)->noise_dim, NOISE);
        pf_sampler_noise(s, 3, 0, COUNT, noise);
        CHECK_OK(pf_sampler_run(s, noise, NULL, COUNT, x[k], &error), error);
        CHECK_INT(pf_sampler_reflow(s, test_path("drift-pairs.h5"), NULL, &error), PF_USAGE);
        CHECK_CONTAINS(error.message, "5 of noise");
        pf_sampler_destroy(&s);
    }
    CU_ASSERT(memcmp(x[0], x[1], sizeof x[0]) == 0);
    CU_ASSERT(x[0][0] != x[0][2] && isfinite(x[0][0]));
    pf_samples out = {.count = COUNT, .dim = 2, .noise_dim = NOISE, .x = x[0], .noise = noise}, in;
    out.sample = pf_shape_of(1, 2);
    CHECK_OK(pf_samples_write(test_path("drift.h5"), &out, false, 1, 0, &error), error);
    CHECK_OK(pf_samples_read(test_path("drift.h5"), "/noise", &in, &error), error);
    CHECK_INT(in.dim, NOISE);
    CU_ASSERT(in.x && memcmp(in.x, noise, sizeof noise) == 0);
    pf_samples_free(&in);
    pf_checkpoint_close(&c);
}

/* model.head = 0: every sample begins at the mean of the data. */
static void collapsed_start(void) {
    enum { COUNT = 8 };
    const char *pairs[] = {"method.name=drifting", "model.head=0", NULL};
    pf_error error = {0};
    char run[512];
    pf_config *config = test_config(test_moons(), pairs);
    CHECK_OK(test_train(folder("drift-collapsed", run), PF_FOLDER_NEW, config, 0, &error), error);
    pf_config_destroy(&config);
    pf_checkpoint *c = NULL;
    CHECK_OK(pf_checkpoint_open(run, &c, &error), error);
    float noise[COUNT * 2], x[2][COUNT * 2];
    const char *const weights[2] = {"initial", "none"};
    for (int k = 0; k < 2; k++) {
        pf_sampler *s = NULL;
        pf_sampler_desc desc = {.context = test_context(), .checkpoint = c, .weights = weights[k]};
        CHECK_OK(pf_sampler_create(&s, &desc, &error), error);
        CU_ASSERT_PTR_NOT_NULL_FATAL(s);
        pf_sampler_noise(s, 3, 0, COUNT, noise);
        CHECK_OK(pf_sampler_run(s, noise, NULL, COUNT, x[k], &error), error);
        pf_sampler_destroy(&s);
    }
    for (int i = 2; i < COUNT * 2; i++) CU_ASSERT(x[0][i] == x[0][i % 2]);
    CU_ASSERT(x[1][0] != x[1][2]); /* trained, they are apart */
    pf_checkpoint_close(&c);
}

static void refusals(void) {
    static const char *const bad[][2] = {
        {"method.groups=3", "equal groups"},
        {"drift.workspace=0.001", "holds no"},
        {"sample.nfe=4", "one evaluation"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *pairs[] = {"method.name=drifting", bad[i][0], NULL};
        pf_error error = {0};
        pf_config *config = test_config(test_moons(), pairs);
        CHECK_INT(test_train(test_path("drift-refused"), PF_FOLDER_NEW, config, 0, &error), PF_USAGE);
        CHECK_CONTAINS(error.message, bad[i][1]);
        CU_ASSERT_FALSE(pf__file_exists(test_path("drift-refused/config.ini")));
        pf_config_destroy(&config);
    }
}

void test_drifting_suite(void) {
    CU_pSuite s = CU_add_suite("run/drifting", NULL, NULL);
    CU_add_test(s, "resumed = uninterrupted", resumed_equals_uninterrupted);
    CU_add_test(s, "not-a-number stops", not_a_number_stops);
    CU_add_test(s, "one evaluation", one_evaluation);
    CU_add_test(s, "noise of its own size", noise_of_its_own_size);
    CU_add_test(s, "collapsed start", collapsed_start);
    CU_add_test(s, "what cannot be", refusals);
}
