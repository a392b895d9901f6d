/* SPDX-License-Identifier: MIT
 * The loader over a set that it reads in windows: every row once an epoch, the same from any step on, bounded
 * memory, whatever the layout of the file. */
#include "loader_rig.h"
#include <hdf5.h>

#define N     1000
#define BATCH 24 /* divides neither windows nor epochs */
#define STEPS 130

/* 16 bytes a row: windows of 12 blocks of 16 rows; the last block has 8. */
static const pf__loader_desc windows = {
    .batch = BATCH, .seed = 3, .window_bytes = 16 * 200, .block_rows = 16};

static int whole[STEPS * BATCH], part[STEPS * BATCH];

static void test_epochs(void) {
    loader_rig rig;
    rig_begin(&rig, N, -1);
    rig_rows(&rig, &windows, STEPS, whole);
    rig_check_epochs(whole, STEPS * BATCH, N);
    int changed = 0, far = 0;
    for (int i = 0; i < N; i++) changed += whole[i] != whole[N + i];
    for (int i = 1; i < N; i++) far += abs(whole[i] - whole[i - 1]) > 16;
    CU_ASSERT(changed > N / 2);
    CU_ASSERT(far > N / 2); /* rows of a block do not come together */
    pf__loader_desc other = windows;
    other.seed = 4;
    rig_rows(&rig, &other, STEPS, part);
    CU_ASSERT_NOT_EQUAL(memcmp(whole, part, sizeof whole), 0);
    rig_end(&rig);
}

/* From every step on, across borders of windows and epochs; with any number of slots; beside the thread. */
static void test_any_step(void) {
    loader_rig rig;
    rig_begin(&rig, N, -1);
    rig_rows(&rig, &windows, STEPS, whole);
    for (int first = 0; first < STEPS - 20; first++) {
        pf__loader_desc desc = windows;
        desc.first_step = first;
        desc.slots = 1 + first % 7;
        rig_rows(&rig, &desc, 20, part);
        CU_ASSERT_EQUAL(memcmp(whole + first * BATCH, part, 20 * BATCH * sizeof *part), 0);
    }
    pf__loader *l = rig_loader(&rig, &windows);
    float x[2 * BATCH];
    int32_t y[BATCH];
    for (int s = STEPS - 1; s >= 0; s--) {
        CHECK_OK(pf__loader_gather(l, s, x, y, &rig.err), rig.err);
        rig_batch(x, y, BATCH, part);
        CU_ASSERT_EQUAL(memcmp(whole + s * BATCH, part, BATCH * sizeof *part), 0);
    }
    CHECK_INT(pf__loader_block_rows(l), 16);
    pf__loader_destroy(&l);
    rig_end(&rig);
}

static void test_one_window(void) {
    loader_rig rig;
    rig_begin(&rig, N, -1);
    rig_rows(&rig, &(pf__loader_desc){.batch = BATCH, .seed = 3}, STEPS, whole);
    rig_rows(&rig, &(pf__loader_desc){.batch = BATCH, .seed = 3, .window_bytes = 16 * N}, STEPS, part);
    CU_ASSERT_EQUAL(memcmp(whole, part, sizeof whole), 0);
    rig_rows(&rig,
             &(pf__loader_desc){.batch = BATCH, .seed = 3, .window_bytes = 16 * (N - 1), .block_rows = 9},
             STEPS, part);
    CU_ASSERT_NOT_EQUAL(memcmp(whole, part, sizeof whole), 0);
    rig_check_epochs(part, STEPS * BATCH, N);
    rig_rows(&rig, &(pf__loader_desc){.batch = BATCH, .seed = 3, .window_bytes = 1}, STEPS, part);
    rig_check_epochs(part, STEPS * BATCH, N); /* windows of one row */
    rig_end(&rig);
}

/* A window that takes many pieces of reading and of mixing. */
static void test_pieces(void) {
    enum { ROWS = 300000, STEP = 1000 };
    loader_rig rig;
    int *rows = malloc(ROWS * sizeof *rows);
    rig_begin(&rig, ROWS, -1);
    rig_rows(&rig, &(pf__loader_desc){.batch = STEP, .window_bytes = 16 * 150000, .block_rows = 50},
             ROWS / STEP, rows);
    rig_check_epochs(rows, ROWS, ROWS);
    free(rows);
    rig_end(&rig);
}

