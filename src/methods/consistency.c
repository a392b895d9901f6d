/* SPDX-License-Identifier: MIT
 * Consistency models in discrete time (Song et al. 2023, arXiv 2303.01469; improved: Song & Dhariwal 2023,
 * arXiv 2310.14189; easy: Geng et al. 2024, arXiv 2406.14548). f(x, t) is the end at t = 0 of the flow
 * through (x, t):
 *
 *   L = E lambda d( f_theta(x_t, t), stopgrad f_theta-(x_r, r) ),  r < t neighbours (interval.c)
 *
 *   form = training      x_r = (1-r) a + r b with the noise of x_t, algorithm 3
 *   form = distillation  x_r = a step of the teacher's velocity from x_t, algorithm 2
 *
 * parametrisation, F the network, e^2 = t^2 + S^2 (1-t)^2, S = sigma_data; f(x, 0) = x exactly but for free:
 *
 *   linear  f = x - t F(x, t)
 *   edm     f = S^2 (1-t) / e^2 x + S t / e F(x / e, t)
 *   free    f = F(x, t), with the term boundary E ||f(a, 0) - a||^2 / D beside the loss
 *
 * edm is c_skip, c_out, c_in of a + s b, written for x = (a + s b) / (1 + s). One evaluation draws f(b, 1);
 * several draw f, go back to a time r with fresh noise, and so on (algorithm 1).
 */
#include "methods/interval.h"
#include <math.h>
#include <string.h>

/* clang-format off */
static const pf__option options[] = {
    {"method", "form", PF__OPTION_CHOICE, "training|distillation", 0, 0, "training", NULL, NULL,
     "learn from the data alone, or from a teacher's velocity", "arXiv 2303.01469, algorithms 3 and 2"},
    {"method", "teacher", PF__OPTION_PATH, "analytic", 0, 0, "", "phi", NULL,
     "form = distillation: a run folder or a checkpoint of a method that knows a velocity, such as flow; or analytic: "
     "the exact velocity, for sets of data make gaussian and 8gaussians", NULL},
    {"method", "teacher_weights", PF__OPTION_TEXT, NULL, 0, 0, "", NULL, NULL,
     "averaging rate of the teacher's weights, or none; unset = the longest", NULL},
    {"method", "solver", PF__OPTION_CHOICE, "euler|heun", 0, 0, "heun", "Phi", NULL,
     "form = distillation: the teacher's step from t to r", "arXiv 2303.01469 eq. 6"},
    {"method", "mu", PF__OPTION_REAL, NULL, 0, 0.999999, "0", "mu", NULL,
     "decay of theta-, an average of the parameters; 0: the parameters themselves. The papers use 0, and 0.9 to 0.95 with "
     "curriculum = original, which raises it as N(k) grows: exp(s_0 ln(mu) / N(k))", "arXiv 2303.01469 eq. 8"},
    PF__INTERVAL_OPTIONS,
    PF__TIME_OPTIONS("logit-normal", "-1.1", "2"),
    {"method", "distance", PF__OPTION_CHOICE, "square|huber", 0, 0, "huber", "d", NULL,
     "mean square over a sample's numbers, or sqrt(|d|^2 + c^2) - c of the whole sample", "arXiv 2310.14189 eq. 6"},
    {"method", "huber_c", PF__OPTION_REAL, NULL, 1e-6, 1e3, "0.00054", "c / sqrt(D)", NULL,
     "distance = huber: c over the root of the sample's size; larger is nearer to the square", "arXiv 2310.14189"},
    {"method", "weight", PF__OPTION_CHOICE, "none|interval", 0, 0, "interval", "lambda", NULL,
     "of a sample: 1, or 1 over the interval's width in noise levels (grid = uniform: in time)", "arXiv 2310.14189 eq. 9"},
    {"method", "parametrisation", PF__OPTION_CHOICE, "linear|edm|free", 0, 0, "linear", NULL, NULL,
     "of f by the network: exact at t = 0 (linear, edm), or the network itself", "arXiv 2303.01469 eq. 5"},
    {"method", "sigma_data", PF__OPTION_REAL, NULL, 1e-3, 1e3, "1", "sigma_data", NULL,
     "parametrisation = edm: standard deviation of the data; images in [-1, 1] have 0.5, standardised data 1", NULL},
    {"method", "boundary", PF__OPTION_REAL, NULL, 0, 1e6, "0", NULL, NULL,
     "parametrisation = free: weight of E|f(a, 0) - a|^2 / D", NULL},
    {0},
};
/* clang-format on */

static bool is(const pf__method_ctx *ctx, const char *key, const char *value) {
    return strcmp(pf__config_text(ctx->config, key), value) == 0;
}

static pf__needs needs(const pf__config *config) {
    return (pf__needs){
        .condition_count = 1,
        .head_count = 1,
        .target = pf__config_real(config, "method.mu") > 0,
        .teacher = strcmp(pf__config_text(config, "method.form"), "distillation") == 0,
    };
}

