/* SPDX-License-Identifier: MIT
 * Importing CIFAR-10 and CIFAR-100, folders and archives, of a few records each. */
#include "import_rig.h"

enum { PIXELS = 3072 };

static rig r;
static unsigned char batch[6][8 * (PIXELS + 2)];

/* `count` records; pixel k of plane c of record i is (first + i + 3 k + 7 c) mod 251, its label (first + i)
 * mod classes. */
static size_t fill(unsigned char *to, int first, int count, int classes) {
    unsigned char *p = to;
    for (int i = first; i < first + count; i++) {
        if (classes == 100) *p++ = 99; /* the coarse label */
        *p++ = (unsigned char)(i % classes);
        for (int c = 0; c < 3; c++)
            for (int k = 0; k < 1024; k++) *p++ = (unsigned char)((i + 3 * k + 7 * c) % 251);
    }
    return (size_t)(p - to);
}

static void check_row(pf_split split, int64_t row, int i, int classes) {
    float x[PIXELS];
    int32_t y = -1;
    rig_read(&r, split, row, x, &y);
    CHECK_INT(y, i % classes);
    for (int k = 0; k < 1024; k += 341)
        for (int c = 0; c < 3; c++) CHECK_NEAR(x[3 * k + c], (i + 3 * k + 7 * c) % 251 / 127.5 - 1, 1e-6);
}

static const char meta[] = "plane\ncar\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n";

/* Five batches and a test batch of sizes 1 .. 5 and 3, in an order of no help. */
static void list_10(rig_member *m) {
    static const char *const names[] = {"c/test_batch.bin",   "c/data_batch_5.bin", "c/data_batch_2.bin",
                                        "c/data_batch_1.bin", "c/data_batch_3.bin", "c/data_batch_4.bin"};
    static const int firsts[] = {15, 10, 1, 0, 3, 6}, counts[] = {3, 5, 2, 1, 3, 4};
    for (int i = 0; i < 6; i++)
        m[i] = (rig_member){names[i], batch[i], fill(batch[i], firsts[i], counts[i], 10)};
    m[6] = (rig_member){"c/batches.meta.txt", meta, sizeof meta - 1};
    m[7] = (rig_member){0};
}

static void check_10(void) {
    CU_ASSERT_STRING_EQUAL(r.said, "train 15 x 32x32x3 u8, 10 classes\ntest 3 x 32x32x3 u8, 10 classes\n");
    for (int i = 0; i < 15; i++) check_row(PF_TRAIN, i, i, 10);
    for (int i = 0; i < 3; i++) check_row(PF_TEST, i, 15 + i, 10);
    CHECK_CONTAINS(r.info->source, "CIFAR-10: ");
    rig_class_name(&r, 10, 9, "truck");
}

/* Writes the members into the folder r.source by their base names, or removes them. */
static void folder(const rig_member *m, bool there) {
    if (there) mkdir(r.source, 0777);
    for (; m->name; m++) {
        char path[600];
        snprintf(path, sizeof path, "%s/%s", r.source, strrchr(m->name, '/') + 1);
        if (there)
            write_bytes(path, m->bytes, m->length);
        else
            unlink(path);
    }
    if (!there) CHECK_INT(rmdir(r.source), 0);
}

static void test_10(void) {
    rig_member m[8];
    list_10(m);
    rig_begin(&r, "c.tar.gz");
    rig_archive(r.source, false, true, m);
    rig_import(&r, 0);
    check_10();
    rig_end(&r);
    rig_begin(&r, "c.tar");
    rig_archive(r.source, false, false, m);
    rig_import(&r, 0);
    check_10();
    rig_end(&r);
    rig_begin(&r, "cifar");
    folder(m, true);
    rig_import(&r, 0);
    check_10();
    folder(m, false);
    rig_end(&r);
    rig_begin(&r, "c.tar.gz"); /* a part of it */
    rig_archive(r.source, false, true, (rig_member[]){m[5], m[3], {0}});
    rig_import(&r, 0.2);
    CHECK_CONTAINS(r.said,
                   "train 4 x 32x32x3 u8, 10 classes\ntest 1 x 32x32x3 u8, 10 classes\nnote: class 9 ");
    check_row(PF_TRAIN, 3, 8, 10);
    check_row(PF_TEST, 0, 9, 10);
    rig_end(&r);
}