static void test_memory(void) {
    loader_rig rig;
    rig_begin(&rig, N, -1);
    int64_t slots = 4 * BATCH * 12, blocks = (N + 15) / 16;
    pf__loader *l = rig_loader(&rig, &windows);
    CU_ASSERT(pf__loader_bytes(l) <= 2 * (windows.window_bytes + 4 * 12) + slots + 4 * blocks);
    CU_ASSERT(pf__loader_bytes(l) >= windows.window_bytes + slots);
    pf__loader_destroy(&l);
    l = rig_loader(&rig, &(pf__loader_desc){.batch = BATCH});
    CU_ASSERT(pf__loader_bytes(l) >= 12 * N && pf__loader_bytes(l) <= 21 * N + slots);
    pf__loader_destroy(&l);

    pf__loader_desc desc = {.batch = BATCH, .memory_bytes = 20 * N};
    CHECK_INT(pf__loader_create(rig.set, &desc, &l, &rig.err), PF_MEMORY);
    CHECK_CONTAINS(rig.err.message, "loader.h5: the training part takes");
    CHECK_CONTAINS(rig.err.hint, "--set data.shuffle=window");
    desc.window_bytes = 16 * 400;
    CHECK_OK(pf__loader_check(rig.set, &desc, &rig.err), rig.err);
    desc.window_bytes = 16 * 600;
    CHECK_INT(pf__loader_check(rig.set, &desc, &rig.err), PF_MEMORY);
    CHECK_CONTAINS(rig.err.hint, "--set data.window=");
    desc.window_bytes = 16 * N; /* one window, but too large all the same */
    CHECK_INT(pf__loader_check(rig.set, &desc, &rig.err), PF_MEMORY);
    CHECK_CONTAINS(rig.err.message, "the training part takes");
    CHECK_CONTAINS(rig.err.hint, "--set data.window=");
    desc.memory_bytes = 22 * N;
    CHECK_OK(pf__loader_check(rig.set, &desc, &rig.err), rig.err);
    desc.window_bytes = -1;
    CHECK_INT(pf__loader_check(rig.set, &desc, &rig.err), PF_USAGE);
    rig_end(&rig);
}

/* Batches up to the window that cannot be read are good, the next one names the sample. */
static void test_not_finite(void) {
    loader_rig rig;
    rig_begin(&rig, N, -1);
    rig_rows(&rig, &windows, STEPS, whole);
    rig_end(&rig);
    int bad = whole[N - 1], good = 0; /* in the last window of the first epoch */
    char name[64];
    snprintf(name, sizeof name, "sample %d ", bad);
    rig_begin(&rig, N, bad);
    pf__loader *l = rig_loader(&rig, &windows);
    pf__batch b;
    for (; pf__loader_next(l, &b, &rig.err) == PF_OK; good++) {
        rig_batch(b.x, b.y, BATCH, part);
        CU_ASSERT_EQUAL(memcmp(whole + good * BATCH, part, BATCH * sizeof *part), 0);
        pf__loader_release(l);
    }
    CU_ASSERT(good > (N - 200 - BATCH) / BATCH && good < N / BATCH);
    CHECK_CONTAINS(rig.err.message, name);
    CHECK_INT(pf__loader_next(l, &b, &rig.err), PF_DATA); /* and stays so */
    CHECK_CONTAINS(rig.err.message, name);
    pf__loader_destroy(&l);
    rig_end(&rig);
}

/* ---- layouts as other programs write them ---- */

typedef struct layout {
    const char *name;
    H5D_layout_t kind;
    hsize_t chunk[2], label_chunk;
    bool gzip, big;
    int64_t block; /* expected */
} layout;

