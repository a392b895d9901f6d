/* SPDX-License-Identifier: MIT
 * The tests of draw/. */
#include "check.h"

void test_png_suite(void);
void test_grid_suite(void);
void test_scatter_suite(void);
void test_ticks_suite(void);
void test_svg_suite(void);
void test_plot_picture_suite(void);
void test_html_suite(void);

int main(void) {
    if (CU_initialize_registry() != CUE_SUCCESS) return 1;
    test_png_suite();
    test_grid_suite();
    test_scatter_suite();
    test_ticks_suite();
    test_svg_suite();
    test_plot_picture_suite();
    test_html_suite();
    return check_run();
}
