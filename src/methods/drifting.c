/* SPDX-License-Identifier: MIT
 * Drifting models (Deng, Li, Li, Du, He 2026, arXiv 2602.04770): the generator x = f(noise) is moved, step by
 * step of the training, along a field V that pulls each sample towards near data and pushes it off near
 * samples of its own:
 *
 *   L = E ||f(noise) - sg(f(noise) + V(f(noise)))||^2 / D
 *
 * V is 0 where the samples follow the law of the data. graph.h and ops/drift.c define it: pf_drift. With n
 * samples its mean square does not fall below about 1/n, and a low loss at the start (all samples in one
 * spot) is no convergence. Sampling is one evaluation.
 *
 * scale = distance measures everything in S, the mean distance of samples to all targets, as the authors do
 * with features: temperatures count S, and the loss sees coordinates of x sqrt(D) / S. normalize = true gives
 * the field of each temperature unit mean square; the loss is then nearly constant, and the metric "drift"
 * tells.
 *
 * With labels each group of a step is of one class: data, samples and field. Guided by alpha, all groups
 * share some data of all classes, which push off as much as alpha - 1 times the other samples of the group
 * do, so that V is 0 where q = alpha p(.|class) - (alpha - 1) p. */
#include "methods/method.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define TEMPERATURES_MAX 16
#define LEAST_SCALE      1e-3 /* of S, and of S / sqrt(D) */
#define LEAST_SQUARE     1e-8 /* of a field that is normalised */

static const pf__option options[] = {
    {"method", "form", PF__OPTION_CHOICE, "one-sided|two-sided", 0, 0, "two-sided", NULL, NULL,
     "weights normalised over the targets of a sample, or also over the samples of a target",
     "Drifting, V = E[w+ y+] - E[w- y-]"},
    {"method", "tau", PF__OPTION_LIST, NULL, 1e-6, 1e6, "0.05,0.2,0.5", "tau", NULL,
     "temperatures, whose fields are added: small against the data's structure, large enough to reach it",
     "Drifting, k(x, y) = exp(-|x - y| / tau)"},
    {"method", "kernel", PF__OPTION_CHOICE, "laplace|gauss", 0, 0, "laplace", "k", NULL,
     "exp(-|x - y| / tau), or exp(-|x - y|^2 / (2 tau^2))", NULL},
    {"method", "scale", PF__OPTION_CHOICE, "none|distance", 0, 0, "none", "S", NULL,
     "distance: temperatures and the loss count the mean distance of samples to data and samples", NULL},
    {"method", "normalize", PF__OPTION_BOOL, NULL, 0, 0, "false", "lambda", NULL,
     "the field of each temperature is given unit mean square before they are added", NULL},
    {"method", "floor", PF__OPTION_REAL, NULL, 0, 1, "0", NULL, NULL,
     "least product of the two softmaxes of form = two-sided; the authors take 1e-6", NULL},
    {"method", "mask", PF__OPTION_BOOL, NULL, 0, 0, "true", NULL, NULL, "no sample is pushed off by itself",
     NULL},
    {"method", "generated", PF__OPTION_INT, NULL, 0, 1 << 20, "0", "G", "samples",
     "generated in a step; 0 = as many as train.batch, which counts the data", NULL},
    {"method", "noise", PF__OPTION_INT, NULL, 0, 1 << 20, "0", "dim eps", "numbers",
     "of noise that a sample is made of; 0 = as many as it has itself; the authors' toy has 32 for two",
     NULL},
    {"method", "groups", PF__OPTION_INT, NULL, 0, 1 << 20, "0", "N_c", NULL,
     "equal parts of a step, each with a field of its own, and of one class where there are labels; 0 = one, "
     "or as many as classes",
     NULL},
    {"method", "alpha", PF__OPTION_REAL, NULL, 1, 100, "1", "alpha", NULL,
     "guidance: samples of a class go where alpha times its data outweighs alpha - 1 times those of all "
     "classes, by data of all classes among what pushes them off; the paper has 1 to 4",
     "Drifting, q = alpha p(.|c) - (alpha - 1) p"},
    {"method", "unconditional", PF__OPTION_INT, NULL, 0, 1 << 20, "0", "N_uncond", "samples",
     "data of each group that push off in all groups instead of pulling in their own; method.alpha > 1 needs "
     "some",
     NULL},
    {"drift", "workspace", PF__OPTION_REAL, NULL, 0.001, 16383, "64", NULL, "MiB",
     "most memory for distances: what does not fit is computed again, block by block", NULL},
    {0},
};

