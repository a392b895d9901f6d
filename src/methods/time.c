/* SPDX-License-Identifier: MIT
 * Times and points of the linear path. */
#include "methods/time.h"
#include <string.h>

pf_value pf__time_draw(const pf__method_ctx *ctx, const char *stream) {
    pf_graph *g = ctx->g;
    pf_shape shape = pf_shape_of(1, (int)ctx->batch);
    if (strcmp(pf__config_text(ctx->config, "method.time"), "uniform") == 0)
        return pf_random_uniform(g, stream, shape);
    pf_value n = pf_mul_number(g, pf_random_normal(g, stream, shape),
                               pf__config_real(ctx->config, "method.P_std"));
    return pf_sigmoid(g, pf_add_number(g, n, pf__config_real(ctx->config, "method.P_mean")));
}

pf_value pf__time_batch(const pf__method_ctx *ctx, pf_value time) {
    return pf_broadcast(ctx->g, time, pf_shape_of(1, (int)ctx->batch));
}

pf__path pf__path_draw(const pf__method_ctx *ctx, pf_value t) {
    pf_graph *g = ctx->g;
    pf_shape shape = pf_value_shape(g, ctx->data);
    pf_value noise = pf_random_normal(g, "noise", shape);
    pf__path path;
    path.v = pf_sub(g, noise, ctx->data);
    path.z = pf_add(g, ctx->data, pf_mul(g, pf_per_sample(g, t, shape.rank), path.v));
    return path;
}

pf_value pf__net_head(const pf__method_ctx *ctx, pf_value x, const pf_value *condition, pf__mode mode) {
    pf_value heads[PF__HEADS_MAX] = {0};
    ctx->net->apply(ctx->net, ctx->g, ctx->params, ctx->group, x, condition, ctx->label, mode, heads);
    return heads[0];
}
