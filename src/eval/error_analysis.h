/* SPDX-License-Identifier: MIT
 * The error analysis of any map whose end and rate can be asked for. */
#ifndef PF__EVAL_ERROR_ANALYSIS_H
#define PF__EVAL_ERROR_ANALYSIS_H

#include "pushforward/eval.h"
#include "run/velocity.h"

/** x, v, end, rate [count, dim]: g(x, t), and v . d_x g + d_t g. */
typedef struct pf__learnt_map {
    pf_status (*end)(void *user, const double *x, double t, int64_t count, double *end, pf_error *err);
    pf_status (*rate)(void *user, const double *x, const double *v, double t, int64_t count, double *rate,
                      pf_error *err);
    void *user;
} pf__learnt_map;

/** As pf_error_analyse, from noise [count, dim]; of desc the steps count. */
pf_status pf__error_analyse(pf__velocity *velocity, const pf__learnt_map *map, const double *noise,
                            int64_t count, const pf_error_analysis_desc *desc, pf_error_analysis *out,
                            pf_error *err);

#endif