static pf__needs needs(const pf__config *config) {
    return (pf__needs){.condition_count = 0,
                       .head_count = 1,
                       .by_class = true,
                       .groups = pf__config_int(config, "method.groups"),
                       .source = pf__config_int(config, "method.noise")};
}

static bool is(const pf__config *config, const char *key, const char *value) {
    return strcmp(pf__config_text(config, key), value) == 0;
}

static pf_status check(const pf__config *config, pf_error *err) {
    double tau[TEMPERATURES_MAX + 1];
    const int count = pf__config_list(config, "method.tau", tau, TEMPERATURES_MAX + 1);
    if (count < 1 || count > TEMPERATURES_MAX) {
        pf_status st = pf__fail(err, PF_USAGE, "%s: method.tau has %d temperatures, not 1 to %d",
                                pf__config_origin(config, "method.tau"), count, TEMPERATURES_MAX);
        return pf__hint(err, st, "try method.tau=0.05,0.2,0.5");
    }
    if (pf__config_real(config, "method.floor") > 0 && is(config, "method.form", "one-sided")) {
        pf_status st = pf__fail(err, PF_USAGE, "%s: method.floor is of method.form = two-sided",
                                pf__config_origin(config, "method.floor"));
        return pf__hint(err, st, "leave it out, or set method.form=two-sided");
    }
    const bool guided = pf__config_real(config, "method.alpha") > 1;
    if (guided != (pf__config_int(config, "method.unconditional") > 0)) {
        const char *key = guided ? "method.alpha" : "method.unconditional";
        pf_status st = pf__fail(err, PF_USAGE,
                                "%s: method.alpha > 1 and method.unconditional > 0 go together",
                                pf__config_origin(config, key));
        return pf__hint(err, st,
                        guided ? "set method.unconditional; times method.groups it is the paper's 16 or 32"
                               : "set method.alpha: the paper has 1 to 4");
    }
    return PF_OK;
}

/* The sizes of a step. */
typedef struct step {
    int64_t generated, groups, dim;
    int64_t data, unconditional; /* samples of the data in a group: that pull, and that push in all groups */
} step;

static bool sizes_of(const pf__method_ctx *ctx, step *s) {
    s->generated = pf__config_int(ctx->config, "method.generated");
    if (!s->generated) s->generated = ctx->batch;
    s->groups = pf__config_int(ctx->config, "method.groups");
    if (!s->groups) s->groups = ctx->label ? ctx->net->class_count : 1;
    s->unconditional = pf__config_int(ctx->config, "method.unconditional");
    s->data = ctx->batch / s->groups - s->unconditional;
    s->dim = pf_shape_count(&ctx->net->sample);
    if (s->unconditional && !ctx->label)
        pf__graph_fail(
            ctx->g, PF_USAGE,
            "method.unconditional = %lld: there is no guidance without labels (data.labels = true)",
            (long long)s->unconditional);
    else if (ctx->batch % s->groups || s->generated % s->groups)
        pf__graph_fail(
            ctx->g, PF_USAGE,
            "train.batch = %lld and %lld generated samples do not make %lld equal groups (method.groups)",
            (long long)ctx->batch, (long long)s->generated, (long long)s->groups);
    else if (s->generated > 64 * ctx->batch)
        pf__graph_fail(ctx->g, PF_USAGE, "method.generated = %lld is more than 64 times train.batch = %lld",
                       (long long)s->generated, (long long)ctx->batch);
    else if (s->data < 1)
        pf__graph_fail(ctx->g, PF_USAGE,
                       "method.unconditional = %lld leaves none of the %lld samples of a group",
                       (long long)s->unconditional, (long long)(ctx->batch / s->groups));
    return pf_graph_check(ctx->g, NULL) == PF_OK;
}

/* [generated]: the class of the group that a sample is in, or 0. */
static pf_value labels(const pf__method_ctx *ctx, const step *s) {
    pf_graph *g = ctx->g;
    if (!ctx->label) return 0;
    pf_value label = pf_reshape(g, ctx->label, pf_shape_of(2, (int)s->groups, (int)(ctx->batch / s->groups)));
    label = pf_broadcast(g, pf_slice_axis(g, label, 1, 0, 1),
                         pf_shape_of(2, (int)s->groups, (int)(s->generated / s->groups)));
    return pf_reshape(g, label, pf_shape_of(1, (int)s->generated));
}

