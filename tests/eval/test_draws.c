/* SPDX-License-Identifier: MIT
 * Real draws and the noise beside them: balanced, they differ less from each other, and not in law. */
#include "check.h"
#include "eval/draws.h"

enum { SIDE = 64, COUNT = SIDE * SIDE };

/* Moments of the normal law; and shares of rings and sectors that chance does not touch. */
static void test_noise(void) {
    static float noise[2 * COUNT], other[2 * COUNT];
    double mean[2] = {0}, square[2] = {0}, product = 0;
    int sector[8] = {0}, inner = 0;
    CU_ASSERT_TRUE(pf__noise_can_balance(2, COUNT));
    CU_ASSERT_FALSE(pf__noise_can_balance(2, COUNT + 1));
    CU_ASSERT_FALSE(pf__noise_can_balance(3, COUNT));
    pf__noise_balanced(7, COUNT, noise);
    for (int i = 0; i < COUNT; i++) {
        const double x = noise[2 * i], y = noise[2 * i + 1];
        mean[0] += x / COUNT, mean[1] += y / COUNT;
        square[0] += x * x / COUNT, square[1] += y * y / COUNT;
        product += x * y / COUNT;
        sector[(int)((atan2(y, x) + acos(-1)) / (acos(-1) / 4)) % 8]++;
        inner += x * x + y * y < 2 * log(2); /* half of the mass */
    }
    for (int k = 0; k < 2; k++) {
        CHECK_NEAR(mean[k], 0, 0.005); /* a standard error of plain noise is 0.016 */
        CHECK_NEAR(square[k], 1, 0.01);
    }
    CHECK_NEAR(product, 0, 0.01);
    for (int s = 0; s < 8; s++) CHECK_INT(sector[s], COUNT / 8);
    CHECK_INT(inner, COUNT / 2);
    pf__noise_balanced(8, COUNT, other);
    CU_ASSERT(memcmp(noise, other, sizeof noise) != 0);
}

static void test_floor(void) {
    pf__draws balanced, plain;
    pf_error err = {0};
    CHECK_OK(pf__draws_make(&balanced, "8gaussians", 2048, true, 16, &err), err);
    CHECK_OK(pf__draws_make(&plain, "8gaussians", 2048, false, 16, &err), err);
    CHECK_INT(balanced.modes, 8);
    CHECK_INT(balanced.pairs, 5);
    int count[8] = {0};
    for (int i = 0; i < 2048; i++) count[balanced.mode[i]]++;
    for (int m = 0; m < 8; m++) CHECK_INT(count[m], 256);
    CU_ASSERT(balanced.floor < 0.03);                   /* of the Gaussians alone, deviation 0.1 */
    CU_ASSERT(plain.floor > 0.05 && plain.floor < 0.3); /* of shares by chance */
    CHECK_NEAR(balanced.deviation, sqrt(2.01), 0.01);
    pf__draws_free(&balanced);
    pf__draws_free(&plain);
    CHECK_OK(pf__draws_make(&balanced, "checkerboard", 64, true, 4, &err), err);
    CHECK_INT(balanced.modes, 8);
    for (int i = 0; i < 64; i++) CHECK_INT(balanced.mode[i], i % 8);
    pf__draws_free(&balanced);
    CHECK_OK(pf__draws_make(&plain, "swissroll", 64, true, 4, &err), err);
    CHECK_INT(plain.modes, 0);
    CU_ASSERT_FALSE(plain.balanced);
    pf__draws_free(&plain);
    CHECK_INT(pf__draws_make(&plain, "nothing", 64, true, 4, &err), PF_USAGE);
}

void test_draws_suite(void) {
    CU_pSuite suite = CU_add_suite("draws", NULL, NULL);
    CU_add_test(suite, "balanced noise is normal, its shares exact", test_noise);
    CU_add_test(suite, "floors of balanced and plain draws", test_floor);
}
