/* SPDX-License-Identifier: MIT
 * INI text: pairs with their line numbers, lines of any length, failures that name the line. */
#include "base/ini.h"
#include "base/text.h"
#include "check.h"

static pf_status print_pair(void *user, const char *section, const char *name, const char *value, int line) {
    pf__text_format(user, "%d:%s.%s=%s|", line, section, name, value);
    return PF_OK;
}

static void check_parse(const char *text, const char *want) {
    pf_error err = {0};
    pf__text got = {0};
    CHECK_OK(pf__ini_parse(text, "x.ini", print_pair, &got, &err), err);
    if (strcmp(pf__text_string(&got), want) != 0)
        fprintf(stderr, "got  %s\nwant %s\n", pf__text_string(&got), want);
    CU_ASSERT_STRING_EQUAL(pf__text_string(&got), want);
    pf__text_free(&got);
}

static void check_fails(const char *text, const char *message) {
    pf_error err = {0};
    pf__text got = {0};
    CHECK_INT(pf__ini_parse(text, "x.ini", print_pair, &got, &err), PF_USAGE);
    CHECK_CONTAINS(err.message, message);
    pf__text_free(&got);
}

static void test_pairs(void) {
    check_parse("", "");
    check_parse("; c\n\n[a]\nb = 1 ; why\n# c\r\n  c: two words  \r\n[d]\ne =",
                "4:a.b=1|6:a.c=two words|8:d.e=|");
    check_parse("\xEF\xBB\xBF[a]\nb=1\nb=a;b=c\n", "2:a.b=1|3:a.b=a;b=c|");
    check_parse("[a] ; note\n x = 1\n\t y = 2", "2:a.x=1|3:a.y=2|"); /* indented is not continued */
}

static void test_long(void) {
    for (int n = 150; n <= 1000; n += n < 250 ? 1 : 150) {
        pf__text text = {0}, want = {0};
        pf__text_add(&text, ";");
        for (int i = 0; i < n; i++) pf__text_add(&text, "=");
        pf__text_add(&text, "\n[s]\n  name = ");
        pf__text_add(&want, "3:s.name=");
        for (int i = 0; i < n; i++) {
            pf__text_format(&text, "%c", 'a' + i % 26);
            pf__text_format(&want, "%c", 'a' + i % 26);
        }
        pf__text_add(&text, " \t ; note\nnext = 5");
        pf__text_add(&want, "|4:s.next=5|");
        check_parse(text.data, want.data);
        pf__text_free(&text);
        pf__text_free(&want);
    }
}

static void test_failures(void) {
    check_fails("[a]\nb = 1\nnonsense\nc = 2\n", "x.ini:3: a line is");
    check_fails("\n\n[a\nb=1", "x.ini:3: ");
    check_fails("[a]\n = 5\n", "x.ini:2: a name is missing");
    check_fails("[a123456789012345678901234567890123456789012345678901234567890]\n", "x.ini:1: the section");
    pf__text text = {0};
    pf__text_add(&text, "[a]\nb=1\n");
    for (int i = 0; i < 400; i++) pf__text_add(&text, "word");
    check_fails(text.data, "x.ini:3: a line is");
    pf__text_add(&text, " = 5");
    check_fails(text.data, "x.ini:3: the name");
    pf__text_free(&text);
}

typedef struct stop_at {
    int line, calls;
} stop_at;

static pf_status stop_pair(void *user, const char *section, const char *name, const char *value, int line) {
    stop_at *s = user;
    (void)section, (void)name, (void)value;
    s->calls++;
    return line == s->line ? PF_SHAPE : PF_OK;
}

static void test_stop(void) {
    pf_error err = {0};
    stop_at s = {.line = 3};
    CHECK_INT(pf__ini_parse("[a]\nb=1\nc=2\nd=3\ne=4\n", "x", stop_pair, &s, &err), PF_SHAPE);
    CHECK_INT(s.calls, 2);
    s = (stop_at){.line = 4};
    CHECK_INT(pf__ini_parse("[a]\nb=1\nwhat\nd=3\n", "x", stop_pair, &s, &err),
              PF_USAGE); /* line 3 came first */
    CHECK_CONTAINS(err.message, "x:3:");
}

void test_ini_suite(void) {
    CU_pSuite s = CU_add_suite("ini", NULL, NULL);
    CU_add_test(s, "pairs", test_pairs);
    CU_add_test(s, "long lines", test_long);
    CU_add_test(s, "failures", test_failures);
    CU_add_test(s, "stop", test_stop);
}
