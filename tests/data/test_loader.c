/* SPDX-License-Identifier: MIT
 * The loader: its order is a permutation in every epoch, the same in every run, and the same after a stop. */
#include "data/classes.h"
#include "loader_rig.h"

#define N     53 /* no multiple of the batch: batches span epochs */
#define BATCH 8

/* The rows of `steps` batches from first_step on, in order. */
static void rows_of(loader_rig *rig, uint64_t seed, int64_t first_step, int steps, int64_t batch, int *rows) {
    rig_rows(rig, &(pf__loader_desc){.batch = batch, .seed = seed, .first_step = first_step}, steps, rows);
}

static void test_permutation(void) {
    enum { STEPS = 40 };
    loader_rig rig;
    rig_begin(&rig, N, -1);
    static int a[STEPS * BATCH], b[STEPS * BATCH];
    rows_of(&rig, 1, 0, STEPS, BATCH, a);
    rig_check_epochs(a, STEPS * BATCH, N);
    for (int e = 0; (e + 1) * N <= STEPS * BATCH; e++) {
        int moved = 0, changed = 0;
        for (int i = 0; i < N; i++) {
            moved += a[e * N + i] != i;
            changed += e > 0 && a[e * N + i] != a[(e - 1) * N + i];
        }
        CU_ASSERT(moved > N / 2);
        CU_ASSERT(e == 0 || changed > N / 2);
    }
    rows_of(&rig, 1, 0, STEPS, BATCH, b);
    CU_ASSERT_EQUAL(memcmp(a, b, sizeof a), 0);
    rows_of(&rig, 2, 0, STEPS, BATCH, b);
    CU_ASSERT_NOT_EQUAL(memcmp(a, b, sizeof a), 0);
    rig_end(&rig);
}

