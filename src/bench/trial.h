/* SPDX-License-Identifier: MIT
 * A trial: one graph on the device and in the interpreter, with the same data. */
#ifndef PF__BENCH_TRIAL_H
#define PF__BENCH_TRIAL_H

#include "graph/graph.h"
#include "runtime/runtime.h"

#define PF__TRIAL_OUTPUTS 160

typedef struct pf__trial_output {
    const char *name;     /* of the operation: "exp"; static */
    const char *in_place; /* the input whose buffer it overwrites, or NULL */
    pf_value value;
} pf__trial_output;

typedef struct pf__trial {
    pf_graph *graph;
    pf__trial_output outputs[PF__TRIAL_OUTPUTS];
    int output_count;
} pf__trial;

typedef struct pf__finding {
    bool applies; /* false: the device does no product by the candidate; nothing ran */
    bool repeats; /* two replays gave the same bits */
    double error; /* largest ||device - interpreter|| / ||interpreter|| of an output */
    const char *worst;
    int checks;
    char optional[16]; /* the candidate that the plan chose for products where there is another: "cpu"; or ""
                        */
} pf__finding;

/** Enters an output; the symbolic zero and one too many are recorded as errors of the graph. */
void pf__trial_add(pf__trial *t, const char *name, pf_value value);
void pf__trial_add_in_place(pf__trial *t, const char *name, pf_value value, const char *input);

/** candidate: for products, NULL = the device's own choice. Leaves get data by their names: f32 normal, u32
 * and u8 any bits, i32 in {0, 1, 2}. */
pf_status pf__trial_run(const pf__trial *t, pf_context *context, const char *candidate, pf__finding *out,
                        pf_error *err);

/** Takes a larger error, or one that is not a number. */
void pf__finding_take(pf__finding *f, const char *name, double error);

#endif
