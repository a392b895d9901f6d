/* SPDX-License-Identifier: MIT
 * Losses of the average velocity. With w = dz/dt, h = t - r and du/dt = w . d_z u + d_t u with r fixed (the
 * network reads t and h, so the tangent is (w, 1, 1): h grows with t), and v the velocity that is regressed:
 *
 *   stopped   e = u - stopgrad( v - h du/dt )                  MeanFlow, arXiv 2505.13447 eqs. 9, 10
 *   full      e = u + h du/dt - v, which is -dg/dt of the map g = z - h u, with its whole gradient
 *   free map  e = dg/dt where r < t,  sqrt(boundary) (g - z) where r = t
 *   L = E |e|^2 / stopgrad( |e|^2 + norm_eps )^norm_p, |.|^2 summed over a sample
 *
 * With V = u + h stopgrad(du/dt) the first is e = V - v: a regression of V on the velocity (improved
 * MeanFlow, arXiv 2512.02012), whose w is the network's own v(z, t), by u(z, t, t) or by a second head, which
 * then learns v by a loss of the same weight beside. Such a w stops with du/dt.
 *
 * Guided, v of the rows that have a label, at times in [guide_from, guide_to], is
 *
 *   v_g = omega v + kappa u(z, t, t | label) + (1 - omega - kappa) u(z, t, t)
 *
 * by the network itself, stopped (its velocity head where it has one). Where u(z, t, t | label) is the mean
 * of v_g, it is v without label + w (v with it - v without), w = omega / (1 - kappa). */
#include "methods/average.h"
#include "methods/guidance.h"
#include <math.h>
#include <string.h>

pf__tangent pf__average_tangent(const pf__config *config) {
    const char *text = pf__config_text(config, "method.tangent");
    if (strcmp(text, "head") == 0) return PF__TANGENT_HEAD;
    return strcmp(text, "u") == 0 ? PF__TANGENT_U : PF__TANGENT_VELOCITY;
}

static bool is_guided(const pf__config *config) {
    return pf__config_real(config, "method.omega") != 1 || pf__config_real(config, "method.kappa") > 0;
}

static pf_status check_guidance(const pf__config *config, const pf__average *how, pf_error *err) {
    const char *key = pf__config_real(config, "method.omega") != 1 ? "method.omega" : "method.kappa";
    PF__TRY(pf__guidance_check(config, key, err));
    if (how->taught)
        return pf__hint(err,
                        pf__fail(err, PF_USAGE,
                                 "%s: %s guides the velocity of noise pairs, and method.velocity = teacher",
                                 pf__config_origin(config, key), key),
                        "set method.velocity = data, or leave %s out", key);
    if (pf__config_real(config, "method.guide_from") > pf__config_real(config, "method.guide_to"))
        return pf__hint(err,
                        pf__fail(err, PF_USAGE, "%s: method.guide_from is larger than method.guide_to",
                                 pf__config_origin(config, "method.guide_from")),
                        "times run from 0 (data) to 1 (noise); the paper guides from 0 to 0.75, 0.8 or 1");
    return PF_OK;
}

pf_status pf__average_check(const pf__config *config, const pf__average *how, pf_error *err) {
    if (is_guided(config)) PF__TRY(check_guidance(config, how, err));
    if (pf__config_real(config, "method.norm_p") > 0.0 && pf__config_real(config, "method.norm_eps") <= 0.0) {
        pf_status st = pf__fail(
            err, PF_USAGE, "method.norm_eps = 0 with method.norm_p > 0 divides by an error that may be 0");
        return pf__hint(err, st, "try method.norm_eps=1e-3");
    }
    /* the tangent enters u at (h / t) (dz/dt - dX/dt): feedback that is 1 at r = 0 */
    if (how->output == PF__OUTPUT_X && how->tangent == PF__TANGENT_U &&
        pf__config_real(config, "method.ratio") >= 1.0) {
        pf_status st = pf__fail(err, PF_USAGE,
                                "%s: method.tangent = u of a predicted X with method.ratio = 1: without rows "
                                "with r = t nothing teaches u(z, t, t), and what it feeds back grows",
                                pf__config_origin(config, "method.tangent"));
        return pf__hint(err, st, "try method.ratio=0.5, or method.tangent=velocity");
    }
    return PF_OK;
}

/* ---- the network ---- */

static pf_value wide(pf_graph *g, pf_value per_sample, pf_value z) {
    return pf_per_sample(g, per_sample, pf_value_shape(g, z).rank);
}

/* clip(t, least, 1) */
static pf_value clipped(pf_graph *g, pf_value t, double least) {
    pf_shape shape = pf_value_shape(g, t);
    return pf_min(g, pf_max(g, t, pf_constant(g, least, shape)), pf_constant(g, 1.0, shape));
}

