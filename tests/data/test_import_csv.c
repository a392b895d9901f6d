/* SPDX-License-Identifier: MIT
 * Importing tables of numbers. */
#include "import_rig.h"
#include <zlib.h>

static rig r;

static void put(const char *name, const char *text) {
    rig_begin(&r, name);
    write_bytes(r.source, text, strlen(text));
}

static void test_good(void) {
    float x[3];
    int32_t y;
    put("t.csv", "a,b,label\n1,2.5,0\n-3e-2, 4 ,2\n5,6,1\n\n");
    rig_import(&r, -1);
    CHECK_INT(r.info->train_count, 3);
    CHECK_INT(r.info->test_count, 0);
    CHECK_INT(r.info->dim, 2);
    CHECK_INT(r.info->class_count, 3);
    CHECK_INT(r.info->dtype, PF_F32);
    CU_ASSERT_STRING_EQUAL(r.said, "train 3 x 2 f32, 3 classes\n");
    rig_read(&r, PF_TRAIN, 1, x, &y);
    CHECK_NEAR(x[0], -0.03, 1e-7);
    CHECK_NEAR(x[1], 4, 0);
    CHECK_INT(y, 2);
    rig_end(&r);

    put("t.csv", "\xef\xbb\xbf\"p\";\"q\";\"Class\"\r\n1;2;1\r\n3;4;0"); /* as a spreadsheet writes it */
    rig_import(&r, 0.5);
    CHECK_INT(r.info->train_count, 1);
    CHECK_INT(r.info->test_count, 1);
    rig_read(&r, PF_TEST, 0, x, &y);
    CHECK_NEAR(x[1], 4, 0);
    CHECK_INT(y, 0);
    CHECK_CONTAINS(r.said, "class 0 is in the test part only");
    rig_end(&r);

    put("t.tsv", "# p\tq\n1\t2\n3\t4\n");
    rig_import(&r, -1);
    CHECK_INT(r.info->class_count, 0);
    CHECK_INT(r.info->train_count, 2);
    rig_end(&r);

    put("t.txt", "1\n2\n3\n"); /* one column, no names */
    rig_import(&r, -1);
    CHECK_INT(r.info->dim, 1);
    CHECK_INT(r.info->train_count, 3);
    rig_end(&r);
}

static void test_gzip(void) {
    rig_begin(&r, "t.csv.gz");
    gzFile file = gzopen(r.source, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    for (int i = 0; i < 20000; i++) gzprintf(file, "%d,%d,%d\n", i, i % 7, -i);
    gzclose(file);
    rig_import(&r, 0.25);
    CHECK_INT(r.info->train_count, 15000);
    float x[3];
    rig_read(&r, PF_TEST, 4999, x, NULL);
    CHECK_NEAR(x[0], 19999, 0);
    CHECK_NEAR(x[2], -19999, 0);
    pf_dataset_close(&r.set);
    unlink(r.out);
    size_t length = 0;
    char *bytes = read_bytes(r.source, &length);
    write_bytes(r.source, bytes, length / 2);
    free(bytes);
    rig_refused(&r, "truncated", "fetch it again");
    rig_end(&r);
}

static void refuse(const char *text, const char *message, const char *hint) {
    put("t.csv", text);
    rig_refused(&r, message, hint);
    rig_end(&r);
}

static void test_bad(void) {
    refuse("", "the table is empty", "one sample a line");
    refuse("\n \n", "the table is empty", "one sample a line");
    refuse("a,b\n", "no samples", "below the names");
    refuse("label\n1\n", "no column of numbers", "last of several");
    refuse("1,2\n3\n", "line 2 has 1 columns, the lines before 2", "same number");
    refuse("1,2\n3,4,5\n", "line 2 has more than 2 columns", "same number");
    refuse("1,2\n3,x\n", "line 2, column 2: 'x' is not a number", "first line");
    refuse("1,b\n3,4\n", "line 1, column 2: 'b' is not a number", "");
    refuse("a,b\n1,nan\n", "line 2, column 2: 'nan' is not finite", "missing values");
    refuse("a,b\n1,NA\n", "line 2, column 2: 'NA' is not a number", "missing values");
    refuse("a,b\n-inf,1\n", "line 2, column 1: '-inf' is not finite", "");
    refuse("a,b\n1e39,1\n", "'1e39' is not finite as f32", "");
    refuse("a,b\n1,\n", "line 2, column 2: '' is not a number", "every cell");
    refuse("a;b\n1,5;2\n", "line 2, column 1: '1,5' is not a number", "decimal point");
    refuse("a b\n1 2\n", "'1 2' is not a number", "comma, semicolon or tab");
    refuse("a,label\n1,-1\n", "'-1' is no label", "");
    refuse("a,label\n1,0.5\n", "'0.5' is no label", "");
    refuse("a,label\n1,70000\n", "'70000' is no label", "");
    refuse("a,label\n1,cat\n", "line 2, column 2: 'cat' is not a number", "numbered from 0");
    rig_begin(&r, "t.csv");
    write_bytes(r.source,
                "1\0,\0"
                "2\0",
                6); /* UTF-16 */
    rig_refused(&r, "zero byte", "UTF-8");
    rig_end(&r);
    rig_begin(&r, "absent.csv");
    rig_refused(&r, "missing", "check the path");
    rig_end(&r);
}

/* The source under its own name, and under another of the same file. */
static void test_onto_itself(void) {
    char other[600];
    const char *text = "1,2\n3,4\n5,6\n";
    rig_begin(&r, "t.csv");
    write_bytes(r.source, text, strlen(text));
    snprintf(other, sizeof other, "%s.link", r.source);
    CHECK_INT(link(r.source, other), 0);
    for (int i = 0; i < 2; i++) {
        pf_status st = pf_dataset_import(i ? other : r.source, &(pf_import_desc){.source = r.source}, NULL,
                                         NULL, &r.err);
        CHECK_INT(st, PF_USAGE);
        CHECK_CONTAINS(r.err.message, "is the source itself");
        CHECK_CONTAINS(r.err.hint, "another file");
    }
    size_t length = 0;
    char *left = read_bytes(r.source, &length);
    CU_ASSERT(left && length == strlen(text) && memcmp(left, text, length) == 0);
    free(left);
    unlink(other);
    rig_import(&r, 0);
    rig_end(&r);
}

void test_import_csv_suite(void) {
    CU_pSuite s = CU_add_suite("data/import csv", NULL, NULL);
    CU_add_test(s, "good", test_good);
    CU_add_test(s, "gzip", test_gzip);
    CU_add_test(s, "bad", test_bad);
    CU_add_test(s, "onto itself", test_onto_itself);
}