static pf_status check(const pf__config *config, pf_error *err) {
    bool is_free = strcmp(pf__config_text(config, "method.parametrisation"), "free") == 0;
    bool teaches = strcmp(pf__config_text(config, "method.form"), "distillation") == 0;
    double boundary = pf__config_real(config, "method.boundary");
    PF__TRY(pf__interval_check(config, err));
    if (is_free && boundary <= 0)
        return pf__hint(
            err,
            pf__fail(err, PF_USAGE,
                     "method.parametrisation = free needs method.boundary > 0: without a condition "
                     "at t = 0 any constant minimises the loss"),
            "try method.boundary = 1, or method.parametrisation = linear");
    if (!is_free && boundary > 0)
        return pf__hint(
            err,
            pf__fail(err, PF_USAGE,
                     "%s: method.boundary = %g weighs a term that is zero: method.parametrisation = %s "
                     "satisfies f(x, 0) = x exactly",
                     pf__config_origin(config, "method.boundary"), boundary,
                     pf__config_text(config, "method.parametrisation")),
            "it goes with method.parametrisation = free");
    if (!teaches && *pf__config_text(config, "method.teacher"))
        return pf__hint(err,
                        pf__fail(err, PF_USAGE, "%s: method.form = training uses no teacher",
                                 pf__config_origin(config, "method.teacher")),
                        "set method.form = distillation, or leave method.teacher out");
    return PF_OK;
}

static void schedule(const pf__config *config, int64_t step, int64_t steps, pf__curriculum *out) {
    double mu = pf__config_real(config, "method.mu");
    pf__interval_schedule(config, step, steps, out);
    out->target = mu;
    if (mu > 0 && strcmp(pf__config_text(config, "method.curriculum"), "original") == 0) {
        double s0 = (double)pf__config_int(config, "method.s0");
        out->target = exp((s0 > 0 ? s0 : 2) * log(mu) / out->levels);
    }
}

/* ---- f ---- */

/* f of one group's parameters at x [B, sample...], t [B]. */
static pf_value end_of(const pf__method_ctx *ctx, const char *group, pf_value x, pf_value t, pf__mode mode) {
    pf_graph *g = ctx->g;
    pf__method_ctx with = *ctx;
    with.group = group;
    if (is(ctx, "method.parametrisation", "free")) return pf__net_head(&with, x, &t, mode);
    int rank = pf_value_shape(g, x).rank;
    pf_value time = pf_per_sample(g, t, rank);
    if (is(ctx, "method.parametrisation", "linear"))
        return pf_sub(g, x, pf_mul(g, time, pf__net_head(&with, x, &t, mode)));
    double sigma = pf__config_real(ctx->config, "method.sigma_data");
    pf_value rest = pf_add_number(g, pf_neg(g, t), 1.0);
    pf_value e2 = pf_add(g, pf_square(g, t), pf_mul_number(g, pf_square(g, rest), sigma * sigma));
    pf_value over_e = pf_rsqrt(g, e2);
    pf_value skip = pf_div(g, pf_mul_number(g, rest, sigma * sigma), e2);
    pf_value out = pf_mul_number(g, pf_mul(g, t, over_e), sigma);
    pf_value head = pf__net_head(&with, pf_mul(g, x, pf_per_sample(g, over_e, rank)), &t, mode);
    return pf_add(g, pf_mul(g, pf_per_sample(g, skip, rank), x),
                  pf_mul(g, pf_per_sample(g, out, rank), head));
}

/* ---- the loss ---- */

/* x_r: along the noise pair, or by the teacher. */
static pf_value earlier(const pf__method_ctx *ctx, const pf__path *path, const pf__interval *i) {
    pf_graph *g = ctx->g;
    int rank = pf_value_shape(g, path->z).rank;
    if (is(ctx, "method.form", "training"))
        return pf_add(g, ctx->data, pf_mul(g, pf_per_sample(g, i->r, rank), path->v));
    pf_value h = pf_per_sample(g, pf_sub(g, i->r, i->t), rank);
    pf_value k1 = ctx->teacher_velocity(ctx->teacher, g, path->z, i->t, ctx->label);
    pf_value x = pf_add(g, path->z, pf_mul(g, h, k1));
    if (is(ctx, "method.solver", "euler")) return x;
    pf_value k2 = ctx->teacher_velocity(ctx->teacher, g, x, i->r, ctx->label);
    return pf_add(g, path->z, pf_mul(g, pf_mul_number(g, h, 0.5), pf_add(g, k1, k2)));
}

