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

/* No part is missing, and no line is wider than promised. */
static void check_explanation(const pf__method *m) {
    CU_ASSERT_PTR_NOT_NULL_FATAL(m->explanation);
    const char *const part[] = {m->explanation->equations, m->explanation->needs, m->explanation->sampling,
                                m->explanation->papers};
    for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
        CU_ASSERT_PTR_NOT_NULL_FATAL(part[i]);
        CU_ASSERT(strlen(part[i]) > 20);
        for (const char *line = part[i]; *line; line += strcspn(line, "\n"), line += *line == '\n')
            CU_ASSERT(strcspn(line, "\n") <= 96);
    }
    CHECK_CONTAINS(m->explanation->papers, "arXiv ");
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
        check_explanation(m);
        CHECK_OK(configure(m, NULL, &config, &err), err);
        CHECK_INT(m->needs(config).head_count, strcmp(m->name, "pixelmeanflow") == 0 ? 2 : 1);
        pf__config_destroy(&config);
    }
    CHECK_INT(count, 6);
    CU_ASSERT_PTR_NULL(pf__method_find("nothing"));
}

/* What a method needs with one option set. */
static pf__needs needs_of(const char *name, const char *assignment) {
    pf_error err = {0};
    pf__config *config = NULL;
    const pf__method *method = pf__method_find(name);
    CHECK_OK(configure(method, assignment, &config, &err), err);
    pf__needs needs = method->needs(config);
    pf__config_destroy(&config);
    return needs;
}

static void test_needs(void) {
    CHECK_INT(needs_of("flow", NULL).condition_count, 1);
    CHECK_INT(needs_of("meanflow", NULL).condition_count, 2);
    CU_ASSERT_FALSE(needs_of("meanflow", NULL).teacher);
    CU_ASSERT_TRUE(needs_of("meanflow", "method.velocity=teacher").teacher);
    CHECK_INT(needs_of("meanflow", "method.tangent=u").head_count, 1);
    CHECK_INT(needs_of("meanflow", "method.tangent=head").head_count, 2);
    CHECK_INT(needs_of("pixelmeanflow", "method.tangent=u").head_count, 1);
    CHECK_INT(pf__method_find("flow")->evaluation, PF__EVALUATES_VELOCITY);
    CHECK_INT(pf__method_find("meanflow")->evaluation, PF__EVALUATES_MAP);
    CHECK_INT(pf__method_find("pixelmeanflow")->evaluation, PF__EVALUATES_MAP);
}

typedef struct refusal {
    const char *settings; /* lines of [method] */
    const char *says;     /* in the message or the hint */
} refusal;

static void check_refusals(const char *name, const refusal *bad, size_t count) {
    const pf__method *method = pf__method_find(name);
    for (size_t i = 0; i < count; i++) {
        pf_error err = {0};
        pf__config *config = NULL;
        char text[256];
        snprintf(text, sizeof text, "[method]\n%s\n", bad[i].settings);
        CHECK_OK(pf__config_create(&config, &err), err);
        CHECK_OK(pf__config_add_table(config, method->options, &err), err);
        CHECK_OK(pf__config_read_text(config, text, "test", &err), err);
        pf_status st = pf__config_resolve(config, &err);
        CHECK_INT(st == PF_OK ? method->check(config, &err) : st, PF_USAGE);
        bool said = strstr(err.message, bad[i].says) || strstr(err.hint, bad[i].says);
        if (!said) fprintf(stderr, "%s: '%s', hint '%s'\n", bad[i].settings, err.message, err.hint);
        CU_ASSERT(said);
        pf__config_destroy(&config);
    }
}

static void test_meanflow_refusals(void) {
    static const refusal bad[] = {
        {"ratio = 1.5", "0.25 (ImageNet) and 0.75 (CIFAR-10)"},
        {"norm_p = -1", "the paper has 1 and 0.75"},
        {"prediction = v", "u|x|map"},
        {"time = cosine", "uniform|logit-normal"},
        {"norm_eps = 0", "norm_eps=1e-3"},
        {"tangent = data", "velocity|u|head"},
        {"form = full", "method.velocity = teacher"},
        {"prediction = x\ntangent = u\nratio = 1", "method.ratio=0.5"},
        {"teacher = run", "method.velocity = data uses no teacher"},
        {"boundary = 1", "goes with method.prediction = map"},
        {"prediction = map", "goes with method.form = full"},
        {"form = full\nvelocity = teacher\ntangent = u", "set method.tangent = velocity"},
        {"form = full\nvelocity = teacher\nprediction = map", "method.boundary = 1"},
        {"form = full\nvelocity = teacher\nprediction = map\nboundary = 1\nratio = 1", "method.ratio < 1"},
    };
    check_refusals("meanflow", bad, sizeof bad / sizeof *bad);
}

static void test_pixelmeanflow_refusals(void) {
    static const refusal bad[] = {
        {"clip = 0", "the paper has 0.05"},  {"clip = 0.6", "[0.001, 0.5]"},
        {"ratio = 2", "the paper has 0.5"},  {"P_mean = 100", "the paper has 0.8"},
        {"P_std = -1", "the paper has 0.8"}, {"uniform = 2", "offers 0.1"},
        {"norm_p = 5", "the paper has 1"},   {"norm_eps = 0", "norm_eps=1e-3"},
        {"tangent = v", "velocity|u|head"},  {"prediction = x", "method.prediction"},
    };
    check_refusals("pixelmeanflow", bad, sizeof bad / sizeof *bad);
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
    CU_add_test(suite, "meanflow's are refused with the papers' figures", test_meanflow_refusals);
    CU_add_test(suite, "pixelmeanflow's are refused with the paper's figures", test_pixelmeanflow_refusals);
    CU_add_test(suite, "consistency's are refused with the papers' figures", test_consistency_refusals);
    CU_add_test(suite, "continuous' are refused with the papers' figures", test_continuous_refusals);
}
