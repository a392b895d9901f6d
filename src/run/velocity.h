/* SPDX-License-Identifier: MIT
 * The velocity of a data set whose law is known, in standardised units. */
#ifndef PF__RUN_VELOCITY_H
#define PF__RUN_VELOCITY_H

#include "data/law.h"
#include "nn/params.h"
#include "run/run.h"

typedef struct pf__velocity {
    int64_t count, dim; /* K, D */
    double *centre;     /* [K, D], along the axes */
    double *variance;   /* [D], of each centre along the axes */
    double *axes;       /* [D, D], a row each; NULL: those of the coordinates */
    double *scratch;    /* [2 D + K] */
} pf__velocity;

/** From a set's law. mean, deviation [scales]: value = standardised * deviation + mean, per feature or
 * (scales
 * == 1) for all. */
pf_status pf__velocity_create(pf__velocity **out, pf_dataset *set, const double *mean,
                              const double *deviation, int64_t scales, pf_error *err);
/** The same of a law in memory; `name` is for messages. */
pf_status pf__velocity_of_law(pf__velocity **out, const pf__law *law, const char *name, const double *mean,
                              const double *deviation, int64_t scales, pf_error *err);
void pf__velocity_free(pf__velocity **velocity);

/** v(x, t) of one point in double.  x, v [D]; v may not be x. */
void pf__velocity_at(pf__velocity *v, const double *x, double t, double *out);
/** One step of size h (towards the data: h < 0) in place.  x [D]; work [(stages + 1) D]. */
void pf__velocity_advance(pf__velocity *v, const pf__solver *solver, double *x, double t, double h,
                          double *work);
/** The centre nearest to x [D]. */
int64_t pf__velocity_nearest(pf__velocity *v, const double *x);

/** The same as a graph: x [B, sample...], t [B]. Centres, variances and axes are leaves of `group`, entered
 * in the table. */
pf_value pf__velocity_graph(const pf__velocity *v, pf_graph *g, pf__params *params, const char *group,
                            pf_value x, pf_value t);
/** Their values, after the first graph. flat [params->flat_count]. */
void pf__velocity_values(const pf__velocity *v, const pf__params *params, float *flat);
/** 16 hex digits of what it is. */
void pf__velocity_hash(const pf__velocity *v, char out[17]);

#endif
