/* SPDX-License-Identifier: MIT
 * The order of the samples: permutations without a gap, whatever the sizes; found from any position. */
#include "base/philox.h"
#include "check.h"
#include "data/order.h"
#include <stdlib.h>

static pf_error err;

/* The rows of a window, in the order they are handed out. */
static void rows_of(const pf__order *o, const pf__span *span, int64_t most, int64_t *out) {
    uint32_t *row = malloc((size_t)pf__order_rows_max(o) * sizeof *row),
             *block = malloc((size_t)pf__order_blocks_max(o) * sizeof *block);
    int64_t blocks = pf__order_blocks(o, span, block);
    CU_ASSERT(blocks > 0 && blocks <= pf__order_blocks_max(o));
    CU_ASSERT(span->rows > 0 && span->rows <= pf__order_rows_max(o));
    for (int64_t left = span->rows; left > 0;) left = pf__order_shuffle(o, span, row, left, most);
    for (int64_t i = 0; i < span->rows; i++)
        out[i] = block[row[i] / o->block_rows] * o->block_rows + row[i] % o->block_rows;
    free(block);
    free(row);
}

/* Three epochs: windows follow one another without a gap, and each epoch has every row once. */
static void check_sizes(int64_t count, int64_t block_rows, int64_t window_rows) {
    enum { EPOCHS = 3 };
    pf__order o;
    CHECK_OK(pf__order_create(&o, 7, count, block_rows, window_rows, &err), err);
    int64_t *rows = malloc((size_t)(EPOCHS * count) * sizeof *rows), at = 0, wrong = 0;
    char *seen = malloc((size_t)count);
    CU_ASSERT(pf__order_rows_max(&o) <= window_rows || o.windows == 1);
    for (pf__span s = pf__order_find(&o, 0); s.epoch < EPOCHS; s = pf__order_next(&o, &s)) {
        CHECK_INT(s.first, at);
        rows_of(&o, &s, 1 + at % 5, rows + at);
        at += s.rows;
    }
    CHECK_INT(at, EPOCHS * count);
    for (int e = 0; e < EPOCHS; e++) {
        memset(seen, 0, (size_t)count);
        for (int64_t i = 0; i < count; i++) {
            int64_t row = rows[e * count + i];
            if (row < 0 || row >= count || seen[row]++) wrong++;
        }
    }
    CHECK_INT(wrong, 0);
    for (int64_t p = 0; p < EPOCHS * count; p += 1 + count / 17) { /* from anywhere, the same */
        pf__span s = pf__order_find(&o, p);
        int64_t *again = malloc((size_t)s.rows * sizeof *again);
        CU_ASSERT(s.first <= p && p < s.first + s.rows);
        rows_of(&o, &s, s.rows, again);
        CU_ASSERT_EQUAL(memcmp(again, rows + s.first, (size_t)s.rows * sizeof *again), 0);
        free(again);
    }
    free(seen);
    free(rows);
    pf__order_free(&o);
}

