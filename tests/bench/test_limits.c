/* SPDX-License-Identifier: MIT
 * The limits of a device: measured on it, with nothing left behind. */
#include "check.h"
#include "pushforward/pushforward.h"
#include <unistd.h>

void test_limits_suite(void);

static void measures(void) {
    pf_error err = {0};
    pf_context *context = NULL;
    pf_limits limits = {0};
    CHECK_OK(pf_context_create(&context, &(pf_context_desc){.device = getenv("PF_DEVICE")}, &err), err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(context);
    CHECK_OK(pf_limits_measure(context, &limits, &err), err);
    /* no device that runs OpenCL is outside of these */
    CU_ASSERT(limits.flops > 1e6 && limits.flops < 1e16);
    CU_ASSERT(limits.bytes > 1e6 && limits.bytes < 1e14);
    CU_ASSERT(limits.launch_seconds > 1e-8 && limits.launch_seconds < 1);
    CU_ASSERT(limits.seconds > 0 && limits.seconds < 120); /* the machine may be busy */
    CHECK_INT(pf_context_count(context).bytes, 0);
    pf_context_destroy(&context);
}

static void says_why_not(void) {
    pf_error err = {0};
    pf_context *context = NULL;
    pf_limits limits = {0};
    char folder[] = "/tmp/pf_limits_XXXXXX";
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    CHECK_OK(pf_context_create(&context, &(pf_context_desc){.device = getenv("PF_DEVICE")}, &err), err);
    setenv("PF_KERNEL_DIR", folder, 1);
    CU_ASSERT_NOT_EQUAL(pf_limits_measure(context, &limits, &err), PF_OK);
    unsetenv("PF_KERNEL_DIR");
    rmdir(folder);
    CHECK_CONTAINS(err.message, "limits.cl");
    CHECK_INT(pf_context_count(context).bytes, 0);
    pf_context_destroy(&context);
}

void test_limits_suite(void) {
    CU_pSuite s = CU_add_suite("limits", NULL, NULL);
    CU_add_test(s, "measures", measures);
    CU_add_test(s, "says why not", says_why_not);
}
