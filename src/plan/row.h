/* SPDX-License-Identifier: MIT
 * A row kernel: pointwise work, reductions over the columns, pointwise work with their results, ... for each
 * row, in as many passes over the columns as the reductions need one after the other.
 *
 *     m = sum(x) / D                    pass 0: sum(x)
 *     v = sum((x - m)^2) / D            pass 1: sum((x - m)^2)
 *     y = (x - m) rsqrt(v + e) g + b    pass 2: store y
 *
 * The rows' numbers stay in registers; the columns' are computed again in each pass, from what the first one
 * brought near, unless that costs more than keeping them in a private array. Everything that is stored by
 * element is stored in the last pass, after all loads of its element: a result may take an operand's place.
 * Sums over the rows gather in private arrays, a work-item's rows in order, and become partial results. */
#ifndef PF__PLAN_ROW_H
#define PF__PLAN_ROW_H

#include "plan/fused_text.h"

typedef struct pf__row_instr {
    bool row;        /* one number per row; else one per element */
    bool everywhere; /* a number of the text */
    int ready;       /* the first pass that can use it; REDUCE: its own pass + 1 */
    int cost;        /* of computing it from loads */
    uint32_t passes; /* that need it, as bits */
    bool in_loop;    /* a row's number that a pass over columns needs */
    int array;       /* the private array that keeps it between passes, or -1 */
} pf__row_instr;

typedef struct pf__row {
    pf__row_instr *instrs;
    int passes, arrays;
    bool blocks; /* W rows at a time: their numbers are vectors */
    int lanes;   /* work-items that share a row */
    int beside;  /* rows of a work-group */
    pf__loops loops;
    pf__cut cut;
} pf__row;

enum { PF__ROW_PASSES_MAX = 32 };

/** PF_MEMORY without a message. */
pf_status pf__row_plan(pf__row *row, const pf__fused *f, const pf_device_info *device);
void pf__row_free(pf__row *row);
bool pf__row_store_is_row(const pf__fused *f, const pf__access *store);
/** Floats of a private array for one row. */
int64_t pf__row_length(const pf__row *row);
void pf__row_text(const pf__row *row, const pf__fused *f, pf__text *out);

#endif
