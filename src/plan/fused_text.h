/* SPDX-License-Identifier: MIT
 * The loops of a fused kernel, and their OpenCL C text. */
#ifndef PF__PLAN_FUSED_TEXT_H
#define PF__PLAN_FUSED_TEXT_H

#include "plan/fused.h"

/** One loop: neighbouring domain axes that every access walks with one stride are merged. */
typedef struct pf__loop {
    int64_t size;
    int axis;    /* the last of the merged domain axes: its stride is the loop's */
    int segment; /* 0 before the reduced axes, 1 reduced, 2 behind */
} pf__loop;

typedef struct pf__loops {
    pf__loop list[PF_RANK_MAX + 1];
    int count;
    int vector; /* the loop that vectors walk: the last of its segment */
} pf__loops;

/** How the work is cut. */
typedef struct pf__cut {
    int width;    /* W: lanes of a vector */
    bool cpu;     /* one work-item per work-group, loops inside */
    int64_t rows; /* product of all loops that are neither reduced nor the vector loop, times slices */
    int64_t rows_per_item, columns_per_item;
    int64_t slices, slice; /* reductions: slices of the outermost reduced loop, and their length */
    int64_t partial;       /* floats between the partial results of two slices */
    int unroll;            /* column reductions: vectors per item, in registers, */
    bool band;             /* or so many that they lie in arrays */
    size_t global[3], local[3];
    int dims;
} pf__cut;

/** Loop iterations that a work-item may take, with room for what is not counted; 0: any number. */
int64_t pf__most_iterations(const pf_device_info *device);
/** Lanes of a vector. */
int pf__fused_width(const pf_device_info *device);
void pf__fused_loops(const pf__fused *f, pf__loops *loops);
void pf__fused_cut(const pf__fused *f, const pf__loops *loops, const pf_device_info *device, pf__cut *cut);
void pf__fused_text(const pf__fused *f, const pf__loops *loops, const pf__cut *cut, pf__text *out);
/** y[i] = p[i] + p[n + i] + ... in order (or the maximum); the second stage of a sliced reduction. */
void pf__partials_text(bool maximum, int results, int64_t count, int64_t parts, const pf__cut *cut,
                       pf__text *out);
/** What every generated kernel stands on: vector types, loads, stores, lane sums, for a width. */
const char *pf__prelude_text(void);

/* The pieces of those texts (instr_text.c). Loop k has the variable d<k>, the vector loop c; register i is
 * t<i>, of type V, I or U; load i reads a<i> + o<i>, store i writes y<i> + p<i>. */

char pf__register_letter(pf_dtype dtype);
/** The opening line with all arguments. */
void pf__print_signature(pf__text *t, const pf__fused *f, const pf__cut *cut);
/** The variables of the loops that make up the row index r (and, for slices, s). */
void pf__print_decode(pf__text *t, const pf__loops *loops, const pf__cut *cut, const char *indent);
/** The element offset of an access at the current loop variables, without the vector loop: "o3 + d0 * 34u +
 * 2u". */
void pf__print_base(pf__text *t, const pf__fused *f, const pf__loops *loops, const pf__access *a,
                    const char *prefix, int index);
/** The address b<load>, or the register of a load that does not move along the vector loop. */
void pf__print_address(pf__text *t, const pf__fused *f, const pf__loops *loops, int load, const char *indent);
void pf__print_setup(pf__text *t, const pf__fused *f, const pf__loops *loops, const char *indent);
/** Instruction i, or all, at column c. */
void pf__print_instr(pf__text *t, const pf__fused *f, const pf__loops *loops, int i, int width,
                     const char *indent);
void pf__print_body(pf__text *t, const pf__fused *f, const pf__loops *loops, int width, const char *indent);
void pf__print_store(pf__text *t, const pf__fused *f, const pf__loops *loops, int index, int width,
                     const char *value, const char *offset, const char *indent);
int64_t pf__vector_stride(const pf__loops *loops, const pf__access *a);

#endif
