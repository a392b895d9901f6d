/* SPDX-License-Identifier: MIT
 * The multi-layer perceptron. With D = numbers that it reads (as many as a sample has, for most methods), K =
 * embed / 2, and row vectors:
 *
 *   e(s) = [s, sin(w_1 s) ... sin(w_K s), cos(w_1 s) ... cos(w_K s)],  w_k = 8 k / K    1 + embed numbers
 *   c    = [e(s) of each condition scalar, row `label` of label/weight]                 E numbers
 *   h    = [sqrt(N / 2D) x, sqrt(N / 2E) c]                     N = D + E numbers; h = x where E = 0
 *   h   <- silu(h hidden/k/weight + hidden/k/bias)              k = 0 .. depth - 1
 *   head = h head/i/weight + head/i/bias
 *
 * With model.residual the layers k >= 1 add to h instead of replacing it.
 * With model.gate each head is scaled, and the sample passed by, as the conditions say:
 *
 *   q    = silu(c gate/0/weight + gate/0/bias)                                          64 numbers
 *   head <- (1 + q scale/i/weight + scale/i/bias) head + (q skip/i/weight + skip/i/bias) x
 *
 * so that near t = 0, where a picture is nearly given, the layers need only correct it. (No sample passes
 * where x is none.)
 *
 * The two square roots give the sample and its conditions half of the input's variance each, whatever D is:
 * two numbers are not drowned by 34 of time, and a picture does not drown the time. Frequencies end at 8 rad
 * per unit time because MeanFlow differentiates the network in t. */
#include "nn/mlp.h"
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define FREQUENCY_MAX 8.0
/* E silu(n)^2 = 0.3557 for a normal n: this gain keeps the second moment through a layer. */
#define SILU_GAIN   1.677
#define LABEL_SCALE 0.5
#define GATE_WIDTH  64

/* s [B] to [B, 1 + embed]. */
static pf_value embed_scalar(pf_graph *g, pf_value s, int64_t batch, int embed) {
    int frequencies = embed / 2;
    pf_value k = pf_add_number(g, pf_iota(g, PF_F32, pf_shape_of(2, 1, frequencies), 1), 1.0);
    pf_value column = pf_reshape(g, s, pf_shape_of(2, (int)batch, 1));
    pf_value angle = pf_mul(g, column, pf_mul_number(g, k, FREQUENCY_MAX / frequencies));
    pf_value parts[3] = {column, pf_sin(g, angle), pf_cos(g, angle)};
    return pf_concat(g, parts, 3, 1);
}

/* label [B] (0: the null class everywhere) to [B, embed]. */
static pf_value embed_label(const pf__net *net, pf_graph *g, pf__params *params, const char *group,
                            pf_value label, int64_t batch) {
    pf_value table = pf__params_leaf(params, g, group, "label/weight",
                                     pf_shape_of(2, net->class_count + 1, net->embed), PF__INIT_NORMAL,
                                     LABEL_SCALE);
    if (!label) label = pf_constant_of(g, net->class_count, PF_I32, pf_shape_of(1, (int)batch));
    return pf_gather(g, table, label);
}

/* The conditions c [B, *width], or 0 where there are none. */
static pf_value conditions_of(const pf__net *net, pf_graph *g, pf__params *params, const char *group,
                              const pf_value *condition, pf_value label, int64_t batch, int *width) {
    pf_value part[PF__CONDITIONS_MAX + 1];
    int parts = 0;
    for (int i = 0; i < net->condition_count; i++)
        part[parts++] = embed_scalar(g, condition[i], batch, net->embed);
    if (net->class_count) part[parts++] = embed_label(net, g, params, group, label, batch);
    *width = net->condition_count * (1 + net->embed) + (net->class_count ? net->embed : 0);
    if (!parts) return 0;
    return parts > 1 ? pf_concat(g, part, parts, 1) : part[0];
}

