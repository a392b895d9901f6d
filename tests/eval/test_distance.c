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

/* Least mean squared distance over all ways to pair rows first.. of x with unused rows of y. */
static double best_pairing(const float *x, const float *y, int n, int first, unsigned used) {
    double best = first == n ? 0 : 1e30;
    for (int j = 0; first < n && j < n; j++) {
        if (used >> j & 1) continue;
        const double dx = (double)x[2 * first] - (double)y[2 * j],
                     dy = (double)x[2 * first + 1] - (double)y[2 * j + 1];
        const double sum = dx * dx + dy * dy + best_pairing(x, y, n, first + 1, used | 1u << j);
        if (sum < best) best = sum;
    }
    return best;
}

static void exact_w2_of_few(void) {
    enum { N = 7 };
    float x[2 * N], y[2 * N];
    double distance = -1;
    pf_error error = {0};
    for (uint64_t seed = 0; seed < 40; seed++) {
        for (int i = 0; i < 2 * N; i++) {
            x[i] = normal(20 + seed, i);
            y[i] = seed % 2 ? normal(70 + seed, i) : roundf(2 * normal(70 + seed, i)) / 2; /* also ties */
        }
        CHECK_OK(pf_exact_w2(x, y, N, 2, &distance, &error), error);
        CHECK_NEAR(distance, sqrt(best_pairing(x, y, N, 0, 0) / N), 1e-6);
    }
    CHECK_INT(pf_exact_w2(x, y, 0, 2, &distance, &error), PF_USAGE);
    CHECK_INT(pf_exact_w2(x, y, PF_EXACT_W2_MAX + 1, 2, &distance, &error), PF_USAGE);
}

static int by_float(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* On a line the best pairing is that of the sorted sets; anywhere, of a set and its shift, the shift. */
static void exact_w2_of_many(void) {
    enum { N = 600 };
    float x[3 * N], y[3 * N];
    double distance = -1, sum = 0;
    pf_error error = {0};
    for (int i = 0; i < 3 * N; i++) {
        x[i] = normal(10, i);
        y[(i + 3 * 41) % (3 * N)] = x[i] + (i % 3 == 1 ? 0.25f : 0);
    }
    CHECK_OK(pf_exact_w2(x, y, N, 3, &distance, &error), error);
    CHECK_NEAR(distance, 0.25, 1e-6);
    for (int i = 0; i < N; i++) y[i] = 0.5f * normal(11, i) + 1;
    CHECK_OK(pf_exact_w2(x, y, N, 1, &distance, &error), error);
    qsort(x, N, sizeof *x, by_float);
    qsort(y, N, sizeof *y, by_float);
    for (int i = 0; i < N; i++) sum += ((double)x[i] - (double)y[i]) * ((double)x[i] - (double)y[i]);
    CHECK_NEAR(distance, sqrt(sum / N), 1e-6);
}

/* N(0, 1) against N(2, 1): E|x - y| = 2 sqrt(2) phi(m / sqrt 2) + m (2 Phi(m / sqrt 2) - 1), with m = 2 or 0.
 */
static void energy_of_gaussians(void) {
    enum { N = 4000 };
    static float x[N], y[N], z[N];
    double distance = -1, even = -1;
    pf_error error = {0};
    for (int i = 0; i < N; i++) {
        x[i] = normal(30, i);
        y[i] = normal(31, i) + 2;
        z[i] = normal(32, i);
    }
    const double apart = 2 / sqrt(acos(-1)) * exp(-1.0) + 2 * erf(1.0), same = 2 / sqrt(acos(-1));
    CHECK_OK(pf_energy_distance(x, N, y, N, 1, &distance, &error), error);
    CHECK_NEAR(distance, 2 * apart - 2 * same, 0.12); /* 4 standard errors: 2 sqrt(2 / N) * about 0.8 */
    CHECK_OK(pf_energy_distance(x, N, z, N - 100, 1, &even, &error), error);
    CHECK_NEAR(even, 0, 4e-3); /* of order 1 / N */
    CHECK_INT(pf_energy_distance(x, 1, z, 5, 1, &even, &error), PF_USAGE);
}

/* By the sums of the definition, each pair of different samples once; and no less than for equal laws. */
static void mmd_by_definition(void) {
    enum { N = 40, D = 19 };
    float x[N * D], y[N * D];
    double distance = -1, pair[N * (N - 1) / 2], sum = 0;
    int pairs = 0;
    pf_error error = {0};
    for (int i = 0; i < N * D; i++) {
        x[i] = 1.5f * normal(40, i);
        y[i] = normal(41, i);
    }
    for (int side = 0; side < 2; side++)
        for (int i = 0; i < N; i++)
            for (int j = 0; j < i; j++) {
                double square = 0;
                for (int k = 0; side == 0 && k < D; k++)
                    square += pow((double)y[i * D + k] - (double)y[j * D + k], 2);
                if (side == 0) pair[pairs++] = sqrt(square);
            }
    const double typical = pf_median(pair, pairs);
    for (int scale = -2; scale <= 2; scale++)
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) {
                double xx = 0, yy = 0, xy = 0;
                for (int k = 0; k < D; k++) {
                    xx += pow((double)x[i * D + k] - (double)x[j * D + k], 2);
                    yy += pow((double)y[i * D + k] - (double)y[j * D + k], 2);
                    xy += pow((double)x[i * D + k] - (double)y[j * D + k], 2);
                }
                const double rate = 0.5 / pow(ldexp(typical, scale), 2);
                if (i != j) sum += (exp(-xx * rate) + exp(-yy * rate)) / (5.0 * N * (N - 1));
                sum -= 2 * exp(-xy * rate) / (5.0 * N * N);
            }
    CHECK_OK(pf_mmd2(x, N, y, N, D, &distance, &error), error);
    CHECK_NEAR(distance, sum, 1e-6);
    CU_ASSERT(distance > 0.01);
    for (int i = 0; i < N * D; i++) y[i] = 3;
    CHECK_INT(pf_mmd2(x, N, y, N, D, &distance, &error), PF_DATA);
}

