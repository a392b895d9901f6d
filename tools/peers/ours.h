/* SPDX-License-Identifier: MIT
 * What the files of our side of a comparison share. */
#ifndef PF_PEERS_OURS_H
#define PF_PEERS_OURS_H

#include "plan/plan.h"
#include "pushforward/pushforward.h"

/** Waits for the next line "run N"; false at the end. */
bool ours_next(int *repetitions);
int ours_fail(const pf_error *error);

int ours_step(pf_context *context, int argc, char **argv);
int ours_product(pf_context *context, char **argv);
int ours_clblast(pf_context *context, char **argv);
int ours_pointwise(pf_context *context, char **argv);
int ours_drift(pf_context *context, char **argv);
int ours_limits(pf_context *context);

/** The file FOLDER/NAME.f32 as a buffer. */
pf_status ours_read(pf_context *context, const char *folder, const char *name, size_t count, pf__buffer **out,
                    pf_error *error);
/** Output number i into the file FOLDER/outI.f32. */
pf_status ours_write(const char *folder, int i, pf__buffer *buffer, size_t offset, size_t count,
                     pf_error *error);

typedef struct ours_work {
    pf_graph *g;
    pf_value outputs[8];
    const char *in_place[8]; /* the leaf that an output overwrites, or NULL */
    int count;
    const char *matmul;
} ours_work;

/** Plans the outputs of a graph, each leaf bound to FOLDER/NAME.f32; runs it once and writes the outputs;
 * then answers "run N". */
int ours_serve(pf_context *context, const char *folder, const ours_work *work);

#endif
