/* SPDX-License-Identifier: MIT */
#include "run/fixture.h"
#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

static pf_context *context;

pf_context *test_context(void) {
    pf_error error = {0};
    const char *width = getenv("PF_TEST_WIDTH");
    const pf_context_desc desc = {.device = getenv("PF_DEVICE"),
                                  .vector_width = (uint32_t)atoi(width ? width : "0")};
    if (!context && pf_context_create(&context, &desc, &error) != PF_OK) {
        fprintf(stderr, "no device to test on: %s\nhint: %s\n", error.message, error.hint);
        exit(1);
    }
    return context;
}

void test_context_close(void) {
    pf_context_destroy(&context);
}

static const char *folder(void) {
    static char path[400];
    if (*path) return path;
    snprintf(path, sizeof path, "%s/test_run_XXXXXX", PF_BINARY_DIR);
    if (!mkdtemp(path)) {
        perror(path);
        exit(1);
    }
    return path;
}

const char *test_path(const char *name) {
    static char paths[8][512];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder(), name);
    return path;
}

static void remove_tree(const char *path) {
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir)) != NULL;) {
        char inner[1024];
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        snprintf(inner, sizeof inner, "%s/%s", path, e->d_name);
        if (unlink(inner) != 0) remove_tree(inner);
    }
    if (dir) closedir(dir);
    rmdir(path);
}

void test_folder_remove(void) {
    remove_tree(folder());
}

const char *test_set(const char *name, const pf_make_desc *desc) {
    pf_error error = {0};
    const char *path = test_path(name);
    if (access(path, R_OK) != 0) CHECK_OK(pf_dataset_make(path, desc, &error), error);
    return path;
}

const char *test_moons(void) {
    return test_set("moons.h5", &(pf_make_desc){.kind = "moons", .train = 512, .test = 64, .noise = -1});
}

pf_config *test_config(const char *data, const char *const *pairs) {
    static const char *const small[] = {
        "model.width=32",    "model.depth=2",      "train.batch=64",  "train.steps=20",
        "train.log_every=5", "train.ema=0.9,0.99", "sample.count=32", NULL};
    pf_error error = {0};
    pf_config *config = NULL;
    char pair[600];
    snprintf(pair, sizeof pair, "data.path=%s", data);
    CHECK_OK(pf_config_create(&config, &error), error);
    CHECK_OK(pf_config_set(config, pair, "test", &error), error);
    for (int i = 0; small[i]; i++) CHECK_OK(pf_config_set(config, small[i], "test", &error), error);
    for (int i = 0; pairs && pairs[i]; i++) CHECK_OK(pf_config_set(config, pairs[i], "test", &error), error);
    CHECK_OK(pf_config_resolve(config, &error), error);
    return config;
}

pf_status test_train(const char *path, pf_run_folder open, const pf_config *config, int64_t stop_after,
                     pf_error *error) {
    pf_trainer *trainer = NULL;
    pf_trainer_desc desc = {.context = test_context(), .config = config, .folder = path, .open = open};
    pf_status st = pf_trainer_create(&trainer, &desc, error);
    if (st == PF_OK) st = pf_trainer_run(trainer, &(pf_run_desc){.stop_after = stop_after}, error);
    pf_trainer_destroy(&trainer);
    return st;
}
