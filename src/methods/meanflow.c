/* SPDX-License-Identifier: MIT
 * MeanFlow (Geng et al. 2025, arXiv 2505.13447): the network is the average velocity over [r, t],
 *
 *   u(z, r, t) = 1 / (t - r) int_r^t v(z_s, s) ds, so that z_r = z - (t - r) u(z, r, t)   (eqs. 3, 12)
 *   u = v - (t - r) du/dt,  du/dt = v . d_z u + d_t u along the path with r fixed           (eqs. 6, 8)
 *
 * and the loss asks for that identity with the right side stopped (eqs. 9, 10). The network reads t and h = t
 * - r, so the tangent of du/dt is (v, 1, 1): h grows with t.
 *
 * prediction = x (as in Pixel MeanFlow, arXiv 2601.22158): the network's output is a picture X, and
 * u = (z - X) / clip(t, 0.05, 1); the velocity regressed is divided by the same clipped time. */
#include "methods/time.h"
#include <math.h>
#include <string.h>

#define TIME_MIN 0.05 /* of the division in x-prediction */

static const pf__option options[] = {
    {"method", "ratio", PF__OPTION_REAL, NULL, 0, 1, "0.5", "r != t", NULL,
     "share of each batch with r < t; the others learn the velocity at r = t", "MeanFlow, table 1a"},
    PF__TIME_OPTIONS("uniform", "-0.4", "1"),
    {"method", "norm_p", PF__OPTION_REAL, NULL, 0, 4, "0.5", "p", NULL,
     "power of the adaptive weight 1 / (error + norm_eps)^norm_p; 0 is the plain square",
     "MeanFlow, section 4.3"},
    {"method", "norm_eps", PF__OPTION_REAL, NULL, 0, 1e6, "1e-3", "c", NULL,
     "added to the error (summed over a sample) in the adaptive weight", "MeanFlow, section 4.3"},
    {"method", "prediction", PF__OPTION_CHOICE, "u|x", 0, 0, "u", NULL, NULL,
     "the network's output: the average velocity u, or X with u = (z - X) / t",
     "Pixel MeanFlow, X = z - t u"},
    {0},
};

static pf__needs needs(const pf__config *config) {
    (void)config;
    return (pf__needs){.condition_count = 2, .head_count = 1};
}

static pf_status check(const pf__config *config, pf_error *err) {
    if (pf__config_real(config, "method.norm_p") > 0.0 && pf__config_real(config, "method.norm_eps") <= 0.0) {
        pf_status st = pf__fail(
            err, PF_USAGE, "method.norm_eps = 0 with method.norm_p > 0 divides by an error that may be 0");
        return pf__hint(err, st, "try method.norm_eps=1e-3");
    }
    return PF_OK;
}

static bool predicts_x(const pf__method_ctx *ctx) {
    return strcmp(pf__config_text(ctx->config, "method.prediction"), "x") == 0;
}

/* clip(t, 0.05, 1), shaped to divide a batch like z. */
static pf_value clipped(const pf__method_ctx *ctx, pf_value t, pf_value z) {
    pf_graph *g = ctx->g;
    pf_shape batch = pf_shape_of(1, (int)ctx->batch);
    pf_value least = pf_constant(g, TIME_MIN, batch), most = pf_constant(g, 1.0, batch);
    return pf_per_sample(g, pf_min(g, pf_max(g, t, least), most), pf_value_shape(g, z).rank);
}

/* u(z, t - h, t): condition = {t, h}, both [B]. */
static pf_value average_velocity(const pf__method_ctx *ctx, pf_value z, const pf_value *condition,
                                 pf__mode mode) {
    pf_graph *g = ctx->g;
    pf_value output = pf__net_head(ctx, z, condition, mode);
    if (!predicts_x(ctx)) return output;
    return pf_div(g, pf_sub(g, z, output), clipped(ctx, condition[0], z));
}

/* The rows of a batch with r < t: its first ones. A fixed number, as in the authors' code, so that the
 * tangent of the others, which nothing would read, is never computed. */
static int64_t moving_rows(const pf__method_ctx *ctx) {
    return llround(pf__config_real(ctx->config, "method.ratio") * (double)ctx->batch);
}

/* Two draws of one law: t the larger, r the smaller, then r = t in the rows that do not move. condition = {t,
 * h}. */
static void draw_times(const pf__method_ctx *ctx, pf_value *condition, pf_value *same) {
    pf_graph *g = ctx->g;
    const pf_shape batch = pf_shape_of(1, (int)ctx->batch);
    pf_value first = pf__time_draw(ctx, "time"), second = pf__time_draw(ctx, "time/r");
    pf_value t = pf_max(g, first, second);
    *same = pf_less_equal(g, pf_constant(g, (double)moving_rows(ctx), batch), pf_iota(g, PF_F32, batch, 0));
    pf_value r = pf_select(g, *same, t, pf_min(g, first, second));
    condition[0] = t;
    condition[1] = pf_sub(g, t, r);
}

