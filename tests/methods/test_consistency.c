/* SPDX-License-Identifier: MIT
 * Closed forms of consistency models, discrete and continuous, for Gaussian data N(m, s^2) per dimension,
 * through the method's own graphs:
 *
 *   S_t^2 = (1-t)^2 s^2 + t^2,  xi = x - (1-t) m,  v = -m + (t - (1-t) s^2) / S_t^2 xi,  f(x, t) = m + s /
 * S_t xi
 *
 * the laws of its intervals, and the curricula's printed values. */
#include "check.h"
#include "methods/interval.h"
#include <stdlib.h>
#include <string.h>

void test_consistency_suite(void);

enum { D = 2, B = 32, N_MAX = 129 };
static const double mean_of[D] = {1.5, -0.5}, std_of[D] = {0.4, 1.2};

/* ---- analytic graphs ---- */

static pf_value row(pf_graph *g, const double *numbers) {
    pf_value part[D];
    for (int d = 0; d < D; d++) part[d] = pf_constant(g, numbers[d], pf_shape_of(2, 1, 1));
    return pf_concat(g, part, D, 1);
}

/* xi, and S_t^2, of x [B, D] at t [B]. */
static pf_value centred(pf_graph *g, pf_value x, pf_value t, pf_value *variance) {
    pf_value time = pf_per_sample(g, t, 2), rest = pf_add_number(g, pf_neg(g, time), 1.0);
    *variance = pf_add(g, pf_square(g, pf_mul(g, rest, row(g, std_of))), pf_square(g, time));
    return pf_sub(g, x, pf_mul(g, rest, row(g, mean_of)));
}

static pf_value velocity(void *teacher, pf_graph *g, pf_value x, pf_value t, pf_value label) {
    (void)teacher, (void)label;
    pf_value variance, xi = centred(g, x, t, &variance), time = pf_per_sample(g, t, 2);
    pf_value data = pf_mul(g, pf_add_number(g, pf_neg(g, time), 1.0), pf_square(g, row(g, std_of)));
    pf_value slope = pf_div(g, pf_sub(g, time, data), variance);
    return pf_sub(g, pf_mul(g, slope, xi), row(g, mean_of));
}

/* F with x - t F = f, without dividing by t, and a parameter "offset" [B, D] added to it. */
static void apply_analytic(const pf__net *net, pf_graph *g, pf__params *params, const char *group, pf_value x,
                           const pf_value *condition, pf_value label, pf__mode mode, pf_value *heads) {
    (void)net, (void)label;
    pf_value variance, xi = centred(g, x, condition[0], &variance), time = pf_per_sample(g, condition[0], 2);
    pf_value s = row(g, std_of), root = pf_sqrt(g, variance), s2 = pf_square(g, s);
    pf_value above = pf_sub(g, pf_mul(g, time, pf_add_number(g, s2, 1.0)), pf_mul_number(g, s2, 2.0));
    pf_value slope = pf_div(g, above, pf_mul(g, root, pf_add(g, root, s)));
    heads[0] = pf_sub(g, pf_mul(g, xi, slope), row(g, mean_of));
    if (mode != PF__MODE_TRAIN) return;
    pf_value offset = pf__params_leaf(params, g, group, "offset", pf_value_shape(g, x), PF__INIT_ZERO, 0.0);
    heads[0] = pf_add(g, heads[0], offset);
}

static int table_levels; /* of apply_table */

/* F = slope_n x + shift_n with tables [N, D] at t = n / (N - 1). */
static void apply_table(const pf__net *net, pf_graph *g, pf__params *params, const char *group, pf_value x,
                        const pf_value *condition, pf_value label, pf__mode mode, pf_value *heads) {
    (void)net, (void)label, (void)mode;
    pf_value place = pf_add_number(g, pf_mul_number(g, condition[0], table_levels - 1), 0.5);
    pf_value index = pf_cast(g, pf_floor(g, place), PF_I32);
    pf_shape shape = pf_shape_of(2, table_levels, D);
    pf_value slope = pf__params_leaf(params, g, group, "slope", shape, PF__INIT_ZERO, 0.0);
    pf_value shift = pf__params_leaf(params, g, group, "shift", shape, PF__INIT_ZERO, 0.0);
    heads[0] = pf_add(g, pf_mul(g, pf_gather(g, slope, index), x), pf_gather(g, shift, index));
}

