/* SPDX-License-Identifier: MIT
 * Importing NumPy arrays: .npy files and .npz archives written here byte by byte. */
#include "import_rig.h"

static rig r;

typedef struct array {
    unsigned char bytes[4096];
    size_t length;
} array;

/* A head of version `version` with this dictionary, and the elements. */
static void make(array *a, int version, const char *dictionary, const void *data, size_t length) {
    size_t n = strlen(dictionary), start = version == 1 ? 10 : 12;
    memcpy(a->bytes, "\x93NUMPY", 6);
    a->bytes[6] = (unsigned char)version;
    a->bytes[7] = 0;
    a->bytes[8] = (unsigned char)n;
    a->bytes[9] = (unsigned char)(n >> 8);
    a->bytes[10] = a->bytes[11] = 0;
    memcpy(a->bytes + start, dictionary, n);
    if (length) memcpy(a->bytes + start + n, data, length);
    a->length = start + n + length;
}

static void make_typed(array *a, const char *type, const char *shape, const void *data, size_t length) {
    char text[200];
    snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n", type, shape);
    make(a, 1, text, data, length);
}

static void put(const array *a) {
    rig_begin(&r, "a.npy");
    write_bytes(r.source, a->bytes, a->length);
}

/* One sample of two elements; both must come out as given. */
static void check_type(const char *type, const void *data, size_t length, double first, double second) {
    array a;
    float x[2];
    make_typed(&a, type, "(1, 2)", data, length);
    put(&a);
    rig_import(&r, -1);
    rig_read(&r, PF_TRAIN, 0, x, NULL);
    CHECK_NEAR(x[0], first, 1e-7);
    CHECK_NEAR(x[1], second, 1e-7);
    rig_end(&r);
}

static void test_types(void) {
    check_type("<f4", "\0\0\x80\x3f\0\0\x20\xc0", 8, 1, -2.5);
    check_type(">f4", "\x3f\x80\0\0\xc0\x20\0\0", 8, 1, -2.5);
    check_type("<f8", "\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\x04\xc0", 16, 1, -2.5);
    check_type(">f8", "\x3f\xf0\0\0\0\0\0\0\xc0\x04\0\0\0\0\0\0", 16, 1, -2.5);
    check_type("<f2", "\0\x3c\0\xc1", 4, 1, -2.5);
    check_type("<i4", "\1\2\0\0\xfe\xff\xff\xff", 8, 513, -2);
    check_type(">i2", "\1\2\xff\xfe", 4, 258, -2);
    check_type("<i8", "\x07\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", 16, 7, -1);
    check_type("<u2", "\xff\xff\1\0", 4, 65535, 1);
    check_type("|i1", "\x80\x7f", 2, -128, 127);
    check_type("|b1", "\0\1", 2, 0, 1);
    check_type("|u1", "\0\xff", 2, -1, 1); /* bytes keep their type; values lie in -1 .. 1 */
}

static void test_shapes(void) {
    array a;
    unsigned char bytes[48];
    float x[12];
    for (int i = 0; i < 48; i++) bytes[i] = (unsigned char)i;
    make_typed(&a, "|u1", "(4, 2, 2, 3)", bytes, 48);
    put(&a);
    rig_import(&r, 0.25);
    CU_ASSERT_STRING_EQUAL(r.said, "train 3 x 2x2x3 u8, no labels\ntest 1 x 2x2x3 u8, no labels\n");
    rig_read(&r, PF_TEST, 0, x, NULL);
    CHECK_NEAR(x[11], 47 / 127.5 - 1, 1e-6);
    CHECK_CONTAINS(r.info->source, "NumPy: ");
    rig_end(&r);
    make_typed(&a, "|u1", "(4, 3, 4)", bytes, 48);
    put(&a);
    rig_import(&r, -1);
    CU_ASSERT_STRING_EQUAL(r.said, "train 4 x 3x4x1 u8, no labels\n");
    rig_end(&r);
    make(&a, 2, "{\"shape\": (6,), \"fortran_order\": False, \"descr\": \"<i8\"}", bytes, 48);
    put(&a);
    rig_import(&r, -1);
    CHECK_INT(r.info->dim, 1);
    CHECK_INT(r.info->train_count, 6);
    rig_end(&r);
}

static void refuse(const char *dictionary, size_t length, const char *message, const char *hint) {
    array a;
    unsigned char zeros[64] = {0};
    make(&a, 1, dictionary, zeros, length);
    put(&a);
    rig_refused(&r, message, hint);
    rig_end(&r);
}

#define HEAD(type, order, shape) "{'descr': " type ", 'fortran_order': " order ", 'shape': " shape ", }"

