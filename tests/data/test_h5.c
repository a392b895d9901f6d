/* SPDX-License-Identifier: MIT
 * The HDF5 layer: round trips, conversions, equal bytes, damage, and what its messages say. */
#include "data/h5.h"
#include "scratch.h"
#include <fcntl.h>
#include <hdf5.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <time.h>

static pf_error err;

static float *ramp(int64_t count) {
    float *x = malloc((size_t)count * sizeof *x);
    for (int64_t i = 0; i < count; i++) x[i] = (float)i * 0.25f - 3.0f;
    return x;
}

static bool exists(pf__h5 *f, const char *path) {
    bool found;
    CHECK_OK(pf__h5_exists(f, path, &found, &err), err);
    return found;
}

static bool has_attribute(pf__h5 *f, const char *path, const char *name) {
    bool found;
    CHECK_OK(pf__h5_has_attribute(f, path, name, &found, &err), err);
    return found;
}

/* One of everything. */
static void write_sample(const char *path) {
    pf__h5 *f = NULL;
    CHECK_OK(pf__h5_create(path, &f, &err), err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    float *x = ramp(700 * 300);
    uint8_t bytes[5] = {0, 1, 2, 254, 255};
    uint32_t words[2] = {1u, 4000000000u};
    double pi = 3.14159265358979;
    pf_shape big = {2, {700, 300}}, five = {1, {5}}, two = {1, {2}}, none = {2, {0, 4}}, scalar = {0, {0}};
    CHECK_OK(pf__h5_write(f, "/model/hidden/0/weight", PF_F32, &big, x, true, &err), err);
    CHECK_OK(pf__h5_write(f, "/model/hidden/0/bytes", PF_U8, &five, bytes, false, &err), err);
    CHECK_OK(pf__h5_write(f, "/model/words", PF_U32, &two, words, true, &err), err);
    CHECK_OK(pf__h5_write(f, "/model/empty", PF_F32, &none, NULL, true, &err), err);
    CHECK_OK(pf__h5_write(f, "/pi", PF_F64, &scalar, &pi, true, &err), err);
    CHECK_OK(pf__h5_create_rows(f, "/rows", PF_F32, &big, true, &err), err);
    CHECK_OK(pf__h5_write_rows(f, "/rows", PF_F32, 500, 200, x + 500 * 300, &err), err);
    CHECK_OK(pf__h5_write_rows(f, "/rows", PF_F32, 0, 500, x, &err), err);
    CHECK_OK(pf__h5_write_text(f, "/config", "[data]\npath = \xc3\xa4.h5\n", &err), err);
    const char *names[3] = {"zero", "", "two"};
    CHECK_OK(pf__h5_write_texts(f, "/class_names", names, 3, &err), err);
    CHECK_OK(pf__h5_set_text(f, "/", "format", "old", &err), err);
    CHECK_OK(pf__h5_set_text(f, "/", "format", "pushforward-test", &err), err);
    CHECK_OK(pf__h5_set_int(f, "/rows", "version", -5, &err), err);
    CHECK_OK(pf__h5_set_real(f, "/rows", "scale", 1.0 / 127.5, &err), err);
    CHECK_OK(pf__h5_close(&f, &err), err);
    CU_ASSERT_PTR_NULL(f);
    free(x);
}

static void test_round_trip(void) {
    char path[512], *text = NULL, **names = NULL;
    write_sample(scratch(path, "h5.h5"));
    pf__h5 *f = NULL;
    CHECK_OK(pf__h5_open(path, &f, &err), err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    float *x = ramp(700 * 300), *back = malloc(700 * 300 * sizeof *back);
    CHECK_OK(pf__h5_read(f, "/model/hidden/0/weight", PF_F32, back, &err), err);
    CU_ASSERT_EQUAL(memcmp(x, back, 700 * 300 * sizeof *x), 0);
    memset(back, 0, 700 * 300 * sizeof *back);
    CHECK_OK(pf__h5_read_rows(f, "/rows", PF_F32, 499, 3, back, &err), err);
    CU_ASSERT_EQUAL(memcmp(x + 499 * 300, back, 900 * sizeof *x), 0);
    CHECK_OK(pf__h5_read_rows(f, "/rows", PF_F32, 700, 0, back, &err), err);
    CHECK_INT(pf__h5_read_rows(f, "/rows", PF_F32, 699, 2, back, &err), PF_USAGE);
    CHECK_CONTAINS(err.message, "700 rows");
    CHECK_INT(pf__h5_read_rows(f, "/rows", PF_F32, -1, 2, back, &err), PF_USAGE);

    int32_t as_int[5];
    CHECK_OK(pf__h5_read(f, "/model/hidden/0/bytes", PF_I32, as_int, &err), err);
    CHECK_INT(as_int[4], 255);
    uint32_t words[2];
    CHECK_OK(pf__h5_read(f, "/model/words", PF_U32, words, &err), err);
    CHECK_INT(words[1], 4000000000u);
    double pi = 0;
    CHECK_OK(pf__h5_read(f, "/pi", PF_F64, &pi, &err), err);
    CHECK_NEAR(pi, 3.14159265358979, 0.0);
    CHECK_OK(pf__h5_read(f, "/model/empty", PF_F32, NULL, &err), err);

    CHECK_OK(pf__h5_read_text(f, "/config", &text, &err), err);
    CU_ASSERT_STRING_EQUAL(text, "[data]\npath = \xc3\xa4.h5\n");
    free(text);
    int count = 0;
    CHECK_OK(pf__h5_read_texts(f, "/class_names", &names, &count, &err), err);
    CHECK_INT(count, 3);
    CU_ASSERT_STRING_EQUAL(names[1], "");
    CU_ASSERT_STRING_EQUAL(names[2], "two");
    for (int i = 0; i < count; i++) free(names[i]);
    free(names);
    int64_t version = 0;
    double scale = 0;
    CHECK_OK(pf__h5_get_text(f, "/", "format", &text, &err), err);
    CU_ASSERT_STRING_EQUAL(text, "pushforward-test");
    free(text);
    CHECK_OK(pf__h5_get_int(f, "/rows", "version", &version, &err), err);
    CHECK_INT(version, -5);
    CHECK_OK(pf__h5_get_real(f, "/rows", "scale", &scale, &err), err);
    CHECK_NEAR(scale, 1.0 / 127.5, 0.0);
    CHECK_OK(pf__h5_get_real(f, "/rows", "version", &scale, &err), err);
    CHECK_INT(pf__h5_get_int(f, "/rows", "scale", &version, &err), PF_DATA);
    CHECK_INT(pf__h5_get_text(f, "/rows", "nothing", &text, &err), PF_DATA);
    CHECK_CONTAINS(err.message, "attribute 'nothing' of /rows is missing");
    CHECK_OK(pf__h5_close(&f, &err), err);
    free(x);
    free(back);
    unlink(path);
}

static pf_status collect(void *user, const char *path, const pf__h5_info *info) {
    char *list = user;
    size_t n = strlen(list);
    snprintf(list + n, 512 - n, "%s:%s:%d ", path, pf_dtype_name(info->dtype), info->shape.rank);
    return PF_OK;
}

static pf_status stop(void *user, const char *path, const pf__h5_info *info) {
    (void)path;
    (void)info;
    ++*(int *)user;
    return PF_INTERRUPTED;
}

static void test_walk(void) {
    char path[512], list[512] = "";
    int visited = 0;
    write_sample(scratch(path, "h5.h5"));
    pf__h5 *f = NULL;
    pf__h5_info info;
    CHECK_OK(pf__h5_open(path, &f, &err), err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CHECK_OK(pf__h5_each(f, "/", collect, list, &err), err);
    CU_ASSERT_STRING_EQUAL(list, "/model/empty:f32:2 /model/hidden/0/bytes:u8:1 /model/hidden/0/weight:f32:2 "
                                 "/model/words:u32:1 /pi:f64:0 /rows:f32:2 ");
    CHECK_INT(pf__h5_each(f, "/model", stop, &visited, &err), PF_INTERRUPTED);
    CHECK_INT(visited, 1);
    CHECK_INT(pf__h5_each(f, "/nowhere", stop, &visited, &err), PF_DATA);
    CU_ASSERT(exists(f, "/model/hidden/0"));
    CU_ASSERT(exists(f, "/"));
    CU_ASSERT(!exists(f, "/model/hidden/1/weight"));
    CU_ASSERT(!exists(f, "/pi/below"));
    CU_ASSERT(!has_attribute(f, "/model", "format"));
    CU_ASSERT(has_attribute(f, "/", "format"));
    CHECK_OK(pf__h5_describe(f, "/model/hidden/0/weight", &info, &err), err);
    CHECK_INT(info.shape.dim[1], 300);
    CHECK_INT(pf__h5_describe(f, "/config", &info, &err), PF_DATA);
    CHECK_CONTAINS(err.message, "neither of integers nor of floats");
    CHECK_INT(pf__h5_describe(f, "/model/nothing", &info, &err), PF_DATA);
    CHECK_CONTAINS(err.message, "/model/nothing is missing");
    CHECK_OK(pf__h5_close(&f, &err), err);
    unlink(path);
}

/* Written a second apart, so that a stored time would show. */
static void test_equal_bytes(void) {
    char a[512], b[512];
    write_sample(scratch(a, "a.h5"));
    nanosleep(&(struct timespec){1, 100000000}, NULL);
    write_sample(scratch(b, "b.h5"));
    CU_ASSERT(same_bytes(a, b));
    unlink(a);
    unlink(b);
}

static void test_chunks(void) {
    char path[512];
    pf__h5 *f = NULL;
    CHECK_OK(pf__h5_create(scratch(path, "chunks.h5"), &f, &err), err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    const pf_shape shapes[] = {
        {2, {10000, 784}}, {1, {3}}, {2, {3, 1 << 20}}, {3, {2, 5, 200000}}, {1, {5000000}}};
    for (int i = 0; i < 5; i++) {
        char name[16];
        snprintf(name, sizeof name, "/s%d", i);
        CHECK_OK(pf__h5_create_rows(f, name, PF_U8, &shapes[i], true, &err), err);
    }
    CHECK_OK(pf__h5_close(&f, &err), err);
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    for (int i = 0; i < 5; i++) {
        char name[16];
        hsize_t chunk[8], bytes = 1;
        snprintf(name, sizeof name, "/s%d", i);
        hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT), dcpl = H5Dget_create_plist(dataset);
        int rank = H5Pget_chunk(dcpl, 8, chunk);
        CHECK_INT(rank, shapes[i].rank);
        for (int k = 0; k < rank; k++) bytes *= chunk[k];
        CU_ASSERT(bytes <= 1 << 20);
        CU_ASSERT(bytes >= 1 << 16 || (int64_t)bytes == pf_shape_count(&shapes[i]));
        CHECK_INT(H5Pget_nfilters(dcpl), 1);
        H5Pclose(dcpl);
        H5Dclose(dataset);
    }
    H5Fclose(file);
    unlink(path);
}

static void check_not_opened(const char *path, const char *message) {
    pf__h5 *f = NULL;
    CHECK_INT(pf__h5_open(path, &f, &err), PF_DATA);
    CU_ASSERT_PTR_NULL(f);
    CHECK_CONTAINS(err.message, message);
    CHECK_CONTAINS(err.message, path);
    CU_ASSERT(err.hint[0] != '\0');
}

static void test_bad_files(void) {
    char path[512];
    check_not_opened(scratch(path, "absent.h5"), "missing");
    check_not_opened(PF_BINARY_DIR, "it is a folder");
    scratch(path, "bad.h5");
    write_bytes(path, "", 0);
    check_not_opened(path, "it is empty");
    write_bytes(path, "a text, not a data set\n", 23);
    check_not_opened(path, "not an HDF5 file");
    write_sample(path);
    size_t length = 0;
    char *bytes = read_bytes(path, &length);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    write_bytes(path, bytes, length - 1);
    check_not_opened(path, "truncated");
    write_bytes(path, bytes, length / 2);
    check_not_opened(path, "truncated");
    write_bytes(path, bytes, 20); /* the signature and little more */
    check_not_opened(path, "HDF5: ");
    free(bytes);
    unlink(path);
}

/* One flipped bit in the data: the checksum of its chunk finds it. */
static void test_damage(void) {
    char path[512];
    write_sample(scratch(path, "damage.h5"));
    size_t length = 0, hit = 0;
    char *bytes = read_bytes(path, &length);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    float *x = ramp(700 * 300);
    for (size_t i = 0; i + 400 < length && !hit; i++)
        if (memcmp(bytes + i, x + 100, 400) == 0) hit = i;
    CU_ASSERT(hit > 0);
    bytes[hit + 50] ^= 4;
    write_bytes(path, bytes, length);
    pf__h5 *f = NULL;
    CHECK_OK(pf__h5_open(path, &f, &err), err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    pf_status a = pf__h5_read(f, "/model/hidden/0/weight", PF_F32, x, NULL);
    pf_status b = pf__h5_read(f, "/rows", PF_F32, x, &err);
    CHECK_INT((a == PF_DATA) + (b == PF_DATA), 1);
    if (a == PF_DATA) CHECK_INT(pf__h5_read(f, "/model/hidden/0/weight", PF_F32, x, &err), PF_DATA);
    CHECK_CONTAINS(err.message, "letcher32");
    CHECK_CONTAINS(err.hint, "damaged");
    CHECK_OK(pf__h5_close(&f, &err), err);
    free(x);
    free(bytes);
    unlink(path);
}

static void test_write_failures(void) {
    pf__h5 *f = NULL;
    CHECK_INT(pf__h5_create("/nowhere/at/all.h5", &f, &err), PF_SYSTEM);
    CU_ASSERT_PTR_NULL(f);
    CHECK_CONTAINS(err.message, "No such file or directory");
    CU_ASSERT(err.hint[0] != '\0');

    /* A disk that is full after 100 kB. */
    char path[512];
    struct rlimit old, small;
    CHECK_INT(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 100000;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    CHECK_OK(pf__h5_create(scratch(path, "full.h5"), &f, &err), err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    pf_shape shape = {1, {1000000}};
    float *x = ramp(1000000);
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &small), 0);
    pf_status wrote = pf__h5_write(f, "/x", PF_F32, &shape, x, false, &err);
    CHECK_INT(wrote, PF_SYSTEM);
    CHECK_CONTAINS(err.message, "File too large");
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, handler);
    pf__h5_close(&f, NULL);
    CU_ASSERT_PTR_NULL(f);
    CHECK_OK(pf__h5_close(&f, &err), err);
    free(x);
    unlink(path);
}

/* Attributes and texts as other programs write them: fixed length, arrays of one, big-endian numbers, null
 * spaces. */
static void test_foreign(void) {
    char path[512], *text = NULL;
    hid_t file = H5Fcreate(scratch(path, "foreign.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t fixed = H5Tcopy(H5T_FORTRAN_S1), scalar = H5Screate(H5S_SCALAR), null = H5Screate(H5S_NULL);
    hsize_t one = 1;
    hid_t array = H5Screate_simple(1, &one, NULL);
    H5Tset_size(fixed, 8);
    hid_t a = H5Acreate2(file, "fixed", fixed, array, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(a, fixed, "NHWC    ");
    H5Aclose(a);
    a = H5Acreate2(file, "null", fixed, null, H5P_DEFAULT, H5P_DEFAULT);
    H5Aclose(a);
    a = H5Acreate2(file, "big", H5T_STD_I16BE, scalar, H5P_DEFAULT, H5P_DEFAULT);
    int seven = 7;
    H5Awrite(a, H5T_NATIVE_INT, &seven);
    H5Aclose(a);
    hid_t d = H5Dcreate2(file, "x", H5T_IEEE_F64BE, array, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    double half = 0.5;
    H5Dwrite(d, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, &half);
    H5Dclose(d);
    H5Lcreate_soft("/gone", file, "dangling", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_hard(file, "/", file, "loop", H5P_DEFAULT, H5P_DEFAULT);
    H5Sclose(array);
    H5Sclose(null);
    H5Sclose(scalar);
    H5Tclose(fixed);
    H5Fclose(file);

    pf__h5 *f = NULL;
    int64_t big = 0;
    float x = 0;
    char list[512] = "";
    CHECK_OK(pf__h5_open(path, &f, &err), err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CHECK_OK(pf__h5_get_text(f, "/", "fixed", &text, &err), err);
    CU_ASSERT_STRING_EQUAL(text, "NHWC");
    free(text);
    CHECK_OK(pf__h5_get_text(f, "/", "null", &text, &err), err);
    CU_ASSERT_STRING_EQUAL(text, "");
    free(text);
    CHECK_INT(pf__h5_get_text(f, "/", "big", &text, &err), PF_DATA);
    CHECK_OK(pf__h5_get_int(f, "/", "big", &big, &err), err);
    CHECK_INT(big, 7);
    CHECK_OK(pf__h5_read(f, "/x", PF_F32, &x, &err), err);
    CHECK_NEAR(x, 0.5, 0.0);
    CU_ASSERT(!exists(f, "/dangling"));
    CHECK_INT(pf__h5_each(f, "/", collect, list, &err), PF_DATA);
    CHECK_CONTAINS(err.message, "nested too deep");
    CHECK_OK(pf__h5_close(&f, &err), err);
    unlink(path);
}

/* A lock that another open file holds, as that of another process would: reading goes on without, writing
 * does not, and the environment has the last word. */
static void test_locked(void) {
    char path[512];
    pf__h5 *f = NULL;
    write_sample(scratch(path, "locked.h5"));
    int fd = open(path, O_RDWR);
    CU_ASSERT_EQUAL_FATAL(flock(fd, LOCK_EX | LOCK_NB), 0);
    CHECK_INT(H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT) < 0, 1); /* the lock is one that HDF5 minds */
    CHECK_OK(pf__h5_open(path, &f, &err), err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    double pi = 0;
    CHECK_OK(pf__h5_read(f, "/pi", PF_F64, &pi, &err), err);
    CHECK_NEAR(pi, 3.14159265358979, 0.0);
    CHECK_OK(pf__h5_close(&f, &err), err);
    close(fd);
    CHECK_OK(pf__h5_open(path, &f, &err), err);
    CHECK_OK(pf__h5_close(&f, &err), err);
    unlink(path);
}

/* ---- files that ask for more than they hold ---- */

static hid_t hostile_type(size_t size) {
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, size);
    return type;
}

static void hostile_set(hid_t file, const char *name, hid_t type, int rank, const hsize_t *dim) {
    hid_t space = H5Screate_simple(rank, dim, NULL);
    hid_t set = H5Dcreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    CU_ASSERT(set >= 0);
    H5Dclose(set);
    H5Sclose(space);
}

/* Groups /d/0 .. /d/19, each with two links to the next: 2^20 ways. */
static void hostile_groups(hid_t file) {
    char a[32], b[32];
    H5Gclose(H5Gcreate2(file, "/d", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Gclose(H5Gcreate2(file, "/d/19", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    for (int i = 18; i >= 0; i--) {
        snprintf(a, sizeof a, "/d/%d", i);
        H5Gclose(H5Gcreate2(file, a, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
        for (int k = 0; k < 2; k++) {
            snprintf(a, sizeof a, "/d/%d/%d", i, k);
            snprintf(b, sizeof b, "/d/%d", i + 1);
            CU_ASSERT(H5Lcreate_hard(file, b, file, a, H5P_DEFAULT, H5P_DEFAULT) >= 0);
        }
    }
}

static void hostile_file(const char *path) {
    hsize_t two_pow_40 = (hsize_t)1 << 40, overflow[2] = {(hsize_t)1 << 62, 8},
            hidden[3] = {0, (hsize_t)1 << 60, 16}, ones[32];
    for (int i = 0; i < 32; i++) ones[i] = 1;
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
          variable = hostile_type(H5T_VARIABLE), fixed = hostile_type((size_t)1 << 31);
    hostile_set(file, "/unwritten", H5T_IEEE_F32LE, 1, &two_pow_40);
    hostile_set(file, "/overflow", H5T_IEEE_F32LE, 2, overflow);
    hostile_set(file, "/hidden", H5T_IEEE_F32LE, 3, hidden);
    hostile_set(file, "/rank", variable, 32, ones);
    hostile_set(file, "/many", variable, 1, &two_pow_40);
    hostile_set(file, "/long", fixed, 1, ones);
    H5Tclose(fixed);
    H5Tclose(variable);
    hostile_groups(file);
    H5Fclose(file);
}

static pf_status count_visits(void *user, const char *path, const pf__h5_info *info) {
    (void)path;
    (void)info;
    ++*(int *)user;
    return PF_OK;
}

/* Found by tests/fuzz: sizes that a file only states, and names for a group that are none. */
static void test_hostile(void) {
    char path[512], *text = NULL, **texts = NULL;
    int count = 0;
    pf__h5 *f = NULL;
    pf__h5_info info;
    hostile_file(scratch(path, "hostile.h5"));
    CHECK_OK(pf__h5_open(path, &f, &err), err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CHECK_INT(pf__h5_describe(f, "/unwritten", &info, &err), PF_DATA);
    CHECK_CONTAINS(err.message, "/unwritten holds 0 bytes of the 4398046511104 that its shape needs");
    CHECK_INT(pf__h5_describe(f, "/overflow", &info, &err), PF_DATA);
    CHECK_CONTAINS(err.message, "cannot be right");
    CHECK_INT(pf__h5_describe(f, "/hidden", &info, &err), PF_DATA);
    CHECK_CONTAINS(err.message, "size 1152921504606846976 of dimension 1 cannot be right");
    CHECK_INT(pf__h5_read_text(f, "/rank", &text, &err), PF_DATA);
    CHECK_CONTAINS(err.message, "more than 8 dimensions");
    CHECK_INT(pf__h5_read_texts(f, "/many", &texts, &count, &err), PF_DATA);
    CHECK_CONTAINS(err.message, "are not read");
    CHECK_INT(pf__h5_read_text(f, "/long", &text, &err), PF_DATA);
    CHECK_CONTAINS(err.message, "are not read");
    CHECK_INT(pf__h5_each(f, "/d", count_visits, &count, &err), PF_DATA);
    CHECK_CONTAINS(err.message, "groups inside themselves");
    CHECK_INT(pf__h5_each(f, "/unwritten", count_visits, &count, &err), PF_DATA);
    CHECK_CONTAINS(err.message, "/unwritten is not a group");
    CHECK_INT(count, 0);
    CHECK_OK(pf__h5_close(&f, &err), err);
    unlink(path);
}

void test_h5_suite(void) {
    CU_pSuite s = CU_add_suite("data/h5", NULL, NULL);
    CU_add_test(s, "round trip", test_round_trip);
    CU_add_test(s, "walk", test_walk);
    CU_add_test(s, "equal bytes", test_equal_bytes);
    CU_add_test(s, "chunks", test_chunks);
    CU_add_test(s, "bad files", test_bad_files);
    CU_add_test(s, "damage", test_damage);
    CU_add_test(s, "write failures", test_write_failures);
    CU_add_test(s, "foreign", test_foreign);
    CU_add_test(s, "locked", test_locked);
    CU_add_test(s, "hostile", test_hostile);
}
