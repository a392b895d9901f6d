/* SPDX-License-Identifier: MIT
 * UTF-8: what is, what is not, and what is shown instead. */
#include "base/utf8.h"
#include "check.h"

static void what_it_is(void) {
    static const char *const good[] = {
        "", "abc", "\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x90\x88", "\xF4\x8F\xBF\xBD"};
    static const char *const bad[] = {
        "\xE9",         "caf\xE9",          "\xC0\xAF",         "\xC3", "\xE2\x82",    "\xE0\x80\xAF",
        "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\x80", "\xEF\xBF\xBF"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) CU_ASSERT_TRUE(pf__utf8_is(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CU_ASSERT_FALSE(pf__utf8_is(bad[i]));
    CHECK_INT(pf__utf8_length("\xE2\x82\xACx"), 3);
}

static void what_is_shown(void) {
    char out[16];
    pf__utf8_escape(out, sizeof out, "caf\xE9 \xC3\xA4\n");
    CU_ASSERT_STRING_EQUAL(out, "caf\\xe9 \xC3\xA4\\x0a");
    pf__utf8_escape(out, 6, "abcd\xC3\xA4"); /* half a character does not fit */
    CU_ASSERT_STRING_EQUAL(out, "abcd");
    pf__utf8_escape(out, 4, "\x01");
    CU_ASSERT_STRING_EQUAL(out, "");
    pf__utf8_escape(out, 5, "\x01");
    CU_ASSERT_STRING_EQUAL(out, "\\x01");
}

void test_utf8_suite(void) {
    CU_pSuite s = CU_add_suite("base/utf8", NULL, NULL);
    CU_add_test(s, "what it is", what_it_is);
    CU_add_test(s, "what is shown", what_is_shown);
}