typedef struct rig { /* the method with such a net, in a fresh graph */
    pf__config *config;
    pf__net net;
    pf__params params;
    pf_graph *g;
    pf__method_ctx ctx;
    const pf__method *method;
} rig;

static void open_rig(rig *c, const char *method, const char *settings, int64_t batch) {
    pf_error err = {0};
    *c = (rig){.method = pf__method_find(method)};
    CHECK_OK(pf__config_create(&c->config, &err), err);
    CHECK_OK(pf__config_read_text(c->config, settings, "test", &err), err);
    CHECK_OK(pf__config_add_table(c->config, c->method->options, &err), err);
    CHECK_OK(pf__config_resolve(c->config, &err), err);
    CHECK_OK(c->method->check(c->config, &err), err);
    CHECK_OK(pf_graph_create(&c->g, &err), err);
    c->net = (pf__net){
        .sample = pf_shape_of(1, D), .condition_count = 1, .head_count = 1, .apply = apply_analytic};
    c->ctx = (pf__method_ctx){.g = c->g, .config = c->config, .net = &c->net, .params = &c->params};
    c->ctx.group = "student";
    c->ctx.target = "target";
    c->ctx.teacher_velocity = velocity;
    c->ctx.batch = batch;
}

static void close_rig(rig *c) {
    pf__params_free(&c->params);
    pf_graph_destroy(&c->g);
    pf__config_destroy(&c->config);
}

/* ---- samples ---- */

static double exact_velocity(int d, double x, double t) {
    double s2 = std_of[d] * std_of[d];
    double c = (t - (1 - t) * s2) / ((1 - t) * (1 - t) * s2 + t * t);
    return -mean_of[d] + c * (x - (1 - t) * mean_of[d]);
}

static double exact_end(int d, double x, double t) {
    double s = std_of[d];
    return mean_of[d] + s / sqrt((1 - t) * (1 - t) * s * s + t * t) * (x - (1 - t) * mean_of[d]);
}

typedef struct points { /* samples 2i and 2i + 1: the same x_t, velocities v + delta and v - delta */
    double data[B * D], noise[B * D], time[B], offset[B * D], levels;
} points;

static void fill_points(points *p, int levels, double delta) {
    *p = (points){.levels = levels};
    for (int b = 0; b < B; b++) {
        p->time[b] = 0.01 + 0.98 * (b / 2) / (B / 2);
        double t = (floor(p->time[b] * (levels - 1)) + 1) / (levels - 1);
        for (int d = 0; d < D; d++) {
            double x = 1.3 * sin(1.0 + 3.0 * (b / 2) + d);
            double v = exact_velocity(d, x, t) + (b % 2 ? -delta : delta) * (1 + d);
            p->data[b * D + d] = x - t * v;
            p->noise[b * D + d] = x + (1 - t) * v;
        }
    }
}

/* The mean square of f(x_t, t) - f(x_r, r), and the loss's gradient in the offsets. */
static double run_loss(const char *settings, const points *p, double *gradient) {
    pf_error err = {0};
    rig c;
    open_rig(&c, "consistency", settings, B);
    c.ctx.data = pf_input(c.g, "data", PF_F32, pf_shape_of(2, B, D));
    pf_value loss = 0, offset = pf_parameter(c.g, "student", "offset", pf_shape_of(2, B, D)), bar = 0;
    pf_value one = pf_constant(c.g, 1.0, pf_shape_of(0));
    pf__metrics metrics = {0};
    c.method->loss(&c.ctx, &loss, &metrics);
    pf_vjp(c.g, &loss, &one, 1, &offset, 1, &bar);
    CHECK_OK(pf_graph_check(c.g, &err), err);
    pf_binding bindings[] = {{"data", p->data},
                             {"noise", p->noise},
                             {"time", p->time},
                             {"step/levels", &p->levels},
                             {"student:offset", p->offset}};
    double error = NAN;
    pf_value outputs[2] = {metrics.value[0], bar};
    double *out[2] = {&error, gradient};
    CU_ASSERT_STRING_EQUAL(metrics.name[0], "consistency_error");
    CHECK_OK(pf_interpret(c.g, outputs, 2, bindings, 5, 1, 0, out, &err), err);
    close_rig(&c);
    return error;
}