/* What the samples drift by: the data of their own groups, those of all, and what these weigh. */
typedef struct targets {
    pf_value data, extra, weight; /* [groups, n, dim], [groups, e, dim] or 0, [groups, e] or 0 */
    double mass;                  /* what all targets of a sample weigh, its group's samples among them */
} targets;

static targets targets_of(const pf__method_ctx *ctx, const step *s) {
    pf_graph *g = ctx->g;
    const int groups = (int)s->groups, dim = (int)s->dim, all = (int)(s->groups * s->unconditional);
    const int64_t own = s->data + s->unconditional;
    const double samples = (double)(s->generated / s->groups),
                 guided = pf__config_real(ctx->config, "method.alpha") - 1;
    targets t = {.data = pf_reshape(g, ctx->data, pf_shape_of(3, groups, (int)own, dim))};
    t.mass = samples + (double)s->data;
    if (!all) return t;
    pf_value shared = pf_reshape(g, pf_slice_axis(g, t.data, 1, s->data, own), pf_shape_of(3, 1, all, dim));
    t.mass += guided * (samples - 1);
    t.data = pf_slice_axis(g, t.data, 1, 0, s->data);
    t.extra = pf_broadcast(g, shared, pf_shape_of(3, groups, all, dim));
    t.weight = pf_constant(g, guided * (samples - 1) / all, pf_shape_of(2, groups, all));
    return t;
}

/* [generated, source...]: rows beyond those of the batch come from streams of their own, because the next
 * step's first row follows this batch's last. */
static pf_value draw_noise(const pf__method_ctx *ctx, const step *s) {
    pf_value part[64];
    int parts = 0;
    const pf_shape *source = &ctx->net->source;
    pf_shape shape = {.rank = source->rank + 1};
    memcpy(shape.dim + 1, source->dim, (size_t)source->rank * sizeof *shape.dim);
    for (int64_t left = s->generated; left > 0; left -= ctx->batch) {
        char stream[32] = "noise";
        if (parts) snprintf(stream, sizeof stream, "noise/%d", parts);
        shape.dim[0] = left < ctx->batch ? left : ctx->batch;
        part[parts++] = pf_random_normal(ctx->g, stream, shape);
    }
    return parts > 1 ? pf_concat(ctx->g, part, parts, 0) : part[0];
}

/* [T], in units of S where there is one. */
static pf_value temperatures(const pf__method_ctx *ctx, pf_value scale, int *count) {
    double tau[TEMPERATURES_MAX];
    pf_value part[TEMPERATURES_MAX];
    *count = pf__config_list(ctx->config, "method.tau", tau, TEMPERATURES_MAX);
    for (int t = 0; t < *count; t++) part[t] = pf_constant(ctx->g, tau[t], pf_shape_of(1, 1));
    pf_value all = *count > 1 ? pf_concat(ctx->g, part, *count, 0) : part[0];
    return scale ? pf_mul(ctx->g, all, scale) : all;
}

static pf_drift_options field_options(const pf__config *config) {
    return (pf_drift_options){
        .form = is(config, "method.form", "two-sided") ? PF_DRIFT_TWO_SIDED : PF_DRIFT_ONE_SIDED,
        .kernel = is(config, "method.kernel", "gauss") ? PF_DRIFT_GAUSS : PF_DRIFT_LAPLACE,
        .own = pf__config_bool(config, "method.mask") ? PF_DRIFT_OWN_OTHERS : PF_DRIFT_OWN_ALL,
        .floor = pf__config_real(config, "method.floor"),
        .workspace_bytes = (uint64_t)(pf__config_real(config, "drift.workspace") * 0x1p20),
    };
}

static pf_value at_least(pf_graph *g, pf_value a, double least) {
    return pf_max(g, a, pf_constant(g, least, pf_value_shape(g, a)));
}

/* The fields [T, groups, n, D], each of unit mean square. */
static pf_value normalised(pf_graph *g, pf_value fields) {
    pf_value square = pf_mean(g, pf_square(g, fields), 0xe, true);
    return pf_div(g, fields, pf_sqrt(g, at_least(g, square, LEAST_SQUARE)));
}

