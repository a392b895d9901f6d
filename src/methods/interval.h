/* SPDX-License-Identifier: MIT
 * The neighbouring times t > r of discrete consistency models, and how they draw nearer during training. */
#ifndef PF__METHODS_INTERVAL_H
#define PF__METHODS_INTERVAL_H

#include "methods/time.h"

/** Rows of the option table. */
/* clang-format off */
#define PF__INTERVAL_OPTIONS                                                                                       \
    {"method", "curriculum", PF__OPTION_CHOICE, "constant|original|ict|ect", 0, 0, "ict", "N(k)", NULL,            \
     "how near t and r are: N times; N growing as a root (original) or by doubling (ict); or r as a part of t (ect)", \
     "arXiv 2303.01469 appendix C, 2310.14189 eq. 7, 2406.14548"},                                                 \
    {"method", "N", PF__OPTION_INT, NULL, 2, 1 << 20, "18", "N", NULL,                                             \
     "curriculum = constant: times of the grid; the papers distil with 18 (CIFAR-10) and 40 (ImageNet-64)",        \
     "arXiv 2303.01469"},                                                                                          \
    {"method", "s0", PF__OPTION_INT, NULL, 0, 1 << 20, "0", "s_0", "intervals",                                    \
     "at the first step; 0 = the paper's, 2 (original) or 10 (ict)", NULL},                                        \
    {"method", "s1", PF__OPTION_INT, NULL, 0, 1 << 20, "0", "s_1", "intervals",                                    \
     "at the last step; 0 = the paper's, 150 (original) or 1280 (ict)", NULL},                                     \
    {"method", "stages", PF__OPTION_INT, NULL, 1, 64, "8", "stage", NULL,                                          \
     "curriculum = ect: stages of equal length; the published runs have 1 to 8", NULL},                            \
    {"method", "q", PF__OPTION_REAL, NULL, 1.0001, 1e6, "2", "q", NULL,                                            \
     "curriculum = ect: 1 - r / t shrinks by q with each stage; the papers use 2, or 256 in a single stage", NULL}, \
    {"method", "k", PF__OPTION_REAL, NULL, 0, 1e3, "8", "k", NULL,                                                 \
     "curriculum = ect: 1 - r / t is larger by 1 + k sigmoid(-b s) at the noise level s", NULL},                   \
    {"method", "b", PF__OPTION_REAL, NULL, 0, 1e3, "1", "b", NULL, "curriculum = ect: see k", NULL},               \
    {"method", "grid", PF__OPTION_CHOICE, "edm|uniform", 0, 0, "edm", NULL, NULL,                                  \
     "times of the grid: noise levels s from 0.002 to 80 equally spaced in s^(1/7), or equally spaced in t",       \
     "arXiv 2206.00364 eq. 5"}
/* clang-format on */

typedef struct pf__interval {
    pf_value t, r;  /* [B] each, 0 <= r < t <= 1 */
    pf_value width; /* [B]: of the interval in noise levels s (grid = uniform: in t) */
    pf_value level; /* scalar for the log: N(k), or the gap of ect */
} pf__interval;

/** Draws from the stream "time": uniform numbers for grid = edm, else what pf__time_draw takes. */
pf__interval pf__interval_draw(const pf__method_ctx *ctx);
void pf__interval_schedule(const pf__config *config, int64_t step, int64_t steps, pf__curriculum *out);
pf_status pf__interval_check(const pf__config *config, pf_error *err);

#endif
