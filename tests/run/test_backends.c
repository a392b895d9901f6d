/* SPDX-License-Identifier: MIT
 * The 2-D example's first 20 steps with every back end of the products: the same losses. */
#include "base/file.h"
#include "run/fixture.h"
#include <cjson/cJSON.h>

enum { STEPS = 20 };

static int read_losses(const char *folder, double *loss) {
    char path[640], *text = NULL;
    size_t length = 0;
    pf_error error = {0};
    int count = 0;
    snprintf(path, sizeof path, "%s/metrics.jsonl", folder);
    CHECK_OK(pf__file_read(path, &text, &length, &error), error);
    for (char *line = text; line && *line && count < STEPS;) {
        char *end = strchr(line, '\n');
        if (end) *end = '\0';
        cJSON *json = cJSON_Parse(line);
        loss[count++] = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(json, "loss"));
        cJSON_Delete(json);
        line = end ? end + 1 : NULL;
    }
    free(text);
    return count;
}

static int losses_with(const char *matmul, double *loss) {
    const char *data = test_set(
        "8gaussians.h5", &(pf_make_desc){.kind = "8gaussians", .train = 4096, .test = 64, .noise = -1});
    const char *fixed[] = {"train.steps=20", "train.log_every=1", "train.warmup=0", NULL};
    char pair[600], folder[600];
    pf_error error = {0};
    pf_config *config = NULL;
    CHECK_OK(pf_config_create(&config, &error), error);
    CHECK_OK(pf_config_read(config, PF_SOURCE_DIR "/examples/2d-meanflow.ini", &error), error);
    for (int i = 0; fixed[i]; i++) CHECK_OK(pf_config_set(config, fixed[i], "test", &error), error);
    snprintf(pair, sizeof pair, "data.path=%s", data);
    CHECK_OK(pf_config_set(config, pair, "test", &error), error);
    snprintf(pair, sizeof pair, "runtime.matmul=%s", matmul);
    CHECK_OK(pf_config_set(config, pair, "test", &error), error);
    CHECK_OK(pf_config_resolve(config, &error), error);
    snprintf(folder, sizeof folder, "%s", test_path(matmul));
    CHECK_OK(test_train(folder, PF_FOLDER_NEW, config, 0, &error), error);
    pf_config_destroy(&config);
    return read_losses(folder, loss);
}

static void same_losses(void) {
    static const char *const others[] = {"clblast", "generic"};
    double loss[STEPS], other[STEPS], worst = 0;
    CHECK_INT(losses_with("auto", loss), STEPS);
    CU_ASSERT(loss[STEPS - 1] < loss[0]);
    for (int k = 0; k < 2; k++) {
        CHECK_INT(losses_with(others[k], other), STEPS);
        for (int i = 0; i < STEPS; i++) {
            const double e = fabs(other[i] - loss[i]) / fabs(loss[i]);
            if (!(e <= worst)) worst = e;
        }
        fprintf(stderr, "%s: losses of the first %d steps within %.2g\n", others[k], STEPS, worst);
        CU_ASSERT(worst <= 1e-5);
    }
}

void test_backends_suite(void);
void test_backends_suite(void) {
    CU_pSuite s = CU_add_suite("run/backends", NULL, NULL);
    CU_add_test(s, "losses agree to 1e-5", same_losses);
}
