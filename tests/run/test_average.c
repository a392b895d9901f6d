/* SPDX-License-Identifier: MIT
 * MeanFlow's variants and Pixel MeanFlow from end to end: resuming, the guard against not-a-number, one
 * evaluation and several. */
#include "base/file.h"
#include "run/fixture.h"
#include "run/run.h"
#include <string.h>
#include <unistd.h>

void test_average_suite(void);

/* test_path's ring is short. */
static const char *folder(const char *name, char path[512]) {
    snprintf(path, 512, "%s", test_path(name));
    return path;
}

/* "method.teacher=" a small flow run. */
static const char *teacher(void) {
    static char pair[600];
    const char *pairs[] = {"method.name=flow", "train.steps=10", NULL};
    char path[512];
    pf_error error = {0};
    folder("average-teacher", path);
    snprintf(pair, sizeof pair, "method.teacher=%s", path);
    if (access(path, R_OK) == 0) return pair;
    pf_config *config = test_config(test_moons(), pairs);
    CHECK_OK(test_train(path, PF_FOLDER_NEW, config, 0, &error), error);
    pf_config_destroy(&config);
    return pair;
}

enum { VARIANTS = 4 };
typedef struct variant {
    const char *pairs[10]; /* with room for two more */
} variant;

static variant variant_of(int i) {
    const variant all[VARIANTS] = {
        {{"method.name=pixelmeanflow", "method.uniform=0.25"}},
        {{"method.name=pixelmeanflow", "method.tangent=u", "data.labels=true"}},
        {{"method.name=meanflow", "method.tangent=head", "method.velocity=teacher", teacher()}},
        {{"method.name=meanflow", "method.prediction=map", "method.boundary=1", "method.form=full",
          "method.velocity=teacher", teacher()}},
    };
    return all[i];
}

static void resumed_equals_uninterrupted(void) {
    pf_error error = {0};
    for (int i = 0; i < VARIANTS; i++) {
        const variant v = variant_of(i);
        char whole[512], parts[512], name[64], command[1400];
        pf_config *config = test_config(test_moons(), v.pairs);
        snprintf(name, sizeof name, "average-whole-%d", i);
        folder(name, whole);
        snprintf(name, sizeof name, "average-parts-%d", i);
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
    for (int i = 0; i < VARIANTS; i += VARIANTS - 1) {
        variant v = variant_of(i);
        int n = 0;
        while (v.pairs[n]) n++;
        v.pairs[n] = "train.lr=1e30";
        v.pairs[n + 1] = "train.clip=0";
        char path[512], name[64];
        snprintf(name, sizeof name, "average-nan-%d", i);
        pf_config *config = test_config(test_moons(), v.pairs);
        CHECK_INT(test_train(folder(name, path), PF_FOLDER_NEW, config, 0, &error), PF_NAN);
        CHECK_CONTAINS(error.message, "not finite");
        strcat(name, "/debug_step.h5");
        CU_ASSERT_TRUE(pf__file_exists(test_path(name)));
        pf_config_destroy(&config);
    }
}

enum { COUNT = 20 };

static void sample(pf_checkpoint *c, int nfe, float *x, float *v) {
    pf_error error = {0};
    pf_sampler *s = NULL;
    float noise[COUNT * 2];
    const pf_sampler_desc desc = {.context = test_context(), .checkpoint = c, .nfe = nfe};
    CHECK_OK(pf_sampler_create(&s, &desc, &error), error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CHECK_INT(pf_sampler_describe(s)->nfe, nfe);
    pf_sampler_noise(s, 3, 0, COUNT, noise);
    CHECK_OK(pf_sampler_run(s, noise, NULL, COUNT, x, &error), error);
    CHECK_OK(pf_sampler_velocity(s, noise, 0.5, NULL, COUNT, v, &error), error);
    pf_sampler_destroy(&s);
}

/* One evaluation and three differ, as nothing binds an untrained map; both are finite, and so is the
 * velocity. */
static void any_number_of_evaluations(void) {
    pf_error error = {0};
    for (int i = 0; i < VARIANTS; i += VARIANTS - 1) {
        char name[64], run[512];
        pf_checkpoint *c = NULL;
        snprintf(name, sizeof name, "average-whole-%d", i);
        CHECK_OK(pf_checkpoint_open(folder(name, run), &c, &error), error);
        CU_ASSERT_PTR_NOT_NULL_FATAL(c);
        float once[COUNT * 2], thrice[COUNT * 2], v[COUNT * 2];
        double apart = 0;
        sample(c, 3, thrice, v);
        sample(c, 1, once, v);
        for (int k = 0; k < COUNT * 2; k++) {
            CU_ASSERT(isfinite(once[k]) && isfinite(thrice[k]) && isfinite(v[k]));
            apart = fmax(apart, fabs((double)once[k] - (double)thrice[k]));
        }
        CU_ASSERT(apart > 1e-3);
        pf_checkpoint_close(&c);
    }
}

void test_average_suite(void) {
    CU_pSuite s = CU_add_suite("run/average", NULL, NULL);
    CU_add_test(s, "resumed = uninterrupted", resumed_equals_uninterrupted);
    CU_add_test(s, "not a number: stop", not_a_number_stops);
    CU_add_test(s, "one evaluation, and several", any_number_of_evaluations);
}
