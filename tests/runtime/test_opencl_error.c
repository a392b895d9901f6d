/* SPDX-License-Identifier: MIT
 * OpenCL's codes as statuses and messages. */
#include "fixture.h"
#include "runtime/objects.h"

void test_opencl_error_suite(void);

static void names_codes(void) {
    CU_ASSERT_STRING_EQUAL(pf__native_error_name(CL_SUCCESS), "CL_SUCCESS");
    CU_ASSERT_STRING_EQUAL(pf__native_error_name(CL_OUT_OF_RESOURCES), "CL_OUT_OF_RESOURCES");
    CU_ASSERT_STRING_EQUAL(pf__native_error_name(CL_INVALID_KERNEL_ARGS), "CL_INVALID_KERNEL_ARGS");
    CU_ASSERT_STRING_EQUAL(pf__native_error_name(CL_INVALID_BUFFER_SIZE), "CL_INVALID_BUFFER_SIZE");
    CU_ASSERT_STRING_EQUAL(pf__native_error_name(CL_INVALID_DEVICE_PARTITION_COUNT),
                           "CL_INVALID_DEVICE_PARTITION_COUNT");
    CU_ASSERT_STRING_EQUAL(pf__native_error_name(-1001), "CL_PLATFORM_NOT_FOUND_KHR");
    CHECK_CONTAINS(pf__native_error_name(-4242), "unknown");
}

static void makes_messages(void) {
    pf_error err = {0};
    pf_context c = {.info = {.name = "Some Device"}};
    CHECK_INT(pf__opencl_fail(&err, &c, "clEnqueueNDRangeKernel", CL_OUT_OF_RESOURCES, "in %s (global %d)",
                              "attention", 4096),
              PF_DEVICE);
    CU_ASSERT_STRING_EQUAL(err.message,
                           "clEnqueueNDRangeKernel: CL_OUT_OF_RESOURCES in attention (global 4096) "
                           "on 'Some Device'");
    CHECK_CONTAINS(err.hint, "smaller batch");
    CHECK_INT(pf__opencl_fail(&err, NULL, "clCreateBuffer", CL_MEM_OBJECT_ALLOCATION_FAILURE, "%s", ""),
              PF_MEMORY);
    CU_ASSERT_STRING_EQUAL(err.message, "clCreateBuffer: CL_MEM_OBJECT_ALLOCATION_FAILURE");
    CHECK_INT(pf__opencl_fail(&err, NULL, "clFinish", -4242, "%s", ""), PF_DEVICE);
    CHECK_CONTAINS(err.message, "(-4242)");
    CU_ASSERT_STRING_EQUAL(err.hint, "");
    CHECK_INT(pf__opencl_fail(NULL, &c, "clFinish", CL_INVALID_VALUE, "%s", ""), PF_DEVICE);
}

void test_opencl_error_suite(void) {
    CU_pSuite s = CU_add_suite("opencl_error", NULL, NULL);
    CU_add_test(s, "names codes", names_codes);
    CU_add_test(s, "makes messages", makes_messages);
}
