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
int ours_pointwise(pf_context *context, char **argv);
int ours_limits(pf_context *context);

/** Plans the outputs of a graph with every leaf bound to random numbers of [-1, 1) (of their own), then
 * answers "run N". */
int ours_serve(pf_context *context, pf_graph *g, const pf_value *outputs, int count, const char *matmul);

#endif
