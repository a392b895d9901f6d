/* SPDX-License-Identifier: MIT
 * The step block: a small device buffer written once per step that holds everything that changes, so that
 * kernel arguments never do. Graphs see its fields as scalar inputs "step/lr" and so on; random leaves read
 * the first four words. */
#ifndef PF__PLAN_STEP_H
#define PF__PLAN_STEP_H

#include "runtime/runtime.h"
#include <stdint.h>

/* X(word, field, type f or u) behind the four words seed low, high, first sample low, high. */
/* clang-format off */
#define PF__STEP_FIELDS(X)                                                                                   \
    X(4, step, u)                                                                                            \
    X(5, lr, f)                                                                                              \
    X(6, bias1, f) /* 1 / (1 - beta1^k) */                                                                   \
    X(7, bias2, f) /* 1 / (1 - beta2^k) */                                                                   \
    X(8, ema0, f) X(9, ema1, f) X(10, ema2, f) X(11, ema3, f) /* decays of the EMA copies */                 \
    X(12, t, f) X(13, r, f) X(14, h, f) /* samplers: from time t to time r, h = t - r */                     \
    X(15, c0, f) X(16, c1, f) X(17, c2, f) X(18, c3, f) X(19, c4, f) /* solver coefficients */               \
    X(20, warmup, f) /* a method's own warm-up in [0, 1] */                                                  \
    X(21, target, f) X(22, levels, f) X(23, gap, f) /* a method's curriculum: methods/method.h */
/* clang-format on */

typedef struct pf__step_block {
    uint64_t seed;
    uint64_t first_sample; /* step * batch in training, index of the first sample in sampling */
#define PF__STEP_MEMBER_f                  float
#define PF__STEP_MEMBER_u                  uint32_t
#define PF__STEP_MEMBER(word, field, type) PF__STEP_MEMBER_##type field;
    PF__STEP_FIELDS(PF__STEP_MEMBER)
#undef PF__STEP_MEMBER
#undef PF__STEP_MEMBER_f
#undef PF__STEP_MEMBER_u
} pf__step_block;

#define PF__STEP_WORDS 64

/** The word of "step/lr" and the like, or -1. */
int pf__step_word(const char *input_name);
/** Lays the block out as the device reads it. words [PF__STEP_WORDS]. */
void pf__step_pack(const pf__step_block *s, uint32_t *words);

#endif
