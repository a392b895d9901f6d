/* SPDX-License-Identifier: MIT
 * The table of methods and their options. */
#include "check.h"
#include "methods/method.h"

static pf_status configure(const pf__method *method, const char *assignment, pf__config **config,
                           pf_error *err) {
    PF__TRY(pf__config_create(config, err));
    PF__TRY(pf__config_add_table(*config, method->options, err));
    if (assignment) PF__TRY(pf__config_set(*config, assignment, "--set", err));
    PF__TRY(pf__config_resolve(*config, err));
    return method->check(*config, err);
}

static void test_rows(void) {
    int count = 0;
    for (; pf__methods[count]; count++) {
        const pf__method *m = pf__methods[count];
        pf_error err = {0};
        pf__config *config = NULL;
        CU_ASSERT_PTR_EQUAL(pf__method_find(m->name), m);
        CHECK_CONTAINS(pf__method_name_options[0].choices, m->name);
        CU_ASSERT(strlen(m->summary) > 0);
        CHECK_OK(configure(m, NULL, &config, &err), err);
        CHECK_INT(m->needs(config).head_count, 1);
        pf__config_destroy(&config);
    }
    CHECK_INT(count, 5);
    CU_ASSERT_PTR_NULL(pf__method_find("nothing"));
}

static void test_needs(void) {
    CHECK_INT(pf__method_find("flow")->needs(NULL).condition_count, 1);
    CHECK_INT(pf__method_find("meanflow")->needs(NULL).condition_count, 2);
    CHECK_INT(pf__method_find("flow")->evaluation, PF__EVALUATES_VELOCITY);
    CHECK_INT(pf__method_find("meanflow")->evaluation, PF__EVALUATES_MAP);
}

static void test_refusals(void) {
    static const char *const bad[] = {"method.ratio=1.5", "method.norm_p=-1", "method.prediction=v",
                                      "method.time=cosine", "method.norm_eps=0"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        pf_error err = {0};
        pf__config *config = NULL;
        CHECK_INT(configure(pf__method_find("meanflow"), bad[i], &config, &err), PF_USAGE);
        pf__config_destroy(&config);
    }
}

static void test_consistency_refusals(void) {
    static const char *const bad[][2] = {
        {"method.N=1", "[2, "},
        {"method.mu=1", "[0, 0.999999]"},
        {"method.huber_c=0", "[1e-06, "},
        {"method.q=1", "[1.0001, "},
        {"method.s1=5", "from 10 to 1280"},
        {"method.boundary=1", "goes with method.parametrisation = free"},
        {"method.parametrisation=free", "method.boundary = 1"},
        {"method.teacher=run", "method.form = distillation"},
        {"method.curriculum=fast", "constant|original|ict|ect"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        pf_error err = {0};
        pf__config *config = NULL;
        CHECK_INT(configure(pf__method_find("consistency"), bad[i][0], &config, &err), PF_USAGE);
        CU_ASSERT(strstr(err.message, bad[i][1]) || strstr(err.hint, bad[i][1]));
        pf__config_destroy(&config);
    }
}

static void test_continuous_refusals(void) {
    static const char *const bad[][2] = {
        {"method.form=full", "method.velocity = teacher"},
        {"method.teacher=run", "method.velocity = teacher"},
        {"method.c=0", "the paper has 0.1"},
        {"method.H=-2", "the paper has 10000"},
        {"method.sigma_data=0", "images in [-1, 1] have 0.5"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        pf_error err = {0};
        pf__config *config = NULL;
        CHECK_INT(configure(pf__method_find("continuous"), bad[i][0], &config, &err), PF_USAGE);
        CHECK_CONTAINS(err.hint, bad[i][1]);
        pf__config_destroy(&config);
    }
}

void test_table_suite(void) {
    CU_pSuite suite = CU_add_suite("table", NULL, NULL);
    CU_add_test(suite, "rows are found by name and resolve", test_rows);
    CU_add_test(suite, "needs and kind of evaluation", test_needs);
    CU_add_test(suite, "options out of range are refused", test_refusals);
    CU_add_test(suite, "consistency's are refused with the papers' figures", test_consistency_refusals);
    CU_add_test(suite, "continuous' are refused with the papers' figures", test_continuous_refusals);
}
