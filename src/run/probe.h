/* SPDX-License-Identifier: MIT
 * A learnt map on the device, looked into: its end g(x, t) at t = 0 from anywhere, and the rate dg/dt at
 * which it changes for a point that moves along a velocity. */
#ifndef PF__RUN_PROBE_H
#define PF__RUN_PROBE_H

#include "run/run.h"

typedef struct pf__probe pf__probe;

/** Of the sampler's network and weights; it must outlive the probe. PF_USAGE for methods that learn no map in
 * time, and for networks with classes. */
pf_status pf__probe_create(pf__probe **out, pf_sampler *sampler, pf_error *err);
void pf__probe_destroy(pf__probe **probe);
/** end [count, dim] of x [count, dim], standardised, at one time t in [0, 1]. */
pf_status pf__probe_end(pf__probe *p, const float *x, double t, int64_t count, float *end, pf_error *err);
/** rate [count, dim] = v . d_x g + d_t g at (x, t), by forward mode.  v [count, dim]. */
pf_status pf__probe_rate(pf__probe *p, const float *x, const float *v, double t, int64_t count, float *rate,
                         pf_error *err);

/* ---- sampler.c ---- */

/** What a probe needs of a sampler. */
typedef struct pf__sampler_parts {
    pf_context *context;
    pf__model *model;
    pf__buffer *weights;
    const pf__scaling *scaling;
    const char *matmul;
} pf__sampler_parts;
pf__sampler_parts pf__sampler_inside(pf_sampler *sampler);

#endif