static void every_row_once(void) {
    static const int64_t sizes[][3] = {
        {1, 1, 1},        {5, 1, 1},      {5, 2, 1},       {7, 3, 3},      {100, 10, 30},
        {101, 10, 30},    {99, 10, 30},   {1000, 16, 200}, {1000, 7, 999}, {1000, 7, 1000},
        {1000, 1000, 10}, {1000, 1, 333}, {997, 31, 64},   {64, 64, 64},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        check_sizes(sizes[i][0], sizes[i][1], sizes[i][2]);
}

/* Fisher-Yates as datasets/FORMAT.md says it. */
static void permute(int64_t *list, int64_t n, uint64_t seed, const char *stream, int64_t sample) {
    for (int64_t i = 0; i < n; i++) list[i] = i;
    for (int64_t i = n - 1; i > 0; i--) {
        uint64_t word = pf__random_bits(seed, pf__stream(stream), (uint64_t)sample, (uint32_t)i);
        int64_t k = (int64_t)((word * (uint64_t)(i + 1)) >> 32), kept = list[i];
        list[i] = list[k];
        list[k] = kept;
    }
}

/* One window: a full shuffle. */
static void one_window_is_a_full_shuffle(void) {
    enum { N = 53 };
    pf__order o;
    int64_t rows[N], expected[N];
    CHECK_OK(pf__order_create(&o, 3, N, 8, N, &err), err);
    CHECK_INT(o.windows, 1);
    for (int64_t epoch = 0; epoch < 3; epoch++) {
        pf__span s = pf__order_find(&o, epoch * N + 20);
        rows_of(&o, &s, 4, rows);
        permute(expected, N, 3, "shuffle", epoch);
        CU_ASSERT_EQUAL(memcmp(rows, expected, sizeof rows), 0);
    }
    pf__order_free(&o);
}

/* Several windows, as datasets/FORMAT.md says it: 11 blocks of 10 rows, the last of 3; at most 3 in a window.
 */
static void the_documented_order(void) {
    enum { N = 103, R = 10, BLOCKS = 11, WINDOWS = 4 };
    pf__order o;
    int64_t block[BLOCKS], mix[N], at = 0;
    CHECK_OK(pf__order_create(&o, 5, N, R, 3 * R, &err), err);
    CHECK_INT(o.windows, WINDOWS);
    for (int64_t e = 0; e < 3; e++) {
        permute(block, BLOCKS, 5, "shuffle/blocks", e);
        for (int64_t w = 0; w < WINDOWS; w++) {
            int64_t row[3 * R], rows = 0, got[3 * R];
            for (int64_t r = 0; r < N; r++) /* in the order of the file */
                for (int64_t i = w * BLOCKS / WINDOWS; i < (w + 1) * BLOCKS / WINDOWS; i++)
                    if (r / R == block[i]) row[rows++] = r;
            permute(mix, rows, 5, "shuffle", e * WINDOWS + w);
            pf__span s = pf__order_find(&o, at + rows / 2);
            CU_ASSERT_EQUAL_FATAL(s.rows, rows);
            rows_of(&o, &s, 7, got);
            for (int64_t i = 0; i < rows; i++) CHECK_INT(got[i], row[mix[i]]);
            at += rows;
        }
    }
    CHECK_INT(at, 3 * N);
    pf__order_free(&o);
}

/* The block that a window begins with is uniform: over many epochs each comes about as often. */
static void blocks_are_mixed(void) {
    enum { BLOCKS = 10, EPOCHS = 2000 };
    pf__order o;
    int with[BLOCKS] = {0}, together = 0;
    uint32_t block[2];
    CHECK_OK(pf__order_create(&o, 11, BLOCKS * 4, 4, 8, &err), err);
    CHECK_INT(o.windows, 5);
    for (int64_t e = 0; e < EPOCHS; e++) {
        pf__span s = pf__order_find(&o, e * BLOCKS * 4);
        CHECK_INT(pf__order_blocks(&o, &s, block), 2);
        with[block[0]]++;
        with[block[1]]++;
        together += block[1] == block[0] + 1; /* neighbours in the file: 9 of 45 pairs */
    }
    for (int i = 0; i < BLOCKS; i++) CU_ASSERT(fabs(with[i] - EPOCHS / 5.0) < 4 * sqrt(EPOCHS * 0.16));
    CU_ASSERT(fabs(together - EPOCHS / 5.0) < 4 * sqrt(EPOCHS * 0.16));
    pf__order_free(&o);
}

static void large(void) {
    pf__order o;
    CHECK_OK(pf__order_create(&o, 1, (int64_t)1 << 40, 1 << 20, 1 << 28, &err), err);
    CHECK_INT(o.windows, 1 << 12);
    pf__span s = pf__order_find(&o, ((int64_t)5 << 40) + 12345678901);
    CHECK_INT(s.epoch, 5);
    CU_ASSERT(s.first <= ((int64_t)5 << 40) + 12345678901 && s.rows == 1 << 28);
    pf__order_free(&o);
    CHECK_INT(pf__order_create(&o, 1, (int64_t)1 << 40, 1, 1 << 20, &err), PF_USAGE);
    CHECK_CONTAINS(err.message, "too many");
    pf__order_free(&o);
}

void test_order_suite(void) {
    CU_pSuite s = CU_add_suite("data/order", NULL, NULL);
    CU_add_test(s, "every row once", every_row_once);
    CU_add_test(s, "one window", one_window_is_a_full_shuffle);
    CU_add_test(s, "the documented order", the_documented_order);
    CU_add_test(s, "blocks are mixed", blocks_are_mixed);
    CU_add_test(s, "large sets", large);
}
