/* SPDX-License-Identifier: MIT */
#include "run/fixture.h"

static void resolves(void) {
    const char *pairs[] = {"method.name=flow", "train.ema=0.5,0.75", NULL};
    pf_config *c = test_config(test_moons(), pairs);
    CU_ASSERT_STRING_EQUAL(pf_config_get(c, "method.name"), "flow");
    CHECK_NEAR(pf_config_number(c, "train.batch"), 64, 0);
    CHECK_NEAR(pf_config_number(c, "data.standardize"), 1, 0);
    CU_ASSERT_PTR_NULL(pf_config_get(c, "method.norm_p")); /* an option of another method */
    CU_ASSERT_STRING_EQUAL(pf_config_origin(c, "train.batch"), "test");
    char *text = pf_config_print(c, true);
    CHECK_CONTAINS(text, "ema = 0.5,0.75");
    free(text);
    pf_config_destroy(&c);
}

static void makes_paths_absolute(void) {
    pf_error error = {0};
    pf_config *c = NULL;
    CHECK_OK(pf_config_create(&c, &error), error);
    CHECK_OK(pf_config_set(c, "data.path=some.h5", "test", &error), error);
    CHECK_OK(pf_config_resolve(c, &error), error);
    CU_ASSERT_EQUAL(pf_config_get(c, "data.path")[0], '/');
    CHECK_CONTAINS(pf_config_get(c, "data.path"), "/some.h5");
    pf_config_destroy(&c);
}

static void check_refused(const char *pair, const char *message, const char *hint) {
    pf_error error = {0};
    pf_config *c = NULL;
    CHECK_OK(pf_config_create(&c, &error), error);
    CHECK_OK(pf_config_set(c, pair, "--set", &error), error);
    CHECK_INT(pf_config_resolve(c, &error), PF_USAGE);
    CHECK_CONTAINS(error.message, message);
    CHECK_CONTAINS(error.hint, hint);
    pf_config_destroy(&c);
}

static void refuses(void) {
    check_refused("train.stepz=3", "train.stepz", "train.steps");
    check_refused("method.name=meanflo", "meanflo", "did you mean 'meanflow'?");
    check_refused("train.ema=0.1,0.2,0.3,0.4,0.5", "at most 4", "");
    check_refused("train.ema=0.5,0.50", "twice", "");
    check_refused("train.lr=-1", "train.lr", "");
}

static void helps(void) {
    char *text = pf_config_help("meanflow");
    CHECK_CONTAINS(text, "method.norm_p");
    CHECK_CONTAINS(text, "train.ema");
    CHECK_CONTAINS(text, "model.width");
    free(text);
    CU_ASSERT_STRING_EQUAL(pf_method_name(0), "flow");
    CU_ASSERT_PTR_NULL(pf_method_name(1000));
}

void test_config_suite(void) {
    CU_pSuite s = CU_add_suite("run/config", NULL, NULL);
    CU_add_test(s, "values and origins", resolves);
    CU_add_test(s, "data.path becomes absolute", makes_paths_absolute);
    CU_add_test(s, "mistakes are named with a hint", refuses);
    CU_add_test(s, "help lists every section", helps);
}
