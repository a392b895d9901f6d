/* SPDX-License-Identifier: MIT
 * The law that a made set tells: as it was made, and not believed where it cannot be. */
#include "data/h5.h"
#include "data/law.h"
#include "scratch.h"

void test_law_suite(void);

static pf_error err;
static char path[512];

static pf_status read_law(pf__law *law) {
    pf_dataset *set = NULL;
    CHECK_OK(pf_dataset_open(path, &set, &err), err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(set);
    pf_status st = pf__law_read(law, set, &err);
    pf_dataset_close(&set);
    return st;
}

static void as_made(void) {
    const double mean[2] = {1.5, -0.5}, c[4] = {2.0, 0.6, 0.6, 1.0};
    pf__law law = {0};
    pf_make_desc desc = {.kind = "gaussian", .train = 20, .dim = 2, .mean = mean, .covariance = c};
    CHECK_OK(pf_dataset_make(scratch(path, "law.h5"), &desc, &err), err);
    CHECK_OK(read_law(&law), err);
    CHECK_INT(law.count, 1);
    CHECK_INT(law.dim, 2);
    for (int i = 0; i < 2 && law.mean; i++) CHECK_NEAR(law.mean[i], mean[i], 0);
    for (int i = 0; i < 4 && law.mean; i++) CHECK_NEAR(law.covariance[i], c[i], 1e-14);
    pf__law_free(&law);
    desc = (pf_make_desc){.kind = "8gaussians", .train = 20, .noise = 0.3};
    CHECK_OK(pf_dataset_make(path, &desc, &err), err);
    CHECK_OK(read_law(&law), err);
    CHECK_INT(law.count, 8);
    for (int k = 0; k < 8 && law.mean; k++) {
        CHECK_NEAR(law.mean[2 * k], 2 * cos(k * acos(-1.0) / 4), 1e-15);
        CHECK_NEAR(law.mean[2 * k + 1], 2 * sin(k * acos(-1.0) / 4), 1e-15);
    }
    for (int i = 0; i < 4 && law.mean; i++) CHECK_NEAR(law.covariance[i], i % 3 ? 0 : 0.09, 1e-15);
    pf__law_free(&law);
    unlink(path);
}

/* Points of two coordinates, and this under /law. */
static void check_wrong(int64_t rows, int64_t columns, double number, double corner, const char *message) {
    static const float x[8] = {0};
    double mean[12] = {0}, covariance[9] = {1, corner, 0, 1};
    pf__h5 *file = NULL;
    pf__law law = {0};
    const pf_shape points = {2, {4, 2}}, shape = {2, {rows, columns}}, square = {2, {columns, columns}};
    mean[0] = number;
    CHECK_OK(pf__h5_create(scratch(path, "wrong_law.h5"), &file, &err), err);
    CHECK_OK(pf__h5_write(file, "/train/x", PF_F32, &points, x, true, &err), err);
    if (rows) CHECK_OK(pf__h5_write(file, "/law/mean", PF_F64, &shape, mean, true, &err), err);
    CHECK_OK(pf__h5_write(file, "/law/covariance", PF_F64, &square, covariance, true, &err), err);
    CHECK_OK(pf__h5_close(&file, &err), err);
    CHECK_INT(read_law(&law), PF_DATA);
    CHECK_CONTAINS(err.message, message);
    CU_ASSERT(err.hint[0] != '\0');
    CU_ASSERT_PTR_NULL(law.mean);
    unlink(path);
}

static void not_believed(void) {
    check_wrong(4, 3, 0, 0, "/law has not the shape of the samples");
    check_wrong(1, 2, NAN, 0, "/law is not finite and symmetric");
    check_wrong(1, 2, 0, INFINITY, "/law is not finite and symmetric");
    check_wrong(1, 2, 0, 0.5, "/law is not finite and symmetric");
    check_wrong(0, 2, 0, 0, "tells no law");
}

void test_law_suite(void) {
    CU_pSuite s = CU_add_suite("data/law", NULL, NULL);
    CU_add_test(s, "as it was made", as_made);
    CU_add_test(s, "wrong ones are refused", not_believed);
}