static void test_bad(void) {
    refuse(HEAD("'<f4'", "True", "(2, 2)"), 16, "Fortran order", "ascontiguousarray");
    refuse(HEAD("'<c8'", "False", "(1, 2)"), 16, "type '<c8' are", "astype");
    refuse(HEAD("'|O'", "False", "(2,)"), 16, "type '|O'", "astype");
    refuse(HEAD("'<U3'", "False", "(2,)"), 24, "are not imported", "astype");
    refuse(HEAD("'<f16'", "False", "(1, 1)"), 16, "are not imported", "astype");
    refuse(HEAD("[('a', '<f4')]", "False", "(2,)"), 8, "of type record", "astype");
    refuse(HEAD("'<f4'", "False", "(0, 2)"), 0, "empty", "at least one");
    refuse(HEAD("'<f4'", "False", "(2, 2)"), 12, "truncated", "again");
    refuse(HEAD("'<f4'", "False", "(2, 2)"), 20, "too long", "again");
    refuse(HEAD("'<f4'", "False", "(4294967296, 4294967296, 4294967296)"), 16, "cannot be right", "");
    refuse(HEAD("'<f4'", "False", "(99999999999999999999999, 2)"), 16, "cannot be right", "");
    refuse(HEAD("'<f4'", "False", "(-1, 2)"), 16, "no tuple of numbers", "numpy.save");
    refuse(HEAD("'<f4'", "False", "(2, 2"), 16, "no tuple of numbers", "numpy.save");
    refuse(HEAD("'<f4'", "False", "(1, 1, 1, 1, 1, 1, 1, 1, 1)"), 4, "more than 8 dimensions", "");
    refuse(HEAD("'<f4'", "False", "(1, 1, 1, 1, 2)"), 8, "5 dimensions", "reshape");
    refuse(HEAD("'<f4'", "False", "()"), 4, "0 dimensions", "reshape");
    refuse(HEAD("'<f4'", "False", "(1, 1, 3, 5)"), 60, "channels come before", "transpose");
    refuse(HEAD("'<f4'", "Maybe", "(2, 2)"), 16, "neither True nor False", "");
    refuse("{'descr': '<f4', 'shape': (2, 2)}", 16, "no 'fortran_order'", "");
    refuse("nothing", 16, "no 'descr'", "");
    array a;
    make_typed(&a, "<f4", "(1, 2)", "\0\0\x80\x3f\0\0\xc0\x7f", 8);
    put(&a);
    rig_refused(&r, "element 1 of sample 0 is NaN", "before importing");
    rig_end(&r);
    make_typed(&a, "<f8", "(1, 1)", "\0\0\0\0\0\0\xf0\x7e", 8); /* finite, but not as f32 */
    put(&a);
    rig_refused(&r, "not finite as f32", "");
    rig_end(&r);
    make(&a, 9, "{}", NULL, 0);
    put(&a);
    rig_refused(&r, "version 1, 2 or 3", "numpy.save");
    rig_end(&r);
    make(&a, 2, "{}", NULL, 0);
    a.bytes[10] = 255; /* a head of 16 MB */
    put(&a);
    rig_refused(&r, "longer than 64 KiB", "");
    a.bytes[10] = 0;
    write_bytes(r.source, a.bytes, 9);
    rig_refused(&r, "truncated", "");
    rig_end(&r);
}

/* ---- archives ---- */

static void put_zip(bool compressed, const rig_member *member) {
    rig_begin(&r, "a.npz");
    rig_archive(r.source, true, compressed, member);
}

