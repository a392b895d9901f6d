/* SPDX-License-Identifier: MIT
 * Made digits: ten classes that can be told apart, ink inside the frame, the same picture at every size. */
#include "check.h"
#include "pushforward/dataset.h"

#define N   1500
#define DIM 256

static pf_error err;
static float x[N * DIM], fresh[N * DIM];
static int32_t y[N], fresh_y[N];

static void test_classes(void) {
    static double mean[10][DIM], count[10];
    pf_make_desc desc = {.kind = "strokes"};
    CHECK_OK(pf_dataset_draw(&desc, 0, N, x, y, &err), err);
    CHECK_OK(pf_dataset_draw(&desc, N, N, fresh, fresh_y, &err), err);
    for (int i = 0; i < N; i++) {
        CU_ASSERT_FATAL(y[i] >= 0 && y[i] < 10);
        count[y[i]]++;
        for (int k = 0; k < DIM; k++) mean[y[i]][k] += x[i * DIM + k];
    }
    for (int c = 0; c < 10; c++) {
        CU_ASSERT(fabs(count[c] - N / 10.0) <= 4.0 * sqrt(N * 0.09));
        for (int k = 0; k < DIM; k++) mean[c][k] /= count[c];
    }
    int right = 0;
    for (int i = 0; i < N; i++) {
        int best = 0;
        double nearest = INFINITY;
        for (int c = 0; c < 10; c++) {
            double d = 0;
            for (int k = 0; k < DIM; k++) d += pow(fresh[i * DIM + k] - mean[c][k], 2);
            if (d < nearest) nearest = d, best = c;
        }
        right += best == fresh_y[i];
    }
    CU_ASSERT(right > N * 8 / 10); /* by the nearest mean alone; a real classifier does better */
    if (right <= N * 8 / 10) fprintf(stderr, "nearest mean: %d of %d right\n", right, N);
}

static void test_ink(void) {
    pf_make_desc desc = {.kind = "strokes"};
    CHECK_OK(pf_dataset_draw(&desc, 0, N, x, y, &err), err);
    for (int i = 0; i < N; i++) {
        double ink = 0, border = 0, brightest = -1;
        for (int k = 0; k < DIM; k++) {
            double v = (x[i * DIM + k] + 1.0) / 2.0;
            CU_ASSERT_FATAL(v >= 0.0 && v <= 1.0);
            ink += v / DIM;
            brightest = fmax(brightest, v);
            if (k / 16 == 0 || k / 16 == 15 || k % 16 == 0 || k % 16 == 15) border += v / 60;
        }
        CU_ASSERT(ink > 0.03 && ink < 0.4);
        CU_ASSERT(brightest > 0.8);
        CU_ASSERT(border < 0.1);
    }
}

/* The mean of 2 x 2 pixels at 32 is near the pixel at 16. */
static void test_sizes(void) {
    pf_make_desc small = {.kind = "strokes"}, large = {.kind = "strokes", .size = 32};
    static float fine[20 * 1024];
    CHECK_OK(pf_dataset_draw(&small, 0, 20, x, y, &err), err);
    CHECK_OK(pf_dataset_draw(&large, 0, 20, fine, y, &err), err);
    for (int i = 0; i < 20; i++) {
        double error = 0;
        for (int r = 0; r < 16; r++)
            for (int c = 0; c < 16; c++) {
                const float *p = fine + i * 1024 + 64 * r + 2 * c;
                error += fabs((p[0] + p[1] + p[32] + p[33]) / 4.0 - x[i * DIM + 16 * r + c]) / DIM;
            }
        CU_ASSERT(error < 0.06);
    }
}

void test_strokes_suite(void) {
    CU_pSuite s = CU_add_suite("data/strokes", NULL, NULL);
    CU_add_test(s, "classes", test_classes);
    CU_add_test(s, "ink", test_ink);
    CU_add_test(s, "sizes", test_sizes);
}
