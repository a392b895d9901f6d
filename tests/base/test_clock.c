/* SPDX-License-Identifier: MIT
 * Clocks go forward; UTC text has its form. */
#include "base/clock.h"
#include "check.h"
#include <time.h>

static void test_seconds(void) {
    double start = pf__seconds();
    nanosleep(&(struct timespec){0, 20000000}, NULL);
    double passed = pf__seconds() - start;
    CU_ASSERT(passed >= 0.0199 && passed < 10);
}

static void test_utc(void) {
    char text[32], again[32];
    int year, month, day, hour, minute, second;
    pf__utc_now(text);
    CHECK_INT(sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2dZ", &year, &month, &day, &hour, &minute, &second), 6);
    snprintf(again, sizeof again, "%04d-%02d-%02dT%02d:%02d:%02dZ", year, month, day, hour, minute, second);
    CU_ASSERT_STRING_EQUAL(text, again);
    CU_ASSERT(year >= 2024 && month >= 1 && month <= 12 && hour < 24);
}

void test_clock_suite(void) {
    CU_pSuite s = CU_add_suite("clock", NULL, NULL);
    CU_add_test(s, "seconds", test_seconds);
    CU_add_test(s, "utc", test_utc);
}