/* The heads at z [B, sample...], t and h [B], as velocities (a free map stays one). */
static void heads_of(const pf__method_ctx *ctx, const pf__average *how, pf_value z, pf_value t, pf_value h,
                     pf__mode mode, pf_value heads[PF__HEADS_MAX]) {
    pf_graph *g = ctx->g;
    const pf_value condition[2] = {t, h};
    for (int i = 0; i < PF__HEADS_MAX; i++) heads[i] = 0;
    ctx->net->apply(ctx->net, g, ctx->params, ctx->group, z, condition, ctx->label, mode, heads);
    if (how->output != PF__OUTPUT_X) return;
    pf_value time = wide(g, clipped(g, t, how->clip), z);
    for (int i = 0; i < ctx->net->head_count; i++) heads[i] = pf_div(g, pf_sub(g, z, heads[i]), time);
}

/* ---- times ---- */

/* The rows of a batch with r < t: its first ones. A fixed number, as in the authors' code, so that the
 * tangent of the others, which nothing would read, is never computed. */
static int64_t moving_rows(const pf__method_ctx *ctx) {
    return llround(pf__config_real(ctx->config, "method.ratio") * (double)ctx->batch);
}

pf__span pf__average_span(const pf__method_ctx *ctx, pf_value first, pf_value second, bool larger) {
    pf_graph *g = ctx->g;
    const pf_shape batch = pf_shape_of(1, (int)ctx->batch);
    pf__span span = {.t = pf_max(g, first, second)};
    span.same = pf_less_equal(g, pf_constant(g, (double)moving_rows(ctx), batch),
                              pf_iota(g, PF_F32, batch, 0));
    if (!larger) span.t = pf_select(g, span.same, first, span.t);
    span.h = pf_sub(g, span.t, pf_select(g, span.same, span.t, pf_min(g, first, second)));
    return span;
}

/* v, given for the moving rows alone, and zero in the others. */
static pf_value padded(const pf__method_ctx *ctx, pf_value v) {
    int64_t before[PF_RANK_MAX] = {0}, after[PF_RANK_MAX] = {ctx->batch - moving_rows(ctx)};
    return pf_pad(ctx->g, v, before, after);
}

static pf_value first_rows(const pf__method_ctx *ctx, pf_value v) {
    return pf_slice_axis(ctx->g, v, 0, 0, moving_rows(ctx));
}

/* ---- the loss ---- */

/* The velocity to regress; in x-prediction divided by the clipped time, as u is. */
static pf_value regressed(const pf__method_ctx *ctx, const pf__average *how, const pf__path *path,
                          pf_value t) {
    pf_graph *g = ctx->g;
    pf_value v = path->v;
    if (how->taught) v = ctx->teacher_velocity(ctx->teacher, g, path->z, t, ctx->label);
    if (how->output != PF__OUTPUT_X) return v;
    pf_value time = wide(g, clipped(g, t, how->clip), path->z);
    pf_value way = how->taught ? pf_mul(g, wide(g, t, path->z), v) : pf_sub(g, path->z, ctx->data);
    return pf_div(g, way, time);
}

/* u(z, t, t) or the velocity head, as numbers that nobody trains. */
static pf_value own_velocity(const pf__method_ctx *ctx, const pf__average *how, pf_value z, pf_value t) {
    pf_value heads[PF__HEADS_MAX], none = pf_constant(ctx->g, 0.0, pf_value_shape(ctx->g, t));
    heads_of(ctx, how, z, t, none, PF__MODE_SAMPLE, heads);
    return pf_stop_gradient(ctx->g, heads[how->tangent == PF__TANGENT_HEAD]);
}

/* [B]: 1 where the row is guided. */
static pf_value guided_rows(const pf__method_ctx *ctx, pf_value t) {
    pf_graph *g = ctx->g;
    const pf_shape batch = pf_value_shape(g, t);
    pf_value from = pf_constant(g, pf__config_real(ctx->config, "method.guide_from"), batch),
             to = pf_constant(g, pf__config_real(ctx->config, "method.guide_to"), batch);
    pf_value inside = pf_mul(g, pf_less_equal(g, from, t), pf_less_equal(g, t, to));
    return pf_mul(g, inside, pf__guidance_known(ctx));
}

