/* SPDX-License-Identifier: MIT
 * Trained models of Gaussian data, where the answer is known: the one-evaluation map, sample by sample, and
 * the flow-matching error. */
#include "run/fixture.h"

static pf_checkpoint *trained(const char *folder, const char *data, const char *const *pairs) {
    pf_error error = {0};
    pf_checkpoint *c = NULL;
    pf_config *config = test_config(data, pairs);
    CHECK_OK(test_train(folder, PF_FOLDER_NEW, config, 0, &error), error);
    pf_config_destroy(&config);
    CHECK_OK(pf_checkpoint_open(folder, &c, &error), error);
    return c;
}

static double map_error(pf_checkpoint *c, const char *weights, const double *mean, const double *covariance) {
    enum { COUNT = 1000 };
    static float noise[2 * COUNT], x[2 * COUNT];
    pf_error error = {0};
    pf_sampler *s = NULL;
    double distance = 1e30;
    CHECK_OK(
        pf_sampler_create(
            &s, &(pf_sampler_desc){.context = test_context(), .checkpoint = c, .weights = weights}, &error),
        error);
    if (!s) return distance;
    pf_sampler_noise(s, 5, 0, COUNT, noise);
    CHECK_OK(pf_sampler_run(s, noise, NULL, COUNT, x, &error), error);
    CHECK_OK(pf_gaussian_map_error(x, noise, COUNT, pf_sampler_describe(s)->dim, mean, covariance, &distance,
                                   &error),
             error);
    pf_sampler_destroy(&s);
    return distance;
}

static void check_gaussian(const char *name, int dim, const double *mean, const double *covariance) {
    const char *pairs[] = {"data.standardize=false",
                           "model.width=64",
                           "model.depth=2",
                           "train.batch=512",
                           dim == 1 ? "train.steps=8000" : "train.steps=20000",
                           "train.lr=2e-3",
                           "train.ema=0.999",
                           "train.log_every=500",
                           "train.save_every=0",
                           NULL};
    char file[32];
    snprintf(file, sizeof file, "%s.h5", name);
    const char *data = test_set(
        file,
        &(pf_make_desc){.kind = "gaussian", .noise = -1, .dim = dim, .mean = mean, .covariance = covariance});
    pf_checkpoint *c = trained(test_path(name), data, pairs);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    double after = map_error(c, NULL, mean, covariance), before = map_error(c, "initial", mean, covariance);
    fprintf(stderr, "%s: %.4f from the right map, untrained %.4f\n", name, after, before);
    CU_ASSERT(after <= 0.05);
    CU_ASSERT(before > 0.05);
    pf_checkpoint_close(&c);
}

static void one_dimension(void) {
    const double mean[1] = {1.5}, covariance[1] = {0.16};
    check_gaussian("gaussian-1d", 1, mean, covariance);
}

static void two_dimensions(void) {
    double c = cos(acos(-1) / 6), s = sin(acos(-1) / 6);
    const double mean[2] = {1.5, -0.5};
    const double covariance[4] = {1.44 * c * c + 0.09 * s * s, (1.44 - 0.09) * c * s, (1.44 - 0.09) * c * s,
                                  1.44 * s * s + 0.09 * c * c};
    check_gaussian("gaussian-2d", 2, mean, covariance);
}

/* For N(m, s^2) the affine predictor is the best there is, and its error is pi s / 2. */
static void affine_floor(void) {
    const double mean[1] = {1.5}, covariance[1] = {0.16};
    const char *pairs[] = {"data.standardize=false", "method.name=flow", "train.steps=20", NULL};
    const char *data = test_set(
        "gaussian-1d.h5",
        &(pf_make_desc){.kind = "gaussian", .noise = -1, .dim = 1, .mean = mean, .covariance = covariance});
    pf_checkpoint *c = trained(test_path("floor"), data, pairs);
    pf_error error = {0};
    pf_sampler *s = NULL;
    pf_dataset *set = NULL;
    pf_fm_error e = {0};
    CHECK_OK(pf_dataset_open(data, &set, &error), error);
    CHECK_OK(pf_sampler_create(&s, &(pf_sampler_desc){.context = test_context(), .checkpoint = c}, &error),
             error);
    CHECK_OK(pf_flow_matching_error(s, set, &(pf_fm_error_desc){.count = 4000, .times = 64}, &e, &error),
             error);
    CHECK_INT(e.count, 4000);
    CU_ASSERT(fabs(e.affine - 0.628318531) < 4 * 0.63 * sqrt(2.0 / 4000)); /* noise is shared by all times */
    CU_ASSERT(e.model > e.affine);                                         /* 20 steps are not enough */
    CU_ASSERT(e.zero > 2.25);                                              /* m^2 + s^2 + 1 = 3.41 */
    pf_sampler_destroy(&s);
    pf_dataset_close(&set);
    pf_checkpoint_close(&c);
}

void test_model_suite(void) {
    CU_pSuite s = CU_add_suite("eval/model", NULL, NULL);
    CU_add_test(s, "N(1.5, 0.4^2): one evaluation", one_dimension);
    CU_add_test(s, "rotated 2-D Gaussian: one evaluation", two_dimensions);
    CU_add_test(s, "the affine predictor's error", affine_floor);
}
