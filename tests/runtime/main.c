/* SPDX-License-Identifier: MIT
 * Tests of src/runtime. Called with --no-device it checks instead, in a process of its own, what a machine
 * without an OpenCL driver sees. */
#include "check.h"

int test_device_none(void);
extern const char *test_device_program;
void test_device_suite(void);
void test_buffer_suite(void);
void test_program_suite(void);
void test_cache_suite(void);
void test_list_suite(void);
void test_mark_suite(void);
void test_opencl_error_suite(void);

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "--no-device") == 0) return test_device_none();
    test_device_program = argv[0];
    if (CU_initialize_registry() != CUE_SUCCESS) return 1;
    test_device_suite();
    test_buffer_suite();
    test_program_suite();
    test_cache_suite();
    test_list_suite();
    test_mark_suite();
    test_opencl_error_suite();
    return check_run();
}