static void put(hid_t group, const char *name, int rank, const layout *l, const hsize_t *chunk, hid_t stored,
                hid_t native, const void *data) {
    hsize_t dim[2] = {N, 2};
    hid_t dcpl = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(rank, dim, NULL);
    H5Pset_layout(dcpl, l->kind);
    if (l->kind == H5D_CHUNKED) H5Pset_chunk(dcpl, rank, chunk);
    if (l->gzip) {
        H5Pset_shuffle(dcpl);
        H5Pset_deflate(dcpl, 4);
    }
    hid_t set = H5Dcreate2(group, name, stored, space, H5P_DEFAULT, dcpl, H5P_DEFAULT);
    CU_ASSERT(set >= 0 && H5Dwrite(set, native, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
    H5Dclose(set);
    H5Sclose(space);
    H5Pclose(dcpl);
}

static void write_layout(const char *path, const layout *l) {
    static float x[N][2];
    static int32_t y[N];
    for (int i = 0; i < N; i++) {
        x[i][0] = (float)i;
        x[i][1] = (float)-i;
        y[i] = i % 5;
    }
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
          group = H5Gcreate2(file, "train", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    put(group, "x", 2, l, l->chunk, l->big ? H5T_IEEE_F64BE : H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, x);
    put(group, "y", 1, l, &l->label_chunk, l->big ? H5T_STD_I64BE : H5T_STD_U8LE, H5T_NATIVE_INT32, y);
    H5Gclose(group);
    H5Fclose(file);
}

static void test_layouts(void) {
    static const layout layouts[] = {
        {"contiguous", H5D_CONTIGUOUS, {0}, 0, false, false, 12},
        {"contiguous, big-endian", H5D_CONTIGUOUS, {0}, 0, false, true, 12},
        {"compact, big-endian", H5D_COMPACT, {0}, 0, false, true, 12},
        {"gzip, small chunks across samples", H5D_CHUNKED, {37, 1}, 11, true, false, 37},
        {"gzip, a chunk above the window", H5D_CHUNKED, {700, 2}, 1000, true, true, 200},
        {"small chunks", H5D_CHUNKED, {5, 2}, 1, false, false, 10},
    };
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        loader_rig rig = {0};
        write_layout(scratch(rig.path, "layout.h5"), &layouts[i]);
        rig_open(&rig);
        pf__loader_desc desc = windows;
        desc.block_rows = 0;
        pf__loader *l = rig_loader(&rig, &desc);
        if (layouts[i].block != pf__loader_block_rows(l)) fprintf(stderr, "%s\n", layouts[i].name);
        CHECK_INT(pf__loader_block_rows(l), layouts[i].block);
        pf__loader_destroy(&l);
        desc.block_rows = 16; /* an order that was begun over other chunks */
        rig_rows(&rig, &desc, STEPS, part);
        rig_check_epochs(part, STEPS * BATCH, N);
        if (i == 0) memcpy(whole, part, sizeof whole);
        CU_ASSERT_EQUAL(memcmp(whole, part, sizeof whole), 0);
        rig_end(&rig);
    }
}

/* Images of bytes, without labels. */
static void test_images(void) {
    loader_rig rig = {0};
    static uint8_t x[N][3][2][1];
    char *seen = calloc(N, 1);
    for (int i = 0; i < N; i++) memcpy(x[i], &(uint8_t[6]){(uint8_t)i, (uint8_t)(i >> 8), 1, 2, 3, 4}, 6);
    pf__h5 *f = NULL;
    CHECK_OK(pf__h5_create(scratch(rig.path, "images.h5"), &f, &rig.err), rig.err);
    CHECK_OK(pf__h5_write(f, "/train/x", PF_U8, &(pf_shape){4, {N, 3, 2, 1}}, x, true, &rig.err), rig.err);
    CHECK_OK(pf__h5_close(&f, &rig.err), rig.err);
    rig_open(&rig);
    pf__loader *l = rig_loader(
        &rig, &(pf__loader_desc){.batch = N / 10, .window_bytes = 10 * 120, .block_rows = 25, .seed = 1});
    for (int s = 0; s < 10; s++) {
        pf__batch b;
        CHECK_OK(pf__loader_next(l, &b, &rig.err), rig.err);
        CU_ASSERT_PTR_NULL(b.y);
        for (int i = 0; i < N / 10; i++) {
            const uint8_t *p = (const uint8_t *)b.x + 6 * i;
            int row = p[0] | p[1] << 8;
            CU_ASSERT_FATAL(row < N && p[5] == 4);
            CHECK_INT(seen[row]++, 0);
        }
        pf__loader_release(l);
    }
    pf__loader_destroy(&l);
    free(seen);
    rig_end(&rig);
}

void test_window_suite(void) {
    CU_pSuite s = CU_add_suite("data/window", NULL, NULL);
    CU_add_test(s, "every row once an epoch", test_epochs);
    CU_add_test(s, "from any step on", test_any_step);
    CU_add_test(s, "one window", test_one_window);
    CU_add_test(s, "many pieces", test_pieces);
    CU_add_test(s, "memory", test_memory);
    CU_add_test(s, "not finite", test_not_finite);
    CU_add_test(s, "layouts", test_layouts);
    CU_add_test(s, "images of bytes", test_images);
}
