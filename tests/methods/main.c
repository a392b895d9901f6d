/* SPDX-License-Identifier: MIT
 * The tests of methods/. */
#include "check.h"
#include "plan/harness.h"

void test_table_suite(void);
void test_oracle_suite(void);
void test_closed_suite(void);
void test_drifting_suite(void);
void test_guidance_suite(void);
void test_consistency_suite(void);
void test_device_suite(void);

int main(void) {
    if (CU_initialize_registry() != CUE_SUCCESS) return 1;
    test_table_suite();
    test_oracle_suite();
    test_closed_suite();
    test_drifting_suite();
    test_guidance_suite();
    test_consistency_suite();
    test_device_suite();
    int failed = check_run();
    test_context_close();
    return failed;
}
