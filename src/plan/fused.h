/* SPDX-License-Identifier: MIT
 * A fused kernel before it is text: one iteration domain, a list of instructions in order, loads and stores
 * with one stride per domain axis.
 *
 *     domain [B, D]    t0 = load x  strides (D, 1)
 *                      t1 = load g  strides (0, 1)
 *                      t2 = mul t0 t1
 *                      store y      strides (D, 1)  <- t2
 *
 * A reduction sums (or takes the maximum of) its stores' values over a range of axes of the domain; a store
 * that moves along these axes keeps every value instead (sums over the first axes, on CPUs). A row
 * kernel has the rows' axes in front and the columns' behind: its REDUCE instructions make one number per row
 * of all columns, which later instructions use again (norms, softmax, losses per sample); a store that moves
 * along the columns alone sums its values over the rows. */
#ifndef PF__PLAN_FUSED_H
#define PF__PLAN_FUSED_H

#include "base/text.h"
#include "ops/lower.h"

/** Where a value's axes come from: axis j has index (domain axis from[j], or 0 when from[j] < 0) + shift[j].
 */
typedef struct pf__index_map {
    int8_t from[PF_RANK_MAX];
    int64_t shift[PF_RANK_MAX];
} pf__index_map;

typedef enum pf__instr_kind {
    PF__INSTR_LOAD,
    PF__INSTR_IOTA,
    PF__INSTR_CONSTANT,
    PF__INSTR_MAP,
    PF__INSTR_REDUCE /* row kernels: argument[0] over all columns */
} pf__instr_kind;

typedef struct pf__instr {
    pf__instr_kind kind;
    pf_dtype dtype; /* of the register: F32, I32 or U32 */
    pf__scalar scalar;
    int argument[3];
    int access;     /* LOAD */
    int axis;       /* IOTA: domain axis, -1 = constant */
    bool maximum;   /* REDUCE: not the sum */
    double number;  /* CONSTANT; IOTA: the shift */
    pf_value value; /* memo */
    pf__index_map map;
} pf__instr;

typedef struct pf__access {
    pf__operand operand;
    pf_dtype dtype; /* in memory */
    int64_t stride[PF_RANK_MAX], offset;
    int instr; /* stores: the register */
} pf__access;

typedef enum pf__fused_kind {
    PF__FUSED_POINTWISE,
    PF__FUSED_SUM,
    PF__FUSED_MAX,
    PF__FUSED_ROW
} pf__fused_kind;

typedef struct pf__fused {
    pf__fused_kind kind;
    pf_shape domain;
    int reduce_first, reduce_last; /* axes [first, last) of the domain; rows: the columns */
    pf__instr *instrs;
    int instr_count, instr_capacity;
    pf__access *loads, *stores;
    int load_count, load_capacity, store_count, store_capacity;
    bool failed; /* out of memory */
} pf__fused;

/** What the builder asks of the plan: is v held in memory (then *base is the value whose storage holds it,
 * densely in v's own shape)? */
typedef bool pf__held(void *user, pf_value v, pf_value *base);

void pf__fused_free(pf__fused *f);
/** The register that computes value v of the graph at the domain point under the map. held(v) ends the walk,
 * except for v itself when `root`. */
int pf__fused_add(pf__fused *f, const pf_graph *g, pf_value v, const pf__index_map *map, pf__held *held,
                  void *user, bool root);
void pf__fused_store(pf__fused *f, pf__operand operand, pf_dtype dtype, const int64_t *stride, int64_t offset,
                     int instr);
/** Whether a store is the result of a reduction; of a row kernel: a sum over its rows. */
bool pf__fused_reduces(const pf__fused *f, const pf__access *store);
/** A register that holds a number. */
int pf__fused_number(pf__fused *f, double number);
void pf__dense_strides(const pf_shape *shape, int64_t *stride);
/** Whether the shapes differ by dimensions of 1 only. */
bool pf__only_ones_move(const pf_shape *a, const pf_shape *b);

/** What computing it costs, a product being 1. */
int pf__scalar_weight(pf__scalar s);

/** Appends the launches of a fused kernel to the lowering. */
pf_status pf__fused_lower(pf__fused *f, pf__lowering *l, const char *label);

#endif
