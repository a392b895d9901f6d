/* SPDX-License-Identifier: MIT
 * The order of the samples: an endless sequence of rows, a pure function of (seed, position).
 *
 *     epoch e     |  its blocks, permuted by (seed, "shuffle/blocks", e)              | epoch e + 1 ...
 *     windows     |  blocks 5 0 8  |  blocks 2 7 1  |  blocks 3 6 4                   |
 *     inside one  |  the rows of its blocks, permuted by (seed, "shuffle", e * windows + w)
 *
 * A block is block_rows consecutive rows of the file; the last one may be shorter. The windows of an epoch
 * have equally many blocks (give or take one). With one window the order is a full shuffle. */
#ifndef PF__DATA_ORDER_H
#define PF__DATA_ORDER_H

#include "base/error.h"
#include <stdint.h>

typedef struct pf__order {
    uint64_t seed;
    int64_t count, block_rows; /* rows of an epoch, of a block */
    int64_t blocks, windows;   /* of an epoch */
    int64_t epoch;             /* whose blocks are in `block`; -1: none yet */
    int64_t short_at;          /* where in `block` the last, shorter block is */
    uint32_t *block;           /* [blocks] */
} pf__order;

/** One window of one epoch and the positions it covers. */
typedef struct pf__span {
    int64_t epoch, window;
    int64_t first, rows; /* positions in the endless sequence */
} pf__span;

/** Permutes list[0 .. left) by row `sample` of a stream, with `most` exchanges at most; returns how much is
 * left, 0 at the end. */
int64_t pf__order_permute(uint64_t seed, uint32_t stream, uint64_t sample, uint32_t *list, int64_t left,
                          int64_t most);
/** window_rows: the most rows of a window, at least 1; block_rows above it are cut down to it. PF_USAGE when
 * the numbers get too large. */
pf_status pf__order_create(pf__order *o, uint64_t seed, int64_t count, int64_t block_rows,
                           int64_t window_rows, pf_error *err);
void pf__order_free(pf__order *o);
/** Room that the largest window needs. */
int64_t pf__order_blocks_max(const pf__order *o);
int64_t pf__order_rows_max(const pf__order *o);
/** The window of a position. May permute the blocks of another epoch, as pf__order_next may. */
pf__span pf__order_find(pf__order *o, int64_t position);
pf__span pf__order_next(pf__order *o, const pf__span *span);
/** The blocks of a window of the epoch last found, ascending: so the shorter one comes last, and row i of the
 * window is row i % block_rows of block i / block_rows. Returns how many. */
int64_t pf__order_blocks(const pf__order *o, const pf__span *span, uint32_t *block);
/** Permutes row[0 .. span->rows) in pieces: `left` begins as span->rows and is what the call before returned,
 * until it is 0; a call does `most` exchanges at most. */
int64_t pf__order_shuffle(const pf__order *o, const pf__span *span, uint32_t *row, int64_t left,
                          int64_t most);

#endif
