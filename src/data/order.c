/* SPDX-License-Identifier: MIT
 * The order of the samples. */
#include "data/order.h"
#include "base/philox.h"
#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

/* Fisher-Yates from the end, `most` exchanges: place i is exchanged with one of 0 .. i, chosen by word i of
 * the row `sample` of the stream; the product takes a word to 0 .. i without division. */
int64_t pf__order_permute(uint64_t seed, uint32_t stream, uint64_t sample, uint32_t *list, int64_t left,
                          int64_t most) {
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    uint32_t counter[4] = {0, stream, (uint32_t)sample, (uint32_t)(sample >> 32)}, word[4];
    bool drawn = false;
    for (; left > 1 && most > 0; left--, most--) {
        uint32_t i = (uint32_t)(left - 1);
        if (!drawn || i % 4 == 3) { /* four words at a time: pf__random_bits yields the same, slower */
            counter[0] = i / 4;
            pf__philox(counter, key, word);
            drawn = true;
        }
        uint64_t k = ((uint64_t)word[i % 4] * ((uint64_t)i + 1)) >> 32;
        uint32_t kept = list[i];
        list[i] = list[k];
        list[k] = kept;
    }
    return left > 1 ? left : 0;
}

pf_status pf__order_create(pf__order *o, uint64_t seed, int64_t count, int64_t block_rows,
                           int64_t window_rows, pf_error *err) {
    *o = (pf__order){.seed = seed, .count = count, .epoch = -1, .short_at = -1};
    assert(count > 0 && block_rows > 0 && window_rows > 0);
    if (window_rows > UINT32_MAX) window_rows = UINT32_MAX;
    if (window_rows > count) window_rows = count;
    o->block_rows = block_rows < window_rows ? block_rows : window_rows;
    o->blocks = (count + o->block_rows - 1) / o->block_rows;
    if (o->blocks > UINT32_MAX)
        return pf__fail(err, PF_USAGE, "%" PRId64 " training samples in blocks of %" PRId64 " are too many",
                        count, o->block_rows);
    int64_t most = window_rows >= count ? o->blocks : window_rows / o->block_rows;
    o->windows = (o->blocks + most - 1) / most;
    o->block = malloc((size_t)o->blocks * sizeof *o->block);
    return o->block ? PF_OK
                    : pf__fail_memory(err, "order of the blocks",
                                      (unsigned long long)o->blocks * sizeof *o->block);
}

void pf__order_free(pf__order *o) {
    free(o->block);
    *o = (pf__order){0};
}

int64_t pf__order_blocks_max(const pf__order *o) {
    return (o->blocks + o->windows - 1) / o->windows;
}

int64_t pf__order_rows_max(const pf__order *o) {
    int64_t rows = pf__order_blocks_max(o) * o->block_rows;
    return rows < o->count ? rows : o->count;
}

/* The first block of a window, as a place in `block`. */
static int64_t first_block(const pf__order *o, int64_t window) {
    return (int64_t)((uint64_t)o->blocks * (uint64_t)window / (uint64_t)o->windows); /* both below 2^32 */
}

/* Rows of the epoch before place `at` of `block`. */
static int64_t rows_before(const pf__order *o, int64_t at) {
    int64_t missing = o->blocks * o->block_rows - o->count;
    return at * o->block_rows - (o->short_at < at ? missing : 0);
}

static void permute_blocks(pf__order *o, int64_t epoch) {
    if (o->epoch == epoch) return;
    o->epoch = epoch;
    for (int64_t i = 0; i < o->blocks; i++) o->block[i] = (uint32_t)i;
    if (o->windows > 1)
        pf__order_permute(o->seed, pf__stream("shuffle/blocks"), (uint64_t)epoch, o->block, o->blocks,
                          o->blocks);
    for (int64_t i = 0; i < o->blocks; i++)
        if (o->block[i] == o->blocks - 1) o->short_at = i;
}

static pf__span span_of(pf__order *o, int64_t epoch, int64_t window) {
    permute_blocks(o, epoch);
    int64_t from = rows_before(o, first_block(o, window)), to = rows_before(o, first_block(o, window + 1));
    return (pf__span){.epoch = epoch, .window = window, .first = epoch * o->count + from, .rows = to - from};
}

pf__span pf__order_find(pf__order *o, int64_t position) {
    pf__span span = span_of(o, position / o->count, 0);
    while (position >= span.first + span.rows) span = span_of(o, span.epoch, span.window + 1);
    return span;
}

pf__span pf__order_next(pf__order *o, const pf__span *span) {
    return span->window + 1 < o->windows ? span_of(o, span->epoch, span->window + 1)
                                         : span_of(o, span->epoch + 1, 0);
}

static int ascending(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

int64_t pf__order_blocks(const pf__order *o, const pf__span *span, uint32_t *block) {
    assert(span->epoch == o->epoch);
    int64_t from = first_block(o, span->window), to = first_block(o, span->window + 1);
    for (int64_t i = from; i < to; i++) block[i - from] = o->block[i];
    qsort(block, (size_t)(to - from), sizeof *block, ascending);
    return to - from;
}

int64_t pf__order_shuffle(const pf__order *o, const pf__span *span, uint32_t *row, int64_t left,
                          int64_t most) {
    if (left == span->rows)
        for (int64_t i = 0; i < left; i++) row[i] = (uint32_t)i;
    return pf__order_permute(o->seed, pf__stream("shuffle"),
                             (uint64_t)(span->epoch * o->windows + span->window), row, left, most);
}
