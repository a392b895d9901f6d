/* SPDX-License-Identifier: MIT
 * What the rooms of the compiler share: graph -> kept values -> tasks -> groups -> steps -> places.
 *
 *   keep.c    which values are held in memory; everything else is computed where it is used
 *   task.c    one task for each thing that must be stored
 *   stage.c   its stage (how many launches must precede it), and what shares a kernel there
 *   delay.c   later stages where kernels can share a launch
 *   group.c   tasks of one stage that fit together become one kernel; what has candidates is lowered between
 *   front.c   the part of the arena that outlasts a replay
 *   place.c   arena offsets from the steps' reads and writes
 *   plan.c    builds programs, sets arguments, replays */
#ifndef PF__PLAN_COMPILE_H
#define PF__PLAN_COMPILE_H

#include "plan/fused.h"
#include "plan/plan.h"

typedef struct pf__storage {
    uint64_t count; /* 32-bit words */
    bool fixed;     /* a leaf's or output's given place */
    bool pinned;    /* in the arena, at a given offset */
    bool leaf;      /* read only: bound input */
    bool tail;      /* vectors read past its end */
    pf__place place;
    int first, last; /* steps that touch it; first > last: none */
    uint64_t offset; /* in the arena, in words */
    pf_value value;  /* 0 = workspace */
} pf__storage;

/* Words of the arena's front that no output covers. */
typedef struct pf__gap {
    uint64_t first, words;
} pf__gap;

typedef struct pf__kernel_text {
    char *file, *source, *defines;
    uint64_t hash;
} pf__kernel_text;

typedef struct pf__plan_step {
    char *label;
    int kernel; /* index, or -1 for a library call */
    int dims;
    size_t global[3], local[3];
    pf__operand *operands;
    int operand_count;
    double flops, bytes;
    pf__library_call *call;
    void *state;
    void (*free_state)(void *);
} pf__plan_step;

typedef enum pf__task_kind { PF__TASK_STORE, PF__TASK_ZERO, PF__TASK_SUM, PF__TASK_MAX } pf__task_kind;

typedef struct pf__task {
    pf__task_kind kind;
    pf_value compute;  /* the value at the domain point; reductions: the reduced node's input */
    pf_value whole;    /* the kept value that this task alone makes, or 0 */
    bool root;         /* compute is itself what is kept here: do not load it */
    pf_shape domain;   /* without dimensions of 1 */
    pf__index_map map; /* compute's axes in the domain */
    int reduce_first, reduce_last;
    uint32_t storage;
    pf_dtype dtype;
    int64_t stride[PF_RANK_MAX], offset;
    pf_value order; /* tasks in this order respect dependencies */
    int stage;
    int family;      /* of a reduction, + 1; or 0 */
    pf_value *loads; /* each value once */
    int load_count;
    bool done;
} pf__task;

/* Work that one kernel may do: on rows, [rows..., columns...], with numbers per row that it uses again; or
 * sums over all but the last axes (`sums`), and element by element what they are taken of. */
typedef struct pf__family {
    pf_shape domain;
    int rows; /* the axes in front that count rows */
    bool sums;
    int reduce_first, reduce_last; /* sums */
} pf__family;

/* The tasks of one kernel, in an order in which each may need those before it. */
typedef struct pf__members {
    int *list;
    int count;
} pf__members;

/* The stores of one stage and domain belong to a family: all of them, as they may need each other. */
typedef struct pf__claim {
    int stage, family;
    pf_shape domain;
} pf__claim;

typedef struct pf__compile {
    pf__lowering lowering; /* first: callbacks cast back */
    const pf__plan_desc *desc;
    const pf_graph *graph;
    pf_error *err;
    bool *needed;           /* per node */
    uint8_t *kept;          /* per value: its alias root is held in memory */
    uint32_t *storage_of;   /* per value (alias roots): storage + 1 */
    int *stage;             /* per value (alias roots): stage of the launch that completes it */
    int *writer;            /* per value: index of the task that makes all of it, or -1 */
    int *uses, *group_uses; /* per value (alias roots): tasks, nodes and outputs that load it; of a group */
    pf__storage *storages;
    uint32_t storage_count, storage_capacity;
    pf__task *tasks;
    int task_count, task_capacity;
    pf__family *families;
    int family_count, family_capacity;
    pf__claim *claims;
    int claim_count, claim_capacity;
    pf__kernel_text *kernels;
    int kernel_count, kernel_capacity;
    pf__plan_step *steps;
    int step_count, step_capacity;
    uint32_t *output_storage; /* per output */
    pf__gap *gaps;
    int gap_count;
    uint8_t *in_group; /* per value */
    pf__text choices;
    double flops;
} pf__compile;

/** Follows reshapes and stop_gradient to the value whose storage v shares. */
pf_value pf__alias(const pf_graph *g, pf_value v);
bool pf__is_leaf(const pf_graph *g, pf_value v); /* input or parameter */

/** A node that only its candidates compute, all inputs being held in memory. */
static inline bool pf__by_hand(const pf__node *n) {
    return n->op == PF__OP_MATMUL || n->op == PF__OP_GATHER || n->op == PF__OP_GATHER_ADJOINT ||
           n->op == PF__OP_DRIFT || n->op == PF__OP_DRIFT_DISTANCE;
}

pf_status pf__compile_keep(pf__compile *c);
pf_status pf__compile_storages(pf__compile *c);
/** Checks the outputs at the front of the arena; finds the gaps between them, and keeps all else out. */
pf_status pf__compile_front(pf__compile *c);
pf_status pf__compile_tasks(pf__compile *c);
/** The stage of a task, at least `least`, whose family of rows becomes known with it. Counts what it loads.
 */
pf_status pf__compile_stage(pf__compile *c, pf__task *t, int least);
/** Of a staged task: 0, or its family + 1. */
int pf__compile_family(const pf__compile *c, const pf__task *t);
/** Whether two tasks belong to one kernel; whether t would if it ran at the other's stage. */
bool pf__compile_together(const pf__compile *c, const pf__task *a, const pf__task *b);
bool pf__compile_would_share(const pf__compile *c, const pf__task *t, const pf__task *other);
/** Claims t's domain for the other's kernel, at the other's stage; *may: false where it belongs to a third.
 */
pf_status pf__compile_enter(pf__compile *c, const pf__task *t, const pf__task *other, bool *may);
/** Whether what t loads of its own stage is made by its own kernel. */
bool pf__compile_still_joins(pf__compile *c, const pf__task *t);
/** Joins sums over rows with what reads the same values in their stage. */
pf_status pf__compile_share(pf__compile *c);
/** Moves kernels to a later stage where another one does such work too. */
pf_status pf__compile_delay(pf__compile *c);
pf_status pf__compile_groups(pf__compile *c);
pf_status pf__compile_places(pf__compile *c, uint64_t *arena_words, uint64_t *lower_bound_words);
void pf__compile_free(pf__compile *c);

bool pf__compile_held(void *user, pf_value v, pf_value *base);
pf_status pf__storage_new(pf__compile *c, uint64_t count, pf_value value, uint32_t *id);

/** The entry point of a kernel in the plan's program. */
void pf__kernel_name(int kernel, char out[16]);
/** The plan's kernels, built; NULL when it has none. */
pf_status pf__compile_program(pf__compile *c, pf__program **out);

/** The lowering callbacks. */
void pf__lowering_begin(pf__compile *c);

#endif
