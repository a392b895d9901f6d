/* SPDX-License-Identifier: MIT
 * Consistency models in continuous time: f(x, t) is kept along the flow, df/dt = 0. With w the velocity along
 * which x moves and dF/dt = w . d_x F + d_t F a forward-mode derivative of the network F:
 *
 *   linear path     f = x - t F(x, t),  df/dt = w - F - t dF/dt
 *
 *   form = full     L = E |df/dt|^2 / D with its whole gradient, reverse over forward. Only the marginal
 *                   velocity v will do: with J = df/dx, E |J w + f_t|^2 = E |J v + f_t|^2 + E |J (w - v)|^2,
 *                   so that the velocity b - a of a noise pair punishes J itself
 *   form = stopgrad F is regressed on the constant F + T, T = w - F - r t dF/dt: the gradient of f times
 *                   df/dt, over t. It is linear in w: the velocity of a noise pair will do
 *
 *   form = trigflow (Lu & Song 2024, arXiv 2410.11081, eqs. 6, 7)
 *                   x = cos(p) a + sin(p) S b, S = sigma_data, tan(p) = t / (1-t) / S
 *                   f = cos(p) x - sin(p) S F(x / S, p)
 *                   T = -cos^2(p) (S F - dx/dp) - r (cos(p) sin(p) x + S F')
 *                   F' the derivative of F for the tangent cos(p) sin(p) (dx/dp / S, 1), so that nothing
 *                   grows near p = pi/2
 *
 * adaptive: the loss is exp(-l(p)) |.|^2 / D + l(p) with l learnt, so that every p weighs alike in the end. r
 * rises from 0 to 1 over the first H steps (tangent warm-up); T is divided by |T| + c (normalisation). Times
 * outside this file are t of the linear path, and so are samples: x_t = x (1-t) / cos(p).
 */
#include "methods/time.h"
#include <math.h>
#include <string.h>

/* clang-format off */
static const pf__option options[] = {
    {"method", "form", PF__OPTION_CHOICE, "full|stopgrad|trigflow", 0, 0, "stopgrad", NULL, NULL,
     "the whole gradient of |df/dt|^2 (needs velocity = teacher), or a regression with a stopped gradient",
     "arXiv 2303.01469 appendix B; arXiv 2410.11081"},
    {"method", "velocity", PF__OPTION_CHOICE, "data|teacher", 0, 0, "data", "dx/dt", NULL,
     "along which df/dt is taken: of the noise pair, or the teacher's", "arXiv 2410.11081, sCT and sCD"},
    {"method", "teacher", PF__OPTION_PATH, "analytic", 0, 0, "", "phi", NULL,
     "velocity = teacher: a run folder or a checkpoint of a method that knows a velocity, such as flow; or analytic: "
     "the exact velocity, for sets of data make gaussian and 8gaussians", NULL},
    {"method", "teacher_weights", PF__OPTION_TEXT, NULL, 0, 0, "", NULL, NULL,
     "averaging rate of the teacher's weights, or none; unset = the longest", NULL},
    PF__TIME_OPTIONS("logit-normal", "-0.4", "1.4"),
    {"method", "H", PF__OPTION_INT, NULL, -1, 1e12, "-1", "H", "steps",
     "of tangent warm-up: the part with dF/dt rises linearly; -1 = a tenth of the training (the paper has 10000 of 400000)",
     "arXiv 2410.11081 section 4.1"},
    {"method", "normalise", PF__OPTION_BOOL, NULL, 0, 0, "true", NULL, NULL,
     "divide each sample's tangent T by |T| + c (not with form = full)", "arXiv 2410.11081 section 4.1"},
    {"method", "c", PF__OPTION_REAL, NULL, 1e-6, 1e3, "0.1", "c", NULL, "see normalise; the paper has 0.1",
     "arXiv 2410.11081 section 4.1"},
    {"method", "adaptive", PF__OPTION_BOOL, NULL, 0, 0, "true", "w(t)", NULL,
     "form = trigflow: weigh the loss by exp(-l(t)) + l(t), l learnt beside the network", "arXiv 2410.11081 section 4.2"},
    {"method", "sigma_data", PF__OPTION_REAL, NULL, 1e-3, 1e3, "1", "sigma_d", NULL,
     "form = trigflow: standard deviation of the data; images in [-1, 1] have 0.5, standardised data 1", NULL},
    {0},
};
/* clang-format on */

static bool is(const pf__config *config, const char *key, const char *value) {
    return strcmp(pf__config_text(config, key), value) == 0;
}