#define UNIFORM \
    "[method]\ngrid = uniform\ntime = uniform\ncurriculum = constant\ndistance = square\nweight = none\n"

/* f along one step of the solver is off by h^2 (Euler), h^3 (Heun): the squares shrink by 16 and by 64. */
static void test_one_step(void) {
    static const char *const settings[] = {UNIFORM "form = distillation\nsolver = euler\n",
                                           UNIFORM "form = distillation\nsolver = heun\n"};
    double gradient[B * D], error[3];
    points p;
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < 3; i++) {
            fill_points(&p, (64 << i) + 1, 0);
            for (int b = 0; b < B; b++)
                p.time[b] = 0.25 + 0.5 * (b / 2) / (B / 2) + 1e-9; /* the same times */
            error[i] = run_loss(settings[k], &p, gradient);
        }
        for (int i = 0; i < 2; i++) CHECK_NEAR(log2(error[i] / error[i + 1]), k ? 6 : 4, 0.5);
    }
}

/* Without a teacher the residual is off, but its mean is that of the marginal velocity's Euler step. */
static void test_noise_pairs(void) {
    double pairs[B * D], taught[B * D];
    points p;
    fill_points(&p, 17, 0.7);
    CU_ASSERT(run_loss(UNIFORM, &p, pairs) > 1e-3);
    CU_ASSERT(run_loss(UNIFORM "form = distillation\nsolver = euler\n", &p, taught) < 1e-3);
    for (int i = 0; i < B / 2; i++)
        for (int d = 0; d < D; d++) {
            int first = 2 * i * D + d, second = first + D;
            CHECK_NEAR(pairs[first] + pairs[second], taught[first] + taught[second], 1e-12);
            CU_ASSERT(p.time[2 * i] < 0.1 || fabs(pairs[first] - taught[first]) > 1e-5);
        }
}

/* ---- the whole grid ---- */

/* f_n(x) = alpha_n x + beta_n composed of the solver's steps, as tables of F; the error of f_(N-1) at x = b.
 */
static double solve(int levels, bool heun, double *slope, double *shift) {
    double alpha[D] = {1, 1}, beta[D] = {0}, worst = 0;
    memset(slope, 0, sizeof(double) * D), memset(shift, 0, sizeof(double) * D);
    for (int n = 1; n < levels; n++)
        for (int d = 0; d < D; d++) {
            double t = (double)n / (levels - 1), r = (double)(n - 1) / (levels - 1), h = r - t, at[2];
            for (int x = 0; x < 2; x++) { /* the step is affine: its images of 0 and 1 */
                double k = exact_velocity(d, x, t), y = x + h * k;
                at[x] = heun ? x + h / 2 * (k + exact_velocity(d, y, r)) : y;
            }
            beta[d] += alpha[d] * at[0];
            alpha[d] *= at[1] - at[0];
            slope[n * D + d] = (1 - alpha[d]) / t;
            shift[n * D + d] = -beta[d] / t;
        }
    for (int d = 0; d < D; d++)
        for (int i = -2; i <= 2; i++) worst = fmax(worst, fabs(alpha[d] * i + beta[d] - exact_end(d, i, 1)));
    return worst;
}

