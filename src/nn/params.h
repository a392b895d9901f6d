/* SPDX-License-Identifier: MIT
 * The parameters of a network: a table of paths, shapes and offsets into one flat buffer. Groups (student,
 * target, EMA copies) share the table; each has its own flat buffer of the same layout. The table fills
 * itself the first time the network is applied. */
#ifndef PF__NN_PARAMS_H
#define PF__NN_PARAMS_H

#include "graph/graph.h"

typedef enum pf__init {
    PF__INIT_ZERO,
    PF__INIT_NORMAL,
    PF__INIT_UNIFORM
} pf__init; /* NORMAL: std = scale; UNIFORM: in [-scale, scale] */

typedef struct pf__param {
    const char *path; /* "hidden/0/weight" */
    pf_shape shape;
    int64_t count;
    uint32_t offset; /* in floats; a multiple of 64. The gaps are zero in every group. */
    pf__init init;
    double scale;
} pf__param;

typedef struct pf__params {
    pf__param *list;
    int count, capacity;
    uint32_t flat_count; /* floats of a flat buffer: a multiple of 64 */
} pf__params;            /* zero-initialise */

/** The leaf of group:path in g; enters it into the table when it is new. Paths and shapes must agree with the
 * table. */
pf_value pf__params_leaf(pf__params *p, pf_graph *g, const char *group, const char *path, pf_shape shape,
                         pf__init init, double scale);
const pf__param *pf__params_find(const pf__params *p, const char *path);
/** The number of parameters proper (without gaps). */
int64_t pf__params_total(const pf__params *p);
/** Initial values. flat [flat_count]; element e of a tensor is Philox (seed, stream "init/<path>", sample 0,
 * e). */
void pf__params_initialise(const pf__params *p, uint64_t seed, float *flat);
void pf__params_free(pf__params *p);

#endif
