/* SPDX-License-Identifier: MIT
 * The average velocity u(z, r, t) over [r, t], which MeanFlow and Pixel MeanFlow learn: how a network says
 * it, the losses that ask for its identity, the map it makes. */
#ifndef PF__METHODS_AVERAGE_H
#define PF__METHODS_AVERAGE_H

#include "methods/time.h"

/** What the network's first head is. */
typedef enum pf__output {
    PF__OUTPUT_U,   /* u itself */
    PF__OUTPUT_X,   /* X with u = (z - X) / clip(t, clip, 1) */
    PF__OUTPUT_MAP, /* g(z, r, t) = z_r itself, which g(z, t, t) = z does not bind */
} pf__output;

/** dz/dt in du/dt. */
typedef enum pf__tangent {
    PF__TANGENT_VELOCITY, /* the velocity that is regressed */
    PF__TANGENT_U,        /* the network's own u(z, t, t) */
    PF__TANGENT_HEAD,     /* its second head at r = t, which learns the velocity beside u */
} pf__tangent;

/* clang-format off */
/** The options of guidance built into the velocity that is regressed. */
#define PF__AVERAGE_GUIDANCE_OPTIONS \
    {"method", "omega", PF__OPTION_REAL, NULL, 0, 100, "1", "omega", NULL, \
     "samples with a label regress omega v + kappa u(z, t, t | label) + (1 - omega - kappa) u(z, t, t): guidance by " \
     "omega / (1 - kappa) in one evaluation; 1 with kappa = 0 is none; the paper has 0.2 to 3", "MeanFlow, section 4.2"}, \
    {"method", "kappa", PF__OPTION_REAL, NULL, 0, 0.99, "0", "kappa", NULL, \
     "see method.omega; the paper has 0 to 0.92; improved MeanFlow's scale w is omega = 1, kappa = 1 - 1 / w", \
     "MeanFlow, appendix"}, \
    {"method", "guide_from", PF__OPTION_REAL, NULL, 0, 1, "0", NULL, NULL, \
     "least time t of the samples that are guided; the paper has 0", NULL}, \
    {"method", "guide_to", PF__OPTION_REAL, NULL, 0, 1, "1", NULL, NULL, \
     "largest time t of the samples that are guided; the paper has 0.75 to 1", NULL}
/* clang-format on */

typedef struct pf__average {
    pf__output output;
    pf__tangent tangent;
    bool full;       /* the whole gradient of du/dt, not of u alone */
    bool taught;     /* regress the teacher's velocity */
    double clip;     /* PF__OUTPUT_X: least time of the division */
    double boundary; /* PF__OUTPUT_MAP: weight of |g(z, t, t) - z|^2 */
} pf__average;

/** Two times of each sample: r = t in all rows but the first ones, which move. */
typedef struct pf__span {
    pf_value t, h; /* [B], h = t - r >= 0 */
    pf_value same; /* [B], 1 where r = t */
} pf__span;

/** "velocity", "u" or "head" of method.tangent. */
pf__tangent pf__average_tangent(const pf__config *config);
/** Refuses an adaptive weight that may divide by zero, and a tangent that nothing teaches. */
pf_status pf__average_check(const pf__config *config, const pf__average *how, pf_error *err);
/** Of two draws [B]: t is the larger, r the smaller; where r = t, t is the larger, or the first. */
pf__span pf__average_span(const pf__method_ctx *ctx, pf_value first, pf_value second, bool larger);
/** The loss by method.ratio, norm_p, norm_eps, and its metrics. */
void pf__average_loss(const pf__method_ctx *ctx, const pf__average *how, const pf__span *span, pf_value *out,
                      pf__metrics *metrics);
/** z at time ctx->r from ctx->x at ctx->t, one evaluation of the network. */
void pf__average_evaluate(const pf__method_ctx *ctx, const pf__average *how, pf_value *out);
/** u(x, t, t); of a free map g its derivative in r at r = t. */
void pf__average_velocity(const pf__method_ctx *ctx, const pf__average *how, pf_value *out);

#endif
