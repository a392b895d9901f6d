/* SPDX-License-Identifier: MIT
 * Reflow: pairs of a trained flow as a data set, and a flow trained on them, whose paths are straighter. */
#include "data/dataset_private.h"
#include "run/fixture.h"
#include "run/run.h"

void test_reflow_suite(void);

enum { PAIRS = 2048, COUNT = 256, DIM = 2 };

static pf_sampler *sampler(const char *folder, pf_sampler_desc desc) {
    pf_error error = {0};
    pf_checkpoint *c = NULL;
    pf_sampler *s = NULL;
    CHECK_OK(pf_checkpoint_open(test_path(folder), &c, &error), error);
    desc.context = test_context();
    desc.checkpoint = c;
    CHECK_OK(pf_sampler_create(&s, &desc, &error), error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    pf_checkpoint_close(&c);
    return s;
}

static void train(const char *folder, const char *data, const char *first, const char *second) {
    pf_error error = {0};
    const char *pairs[] = {"method.name=flow",
                           "train.steps=700",
                           "train.lr=4e-3",
                           "train.ema=0.99",
                           "train.log_every=100",
                           first,
                           second,
                           NULL};
    pf_config *config = test_config(data, pairs);
    CHECK_OK(test_train(test_path(folder), PF_FOLDER_NEW, config, 0, &error), error);
    pf_config_destroy(&config);
}

/* The same pairs again: the file, row by row, is what the sampler yields, whatever its batch. */
static void pairs_are_stored(void) {
    pf_error error = {0};
    pf_dataset *set = NULL;
    static float x[PAIRS * DIM], noise[PAIRS * DIM], again[PAIRS * DIM];
    train("reflow-first", test_moons(), NULL, NULL);
    pf_sampler *s = sampler("reflow-first", (pf_sampler_desc){.solver = "dopri5"});
    CHECK_OK(
        pf_sampler_reflow(s, test_path("pairs.h5"), &(pf_reflow_desc){.count = PAIRS, .seed = 7}, &error),
        error);
    CHECK_OK(pf_dataset_check(test_path("pairs.h5"), NULL, NULL, &error), error);
    CHECK_OK(pf_dataset_open(test_path("pairs.h5"), &set, &error), error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    const pf_dataset_info *i = pf_dataset_describe(set);
    CHECK_INT(i->train_count, PAIRS);
    CHECK_INT(i->test_count, 0);
    CU_ASSERT_TRUE(i->has_noise);
    CHECK_CONTAINS(i->source, "reflow: flow step 700, weights 0.99, dopri5 at rtol 1e-05");
    CHECK_OK(pf__dataset_read_noise(set, 0, PAIRS, noise, &error), error);
    CHECK_OK(pf_dataset_read(set, PF_TRAIN, 0, PAIRS, x, NULL, &error), error);
    pf_sampler_noise(s, 7, 0, PAIRS, again);
    CU_ASSERT_EQUAL(memcmp(noise, again, sizeof noise), 0);
    CHECK_OK(pf_sampler_run(s, noise, NULL, PAIRS, again, &error), error);
    for (int k = 0; k < PAIRS * DIM; k++) CHECK_NEAR(x[k], again[k], 1e-5);
    pf_dataset_close(&set);
    pf_sampler_destroy(&s);
}

/* Mean distance between one Euler step and 50 steps of Heun. */
static double bend(const char *folder) {
    pf_error error = {0};
    static float x[2][COUNT * DIM], noise[COUNT * DIM];
    const pf_sampler_desc how[] = {{.solver = "euler", .nfe = 1}, {.solver = "heun", .nfe = 100}};
    double sum = 0;
    for (int k = 0; k < 2; k++) {
        pf_sampler *s = sampler(folder, how[k]);
        pf_sampler_noise(s, 99, 0, COUNT, noise);
        CHECK_OK(pf_sampler_run(s, noise, NULL, COUNT, x[k], &error), error);
        pf_sampler_destroy(&s);
    }
    for (int i = 0; i < COUNT; i++)
        sum += hypot((double)x[0][DIM * i] - (double)x[1][DIM * i],
                     (double)x[0][DIM * i + 1] - (double)x[1][DIM * i + 1]);
    return sum / COUNT;
}

static void paths_are_straighter(void) {
    train("reflow-second", test_path("pairs.h5"), "method.pairing=stored", NULL);
    const double before = bend("reflow-first"), after = bend("reflow-second");
    if (after > before / 4) fprintf(stderr, "one Euler step: off by %g before, %g after\n", before, after);
    CU_ASSERT(before > 0.2);
    CU_ASSERT(after < before / 4);
    pf_sampler *s[2] = {sampler("reflow-first", (pf_sampler_desc){0}),
                        sampler("reflow-second", (pf_sampler_desc){0})};
    CU_ASSERT_FALSE(pf_sampler_describe(s[0])->paired);
    CU_ASSERT_TRUE(pf_sampler_describe(s[1])->paired);
    for (int k = 0; k < 2; k++) pf_sampler_destroy(&s[k]);
}

static void resumed_equals_uninterrupted(void) {
    pf_error error = {0};
    char path[2][512], command[1400];
    const char *pairs[] = {"method.name=flow", "method.pairing=stored", NULL, NULL, NULL, NULL};
    for (int k = 0; k < 2; k++) { /* from memory, and read in windows of 1 MiB: 20 bytes a row, all of it */
        if (k) pairs[2] = "data.shuffle=window", pairs[3] = "data.window=1";
        char name[2][32];
        pf_config *config = test_config(test_path("pairs.h5"), pairs);
        for (int p = 0; p < 2; p++) {
            snprintf(name[p], sizeof name[p], "reflow-%s-%d", p ? "parts" : "whole", k);
            CHECK_INT(test_train(test_path(name[p]), PF_FOLDER_NEW, config, p ? 7 : 0, &error),
                      p ? PF_INTERRUPTED : PF_OK);
            if (p) CHECK_OK(test_train(test_path(name[p]), PF_FOLDER_RESUME, config, 0, &error), error);
            char *checkpoint = pf__folder_checkpoint(test_path(name[p]), 20);
            snprintf(path[p], sizeof path[p], "%s", checkpoint);
            free(checkpoint);
        }
        snprintf(command, sizeof command, "h5diff -q --exclude-path /provenance '%s' '%s'", path[0], path[1]);
        CHECK_INT(system(command), 0);
        pf_config_destroy(&config);
    }
}

/* Classes come in turn, and noise goes on with the class it was made into. */
static void with_labels(void) {
    pf_error error = {0};
    pf_dataset *set = NULL;
    float noise[10 * DIM], drawn[10 * DIM];
    int32_t y[10];
    train("reflow-labels", test_moons(), "data.labels=true", "train.steps=5");
    pf_sampler *s = sampler("reflow-labels", (pf_sampler_desc){.nfe = 8, .batch = 4});
    CHECK_OK(pf_sampler_reflow(s, test_path("labelled.h5"), &(pf_reflow_desc){.count = 10}, &error), error);
    CHECK_OK(pf_dataset_check(test_path("labelled.h5"), NULL, NULL, &error), error);
    CHECK_OK(pf_dataset_open(test_path("labelled.h5"), &set, &error), error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    CHECK_INT(pf_dataset_describe(set)->class_count, 2);
    CHECK_OK(pf__dataset_read_raw(set, PF_TRAIN, 0, 10, NULL, y, &error), error);
    CHECK_OK(pf__dataset_read_noise(set, 0, 10, noise, &error), error);
    pf_sampler_noise(s, 1, 0, 10, drawn);
    for (int i = 0; i < 10; i++) CHECK_INT(y[i], i % 2);
    CU_ASSERT_EQUAL(memcmp(noise, drawn, sizeof noise), 0);
    CHECK_INT(pf_sampler_reflow(s, test_path("few.h5"), &(pf_reflow_desc){.count = 1}, &error), PF_USAGE);
    pf_dataset_close(&set);
    pf_sampler_destroy(&s);
}

static void noise_of_another_shape(void) {
    pf_error error = {0};
    pf_dataset *set = NULL;
    pf__h5 *file = NULL;
    const float x[12] = {0}, bad[12] = {0, 0, NAN};
    for (int k = 0; k < 2; k++) {
        const char *path = test_path(k ? "nan-noise.h5" : "bad-noise.h5");
        CHECK_OK(pf__h5_create(path, &file, &error), error);
        CHECK_OK(pf__h5_write(file, "/train/x", PF_F32, &(pf_shape){2, {6, 2}}, x, true, &error), error);
        CHECK_OK(pf__h5_write(file, "/train/noise", PF_F32,
                              k ? &(pf_shape){2, {6, 2}} : &(pf_shape){2, {4, 3}}, bad, true, &error),
                 error);
        CHECK_OK(pf__h5_close(&file, &error), error);
    }
    CHECK_INT(pf_dataset_open(test_path("bad-noise.h5"), &set, &error), PF_DATA);
    CHECK_CONTAINS(error.message, "/train/noise is not of floats, in the shape of /train/x");
    CHECK_CONTAINS(error.hint, "data reflow");
    CHECK_INT(pf_dataset_check(test_path("nan-noise.h5"), NULL, NULL, &error), PF_DATA);
    CHECK_CONTAINS(error.message, "/train/noise: 1 value is not finite, the first in sample 1");
    const char *pairs[] = {"method.name=flow", "method.pairing=stored", NULL};
    pf_config *config = test_config(test_path("nan-noise.h5"), pairs);
    CHECK_INT(test_train(test_path("nan-noise"), PF_FOLDER_NEW, config, 0, &error), PF_DATA);
    CHECK_CONTAINS(error.message, "/train/noise: sample 1 has a value that is not finite");
    pf_config_destroy(&config);
}

void test_reflow_suite(void) {
    CU_pSuite s = CU_add_suite("run/reflow", NULL, NULL);
    CU_add_test(s, "pairs are stored", pairs_are_stored);
    CU_add_test(s, "paths are straighter", paths_are_straighter);
    CU_add_test(s, "resumed = uninterrupted", resumed_equals_uninterrupted);
    CU_add_test(s, "with labels", with_labels);
    CU_add_test(s, "noise that is not right", noise_of_another_shape);
}