static pf__needs needs(const pf__config *config) {
    return (pf__needs){
        .condition_count = 1, .head_count = 1, .teacher = is(config, "method.velocity", "teacher")};
}

static pf_status check(const pf__config *config, pf_error *err) {
    bool taught = is(config, "method.velocity", "teacher");
    if (is(config, "method.form", "full") && !taught)
        return pf__hint(
            err,
            pf__fail(err, PF_USAGE,
                     "method.form = full needs the marginal velocity: along the velocity of a noise pair "
                     "E |df/dt|^2 also punishes df/dx, which collapses f"),
            "set method.velocity = teacher and method.teacher = RUN, or method.form = stopgrad");
    if (!taught && *pf__config_text(config, "method.teacher"))
        return pf__hint(err,
                        pf__fail(err, PF_USAGE, "%s: method.velocity = data uses no teacher",
                                 pf__config_origin(config, "method.teacher")),
                        "set method.velocity = teacher, or leave method.teacher out");
    return PF_OK;
}

static void schedule(const pf__config *config, int64_t step, int64_t steps, pf__curriculum *out) {
    int64_t h = pf__config_int(config, "method.H");
    double rise = h < 0 ? (double)steps / 10 : (double)h;
    out->warmup = rise > 0 ? fmin(1, (double)step / rise) : 1;
}

/* ---- the angle of TrigFlow ---- */

typedef struct angle {
    pf_value p, cos, sin; /* [B] */
    pf_value stretch;     /* [B]: x = stretch x_t */
} angle;

/* cos(p) = S (1-t) / e, sin(p) = t / e, e^2 = t^2 + S^2 (1-t)^2, without dividing by 1 - t. */
static angle angle_of(const pf__method_ctx *ctx, pf_value t) {
    pf_graph *g = ctx->g;
    double sigma = pf__config_real(ctx->config, "method.sigma_data");
    pf_value near = pf_mul_number(g, pf_add_number(g, pf_neg(g, t), 1.0), sigma);
    pf_value over = pf_rsqrt(g, pf_add(g, pf_square(g, t), pf_square(g, near)));
    pf_value half = pf_div(g, t, pf_add(g, pf_recip(g, over), near)); /* tan(p / 2) */
    return (angle){.p = pf_mul_number(g, pf_atan(g, half), 2.0),
                   .cos = pf_mul(g, near, over),
                   .sin = pf_mul(g, t, over),
                   .stretch = pf_mul_number(g, over, sigma)};
}

/* ---- losses ---- */

static pf_value wide(const pf__method_ctx *ctx, pf_value per_sample) {
    return pf_per_sample(ctx->g, per_sample, ctx->net->sample.rank + 1);
}

/* w at x_t: of the pair, or the teacher's. */
static pf_value direction(const pf__method_ctx *ctx, const pf__path *path, pf_value t) {
    if (is(ctx->config, "method.velocity", "data")) return path->v;
    return ctx->teacher_velocity(ctx->teacher, ctx->g, path->z, t, ctx->label);
}

/* l(p) [B], linear in p, sin(k p) and cos(k p); zero at first. Its parameters are the student's, beside the
 * network's. */
static pf_value learnt_log(const pf__method_ctx *ctx, pf_value p) {
    enum { FREQUENCIES = 4, FEATURES = 1 + 2 * FREQUENCIES };
    pf_graph *g = ctx->g;
    pf_value column = pf_reshape(g, p, pf_shape_of(2, (int)ctx->batch, 1));
    pf_value k = pf_add_number(g, pf_iota(g, PF_F32, pf_shape_of(2, 1, FREQUENCIES), 1), 1.0);
    pf_value turns = pf_mul(g, column, k), parts[3] = {column, pf_sin(g, turns), pf_cos(g, turns)};
    pf_value weight = pf__params_leaf(ctx->params, g, ctx->group, "log_weight/weight",
                                      pf_shape_of(2, FEATURES, 1), PF__INIT_ZERO, 0.0);
    pf_value bias = pf__params_leaf(ctx->params, g, ctx->group, "log_weight/bias", pf_shape_of(1, 1),
                                    PF__INIT_ZERO, 0.0);
    pf_value l = pf_add(g, pf_matmul(g, pf_concat(g, parts, 3, 1), weight, false, false), bias);
    return pf_reshape(g, l, pf_shape_of(1, (int)ctx->batch));
}

