/* SPDX-License-Identifier: MIT
 * Sliced W2, nearest neighbours and medians against values known otherwise. */
#include "base/philox.h"
#include "run/fixture.h"

static float normal(uint64_t seed, int64_t i) {
    return (float)pf__random_normal(seed, 0, (uint64_t)i, 0);
}

static void sliced_w2_of_a_shift(void) {
    /* all points moved by (3, 4): the projection on an angle moves by its cosine, whose mean square over
     * equally spaced angles is 1/2 */
    enum { N = 100 };
    float x[2 * N], y[2 * N], z[3 * N] = {0}, w[3 * N] = {0};
    double distance = -1;
    pf_error error = {0};
    for (int i = 0; i < N; i++) {
        x[2 * i] = normal(1, 2 * i);
        x[2 * i + 1] = normal(1, 2 * i + 1);
        y[2 * ((i + 17) % N)] = x[2 * i] + 3; /* in another order */
        y[2 * ((i + 17) % N) + 1] = x[2 * i + 1] + 4;
    }
    CHECK_OK(pf_sliced_w2(x, y, N, 2, 128, &distance, &error), error);
    CHECK_NEAR(distance, 5 / sqrt(2.0), 1e-5);
    CHECK_OK(pf_sliced_w2(x, x, N, 2, 128, &distance, &error), error);
    CHECK_NEAR(distance, 0, 1e-12);
    for (int i = 0; i < N; i++)
        w[3 * i] = 2; /* 3-D, random directions: mean square 1/3 within 4 standard errors of 2000 */
    CHECK_OK(pf_sliced_w2(z, w, N, 3, 2000, &distance, &error), error);
    CU_ASSERT(fabs(distance * distance / 4 - 1.0 / 3) < 4 * 0.3 / sqrt(2000.0));
    CHECK_INT(pf_sliced_w2(x, y, 0, 2, 8, &distance, &error), PF_USAGE);
}

static void nearest_by_brute_force(void) {
    enum { NX = 23, NY = 101, D = 19 }; /* tails of every block */
    float x[NX * D], y[NY * D];
    double distance[NX];
    int64_t index[NX];
    pf_error error = {0};
    for (int i = 0; i < NX * D; i++) x[i] = normal(2, i);
    for (int i = 0; i < NY * D; i++) y[i] = normal(3, i);
    for (int i = 0; i < D; i++) y[70 * D + i] = x[5 * D + i];
    CHECK_OK(pf_nearest(x, NX, y, NY, D, distance, index, &error), error);
    for (int i = 0; i < NX; i++) {
        double best = 1e30;
        int winner = -1;
        for (int j = 0; j < NY; j++) {
            double sum = 0;
            for (int k = 0; k < D; k++) sum += pow((double)x[i * D + k] - (double)y[j * D + k], 2);
            if (sum < best) {
                best = sum;
                winner = j;
            }
        }
        CHECK_INT(index[i], winner);
        CHECK_NEAR(distance[i], sqrt(best), 1e-6);
    }
    CHECK_INT(index[5], 70);
    CHECK_NEAR(distance[5], 0, 0);
}

static void medians(void) {
    double odd[] = {3, 1, 2}, even[] = {4, 1, 3, 2};
    CHECK_NEAR(pf_median(odd, 3), 2, 0);
    CHECK_NEAR(pf_median(even, 4), 2.5, 0);
    CHECK_NEAR(odd[0], 3, 0);
    CU_ASSERT(isnan(pf_median(odd, 0)));
}

static void gaussian_map(void) {
    /* 30 degrees, deviations 1.2 and 0.3 */
    double c = cos(acos(-1) / 6), s = sin(acos(-1) / 6), mean[2] = {1.5, -0.5};
    double covariance[4] = {1.44 * c * c + 0.09 * s * s, (1.44 - 0.09) * c * s, (1.44 - 0.09) * c * s,
                            1.44 * s * s + 0.09 * c * c};
    double root[4] = {1.2 * c * c + 0.3 * s * s, 0.9 * c * s, 0.9 * c * s, 1.2 * s * s + 0.3 * c * c},
           distance = -1;
    float noise[20], x[20];
    pf_error error = {0};
    for (int i = 0; i < 10; i++) {
        double a = (double)(noise[2 * i] = normal(4, 2 * i)),
               b = (double)(noise[2 * i + 1] = normal(4, 2 * i + 1));
        x[2 * i] = (float)(mean[0] + root[0] * a + root[1] * b);
        x[2 * i + 1] = (float)(mean[1] + root[2] * a + root[3] * b);
    }
    CHECK_OK(pf_gaussian_map_error(x, noise, 10, 2, mean, covariance, &distance, &error), error);
    CHECK_NEAR(distance, 0, 1e-6);
    for (int i = 0; i < 10; i++) x[2 * i] += 0.5f;
    CHECK_OK(pf_gaussian_map_error(x, noise, 10, 2, mean, covariance, &distance, &error), error);
    CHECK_NEAR(distance, 0.5, 1e-6);
    covariance[0] = -1;
    CHECK_INT(pf_gaussian_map_error(x, noise, 10, 2, mean, covariance, &distance, &error), PF_USAGE);
}

void test_distance_suite(void) {
    CU_pSuite s = CU_add_suite("eval/distance", NULL, NULL);
    CU_add_test(s, "sliced W2 of a shift", sliced_w2_of_a_shift);
    CU_add_test(s, "nearest neighbours", nearest_by_brute_force);
    CU_add_test(s, "medians", medians);
    CU_add_test(s, "map of Gaussian data", gaussian_map);
}
