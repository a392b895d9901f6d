/* SPDX-License-Identifier: MIT
 * Kernels of single operations on the first device. */
#include "rig.h"
#include "suites.h"

int main(void) {
    if (CU_initialize_registry() != CUE_SUCCESS) return 1;
    test_gather_suite();
    test_random_suite();
    test_matmul_suite();
    test_drift_suite();
    int failed = check_run();
    rig_shut();
    return failed;
}
