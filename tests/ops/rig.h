/* SPDX-License-Identifier: MIT
 * A small stand-in for the plan: lowers one node by the first candidate that supports it and runs it on a
 * device, every tensor in a buffer of its own between guard zones. */
#ifndef PF_TESTS_OPS_RIG_H
#define PF_TESTS_OPS_RIG_H

#include "check.h"
#include "ops/candidates.h"

#define RIG_TENSORS 16
#define RIG_GUARD   64 /* floats behind each tensor, beyond its last whole 16 */

typedef struct rig_tensor {
    pf__buffer *buffer;
    uint64_t count;
    uint32_t offset;
    bool written; /* by the node, not by the host */
} rig_tensor;

typedef struct rig {
    pf__lowering lowering; /* first: the callbacks cast */
    pf_device_info device; /* a copy, to be modified before rig_lower */
    pf_graph graph;
    pf_error err;
    pf__list *list;
    uint32_t offset; /* of every tensor in its buffer, in floats; 64 */
    pf__node node;
    pf_value links[8];
    pf__value values[RIG_TENSORS];
    rig_tensor tensors[RIG_TENSORS];    /* by value */
    rig_tensor workspaces[RIG_TENSORS]; /* by id */
    uint32_t workspace_count;
    pf__buffer *step;
    const char *chosen; /* the candidate's name */
} rig;

/** PF_TEST_SMALL is set: few shapes, and small ones, for slow checkers. The device then counts as a CPU, so
 * that its kernels run on a simulator of any type. */
bool rig_small(void);
/** The context that all tests share; NULL when there is none. */
pf_context *rig_context(void);
/** Frees the shared context and the programs. */
void rig_shut(void);

void rig_open(rig *r);
void rig_close(rig *r);
/** A new value of the given shape. Its buffer holds NaN but for `data` (count elements of 4 bytes), or NaN
 * all over when NULL. */
pf_value rig_value(rig *r, pf_dtype dtype, pf_shape shape, const void *data);
pf_shape rig_shape(int rank, int64_t a, int64_t b, int64_t c);
/** The node of the rig, with its one output. */
void rig_node(rig *r, pf__op_id op, const pf_value *inputs, uint32_t count, const pf__attr *attr,
              pf_value output);
void rig_seed(rig *r, uint64_t seed, uint64_t first_sample);
/** Lowers the node. The status of the candidate, PF_USAGE when none supports it. */
pf_status rig_lower(rig *r, const pf__candidate *candidates);
/** Runs what was lowered, after filling outputs and workspaces with NaN. Copies the output (malloc) and
 * checks that nothing beyond any tensor's whole 16 floats changed. NULL after a failure, which is reported.
 */
void *rig_run(rig *r);

/** Numbers in [-1, 1] that differ between seeds. malloc. */
float *rig_numbers(uint64_t count, uint32_t seed);

#endif
