/* SPDX-License-Identifier: MIT
 * A plan: a graph compiled for one device. Creating it fuses, chooses candidates, generates and builds
 * kernels, places every tensor and sets every argument; replaying it enqueues a fixed list of launches. */
#ifndef PF__PLAN_PLAN_H
#define PF__PLAN_PLAN_H

#include "base/text.h"
#include "graph/graph.h"
#include "ops/lower.h"
#include "plan/step.h"

typedef struct pf__plan pf__plan;

/** Where a leaf's data lies: an input by name, a parameter as "group:path", a random leaf by its stream
 * (which binds it). The buffer's elements have the leaf's type; offset counts elements. Names "step/..." need
 * no binding. */
typedef struct pf__bind {
    const char *name;
    pf__buffer *buffer;
    uint32_t offset;
} pf__bind;

/** Where an output goes. buffer == NULL: the plan owns the place (pf__plan_place), which is at `offset` of
 * its arena when at_front. An output may lie exactly where a bound input lies when it depends on that input
 * element by element only (an optimiser's update); everything else that overlaps is PF_USAGE. */
typedef struct pf__output {
    pf_value value; /* not the symbolic zero */
    pf__buffer *buffer;
    uint32_t offset; /* in elements; at_front: a multiple of 64 */
    bool at_front;
} pf__output;

typedef struct pf__plan_desc {
    const char *name; /* for messages and labels: "train", "optimiser" */
    pf_context *context;
    const pf_graph *graph; /* needed during creation only */
    const pf__output *outputs;
    int output_count;
    const pf__bind *binds;
    int bind_count;
    /* The front of the arena: what a replay leaves there stays until the next one, so that another plan may
     * bind it; zero where no output with at_front lies. Before they are written, other tensors lie there. */
    uint64_t front_words;
    pf__buffer *step_block; /* [PF__STEP_WORDS] u32; may be NULL when nothing reads it */
    const char *matmul;     /* "auto" (NULL), "cpu", "clblast", "generic" */
} pf__plan_desc;

pf_status pf__plan_create(pf__plan **out, const pf__plan_desc *desc, pf_error *err);
void pf__plan_destroy(pf__plan **plan);
/** Enqueues all launches; never waits, never allocates. */
pf_status pf__plan_replay(pf__plan *plan, pf_error *err);
/** Fills the arena with NaN, but for the front's gaps. A plan reads nothing there that the same replay did
 * not write, so that nothing changes: tests call it before replays. */
pf_status pf__plan_poison(pf__plan *plan, pf_error *err);
pf__place pf__plan_place(const pf__plan *plan, int output);
/** The plan's own, or NULL when it needs none. */
pf__buffer *pf__plan_arena(const pf__plan *plan);

typedef struct pf__plan_report {
    int launches, kernels;      /* launches per replay; distinct kernels built */
    int nodes;                  /* graph nodes that were needed */
    int unfused;                /* of them, those that would be a launch each without fusion */
    uint64_t arena_bytes;       /* what placement needed, with the front */
    uint64_t sum_bytes;         /* what all tensors would need side by side */
    uint64_t unfused_bytes;     /* what the results of those nodes would need side by side */
    uint64_t lower_bound_bytes; /* the most that is alive at one launch */
    double flops;               /* of products, per replay */
} pf__plan_report;
pf__plan_report pf__plan_describe(const pf__plan *plan);
/** One line per launch: label, global size. */
void pf__plan_print(const pf__plan *plan, pf__text *out);
/** The choices among candidates, as "matmul nn 1024x256x256 = cpu" lines, for checkpoints. */
void pf__plan_choices(const pf__plan *plan, pf__text *out);
pf__list *pf__plan_list(pf__plan *plan);

#endif