/* Loss and the norm of its gradient in the tables. */
static double run_table(const char *settings, int levels, const double *slope, const double *shift,
                        double *norm) {
    static double data[B * D], noise[B * D], time[B];
    double bar_slope[N_MAX * D], bar_shift[N_MAX * D], value = NAN, count = levels;
    pf_error err = {0};
    rig c;
    open_rig(&c, "consistency", settings, B);
    c.net.apply = apply_table;
    table_levels = levels;
    c.ctx.data = pf_input(c.g, "data", PF_F32, pf_shape_of(2, B, D));
    for (int i = 0; i < B * D; i++) data[i] = sin(1.0 + i), noise[i] = 2 * sin(2.0 + 3 * i);
    for (int b = 0; b < B; b++) time[b] = (b + 0.5) / B;
    pf_value loss = 0, bar[2], one = pf_constant(c.g, 1.0, pf_shape_of(0));
    pf_value tables[2] = {pf_parameter(c.g, "student", "slope", pf_shape_of(2, levels, D)),
                          pf_parameter(c.g, "student", "shift", pf_shape_of(2, levels, D))};
    pf__metrics metrics;
    c.method->loss(&c.ctx, &loss, &metrics);
    pf_vjp(c.g, &loss, &one, 1, tables, 2, bar);
    pf_binding bindings[] = {{"data", data},          {"noise", noise},         {"time", time},
                             {"step/levels", &count}, {"student:slope", slope}, {"student:shift", shift}};
    pf_value outputs[3] = {loss, bar[0], bar[1]};
    double *out[3] = {&value, bar_slope, bar_shift};
    CHECK_OK(pf_interpret(c.g, outputs, 3, bindings, 6, 1, 0, out, &err), err);
    *norm = 0;
    for (int i = 0; i < levels * D; i++) *norm += bar_slope[i] * bar_slope[i] + bar_shift[i] * bar_shift[i];
    *norm = sqrt(*norm);
    close_rig(&c);
    return value;
}

/* Distillation's minimum over a linear net with a table per time is the solver's own map, O(h) from f. */
static void test_table(void) {
    static const char *const settings[] = {UNIFORM "form = distillation\nsolver = euler\n",
                                           UNIFORM "form = distillation\nsolver = heun\n"};
    double slope[N_MAX * D], shift[N_MAX * D], off[3], norm;
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < 3; i++) off[i] = solve((32 << i) + 1, k, slope, shift);
        for (int i = 0; i < 2; i++) CHECK_NEAR(log2(off[i] / off[i + 1]), k ? 2 : 1, k ? 0.2 : 0.1);
        solve(17, k, slope, shift);
        CU_ASSERT(run_table(settings[k], 17, slope, shift, &norm) < 1e-24);
        CU_ASSERT(norm < 1e-12);
        slope[9 * D] += 0.01;
        CU_ASSERT(run_table(settings[k], 17, slope, shift, &norm) > 1e-9);
        CU_ASSERT(norm > 1e-6);
    }
}

/* ---- sampling ---- */

static void run_map(const char *settings, const double *x, double t, double r, const double *fresh,
                    double *out) {
    pf_error err = {0};
    rig c;
    open_rig(&c, "consistency", settings, 4);
    c.ctx.x = pf_input(c.g, "x", PF_F32, pf_shape_of(2, 4, D));
    c.ctx.t = pf_input(c.g, "step/t", PF_F32, pf_shape_of(0));
    c.ctx.r = pf_input(c.g, "step/r", PF_F32, pf_shape_of(0));
    pf_value output = 0;
    c.method->evaluate(&c.ctx, &output);
    pf_binding bindings[] = {{"x", x}, {"step/t", &t}, {"step/r", &r}, {"noise/renew", fresh}};
    CHECK_OK(pf_interpret(c.g, &output, 1, bindings, 4, 1, 0, &out, &err), err);
    close_rig(&c);
}

static void test_maps(void) {
    double x[4 * D], fresh[4 * D], out[4 * D];
    for (int i = 0; i < 4 * D; i++) x[i] = 2 * sin(1.0 + 2 * i), fresh[i] = cos(3.0 * i);
    run_map("", x, 1, 0, fresh, out);
    for (int i = 0; i < 4 * D; i++) CHECK_NEAR(out[i], mean_of[i % D] + std_of[i % D] * x[i], 1e-12);
    run_map("", x, 0.75, 0.4, fresh, out);
    for (int i = 0; i < 4 * D; i++)
        CHECK_NEAR(out[i], 0.6 * exact_end(i % D, x[i], 0.75) + 0.4 * fresh[i], 1e-12);
    CHECK_NEAR(exact_end(0, 0.7, 0.75), 1.671812836, 1e-9); /* worked out by hand */
    static const char *const exact[] = {"", "[method]\nparametrisation = edm\nsigma_data = 0.5\n"};
    for (int k = 0; k < 2; k++) { /* f(x, 0) = x, whatever the network says */
        run_map(exact[k], x, 0, 0, fresh, out);
        for (int i = 0; i < 4 * D; i++) CHECK_NEAR(out[i], x[i], 0);
    }
    run_map("[method]\nparametrisation = free\nboundary = 1\n", x, 0, 0, fresh, out);
    CU_ASSERT(fabs(out[0] - x[0]) > 0.1);
}

