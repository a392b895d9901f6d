/* SPDX-License-Identifier: MIT
 * The loader thread: batches of raw samples, in an order that is a pure function of (seed, step).
 *
 * Epoch e visits the training rows in the order of a full shuffle keyed by (seed, "shuffle", e); the batch of
 * step s holds positions s*B .. s*B+B-1 of that endless sequence. The thread owns all reading and stays at
 * most `slots` batches ahead. */
#ifndef PF__DATA_LOADER_H
#define PF__DATA_LOADER_H

#include "base/error.h"
#include "pushforward/dataset.h"

typedef struct pf__loader pf__loader;

typedef struct pf__loader_desc {
    int64_t batch;
    uint64_t seed;
    int64_t first_step; /* resume: the first batch handed out is this step's */
    int slots;          /* 0 = 4 */
} pf__loader_desc;

typedef struct pf__batch {
    const void *x;    /* [B, dim] raw, u8 or f32 as the set has it */
    const int32_t *y; /* [B] or NULL */
    int64_t step;
} pf__batch;

/** Loads the training part into memory (in-memory mode) and starts the thread. The data set stays open and is
 * not used by others meanwhile. */
pf_status pf__loader_create(pf_dataset *dataset, const pf__loader_desc *desc, pf__loader **out,
                            pf_error *err);
void pf__loader_destroy(pf__loader **loader);
/** The next batch, waiting for it if need be; valid until pf__loader_release is called for it. Batches are
 * released in order. */
pf_status pf__loader_next(pf__loader *loader, pf__batch *batch, pf_error *err);
void pf__loader_release(pf__loader *loader);
/** The batch of any step without the thread (x and y: caller's memory), for debug_step.h5 and tests. */
pf_status pf__loader_gather(pf__loader *loader, int64_t step, void *x, int32_t *y, pf_error *err);

#endif
