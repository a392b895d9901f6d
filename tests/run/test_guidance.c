/* SPDX-License-Identifier: MIT
 * Guidance from end to end: dropped labels and guided losses resume, and stop at not-a-number; a guided
 * sample is what the velocities with and without its label make of the noise. */
#include "base/file.h"
#include "run/fixture.h"
#include "run/run.h"
#include <string.h>

void test_guidance_suite(void);

enum { COUNT = 20, DIM = 2 };

/* test_path's ring is short. */
static const char *folder(const char *name, char path[512]) {
    snprintf(path, 512, "%s", test_path(name));
    return path;
}

enum { RUNS = 3 };
typedef struct run {
    const char *name;
    const char *pairs[10]; /* with room for two more */
} run;

static const run runs[RUNS] = {
    {"guided-flow", {"method.name=flow", "data.labels=true", "data.label_drop=0.25", "sample.guidance=1.5"}},
    {"guided-meanflow",
     {"method.name=meanflow", "data.labels=true", "data.label_drop=0.25", "method.omega=0.5",
      "method.kappa=0.5", "method.guide_to=0.75"}},
    {"guided-pixel",
     {"method.name=pixelmeanflow", "data.labels=true", "data.label_drop=0.25", "method.kappa=0.5"}},
};

static void resumed_equals_uninterrupted(void) {
    pf_error error = {0};
    for (int i = 0; i < RUNS; i++) {
        char whole[512], parts[512], name[64], command[1400];
        pf_config *config = test_config(test_moons(), runs[i].pairs);
        folder(runs[i].name, whole);
        snprintf(name, sizeof name, "%s-parts", runs[i].name);
        folder(name, parts);
        CHECK_OK(test_train(whole, PF_FOLDER_NEW, config, 0, &error), error);
        CHECK_INT(test_train(parts, PF_FOLDER_NEW, config, 7, &error), PF_INTERRUPTED);
        CHECK_OK(test_train(parts, PF_FOLDER_RESUME, config, 0, &error), error);
        char *path[2] = {pf__folder_checkpoint(whole, 20), pf__folder_checkpoint(parts, 20)};
        snprintf(command, sizeof command, "h5diff -q --exclude-path /provenance '%s' '%s'", path[0], path[1]);
        CHECK_INT(system(command), 0);
        free(path[0]);
        free(path[1]);
        pf_config_destroy(&config);
    }
}

static void not_a_number_stops(void) {
    pf_error error = {0};
    for (int i = 0; i < RUNS; i++) {
        run bad = runs[i];
        int n = 0;
        while (bad.pairs[n]) n++;
        bad.pairs[n] = "train.lr=1e30";
        bad.pairs[n + 1] = "train.clip=0";
        char path[512], name[64];
        snprintf(name, sizeof name, "%s-nan", bad.name);
        pf_config *config = test_config(test_moons(), bad.pairs);
        CHECK_INT(test_train(folder(name, path), PF_FOLDER_NEW, config, 0, &error), PF_NAN);
        CHECK_CONTAINS(error.message, "not finite");
        strcat(name, "/debug_step.h5");
        CU_ASSERT_TRUE(pf__file_exists(test_path(name)));
        pf_config_destroy(&config);
    }
}

