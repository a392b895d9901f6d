/* SPDX-License-Identifier: MIT
 * Neighbouring times on the linear path. The papers speak of noise levels s of a + s b: x_t = (1-t) a + t b
 * is that picture divided by 1 + s, with s = t / (1 - t).
 *
 *   grid = edm      s_i = (A + i/(N-1) (Z - A))^7, A^7 = 0.002, Z^7 = 80         arXiv 2206.00364 eq. 5
 *                   t_i = s_i / (1 + s_i), then moved and scaled so that t_0 = 0 and t_(N-1) = 1: the
 * boundary condition and the noise that samples begin with lie on the grid (it moves t by 1.3 % at most) grid
 * = uniform  t_i = i/(N-1)
 *
 * Of the N - 1 intervals one is drawn: each alike (time = uniform), or with the share of the normal law of ln
 * s that lies in it (logit-normal; arXiv 2310.14189 eq. 10): a number of that law within the grid, by its
 * quantile, then the interval it lies in. N is a scalar of the step block: a curriculum never changes the
 * graph.
 *
 *   curriculum = ect  ln s ~ N(P_mean, P_std^2),  r_s = max(0, s (1 - q^-(stage+1) (1 + k sigmoid(-b s))))
 *                     (arXiv 2406.14548), t and r by t = s / (1 + s) */
#include "methods/interval.h"
#include <math.h>
#include <string.h>

#define S_MIN 0.002
#define S_MAX 80.0
#define RHO   7.0

static bool is(const pf__config *config, const char *key, const char *value) {
    return strcmp(pf__config_text(config, key), value) == 0;
}

/* ---- the curriculum, on the host ---- */

static double levels_or(const pf__config *config, const char *key, double original, double ict) {
    int64_t given = pf__config_int(config, key);
    if (given > 0) return (double)given;
    return is(config, "method.curriculum", "original") ? original : ict;
}

/* N(k) = ceil(sqrt(k/K ((s1+1)^2 - s0^2) + s0^2) - 1) + 1 */
static double original(double part, double s0, double s1) {
    return ceil(sqrt(part * ((s1 + 1) * (s1 + 1) - s0 * s0) + s0 * s0) - 1) + 1;
}

/* N(k) = min(s0 2^floor(k/K'), s1) + 1,  K' = floor(K / (log2(floor(s1/s0)) + 1)) */
static double doubling(double step, double steps, double s0, double s1) {
    double each = fmax(1, floor(steps / (log2(floor(s1 / s0)) + 1)));
    return fmin(s0 * exp2(floor(step / each)), s1) + 1;
}

void pf__interval_schedule(const pf__config *config, int64_t step, int64_t steps, pf__curriculum *out) {
    const char *name = pf__config_text(config, "method.curriculum");
    double k = (double)step, all = (double)steps, part = k / all;
    double s0 = levels_or(config, "method.s0", 2, 10), s1 = levels_or(config, "method.s1", 150, 1280);
    double stage = fmin(floor(part * (double)pf__config_int(config, "method.stages")),
                        (double)pf__config_int(config, "method.stages") - 1);
    out->gap = pow(pf__config_real(config, "method.q"), -(stage + 1));
    out->levels = (double)pf__config_int(config, "method.N");
    if (strcmp(name, "original") == 0) out->levels = fmax(2, original(part, s0, s1));
    if (strcmp(name, "ict") == 0) out->levels = doubling(k, all, s0, s1);
}

pf_status pf__interval_check(const pf__config *config, pf_error *err) {
    double s0 = levels_or(config, "method.s0", 2, 10), s1 = levels_or(config, "method.s1", 150, 1280);
    if (s1 >= s0) return PF_OK;
    pf_status st = pf__fail(err, PF_USAGE,
                            "%s: method.s1 = %g intervals at the end are fewer than method.s0 = %g",
                            pf__config_origin(config, "method.s1"), s1, s0);
    return pf__hint(err, st, "the papers go from 2 to 150 (original) and from 10 to 1280 (ict)");
}

/* ---- the quantile of the normal law ---- */

static pf_value polynomial(pf_graph *g, pf_value x, const double *c, int count) {
    pf_value y = pf_add_number(g, pf_mul_number(g, x, c[0]), c[1]);
    for (int i = 2; i < count; i++) y = pf_add_number(g, pf_mul(g, y, x), c[i]);
    return y;
}

/* z with Phi(z) = u, good to single precision: Giles 2010, "Approximating the erfinv function". */
static pf_value normal_quantile(pf_graph *g, pf_value u) {
    static const double near[] = {2.81022636e-08,  3.43273939e-07, -3.5233877e-06,
                                  -4.39150654e-06, 0.00021858087,  -0.00125372503,
                                  -0.00417768164,  0.246640727,    1.50140941};
    static const double far[] = {-0.000200214257, 0.000100950558, 0.00134934322,
                                 -0.00367342844,  0.00573950773,  -0.0076224613,
                                 0.00943887047,   1.00167406,     2.83297682};
    pf_value x = pf_add_number(g, pf_mul_number(g, u, 2.0), -1.0);
    pf_value w = pf_neg(g,
                        pf_log(g, pf_mul_number(g, pf_mul(g, u, pf_add_number(g, pf_neg(g, u), 1.0)), 4.0)));
    pf_value inner = polynomial(g, pf_add_number(g, w, -2.5), near, 9);
    pf_value five = pf_constant(g, 5.0, pf_value_shape(g, w));
    pf_value outer = polynomial(g, pf_add_number(g, pf_sqrt(g, pf_max(g, w, five)), -3.0), far, 9);
    return pf_mul_number(g, pf_mul(g, x, pf_select(g, pf_less(g, w, five), inner, outer)), sqrt(2.0));
}

