/* SPDX-License-Identifier: MIT
 * What the files of the drifting field share. */
#ifndef PF__OPS_DRIFT_PRIVATE_H
#define PF__OPS_DRIFT_PRIVATE_H

#include "graph/graph.h"

/** The sets and sizes of a DRIFT or DRIFT_DISTANCE node. Targets come in this order: the x themselves (where
 * own), the extra negatives, the positives. */
typedef struct pf__drift {
    pf_value x, positive, tau, extra, weight; /* tau, extra, weight: 0 = none */
    int64_t groups, x_count, positive_count, extra_count, dim, temperatures;
    int64_t own_count;      /* x_count, or 0 */
    int64_t negative_count; /* own and extra */
    bool two_sided, gauss, masked;
    double floor;
    int64_t workspace_bytes;
} pf__drift;

pf__drift pf__drift_of(const pf_graph *g, const pf__node *n);

#endif
