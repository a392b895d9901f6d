/* SPDX-License-Identifier: MIT
 * The loader: its order is a permutation in every epoch, the same in every run, and the same after a stop. */
#include "data/h5.h"
#include "data/loader.h"
#include "scratch.h"

#define N     53 /* no multiple of the batch: batches span epochs */
#define BATCH 8

static pf_error err;
static char path[512];

/* Sample i is the point (i, -i) of class i % 5. */
static pf_dataset *numbered(int64_t count) {
    pf__h5 *f = NULL;
    pf_dataset *d = NULL;
    float *x = malloc((size_t)count * 2 * sizeof *x);
    int32_t *y = malloc((size_t)count * sizeof *y);
    for (int64_t i = 0; i < count; i++) {
        x[2 * i] = (float)i;
        x[2 * i + 1] = (float)-i;
        y[i] = (int32_t)(i % 5);
    }
    CHECK_OK(pf__h5_create(scratch(path, "loader.h5"), &f, &err), err);
    CHECK_OK(pf__h5_write(f, "/train/x", PF_F32, &(pf_shape){2, {count, 2}}, x, false, &err), err);
    CHECK_OK(pf__h5_write(f, "/train/y", PF_I32, &(pf_shape){1, {count}}, y, false, &err), err);
    CHECK_OK(pf__h5_close(&f, &err), err);
    CHECK_OK(pf_dataset_open(path, &d, &err), err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(d);
    free(x);
    free(y);
    return d;
}

/* The rows of `steps` batches from first_step on, in order. */
static void rows_of(pf_dataset *d, uint64_t seed, int64_t first_step, int steps, int64_t batch, int *rows) {
    pf__loader *l = NULL;
    CHECK_OK(pf__loader_create(d, &(pf__loader_desc){.batch = batch, .seed = seed, .first_step = first_step},
                               &l, &err),
             err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(l);
    for (int s = 0; s < steps; s++) {
        pf__batch b;
        CHECK_OK(pf__loader_next(l, &b, &err), err);
        CHECK_INT(b.step, first_step + s);
        const float *x = b.x;
        for (int i = 0; i < batch; i++) {
            int row = (int)x[2 * i];
            rows[s * batch + i] = row;
            if (x[2 * i + 1] != (float)-row || b.y[i] != row % 5) CU_FAIL("x and y are of different samples");
        }
        pf__loader_release(l);
    }
    pf__loader_destroy(&l);
    CU_ASSERT_PTR_NULL(l);
}

static void test_permutation(void) {
    enum { STEPS = 40 };
    pf_dataset *d = numbered(N);
    static int a[STEPS * BATCH], b[STEPS * BATCH];
    rows_of(d, 1, 0, STEPS, BATCH, a);
    for (int e = 0; (e + 1) * N <= STEPS * BATCH; e++) {
        int seen[N] = {0}, moved = 0, changed = 0;
        for (int i = 0; i < N; i++) {
            seen[a[e * N + i]]++;
            moved += a[e * N + i] != i;
            changed += e > 0 && a[e * N + i] != a[(e - 1) * N + i];
        }
        for (int i = 0; i < N; i++) CHECK_INT(seen[i], 1);
        CU_ASSERT(moved > N / 2);
        CU_ASSERT(e == 0 || changed > N / 2);
    }
    rows_of(d, 1, 0, STEPS, BATCH, b);
    CU_ASSERT_EQUAL(memcmp(a, b, sizeof a), 0);
    rows_of(d, 2, 0, STEPS, BATCH, b);
    CU_ASSERT_NOT_EQUAL(memcmp(a, b, sizeof a), 0);
    pf_dataset_close(&d);
    unlink(path);
}

static void test_resume(void) {
    enum { STEPS = 30, STOP = 13 };
    pf_dataset *d = numbered(N);
    static int whole[STEPS * BATCH], rest[STEPS * BATCH];
    rows_of(d, 9, 0, STEPS, BATCH, whole);
    rows_of(d, 9, STOP, STEPS - STOP, BATCH, rest);
    CU_ASSERT_EQUAL(memcmp(whole + STOP * BATCH, rest, (size_t)((STEPS - STOP) * BATCH) * sizeof *rest), 0);
    pf__loader *l = NULL;
    float x[2 * BATCH];
    int32_t y[BATCH];
    CHECK_OK(pf__loader_create(d, &(pf__loader_desc){.batch = BATCH, .seed = 9}, &l, &err), err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(l);
    for (int s = STEPS - 1; s >= 0; s--) { /* beside the thread, in any order */
        CHECK_OK(pf__loader_gather(l, s, x, y, &err), err);
        for (int i = 0; i < BATCH; i++) CHECK_INT((int)x[2 * i], whole[s * BATCH + i]);
    }
    CHECK_INT(pf__loader_gather(l, -1, x, y, &err), PF_USAGE);
    pf__loader_destroy(&l);
    pf_dataset_close(&d);
    unlink(path);
}

/* A batch of several epochs; the positions are those of the endless sequence whatever the batch. */
static void test_large_batch(void) {
    pf_dataset *d = numbered(N);
    static int small[320], large[320];
    rows_of(d, 4, 0, 40, 8, small);
    rows_of(d, 4, 0, 2, 160, large);
    CU_ASSERT_EQUAL(memcmp(small, large, sizeof small), 0);
    pf_dataset_close(&d);
    unlink(path);
}

/* A uniform shuffle: where row 0 lands has mean (N-1)/2 and variance (N^2-1)/12. */
static void test_uniform(void) {
    enum { EPOCHS = 400 };
    pf_dataset *d = numbered(N);
    static int rows[EPOCHS * N];
    double mean = 0, first = 0;
    rows_of(d, 5, 0, EPOCHS, N, rows);
    for (int e = 0; e < EPOCHS; e++)
        for (int i = 0; i < N; i++)
            if (rows[e * N + i] == 0) {
                mean += i / (double)EPOCHS;
                first += i == 0;
            }
    CU_ASSERT(fabs(mean - (N - 1) / 2.0) <= 4.0 * sqrt((N * N - 1) / 12.0 / EPOCHS));
    CU_ASSERT(fabs(first - EPOCHS / (double)N) <= 4.0 * sqrt(EPOCHS / (double)N));
    pf_dataset_close(&d);
    unlink(path);
}

static void test_slots(void) {
    pf_dataset *d = numbered(N);
    pf__loader *l = NULL;
    pf__batch b[3];
    float first[2 * BATCH];
    CHECK_INT(pf__loader_create(d, &(pf__loader_desc){.batch = 0}, &l, &err), PF_USAGE);
    CHECK_INT(pf__loader_create(d, &(pf__loader_desc){.batch = 1, .first_step = -1}, &l, &err), PF_USAGE);
    CHECK_OK(pf__loader_create(d, &(pf__loader_desc){.batch = BATCH, .slots = 2}, &l, &err), err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(l);
    CHECK_OK(pf__loader_next(l, &b[0], &err), err);
    memcpy(first, b[0].x, sizeof first);
    CHECK_OK(pf__loader_next(l, &b[1], &err), err);
    CU_ASSERT_PTR_NOT_EQUAL(b[0].x, b[1].x);
    CHECK_INT(pf__loader_next(l, &b[2], &err), PF_USAGE); /* would wait for ever */
    CU_ASSERT_EQUAL(memcmp(first, b[0].x, sizeof first), 0);
    pf__loader_release(l);
    CHECK_OK(pf__loader_next(l, &b[2], &err), err);
    CHECK_INT(b[2].step, 2);
    pf__loader_destroy(&l);
    pf__loader_destroy(&l);
    pf_dataset_close(&d);
    unlink(path);
}

static void test_not_finite(void) {
    pf__h5 *f = NULL;
    pf_dataset *d = NULL;
    pf__loader *l = NULL;
    const float x[6] = {0, 1, 2, 3, INFINITY, 5};
    CHECK_OK(pf__h5_create(scratch(path, "nan.h5"), &f, &err), err);
    CHECK_OK(pf__h5_write(f, "/train/x", PF_F32, &(pf_shape){2, {3, 2}}, x, false, &err), err);
    CHECK_OK(pf__h5_close(&f, &err), err);
    CHECK_OK(pf_dataset_open(path, &d, &err), err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(d);
    CHECK_INT(pf__loader_create(d, &(pf__loader_desc){.batch = 1}, &l, &err), PF_DATA);
    CHECK_CONTAINS(err.message, "sample 2");
    CU_ASSERT_PTR_NULL(l);
    pf_dataset_close(&d);
    unlink(path);
}

void test_loader_suite(void) {
    CU_pSuite s = CU_add_suite("data/loader", NULL, NULL);
    CU_add_test(s, "permutation", test_permutation);
    CU_add_test(s, "resume", test_resume);
    CU_add_test(s, "large batch", test_large_batch);
    CU_add_test(s, "uniform", test_uniform);
    CU_add_test(s, "slots", test_slots);
    CU_add_test(s, "not finite", test_not_finite);
}