/* F regressed on the constant F + T; p [B]: weighted by a learnt function of it, 0: not. */
static void regress(const pf__method_ctx *ctx, pf_value f, pf_value tangent, pf_value p, pf_value *out,
                    pf__metrics *metrics) {
    pf_graph *g = ctx->g;
    double size = (double)pf_shape_count(&ctx->net->sample);
    pf_value t2 = pf_sum_per_sample(g, pf_square(g, tangent));
    metrics->name[0] = "tangent_norm"; /* the loss itself says nothing: it is about 1 / D with normalise */
    metrics->value[0] = pf_sqrt(g, pf_mul_number(g, pf_mean_all(g, t2), 1 / size));
    metrics->count = 1;
    if (pf__config_bool(ctx->config, "method.normalise")) {
        pf_value norm = pf_add_number(g, pf_sqrt(g, t2), pf__config_real(ctx->config, "method.c"));
        tangent = pf_div(g, tangent, wide(ctx, norm));
    }
    pf_value target = pf_stop_gradient(g, pf_add(g, f, tangent));
    pf_value error = pf_square(g, pf_sub(g, f, target));
    if (!p) {
        *out = pf_mean_all(g, error);
        return;
    }
    pf_value log_weight = learnt_log(ctx, p);
    pf_value each = pf_mul(g, pf_exp(g, pf_neg(g, log_weight)),
                           pf_mul_number(g, pf_sum_per_sample(g, error), 1 / size));
    *out = pf_mean_all(g, pf_add(g, each, log_weight));
    metrics->name[1] = "log_weight";
    metrics->value[1] = pf_mean_all(g, log_weight);
    metrics->count = 2;
}

static void linear_loss(const pf__method_ctx *ctx, pf_value *out, pf__metrics *metrics) {
    pf_graph *g = ctx->g;
    pf_value t = pf__time_draw(ctx, "time"), rate = 0;
    pf__path path = pf__path_draw(ctx, t);
    pf_value w = direction(ctx, &path, t), one = pf_constant(g, 1.0, pf_value_shape(g, t));
    pf_value f = pf__net_head(ctx, path.z, &t, PF__MODE_TRAIN);
    pf_value along[2] = {path.z, t}, tangent[2] = {w, one};
    if (pf_jvp(g, &f, 1, along, tangent, 2, &rate) != PF_OK) return;
    pf_value part = pf_mul(g, wide(ctx, t), rate);
    if (!is(ctx->config, "method.form", "full")) {
        part = pf_mul(g, part, pf_input(g, "step/warmup", PF_F32, pf_shape_of(0)));
        regress(ctx, f, pf_sub(g, pf_sub(g, w, f), part), 0, out, metrics);
        return;
    }
    *out = pf_mean_all(g, pf_square(g, pf_sub(g, pf_sub(g, w, f), part)));
    *metrics = (pf__metrics){.name = {"tangent_norm"}, .value = {pf_sqrt(g, *out)}, .count = 1};
}

/* cos(p) S E[b] - sin(p) E[a]: of the pair itself, or at x_t by the teacher's v = E[b - a]. */
static pf_value angular_velocity(const pf__method_ctx *ctx, const pf__path *path, pf_value t,
                                 const angle *at) {
    pf_graph *g = ctx->g;
    double sigma = pf__config_real(ctx->config, "method.sigma_data");
    pf_value v = direction(ctx, path, t), time = wide(ctx, t);
    pf_value a = pf_sub(g, path->z, pf_mul(g, time, v)), b = pf_add(g, a, v);
    return pf_sub(g, pf_mul(g, wide(ctx, pf_mul_number(g, at->cos, sigma)), b),
                  pf_mul(g, wide(ctx, at->sin), a));
}

static void trig_loss(const pf__method_ctx *ctx, pf_value *out, pf__metrics *metrics) {
    pf_graph *g = ctx->g;
    double sigma = pf__config_real(ctx->config, "method.sigma_data");
    pf_value t = pf__time_draw(ctx, "time"), rate = 0;
    angle at = angle_of(ctx, t);
    pf__path path = pf__path_draw(ctx, t);
    pf_value dx = angular_velocity(ctx, &path, t, &at);
    pf_value x = pf_mul(g, wide(ctx, at.stretch), path.z), input = pf_mul_number(g, x, 1 / sigma);
    pf_value f = pf__net_head(ctx, input, &at.p, PF__MODE_TRAIN);
    pf_value product = pf_mul(g, at.cos, at.sin), cos2 = wide(ctx, pf_square(g, at.cos));
    pf_value along[2] = {input, at.p},
             tangent[2] = {pf_mul(g, wide(ctx, product), pf_mul_number(g, dx, 1 / sigma)), product};
    if (pf_jvp(g, &f, 1, along, tangent, 2, &rate) != PF_OK) return;
    pf_value near = pf_mul(g, cos2, pf_sub(g, dx, pf_mul_number(g, f, sigma)));
    pf_value far = pf_add(g, pf_mul(g, wide(ctx, product), x), pf_mul_number(g, rate, sigma));
    far = pf_mul(g, far, pf_input(g, "step/warmup", PF_F32, pf_shape_of(0)));
    bool adaptive = pf__config_bool(ctx->config, "method.adaptive");
    regress(ctx, f, pf_sub(g, near, far), adaptive ? at.p : 0, out, metrics);
}

