/* SPDX-License-Identifier: MIT
 * Pixel MeanFlow (arXiv 2601.22158): the network's output is a field X(z, r, t) that looks like data,
 *
 *   u = (z - X) / t,  so that the map to time r is  g(z, r, t) = ((t - r) / t) X + (r / t) z
 *
 * and the loss is improved MeanFlow's, on velocities (average.c): V = u + (t - r) stopgrad(du/dt) is
 * regressed on v = (z - a) / t. Near t = 0 both divisions are by clip(t, clip, 1) in place of t, as in the
 * authors' code: below clip, u stays bounded and its derivative does not see the division. The paper's
 * perceptual losses are not here; its noise of scale s is, up to the scale of z, P_mean + log s. */
#include "methods/average.h"

/* clang-format off */
static const pf__option options[] = {
    {"method", "ratio", PF__OPTION_REAL, NULL, 0, 1, "0.5", "r != t", NULL,
     "share of each batch with r < t, the others learn the velocity at r = t; the paper has 0.5", "Pixel MeanFlow, settings"},
    {"method", "time", PF__OPTION_CHOICE, "uniform|logit-normal", 0, 0, "logit-normal", NULL, NULL,
     "the law of the times drawn in training", NULL},
    {"method", "P_mean", PF__OPTION_REAL, NULL, -20, 20, "0.8", "P_mean", NULL,
     "mean of log(t / (1 - t)) for logit-normal times; the paper has 0.8, and 0 for L/32", "Pixel MeanFlow, settings"},
    {"method", "P_std", PF__OPTION_REAL, NULL, 0, 20, "0.8", "P_std", NULL,
     "standard deviation of log(t / (1 - t)) for logit-normal times; the paper has 0.8", "Pixel MeanFlow, settings"},
    {"method", "uniform", PF__OPTION_REAL, NULL, 0, 1, "0", NULL, NULL,
     "share of the samples whose two times are uniform, whatever method.time says; the authors' code offers 0.1", NULL},
    {"method", "norm_p", PF__OPTION_REAL, NULL, 0, 4, "1", "p", NULL,
     "power of the adaptive weight 1 / (error + norm_eps)^norm_p; 0 is the plain square; the paper has 1", NULL},
    {"method", "norm_eps", PF__OPTION_REAL, NULL, 0, 1e6, "0.01", "c", NULL,
     "added to the error (summed over a sample) in the adaptive weight; the paper has 0.01", NULL},
    {"method", "tangent", PF__OPTION_CHOICE, "velocity|u|head", 0, 0, "head", "dz/dt", NULL,
     "along which du/dt is taken: the velocity that is regressed, or the network's own, u(z, t, t) or a second head "
     "(the paper's); u(z, t, t) feeds back and can diverge on pictures",
     "arXiv 2512.02012"},
    {"method", "clip", PF__OPTION_REAL, NULL, 1e-3, 0.5, "0.05", NULL, NULL,
     "least time of the divisions by t; the paper has 0.05", "Pixel MeanFlow, X = z - t u"},
    PF__AVERAGE_GUIDANCE_OPTIONS,
    {0},
};
/* clang-format on */

static pf__average how_of(const pf__config *config) {
    return (pf__average){.output = PF__OUTPUT_X,
                         .tangent = pf__average_tangent(config),
                         .clip = pf__config_real(config, "method.clip")};
}

static pf__needs needs(const pf__config *config) {
    bool head = pf__average_tangent(config) == PF__TANGENT_HEAD;
    return (pf__needs){.condition_count = 2, .head_count = head ? 2 : 1};
}

static pf_status check(const pf__config *config, pf_error *err) {
    pf__average how = how_of(config);
    return pf__average_check(config, &how, err);
}

static pf_value uniform(const pf__method_ctx *ctx, const char *stream) {
    return pf_random_uniform(ctx->g, stream, pf_shape_of(1, (int)ctx->batch));
}

static void loss(const pf__method_ctx *ctx, pf_value *out, pf__metrics *metrics) {
    pf_graph *g = ctx->g;
    pf__average how = how_of(ctx->config);
    pf_value first = pf__time_draw(ctx, "time"), second = pf__time_draw(ctx, "time/r");
    double share = pf__config_real(ctx->config, "method.uniform");
    if (share > 0) {
        pf_value of = pf_constant(g, share, pf_shape_of(1, (int)ctx->batch));
        pf_value chosen = pf_less(g, uniform(ctx, "time/mask"), of);
        first = pf_select(g, chosen, uniform(ctx, "time/uniform"), first);
        second = pf_select(g, chosen, uniform(ctx, "time/uniform/r"), second);
    }
    pf__span span = pf__average_span(ctx, first, second, false);
    pf__average_loss(ctx, &how, &span, out, metrics);
}

static void evaluate(const pf__method_ctx *ctx, pf_value *out) {
    pf__average how = how_of(ctx->config);
    pf__average_evaluate(ctx, &how, out);
}

static void velocity(const pf__method_ctx *ctx, pf_value *out) {
    pf__average how = how_of(ctx->config);
    pf__average_velocity(ctx, &how, out);
}

/* clang-format off */
static const pf__explanation explanation = {
    .equations =
        "X(z, r, t) the network: a field that looks like data\n"
        "u          = (z - X) / t,  the average velocity over [r, t]\n"
        "g(z, r, t) = ((t - r) / t) X + (r / t) z,  the map to time r\n"
        "V          = u + (t - r) stopgrad(du/dt),  du/dt = w . d_z u + d_t u with r fixed\n"
        "L          = E |V - v|^2 / stopgrad(|V - v|^2 + norm_eps)^norm_p,  v = (z - a) / t\n"
        "\n"
        "tangent = head      w is a second head, which learns v beside by such a loss (the paper's)\n"
        "        = u         w = u(z, t, t)\n"
        "        = velocity  w = v\n"
        "omega, kappa        where t in [guide_from, guide_to], samples y with a label have in place of v\n"
        "                    omega v + kappa v_y + (1 - omega - kappa) v_0, stopped: the head (or u) at\n"
        "                    (z, t, t) with and without label; the paper's scale w is 1, 1 - 1 / w\n"
        "\n"
        "The prediction is of data, the loss of velocities. Near t = 0 both divisions are by\n"
        "clip(t, clip, 1).",
    .needs =
        "Data, noise, two times, and a forward-mode derivative of the network; a second head with\n"
        "tangent = head. No teacher, no theta-. The paper's perceptual losses are not part of it, nor its\n"
        "guidance scale as an input: the scale is fixed in training. Guidance: data.labels and\n"
        "data.label_drop.",
    .sampling =
        "X(b, 0, 1) in one evaluation; with n evaluations n maps g from time to time, without fresh\n"
        "noise. The velocity u(z, t, t) can teach other methods.",
    .papers =
        "Lu et al.: One-step Latent-free Image Generation with Pixel Mean Flows. 2026, arXiv 2601.22158\n"
        "Geng, Lu, Wu, Shechtman, Kolter, He: Improved Mean Flows: On the Challenges of Fastforward\n"
        "  Generative Models. 2025, arXiv 2512.02012",
};
/* clang-format on */

const pf__method pf__method_pixelmeanflow = {
    .name = "pixelmeanflow",
    .summary = "Pixel MeanFlow: predicts data, is trained on velocities, samples in one evaluation",
    .options = options,
    .explanation = &explanation,
    .evaluation = PF__EVALUATES_MAP,
    .needs = needs,
    .check = check,
    .loss = loss,
    .evaluate = evaluate,
    .velocity = velocity,
};