/* The first layer's input [B, *width] from x [B, size] and c [B, conditions]. */
static pf_value input(pf_graph *g, pf_value x, int size, pf_value c, int conditions, int *width) {
    *width = size + conditions;
    if (!conditions) return x;
    pf_value both[2] = {pf_mul_number(g, x, sqrt(0.5 * *width / size)),
                        pf_mul_number(g, c, sqrt(0.5 * *width / conditions))};
    return pf_concat(g, both, 2, 1);
}

/* h [B, in] to h <stem>/weight + <stem>/bias, [B, out]. */
static pf_value linear(pf_graph *g, pf__params *params, const char *group, const char *stem, int index,
                       pf_value h, int in, int out, double gain) {
    char path[64];
    snprintf(path, sizeof path, "%s/%d/weight", stem, index);
    pf_value weight = pf__params_leaf(params, g, group, path, pf_shape_of(2, in, out), PF__INIT_NORMAL,
                                      gain / sqrt(in));
    snprintf(path, sizeof path, "%s/%d/bias", stem, index);
    pf_value bias = pf__params_leaf(params, g, group, path, pf_shape_of(1, out), PF__INIT_ZERO, 0.0);
    return pf_add(g, pf_matmul(g, h, weight, false, false), bias);
}

/* What the layers make of h [B, width]: [B, net->width]. */
static pf_value hidden(const pf__net *net, pf_graph *g, pf__params *params, const char *group, pf_value h,
                       int width) {
    /* a residual sum of depth layers keeps its size when each branch is smaller by the root of their number
     */
    double gain = net->residual ? SILU_GAIN / sqrt(net->depth) : SILU_GAIN;
    for (int k = 0; k < net->depth; k++) {
        pf_value y = linear(g, params, group, "hidden", k, h, width, net->width, k ? gain : SILU_GAIN);
        y = pf_silu(g, y);
        h = net->residual && k > 0 ? pf_add(g, h, y) : y;
        width = net->width;
    }
    return h;
}

static pf_shape batch_of(const pf_shape *sample, int64_t batch) {
    pf_shape shape = {.rank = sample->rank + 1, .dim = {batch}};
    memcpy(shape.dim + 1, sample->dim, (size_t)sample->rank * sizeof *sample->dim);
    return shape;
}

void pf__mlp_apply(const pf__net *net, pf_graph *g, pf__params *params, const char *group, pf_value x,
                   const pf_value *condition, pf_value label, pf__mode mode, pf_value *heads) {
    (void)mode; /* no dropout: training and sampling are the same */
    assert(net->condition_count <= PF__CONDITIONS_MAX);
    for (int i = 0; i < net->head_count; i++) heads[i] = 0;
    if (pf__failed(g)) return;
    const pf_shape shape = batch_of(&net->sample, pf_value_shape(g, x).dim[0]);
    const int size = (int)pf_shape_count(&net->sample), read = (int)pf_shape_count(&net->source);
    int conditions, width;
    pf_value flat = pf_reshape(g, x, pf_shape_of(2, (int)shape.dim[0], read));
    pf_value c = conditions_of(net, g, params, group, condition, label, shape.dim[0], &conditions);
    pf_value h = input(g, flat, read, c, conditions, &width), q = 0;
    h = hidden(net, g, params, group, h, width);
    if (net->gate && c)
        q = pf_silu(g, linear(g, params, group, "gate", 0, c, conditions, GATE_WIDTH, SILU_GAIN));
    for (int i = 0; i < net->head_count; i++) {
        pf_value y = linear(g, params, group, "head", i, h, net->width, size, net->head);
        if (q) {
            pf_value scale = linear(g, params, group, "scale", i, q, GATE_WIDTH, size, 0.0);
            y = pf_mul(g, pf_add_number(g, scale, 1.0), y);
            if (read == size)
                y = pf_add(g, y,
                           pf_mul(g, linear(g, params, group, "skip", i, q, GATE_WIDTH, size, 0.0), flat));
        }
        heads[i] = pf_reshape(g, y, shape);
    }
}
