/* SPDX-License-Identifier: MIT
 * Statuses, messages and hints. */
#include "base/error.h"
#include "check.h"

static void test_fail_and_hint(void) {
    pf_error err = {0};
    CHECK_INT(pf__hint(&err, pf__fail(&err, PF_USAGE, "unknown key %s", "a.b"), "did you mean '%s'?", "a.c"),
              PF_USAGE);
    CHECK_INT(err.status, PF_USAGE);
    CU_ASSERT_STRING_EQUAL(err.message, "unknown key a.b");
    CU_ASSERT_STRING_EQUAL(err.hint, "did you mean 'a.c'?");
    CHECK_INT(pf__fail(&err, PF_DATA, "x.h5: %s", err.message),
              PF_DATA); /* quoting the message it replaces */
    CU_ASSERT_STRING_EQUAL(err.message, "x.h5: unknown key a.b");
    CU_ASSERT_STRING_EQUAL(err.hint, "");
    CHECK_INT(pf__fail_memory(&err, "arena", 42), PF_MEMORY);
    CU_ASSERT_STRING_EQUAL(err.message, "out of memory: arena (42 bytes)");
}

static void test_edges(void) {
    pf_error err = {0};
    CHECK_INT(pf__hint(NULL, pf__fail(NULL, PF_NAN, "x"), "y"), PF_NAN);
    pf__fail(&err, PF_DATA, "a\nb\tc%s", "\r");
    CU_ASSERT_STRING_EQUAL(err.message, "a b c ");
    char big[3000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    pf__hint(&err, pf__fail(&err, PF_DATA, "%s", big), "%s", big);
    CHECK_INT(strlen(err.message), sizeof err.message - 1);
    CHECK_INT(strlen(err.hint), sizeof err.hint - 1);
}

static void test_status(void) {
    CU_ASSERT_STRING_EQUAL(pf_status_name(PF_NO_DEVICE), "PF_NO_DEVICE");
    CU_ASSERT_STRING_EQUAL(pf_status_text(PF_OK), "success");
    CU_ASSERT_STRING_EQUAL(pf_status_name((pf_status)99), "PF_UNKNOWN");
    CHECK_INT(pf_status_exit_code(PF_OK), 0);
    CHECK_INT(pf_status_exit_code(PF_SYSTEM), 1);
    CHECK_INT(pf_status_exit_code(PF_USAGE), 2);
    CHECK_INT(pf_status_exit_code(PF_NO_DEVICE), 3);
    CHECK_INT(pf_status_exit_code(PF_DATA), 4);
    CHECK_INT(pf_status_exit_code(PF_NAN), 5);
    CHECK_INT(pf_status_exit_code(PF_MISMATCH), 6);
    CHECK_INT(pf_status_exit_code(PF_INTERRUPTED), 130);
    CU_ASSERT_STRING_EQUAL(pf_version(), PF_VERSION_STRING);
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", PF_VERSION_MAJOR, PF_VERSION_MINOR, PF_VERSION_PATCH);
    CU_ASSERT_STRING_EQUAL(pf_version(), version);
}

void test_error_suite(void) {
    CU_pSuite s = CU_add_suite("error", NULL, NULL);
    CU_add_test(s, "fail and hint", test_fail_and_hint);
    CU_add_test(s, "edges", test_edges);
    CU_add_test(s, "status", test_status);
}