/* v_g, and v in the rows that are not guided. */
static pf_value guided(const pf__method_ctx *ctx, const pf__average *how, pf_value z, pf_value t,
                       pf_value v) {
    pf_graph *g = ctx->g;
    const double omega = pf__config_real(ctx->config, "method.omega"),
                 kappa = pf__config_real(ctx->config, "method.kappa"), rest = 1 - omega - kappa;
    if (!is_guided(ctx->config) || !ctx->label) return v;
    const pf__method_ctx null = pf__guidance_null(ctx);
    pf_value mixed = pf_mul_number(g, v, omega);
    if (kappa > 0) mixed = pf_add(g, mixed, pf_mul_number(g, own_velocity(ctx, how, z, t), kappa));
    if (fabs(rest) > 1e-12) /* 0.2 and 0.8 leave nothing */
        mixed = pf_add(g, mixed, pf_mul_number(g, own_velocity(&null, how, z, t), rest));
    pf_value rows = wide(g, guided_rows(ctx, t), z);
    return pf_select(g, pf_broadcast(g, rows, pf_value_shape(g, z)), mixed, v);
}

/* dz/dt, zero where r = t. */
static pf_value direction(const pf__method_ctx *ctx, const pf__average *how, pf_value z, pf_value t,
                          pf_value v) {
    pf_graph *g = ctx->g;
    if (how->tangent == PF__TANGENT_VELOCITY) return padded(ctx, first_rows(ctx, v));
    pf__method_ctx moving = *ctx;
    pf_value heads[PF__HEADS_MAX], time = first_rows(ctx, t);
    if (ctx->label) moving.label = first_rows(ctx, ctx->label);
    pf_value none = pf_constant(g, 0.0, pf_value_shape(g, time));
    heads_of(&moving, how, first_rows(ctx, z), time, none, PF__MODE_TRAIN, heads);
    return padded(ctx, heads[how->tangent == PF__TANGENT_HEAD]);
}

/* e / stopgrad(e + c)^p of each sample's error e [B]. */
static pf_value weighted(const pf__method_ctx *ctx, pf_value error) {
    pf_graph *g = ctx->g;
    pf_value shifted = pf_add_number(g, error, pf__config_real(ctx->config, "method.norm_eps"));
    double p = pf__config_real(ctx->config, "method.norm_p");
    return pf_mul(g, error, pf_stop_gradient(g, pf_power(g, shifted, -p)));
}

static void add_metric(pf__metrics *metrics, const char *name, pf_value value) {
    metrics->name[metrics->count] = name;
    metrics->value[metrics->count++] = value;
}

static pf_value squares(const pf__method_ctx *ctx, pf_value a, pf_value b) {
    return pf_sum_per_sample(ctx->g, pf_square(ctx->g, pf_sub(ctx->g, a, b)));
}

/* Means per number of a sample: errors that stay readable when the weighted loss is constant. Of the rows
 * with r = t (0 without any): */
static pf_value mean_of_same(const pf__method_ctx *ctx, pf_value same, pf_value error) {
    pf_graph *g = ctx->g;
    const int64_t still = ctx->batch - moving_rows(ctx);
    double size = (double)pf_shape_count(&ctx->net->sample);
    pf_value mean = pf_mul_number(g, pf_sum_all(g, pf_mul(g, same, error)),
                                  1.0 / (double)(still ? still : 1));
    return pf_mul_number(g, mean, 1.0 / size);
}

/* Of all rows. */
static pf_value mean_of(const pf__method_ctx *ctx, pf_value error) {
    double size = (double)pf_shape_count(&ctx->net->sample);
    return pf_mul_number(ctx->g, pf_mean_all(ctx->g, error), 1.0 / size);
}

/* Root of the mean square of a rate that is zero where r = t, over the other rows. */
static pf_value rms_of_moving(const pf__method_ctx *ctx, pf_value rate) {
    pf_graph *g = ctx->g;
    double numbers = (double)pf_shape_count(&ctx->net->sample) * (double)moving_rows(ctx);
    if (!rate) return pf_constant(g, 0.0, pf_shape_of(0));
    return pf_sqrt(g, pf_mul_number(g, pf_sum_all(g, pf_square(g, rate)), 1.0 / numbers));
}

/* The identity of u: each sample's error, and its metrics. */
static pf_value identity(const pf__method_ctx *ctx, const pf__average *how, const pf__span *span, pf_value u,
                         pf_value rate, pf_value v, pf__metrics *metrics) {
    pf_graph *g = ctx->g;
    pf_value target = pf_sub(g, v, pf_mul(g, wide(g, span->h, u), rate));
    if (!how->full) target = pf_stop_gradient(g, target);
    pf_value e2 = squares(ctx, u, target);
    add_metric(metrics, "fm_error", mean_of_same(ctx, span->same, squares(ctx, u, v)));
    add_metric(metrics, "u_error", mean_of(ctx, e2));
    add_metric(metrics, "jvp_norm", rms_of_moving(ctx, rate));
    return e2;
}

