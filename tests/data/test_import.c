/* SPDX-License-Identifier: MIT
 * Importing IDX: files written here, whole and damaged, and MNIST itself where PF_TEST_DATA has it. */
#include "pushforward/dataset.h"
#include "scratch.h"
#include <sys/resource.h>
#include <zlib.h>

#define COUNT 40

static pf_error err;
static char folder[512], out[512];
static char said[400];

static void keep(void *user, const char *line) {
    (void)user;
    size_t n = strlen(said);
    snprintf(said + n, sizeof said - n, "%s\n", line);
}

static const char *in_folder(char path[600], const char *name) {
    snprintf(path, 600, "%s/%s", folder, name);
    return path;
}

/* Head and elements (i * 7 mod 251, or i mod classes for labels), `extra` bytes more or fewer than the head
 * says. */
static void write_idx(const char *name, int type, int rank, const int *dim, int classes, int extra) {
    unsigned char *bytes = calloc(1, 1 << 20);
    size_t n = 4;
    int count = 1;
    char path[600];
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    bytes[2] = (unsigned char)type;
    bytes[3] = (unsigned char)rank;
    for (int i = 0; i < rank; i++, n += 4) {
        bytes[n + 2] = (unsigned char)(dim[i] >> 8);
        bytes[n + 3] = (unsigned char)dim[i];
        count *= dim[i];
    }
    for (int i = 0; i < count + extra; i++) bytes[n++] = (unsigned char)(classes ? i % classes : i * 7 % 251);
    in_folder(path, name);
    if (strstr(name, ".gz")) {
        gzFile file = gzopen(path, "wb");
        CU_ASSERT_PTR_NOT_NULL_FATAL(file);
        CU_ASSERT_EQUAL(gzwrite(file, bytes, (unsigned)n), (int)n);
        gzclose(file);
    } else {
        write_bytes(path, bytes, n);
    }
    free(bytes);
}

static void begin(void) {
    scratch(folder, "idx");
    scratch(out, "imported.h5");
    mkdir(folder, 0777);
    said[0] = '\0';
}

static void end(void) {
    static const char *const names[] = {
        "train-images-idx3-ubyte",   "train-labels-idx1-ubyte",    "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",    "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz",
        "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz",  "train-images.idx3-ubyte"};
    char path[600];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) unlink(in_folder(path, names[i]));
    CHECK_INT(rmdir(folder), 0);
    unlink(out);
}

static void write_good(const char *prefix, const char *suffix, int count, int classes) {
    char name[64];
    snprintf(name, sizeof name, "%s-images-idx3-ubyte%s", prefix, suffix);
    write_idx(name, 8, 3, (int[]){count, 5, 4}, 0, 0);
    snprintf(name, sizeof name, "%s-labels-idx1-ubyte%s", prefix, suffix);
    write_idx(name, 8, 1, (int[]){count}, classes, 0);
}

static pf_status import_from(const char *source, double fraction) {
    return pf_dataset_import(out,
                             &(pf_import_desc){.source = source, .test_fraction = fraction, .license = "MIT"},
                             keep, NULL, &err);
}

/* The new file has these counts, and sample `first` of its source stands at the head of the part. */
static void check_imported(int64_t train, int64_t test, int first_of_test) {
    pf_dataset *d = NULL;
    CHECK_OK(pf_dataset_open(out, &d, &err), err);
    if (!d) return;
    const pf_dataset_info *info = pf_dataset_describe(d);
    CHECK_INT(info->train_count, train);
    CHECK_INT(info->test_count, test);
    CHECK_INT(info->sample.rank, 3);
    CHECK_INT(info->sample.dim[0], 5);
    CHECK_INT(info->sample.dim[1], 4);
    CHECK_INT(info->sample.dim[2], 1);
    CHECK_NEAR(info->scale_factor, 1.0 / 127.5, 0.0);
    CHECK_NEAR(info->add_offset, -1.0, 0.0);
    CU_ASSERT_STRING_EQUAL(info->license, "MIT");
    CHECK_CONTAINS(info->source, "IDX: ");
    float x[20];
    for (int split = 0; split < 2; split++) {
        int from = split ? first_of_test : 0;
        if (split && test == 0) break;
        int32_t y = -1;
        CHECK_OK(pf_dataset_read(d, split ? PF_TEST : PF_TRAIN, 0, 1, x, info->class_count ? &y : NULL, &err),
                 err);
        for (int k = 0; k < 20; k++) CHECK_NEAR(x[k], (20 * from + k) * 7 % 251 / 127.5 - 1.0, 1e-6);
        if (info->class_count) CHECK_INT(y, from % 4);
    }
    pf_dataset_close(&d);
    CHECK_OK(pf_dataset_check(out, NULL, NULL, &err), err);
}

