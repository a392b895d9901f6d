/* SPDX-License-Identifier: MIT
 * Philox4x32-10: the published known answers, and the layout and moments of what is made of it. */
#include "base/philox.h"
#include "check.h"

static void check_answer(const uint32_t counter[4], const uint32_t key[2], const uint32_t want[4]) {
    uint32_t got[4];
    pf__philox(counter, key, got);
    for (int i = 0; i < 4; i++) CHECK_INT(got[i], want[i]);
}

static void test_known(void) {
    check_answer((uint32_t[]){0, 0, 0, 0}, (uint32_t[]){0, 0},
                 (uint32_t[]){0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
    check_answer((uint32_t[]){~0u, ~0u, ~0u, ~0u}, (uint32_t[]){~0u, ~0u},
                 (uint32_t[]){0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
    check_answer((uint32_t[]){0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                 (uint32_t[]){0xa4093822, 0x299f31d0},
                 (uint32_t[]){0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

static void test_layout(void) {
    uint64_t seed = 0x1122334455667788u, sample = 0x99aabbccddeeff00u;
    uint32_t words[4], key[2] = {0x55667788, 0x11223344};
    uint32_t counter[4] = {3, 77, 0xddeeff00, 0x99aabbcc};
    pf__philox(counter, key, words);
    for (uint32_t j = 0; j < 4; j++) CHECK_INT(pf__random_bits(seed, 77, sample, 12 + j), words[j]);
    CHECK_NEAR(pf__random_uniform(seed, 77, sample, 13), ((words[1] >> 8) + 0.5) / 16777216, 0);
    double r = sqrt(-2 * log(((words[2] >> 8) + 0.5) / 16777216));
    double angle = 2 * acos(-1) * ((words[3] >> 8) + 0.5) / 16777216;
    CHECK_NEAR(pf__random_normal(seed, 77, sample, 14), r * cos(angle), 1e-15);
    CHECK_NEAR(pf__random_normal(seed, 77, sample, 15), r * sin(angle), 1e-15);
    CHECK_INT(pf__stream(""), 0x02CC5D05); /* XXH32 of nothing with seed 0 */
    CU_ASSERT(pf__stream("noise") != pf__stream("time"));
}

/* Within 4 standard errors. */
static void test_moments(void) {
    enum { N = 40000 };
    double sum = 0, squares = 0, fourth = 0, flat = 0, pairs = 0;
    for (uint64_t i = 0; i < N; i++) {
        double z = pf__random_normal(5, pf__stream("noise"), i, 0);
        sum += z;
        squares += z * z;
        fourth += z * z * z * z;
        pairs += z * pf__random_normal(5, pf__stream("noise"), i, 1);
        double u = pf__random_uniform(5, pf__stream("time"), i / 8, (uint32_t)i % 8);
        CU_ASSERT(u > 0 && u < 1);
        flat += u;
    }
    double error = 4 / sqrt(N);
    CHECK_NEAR(sum / N, 0, error);
    CHECK_NEAR(squares / N, 1, error * sqrt(2));
    CHECK_NEAR(fourth / N / 3, 1, error * sqrt(96.0) / 3);
    CHECK_NEAR(pairs / N, 0, error);
    CHECK_NEAR(flat / N, 0.5, error * sqrt(1.0 / 12));
}

void test_philox_suite(void) {
    CU_pSuite s = CU_add_suite("philox", NULL, NULL);
    CU_add_test(s, "known answers", test_known);
    CU_add_test(s, "layout", test_layout);
    CU_add_test(s, "moments", test_moments);
}