static void loss(const pf__method_ctx *ctx, pf_value *out, pf__metrics *metrics) {
    *out = 0;
    *metrics = (pf__metrics){0};
    if (is(ctx->config, "method.form", "trigflow"))
        trig_loss(ctx, out, metrics);
    else
        linear_loss(ctx, out, metrics);
}

/* ---- sampling ---- */

/* (1-r) f(x_t, t) + r fresh noise */
static void evaluate(const pf__method_ctx *ctx, pf_value *out) {
    pf_graph *g = ctx->g;
    pf_value t = pf__time_batch(ctx, ctx->t), end;
    if (is(ctx->config, "method.form", "trigflow")) {
        double sigma = pf__config_real(ctx->config, "method.sigma_data");
        angle at = angle_of(ctx, t);
        pf_value x = pf_mul(g, wide(ctx, at.stretch), ctx->x);
        pf_value f = pf__net_head(ctx, pf_mul_number(g, x, 1 / sigma), &at.p, PF__MODE_SAMPLE);
        end = pf_sub(g, pf_mul(g, wide(ctx, at.cos), x),
                     pf_mul(g, wide(ctx, pf_mul_number(g, at.sin, sigma)), f));
    } else {
        end = pf_sub(g, ctx->x, pf_mul(g, ctx->t, pf__net_head(ctx, ctx->x, &t, PF__MODE_SAMPLE)));
    }
    pf_value noise = pf_random_normal(g, "noise/renew", pf_value_shape(g, ctx->x));
    *out = pf_add(g, pf_mul(g, pf_add_number(g, pf_neg(g, ctx->r), 1.0), end), pf_mul(g, ctx->r, noise));
}

/* clang-format off */
static const pf__explanation explanation = {
    .equations =
        "f(x, t)    the end at t = 0 of the flow through (x, t), so that df/dt = 0 along it\n"
        "f          = x - t F(x, t),  df/dt = w - F - t dF/dt,  dF/dt = w . d_x F + d_t F\n"
        "\n"
        "form = full      L = E |df/dt|^2 / D with its whole gradient (reverse over forward). w must be\n"
        "                 the flow's own velocity: along b - a of a noise pair the loss also punishes\n"
        "                 df/dx, which collapses f\n"
        "form = stopgrad  L = E |F - stopgrad(F + T)|^2 / D,  T = w - F - r t dF/dt;  w = b - a will do\n"
        "form = trigflow  x = cos(p) a + sin(p) S b,  f = cos(p) x - sin(p) S F(x / S, p)\n"
        "                 T = -cos^2(p) (S F - dx/dp) - r (cos(p) sin(p) x + S F')\n"
        "                 L = E exp(-l(p)) |F - stopgrad(F + T)|^2 / D + l(p),  l learnt (adaptive)\n"
        "\n"
        "r rises from 0 to 1 over the first H steps; T is divided by |T| + c (normalise).",
    .needs =
        "Data, noise, times, and a forward-mode derivative of the network; form = full also its reverse.\n"
        "With velocity = teacher a teacher.",
    .sampling =
        "f(b, 1) in one evaluation. With n evaluations: f, back to a time r with fresh noise, f again,\n"
        "and so on.",
    .papers =
        "Song, Dhariwal, Chen, Sutskever: Consistency Models (appendix B). 2023, arXiv 2303.01469\n"
        "Lu, Song: Simplifying, Stabilizing and Scaling Continuous-Time Consistency Models. 2024,\n"
        "  arXiv 2410.11081",
};
/* clang-format on */

const pf__method pf__method_continuous = {
    .name = "continuous",
    .summary = "consistency models in continuous time: df/dt = 0 along the flow, sample in one evaluation",
    .options = options,
    .explanation = &explanation,
    .evaluation = PF__EVALUATES_MAP,
    .needs = needs,
    .check = check,
    .loss = loss,
    .evaluate = evaluate,
    .schedule = schedule,
};
