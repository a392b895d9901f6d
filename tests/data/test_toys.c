/* SPDX-License-Identifier: MIT
 * Made points: their statistics within 4 standard errors, their geometry, and that a sample depends on its
 * index only. */
#include "data/dataset_private.h"
#include "scratch.h"

#define N 20000

static pf_error err;
static float x[N * 3];
static int32_t y[N];

static void test_gaussian(void) {
    const double mean[3] = {1.0, -2.0, 0.5}, c[9] = {2.0, 0.6, -0.3, 0.6, 1.0, 0.2, -0.3, 0.2, 0.5};
    pf_make_desc desc = {.kind = "gaussian", .dim = 3, .mean = mean, .covariance = c, .seed = 7};
    CHECK_OK(pf_dataset_draw(&desc, 0, N, x, y, &err), err);
    double m[3] = {0}, s[9] = {0};
    for (int i = 0; i < N; i++)
        for (int a = 0; a < 3; a++) m[a] += x[3 * i + a] / (double)N;
    for (int i = 0; i < N; i++)
        for (int a = 0; a < 9; a++) s[a] += (x[3 * i + a / 3] - m[a / 3]) * (x[3 * i + a % 3] - m[a % 3]) / N;
    for (int a = 0; a < 3; a++) CU_ASSERT(fabs(m[a] - mean[a]) <= 4.0 * sqrt(c[4 * a] / N));
    for (int a = 0; a < 9; a++) {
        double error = sqrt((c[4 * (a / 3)] * c[4 * (a % 3)] + c[a] * c[a]) / N);
        CU_ASSERT(fabs(s[a] - c[a]) <= 4.0 * error);
    }
}

static void test_cholesky(void) {
    double a[4] = {4.0, 2.0, 2.0, 5.0}, bad[4] = {1.0, 2.0, 2.0, 1.0};
    CU_ASSERT(pf__cholesky(a, 2));
    CHECK_NEAR(a[0], 2.0, 1e-15);
    CHECK_NEAR(a[1], 0.0, 0.0);
    CHECK_NEAR(a[2], 1.0, 1e-15);
    CHECK_NEAR(a[3], 2.0, 1e-15);
    CU_ASSERT(!pf__cholesky(bad, 2));
}

static void test_8gaussians(void) {
    pf_make_desc desc = {.kind = "8gaussians", .noise = -1};
    CHECK_OK(pf_dataset_draw(&desc, 0, N, x, y, &err), err);
    double count[8] = {0}, mean[8][2] = {{0}}, square[8] = {0};
    for (int i = 0; i < N; i++) {
        CU_ASSERT_FATAL(y[i] >= 0 && y[i] < 8);
        double angle = y[i] * acos(-1.0) / 4.0;
        double dx = x[2 * i] - 2.0 * cos(angle), dy = x[2 * i + 1] - 2.0 * sin(angle);
        count[y[i]] += 1;
        mean[y[i]][0] += dx;
        mean[y[i]][1] += dy;
        square[y[i]] += dx * dx + dy * dy;
    }
    for (int k = 0; k < 8; k++) {
        CU_ASSERT(fabs(count[k] - N / 8.0) <= 4.0 * sqrt(N * 7.0 / 64.0));
        CU_ASSERT(fabs(mean[k][0] / count[k]) <= 4.0 * 0.1 / sqrt(count[k]));
        CU_ASSERT(fabs(mean[k][1] / count[k]) <= 4.0 * 0.1 / sqrt(count[k]));
        CU_ASSERT(fabs(square[k] / count[k] - 0.02) <= 4.0 * 0.02 / sqrt(count[k]));
    }
}

static void test_checkerboard(void) {
    pf_make_desc desc = {.kind = "checkerboard", .noise = -1};
    CHECK_OK(pf_dataset_draw(&desc, 0, N, x, y, &err), err);
    double cells[16] = {0};
    for (int i = 0; i < N; i++) {
        int a = (int)floor(x[2 * i]) + 2, b = (int)floor(x[2 * i + 1]) + 2;
        CU_ASSERT_FATAL(a >= 0 && a < 4 && b >= 0 && b < 4);
        cells[4 * a + b] += 1;
    }
    for (int k = 0; k < 16; k++) {
        bool dark = (k / 4 + k % 4) % 2 == 0;
        CU_ASSERT(dark ? fabs(cells[k] - N / 8.0) <= 4.0 * sqrt(N * 7.0 / 64.0) : cells[k] == 0);
    }
}