static void test_100(void) {
    rig_member m[] = {{"c/train.bin", batch[0], fill(batch[0], 94, 6, 100)},
                      {"c/test.bin", batch[1], fill(batch[1], 7, 2, 100)},
                      {"c/fine_label_names.txt", "too\nfew\n", 8},
                      {0}};
    rig_begin(&r, "c.tgz");
    rig_archive(r.source, false, true, m);
    rig_import(&r, 0);
    CU_ASSERT_STRING_EQUAL(r.said, "train 6 x 32x32x3 u8, 100 classes\ntest 2 x 32x32x3 u8, 100 classes\n");
    for (int i = 0; i < 6; i++) check_row(PF_TRAIN, i, 94 + i, 100);
    check_row(PF_TEST, 1, 8, 100);
    rig_class_name(&r, 100, 99, "99"); /* too few names: none is used */
    rig_end(&r);
    rig_begin(&r, "cifar");
    folder(m, true);
    rig_import(&r, 0);
    check_row(PF_TEST, 0, 7, 100);
    folder(m, false);
    rig_end(&r);
}

static void refuse(const rig_member *m, const char *message, const char *hint) {
    rig_begin(&r, "c.tar.gz");
    rig_archive(r.source, false, true, m);
    rig_refused(&r, message, hint);
    rig_end(&r);
    rig_begin(&r, "cifar");
    folder(m, true);
    if (strstr(message, "neither") == NULL) rig_refused(&r, message, hint);
    folder(m, false);
    rig_end(&r);
}

static void cut(const char *name, size_t keep, const char *message, const char *hint) {
    rig_member m[8];
    size_t length = 0;
    list_10(m);
    rig_begin(&r, name);
    rig_archive(r.source, false, true, m);
    char *bytes = read_bytes(r.source, &length);
    CU_ASSERT_FATAL(bytes && length > keep);
    write_bytes(r.source, bytes, keep);
    free(bytes);
    rig_refused(&r, message, hint);
    rig_end(&r);
}

static void test_bad(void) {
    size_t three = fill(batch[0], 0, 3, 10);
    refuse((rig_member[]){{"c/data_batch_1.bin", batch[0], three - 1}, {0}},
           "no whole number of CIFAR-10 records", "fetch it again");
    refuse((rig_member[]){{"c/data_batch_1.bin", batch[0], three}, {"c/test_batch.bin", batch[0], 5}, {0}},
           "test_batch.bin: 5 bytes", "fetch it again");
    refuse((rig_member[]){{"c/data_batch_1.bin", "", 0}, {0}}, "0 bytes", "fetch it again");
    refuse((rig_member[]){{"c/train.bin", batch[0], three}, {0}}, "CIFAR-100 records of 3074",
           "fetch it again");
    refuse((rig_member[]){{"c/readme.html", "hello", 5}, {0}}, "neither data_batch_1.bin",
           "cifar-10-binary.tar.gz");
    refuse((rig_member[]){{"c/data_batch_1", "\x80\2}q", 4}, {0}}, "neither data_batch_1.bin", "for Python");
    refuse((rig_member[]){{"c/test_batch.bin", batch[0], three}, {0}}, "neither data_batch_1.bin", "");
    batch[0][PIXELS + 1] = 10;
    refuse((rig_member[]){{"c/data_batch_1.bin", batch[0], three}, {0}},
           "label 10 of sample 1 is outside 0 .. 9", "damaged");
    size_t two = fill(batch[0], 0, 2, 100);
    batch[0][1] = 100;
    refuse((rig_member[]){{"c/train.bin", batch[0], two}, {0}}, "label 100 of sample 0 is outside 0 .. 99",
           "");
    cut("c.tar.gz", 200, "c.tar.gz", "fetch it again");
    cut("c.tar.gz", 3, "c.tar.gz", "");
    cut("c.tar.gz", 0, "c.tar.gz", "");
    rig_begin(&r, "c.tar.gz");
    write_bytes(r.source, "this is no archive, but a line of text", 38);
    rig_refused(&r, "damaged", "fetch it again");
    rig_end(&r);
    rig_begin(&r, "absent.tar.gz");
    rig_refused(&r, "missing", "check the path");
    rig_end(&r);
}

void test_import_cifar_suite(void) {
    CU_pSuite s = CU_add_suite("data/import CIFAR", NULL, NULL);
    CU_add_test(s, "CIFAR-10", test_10);
    CU_add_test(s, "CIFAR-100", test_100);
    CU_add_test(s, "bad", test_bad);
}
