/* SPDX-License-Identifier: MIT
 * Training from a set that is read in windows: resuming across their borders, a damaged sample on the way, a
 * set that does not fit into memory. */
#include "base/file.h"
#include "data/dataset_private.h"
#include "run/fixture.h"
#include "run/run.h"
#include <hdf5.h>
#include <string.h>

/* 260 bytes a row in a window, 256 in the file: chunks of 1024 rows, 3 of them in a window of 1 MiB, 3
 * windows in an epoch of 35 steps. */
#define ROWS  9000
#define DIM   64
#define BATCH 256

/* Sample i is (i, 0.01 i, ...): it tells its row. bad >= 0: that one is not finite. */
static const char *numbered(const char *name, int64_t bad) {
    pf_error error = {0};
    const char *path = test_path(name);
    pf__h5 *file = NULL;
    float *x = malloc((size_t)ROWS * DIM * sizeof *x);
    for (int64_t i = 0; i < ROWS * DIM; i++) x[i] = i % DIM == 0 ? (float)(i / DIM) : (float)(i % 97) * 0.01f;
    if (bad >= 0) x[bad * DIM + 5] = NAN;
    CHECK_OK(pf__h5_create(path, &file, &error), error);
    CHECK_OK(pf__h5_write(file, "/train/x", PF_F32, &(pf_shape){2, {ROWS, DIM}}, x, true, &error), error);
    CHECK_OK(pf__h5_close(&file, &error), error);
    free(x);
    return path;
}

static pf_config *windowed(const char *data, const char *extra) {
    const char *pairs[] = {"data.shuffle=window",
                           "data.window=1",
                           "train.batch=256",
                           "train.steps=80",
                           "model.width=16",
                           "model.depth=1",
                           "data.standardize=false",
                           "train.lr=1e-6",
                           "train.keep_last=0",
                           extra,
                           NULL};
    return test_config(data, pairs);
}

static double number_in(const char *checkpoint, const char *path) {
    pf_error error = {0};
    pf__h5 *file = NULL;
    double value = 0;
    bool found = false;
    CHECK_OK(pf__h5_open(checkpoint, &file, &error), error);
    CHECK_OK(pf__h5_exists(file, path, &found, &error), error);
    if (found) CHECK_OK(pf__h5_read(file, path, PF_F64, &value, &error), error);
    CHECK_OK(pf__h5_close(&file, &error), error);
    return value;
}

static int differ(const char *a, const char *b, int64_t step) {
    char command[1400], *path[2] = {pf__folder_checkpoint(a, step), pf__folder_checkpoint(b, step)};
    snprintf(command, sizeof command, "h5diff -q --exclude-path /provenance '%s' '%s'", path[0], path[1]);
    int status = system(command);
    free(path[0]);
    free(path[1]);
    return status != 0;
}

/* Stops within windows, at their borders (about steps 12 and 24) and in the second and third epoch. */
static void resumed_equals_uninterrupted(void) {
    static const int64_t stops[] = {5, 7, 1, 11, 1, 12, 30};
    pf_error error = {0};
    const char *data = numbered("windowed.h5", -1), *whole = test_path("w-whole"),
               *parts = test_path("w-parts");
    pf_config *config = windowed(data, NULL);
    CHECK_OK(test_train(whole, PF_FOLDER_NEW, config, 0, &error), error);
    CHECK_INT(test_train(parts, PF_FOLDER_NEW, config, 3, &error), PF_INTERRUPTED);
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++)
        CHECK_INT(test_train(parts, PF_FOLDER_RESUME, config, stops[i], &error), PF_INTERRUPTED);
    CHECK_OK(test_train(parts, PF_FOLDER_RESUME, config, 0, &error), error);
    CHECK_INT(differ(whole, parts, 80), 0);
    char *newest = pf__folder_checkpoint(parts, 80);
    CHECK_INT(number_in(newest, "/data/block_rows"), 1024);
    CHECK_INT(number_in(newest, "/data/position"), 80 * BATCH);
    free(newest);
    pf_config_destroy(&config);
}

/* The same samples in chunks of another size: the checkpoint's blocks go on. */
static void other_chunks(void) {
    pf_error error = {0};
    const char *data = numbered("chunks.h5", -1), *whole = test_path("c-whole"),
               *parts = test_path("c-parts");
    pf_config *config = windowed(data, NULL);
    CHECK_OK(test_train(whole, PF_FOLDER_NEW, config, 0, &error), error);
    CHECK_INT(test_train(parts, PF_FOLDER_NEW, config, 15, &error), PF_INTERRUPTED);
    char command[1400];
    snprintf(command, sizeof command,
             "h5repack -l /train/x:CHUNK=500x64 -f /train/x:GZIP=1 '%s' '%s.2' && mv '%s.2' '%s'", data, data,
             data, data);
    CHECK_INT(system(command), 0);
    CHECK_OK(test_train(parts, PF_FOLDER_RESUME, config, 0, &error), error);
    CHECK_INT(differ(whole, parts, 80), 0);
    pf_config_destroy(&config);
}

