/* SPDX-License-Identifier: MIT
 * Flow matching on the linear path (Lipman et al. 2023; rectified flow, Liu et al. 2023): the network
 * regresses the velocity b - a, and sampling integrates dx/dt = v(x, t) from t = 1 to 0. The loss has a floor
 * above zero, the mean variance of b - a given x_t. */
#include "methods/guidance.h"
#include "methods/time.h"
#include <string.h>

static const pf__option options[] = {
    PF__TIME_OPTIONS("uniform", "0", "1"),
    {"method", "pairing", PF__OPTION_CHOICE, "independent|ot|stored", 0, 0, "independent", "q(a, b)", NULL,
     "which noise goes with which sample: any; that of the batch's optimal transport (exact, batches up to "
     "1024); what the data set holds (reflow)",
     "arXiv 2302.00482 (ot), 2209.03003 (stored)"},
    {"sample", "guidance", PF__OPTION_REAL, NULL, 0, 100, "1", "w", NULL,
     "scale of the guidance of samples with a label: v without + w (v with it - v without), two passes an "
     "evaluation; 1 = none, 0 = as without labels; the paper, whose w is one less, has 1 to 5",
     "arXiv 2207.12598, eq. 6"},
    {0},
};

static pf__needs needs(const pf__config *config) {
    const char *pairing = pf__config_text(config, "method.pairing");
    return (pf__needs){
        .condition_count = 1,
        .head_count = 1,
        .noise = strcmp(pairing, "ot") == 0       ? PF__NOISE_TRANSPORT
                 : strcmp(pairing, "stored") == 0 ? PF__NOISE_STORED
                                                  : PF__NOISE_INDEPENDENT,
    };
}

static pf_status check(const pf__config *config, pf_error *err) {
    return pf__config_real(config, "sample.guidance") == 1
               ? PF_OK
               : pf__guidance_check(config, "sample.guidance", err);
}

/* L = E ||v(x_t, t) - (b - a)||^2 / D */
static void loss(const pf__method_ctx *ctx, pf_value *out, pf__metrics *metrics) {
    pf_graph *g = ctx->g;
    pf_value t = pf__time_draw(ctx, "time");
    pf__path path = pf__path_draw(ctx, t);
    pf_value v = pf__net_head(ctx, path.z, &t, PF__MODE_TRAIN);
    *out = pf_mean_all(g, pf_square(g, pf_sub(g, v, path.v)));
    *metrics = (pf__metrics){0};
    if (needs(ctx->config).noise == PF__NOISE_INDEPENDENT) return; /* 2 for standardised data */
    metrics->name[metrics->count] = "transport_cost";              /* E |b - a|^2 / D */
    metrics->value[metrics->count++] = pf_mean_all(g, pf_square(g, path.v));
}

static void velocity(const pf__method_ctx *ctx, pf_value *out) {
    pf_value t = pf__time_batch(ctx, ctx->t);
    *out = pf__net_head(ctx, ctx->x, &t, PF__MODE_SAMPLE);
}

/* What is integrated: v, or guided by w, v(x, t) + w (v(x, t | label) - v(x, t)). */
static void evaluate(const pf__method_ctx *ctx, pf_value *out) {
    pf_graph *g = ctx->g;
    const double w = pf__config_real(ctx->config, "sample.guidance");
    velocity(ctx, out);
    if (w == 1 || !ctx->label) return;
    const pf__method_ctx null = pf__guidance_null(ctx);
    pf_value without;
    velocity(&null, &without);
    *out = pf_add(g, without, pf_mul_number(g, pf_sub(g, *out, without), w));
}

/* clang-format off */
static const pf__explanation explanation = {
    .equations =
        "v(x, t)    the network: the velocity dx/dt of the flow at (x, t)\n"
        "L          = E |v(x_t, t) - (b - a)|^2 / D\n"
        "\n"
        "The minimiser is the mean velocity E[b - a | x_t = x], whose flow carries noise to data. The\n"
        "loss does not go to zero: its floor is the mean variance of b - a given x_t. The paths of the\n"
        "flow are curved, so that few steps go astray. Pairs (a, b) that do not cross straighten them:\n"
        "those of each batch's optimal transport (method.pairing = ot), or of a trained flow's own ends\n"
        "(reflow: `pushforward data reflow`, then method.pairing = stored).",
    .needs =
        "Data, noise, and times by method.time; no teacher, no derivative of the network in time.",
    .sampling =
        "x(0), by integrating dx/dt = v(x, t) from t = 1 to 0 with sample.solver. Euler takes one\n"
        "evaluation a step, midpoint and Heun two, RK4 four; sample.nfe counts evaluations. dopri5 makes\n"
        "as many as sample.rtol and sample.atol ask for, sample by sample. The velocity can teach other\n"
        "methods. Guidance of samples y with a label, in a model that has also learnt without\n"
        "(data.label_drop):  v(x, t) + w (v(x, t | y) - v(x, t)),  w = sample.guidance, where each\n"
        "evaluation passes the network twice.",
    .papers =
        "Lipman, Chen, Ben-Hamu, Nickel, Le: Flow Matching for Generative Modeling. 2022,\n"
        "  arXiv 2210.02747\n"
        "Liu, Gong, Liu: Flow Straight and Fast: Learning to Generate and Transfer Data with Rectified\n"
        "  Flow. 2022, arXiv 2209.03003\n"
        "Tong, Fatras, Malkin, Huguet, Zhang, Rector-Brooks, Wolf, Bengio: Improving and Generalizing\n"
        "  Flow-Based Generative Models with Minibatch Optimal Transport. 2023, arXiv 2302.00482\n"
        "Ho, Salimans: Classifier-Free Diffusion Guidance. 2022, arXiv 2207.12598",
};
/* clang-format on */

const pf__method pf__method_flow = {
    .name = "flow",
    .summary = "flow matching: learns a velocity, samples by integrating it",
    .options = options,
    .explanation = &explanation,
    .evaluation = PF__EVALUATES_VELOCITY,
    .needs = needs,
    .check = check,
    .loss = loss,
    .evaluate = evaluate,
    .velocity = velocity,
};