/* Three classes at 0, 10, 20 on a line; samples in the first two, a quarter of them between the classes. */
static void coverage_of_modes(void) {
    enum { N = 300, M = 80 };
    float reference[N], x[M];
    int32_t label[N];
    pf_mode_coverage_result r;
    pf_error error = {0};
    for (int i = 0; i < N; i++) {
        label[i] = i % 3;
        reference[i] = 10.0f * (float)label[i] + 0.1f * normal(50, i);
    }
    for (int i = 0; i < M; i++) x[i] = i % 4 == 0 ? 4 : i % 4 == 1 ? 0 : 10;
    CHECK_OK(pf_mode_coverage(x, M, reference, label, N, 1, 3, &r, &error), error);
    CHECK_INT(r.modes, 3);
    CHECK_INT(r.covered, 2);
    CHECK_NEAR(r.within, 0.75, 1e-12);
    CHECK_NEAR(r.kl, log(3) - log(2), 1e-12); /* half, half and nothing against thirds */
    CHECK_NEAR(r.least_share, 0, 0);
    CHECK_OK(pf_mode_coverage(reference, N, reference, label, N, 1, 3, &r, &error), error);
    CHECK_INT(r.covered, 3);
    CHECK_NEAR(r.kl, 0, 1e-12);
    CHECK_NEAR(r.within, 0.99, 1e-12);
    CHECK_INT(pf_mode_coverage(x, 0, reference, label, N, 1, 3, &r, &error), PF_USAGE);
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
    CU_add_test(s, "exact W2 of few", exact_w2_of_few);
    CU_add_test(s, "exact W2 of many", exact_w2_of_many);
    CU_add_test(s, "energy distance of Gaussians", energy_of_gaussians);
    CU_add_test(s, "MMD by its definition", mmd_by_definition);
    CU_add_test(s, "coverage of modes", coverage_of_modes);
    CU_add_test(s, "nearest neighbours", nearest_by_brute_force);
    CU_add_test(s, "medians", medians);
    CU_add_test(s, "map of Gaussian data", gaussian_map);
}
