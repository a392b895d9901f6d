/* SPDX-License-Identifier: MIT
 * Tests of src/bench. */
#include "check.h"

void test_selftest_suite(void);
void test_limits_suite(void);

int main(void) {
    if (CU_initialize_registry() != CUE_SUCCESS) return 1;
    test_selftest_suite();
    test_limits_suite();
    return check_run();
}