static void test_good(void) {
    for (int gz = 0; gz < 2; gz++) {
        const char *suffix = gz ? ".gz" : "";
        begin();
        write_good("train", suffix, COUNT, 4);
        CHECK_OK(import_from(folder, 0), err);
        CU_ASSERT_STRING_EQUAL(said, "train 36 x 5x4x1 u8, 4 classes\ntest 4 x 5x4x1 u8, 4 classes\n");
        check_imported(36, 4, 36);
        CHECK_OK(import_from(folder, 0.25), err);
        check_imported(30, 10, 30);
        CHECK_OK(import_from(folder, -1), err);
        check_imported(40, 0, 0);
        write_good("t10k", suffix, 12, 4);
        CHECK_OK(import_from(folder, 0), err);
        check_imported(40, 12, 0);
        end();
        begin();
        write_good("t10k", suffix, COUNT, 4);
        CHECK_OK(import_from(folder, 0), err);
        check_imported(36, 4, 36);
        char path[600];
        snprintf(path, sizeof path, "%s/t10k-images-idx3-ubyte%s", folder, suffix);
        CHECK_OK(import_from(path, 0.5), err); /* finds its labels beside it */
        check_imported(20, 20, 20);
        end();
    }
    begin();
    write_idx("train-images.idx3-ubyte", 8, 3, (int[]){COUNT, 5, 4}, 0, 0);
    char path[600];
    CHECK_OK(import_from(in_folder(path, "train-images.idx3-ubyte"), 0), err);
    CHECK_CONTAINS(said, "train 36 x 5x4x1 u8, no labels");
    check_imported(36, 4, 36);
    end();
}

static void check_refused(const char *message, const char *hint) {
    CHECK_INT(import_from(folder, 0), PF_DATA);
    CHECK_CONTAINS(err.message, message);
    CHECK_CONTAINS(err.hint, hint);
    CU_ASSERT_NOT_EQUAL(access(out, F_OK), 0); /* nothing is left, not even a temporary file */
    char temporary[600];
    snprintf(temporary, sizeof temporary, "%s.tmp.%ld", out, (long)getpid());
    CU_ASSERT_NOT_EQUAL(access(temporary, F_OK), 0);
    end();
}

static void cut(const char *name, long from_end) {
    char path[600];
    size_t length = 0;
    char *bytes = read_bytes(in_folder(path, name), &length);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    write_bytes(path, bytes, (size_t)((long)length - from_end));
    free(bytes);
}

static void test_bad(void) {
    begin();
    check_refused("no IDX images", "train-images-idx3-ubyte");
    begin();
    write_good("train", ".gz", COUNT, 4);
    cut("train-images-idx3-ubyte.gz", 30);
    check_refused("truncated", "fetch it again");
    begin();
    write_good("train", ".gz", COUNT, 4);
    cut("train-images-idx3-ubyte.gz", 6); /* only the checksum is cut */
    check_refused("train-images-idx3-ubyte.gz", "fetch it again");
    begin();
    write_good("train", "", COUNT, 4);
    cut("train-images-idx3-ubyte", 1);
    check_refused("truncated", "fetch it again");
    begin();
    write_good("train", "", COUNT, 4);
    cut("train-labels-idx1-ubyte", 5);
    check_refused("train-labels-idx1-ubyte: truncated", "fetch it again");
    begin();
    write_good("train", "", COUNT, 4);
    write_idx("train-images-idx3-ubyte", 8, 3, (int[]){COUNT, 5, 4}, 0, 1);
    check_refused("longer than its head says", "checksum");
    begin();
    write_good("train", "", COUNT, 4);
    write_idx("train-images-idx3-ubyte", 13, 3, (int[]){COUNT, 5, 4}, 0, 0);
    check_refused("begins with 00 00 0d 03", "unsigned bytes");
    begin();
    write_good("train", "", COUNT, 4);
    write_idx("train-images-idx3-ubyte", 8, 3, (int[]){COUNT, 0, 4}, 0, 0);
    check_refused("size 0 of dimension 1", "");
    begin();
    write_good("train", "", COUNT, 4);
    write_idx("train-labels-idx1-ubyte", 8, 1, (int[]){COUNT - 1}, 4, 0);
    check_refused("39 labels for the 40 images", "same set");
    begin();
    write_good("train", "", COUNT, 4);
    write_idx("train-labels-idx1-ubyte", 8, 3, (int[]){COUNT, 5, 4}, 0, 0);
    check_refused("labels are expected", "exchanged");
    begin();
    write_good("train", "", COUNT, 4);
    write_idx("train-images-idx3-ubyte", 8, 1, (int[]){COUNT}, 4, 0);
    check_refused("images are expected", "idx3");
    begin();
    write_idx("train-images-idx3-ubyte", 8, 3, (int[]){COUNT, 5, 4}, 0, 0);
    check_refused("no train-labels", "train-labels-idx1-ubyte.gz");
    begin();
    write_good("train", "", COUNT, 4);
    write_good("t10k", "", 10, 6);
    check_refused("label 4 of image 4 is no class", "same set");
    begin();
    write_good("train", "", COUNT, 4);
    write_good("t10k", "", 10, 4);
    write_idx("t10k-images-idx3-ubyte", 8, 3, (int[]){10, 4, 5}, 0, 0);
    check_refused("another size", "same set");
    begin();
    write_good("train", "", COUNT, 4);
    char path[600];
    write_bytes(in_folder(path, "train-images-idx3-ubyte"), "a text file, not images", 23);
    check_refused("not an IDX file", "images-idx3-ubyte");
    begin();
    write_good("train", "", COUNT, 4);
    CHECK_INT(import_from(folder, 1.0), PF_USAGE);
    CHECK_INT(import_from("", 0), PF_USAGE);
    CHECK_INT(import_from("/nowhere/images", 0), PF_DATA);
    CHECK_CONTAINS(err.message, "missing");
    end();
}