/* ---- continuous time ---- */

static double sigma_data; /* of apply_trig */

/* TrigFlow's F(x / S, p) with cos(p) x - sin(p) S F = m + s / S_p (x - cos(p) m), S_p^2 = cos^2 s^2 + sin^2
 * S^2. */
static void apply_trig(const pf__net *net, pf_graph *g, pf__params *params, const char *group, pf_value x,
                       const pf_value *condition, pf_value label, pf__mode mode, pf_value *heads) {
    (void)net, (void)label, (void)mode;
    pf_value p = pf_per_sample(g, condition[0], 2), cos = pf_cos(g, p), sin = pf_sin(g, p);
    pf_value m = row(g, mean_of), s = row(g, std_of), state = pf_mul_number(g, x, sigma_data);
    pf_value spread = pf_add(g, pf_square(g, pf_mul(g, cos, s)),
                             pf_square(g, pf_mul_number(g, sin, sigma_data)));
    pf_value end = pf_mul(g, pf_div(g, s, pf_sqrt(g, spread)), pf_sub(g, state, pf_mul(g, cos, m)));
    end = pf_add(g, end, m);
    heads[0] = pf_div(g, pf_sub(g, pf_mul(g, cos, state), end), pf_mul_number(g, sin, sigma_data));
    pf_value offset = pf__params_leaf(params, g, group, "offset", pf_value_shape(g, x), PF__INIT_ZERO, 0.0);
    heads[0] = pf_add(g, heads[0], offset);
}

/* The root mean square of df/dt (its tangent), and the loss's gradient in the offsets. */
static double run_continuous(const char *settings, const points *p, double *gradient) {
    pf_error err = {0};
    rig c;
    open_rig(&c, "continuous", settings, B);
    bool trig = strstr(settings, "trigflow") != NULL;
    if (trig) c.net.apply = apply_trig;
    c.ctx.data = pf_input(c.g, "data", PF_F32, pf_shape_of(2, B, D));
    pf_value loss = 0, offset = pf_parameter(c.g, "student", "offset", pf_shape_of(2, B, D)), bar = 0;
    pf_value one = pf_constant(c.g, 1.0, pf_shape_of(0));
    pf__metrics metrics = {0};
    c.method->loss(&c.ctx, &loss, &metrics);
    pf_vjp(c.g, &loss, &one, 1, &offset, 1, &bar);
    CHECK_OK(pf_graph_check(c.g, &err), err);
    double error = NAN, warmup = 1;
    pf_binding bindings[] = {{"data", p->data},
                             {"noise", p->noise},
                             {"time", p->time},
                             {"step/warmup", &warmup},
                             {"student:offset", p->offset}};
    pf_value outputs[2] = {metrics.value[0], bar};
    double *out[2] = {&error, gradient};
    CU_ASSERT_STRING_EQUAL(metrics.name[0], "tangent_norm");
    CHECK_OK(pf_interpret(c.g, outputs, 2, bindings, 5, 1, 0, out, &err), err);
    close_rig(&c);
    return error;
}

/* As fill_points, at the times themselves. */
static void fill_at_times(points *p, double delta) {
    *p = (points){0};
    for (int b = 0; b < B; b++) {
        double t = p->time[b] = 0.02 + 0.95 * (b / 2) / (B / 2);
        for (int d = 0; d < D; d++) {
            double x = 1.3 * sin(1.0 + 3.0 * (b / 2) + d);
            double v = exact_velocity(d, x, t) + (b % 2 ? -delta : delta) * (1 + d);
            p->data[b * D + d] = x - t * v;
            p->noise[b * D + d] = x + (1 - t) * v;
        }
    }
}

