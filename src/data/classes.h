/* SPDX-License-Identifier: MIT
 * The order of the samples by class: every group of rows is of one class, a pure function of (seed, number of
 * the group).
 *
 *     round r     |  the C classes that have samples, permuted by (seed, "shuffle/turn", r), a group each  |
 * round r + 1 ... class c     |  its rows, permuted by (seed, "shuffle/class", epoch * C + c)  | its next
 * epoch ...
 *
 * Group n is of the class that is n % C-th in round n / C, and holds the next rows of that class's endless
 * sequence. So all classes come equally often, and of each one every sample once before any comes again. */
#ifndef PF__DATA_CLASSES_H
#define PF__DATA_CLASSES_H

#include "base/error.h"
#include <stdint.h>

typedef struct pf__classes {
    uint64_t seed;
    int64_t group;         /* rows of a group */
    int32_t count;         /* C */
    int64_t round;         /* whose classes are in turn; -1: none yet */
    uint32_t *turn;        /* [C] */
    int64_t *first;        /* [C + 1] where the rows of a class begin */
    int64_t *epoch;        /* [C] the epoch that is in mixed, -1: none yet */
    uint32_t *row, *mixed; /* [first[C]] rows by class: ascending, in the order of the epoch */
} pf__classes;

/** y [rows] in 0 .. class_count - 1. PF_DATA where one is not. */
pf_status pf__classes_create(pf__classes *c, uint64_t seed, int64_t group, const int32_t *y, int64_t rows,
                             int32_t class_count, pf_error *err);
void pf__classes_free(pf__classes *c);
/** The rows of group n, [group]. Fast in the order 0, 1, ...; any order yields the same. */
void pf__classes_rows(pf__classes *c, int64_t n, uint32_t *row);
int64_t pf__classes_bytes(const pf__classes *c);

#endif
