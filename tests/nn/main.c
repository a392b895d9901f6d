/* SPDX-License-Identifier: MIT
 * The tests of nn/. */
#include "check.h"

void test_params_suite(void);
void test_net_suite(void);
void test_mlp_suite(void);

int main(void) {
    if (CU_initialize_registry() != CUE_SUCCESS) return 1;
    test_params_suite();
    test_net_suite();
    test_mlp_suite();
    return check_run();
}