/* One window that holds everything is a full shuffle; and that has no blocks. */
static void a_window_for_all(void) {
    pf_error error = {0};
    const char *data = numbered("all.h5", -1), *full = test_path("a-full"), *window = test_path("a-window");
    pf_config *config[2] = {windowed(data, "data.shuffle=full"), windowed(data, "data.window=4")};
    CHECK_OK(test_train(full, PF_FOLDER_NEW, config[0], 0, &error), error);
    CHECK_OK(test_train(window, PF_FOLDER_NEW, config[1], 0, &error), error);
    char *path[2] = {pf__folder_checkpoint(full, 80), pf__folder_checkpoint(window, 80)}, command[1400];
    CHECK_INT(number_in(path[0], "/data/block_rows"), 0);
    snprintf(command, sizeof command, "h5diff -q '%s' '%s' /model", path[0], path[1]);
    CHECK_INT(system(command), 0);
    for (int i = 0; i < 2; i++) {
        free(path[i]);
        pf_config_destroy(&config[i]);
    }
}

/* The row of the first sample of a step. */
static int64_t row_at(const char *data, int64_t step) {
    pf_error error = {0};
    pf_dataset *set = NULL;
    pf__loader *loader = NULL;
    float *x = malloc((size_t)BATCH * DIM * sizeof *x);
    CHECK_OK(pf_dataset_open(data, &set, &error), error);
    CHECK_OK(pf__loader_create(set, &(pf__loader_desc){.batch = BATCH, .seed = 1, .window_bytes = 1 << 20},
                               &loader, &error),
             error);
    CHECK_OK(pf__loader_gather(loader, step, x, NULL, &error), error);
    int64_t row = (int64_t)x[0];
    pf__loader_destroy(&loader);
    pf_dataset_close(&set);
    free(x);
    return row;
}

static void damaged_on_the_way(void) {
    pf_error error = {0};
    int64_t bad = row_at(numbered("good.h5", -1), 30); /* in the third window */
    const char *data = numbered("bad.h5", bad), *folder = test_path("bad-run");
    char name[64];
    snprintf(name, sizeof name, "bad.h5: /train/x: sample %lld ", (long long)bad);
    pf_config *config = windowed(data, "train.save_every=8");
    CHECK_INT(test_train(folder, PF_FOLDER_NEW, config, 0, &error), PF_DATA);
    CHECK_CONTAINS(error.message, name);
    char **paths = NULL;
    int count = 0;
    CHECK_OK(pf__folder_checkpoints(folder, &paths, &count, &error), error);
    CU_ASSERT(count >= 2);
    for (int i = 0; i < count; i++) CHECK_OK(pf__checkpoint_verify(paths[i], &error), error);
    pf__folder_free_paths(paths, count);
    CHECK_INT(test_train(folder, PF_FOLDER_RESUME, config, 0, &error), PF_DATA);
    CHECK_CONTAINS(error.message, name);
    numbered("bad.h5", -1); /* repaired: it goes on where it was */
    CHECK_OK(test_train(folder, PF_FOLDER_RESUME, config, 0, &error), error);
    pf_config_destroy(&config);
}

/* 3 TB of zeros: the samples lie in another file, and what it lacks reads as zero. */
static void write_huge(const char *path) {
    char raw[600];
    snprintf(raw, sizeof raw, "%s.raw", path);
    FILE *empty = fopen(raw, "w");
    CU_ASSERT(empty && fclose(empty) == 0);
    hsize_t dim[2] = {4000000000, 784};
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT),
          group = H5Gcreate2(file, "train", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
          dcpl = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(2, dim, NULL);
    H5Pset_external(dcpl, raw, 0, dim[0] * dim[1]);
    hid_t set = H5Dcreate2(group, "x", H5T_STD_U8LE, space, H5P_DEFAULT, dcpl, H5P_DEFAULT);
    CU_ASSERT(set >= 0);
    H5Dclose(set);
    H5Sclose(space);
    H5Pclose(dcpl);
    H5Gclose(group);
    H5Fclose(file);
}

static void larger_than_memory(void) {
    pf_error error = {0};
    const char *data = test_path("huge.h5");
    write_huge(data);
    pf_config *config = windowed(data, "data.shuffle=full");
    CHECK_INT(test_train(test_path("huge-run"), PF_FOLDER_NEW, config, 0, &error), PF_MEMORY);
    CHECK_CONTAINS(error.message, "huge.h5: the training part takes");
    CHECK_CONTAINS(error.hint, "--set data.shuffle=window");
    CU_ASSERT_FALSE(pf__file_exists(test_path("huge-run")));
    pf_config_destroy(&config);
    config = windowed(data, "data.window=64");
    CHECK_INT(test_train(test_path("huge-window"), PF_FOLDER_NEW, config, 30, &error), PF_INTERRUPTED);
    CHECK_INT(test_train(test_path("huge-window"), PF_FOLDER_RESUME, config, 3, &error), PF_INTERRUPTED);
    pf_config_destroy(&config);
}

void test_streaming_suite(void) {
    CU_pSuite s = CU_add_suite("run/streaming", NULL, NULL);
    CU_add_test(s, "resumed = uninterrupted", resumed_equals_uninterrupted);
    CU_add_test(s, "other chunks", other_chunks);
    CU_add_test(s, "a window for all", a_window_for_all);
    CU_add_test(s, "damaged on the way", damaged_on_the_way);
    CU_add_test(s, "larger than memory", larger_than_memory);
}
