/* SPDX-License-Identifier: MIT
 * The options of [model], and the network they describe. */
#include "nn/net.h"
#include "nn/mlp.h"
#include <assert.h>

#define MODEL(name, type, choices, min, max, initial, help) \
    { "model", name, PF__OPTION_##type, choices, min, max, initial, NULL, NULL, help, NULL }

const pf__option pf__model_options[] = {
    MODEL("kind", CHOICE, "mlp", 0, 0, "mlp", "the network"),
    MODEL("width", INT, NULL, 1, 16384, "256", "numbers in a hidden layer"),
    MODEL("depth", INT, NULL, 1, 64, "4", "hidden layers"),
    MODEL("embed", INT, NULL, 2, 256, "16", "sines and cosines of each time (even), and numbers of a label"),
    MODEL("head", REAL, NULL, 0, 100, "0.5",
          "size of an untrained network's output, in standardised units; 0 = all samples begin at one point"),
    MODEL("residual", BOOL, NULL, 0, 0, "false", "hidden layers of equal width add to what they read"),
    MODEL("gate", BOOL, NULL, 0, 0, "false",
          "scale the output, and pass the sample by, as the times and label say"),
    {0},
};

pf_status pf__net_create(pf__net *net, const pf__config *config, const pf_shape *sample, int class_count,
                         const pf__needs *needs, pf_error *err) {
    assert(needs->condition_count >= 0 && needs->condition_count <= PF__CONDITIONS_MAX);
    assert(needs->head_count >= 1 && needs->head_count <= PF__HEADS_MAX);
    int64_t size = pf_shape_count(sample);
    if (size < 1 || size > PF__SAMPLE_MAX || sample->rank >= PF_RANK_MAX)
        return pf__fail(err, PF_SHAPE, "a network for samples of %lld numbers (at most %d)", (long long)size,
                        PF__SAMPLE_MAX);
    if (needs->source < 0 || needs->source > PF__SAMPLE_MAX)
        return pf__fail(err, PF_SHAPE, "a network that reads %lld numbers (at most %d)",
                        (long long)needs->source, PF__SAMPLE_MAX);
    *net = (pf__net){.sample = *sample, .source = *sample, .class_count = class_count};
    if (needs->source) net->source = pf_shape_of(1, (int)needs->source);
    net->condition_count = needs->condition_count;
    net->head_count = needs->head_count;
    net->apply = pf__mlp_apply;
    net->kind = "mlp";
    net->width = (int)pf__config_int(config, "model.width");
    net->depth = (int)pf__config_int(config, "model.depth");
    net->embed = (int)pf__config_int(config, "model.embed");
    net->head = pf__config_real(config, "model.head");
    net->residual = pf__config_bool(config, "model.residual");
    net->gate = pf__config_bool(config, "model.gate");
    if (net->embed % 2) {
        pf_status st = pf__fail(err, PF_USAGE, "%s: model.embed is %d, which is odd",
                                pf__config_origin(config, "model.embed"), net->embed);
        return pf__hint(err, st, "each frequency has a sine and a cosine: try %d", net->embed + 1);
    }
    return PF_OK;
}
