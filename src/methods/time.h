/* SPDX-License-Identifier: MIT
 * What the methods on the linear path x_t = (1 - t) a + t b share: laws of times, and the path itself. */
#ifndef PF__METHODS_TIME_H
#define PF__METHODS_TIME_H

#include "methods/method.h"

/** The options of a law of times in [0, 1]; law_, mean_, std_ are the defaults' texts. */
#define PF__TIME_OPTIONS(law_, mean_, std_)                                                            \
    {"method",                                                                                         \
     "time",                                                                                           \
     PF__OPTION_CHOICE,                                                                                \
     "uniform|logit-normal",                                                                           \
     0,                                                                                                \
     0,                                                                                                \
     law_,                                                                                             \
     NULL,                                                                                             \
     NULL,                                                                                             \
     "the law of the times drawn in training",                                                         \
     NULL},                                                                                            \
        {"method", "P_mean", PF__OPTION_REAL, NULL, -20,                                               \
         20,       mean_,    "P_mean",        NULL, "mean of log(t / (1 - t)) for logit-normal times", \
         NULL},                                                                                        \
    {                                                                                                  \
        "method", "P_std", PF__OPTION_REAL, NULL, 0, 20, std_, "P_std", NULL,                          \
            "standard deviation of log(t / (1 - t)) for logit-normal times", NULL                      \
    }

/** [B] times by the configured law, drawn from the named stream. */
pf_value pf__time_draw(const pf__method_ctx *ctx, const char *stream);
/** A scalar time (rank 0) for the whole batch: [B]. */
pf_value pf__time_batch(const pf__method_ctx *ctx, pf_value time);

/** A point of the path at time t [B] from ctx->data to fresh noise: z = a + t v, with its velocity v = b - a.
 */
typedef struct pf__path {
    pf_value z, v; /* [B, sample...] */
} pf__path;
pf__path pf__path_draw(const pf__method_ctx *ctx, pf_value t);

/** The net's first head. */
pf_value pf__net_head(const pf__method_ctx *ctx, pf_value x, const pf_value *condition, pf__mode mode);

#endif
