/* SPDX-License-Identifier: MIT
 * What the rooms of the compiler share: graph -> kept values -> tasks -> groups -> steps -> places.
 *
 *   keep.c    which values are held in memory; everything else is computed where it is used
 *   task.c    one task for each thing that must be stored, with its stage (how many launches must precede it)
 *   group.c   tasks of one stage and one domain become one kernel; operations with candidates are lowered
 * between place.c   arena offsets from the steps' reads and writes plan.c    builds programs, sets arguments,
 * replays */
#ifndef PF__PLAN_COMPILE_H
#define PF__PLAN_COMPILE_H

#include "plan/fused.h"
#include "plan/plan.h"

typedef struct pf__storage {
    uint64_t count; /* 32-bit words */
    bool fixed;     /* a leaf's or output's given place */
    bool leaf;      /* read only: bound input */
    pf__place place;
    int first, last; /* steps that touch it; first > last: none */
    uint64_t offset; /* in the arena, in words */
    pf_value value;  /* 0 = workspace */
} pf__storage;

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
    pf_value compute; /* the value at the domain point; reductions: the reduced node's input */
    bool root;        /* compute is itself what is kept here: do not load it */
    pf_shape domain;
    int reduce_first, reduce_last;
    uint32_t storage;
    pf_dtype dtype;
    int64_t stride[PF_RANK_MAX], offset;
    pf_value order; /* tasks in this order respect dependencies */
    int stage;
    bool done;
} pf__task;

typedef struct pf__compile {
    pf__lowering lowering; /* first: callbacks cast back */
    const pf__plan_desc *desc;
    const pf_graph *graph;
    pf_error *err;
    bool *needed;         /* per node */
    uint8_t *kept;        /* per value: its alias root is held in memory */
    uint32_t *storage_of; /* per value (alias roots): storage + 1 */
    int *stage;           /* per value (alias roots): stage of the launch that completes it */
    int *writer;          /* per value: index of the pointwise task that stores all of it, or -1 */
    pf__storage *storages;
    uint32_t storage_count, storage_capacity;
    pf__task *tasks;
    int task_count, task_capacity;
    pf__kernel_text *kernels;
    int kernel_count, kernel_capacity;
    pf__plan_step *steps;
    int step_count, step_capacity;
    uint32_t *output_storage; /* per output */
    uint8_t *in_group;        /* per value */
    pf__text choices;
    double flops;
} pf__compile;

/** Follows reshapes and stop_gradient to the value whose storage v shares. */
pf_value pf__alias(const pf_graph *g, pf_value v);
bool pf__is_leaf(const pf_graph *g, pf_value v); /* input or parameter */

pf_status pf__compile_keep(pf__compile *c);
pf_status pf__compile_storages(pf__compile *c);
pf_status pf__compile_tasks(pf__compile *c);
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
