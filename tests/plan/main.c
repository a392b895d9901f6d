/* SPDX-License-Identifier: MIT */
#include "check.h"
#include "plan/harness.h"

void test_operations_suite(void);
void test_random_graphs_suite(void);
void test_plan_suite(void);
void test_rows_suite(void);
void test_sums_suite(void);
void test_gaussian_suite(void);
void test_loops_suite(void);

int main(void) {
    CU_initialize_registry();
    test_operations_suite();
    test_random_graphs_suite();
    test_plan_suite();
    test_rows_suite();
    test_sums_suite();
    test_gaussian_suite();
    test_loops_suite();
    int failed = check_run();
    test_context_close();
    return failed;
}