static void loss(const pf__method_ctx *ctx, pf_value *out, pf__metrics *metrics) {
    pf_graph *g = ctx->g;
    step s;
    int count;
    *out = 0;
    *metrics = (pf__metrics){0};
    if (!sizes_of(ctx, &s)) return;
    pf_value x = 0;
    ctx->net->apply(ctx->net, g, ctx->params, ctx->group, draw_noise(ctx, &s), NULL, labels(ctx, &s),
                    PF__MODE_TRAIN, &x);
    const int n = (int)(s.generated / s.groups), dim = (int)s.dim;
    pf_value flat = pf_reshape(g, x, pf_shape_of(3, (int)s.groups, n, dim));
    pf_value samples = pf_stop_gradient(g, flat);
    const targets to = targets_of(ctx, &s);
    const pf_drift_options options_of_field = field_options(ctx->config);

    pf_value scale = 0, unit = 0; /* S, and what a coordinate of the loss counts */
    if (is(ctx->config, "method.scale", "distance")) {
        pf_value sum = pf_sum_all(
            g, pf_drift_distance(g, samples, to.data, to.extra, to.weight, &options_of_field));
        pf_value mean = pf_mul_number(g, sum, 1 / ((double)s.generated * to.mass));
        scale = at_least(g, mean, LEAST_SCALE);
        unit = at_least(g, pf_mul_number(g, mean, 1 / sqrt((double)dim)), LEAST_SCALE);
    }
    pf_value tau = temperatures(ctx, scale, &count);
    pf_value fields = pf_drift(g, samples, to.data, to.extra, to.weight, tau, &options_of_field);
    pf_value raw = pf_sum(g, fields, 1, false), scaled = unit ? pf_div(g, fields, unit) : fields;
    if (pf__config_bool(ctx->config, "method.normalize")) scaled = normalised(g, scaled);
    /* x - sg(x + V) as (x - sg(x)) - V: the field keeps its digits where it is small */
    pf_value moved = pf_sub(g, flat, samples);
    if (unit) moved = pf_div(g, moved, unit);
    pf_value target = pf_stop_gradient(g, pf_sum(g, scaled, 1, false));
    *out = pf_mean_all(g, pf_square(g, pf_sub(g, moved, target)));

    metrics->name[0] = "drift"; /* E ||V||^2, in the data's own units */
    metrics->value[0] = pf_mul_number(g, pf_mean_all(g, pf_square(g, raw)), (double)dim);
    metrics->count = 1;
    if (!scale) return;
    metrics->name[1] = "scale";
    metrics->value[1] = scale;
    metrics->count = 2;
}

static void evaluate(const pf__method_ctx *ctx, pf_value *out) {
    ctx->net->apply(ctx->net, ctx->g, ctx->params, ctx->group, ctx->x, NULL, ctx->label, PF__MODE_SAMPLE,
                    out);
}

/* clang-format off */
static const pf__explanation explanation = {
    .equations =
        "f(b)       the network: a sample from noise, without any time\n"
        "L          = E |f(b) - stopgrad( f(b) + V(f(b)) )|^2 / D\n"
        "\n"
        "V pulls each sample x towards near data y+ and pushes it off near samples y- of its own:\n"
        "\n"
        "form = one-sided  V = E[w+ y+] - E[w- y-],  w a softmax of -|x - y| / tau over the y\n"
        "form = two-sided  A_ij = sqrt( softmax over targets * softmax over samples )\n"
        "                  V_i = (sum- A_ij) sum+ A_ij y_j - (sum+ A_ij) sum- A_ij y_j\n"
        "kernel = gauss    |x - y|^2 / (2 tau^2) in place of |x - y| / tau\n"
        "\n"
        "V is 0 where the samples follow the law of the data. With n samples its mean square does not\n"
        "fall below about 1 / n, and a low loss at the start (all samples in one spot) is no convergence:\n"
        "look at the metric \"drift\", E |V|^2. The fields of several tau are added.\n"
        "\n"
        "With data.labels each of method.groups parts of a step is of one class, and has its own field;\n"
        "all classes come equally often. Guided by alpha, method.unconditional data of each group are\n"
        "y- of all groups, which weigh alpha - 1 times as much as the samples do:\n"
        "q = alpha p(.|class) - (alpha - 1) p, where that is positive.",
    .needs =
        "Data and noise; no time, no teacher, no theta-, no derivative but the ordinary gradient.\n"
        "Distances of all samples to all targets: drift.workspace bounds their memory.",
    .sampling =
        "f(b): one evaluation, and no more.",
    .papers =
        "Deng, Li, Li, Du, He: Generative Modeling via Drifting. 2026, arXiv 2602.04770",
};
/* clang-format on */

const pf__method pf__method_drifting = {
    .name = "drifting",
    .summary =
        "drifting: moves the samples of a generator along a field in training, samples in one evaluation",
    .options = options,
    .explanation = &explanation,
    .evaluation = PF__EVALUATES_MAP,
    .needs = needs,
    .check = check,
    .loss = loss,
    .evaluate = evaluate,
};