static pf_checkpoint *opened(const char *name) {
    pf_error error = {0};
    pf_checkpoint *c = NULL;
    char path[512];
    CHECK_OK(pf_checkpoint_open(folder(name, path), &c, &error), error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    return c;
}

/* One Euler step from t = 1 with guidance w, and its scale: x = noise - v, as values. */
static void euler(pf_checkpoint *c, double w, double expected_w, const int32_t *label, float *noise, float *x,
                  float *with, float *without) {
    pf_error error = {0};
    pf_sampler *s = NULL;
    const pf_sampler_desc desc = {
        .context = test_context(), .checkpoint = c, .nfe = 1, .solver = "euler", .guidance = w};
    CHECK_OK(pf_sampler_create(&s, &desc, &error), error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CHECK_NEAR(pf_sampler_describe(s)->guidance, expected_w, 0);
    pf_sampler_noise(s, 3, 0, COUNT, noise);
    CHECK_OK(pf_sampler_run(s, noise, label, COUNT, x, &error), error);
    pf_sampler_standardise(s, COUNT, x);
    CHECK_OK(pf_sampler_velocity(s, noise, 1, label, COUNT, with, &error), error);
    CHECK_OK(pf_sampler_velocity(s, noise, 1, NULL, COUNT, without, &error), error);
    pf_sampler_destroy(&s);
}

static void guided_samples(void) {
    static const double asked[] = {0, 1, 3, 0.5}, used[] = {1.5, 1, 3, 0.5};
    pf_checkpoint *c = opened("guided-flow");
    float noise[COUNT * DIM], x[COUNT * DIM], with[COUNT * DIM], without[COUNT * DIM];
    int32_t label[COUNT];
    double apart = 0;
    for (int i = 0; i < COUNT; i++) label[i] = i % 3; /* two classes, and none */
    for (int k = 0; k < 4; k++) {
        euler(c, asked[k], used[k], label, noise, x, with, without);
        for (int i = 0; i < COUNT * DIM; i++) {
            const double v = (double)without[i] + used[k] * ((double)with[i] - (double)without[i]);
            CHECK_NEAR(x[i], (double)noise[i] - v, 1e-5);
            apart = fmax(apart, fabs((double)with[i] - (double)without[i]));
        }
    }
    CU_ASSERT(apart > 0.01);
    pf_checkpoint_close(&c);
}

static void refused(const char *name, double w, const char *message, const char *hint) {
    pf_error error = {0};
    pf_sampler *s = NULL;
    pf_checkpoint *c = opened(name);
    const pf_sampler_desc desc = {.context = test_context(), .checkpoint = c, .guidance = w};
    CHECK_INT(pf_sampler_create(&s, &desc, &error), PF_USAGE);
    CU_ASSERT_PTR_NULL(s);
    CHECK_CONTAINS(error.message, message);
    CHECK_CONTAINS(error.hint, hint);
    pf_checkpoint_close(&c);
}

static void train_flow(const char *name, const char *pair) {
    const char *pairs[] = {"method.name=flow", "train.steps=5", pair, NULL};
    pf_error error = {0};
    char path[512];
    pf_config *config = test_config(test_moons(), pairs);
    CHECK_OK(test_train(folder(name, path), PF_FOLDER_NEW, config, 0, &error), error);
    pf_config_destroy(&config);
}

static void refusals(void) {
    train_flow("guided-none", NULL);
    train_flow("guided-known", "data.labels=true");
    refused("guided-none", 2, "the network gets none", "data.labels = true");
    refused("guided-known", 2, "data.label_drop = 0", "data.label_drop = 0.1");
    refused("guided-meanflow", 2, "meanflow", "method.omega");
    refused("guided-flow", -1, "outside [0, 100]", "1 to 5");
    pf_error error = {0};
    pf_config *config = NULL;
    CHECK_OK(pf_config_create(&config, &error), error);
    CHECK_OK(pf_config_set(config, "data.label_drop=0.1", "test", &error), error);
    CHECK_INT(pf_config_resolve(config, &error), PF_USAGE);
    CHECK_CONTAINS(error.message, "drops nothing");
    pf_config_destroy(&config);
}

/* A map tells what it has learnt. */
static void learnt_scale(void) {
    pf_error error = {0};
    for (int i = 1; i < RUNS; i++) {
        pf_checkpoint *c = opened(runs[i].name);
        pf_sampler *s = NULL;
        CHECK_OK(
            pf_sampler_create(&s, &(pf_sampler_desc){.context = test_context(), .checkpoint = c}, &error),
            error);
        CU_ASSERT_PTR_NOT_NULL_FATAL(s);
        CHECK_NEAR(pf_sampler_describe(s)->guidance, i == 1 ? 1.0 : 2.0, 1e-12);
        pf_sampler_destroy(&s);
        pf_checkpoint_close(&c);
    }
}

void test_guidance_suite(void) {
    CU_pSuite s = CU_add_suite("run/guidance", NULL, NULL);
    CU_add_test(s, "resumed = uninterrupted", resumed_equals_uninterrupted);
    CU_add_test(s, "not a number: stop", not_a_number_stops);
    CU_add_test(s, "guided samples", guided_samples);
    CU_add_test(s, "a learnt scale", learnt_scale);
    CU_add_test(s, "what cannot be", refusals);
}
