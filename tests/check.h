/* SPDX-License-Identifier: MIT
 * What all test programs share: typed checks that print both values, and a main that returns the failure. */
#ifndef PF_TESTS_CHECK_H
#define PF_TESTS_CHECK_H

#include "pushforward/status.h"
#include <CUnit/Basic.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** Checks that call returns PF_OK; prints the message of err (a pf_error, not a pointer) when it does not. */
#define CHECK_OK(call, err)                                                                            \
    do {                                                                                               \
        pf_status check_st_ = (call);                                                                  \
        if (check_st_ != PF_OK)                                                                        \
            fprintf(stderr, "%s:%d: %s: %s (%s) hint: %s\n", __FILE__, __LINE__, #call, (err).message, \
                    pf_status_name(check_st_), (err).hint);                                            \
        CU_ASSERT_EQUAL(check_st_, PF_OK);                                                             \
    } while (0)

/** |a - b| <= tolerance * max(1, |b|). */
#define CHECK_NEAR(a, b, tolerance)                                                                  \
    do {                                                                                             \
        double check_a_ = (double)(a), check_b_ = (double)(b);                                       \
        int check_good_ = fabs(check_a_ - check_b_) <= (tolerance)*fmax(1.0, fabs(check_b_));        \
        if (!check_good_)                                                                            \
            fprintf(stderr, "%s:%d: %s = %.12g, %s = %.12g\n", __FILE__, __LINE__, #a, check_a_, #b, \
                    check_b_);                                                                       \
        CU_ASSERT(check_good_);                                                                      \
    } while (0)

#define CHECK_INT(a, b)                                                                            \
    do {                                                                                           \
        long long check_a_ = (long long)(a), check_b_ = (long long)(b);                            \
        if (check_a_ != check_b_)                                                                  \
            fprintf(stderr, "%s:%d: %s = %lld, %s = %lld\n", __FILE__, __LINE__, #a, check_a_, #b, \
                    check_b_);                                                                     \
        CU_ASSERT_EQUAL(check_a_, check_b_);                                                       \
    } while (0)

#define CHECK_CONTAINS(text, part)                                                               \
    do {                                                                                         \
        int check_good_ = strstr((text), (part)) != NULL;                                        \
        if (!check_good_)                                                                        \
            fprintf(stderr, "%s:%d: \"%s\" lacks \"%s\"\n", __FILE__, __LINE__, (text), (part)); \
        CU_ASSERT(check_good_);                                                                  \
    } while (0)

/** Runs the registered suites; the exit status of a test program. */
static inline int check_run(void) {
    CU_basic_set_mode(CU_BRM_NORMAL);
    CU_basic_run_tests();
    unsigned failures = CU_get_number_of_failures() + CU_get_number_of_tests_inactive();
    unsigned run = CU_get_number_of_tests_run();
    CU_cleanup_registry();
    return failures != 0 || run == 0;
}

#endif
