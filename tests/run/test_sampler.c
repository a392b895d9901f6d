/* SPDX-License-Identifier: MIT
 * Sampling: independent of the batch, named weights, several evaluations, solvers. */
#include "run/fixture.h"
#include <string.h>

enum { COUNT = 50, DIM = 2 };

static pf_checkpoint *trained(const char *name, const char *pair) {
    pf_error error = {0};
    pf_checkpoint *c = NULL;
    const char *pairs[] = {pair, NULL};
    pf_config *config = test_config(test_moons(), pairs);
    CHECK_OK(test_train(test_path(name), PF_FOLDER_NEW, config, 0, &error), error);
    pf_config_destroy(&config);
    CHECK_OK(pf_checkpoint_open(test_path(name), &c, &error), error);
    return c;
}

static void draw(pf_checkpoint *c, pf_sampler_desc desc, float *x) {
    pf_error error = {0};
    pf_sampler *s = NULL;
    float noise[COUNT * DIM];
    desc.context = test_context();
    desc.checkpoint = c;
    CHECK_OK(pf_sampler_create(&s, &desc, &error), error);
    if (!s) return;
    pf_sampler_noise(s, 3, 0, COUNT, noise);
    CHECK_OK(pf_sampler_run(s, noise, NULL, COUNT, x, &error), error);
    pf_sampler_destroy(&s);
}

static double distance(const float *a, const float *b) {
    double worst = 0;
    for (int i = 0; i < COUNT * DIM; i++) worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
    return worst;
}

static void maps(void) {
    pf_checkpoint *c = trained("sample-map", "train.ema_ramp=false");
    float one[COUNT * DIM], other[COUNT * DIM];
    draw(c, (pf_sampler_desc){.batch = 64}, one);
    draw(c, (pf_sampler_desc){.batch = 7}, other); /* the last batch is padded */
    CU_ASSERT(distance(one, other) < 1e-5);
    draw(c, (pf_sampler_desc){.weights = "0.99"}, other);
    CHECK_NEAR(distance(one, other), 0, 0); /* the longest rate is the default */
    static const char *const names[] = {"none", "0.9", "initial"};
    for (int i = 0; i < 3; i++) {
        draw(c, (pf_sampler_desc){.weights = names[i]}, other);
        CU_ASSERT(distance(one, other) > 1e-4);
    }
    draw(c, (pf_sampler_desc){.nfe = 3}, other);
    CU_ASSERT(distance(one, other) > 1e-4);
    pf_error error = {0};
    pf_sampler *s = NULL;
    CHECK_INT(
        pf_sampler_create(
            &s, &(pf_sampler_desc){.context = test_context(), .checkpoint = c, .weights = "0.5"}, &error),
        PF_USAGE);
    CHECK_CONTAINS(error.hint, "0.99");
    pf_checkpoint_close(&c);
}

static void solvers(void) {
    pf_checkpoint *c = trained("sample-flow", "method.name=flow");
    float fine[COUNT * DIM], other[COUNT * DIM];
    double last = 1e9;
    draw(c, (pf_sampler_desc){.solver = "rk4", .nfe = 256}, fine);
    for (int nfe = 4; nfe <= 64; nfe *= 4) { /* Euler converges to the same flow */
        draw(c, (pf_sampler_desc){.solver = "euler", .nfe = nfe}, other);
        double error = distance(fine, other);
        CU_ASSERT(error < 0.5 * last);
        last = error;
    }
    draw(c, (pf_sampler_desc){.solver = "midpoint", .nfe = 64}, other);
    CU_ASSERT(distance(fine, other) < 0.1 * last);
    draw(c, (pf_sampler_desc){.solver = "heun", .nfe = 64}, other);
    CU_ASSERT(distance(fine, other) < 0.1 * last);
    pf_error error = {0};
    pf_sampler *s = NULL;
    pf_sampler_desc desc = {.context = test_context(), .checkpoint = c, .solver = "rk4", .nfe = 7};
    CHECK_INT(pf_sampler_create(&s, &desc, &error), PF_USAGE);
    CHECK_CONTAINS(error.hint, "8");
    desc = (pf_sampler_desc){.context = test_context(), .checkpoint = c, .solver = "magic", .nfe = 8};
    CHECK_INT(pf_sampler_create(&s, &desc, &error), PF_USAGE);
    pf_checkpoint_close(&c);
}

