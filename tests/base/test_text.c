/* SPDX-License-Identifier: MIT
 * The growing text, numbers in other locales, the nearest name. */
#include "base/text.h"
#include "check.h"
#include <locale.h>

static void test_growing(void) {
    pf__text t = {0};
    CU_ASSERT_STRING_EQUAL(pf__text_string(&t), "");
    pf__text_add(&t, "");
    for (int i = 0; i < 1000; i++) pf__text_format(&t, "%d,", i);
    pf__text_add(&t, "end");
    CHECK_INT(t.length, 10 * 2 + 90 * 3 + 900 * 4 + 3);
    CHECK_INT(strlen(t.data), t.length);
    CHECK_CONTAINS(t.data, "998,999,end");
    pf__text_clear(&t);
    CU_ASSERT_STRING_EQUAL(pf__text_string(&t), "");
    pf__text_add_bytes(&t, "abc", 2);
    CU_ASSERT_STRING_EQUAL(t.data, "ab");
    pf__text_free(&t);
    CU_ASSERT_PTR_NULL(t.data);
}

/* Every length around the sizes where it grows. */
static void test_boundaries(void) {
    char filler[300];
    memset(filler, 'y', sizeof filler);
    for (int n = 0; n < 299; n++) {
        pf__text t = {0};
        pf__text_format(&t, "%.*s%s", n, filler, "z");
        CHECK_INT(t.length, n + 1);
        CU_ASSERT(t.data[n] == 'z' && t.data[n + 1] == '\0');
        pf__text_add_bytes(&t, filler, (size_t)n);
        CHECK_INT(strlen(t.data), 2 * n + 1);
        pf__text_free(&t);
    }
}

static void test_locale(void) {
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "pl_PL.UTF-8"};
    for (int i = 0; i < 4 && !setlocale(LC_NUMERIC, names[i]); i++) continue;
    pf__text t = {0};
    double value = 0;
    pf__text_format(&t, "%.2f", 1.5); /* with a decimal comma where such a locale is installed */
    CU_ASSERT_STRING_EQUAL(t.data, "1.50");
    CU_ASSERT(pf__parse_real(" 2.25 ", &value));
    CHECK_NEAR(value, 2.25, 0);
    setlocale(LC_NUMERIC, "C");
    pf__text_free(&t);
}

static void test_parse_real(void) {
    double value = 7;
    CU_ASSERT(pf__parse_real("-1e-3", &value));
    CHECK_NEAR(value, -1e-3, 0);
    CU_ASSERT(pf__parse_real("1e-320", &value)); /* too small is not an error */
    CU_ASSERT_FALSE(pf__parse_real("", &value));
    CU_ASSERT_FALSE(pf__parse_real("1,5", &value));
    CU_ASSERT_FALSE(pf__parse_real("3 4", &value));
    CU_ASSERT_FALSE(pf__parse_real("1e999", &value));
}

static void test_nearest(void) {
    static const char *const names[] = {"train.lr", "train.steps", "train.batch", "data.path"};
    CU_ASSERT_STRING_EQUAL(pf__nearest("train.step", names, 4), "train.steps");
    CU_ASSERT_STRING_EQUAL(pf__nearest("Train.LR", names, 4), "train.lr");
    CU_ASSERT_STRING_EQUAL(pf__nearest("train.bacth", names, 4), "train.batch");
    CU_ASSERT_PTR_NULL(pf__nearest("completely.else", names, 4));
    CU_ASSERT_PTR_NULL(pf__nearest("x", names, 0));
    char big[500];
    memset(big, 'a', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    CU_ASSERT_PTR_NULL(pf__nearest(big, names, 4));
}

void test_text_suite(void) {
    CU_pSuite s = CU_add_suite("text", NULL, NULL);
    CU_add_test(s, "growing", test_growing);
    CU_add_test(s, "boundaries", test_boundaries);
    CU_add_test(s, "locale", test_locale);
    CU_add_test(s, "reals", test_parse_real);
    CU_add_test(s, "nearest", test_nearest);
}