#define TIMES "[method]\ntime = uniform\nnormalise = false\n"

/* Along the marginal velocity df/dt is zero; along those of noise pairs it is not, but has mean zero. */
static void test_no_rate(void) {
    static const char *const forms[] = {"form = full\n", "form = stopgrad\n",
                                        "form = trigflow\nsigma_data = 0.5\nadaptive = false\n",
                                        "form = trigflow\nadaptive = false\n"};
    double gradient[B * D];
    points p;
    for (int k = 0; k < 4; k++) {
        char text[160];
        sigma_data = k == 2 ? 0.5 : 1;
        fill_at_times(&p, 0.7);
        snprintf(text, sizeof text, TIMES "velocity = teacher\n%s", forms[k]);
        CU_ASSERT(run_continuous(text, &p, gradient) < 1e-12);
        for (int i = 0; i < B * D; i++) CHECK_NEAR(gradient[i], 0, 1e-12);
        if (k == 0) continue;
        snprintf(text, sizeof text, TIMES "%s", forms[k]);
        CU_ASSERT(run_continuous(text, &p, gradient) > 0.05);
        for (int i = 0; i < B / 2; i++)
            for (int d = 0; d < D; d++) {
                double first = gradient[2 * i * D + d], second = gradient[(2 * i + 1) * D + d];
                CHECK_NEAR(first + second, 0, 1e-12);
                CU_ASSERT(fabs(first) > 1e-7);
            }
    }
}

/* The printed digits for m = 1.5, s = 0.4, S = 0.5, x = 0.7, p = 0.6, worked out by hand. */
static void test_trig_map(void) {
    pf_error err = {0};
    sigma_data = 0.5;
    for (int k = 0; k < 2; k++) {
        double s = 0.5 * tan(0.6), t = k ? 1 : s / (1 + s), r = 0, x[D], offset[D] = {0}, fresh[D] = {0},
               out[D];
        double *to = out;
        x[0] = x[1] = k ? 0.3 : 0.7 / (cos(0.6) + 0.5 * sin(0.6)); /* on the linear path */
        rig c;
        open_rig(&c, "continuous", "[method]\nform = trigflow\nsigma_data = 0.5\n", 1);
        c.net.apply = apply_trig;
        c.ctx.x = pf_input(c.g, "x", PF_F32, pf_shape_of(2, 1, D));
        c.ctx.t = pf_input(c.g, "step/t", PF_F32, pf_shape_of(0));
        c.ctx.r = pf_input(c.g, "step/r", PF_F32, pf_shape_of(0));
        pf_value output = 0;
        c.method->evaluate(&c.ctx, &output);
        pf_binding bindings[] = {
            {"x", x}, {"step/t", &t}, {"step/r", &r}, {"noise/renew", fresh}, {"student:offset", offset}};
        CHECK_OK(pf_interpret(c.g, &output, 1, bindings, 5, 1, 0, &to, &err), err);
        if (k == 0) CHECK_NEAR(out[0], 1.004588484, 1e-9);
        for (int d = 0; d < D && k == 1; d++) CHECK_NEAR(out[d], mean_of[d] + std_of[d] * 0.3, 1e-12);
        close_rig(&c);
    }
}

static pf__curriculum at_continuous(const char *settings, int64_t step) {
    pf__curriculum now = {0};
    rig c;
    open_rig(&c, "continuous", settings, 1);
    c.method->schedule(c.config, step, 1000, &now);
    close_rig(&c);
    return now;
}

static void test_warmup(void) {
    CHECK_NEAR(at_continuous("", 0).warmup, 0, 0);
    CHECK_NEAR(at_continuous("", 50).warmup, 0.5, 1e-12);
    CHECK_NEAR(at_continuous("", 500).warmup, 1, 0);
    CHECK_NEAR(at_continuous("[method]\nH = 0\n", 0).warmup, 1, 0);
    CHECK_NEAR(at_continuous("[method]\nH = 10000\n", 100).warmup, 0.01, 1e-12);
}