/* The same of a free map. */
static pf_value free_map(const pf__method_ctx *ctx, const pf__average *how, const pf__span *span,
                         pf_value map, pf_value rate, pf_value z, pf__metrics *metrics) {
    pf_graph *g = ctx->g;
    pf_value end = pf_mul(g, span->same, squares(ctx, map, z));
    add_metric(metrics, "map_rate", rms_of_moving(ctx, rate));
    add_metric(metrics, "boundary_error", mean_of_same(ctx, span->same, end));
    end = pf_mul_number(g, end, how->boundary);
    return rate ? pf_add(g, pf_sum_per_sample(g, pf_square(g, rate)), end) : end;
}

void pf__average_loss(const pf__method_ctx *ctx, const pf__average *how, const pf__span *span, pf_value *out,
                      pf__metrics *metrics) {
    pf_graph *g = ctx->g;
    pf_value heads[PF__HEADS_MAX], rate[PF__HEADS_MAX] = {0};
    *out = 0;
    *metrics = (pf__metrics){0};
    pf__path path = pf__path_draw(ctx, span->t);
    pf_value v = guided(ctx, how, path.z, span->t, regressed(ctx, how, &path, span->t));
    heads_of(ctx, how, path.z, span->t, span->h, PF__MODE_TRAIN, heads);
    if (moving_rows(ctx)) {
        pf_value one = padded(ctx, pf_constant(g, 1.0, pf_shape_of(1, (int)moving_rows(ctx))));
        pf_value along[3] = {path.z, span->t, span->h},
                 tangent[3] = {direction(ctx, how, path.z, span->t, v), one, one};
        if (pf_jvp(g, heads, ctx->net->head_count, along, tangent, 3, rate) != PF_OK) return;
    }
    pf_value e2 = how->output == PF__OUTPUT_MAP ? free_map(ctx, how, span, heads[0], rate[0], path.z, metrics)
                                                : identity(ctx, how, span, heads[0], rate[0], v, metrics);
    pf_value each = weighted(ctx, e2);
    if (how->tangent == PF__TANGENT_HEAD) {
        pf_value error = squares(ctx, heads[1], v);
        add_metric(metrics, "head_error", mean_of(ctx, error));
        each = pf_add(g, each, weighted(ctx, error));
    }
    *out = pf_mean_all(g, each);
}

/* ---- the map ---- */

/* g = z - h u, as X: g = (h / t) X + (1 - h / t) z */
void pf__average_evaluate(const pf__method_ctx *ctx, const pf__average *how, pf_value *out) {
    pf_graph *g = ctx->g;
    pf_value heads[PF__HEADS_MAX] = {0}, h = pf_sub(g, ctx->t, ctx->r);
    const pf_value condition[2] = {pf__time_batch(ctx, ctx->t), pf__time_batch(ctx, h)};
    ctx->net->apply(ctx->net, g, ctx->params, ctx->group, ctx->x, condition, ctx->label, PF__MODE_SAMPLE,
                    heads);
    *out = heads[0];
    if (how->output == PF__OUTPUT_U) *out = pf_sub(g, ctx->x, pf_mul(g, h, heads[0]));
    if (how->output == PF__OUTPUT_X) {
        pf_value share = pf_div(g, h, clipped(g, ctx->t, how->clip));
        pf_value rest = pf_add_number(g, pf_neg(g, share), 1.0);
        *out = pf_add(g, pf_mul(g, share, heads[0]), pf_mul(g, rest, ctx->x));
    }
}

/* Zeros that are no constant: of constants, which a graph shares, there is no derivative. */
static pf_value zero_span(const pf__method_ctx *ctx) {
    const pf_shape shape = pf_shape_of(3, (int)ctx->batch, 1, 1);
    return pf_reshape(ctx->g, pf_iota(ctx->g, PF_F32, shape, 2), pf_shape_of(1, (int)ctx->batch));
}

void pf__average_velocity(const pf__method_ctx *ctx, const pf__average *how, pf_value *out) {
    pf_graph *g = ctx->g;
    pf_value heads[PF__HEADS_MAX], t = pf__time_batch(ctx, ctx->t), h = zero_span(ctx);
    heads_of(ctx, how, ctx->x, t, h, PF__MODE_SAMPLE, heads);
    *out = heads[0];
    if (how->output != PF__OUTPUT_MAP) return;
    pf_value back = pf_constant(g, -1.0, pf_value_shape(g, h)); /* h shrinks as r grows */
    pf_jvp(g, heads, 1, &h, &back, 1, out);
}
