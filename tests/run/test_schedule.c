/* SPDX-License-Identifier: MIT */
#include "check.h"
#include "run/run.h"

static void learning_rate(void) {
    pf__train_options o = {
        .steps = 110, .warmup = 10, .lr = 0.2, .cosine = true, .beta1 = 0.9, .beta2 = 0.999};
    CHECK_NEAR(pf__schedule_lr(&o, 0), 0.02, 1e-12);
    CHECK_NEAR(pf__schedule_lr(&o, 9), 0.2, 1e-12);
    CHECK_NEAR(pf__schedule_lr(&o, 10), 0.2, 1e-12);
    CHECK_NEAR(pf__schedule_lr(&o, 60), 0.1, 1e-12); /* half way down the cosine */
    CHECK_NEAR(pf__schedule_lr(&o, 110), 0, 1e-12);
    CHECK_NEAR(pf__schedule_lr(&o, 1000), 0, 1e-12);
    o.cosine = false;
    CHECK_NEAR(pf__schedule_lr(&o, 60), 0.2, 1e-12);
    CHECK_NEAR(pf__schedule_lr(&o, 4), 0.1, 1e-12);
}

static void averages(void) {
    pf__train_options o = {.ema = {0.5, 0.999}, .ema_count = 2, .ema_ramp = true};
    CHECK_NEAR(pf__schedule_ema(&o, 1, 0), 0.1, 1e-12);
    CHECK_NEAR(pf__schedule_ema(&o, 1, 90), 0.91, 1e-12);
    CHECK_NEAR(pf__schedule_ema(&o, 0, 90), 0.5, 1e-12);
    CHECK_NEAR(pf__schedule_ema(&o, 1, 100000), 0.999, 1e-12);
    o.ema_ramp = false;
    CHECK_NEAR(pf__schedule_ema(&o, 1, 0), 0.999, 1e-12);
}

static void block(void) {
    pf__train_options o = {.steps = 100,
                           .batch = 1 << 20,
                           .lr = 0.5,
                           .beta1 = 0.9,
                           .beta2 = 0.99,
                           .seed = 7,
                           .ema = {0.75},
                           .ema_count = 1};
    pf__step_block b;
    pf__schedule_block(&o, 0, &b);
    CHECK_NEAR(b.bias1, 10, 1e-6);
    CHECK_NEAR(b.bias2, 100, 1e-6);
    CHECK_NEAR(b.ema0, 0.75, 1e-7);
    pf__schedule_block(&o, 5000, &b);
    CHECK_INT(b.step, 5000);
    CU_ASSERT_EQUAL(b.first_sample, (uint64_t)5000 << 20); /* beyond 32 bits */
    CU_ASSERT_EQUAL(b.seed, 7);
    CHECK_NEAR(b.bias2, 1, 1e-6);
}

void test_schedule_suite(void) {
    CU_pSuite s = CU_add_suite("run/schedule", NULL, NULL);
    CU_add_test(s, "learning rate", learning_rate);
    CU_add_test(s, "decays of the averages", averages);
    CU_add_test(s, "step block", block);
}