static void test_curves(void) {
    pf_make_desc desc = {.kind = "moons", .noise = 0.0};
    CHECK_OK(pf_dataset_draw(&desc, 0, N, x, y, &err), err);
    double upper = 0;
    for (int i = 0; i < N; i++) {
        double a = y[i] ? 1.0 - x[2 * i] : x[2 * i], b = y[i] ? 0.5 - x[2 * i + 1] : x[2 * i + 1];
        CU_ASSERT(fabs(hypot(a, b) - 1.0) < 1e-6 && b > -1e-6);
        upper += y[i] == 0;
    }
    CU_ASSERT(fabs(upper - N / 2.0) <= 4.0 * sqrt(N / 4.0));
    desc.kind = "swissroll";
    CHECK_OK(pf_dataset_draw(&desc, 0, N, x, y, &err), err);
    double sum = 0, pi = acos(-1.0);
    for (int i = 0; i < N; i++) {
        double angle = 14.137 * hypot(x[2 * i], x[2 * i + 1]);
        CU_ASSERT(fabs(angle * cos(angle) - 14.137 * x[2 * i]) < 1e-4);
        sum += (angle - pi / 2.0) / (4.0 * pi);
    }
    CU_ASSERT(fabs(sum / N - 0.5) <= 4.0 / sqrt(12.0 * N));
    desc.noise = 0.25; /* adds this much to each coordinate's variance */
    static float noisy[2 * N];
    double square = 0;
    CHECK_OK(pf_dataset_draw(&desc, 0, N, noisy, NULL, &err), err);
    for (int i = 0; i < 2 * N; i++) square += pow(noisy[i] - x[i], 2) / (2.0 * N);
    CU_ASSERT(fabs(square - 0.0625) <= 4.0 * 0.0625 / sqrt(N));
}

static void test_index_alone(void) {
    static const char *const kinds[] = {"gaussian", "8gaussians", "checkerboard",
                                        "moons",    "swissroll",  "strokes"};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        pf_make_desc desc = {.kind = kinds[k], .noise = -1, .size = 8}, other = desc;
        float one[64];
        int32_t label = -1;
        int dim = 0, classes = -1, side = -1;
        CHECK_OK(pf_dataset_kind(&desc, &dim, &classes, &side, &err), err);
        CHECK_INT(side, k == 5 ? 8 : 0);
        CHECK_INT(classes, k == 1 ? 8 : k == 3 ? 2 : k == 5 ? 10 : 0);
        CHECK_OK(pf_dataset_draw(&desc, 0, 200, x, y, &err), err);
        CHECK_OK(pf_dataset_draw(&desc, 137, 1, one, &label, &err), err);
        CU_ASSERT_EQUAL(memcmp(one, x + 137 * dim, (size_t)dim * sizeof *one), 0);
        CHECK_INT(label, y[137]);
        CHECK_OK(pf_dataset_draw(&desc, ((int64_t)1 << 32) + 137, 1, one, &label, &err), err);
        CU_ASSERT_NOT_EQUAL(memcmp(one, x + 137 * dim, (size_t)dim * sizeof *one), 0);
        other.seed = 2;
        CHECK_OK(pf_dataset_draw(&other, 137, 1, one, &label, &err), err);
        CU_ASSERT_NOT_EQUAL(memcmp(one, x + 137 * dim, (size_t)dim * sizeof *one), 0);
    }
}

static void test_refusals(void) {
    const double lopsided[4] = {1, 0.5, 0.4, 1}, indefinite[4] = {1, 2, 2, 1};
    pf_make_desc desc = {.kind = "8gausians"};
    CHECK_INT(pf_dataset_draw(&desc, 0, 1, x, y, &err), PF_USAGE);
    CHECK_CONTAINS(err.hint, "did you mean '8gaussians'");
    desc = (pf_make_desc){0};
    CHECK_INT(pf_dataset_draw(&desc, 0, 1, x, y, &err), PF_USAGE);
    CHECK_CONTAINS(err.hint, "checkerboard");
    desc = (pf_make_desc){.kind = "gaussian", .covariance = lopsided};
    CHECK_INT(pf_dataset_draw(&desc, 0, 1, x, y, &err), PF_USAGE);
    desc.covariance = indefinite;
    CHECK_INT(pf_dataset_draw(&desc, 0, 1, x, y, &err), PF_USAGE);
    CHECK_CONTAINS(err.message, "positive definite");
    desc = (pf_make_desc){.kind = "moons", .dim = 3};
    CHECK_INT(pf_dataset_draw(&desc, 0, 1, x, y, &err), PF_USAGE);
    desc = (pf_make_desc){.kind = "moons", .noise = NAN};
    CHECK_INT(pf_dataset_draw(&desc, 0, 1, x, y, &err), PF_USAGE);
    desc = (pf_make_desc){.kind = "strokes", .size = 7};
    CHECK_INT(pf_dataset_draw(&desc, 0, 1, x, y, &err), PF_USAGE);
    desc.size = 0;
    CHECK_INT(pf_dataset_draw(&desc, -1, 1, x, y, &err), PF_USAGE);
}

void test_toys_suite(void) {
    CU_pSuite s = CU_add_suite("data/toys", NULL, NULL);
    CU_add_test(s, "cholesky", test_cholesky);
    CU_add_test(s, "gaussian", test_gaussian);
    CU_add_test(s, "8gaussians", test_8gaussians);
    CU_add_test(s, "checkerboard", test_checkerboard);
    CU_add_test(s, "curves", test_curves);
    CU_add_test(s, "index alone", test_index_alone);
    CU_add_test(s, "refusals", test_refusals);
}
