/* SPDX-License-Identifier: MIT
 * Noise in the order of optimal transport: exact, of the stream's numbers, of each class by itself; and the
 * loader that yields it, or the noise that a set holds. */
#include "base/philox.h"
#include "data/pairing.h"
#include "loader_rig.h"

enum { DIM = 2, SEED = 5 };

static pf__pairing *make(int64_t batch, pf_dtype dtype, const float *scale, const float *shift) {
    pf_error err = {0};
    pf__pairing *p = NULL;
    pf__pairing_desc desc = {.batch = batch,
                             .dim = DIM,
                             .dtype = dtype,
                             .seed = SEED,
                             .scale = scale,
                             .shift = shift,
                             .affine = DIM};
    CHECK_OK(pf__pairing_create(&p, &desc, &err), err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    return p;
}

static float drawn(int64_t sample, int k) {
    return (float)pf__random_normal(SEED, pf__stream("noise"), (uint64_t)sample, (uint32_t)k);
}

/* The row of the step's noise that this one is, or -1. */
static int find(const float *noise, int64_t step, int batch) {
    for (int i = 0; i < batch; i++)
        if (drawn(step * batch + i, 0) == noise[0] && drawn(step * batch + i, 1) == noise[1]) return i;
    return -1;
}

static double square_distance(const float *a, const float *b) {
    const double x = (double)a[0] - (double)b[0], y = (double)a[1] - (double)b[1];
    return x * x + y * y;
}

static double cost(const float *x, const float *noise, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += square_distance(x + DIM * i, noise + DIM * i);
    return sum;
}

/* Least cost over all orders of the drawn noise. */
static double least_cost(const float *x, int64_t step, int n, int first, unsigned used) {
    double best = first == n ? 0 : 1e30;
    for (int j = 0; first < n && j < n; j++) {
        const float b[DIM] = {drawn(step * n + j, 0), drawn(step * n + j, 1)};
        if (used >> j & 1) continue;
        best = fmin(best,
                    square_distance(x + DIM * first, b) + least_cost(x, step, n, first + 1, used | 1u << j));
    }
    return best;
}

static void exact(void) {
    enum { N = 7 };
    static const float scale[DIM] = {2, 0.5f}, shift[DIM] = {-1, 0.25f};
    float raw[N * DIM], x[N * DIM], noise[N * DIM];
    pf__pairing *p = make(N, PF_F32, scale, shift);
    for (int64_t step = 0; step < 30; step++) {
        unsigned seen = 0;
        for (int i = 0; i < N * DIM; i++) {
            raw[i] = (float)pf__random_normal(9, 1, (uint64_t)step, (uint32_t)i);
            x[i] = raw[i] * scale[i % DIM] + shift[i % DIM];
        }
        pf__pairing_make(p, step, raw, NULL, noise);
        CHECK_NEAR(cost(x, noise, N), least_cost(x, step, N, 0, 0), 1e-5);
        for (int i = 0; i < N; i++) {
            const int row = find(noise + DIM * i, step, N);
            CU_ASSERT_FATAL(row >= 0);
            seen |= 1u << row;
        }
        CHECK_INT(seen, (1u << N) - 1); /* each once */
    }
    pf__pairing_destroy(&p);
    CU_ASSERT_PTR_NULL(p);
}

/* On a line the best order is that of size. */
static void on_a_line(void) {
    enum { N = 300 };
    static const float one = 1, zero = 0;
    static float x[N], noise[N];
    pf_error err = {0};
    pf__pairing *p = NULL;
    pf__pairing_desc desc = {
        .batch = N, .dim = 1, .dtype = PF_F32, .seed = SEED, .scale = &one, .shift = &zero, .affine = 1};
    CHECK_OK(pf__pairing_create(&p, &desc, &err), err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    for (int i = 0; i < N; i++) x[i] = (float)pf__random_normal(9, 1, (uint64_t)i, 0);
    pf__pairing_make(p, 2, x, NULL, noise);
    int wrong = 0;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) wrong += x[i] < x[j] && noise[i] > noise[j];
    CHECK_INT(wrong, 0);
    pf__pairing_destroy(&p);
}

static void of_each_class(void) {
    enum { N = 60 };
    static const float scale[DIM] = {0.01f, 0.01f}, shift[DIM] = {-1, -1};
    uint8_t raw[N * DIM];
    int32_t y[N];
    float x[N * DIM], noise[N * DIM], plain[N * DIM];
    for (int i = 0; i < N * DIM; i++) {
        raw[i] = (uint8_t)(pf__random_bits(3, 2, (uint64_t)i, 0) % 200);
        x[i] = (float)raw[i] * scale[0] + shift[0];
        plain[i] = drawn(4 * N + i / DIM, i % DIM);
    }
    for (int i = 0; i < N; i++) y[i] = i * i % 3;
    pf__pairing *p = make(N, PF_U8, scale, shift);
    pf__pairing_make(p, 4, raw, y, noise);
    for (int i = 0; i < N; i++) {
        const int row = find(noise + DIM * i, 4, N);
        CU_ASSERT(row >= 0 && y[row] == y[i]);
    }
    const double classes = cost(x, noise, N);
    pf__pairing_make(p, 4, raw, NULL, noise);
    CU_ASSERT(cost(x, noise, N) < classes && classes < 0.7 * cost(x, plain, N));
    pf__pairing_destroy(&p);
}

static void loaders(void) {
    enum { N = 53, BATCH = 8, STEPS = 20 };
    static const float scale[DIM] = {0.1f, 0.1f}, shift[DIM] = {-2, 2};
    static float whole[STEPS][BATCH * DIM], alone[BATCH * DIM];
    loader_rig rig;
    rig_begin(&rig, N, -1);
    pf__loader_desc desc = {
        .batch = BATCH, .seed = SEED, .transport = true, .scale = scale, .shift = shift, .affine = DIM};
    for (int first = 0; first < STEPS; first += 7) { /* the same from any step on */
        desc.first_step = first;
        pf__loader *l = rig_loader(&rig, &desc);
        for (int s = first; s < STEPS; s++) {
            pf__batch b;
            CHECK_OK(pf__loader_next(l, &b, &rig.err), rig.err);
            CU_ASSERT_PTR_NOT_NULL_FATAL(b.noise);
            if (first == 0) memcpy(whole[s], b.noise, sizeof whole[s]);
            CU_ASSERT_EQUAL(memcmp(whole[s], b.noise, sizeof whole[s]), 0);
            CU_ASSERT(find(b.noise, s, BATCH) >= 0);
            CHECK_OK(pf__loader_gather_noise(l, s, alone, &rig.err), rig.err);
            CU_ASSERT_EQUAL(memcmp(whole[s], alone, sizeof alone), 0);
            pf__loader_release(l);
        }
        pf__loader_destroy(&l);
    }
    desc.batch = PF__PAIRING_BATCH_MAX + 1;
    CHECK_INT(pf__loader_check(rig.set, &desc, &rig.err), PF_USAGE);
    CHECK_CONTAINS(rig.err.message, "at most 1024 samples, not a batch of 1025");
    CHECK_CONTAINS(rig.err.hint, "train.batch = 256");
    desc = (pf__loader_desc){.batch = BATCH, .stored = true};
    CHECK_INT(pf__loader_check(rig.set, &desc, &rig.err), PF_DATA);
    CHECK_CONTAINS(rig.err.message, "no /train/noise");
    rig_end(&rig);
}

void test_pairing_suite(void) {
    CU_pSuite s = CU_add_suite("data/pairing", NULL, NULL);
    CU_add_test(s, "the least of all orders", exact);
    CU_add_test(s, "on a line: by size", on_a_line);
    CU_add_test(s, "of each class by itself", of_each_class);
    CU_add_test(s, "beside batches, from any step on", loaders);
}