static void test_mnist(void) {
    const char *data = getenv("PF_TEST_DATA");
    char source[512];
    if (!data || !*data) {
        printf("\n    skipped: PF_TEST_DATA is not set (a folder that holds mnist/)\n");
        return;
    }
    snprintf(source, sizeof source, "%s/mnist", data);
    scratch(out, "mnist.h5");
    said[0] = '\0';
    CHECK_OK(pf_dataset_import(out, &(pf_import_desc){.source = source}, keep, NULL, &err), err);
    CHECK_CONTAINS(said, "x 28x28x1 u8, 10 classes");
    CHECK_OK(pf_dataset_check(out, NULL, NULL, &err), err);
    if (strstr(said, "train 9000 ")) { /* the 10,000 test images alone: their contents are known */
        pf_dataset *d = NULL;
        float x[784];
        int32_t y[10], expected[10] = {7, 2, 1, 0, 4, 1, 4, 9, 5, 9};
        CHECK_OK(pf_dataset_open(out, &d, &err), err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(d);
        CHECK_OK(pf_dataset_read(d, PF_TRAIN, 0, 1, x, y, &err), err);
        double sum = 0;
        for (int i = 0; i < 784; i++) sum += (x[i] + 1.0) * 127.5;
        CHECK_NEAR(sum, 18454.0, 1e-6);
        for (int i = 0; i < 10; i++) {
            CHECK_OK(pf_dataset_read(d, PF_TRAIN, i, 1, x, y, &err), err);
            CHECK_INT(y[0], expected[i]);
        }
        pf_dataset_close(&d);
    }
    unlink(out);
}

/* Found by tests/fuzz: room for 2^32 labels was made because the head promised them. */
static void test_promises(void) {
    static const unsigned char images[] = {0, 0, 8, 2, 255, 255, 255, 255, 0, 0, 0, 1, 7},
                               labels[] = {0, 0, 8, 1, 255, 255, 255, 255, 3};
    char path[600];
    struct rlimit old;
    begin();
    write_bytes(in_folder(path, "train-images-idx3-ubyte"), images, sizeof images);
    write_bytes(in_folder(path, "train-labels-idx1-ubyte"), labels, sizeof labels);
    CHECK_INT(getrlimit(RLIMIT_AS, &old), 0);
/* A sanitizer's shadow needs more than any limit. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    CHECK_INT(setrlimit(RLIMIT_AS, &(struct rlimit){(rlim_t)3 << 30, old.rlim_max}), 0);
#endif
    CHECK_INT(pf_dataset_import(out, &(pf_import_desc){.source = folder}, NULL, NULL, &err), PF_DATA);
    CHECK_CONTAINS(err.message, "ends too early");
    setrlimit(RLIMIT_AS, &old);
    end();
}

void test_import_suite(void) {
    CU_pSuite s = CU_add_suite("data/import", NULL, NULL);
    CU_add_test(s, "good", test_good);
    CU_add_test(s, "bad", test_bad);
    CU_add_test(s, "promises", test_promises);
    CU_add_test(s, "MNIST", test_mnist);
}