/* ---- intervals ---- */

enum { DRAWS = 1 << 16 };

static void draw_times(const char *settings, double levels, double gap, double *t, double *r, double *width) {
    pf_error err = {0};
    rig c;
    open_rig(&c, "consistency", settings, DRAWS);
    pf__interval i = pf__interval_draw(&c.ctx);
    pf_binding bindings[] = {{"step/levels", &levels}, {"step/gap", &gap}};
    pf_value outputs[3] = {i.t, i.r, i.width};
    double *out[3] = {t, r, width};
    CHECK_OK(pf_interpret(c.g, outputs, 3, bindings, 2, 5, 0, out, &err), err);
    close_rig(&c);
}

static double level_of(int i, int levels) {
    double a = pow(0.002, 1 / 7.0), z = pow(80, 1 / 7.0);
    return pow(a + (z - a) * i / (levels - 1), 7);
}

/* The shares of the intervals are those of the normal law of ln s between the grid's ends. */
static void test_law(void) {
    enum { LEVELS = 11 };
    double *t = calloc(3 * DRAWS, sizeof *t), share[LEVELS - 1], whole = 0;
    int seen[LEVELS - 1] = {0};
    draw_times("[method]\n", LEVELS, 0, t, t + DRAWS, t + 2 * DRAWS);
    for (int n = 0; n < LEVELS - 1; n++) {
        share[n] = erf((log(level_of(n + 1, LEVELS)) + 1.1) / (sqrt(2) * 2)) -
                   erf((log(level_of(n, LEVELS)) + 1.1) / (sqrt(2) * 2));
        whole += share[n];
    }
    for (int i = 0; i < DRAWS; i++) {
        int n = 0;
        double width = t[2 * DRAWS + i];
        while (n < LEVELS - 2 && fabs(level_of(n + 1, LEVELS) - level_of(n, LEVELS) - width) > 1e-6 * width)
            n++;
        seen[n]++;
        CU_ASSERT_FATAL(t[i] > t[DRAWS + i] && t[DRAWS + i] >= 0 && t[i] <= 1);
    }
    for (int n = 0; n < LEVELS - 1; n++) {
        double p = share[n] / whole, error = sqrt(p * (1 - p) / DRAWS);
        CHECK_NEAR((seen[n] / (double)DRAWS - p) / (4 * error), 0, 1);
    }
    free(t);
}

/* A number just below or above an edge of the cumulated shares falls into the interval below or above it. */
static void check_edges(double mean, double deviation) {
    enum { LEVELS = 11, EDGES = LEVELS - 2 };
    char settings[128];
    snprintf(settings, sizeof settings, "[method]\nP_mean = %g\nP_std = %g\n", mean, deviation);
    double time[2 * EDGES], width[2 * EDGES], levels = LEVELS, *out = width;
    const double scale = sqrt(2) * deviation;
    const double low = erf((log(0.002) - mean) / scale), high = erf((log(80) - mean) / scale);
    pf_error err = {0};
    for (int i = 0; i < 2 * EDGES; i++) {
        double edge = erf((log(level_of(i / 2 + 1, LEVELS)) - mean) / scale);
        time[i] = (edge - low) / (high - low) + (i % 2 ? 1e-6 : -1e-6);
    }
    rig c;
    open_rig(&c, "consistency", settings, 2 * EDGES);
    pf__interval drawn = pf__interval_draw(&c.ctx);
    pf_binding bindings[] = {{"step/levels", &levels}, {"time", time}};
    CHECK_OK(pf_interpret(c.g, &drawn.width, 1, bindings, 2, 5, 0, &out, &err), err);
    for (int i = 0; i < 2 * EDGES; i++) {
        int n = i / 2 + i % 2;
        CHECK_NEAR(width[i] / (level_of(n + 1, LEVELS) - level_of(n, LEVELS)), 1, 1e-9);
    }
    close_rig(&c);
}

static void test_edges(void) {
    check_edges(-1.1, 2);
    check_edges(-0.5, 1); /* far into the tails */
}

