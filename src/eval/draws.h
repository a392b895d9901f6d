/* SPDX-License-Identifier: MIT
 * What models of a data set are held against: real draws of it, their modes, and the distance of two of them.
 */
#ifndef PF__EVAL_DRAWS_H
#define PF__EVAL_DRAWS_H

#include "base/error.h"
#include "pushforward/dataset.h"

typedef struct pf__draws {
    int64_t count, dim;
    pf_shape sample;
    bool balanced;    /* every mode has its exact share */
    float *x;         /* [count, dim], in the data's own units */
    int32_t *mode;    /* [count], or NULL where the data has none */
    int modes;        /* 0: none */
    double floor;     /* mean sliced W2 of pairs of real draws */
    int pairs;        /* of that mean; 0: there is no pair, floor is NaN */
    double deviation; /* root of the mean variance of a number */
    bool is_u8;
    double scale_factor, add_offset;
} pf__draws; /* zero-initialise */

/** Fresh draws of a kind that is made (pf_dataset_make), of another seed than the training set's. balanced:
 * where the kind has parts. */
pf_status pf__draws_make(pf__draws *d, const char *kind, int64_t count, bool balanced, int slices,
                         pf_error *err);
/** The held-out part of a file, at most count of them, and parts of the training data beside it. */
pf_status pf__draws_read(pf__draws *d, const char *path, int64_t count, int slices, pf_error *err);
void pf__draws_free(pf__draws *d);

/** Standard normal noise [count, 2] that fills the plane evenly: with count = s * s, one point in each of s *
 * s parts of equal mass (s rings times s sectors). Each point alone is normal; shares of regions vary little.
 */
void pf__noise_balanced(uint64_t seed, int64_t count, float *noise);
/** Whether it can be had: dim is 2 and count a square. */
bool pf__noise_can_balance(int64_t dim, int64_t count);

#endif