/* v in the moving rows, zero in the others. */
static pf_value in_moving_rows(const pf__method_ctx *ctx, pf_value v) {
    const int64_t rows = moving_rows(ctx);
    int64_t before[PF_RANK_MAX] = {0}, after[PF_RANK_MAX] = {ctx->batch - rows};
    return rows ? pf_pad(ctx->g, pf_slice_axis(ctx->g, v, 0, 0, rows), before, after) : 0;
}

/* Means over the batch, per number of a sample: errors that stay readable when the weighted loss is constant.
 */
static void add_metrics(const pf__method_ctx *ctx, pf_value e2, pf_value same, pf_value velocity_error,
                        pf_value rate, pf__metrics *metrics) {
    pf_graph *g = ctx->g;
    double size = (double)pf_shape_count(&ctx->net->sample);
    const double moving = (double)moving_rows(ctx);      /* rate is zero in the other rows */
    const int64_t still = ctx->batch - moving_rows(ctx); /* rows with r = t; without any, the metric is 0 */
    pf_value fm = pf_mul_number(g, pf_sum_all(g, pf_mul(g, same, velocity_error)),
                                1.0 / (double)(still ? still : 1));
    pf_value rms = rate ? pf_sqrt(g,
                                  pf_mul_number(g, pf_sum_all(g, pf_square(g, rate)), 1.0 / (size * moving)))
                        : pf_constant(g, 0.0, pf_shape_of(0));
    *metrics = (pf__metrics){
        .name = {"fm_error", "u_error", "jvp_norm"},
        .value = {pf_mul_number(g, fm, 1.0 / size), pf_mul_number(g, pf_mean_all(g, e2), 1.0 / size), rms},
        .count = 3,
    };
}

static void loss(const pf__method_ctx *ctx, pf_value *out, pf__metrics *metrics) {
    pf_graph *g = ctx->g;
    pf_value condition[2], same;
    *out = 0;
    *metrics = (pf__metrics){0};
    draw_times(ctx, condition, &same);
    pf__path path = pf__path_draw(ctx, condition[0]);
    pf_value v = path.v;
    if (predicts_x(ctx)) v = pf_div(g, pf_sub(g, path.z, ctx->data), clipped(ctx, condition[0], path.z));
    pf_value u = average_velocity(ctx, path.z, condition, PF__MODE_TRAIN), rate = 0;

    pf_value one = pf_constant(g, 1.0, pf_shape_of(1, (int)ctx->batch));
    pf_value along[3] = {path.z, condition[0], condition[1]};
    one = in_moving_rows(ctx, one);
    pf_value tangent[3] = {in_moving_rows(ctx, v), one, one};
    if (pf_jvp(g, &u, 1, along, tangent, 3, &rate) != PF_OK) return;
    pf_value h = pf_per_sample(g, condition[1], pf_value_shape(g, path.z).rank);
    pf_value target = pf_stop_gradient(g, pf_sub(g, v, pf_mul(g, h, rate)));

    pf_value e2 = pf_sum_per_sample(g, pf_square(g, pf_sub(g, u, target)));
    pf_value shifted = pf_add_number(g, e2, pf__config_real(ctx->config, "method.norm_eps"));
    double p = pf__config_real(ctx->config, "method.norm_p");
    pf_value weight = pf_stop_gradient(g, pf_power(g, shifted, -p));
    *out = pf_mean_all(g, pf_mul(g, e2, weight));
    add_metrics(ctx, e2, same, pf_sum_per_sample(g, pf_square(g, pf_sub(g, u, v))), rate, metrics);
}

/* z_r = z - (t - r) u(z, r, t) */
static void evaluate(const pf__method_ctx *ctx, pf_value *out) {
    pf_graph *g = ctx->g;
    pf_value h = pf_sub(g, ctx->t, ctx->r);
    pf_value condition[2] = {pf__time_batch(ctx, ctx->t), pf__time_batch(ctx, h)};
    pf_value u = average_velocity(ctx, ctx->x, condition, PF__MODE_SAMPLE);
    *out = pf_sub(g, ctx->x, pf_mul(g, h, u));
}

static void velocity(const pf__method_ctx *ctx, pf_value *out) {
    pf_value t = pf__time_batch(ctx, ctx->t);
    pf_value condition[2] = {t, pf_constant(ctx->g, 0.0, pf_shape_of(1, (int)ctx->batch))};
    *out = average_velocity(ctx, ctx->x, condition, PF__MODE_SAMPLE);
}

const pf__method pf__method_meanflow = {
    .name = "meanflow",
    .summary = "MeanFlow: learns the average velocity, samples in one evaluation",
    .options = options,
    .evaluation = PF__EVALUATES_MAP,
    .needs = needs,
    .check = check,
    .loss = loss,
    .evaluate = evaluate,
    .velocity = velocity,
};
