/* SPDX-License-Identifier: MIT
 * Flow matching on the linear path (Lipman et al. 2023; rectified flow, Liu et al. 2023): the network
 * regresses the velocity b - a, and sampling integrates dx/dt = v(x, t) from t = 1 to 0. The loss has a floor
 * above zero, the mean variance of b - a given x_t. */
#include "methods/time.h"

static const pf__option options[] = {
    PF__TIME_OPTIONS("uniform", "0", "1"),
    {0},
};

static pf__needs needs(const pf__config *config) {
    (void)config;
    return (pf__needs){.condition_count = 1, .head_count = 1};
}

static pf_status check(const pf__config *config, pf_error *err) {
    (void)config, (void)err; /* every combination is sound */
    return PF_OK;
}

/* L = E ||v(x_t, t) - (b - a)||^2 / D */
static void loss(const pf__method_ctx *ctx, pf_value *out, pf__metrics *metrics) {
    pf_graph *g = ctx->g;
    pf_value t = pf__time_draw(ctx, "time");
    pf__path path = pf__path_draw(ctx, t);
    pf_value v = pf__net_head(ctx, path.z, &t, PF__MODE_TRAIN);
    *out = pf_mean_all(g, pf_square(g, pf_sub(g, v, path.v)));
    *metrics = (pf__metrics){0};
}

static void velocity(const pf__method_ctx *ctx, pf_value *out) {
    pf_value t = pf__time_batch(ctx, ctx->t);
    *out = pf__net_head(ctx, ctx->x, &t, PF__MODE_SAMPLE);
}

const pf__method pf__method_flow = {
    .name = "flow",
    .summary = "flow matching: learns a velocity, samples by integrating it",
    .options = options,
    .evaluation = PF__EVALUATES_VELOCITY,
    .needs = needs,
    .check = check,
    .loss = loss,
    .evaluate = velocity,
    .velocity = velocity,
};
