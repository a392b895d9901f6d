/* SPDX-License-Identifier: MIT
 * What the tests of the loader share: a set whose samples tell their row, and the rows that a loader yields.
 */
#ifndef PF_TESTS_DATA_LOADER_RIG_H
#define PF_TESTS_DATA_LOADER_RIG_H

#include "data/h5.h"
#include "data/loader.h"
#include "scratch.h"

typedef struct loader_rig {
    char path[512];
    pf_dataset *set;
    pf_error err;
} loader_rig;

/** Opens the file at rig->path, which a test has written. */
static inline void rig_open(loader_rig *rig) {
    CHECK_OK(pf_dataset_open(rig->path, &rig->set, &rig->err), rig->err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rig->set);
}

/** Sample i is the point (i, -i) of class i % 5. bad >= 0: that sample is not finite. */
static inline void rig_begin(loader_rig *rig, int64_t count, int64_t bad) {
    pf__h5 *f = NULL;
    float *x = malloc((size_t)count * 2 * sizeof *x);
    int32_t *y = malloc((size_t)count * sizeof *y);
    memset(rig, 0, sizeof *rig);
    for (int64_t i = 0; i < count; i++) {
        x[2 * i] = i == bad ? NAN : (float)i;
        x[2 * i + 1] = (float)-i;
        y[i] = (int32_t)(i % 5);
    }
    CHECK_OK(pf__h5_create(scratch(rig->path, "loader.h5"), &f, &rig->err), rig->err);
    CHECK_OK(pf__h5_write(f, "/train/x", PF_F32, &(pf_shape){2, {count, 2}}, x, false, &rig->err), rig->err);
    CHECK_OK(pf__h5_write(f, "/train/y", PF_I32, &(pf_shape){1, {count}}, y, false, &rig->err), rig->err);
    CHECK_OK(pf__h5_close(&f, &rig->err), rig->err);
    free(x);
    free(y);
    rig_open(rig);
}

static inline void rig_end(loader_rig *rig) {
    pf_dataset_close(&rig->set);
    unlink(rig->path);
}

static inline pf__loader *rig_loader(loader_rig *rig, const pf__loader_desc *desc) {
    pf__loader *l = NULL;
    CHECK_OK(pf__loader_create(rig->set, desc, &l, &rig->err), rig->err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(l);
    return l;
}

/** The rows of a batch; x and y must be of the same sample. */
static inline void rig_batch(const float *x, const int32_t *y, int64_t batch, int *rows) {
    int wrong = 0;
    for (int64_t i = 0; i < batch; i++) {
        rows[i] = (int)x[2 * i];
        wrong += x[2 * i + 1] != (float)-rows[i] || (y && y[i] != rows[i] % 5);
    }
    CHECK_INT(wrong, 0);
}

/** The rows of `steps` batches, in order. */
static inline void rig_rows(loader_rig *rig, const pf__loader_desc *desc, int steps, int *rows) {
    pf__loader *l = rig_loader(rig, desc);
    for (int s = 0; s < steps; s++) {
        pf__batch b;
        CHECK_OK(pf__loader_next(l, &b, &rig->err), rig->err);
        CHECK_INT(b.step, desc->first_step + s);
        rig_batch(b.x, b.y, desc->batch, rows + s * desc->batch);
        pf__loader_release(l);
    }
    pf__loader_destroy(&l);
    CU_ASSERT_PTR_NULL(l);
}

/** Every row comes once in each whole epoch. */
static inline void rig_check_epochs(const int *rows, int total, int count) {
    int *seen = malloc((size_t)count * sizeof *seen), wrong = 0;
    for (int first = 0; first + count <= total; first += count) {
        memset(seen, 0, (size_t)count * sizeof *seen);
        for (int i = 0; i < count; i++) {
            if (rows[first + i] >= 0 && rows[first + i] < count) seen[rows[first + i]]++;
        }
        for (int i = 0; i < count; i++) wrong += seen[i] != 1;
    }
    CHECK_INT(wrong, 0);
    free(seen);
}

#endif
