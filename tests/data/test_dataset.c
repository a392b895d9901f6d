/* SPDX-License-Identifier: MIT
 * Data sets: making, reading back, files of other programs, and every way in which a file can be wrong. */
#include "data/h5.h"
#include "pushforward/dataset.h"
#include "scratch.h"
#include <hdf5.h>

static pf_error err;
static char path[512];

struct lines {
    int count;
    char text[2000];
};

static void keep(void *user, const char *line) {
    struct lines *lines = user;
    size_t n = strlen(lines->text);
    snprintf(lines->text + n, sizeof lines->text - n, "%s\n", line);
    lines->count++;
}

static void test_make_and_read(void) {
    static const char *const kinds[] = {"gaussian", "8gaussians", "checkerboard",
                                        "moons",    "swissroll",  "strokes"};
    for (size_t k = 0; k < 6; k++) {
        pf_make_desc desc = {.kind = kinds[k], .train = 300, .test = 50, .noise = -1, .seed = 3};
        pf_dataset *d = NULL;
        CHECK_OK(pf_dataset_make(scratch(path, "made.h5"), &desc, &err), err);
        CHECK_OK(pf_dataset_open(path, &d, &err), err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(d);
        const pf_dataset_info *info = pf_dataset_describe(d);
        CHECK_INT(info->train_count, 300);
        CHECK_INT(info->test_count, 50);
        CHECK_INT(info->dtype, k == 5 ? PF_U8 : PF_F32);
        CHECK_INT(info->sample.rank, k == 5 ? 3 : 1);
        CHECK_INT(info->dim, k == 5 ? 256 : 2);
        CHECK_INT(info->format_version, 1);
        CU_ASSERT_STRING_EQUAL(info->format, "pushforward-dataset");
        CU_ASSERT_STRING_EQUAL(info->license, "CC0-1.0");
        CU_ASSERT_STRING_EQUAL(info->layout, k == 5 ? "NHWC" : "ND");
        CHECK_CONTAINS(info->source, kinds[k]);
        CHECK_INT(strlen(info->sha256), 64);
        static float x[60 * 256], expected[60 * 256];
        int32_t y[60], expected_y[60];
        int32_t *labels = info->class_count ? y : NULL;
        CHECK_OK(pf_dataset_read(d, PF_TRAIN, 240, 60, x, labels, &err), err);
        CHECK_OK(pf_dataset_draw(&desc, 240, 60, expected, expected_y, &err), err);
        CU_ASSERT_EQUAL(memcmp(x, expected, (size_t)(60 * info->dim) * sizeof *x), 0);
        if (labels) CU_ASSERT_EQUAL(memcmp(y, expected_y, sizeof y), 0);
        CHECK_OK(pf_dataset_read(d, PF_TEST, 0, 50, x, labels, &err), err);
        CHECK_OK(pf_dataset_draw(&desc, (int64_t)1 << 32, 50, expected, expected_y, &err), err);
        CU_ASSERT_EQUAL(memcmp(x, expected, (size_t)(50 * info->dim) * sizeof *x), 0);
        CHECK_INT(pf_dataset_read(d, PF_TEST, 0, 51, x, NULL, &err), PF_USAGE);
        CHECK_INT(pf_dataset_read(d, PF_TRAIN, -1, 1, x, NULL, &err), PF_USAGE);
        CHECK_OK(pf_dataset_read(d, PF_TRAIN, 300, 0, x, NULL, &err), err);
        if (!labels) CHECK_INT(pf_dataset_read(d, PF_TRAIN, 0, 1, x, y, &err), PF_USAGE);
        pf_dataset_close(&d);
        CU_ASSERT_PTR_NULL(d);
        struct lines lines = {0};
        CHECK_OK(pf_dataset_check(path, keep, &lines, &err), err);
        CHECK_INT(lines.count, 3);
        CHECK_CONTAINS(lines.text, "agrees");
        unlink(path);
    }
}

/* Every part is as large as any other, and a sample lies in its part. */
static void test_balanced(void) {
    static const char *const kinds[] = {"8gaussians", "moons", "strokes"};
    static float x[80 * 256];
    int32_t y[80];
    for (size_t k = 0; k < 3; k++) {
        pf_make_desc desc = {.kind = kinds[k], .noise = -1, .seed = 3, .balanced = true};
        const int parts = pf_dataset_parts(kinds[k]);
        CHECK_OK(pf_dataset_draw(&desc, 1000, 80, x, y, &err), err);
        for (int i = 0; i < 80; i++) CHECK_INT(y[i], (1000 + i) % parts);
    }
    pf_make_desc board = {.kind = "checkerboard", .balanced = true};
    CHECK_OK(pf_dataset_draw(&board, 0, 80, x, NULL, &err), err);
    for (int i = 0; i < 80; i++) {
        const float column = floorf(x[2 * i]), row = floorf(x[2 * i + 1]);
        CHECK_INT(column, i % 4 - 2);
        CHECK_INT(row, (i % 8 < 4 ? -2 : 0) + i % 2);
    }
    CHECK_INT(pf_dataset_parts("swissroll"), 0);
    CHECK_INT(pf_dataset_parts("nothing"), 0);
    CHECK_INT(pf_dataset_draw(&(pf_make_desc){.kind = "swissroll", .balanced = true}, 0, 80, x, NULL, &err),
              PF_USAGE);
    CHECK_CONTAINS(err.hint, "checkerboard");
}

static void test_equal_bytes(void) {
    char other[512];
    pf_make_desc desc = {.kind = "strokes", .train = 2000, .test = -1};
    setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
    CHECK_OK(pf_dataset_make(scratch(path, "a.h5"), &desc, &err), err);
    CHECK_OK(pf_dataset_make(scratch(other, "b.h5"), &desc, &err), err);
    unsetenv("SOURCE_DATE_EPOCH");
    CU_ASSERT(same_bytes(path, other));
    pf_dataset *d = NULL;
    CHECK_OK(pf_dataset_open(path, &d, &err), err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(d);
    CHECK_INT(pf_dataset_describe(d)->test_count, 0);
    pf_dataset_close(&d);
    desc.seed = 2;
    CHECK_OK(pf_dataset_make(other, &desc, &err), err); /* over an older file */
    CU_ASSERT(!same_bytes(path, other));
    unlink(path);
    unlink(other);
}

static void test_unwritable(void) {
    pf_make_desc desc = {.kind = "moons", .train = 10};
    CHECK_INT(pf_dataset_make("/nowhere/at/all.h5", &desc, &err), PF_SYSTEM);
    CHECK_CONTAINS(err.message, "/nowhere/at/all.h5");
    CU_ASSERT(err.hint[0] != '\0');
    CHECK_INT(pf_dataset_make(PF_BINARY_DIR, &desc, &err), PF_USAGE);
    CHECK_INT(pf_dataset_make("", &desc, &err), PF_USAGE);
}

/* ---- files made here by hand ---- */

static float ramp[4 * 3 * 3];
static const int32_t four[4] = {0, 1, 2, 1};

/* What a bad file has wrong; zero is right. */
struct fault {
    pf_shape x, test_x, y;
    pf_dtype x_type;
    const char *format, *layout;
    const int32_t *labels;
    int version, names, no_train, nan, float_labels, test_without_labels, sha;
    double scale, test_scale;
};

static void write_set(const struct fault *fault) {
    pf__h5 *f = NULL;
    pf_shape x = fault->x.rank ? fault->x : (pf_shape){2, {4, 9}},
             y = fault->y.rank ? fault->y : (pf_shape){1, {4}};
    pf_shape test = fault->test_x.rank ? fault->test_x : x;
    static const char *const names[3] = {"a", "b", "c"};
    for (int i = 0; i < 36; i++) ramp[i] = (float)i;
    if (fault->nan) ramp[20] = NAN;
    CHECK_OK(pf__h5_create(scratch(path, "hand.h5"), &f, &err), err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    const char *name = fault->no_train ? "/images" : "/train/x";
    pf_dtype type = fault->x_type;
    CHECK_OK(pf__h5_write(f, name, type, &x, type == PF_U8 ? (const void *)four : ramp, false, &err), err);
    CHECK_OK(pf__h5_write(f, "/train/y", fault->float_labels ? PF_F32 : PF_I32, &y,
                          fault->labels ? fault->labels : four, false, &err),
             err);
    CHECK_OK(pf__h5_write(f, "/test/x", PF_F32, &test, ramp, false, &err), err);
    if (!fault->test_without_labels)
        CHECK_OK(pf__h5_write(f, "/test/y", PF_I32, &(pf_shape){1, {test.dim[0]}}, four, false, &err), err);
    CHECK_OK(pf__h5_set_text(f, "/", "format", fault->format ? fault->format : "pushforward-dataset", &err),
             err);
    CHECK_OK(pf__h5_set_int(f, "/", "format_version", fault->version ? fault->version : 1, &err), err);
    if (fault->layout) CHECK_OK(pf__h5_set_text(f, name, "layout", fault->layout, &err), err);
    if (fault->scale != 0) CHECK_OK(pf__h5_set_real(f, name, "scale_factor", fault->scale, &err), err);
    if (fault->test_scale != 0)
        CHECK_OK(pf__h5_set_real(f, "/test/x", "scale_factor", fault->test_scale, &err), err);
    if (fault->names) CHECK_OK(pf__h5_write_texts(f, "/class_names", names, fault->names, &err), err);
    if (fault->sha) CHECK_OK(pf__h5_set_text(f, "/", "sha256", "00", &err), err);
    CHECK_OK(pf__h5_close(&f, &err), err);
}

static void check_refused(const struct fault *fault, const char *message, const char *hint) {
    pf_dataset *d = NULL;
    write_set(fault);
    CHECK_INT(pf_dataset_open(path, &d, &err), PF_DATA);
    CU_ASSERT_PTR_NULL(d);
    CHECK_CONTAINS(err.message, message);
    CHECK_CONTAINS(err.hint, hint);
    pf_dataset_close(&d);
    unlink(path);
}

static void test_wrong_parts(void) {
    const int32_t negative[4] = {0, 1, -1, 1}, five[4] = {0, 1, 2, 5};
    check_refused(&(struct fault){.format = "pushforward-checkpoint"},
                  "its format is 'pushforward-checkpoint'", "format =");
    check_refused(&(struct fault){.version = 2}, "format_version 2", "newer");
    check_refused(&(struct fault){.no_train = 1}, "no /train/x", "/images");
    check_refused(&(struct fault){.x = {1, {4}}}, "1 dimension,", "[N,1]");
    check_refused(&(struct fault){.x = {5, {1, 1, 1, 2, 2}}}, "5 dimensions", "reshape");
    check_refused(&(struct fault){.x_type = PF_I32}, "type i32", "astype");
    check_refused(&(struct fault){.x = {2, {4, 0}}}, "/train/x is empty", "");
    check_refused(&(struct fault){.y = {1, {3}}}, "3 labels for the 4 samples", "");
    check_refused(&(struct fault){.y = {2, {4, 1}}}, "/train/y has 2 dimensions", "");
    check_refused(&(struct fault){.float_labels = 1}, "type f32, integers", "astype");
    check_refused(&(struct fault){.test_x = {2, {4, 8}}}, "another shape", "");
    check_refused(&(struct fault){.x = {2, {4, 4}}, .test_x = {2, {4, 4}}, .x_type = PF_U8}, "another type",
                  "");
    check_refused(&(struct fault){.test_without_labels = 1}, "/train has labels and /test has none", "");
    check_refused(&(struct fault){.scale = INFINITY}, "gives no values", "");
    check_refused(&(struct fault){.test_scale = 2.0}, "differs", "");
    check_refused(&(struct fault){.x = {4, {1, 3, 2, 2}}, .y = {1, {1}}, .layout = "NCHW"}, "layout 'NCHW'",
                  "transpose");
    check_refused(&(struct fault){.labels = negative}, "label -1 of sample 2", "from 0");
    check_refused(&(struct fault){.labels = five, .names = 3}, "label 5 of sample 3 is outside 0 .. 2",
                  "/class_names");
}

static void test_check_finds(void) {
    const int32_t bad[4] = {0, 3, 2, 7};
    struct lines lines = {0};
    write_set(&(struct fault){.nan = 1, .labels = bad, .names = 3, .sha = 1});
    CHECK_INT(pf_dataset_check(path, keep, &lines, &err), PF_DATA);
    CHECK_CONTAINS(lines.text, "wrong: /train/x: 1 value is not finite, the first in sample 2");
    CHECK_CONTAINS(lines.text, "wrong: /train/y: 2 labels are outside 0 .. 2, the first is 3, of sample 1");
    CHECK_CONTAINS(lines.text, "wrong: /test/x: 1 value is not finite");
    CHECK_CONTAINS(lines.text, "wrong: sha256");
    CHECK_CONTAINS(lines.text, "note: no attribute 'license'");
    CHECK_CONTAINS(err.message, "not finite");
    CHECK_CONTAINS(err.message, "(and 3 more)");
    lines = (struct lines){0};
    write_set(&(struct fault){.names = 3});
    CHECK_OK(pf_dataset_check(path, keep, &lines, &err), err);
    CHECK_CONTAINS(lines.text, "train 4 x 9 f32, 3 classes; values 0 .. 35");
    CHECK_OK(pf_dataset_check(path, NULL, NULL, &err), err);
    unlink(path);
}

/* A changed value under an intact container: only the checksum of the content tells. */
static void test_check_sum(void) {
    pf_make_desc desc = {.kind = "moons", .train = 100, .test = 10};
    CHECK_OK(pf_dataset_make(scratch(path, "sum.h5"), &desc, &err), err);
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT), set = H5Dopen2(file, "/train/y", H5P_DEFAULT);
    int32_t y[100];
    CU_ASSERT(H5Dread(set, H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, y) >= 0);
    y[50] = 1 - y[50];
    CU_ASSERT(H5Dwrite(set, H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, y) >= 0);
    H5Dclose(set);
    H5Fclose(file);
    CHECK_INT(pf_dataset_check(path, NULL, NULL, &err), PF_DATA);
    CHECK_CONTAINS(err.message, "sha256");
    unlink(path);
}

/* One sample above 64 MiB, as bytes that compress well. */
static void test_large_sample(void) {
    hsize_t dim[2] = {1, ((hsize_t)1 << 26) + 1}, chunk[2] = {1, 1 << 20};
    unsigned char *bytes = calloc(1, (size_t)dim[1]);
    pf_dataset *d = NULL;
    hid_t file = H5Fcreate(scratch(path, "large.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t group = H5Gcreate2(file, "/train", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    hid_t space = H5Screate_simple(2, dim, NULL), dcpl = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(dcpl, 2, chunk);
    H5Pset_deflate(dcpl, 1);
    hid_t set = H5Dcreate2(file, "/train/x", H5T_STD_U8LE, space, H5P_DEFAULT, dcpl, H5P_DEFAULT);
    CU_ASSERT(bytes && H5Dwrite(set, H5T_STD_U8LE, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes) >= 0);
    H5Dclose(set);
    H5Pclose(dcpl);
    H5Sclose(space);
    H5Gclose(group);
    H5Fclose(file);
    CHECK_INT(pf_dataset_open(path, &d, &err), PF_DATA);
    CHECK_CONTAINS(err.message, "one sample of 67108865 elements cannot be right");
    CU_ASSERT_PTR_NULL(d);
    free(bytes);
    unlink(path);
}

static void test_no_hdf5(void) {
    pf_dataset *d = NULL;
    size_t length = 0;
    CHECK_INT(pf_dataset_open(NULL, &d, &err), PF_USAGE);
    CHECK_INT(pf_dataset_open(scratch(path, "absent.h5"), &d, &err), PF_DATA);
    CHECK_CONTAINS(err.message, "missing");
    write_bytes(path, "1.0 2.0\n3.0 4.0\n", 16);
    CHECK_INT(pf_dataset_open(path, &d, &err), PF_DATA);
    CHECK_CONTAINS(err.message, "not an HDF5 file");
    CHECK_CONTAINS(err.hint, "data import");
    CHECK_INT(pf_dataset_check(path, NULL, NULL, &err), PF_DATA);
    pf_make_desc desc = {.kind = "moons"};
    CHECK_OK(pf_dataset_make(path, &desc, &err), err);
    char *bytes = read_bytes(path, &length);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    write_bytes(path, bytes, length - 1000);
    CHECK_INT(pf_dataset_open(path, &d, &err), PF_DATA);
    CHECK_CONTAINS(err.message, "truncated");
    CU_ASSERT(err.hint[0] != '\0');
    CU_ASSERT_PTR_NULL(d);
    free(bytes);
    unlink(path);
}

/* As numpy users write: [N,H,W] float64 big-endian in compressed chunks, int64 labels, no attributes at all.
 */
static void test_foreign(void) {
    const hsize_t dim[3] = {5, 2, 3}, chunk[3] = {2, 2, 3};
    double value[30];
    int64_t label[5] = {4, 0, 1, 2, 3};
    for (int i = 0; i < 30; i++) value[i] = i * 0.5;
    hid_t file = H5Fcreate(scratch(path, "foreign.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t group = H5Gcreate2(file, "train", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
          dcpl = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(dcpl, 3, chunk);
    H5Pset_shuffle(dcpl);
    H5Pset_deflate(dcpl, 4);
    hid_t space = H5Screate_simple(3, dim, NULL), line = H5Screate_simple(1, dim, NULL);
    hid_t x = H5Dcreate2(group, "x", H5T_IEEE_F64BE, space, H5P_DEFAULT, dcpl, H5P_DEFAULT);
    hid_t y = H5Dcreate2(group, "y", H5T_STD_I64BE, line, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Dwrite(x, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, value);
    H5Dwrite(y, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, label);
    H5Dclose(y);
    H5Dclose(x);
    H5Sclose(line);
    H5Sclose(space);
    H5Pclose(dcpl);
    H5Gclose(group);
    H5Fclose(file);
    pf_dataset *d = NULL;
    float back[30];
    int32_t labels[5];
    CHECK_OK(pf_dataset_open(path, &d, &err), err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(d);
    const pf_dataset_info *info = pf_dataset_describe(d);
    CHECK_INT(info->sample.rank, 3);
    CHECK_INT(info->sample.dim[1], 3);
    CHECK_INT(info->sample.dim[2], 1);
    CHECK_INT(info->dtype, PF_F32);
    CHECK_INT(info->class_count, 5);
    CHECK_INT(info->test_count, 0);
    CHECK_OK(pf_dataset_read(d, PF_TRAIN, 0, 5, back, labels, &err), err);
    for (int i = 0; i < 30; i++) CHECK_NEAR(back[i], i * 0.5, 0.0);
    CHECK_INT(labels[0], 4);
    pf_dataset_close(&d);
    struct lines lines = {0};
    CHECK_OK(pf_dataset_check(path, keep, &lines, &err), err);
    CHECK_CONTAINS(lines.text, "note: no attribute 'sha256'");
    unlink(path);
}

void test_dataset_suite(void) {
    CU_pSuite s = CU_add_suite("data/dataset", NULL, NULL);
    CU_add_test(s, "make and read", test_make_and_read);
    CU_add_test(s, "balanced parts", test_balanced);
    CU_add_test(s, "equal bytes", test_equal_bytes);
    CU_add_test(s, "unwritable", test_unwritable);
    CU_add_test(s, "wrong parts", test_wrong_parts);
    CU_add_test(s, "check finds", test_check_finds);
    CU_add_test(s, "check sum", test_check_sum);
    CU_add_test(s, "a large sample", test_large_sample);
    CU_add_test(s, "no HDF5", test_no_hdf5);
    CU_add_test(s, "foreign", test_foreign);
}
