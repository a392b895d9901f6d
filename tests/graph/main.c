/* SPDX-License-Identifier: MIT
 * The tests of graphs. */
#include "check.h"

void test_shape_suite(void);
void test_simplify_suite(void);
void test_interpret_suite(void);
void test_derivative_suite(void);
void test_random_graph_suite(void);
void test_gaussian_suite(void);

int main(void) {
    CU_initialize_registry();
    test_shape_suite();
    test_simplify_suite();
    test_interpret_suite();
    test_derivative_suite();
    test_random_graph_suite();
    test_gaussian_suite();
    return check_run();
}
