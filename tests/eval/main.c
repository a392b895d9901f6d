/* SPDX-License-Identifier: MIT
 * Tests of src/eval. */
#include "run/fixture.h"

void test_distance_suite(void);
void test_model_suite(void);
void test_draws_suite(void);
void test_error_analysis_suite(void);

int main(void) {
    if (CU_initialize_registry() != CUE_SUCCESS) return 1;
    test_distance_suite();
    test_model_suite();
    test_draws_suite();
    test_error_analysis_suite();
    int failed = check_run();
    test_context_close();
    test_folder_remove();
    return failed;
}
