/* SPDX-License-Identifier: MIT
 * Minibatch optimal transport (Pooladian et al. 2023, Tong et al. 2023): the noise of a batch in the order
 * that brings it nearest to the batch's samples, by exact assignment on squared distances of standardised
 * values. The noise is that of the stream "noise", the numbers that a device draws for the same step, so that
 * a batch's pairs are a pure function of (seed, step, batch).
 *
 * With classes the assignment is one of each class: the noise of every class stays standard normal, which it
 * would not if classes shared theirs. Time grows like the cube of the rows that are assigned together. */
#ifndef PF__DATA_PAIRING_H
#define PF__DATA_PAIRING_H

#include "base/error.h"
#include "pushforward/tensor.h"
#include <stdint.h>

#define PF__PAIRING_BATCH_MAX 1024 /* 0.3 s for points in the plane, on one core of 2023 */

typedef struct pf__pairing_desc {
    int64_t batch, dim;
    pf_dtype dtype; /* of raw samples: u8 or f32 */
    uint64_t seed;
    const float *scale, *shift; /* [affine]: standardised = raw * scale + shift; copied */
    int64_t affine;             /* dim, or 1 for all numbers of a sample */
} pf__pairing_desc;

typedef struct pf__pairing pf__pairing;
/** PF_USAGE above PF__PAIRING_BATCH_MAX. */
pf_status pf__pairing_check(int64_t batch, pf_error *err);
pf_status pf__pairing_create(pf__pairing **out, const pf__pairing_desc *d, pf_error *err);
/** Accepts a pointer to NULL. */
void pf__pairing_destroy(pf__pairing **pairing);
/** What it was made from; scale and shift are its own. */
const pf__pairing_desc *pf__pairing_describe(const pf__pairing *p);
/** noise [batch, dim], written: that of row i goes with sample i of x (raw [batch, dim]). y [batch] classes,
 * or NULL. */
void pf__pairing_make(pf__pairing *p, int64_t step, const void *x, const int32_t *y, float *noise);
/** Bytes it occupies. */
int64_t pf__pairing_bytes(const pf__pairing *p);

#endif
