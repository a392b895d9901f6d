/* SPDX-License-Identifier: MIT
 * Training with noise that comes with the samples: by optimal transport, or stored. */
#include "base/file.h"
#include "run/fixture.h"
#include "run/run.h"
#include <unistd.h>

void test_paired_suite(void);

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

static pf_config *flow(const char *data, const char *pairing, const char *first, const char *second) {
    char pair[64];
    snprintf(pair, sizeof pair, "method.pairing=%s", pairing);
    const char *pairs[] = {"method.name=flow", pair, first, second, NULL};
    return test_config(data, pairs);
}

static void check_same(const char *a, const char *b, int64_t step) {
    char *path[2] = {pf__folder_checkpoint(a, step), pf__folder_checkpoint(b, step)};
    char command[1400];
    snprintf(command, sizeof command, "h5diff -q --exclude-path /provenance '%s' '%s'", path[0], path[1]);
    CHECK_INT(system(command), 0);
    free(path[0]);
    free(path[1]);
}

/* The values of a metric in metrics.jsonl, NAN where there are fewer lines. */
static void read_metric(const char *folder, const char *name, double *out, int count) {
    pf_error error = {0};
    char path[600], key[64], *text = NULL;
    size_t length;
    snprintf(path, sizeof path, "%.500s/metrics.jsonl", folder);
    snprintf(key, sizeof key, "\"%s\":", name);
    CHECK_OK(pf__file_read(path, &text, &length, &error), error);
    const char *at = text;
    for (int i = 0; i < count; i++) {
        at = at ? strstr(at, key) : NULL;
        out[i] = at ? strtod(at + strlen(key), NULL) : NAN;
        if (at) at += strlen(key);
    }
    free(text);
}

static void resumed_equals_uninterrupted(const char *data, const char *pairing, const char *extra) {
    static int n;
    pf_error error = {0};
    char whole[64], parts[64];
    snprintf(whole, sizeof whole, "paired-whole-%d", n);
    snprintf(parts, sizeof parts, "paired-parts-%d", n++);
    pf_config *config = flow(data, pairing, extra, NULL);
    CHECK_OK(test_train(keep(test_path(whole)), PF_FOLDER_NEW, config, 0, &error), error);
    CHECK_INT(test_train(keep(test_path(parts)), PF_FOLDER_NEW, config, 7, &error), PF_INTERRUPTED);
    CHECK_INT(test_train(keep(test_path(parts)), PF_FOLDER_RESUME, config, 4, &error), PF_INTERRUPTED);
    CHECK_OK(test_train(keep(test_path(parts)), PF_FOLDER_RESUME, config, 0, &error), error);
    check_same(keep(test_path(whole)), keep(test_path(parts)), 20);
    pf_config_destroy(&config);
}

static void transport_resumes(void) {
    resumed_equals_uninterrupted(test_moons(), "ot", NULL);
    resumed_equals_uninterrupted(test_moons(), "ot", "data.labels=true");
}

/* One sample has one order: the loader's noise is the device's, step by step. */
static void the_same_noise_as_the_device(void) {
    pf_error error = {0};
    double loss[2][6];
    const char *pairing[] = {"independent", "ot"};
    for (int k = 0; k < 2; k++) {
        pf_config *config = flow(test_moons(), pairing[k], "train.batch=1", "train.log_every=1");
        const char *folder = keep(test_path(k ? "one-ot" : "one-independent"));
        CHECK_OK(test_train(folder, PF_FOLDER_NEW, config, 0, &error), error);
        read_metric(folder, "loss", loss[k], 6);
        pf_config_destroy(&config);
    }
    for (int i = 0; i < 6; i++) CHECK_NEAR(loss[0][i], loss[1][i], 1e-5);
}

/* Pairs of standardised data and any noise are 2 apart; of 64 in the plane, the best are nearer by far. */
static void pairs_are_nearer(void) {
    double whole[4], classes[4];
    read_metric(keep(test_path("paired-whole-0")), "transport_cost", whole, 4);
    read_metric(keep(test_path("paired-whole-1")), "transport_cost", classes, 4);
    for (int i = 0; i < 4; i++) CU_ASSERT(whole[i] > 0.1 && whole[i] < classes[i] && classes[i] < 1);
    read_metric(keep(test_path("one-independent")), "transport_cost", whole, 1);
    CU_ASSERT(isnan(whole[0])); /* no such metric where it says nothing */
}

static void refusals(void) {
    pf_error error = {0};
    pf_config *config = flow(test_moons(), "ot", "train.batch=2048", NULL);
    CHECK_INT(test_train(test_path("refused"), PF_FOLDER_NEW, config, 0, &error), PF_USAGE);
    CHECK_CONTAINS(error.message, "at most 1024 samples");
    pf_config_destroy(&config);
    config = flow(test_moons(), "stored", NULL, NULL);
    CHECK_INT(test_train(test_path("refused"), PF_FOLDER_NEW, config, 0, &error), PF_DATA);
    CHECK_CONTAINS(error.hint, "data reflow");
    pf_config_destroy(&config);
    CU_ASSERT_FALSE(pf__file_exists(test_path("refused")));
}

static void not_a_number_keeps_its_noise(void) {
    pf_error error = {0};
    pf_samples noise;
    pf_config *config = flow(test_moons(), "ot", "train.lr=1e30", "train.clip=0");
    const char *folder = keep(test_path("nan-paired"));
    CHECK_INT(test_train(folder, PF_FOLDER_NEW, config, 0, &error), PF_NAN);
    char path[600];
    snprintf(path, sizeof path, "%.500s/debug_step.h5", folder);
    CHECK_OK(pf_samples_read(path, "/noise", &noise, &error), error);
    CHECK_INT(noise.count, 64);
    CHECK_INT(noise.dim, 2);
    pf_samples_free(&noise);
    pf_config_destroy(&config);
}

void test_paired_suite(void) {
    CU_pSuite s = CU_add_suite("run/pairing", NULL, NULL);
    CU_add_test(s, "transport: resumed = uninterrupted", transport_resumes);
    CU_add_test(s, "the same noise as the device's", the_same_noise_as_the_device);
    CU_add_test(s, "pairs are nearer", pairs_are_nearer);
    CU_add_test(s, "what cannot be paired", refusals);
    CU_add_test(s, "not a number: the noise is kept", not_a_number_keeps_its_noise);
}