/* d [B] of the difference whose squares sum to d2 [B]. */
static pf_value distance(const pf__method_ctx *ctx, pf_value d2) {
    pf_graph *g = ctx->g;
    double size = (double)pf_shape_count(&ctx->net->sample);
    if (is(ctx, "method.distance", "square")) return pf_mul_number(g, d2, 1 / size);
    double c = pf__config_real(ctx->config, "method.huber_c") * sqrt(size);
    return pf_add_number(g, pf_sqrt(g, pf_add_number(g, d2, c * c)), -c);
}

static void loss(const pf__method_ctx *ctx, pf_value *out, pf__metrics *metrics) {
    pf_graph *g = ctx->g;
    double size = (double)pf_shape_count(&ctx->net->sample);
    const char *behind = pf__config_real(ctx->config, "method.mu") > 0 ? ctx->target : ctx->group;
    pf__interval i = pf__interval_draw(ctx);
    pf__path path = pf__path_draw(ctx, i.t);
    pf_value f = end_of(ctx, ctx->group, path.z, i.t, PF__MODE_TRAIN);
    pf_value target = end_of(ctx, behind, earlier(ctx, &path, &i), i.r, PF__MODE_TRAIN);
    pf_value d2 = pf_sum_per_sample(g, pf_square(g, pf_sub(g, f, pf_stop_gradient(g, target))));
    pf_value each = distance(ctx, d2);
    if (is(ctx, "method.weight", "interval")) each = pf_div(g, each, i.width);
    *out = pf_mean_all(g, each);
    *metrics = (pf__metrics){
        .name = {"consistency_error", "levels"},
        .value = {pf_mul_number(g, pf_mean_all(g, d2), 1 / size), i.level},
        .count = 2,
    };
    double boundary = pf__config_real(ctx->config, "method.boundary");
    if (boundary <= 0) return;
    pf_value zero = pf_constant(g, 0.0, pf_shape_of(1, (int)ctx->batch));
    pf_value end = end_of(ctx, ctx->group, ctx->data, zero, PF__MODE_TRAIN);
    pf_value error = pf_mean_all(g, pf_square(g, pf_sub(g, end, ctx->data)));
    *out = pf_add(g, *out, pf_mul_number(g, error, boundary));
    metrics->name[metrics->count] = "boundary_error";
    metrics->value[metrics->count++] = error;
}

/* (1-r) f(x, t) + r fresh noise */
static void evaluate(const pf__method_ctx *ctx, pf_value *out) {
    pf_graph *g = ctx->g;
    pf_value end = end_of(ctx, ctx->group, ctx->x, pf__time_batch(ctx, ctx->t), PF__MODE_SAMPLE);
    pf_value noise = pf_random_normal(g, "noise/renew", pf_value_shape(g, ctx->x));
    *out = pf_add(g, pf_mul(g, pf_add_number(g, pf_neg(g, ctx->r), 1.0), end), pf_mul(g, ctx->r, noise));
}

/* clang-format off */
static const pf__explanation explanation = {
    .equations =
        "f(x, t)    the end at t = 0 of the flow through (x, t); f(x, 0) = x\n"
        "L          = E lambda d( f(x_t, t), stopgrad f-(x_r, r) ),  t > r neighbouring times\n"
        "\n"
        "form = training      x_r = (1 - r) a + r b with the same a and b as x_t\n"
        "form = distillation  x_r = x_t + (r - t) v, a step of the teacher's velocity (euler or heun)\n"
        "\n"
        "parametrisation = linear  f = x - t F(x, t),  F the network\n"
        "                = edm     f = S^2 (1-t) / e^2 x + S t / e F(x / e, t),  e^2 = t^2 + S^2 (1-t)^2\n"
        "                = free    f = F(x, t), and boundary E |f(a, 0) - a|^2 / D beside the loss\n"
        "\n"
        "f- has the parameters theta-, which follow theta: theta- <- mu theta- + (1 - mu) theta. The\n"
        "curriculum brings r ever nearer to t.",
    .needs =
        "Data, noise and two times. With mu > 0 a second copy of the parameters, theta-. With\n"
        "form = distillation a teacher.",
    .sampling =
        "f(b, 1) in one evaluation. With n evaluations: f, back to a time r with fresh noise, f again,\n"
        "and so on.",
    .papers =
        "Song, Dhariwal, Chen, Sutskever: Consistency Models. 2023, arXiv 2303.01469\n"
        "Song, Dhariwal: Improved Techniques for Training Consistency Models. 2023, arXiv 2310.14189\n"
        "Geng, Pokle, Luo, Lin, Kolter: Consistency Models Made Easy. 2024, arXiv 2406.14548",
};
/* clang-format on */

const pf__method pf__method_consistency = {
    .name = "consistency",
    .summary = "consistency models in discrete time: learn where the flow ends, sample in one evaluation",
    .options = options,
    .explanation = &explanation,
    .evaluation = PF__EVALUATES_MAP,
    .needs = needs,
    .check = check,
    .loss = loss,
    .evaluate = evaluate,
    .schedule = schedule,
};
