/* SPDX-License-Identifier: MIT
 * Ticks are round, inside, increasing, and few. */
#include "check.h"
#include "draw/ticks.h"

static void check_labels(double min, double max, int is_log, const char *want) {
    pf__ticks t;
    char got[512] = "";
    pf__ticks_choose(min, max, is_log, 6, &t);
    for (int i = 0; i < t.count; i++) {
        strcat(got, i ? " " : "");
        strcat(got, t.label[i]);
    }
    if (strcmp(got, want) != 0) fprintf(stderr, "[%g, %g]: got %s, want %s\n", min, max, got, want);
    CU_ASSERT_STRING_EQUAL(got, want);
}

static void test_labels(void) {
    check_labels(0, 1, 0, "0 0.2 0.4 0.6 0.8 1");
    check_labels(-1, 1, 0, "-1 -0.5 0 0.5 1");
    check_labels(-0.3, 0.3, 0, "-0.3 -0.2 -0.1 0 0.1 0.2 0.3");
    check_labels(0, 1e6, 0, "0 200000 400000 600000 800000 1e6");
    check_labels(1e-3, 1e3, 1, "0.001 0.01 0.1 1 10 100 1000");
    check_labels(1e-5, 1e-2, 1, "1e-5 0.0001 0.001 0.01");
    check_labels(2, 30, 1, "2 5 10 20");
    check_labels(5.1, 5.9, 1, "5.2 5.4 5.6 5.8");
    check_labels(1, 1, 0, "");
    check_labels(0, INFINITY, 0, "");
}

static void test_any(void) {
    for (int i = 0; i < 2000; i++) {
        double min = ldexp(1 + i % 17, i % 40 - 20) * (i & 1 ? -1 : 1),
               max = min + ldexp(1 + i % 13, i % 31 - 15);
        pf__ticks t;
        pf__ticks_choose(min, max, 0, 6, &t);
        CU_ASSERT(t.count <= 8);
        for (int k = 0; k < t.count; k++)
            CU_ASSERT(t.at[k] >= min - 1e-6 * (max - min) && t.at[k] <= max + 1e-6 * (max - min));
        for (int k = 1; k < t.count; k++) CU_ASSERT(t.at[k] > t.at[k - 1]);
    }
}

void test_ticks_suite(void) {
    CU_pSuite s = CU_add_suite("ticks", NULL, NULL);
    CU_add_test(s, "labels", test_labels);
    CU_add_test(s, "any interval", test_any);
}
