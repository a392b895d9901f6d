/* SPDX-License-Identifier: MIT
 * A window of the training part in memory, filled piece by piece: samples, labels, the order of its rows. */
#ifndef PF__DATA_WINDOW_H
#define PF__DATA_WINDOW_H

#include "data/dataset_private.h"
#include "data/order.h"

typedef struct pf__window {
    pf__span span;
    char *x;                                         /* [rows, dim] as stored, in the order of the file */
    int32_t *y;                                      /* [rows] or NULL */
    float *noise;                                    /* [rows, dim] or NULL */
    uint32_t *row;                                   /* [rows] the order in which they are handed out */
    uint32_t *block;                                 /* [block_count] ascending */
    int64_t block_count, x_done, y_done, noise_done; /* blocks read */
    int64_t unmixed;                                 /* rows whose place is not yet chosen */
    bool borrowed; /* x, y and noise are another window's, complete for every epoch */
} pf__window;

/** Makes room for any window of the order; noise: with /train/noise. whole: NULL, or the window that already
 * holds the only one. */
pf_status pf__window_create(pf__window *w, const pf__order *o, pf_dataset *dataset, bool noise,
                            const pf__window *whole, pf_error *err);
void pf__window_free(pf__window *w);
/** Bytes it occupies. */
int64_t pf__window_bytes(const pf__order *o, const pf_dataset *dataset, bool noise);
/** Begins to hold a span of the epoch last found. What an only window has read stays. */
void pf__window_begin(pf__window *w, const pf__order *o, pf__span span);
bool pf__window_ready(const pf__window *w);
/** Does a piece of what is left: a MiB or so of reading, or some thousand exchanges. PF_DATA when a value is
 * not finite. */
pf_status pf__window_work(pf__window *w, const pf__order *o, pf_dataset *dataset, pf_error *err);

#endif
