/* SPDX-License-Identifier: MIT
 * The tests of base/. */
#include "check.h"

void test_error_suite(void);
void test_text_suite(void);
void test_philox_suite(void);
void test_hash_suite(void);
void test_clock_suite(void);
void test_file_suite(void);
void test_memory_suite(void);
void test_utf8_suite(void);
void test_ini_suite(void);
void test_config_suite(void);

int main(void) {
    if (CU_initialize_registry() != CUE_SUCCESS) return 1;
    test_error_suite();
    test_text_suite();
    test_philox_suite();
    test_hash_suite();
    test_clock_suite();
    test_file_suite();
    test_memory_suite();
    test_utf8_suite();
    test_ini_suite();
    test_config_suite();
    return check_run();
}