static void test_npz(void) {
    array x, y, tx, ty;
    const char *digits = "\1\2\3\4\5\6\7\x8";
    make_typed(&x, "|u1", "(4, 2)", digits, 8);
    make_typed(&y, "<i8", "(4, 1)", "\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32);
    make_typed(&tx, "|u1", "(1, 2)", digits + 6, 2);
    make_typed(&ty, "|u1", "(1,)", digits + 0, 1);
    for (int compressed = 0; compressed < 2; compressed++) {
        float v[2];
        int32_t label;
        put_zip(compressed, (rig_member[]){{"y.npy", y.bytes, y.length},
                                           {"z.npy", tx.bytes, tx.length},
                                           {"x.npy", x.bytes, x.length},
                                           {0}});
        rig_import(&r, -1);
        CU_ASSERT_STRING_EQUAL(r.said, "train 4 x 2 u8, 3 classes\n");
        rig_read(&r, PF_TRAIN, 2, v, &label);
        CHECK_NEAR(v[1], 6 / 127.5 - 1, 1e-6);
        CHECK_INT(label, 1);
        rig_end(&r);
        put_zip(compressed, (rig_member[]){{"x_train.npy", x.bytes, x.length},
                                           {"y_train.npy", y.bytes, y.length},
                                           {"x_test.npy", tx.bytes, tx.length},
                                           {"y_test.npy", ty.bytes, ty.length},
                                           {0}});
        rig_import(&r, 0);
        CU_ASSERT_STRING_EQUAL(r.said, "train 4 x 2 u8, 3 classes\ntest 1 x 2 u8, 3 classes\n");
        rig_read(&r, PF_TEST, 0, v, &label);
        CHECK_INT(label, 1);
        rig_end(&r);
        put_zip(compressed, (rig_member[]){{"arr_0.npy", x.bytes, x.length}, {0}});
        rig_import(&r, -1);
        CHECK_INT(r.info->class_count, 0);
        rig_end(&r);
    }
}

static void refuse_zip(const rig_member *member, const char *message, const char *hint) {
    put_zip(true, member);
    rig_refused(&r, message, hint);
    rig_end(&r);
}

static void test_bad_npz(void) {
    array x, y;
    const char *digits = "\1\2\3\4\5\6\7\x8";
    make_typed(&x, "|u1", "(4, 2)", digits, 8);
    rig_member mx = {"x.npy", x.bytes, x.length}, end = {0};
    refuse_zip((rig_member[]){{"a.npy", x.bytes, x.length}, {"b.npy", x.bytes, x.length}, end},
               "none is called x", "numpy.savez");
    refuse_zip((rig_member[]){{"notes.txt", "hello", 5}, end}, "0 arrays", "numpy.savez");
    make_typed(&y, "|u1", "(3,)", digits, 3);
    refuse_zip((rig_member[]){mx, {"y.npy", y.bytes, y.length}, end}, "3 labels for the 4 samples",
               "as many");
    make_typed(&y, "|u1", "(4, 2)", digits, 8);
    refuse_zip((rig_member[]){mx, {"y.npy", y.bytes, y.length}, end}, "labels are [N]", "argmax");
    make_typed(&y, "|i1", "(4,)", "\0\1\xff\1", 4);
    refuse_zip((rig_member[]){mx, {"y.npy", y.bytes, y.length}, end}, "element 2 is -1", "from 0");
    make_typed(&y, "|u1", "(4,)", digits, 3);
    refuse_zip((rig_member[]){mx, {"y.npy", y.bytes, y.length}, end}, "truncated", "");
    make_typed(&y, "|u1", "(4,)", digits, 5);
    refuse_zip((rig_member[]){mx, {"y.npy", y.bytes, y.length}, end}, "longer than its head", "");
    refuse_zip((rig_member[]){{"x.npy", "not an array at all", 19}, end}, "not a NumPy array", "numpy.save");
    make_typed(&y, "|u1", "(4, 2)", digits, 7);
    refuse_zip((rig_member[]){{"x.npy", y.bytes, y.length}, end}, "truncated", "");
    make_typed(&y, "|u1", "(2, 3)", digits, 6);
    refuse_zip((rig_member[]){{"x_train.npy", x.bytes, x.length}, {"x_test.npy", y.bytes, y.length}, end},
               "another shape", "same set");
    make_typed(&y, "|u1", "(4,)", digits, 4);
    refuse_zip((rig_member[]){{"x_train.npy", x.bytes, x.length},
                              {"y_train.npy", y.bytes, y.length},
                              {"x_test.npy", x.bytes, x.length},
                              end},
               "only one of the two parts has labels", "y_test");
    make_typed(&y, "|u1", "(4,)", digits + 4, 4);
    array few;
    make_typed(&few, "|u1", "(4,)", digits, 4);
    refuse_zip((rig_member[]){{"x_train.npy", x.bytes, x.length},
                              {"y_train.npy", few.bytes, few.length},
                              {"x_test.npy", x.bytes, x.length},
                              {"y_test.npy", y.bytes, y.length},
                              end},
               "label 5 of sample 0 is outside 0 .. 4", "same set");
    put_zip(false, (rig_member[]){mx, end});
    size_t length = 0;
    char *bytes = read_bytes(r.source, &length);
    write_bytes(r.source, bytes, 60);
    free(bytes);
    rig_refused(&r, r.source, "");
    rig_end(&r);
}

void test_import_npy_suite(void) {
    CU_pSuite s = CU_add_suite("data/import npy", NULL, NULL);
    CU_add_test(s, "types", test_types);
    CU_add_test(s, "shapes", test_shapes);
    CU_add_test(s, "bad", test_bad);
    CU_add_test(s, "npz", test_npz);
    CU_add_test(s, "bad npz", test_bad_npz);
}