static void test_shrinking(void) {
    double *t = calloc(3 * DRAWS, sizeof *t), first[2] = {0};
    for (int stage = 0; stage < 2; stage++) {
        int zero = 0;
        draw_times("[method]\ncurriculum = ect\n", 0, pow(2, -(stage + 1)), t, t + DRAWS, t + 2 * DRAWS);
        for (int i = 0; i < DRAWS; i++) {
            double s = t[i] / (1 - t[i]), factor = 1 - pow(2, -(stage + 1)) * (1 + 8 / (1 + exp(s)));
            double r = fmax(0, s * factor);
            CHECK_NEAR(t[DRAWS + i], r / (1 + r), 1e-9);
            zero += t[DRAWS + i] == 0;
        }
        first[stage] = zero / (double)DRAWS;
    }
    CU_ASSERT(first[0] > 0.5 && first[1] < first[0]); /* it begins as denoising */
    free(t);
}

static pf__curriculum at(const char *settings, int64_t step, int64_t steps) {
    pf__curriculum now = {0};
    rig c;
    open_rig(&c, "consistency", settings, 1);
    c.method->schedule(c.config, step, steps, &now);
    close_rig(&c);
    return now;
}

static void test_curricula(void) {
    const char *root = "[method]\ncurriculum = original\nmu = 0.9\n", *doubling = "[method]\n";
    CHECK_NEAR(at(root, 0, 1000).levels, 2, 0);
    CHECK_NEAR(at(root, 0, 1000).target, 0.9, 1e-12); /* exp(2 ln 0.9 / 2) */
    CHECK_NEAR(at(root, 250, 1000).levels, 76, 0);    /* ceil(sqrt(22797 / 4 + 4) - 1) + 1 */
    CHECK_NEAR(at(root, 1000, 1000).levels, 151, 0);
    CHECK_NEAR(at(root, 1000, 1000).target, exp(2 * log(0.9) / 151), 1e-12);
    CHECK_NEAR(at(doubling, 0, 800).levels, 11, 0);
    CHECK_NEAR(at(doubling, 99, 800).levels, 11, 0);
    CHECK_NEAR(at(doubling, 100, 800).levels, 21, 0);
    CHECK_NEAR(at(doubling, 799, 800).levels, 1281, 0);
    CHECK_NEAR(at("[method]\ns0 = 5\ns1 = 30\n", 99, 100).levels, 31, 0);
    CHECK_NEAR(at("[method]\ncurriculum = constant\nN = 40\nmu = 0.95\n", 7, 100).levels, 40, 0);
    CHECK_NEAR(at("[method]\ncurriculum = constant\nN = 40\nmu = 0.95\n", 7, 100).target, 0.95, 0);
    CHECK_NEAR(at("[method]\ncurriculum = ect\n", 0, 80).gap, 0.5, 0);
    CHECK_NEAR(at("[method]\ncurriculum = ect\n", 79, 80).gap, 1 / 256.0, 0);
    CHECK_NEAR(at("[method]\ncurriculum = ect\nq = 256\nstages = 1\n", 79, 80).gap, 1 / 256.0, 1e-15);
}

void test_consistency_suite(void) {
    CU_pSuite suite = CU_add_suite("consistency", NULL, NULL);
    CU_add_test(suite, "f is kept to h^2 by Euler's step, to h^3 by Heun's", test_one_step);
    CU_add_test(suite, "noise pairs teach Euler's step in the mean", test_noise_pairs);
    CU_add_test(suite, "a table per time learns the solver's map", test_table);
    CU_add_test(suite, "one evaluation, fresh noise, the boundary", test_maps);
    CU_add_test(suite, "continuous: df/dt is zero along the flow, or has mean zero", test_no_rate);
    CU_add_test(suite, "TrigFlow's map", test_trig_map);
    CU_add_test(suite, "tangent warm-up", test_warmup);
    CU_add_test(suite, "the law of the intervals", test_law);
    CU_add_test(suite, "the edges of the intervals", test_edges);
    CU_add_test(suite, "intervals that shrink", test_shrinking);
    CU_add_test(suite, "curricula", test_curricula);
}
