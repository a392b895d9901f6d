/* SPDX-License-Identifier: MIT
 * The loader thread: batches of raw samples, in an order that is a pure function of (seed, step).
 *
 * The batch of step s holds positions s*B .. s*B+B-1 of the endless sequence of data/order.h. Either the
 * whole training part is one window in memory and every epoch is a full shuffle of its own; or the file is
 * read window by window, the next one while batches are made of the present one. A window that holds
 * everything yields the order of the full shuffle. The thread owns all reading and stays at most `slots`
 * batches ahead.
 *
 * Or equal parts of a batch are each of one class, in the order of data/classes.h; then all is in memory.
 *
 * Noise may come beside a batch: paired with it by optimal transport (data/pairing.h), or stored with the
 * samples that a model made of it. */
#ifndef PF__DATA_LOADER_H
#define PF__DATA_LOADER_H

#include "base/error.h"
#include "pushforward/dataset.h"
#include <stdbool.h>

typedef struct pf__loader pf__loader;

typedef struct pf__loader_desc {
    int64_t batch;
    uint64_t seed;
    int64_t first_step;    /* resume: the first batch handed out is this step's */
    int slots;             /* 0 = 4 */
    int64_t window_bytes;  /* 0: full shuffle in memory; else the most a window takes; two of them are held */
    int64_t block_rows;    /* 0: found from the file's chunks; a checkpoint keeps it, as the order needs it */
    uint64_t memory_bytes; /* what this process may use; 0: found out */
    bool stored;           /* noise: /train/noise */
    bool transport;        /* noise: paired, in standardised units; needs the next four */
    bool by_class;         /* each class by itself */
    int64_t groups; /* 0, or equal parts of the batch that are of one class each; not read by windows */
    const float *scale, *shift; /* [affine]: of pf__pairing_desc; for creation */
    int64_t affine;
} pf__loader_desc;

typedef struct pf__batch {
    const void *x;      /* [B, dim] raw, u8 or f32 as the set has it */
    const int32_t *y;   /* [B] or NULL */
    const float *noise; /* [B, dim] or NULL */
    int64_t step;
} pf__batch;

/** Whether what the loader would hold fits: PF_MEMORY above three quarters of what the process may use. Reads
 * no samples. */
pf_status pf__loader_check(pf_dataset *dataset, const pf__loader_desc *desc, pf_error *err);
/** Reads the first window and starts the thread. The data set stays open; others may read it meanwhile. */
pf_status pf__loader_create(pf_dataset *dataset, const pf__loader_desc *desc, pf__loader **out,
                            pf_error *err);
void pf__loader_destroy(pf__loader **loader);
/** The next batch, waiting for it if need be; valid until pf__loader_release is called for it. Batches are
 * released in order. PF_DATA at the first batch that needs a window that could not be read. */
pf_status pf__loader_next(pf__loader *loader, pf__batch *batch, pf_error *err);
void pf__loader_release(pf__loader *loader);
/** The batch of any step without the thread (x and y: caller's memory), for debug_step.h5 and tests. */
pf_status pf__loader_gather(pf__loader *loader, int64_t step, void *x, int32_t *y, pf_error *err);
/** The noise of any step, for a loader that yields some: noise [B, dim], caller's memory. */
pf_status pf__loader_gather_noise(pf__loader *loader, int64_t step, float *noise, pf_error *err);
/** Bytes of windows, order and slots. They do not grow. */
int64_t pf__loader_bytes(const pf__loader *loader);
/** Rows of a block: what a desc needs to repeat this order. */
int64_t pf__loader_block_rows(const pf__loader *loader);

#endif