static void test_resume(void) {
    enum { STEPS = 30, STOP = 13 };
    loader_rig rig;
    rig_begin(&rig, N, -1);
    static int whole[STEPS * BATCH], rest[STEPS * BATCH];
    rows_of(&rig, 9, 0, STEPS, BATCH, whole);
    rows_of(&rig, 9, STOP, STEPS - STOP, BATCH, rest);
    CU_ASSERT_EQUAL(memcmp(whole + STOP * BATCH, rest, (size_t)((STEPS - STOP) * BATCH) * sizeof *rest), 0);
    pf__loader *l = NULL;
    float x[2 * BATCH];
    int32_t y[BATCH];
    CHECK_OK(pf__loader_create(rig.set, &(pf__loader_desc){.batch = BATCH, .seed = 9}, &l, &rig.err),
             rig.err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(l);
    for (int s = STEPS - 1; s >= 0; s--) { /* beside the thread, in any order */
        CHECK_OK(pf__loader_gather(l, s, x, y, &rig.err), rig.err);
        for (int i = 0; i < BATCH; i++) CHECK_INT((int)x[2 * i], whole[s * BATCH + i]);
    }
    CHECK_INT(pf__loader_gather(l, -1, x, y, &rig.err), PF_USAGE);
    pf__loader_destroy(&l);
    rig_end(&rig);
}

/* A batch of several epochs; the positions are those of the endless sequence whatever the batch. */
static void test_large_batch(void) {
    loader_rig rig;
    rig_begin(&rig, N, -1);
    static int small[320], large[320];
    rows_of(&rig, 4, 0, 40, 8, small);
    rows_of(&rig, 4, 0, 2, 160, large);
    CU_ASSERT_EQUAL(memcmp(small, large, sizeof small), 0);
    rig_end(&rig);
}

/* A uniform shuffle: where row 0 lands has mean (N-1)/2 and variance (N^2-1)/12. */
static void test_uniform(void) {
    enum { EPOCHS = 400 };
    loader_rig rig;
    rig_begin(&rig, N, -1);
    static int rows[EPOCHS * N];
    double mean = 0, first = 0;
    rows_of(&rig, 5, 0, EPOCHS, N, rows);
    for (int e = 0; e < EPOCHS; e++)
        for (int i = 0; i < N; i++)
            if (rows[e * N + i] == 0) {
                mean += i / (double)EPOCHS;
                first += i == 0;
            }
    CU_ASSERT(fabs(mean - (N - 1) / 2.0) <= 4.0 * sqrt((N * N - 1) / 12.0 / EPOCHS));
    CU_ASSERT(fabs(first - EPOCHS / (double)N) <= 4.0 * sqrt(EPOCHS / (double)N));
    rig_end(&rig);
}

static void test_slots(void) {
    loader_rig rig;
    rig_begin(&rig, N, -1);
    pf__loader *l = NULL;
    pf__batch b[3];
    float first[2 * BATCH];
    CHECK_INT(pf__loader_create(rig.set, &(pf__loader_desc){.batch = 0}, &l, &rig.err), PF_USAGE);
    CHECK_INT(pf__loader_create(rig.set, &(pf__loader_desc){.batch = 1, .first_step = -1}, &l, &rig.err),
              PF_USAGE);
    CHECK_OK(pf__loader_create(rig.set, &(pf__loader_desc){.batch = BATCH, .slots = 2}, &l, &rig.err),
             rig.err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(l);
    CHECK_OK(pf__loader_next(l, &b[0], &rig.err), rig.err);
    memcpy(first, b[0].x, sizeof first);
    CHECK_OK(pf__loader_next(l, &b[1], &rig.err), rig.err);
    CU_ASSERT_PTR_NOT_EQUAL(b[0].x, b[1].x);
    CHECK_INT(pf__loader_next(l, &b[2], &rig.err), PF_USAGE); /* would wait for ever */
    CU_ASSERT_EQUAL(memcmp(first, b[0].x, sizeof first), 0);
    pf__loader_release(l);
    CHECK_OK(pf__loader_next(l, &b[2], &rig.err), rig.err);
    CHECK_INT(b[2].step, 2);
    pf__loader_destroy(&l);
    pf__loader_destroy(&l);
    rig_end(&rig);
}

static void test_not_finite(void) {
    loader_rig rig;
    pf__loader *l = NULL;
    rig_begin(&rig, N, 2);
    CHECK_INT(pf__loader_create(rig.set, &(pf__loader_desc){.batch = 1}, &l, &rig.err), PF_DATA);
    CHECK_CONTAINS(rig.err.message, "sample 2 ");
    CHECK_CONTAINS(rig.err.message, rig.path);
    CU_ASSERT_PTR_NULL(l);
    rig_end(&rig);
}

/* Three groups of seven rows, of the five classes in turn: of each class every row once before any again. */
static void test_groups(void) {
    enum { GROUPS = 3, EACH = 7, STEPS = 50, STOP = 17, ALL = STEPS * GROUPS * EACH };
    static int rows[ALL], again[ALL];
    loader_rig rig;
    rig_begin(&rig, N, -1);
    pf__loader_desc desc = {.batch = GROUPS * EACH, .seed = 3, .groups = GROUPS};
    rig_rows(&rig, &desc, STEPS, rows);
    int turn[5] = {0}, seen[N] = {0}, drawn[5] = {0}, moved = 0;
    for (int k = 0; k < STEPS * GROUPS; k++) {
        const int c = rows[k * EACH] % 5, count = (N - 1 - c) / 5 + 1;
        CHECK_INT(turn[c]++, k / 5);
        for (int i = 0; i < EACH; i++) {
            const int row = rows[k * EACH + i];
            CHECK_INT(row % 5, c);
            CHECK_INT(seen[row]++, drawn[c]++ / count);
        }
        moved += c != k % 5;
    }
    CU_ASSERT(moved > STEPS);
    desc.first_step = STOP;
    rig_rows(&rig, &desc, STEPS - STOP, again);
    CU_ASSERT(memcmp(again, rows + STOP * GROUPS * EACH, (STEPS - STOP) * GROUPS * EACH * sizeof *rows) == 0);
    pf__loader *l = rig_loader(&rig, &desc);
    float x[2 * GROUPS * EACH];
    int32_t y[GROUPS * EACH];
    for (int s = STEPS - 1; s >= 0; s--) { /* beside the thread, in any order */
        CHECK_OK(pf__loader_gather(l, s, x, y, &rig.err), rig.err);
        for (int i = 0; i < GROUPS * EACH; i++) CHECK_INT((int)x[2 * i], rows[s * GROUPS * EACH + i]);
        for (int i = 0; i < GROUPS * EACH; i++) CHECK_INT(y[i], rows[s * GROUPS * EACH + i] % 5);
    }
    pf__loader_destroy(&l);
    rig_end(&rig);
}

static void test_groups_refused(void) {
    loader_rig rig;
    pf__loader *l = NULL;
    rig_begin(&rig, N, -1);
    pf__loader_desc desc = {.batch = 8, .groups = 3};
    CHECK_INT(pf__loader_create(rig.set, &desc, &l, &rig.err), PF_USAGE);
    CHECK_CONTAINS(rig.err.message, "3 equal groups");
    desc = (pf__loader_desc){.batch = 8, .groups = 2, .window_bytes = 256};
    CHECK_INT(pf__loader_create(rig.set, &desc, &l, &rig.err), PF_USAGE);
    CHECK_CONTAINS(rig.err.hint, "data.shuffle=full");
    desc.window_bytes = 1 << 20; /* one window holds everything */
    CHECK_OK(pf__loader_create(rig.set, &desc, &l, &rig.err), rig.err);
    pf__loader_destroy(&l);
    rig_end(&rig);
}

/* Classes without samples have no turn. */
static void test_groups_of_present(void) {
    const int32_t y[] = {4, 1, 1, 4, 4, 1, 4};
    uint32_t row[4];
    pf_error err = {0};
    pf__classes c;
    CHECK_OK(pf__classes_create(&c, 1, 4, y, 7, 6, &err), err);
    CHECK_INT(c.count, 2);
    for (int64_t n = 0; n < 12; n++) {
        pf__classes_rows(&c, n, row);
        for (int i = 0; i < 4; i++) CHECK_INT(y[row[i]], y[row[0]]);
    }
    pf__classes_free(&c);
    CHECK_INT(pf__classes_create(&c, 1, 4, y, 7, 4, &err), PF_DATA);
    CHECK_CONTAINS(err.message, "label 4 of sample 0");
}

void test_loader_suite(void) {
    CU_pSuite s = CU_add_suite("data/loader", NULL, NULL);
    CU_add_test(s, "permutation", test_permutation);
    CU_add_test(s, "resume", test_resume);
    CU_add_test(s, "large batch", test_large_batch);
    CU_add_test(s, "uniform", test_uniform);
    CU_add_test(s, "slots", test_slots);
    CU_add_test(s, "not finite", test_not_finite);
    CU_add_test(s, "groups of one class", test_groups);
    CU_add_test(s, "groups that cannot be", test_groups_refused);
    CU_add_test(s, "groups of the classes there are", test_groups_of_present);
}
