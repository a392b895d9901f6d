/* SPDX-License-Identifier: MIT
 * The hand-written ways of running an operation, ended by a name of NULL: one list per file *_lower.c. */
#ifndef PF__OPS_CANDIDATES_H
#define PF__OPS_CANDIDATES_H

#include "ops/lower.h"

extern const pf__candidate pf__matmul_candidates[];
extern const pf__candidate pf__random_candidates[];
extern const pf__candidate pf__gather_candidates[];
extern const pf__candidate pf__gather_adjoint_candidates[];
extern const pf__candidate pf__drift_candidates[];
extern const pf__candidate pf__drift_distance_candidates[];

#endif
