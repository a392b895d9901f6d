/* SPDX-License-Identifier: MIT
 * Dropped labels, and what guidance asks of a configuration. */
#include "methods/guidance.h"

pf_value pf__guidance_drop(pf_graph *g, pf_value label, int class_count, double share) {
    const pf_shape shape = pf_value_shape(g, label);
    pf_value dropped = pf_less(g, pf_random_uniform(g, "label/drop", shape), pf_constant(g, share, shape));
    pf_value none = pf_constant(g, class_count, shape);
    return pf_cast(g, pf_select(g, dropped, none, pf_cast(g, label, PF_F32)), PF_I32);
}

pf_value pf__guidance_known(const pf__method_ctx *ctx) {
    pf_graph *g = ctx->g;
    return pf_less(g, pf_cast(g, ctx->label, PF_F32),
                   pf_constant(g, ctx->net->class_count, pf_value_shape(g, ctx->label)));
}

pf__method_ctx pf__guidance_null(const pf__method_ctx *ctx) {
    pf__method_ctx null = *ctx;
    null.label = 0;
    return null;
}

pf_status pf__guidance_check(const pf__config *config, const char *key, pf_error *err) {
    if (!pf__config_bool(config, "data.labels"))
        return pf__hint(err,
                        pf__fail(err, PF_USAGE, "%s: %s guides by labels, and the network gets none",
                                 pf__config_origin(config, key), key),
                        "train with data.labels = true and data.label_drop = 0.1, or leave %s out", key);
    if (pf__config_real(config, "data.label_drop") <= 0)
        return pf__hint(err,
                        pf__fail(err, PF_USAGE,
                                 "%s: %s guides away from what the network says without labels, which it "
                                 "does not learn with data.label_drop = 0",
                                 pf__config_origin(config, key), key),
                        "train with data.label_drop = 0.1, as the papers do, or leave %s out", key);
    return PF_OK;
}
