/* SPDX-License-Identifier: MIT */
#include "run/fixture.h"
#include "run/run.h"

static void per_feature(void) {
    const double mean[2] = {1000, -3}, covariance[4] = {4, 0, 0, 0.25};
    const char *path = test_set("wide.h5", &(pf_make_desc){.kind = "gaussian",
                                                           .train = 20000,
                                                           .test = 10,
                                                           .noise = -1,
                                                           .mean = mean,
                                                           .covariance = covariance,
                                                           .dim = 2});
    pf_error error = {0};
    pf_dataset *set = NULL;
    pf__scaling s = {0};
    CHECK_OK(pf_dataset_open(path, &set, &error), error);
    CHECK_OK(pf__scaling_measure(&s, set, "set", true, &error), error);
    CHECK_INT(s.count, 2);
    for (int k = 0; k < 2; k++) { /* 4 standard errors of 20000 */
        double deviation = sqrt(covariance[3 * k]);
        CU_ASSERT(fabs(s.mean[k] - mean[k]) < 4 * deviation / sqrt(20000.0));
        CU_ASSERT(fabs(s.deviation[k] / deviation - 1) < 4 / sqrt(40000.0));
    }
    float x[4] = {1002, -3, 1000, -2}, want[4] = {1002, -3, 1000, -2};
    pf__scaling_apply(&s, x, 2, 2);
    CHECK_NEAR(x[0], (1002 - s.mean[0]) / s.deviation[0], 1e-6);
    pf__scaling_undo(&s, x, 2, 2);
    for (int i = 0; i < 4; i++) CHECK_NEAR(x[i], want[i], 1e-6);
    pf__scaling_free(&s);
    CHECK_OK(pf__scaling_measure(&s, set, "set", false, &error), error);
    CHECK_NEAR(s.mean[0], 0, 0);
    CHECK_NEAR(s.deviation[1], 1, 0);
    pf__scaling_free(&s);
    pf_dataset_close(&set);
}

static void images_share_one_pair(void) {
    const char *path = test_set(
        "strokes.h5", &(pf_make_desc){.kind = "strokes", .train = 200, .test = 20, .noise = -1, .size = 8});
    pf_error error = {0};
    pf_dataset *set = NULL;
    pf__scaling s = {0};
    CHECK_OK(pf_dataset_open(path, &set, &error), error);
    CHECK_OK(pf__scaling_measure(&s, set, "set", true, &error), error);
    CHECK_INT(s.count, 1);
    static float x[200 * 64];
    CHECK_OK(pf_dataset_read(set, PF_TRAIN, 0, 200, x, NULL, &error), error);
    pf__scaling_apply(&s, x, 200, 64);
    double sum = 0, square = 0;
    for (int i = 0; i < 200 * 64; i++) {
        sum += (double)x[i];
        square += (double)x[i] * (double)x[i];
    }
    CHECK_NEAR(sum / (200 * 64), 0, 1e-6);
    CHECK_NEAR(square / (200 * 64), 1, 1e-6);
    pf__scaling_free(&s);
    pf_dataset_close(&set);
}

void test_scaling_suite(void) {
    CU_pSuite s = CU_add_suite("run/scaling", NULL, NULL);
    CU_add_test(s, "per feature, far from zero", per_feature);
    CU_add_test(s, "images share one pair", images_share_one_pair);
}
