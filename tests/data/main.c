/* SPDX-License-Identifier: MIT
 * Tests of src/data/. */
#include "check.h"

void test_h5_suite(void);
void test_toys_suite(void);
void test_strokes_suite(void);
void test_dataset_suite(void);
void test_law_suite(void);
void test_import_suite(void);
void test_import_csv_suite(void);
void test_import_npy_suite(void);
void test_import_png_suite(void);
void test_import_cifar_suite(void);
void test_order_suite(void);
void test_loader_suite(void);
void test_window_suite(void);
void test_pairing_suite(void);

int main(void) {
    if (CU_initialize_registry() != CUE_SUCCESS) return 1;
    test_h5_suite();
    test_toys_suite();
    test_strokes_suite();
    test_dataset_suite();
    test_law_suite();
    test_import_suite();
    test_import_csv_suite();
    test_import_npy_suite();
    test_import_png_suite();
    test_import_cifar_suite();
    test_order_suite();
    test_loader_suite();
    test_window_suite();
    test_pairing_suite();
    return check_run();
}