/* ---- times in the graph ---- */

/* Where in the grid, in [0, 1): i/(N-1) of the interval's lower end is at most this. */
static pf_value draw_place(const pf__method_ctx *ctx) {
    pf_graph *g = ctx->g;
    const double a = pow(S_MIN, 1 / RHO), z = pow(S_MAX, 1 / RHO);
    const pf_shape batch = pf_shape_of(1, (int)ctx->batch);
    if (is(ctx->config, "method.grid", "uniform") || is(ctx->config, "method.time", "uniform"))
        return pf__time_draw(ctx, "time");
    pf_value u = pf_random_uniform(g, "time", batch);
    double mean = pf__config_real(ctx->config, "method.P_mean");
    double deviation = fmax(pf__config_real(ctx->config, "method.P_std"), 1e-6);
    double low = 0.5 * erfc((mean - log(S_MIN)) / deviation / sqrt(2.0)),
           high = 0.5 * erfc((mean - log(S_MAX)) / deviation / sqrt(2.0));
    u = pf_add_number(g, pf_mul_number(g, u, high - low), low);
    u = pf_max(g, pf_min(g, u, pf_constant(g, 1 - 1e-6, batch)), pf_constant(g, 1e-6, batch));
    pf_value log_s = pf_add_number(g, pf_mul_number(g, normal_quantile(g, u), deviation), mean);
    pf_value root = pf_exp(g, pf_mul_number(g, log_s, 1 / RHO));
    return pf_mul_number(g, pf_add_number(g, root, -a), 1 / (z - a));
}

/* s at place p in [0, 1] of the grid. */
static pf_value level_at(pf_graph *g, pf_value p) {
    const double a = pow(S_MIN, 1 / RHO), z = pow(S_MAX, 1 / RHO);
    pf_value x = pf_add_number(g, pf_mul_number(g, p, z - a), a), x2 = pf_square(g, x);
    return pf_mul(g, pf_mul(g, pf_square(g, x2), x2), x);
}

static pf_value time_of_level(pf_graph *g, pf_value s) {
    return pf_div(g, s, pf_add_number(g, s, 1.0));
}

/* The same, with the grid's ends at 0 and 1 exactly. */
static pf_value grid_time(pf_graph *g, pf_value s, pf_value place) {
    const double least = S_MIN / (1 + S_MIN), most = S_MAX / (1 + S_MAX);
    pf_shape shape = pf_value_shape(g, place);
    pf_value t = pf_mul_number(g, pf_add_number(g, time_of_level(g, s), -least), 1 / (most - least));
    pf_value zero = pf_constant(g, 0.0, shape), one = pf_constant(g, 1.0, shape);
    t = pf_select(g, pf_less_equal(g, place, zero), zero, t);
    return pf_select(g, pf_less_equal(g, one, place), one, t);
}

static pf__interval on_grid(const pf__method_ctx *ctx) {
    pf_graph *g = ctx->g;
    pf_shape batch = pf_shape_of(1, (int)ctx->batch);
    pf__interval i = {.level = pf_input(g, "step/levels", PF_F32, pf_shape_of(0))};
    pf_value steps = pf_broadcast(g, pf_add_number(g, i.level, -1.0), batch);
    pf_value index = pf_floor(g, pf_mul(g, draw_place(ctx), steps));
    index = pf_max(g, pf_min(g, index, pf_add_number(g, steps, -1.0)), pf_constant(g, 0.0, batch));
    pf_value low = pf_div(g, index, steps), high = pf_div(g, pf_add_number(g, index, 1.0), steps);
    if (is(ctx->config, "method.grid", "uniform")) {
        i.t = high;
        i.r = low;
        i.width = pf_recip(g, steps);
        return i;
    }
    pf_value s = level_at(g, high), s_r = level_at(g, low);
    i.t = grid_time(g, s, high);
    i.r = grid_time(g, s_r, low);
    i.width = pf_sub(g, s, s_r);
    return i;
}

static pf__interval shrinking(const pf__method_ctx *ctx) {
    pf_graph *g = ctx->g;
    const pf__config *c = ctx->config;
    pf_shape batch = pf_shape_of(1, (int)ctx->batch);
    pf__interval i = {.level = pf_input(g, "step/gap", PF_F32, pf_shape_of(0))};
    i.t = pf_min(g, pf__time_draw(ctx, "time"), pf_constant(g, 1 - 1e-6, batch)); /* s stays finite */
    pf_value s = pf_div(g, i.t, pf_add_number(g, pf_neg(g, i.t), 1.0));
    pf_value more = pf_sigmoid(g, pf_mul_number(g, s, -pf__config_real(c, "method.b")));
    more = pf_add_number(g, pf_mul_number(g, more, pf__config_real(c, "method.k")), 1.0);
    pf_value part = pf_min(g, pf_mul(g, more, i.level), pf_constant(g, 1.0, batch));
    i.width = pf_mul(g, s, part);
    i.r = time_of_level(g, pf_sub(g, s, i.width));
    return i;
}

pf__interval pf__interval_draw(const pf__method_ctx *ctx) {
    return is(ctx->config, "method.curriculum", "ect") ? shrinking(ctx) : on_grid(ctx);
}