/* dopri5 finds the flow that 64 steps of RK4 find, in fewer evaluations, whatever the batch. */
static void adaptive(void) {
    pf_error error = {0};
    pf_checkpoint *c = NULL;
    pf_sampler *s = NULL;
    float fine[COUNT * DIM], x[COUNT * DIM], other[COUNT * DIM], v[2][COUNT * DIM];
    CHECK_OK(pf_checkpoint_open(test_path("sample-flow"), &c, &error), error);
    draw(c, (pf_sampler_desc){.solver = "rk4", .nfe = 256}, fine);
    draw(c, (pf_sampler_desc){.solver = "dopri5"}, x);
    CU_ASSERT(distance(fine, x) < 1e-3);
    draw(c, (pf_sampler_desc){.solver = "dopri5", .rtol = 1e-6, .atol = 1e-6}, other);
    CU_ASSERT(distance(fine, other) < 1e-4 && distance(fine, other) < distance(fine, x));
    draw(c, (pf_sampler_desc){.solver = "dopri5", .batch = 7},
         other); /* rounding apart, as products differ */
    CU_ASSERT(distance(x, other) < 1e-4);
    draw(c, (pf_sampler_desc){.solver = "dopri5", .rtol = 1e-2, .atol = 1e-2}, other);
    CU_ASSERT(distance(fine, other) > distance(fine, x));

    pf_sampler_desc desc = {.context = test_context(), .checkpoint = c, .solver = "dopri5"};
    CHECK_OK(pf_sampler_create(&s, &desc, &error), error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    CHECK_INT(pf_sampler_describe(s)->nfe, 0);
    pf_sampler_noise(s, 3, 0, COUNT, other);
    CHECK_OK(pf_sampler_velocity(s, other, 0.3, NULL, COUNT, v[0], &error), error);
    CHECK_OK(pf_sampler_run(s, other, NULL, COUNT, other, &error), error);
    pf_sampler_counts n = pf_sampler_count(s);
    CU_ASSERT(n.nfe_least >= 8 && (n.nfe_least - 2) % 6 == 0 && n.nfe_most < 200);
    CU_ASSERT(n.nfe_least <= n.nfe && n.nfe <= n.nfe_most);
    pf_sampler_destroy(&s);
    desc = (pf_sampler_desc){.context = test_context(), .checkpoint = c, .nfe = 8};
    CHECK_OK(pf_sampler_create(&s, &desc, &error), error);
    pf_sampler_noise(s, 3, 0, COUNT, other);
    CHECK_OK(pf_sampler_velocity(s, other, 0.3, NULL, COUNT, v[1], &error), error);
    CU_ASSERT(distance(v[0], v[1]) < 1e-6); /* times of each sample, and one of all */
    CHECK_OK(pf_sampler_run(s, other, NULL, COUNT, other, &error), error);
    CHECK_NEAR(pf_sampler_count(s).nfe, 8, 0);
    CHECK_INT(pf_sampler_count(s).nfe_least, 8);
    pf_sampler_destroy(&s);
    pf_checkpoint_close(&c);
}

static void check_refused(const char *folder, pf_sampler_desc desc, const char *message, const char *hint) {
    pf_error error = {0};
    pf_checkpoint *c = NULL;
    pf_sampler *s = NULL;
    CHECK_OK(pf_checkpoint_open(test_path(folder), &c, &error), error);
    desc.context = test_context();
    desc.checkpoint = c;
    CHECK_INT(pf_sampler_create(&s, &desc, &error), PF_USAGE);
    CHECK_CONTAINS(error.message, message);
    CHECK_CONTAINS(error.hint, hint);
    pf_checkpoint_close(&c);
}

static void what_does_not_go_together(void) {
    check_refused("sample-map", (pf_sampler_desc){.solver = "dopri5"}, "learns a map: the solver dopri5",
                  "leave --solver out");
    check_refused("sample-map", (pf_sampler_desc){.rtol = 1e-3}, "no steps whose error", "--nfe");
    check_refused("sample-flow", (pf_sampler_desc){.solver = "dopri5", .nfe = 30}, "nfe = 30 has no meaning",
                  "rtol and atol");
    check_refused("sample-flow", (pf_sampler_desc){.solver = "rk4", .atol = 1e-3}, "rk4 makes equal steps",
                  "--solver dopri5");
}

static void noise(void) {
    pf_error error = {0};
    pf_checkpoint *c = NULL;
    pf_sampler *s = NULL;
    CHECK_OK(pf_checkpoint_open(test_path("sample-map"), &c, &error), error);
    CHECK_OK(pf_sampler_create(&s, &(pf_sampler_desc){.context = test_context(), .checkpoint = c}, &error),
             error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    float a[COUNT * DIM], b[COUNT * DIM];
    pf_sampler_noise(s, 3, 0, COUNT, a);
    pf_sampler_noise(s, 3, 10, COUNT - 10, b);
    CU_ASSERT_EQUAL(memcmp(a + 10 * DIM, b, (COUNT - 10) * DIM * sizeof *a), 0);
    pf_sampler_noise(s, 4, 0, COUNT, b);
    CU_ASSERT_NOT_EQUAL(memcmp(a, b, sizeof a), 0);
    /* the velocity at t = 1 depends on x, in standardised units */
    float v[COUNT * DIM];
    CHECK_OK(pf_sampler_velocity(s, a, 1, NULL, COUNT, v, &error), error);
    CU_ASSERT(isfinite(v[0]) && v[0] != v[2]);
    pf_sampler_destroy(&s);
    pf_checkpoint_close(&c);
}

void test_sampler_suite(void) {
    CU_pSuite s = CU_add_suite("run/sampler", NULL, NULL);
    CU_add_test(s, "maps and weights", maps);
    CU_add_test(s, "solvers", solvers);
    CU_add_test(s, "dopri5", adaptive);
    CU_add_test(s, "what does not go together", what_does_not_go_together);
    CU_add_test(s, "noise and velocity", noise);
}
