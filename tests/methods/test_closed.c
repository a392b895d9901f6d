/* SPDX-License-Identifier: MIT
 * Closed forms for Gaussian data N(m, s^2) per dimension: the analytic average velocity stands in for the
 * network.
 *
 *   S_t^2 = (1-t)^2 s^2 + t^2,   xi = x - (1-t) m
 *   u(x, r, t) = -m + xi q / (S_t (S_t + S_r)),   q = (t + r) (1 + s^2) - 2 s^2 = (S_t^2 - S_r^2) / (t - r)
 *
 * which is (x - X(x, r, t)) / (t - r) without its division by zero: at r = t it is the velocity v(x, t). */
#include "check.h"
#include "methods/method.h"

#define D 2
static const double mean_of[D] = {1.5, -0.5}, std_of[D] = {0.4, 1.2};

/* A row [1, D] of given numbers. */
static pf_value row(pf_graph *g, const double *numbers) {
    pf_value part[D];
    for (int d = 0; d < D; d++) part[d] = pf_constant(g, numbers[d], pf_shape_of(2, 1, 1));
    return pf_concat(g, part, D, 1);
}

/* S at time t [B, 1], squared: [B, D]. */
static pf_value variance(pf_graph *g, pf_value t, pf_value s) {
    pf_value data = pf_square(g, pf_mul(g, pf_add_number(g, pf_neg(g, t), 1.0), s));
    return pf_add(g, data, pf_square(g, t));
}

/* u of x [B, D] from t to r = t - h, [B] each. */
static pf_value analytic(pf_graph *g, pf_value x, pf_value t_flat, pf_value h_flat) {
    pf_value m = row(g, mean_of), s = row(g, std_of), t = pf_per_sample(g, t_flat, 2);
    pf_value r = h_flat ? pf_sub(g, t, pf_per_sample(g, h_flat, 2)) : t;
    pf_value at_t = pf_sqrt(g, variance(g, t, s)), at_r = pf_sqrt(g, variance(g, r, s));
    pf_value s2 = pf_square(g, s);
    pf_value q = pf_sub(g, pf_mul(g, pf_add(g, t, r), pf_add_number(g, s2, 1.0)), pf_mul_number(g, s2, 2.0));
    pf_value xi = pf_sub(g, x, pf_mul(g, pf_add_number(g, pf_neg(g, t), 1.0), m));
    pf_value slope = pf_div(g, q, pf_mul(g, at_t, pf_add(g, at_t, at_r)));
    return pf_sub(g, pf_mul(g, xi, slope), m);
}

/* A parameter "offset" [B, D], of which the first rows of a batch read the first. */
static pf_value offset_of(pf_graph *g, pf__params *params, const char *group, pf_value x) {
    pf_shape shape = pf_value_shape(g, x);
    const pf__param *known = pf__params_find(params, "offset");
    pf_shape whole = known ? known->shape : shape;
    pf_value offset = pf__params_leaf(params, g, group, "offset", whole, PF__INIT_ZERO, 0.0);
    return whole.dim[0] == shape.dim[0] ? offset : pf_slice_axis(g, offset, 0, 0, shape.dim[0]);
}

/* The analytic u, plus the offset: the loss's gradient in it is each sample's own residual. A second head is
 * the velocity. */
static void apply_u(const pf__net *net, pf_graph *g, pf__params *params, const char *group, pf_value x,
                    const pf_value *condition, pf_value label, pf__mode mode, pf_value *heads) {
    (void)label;
    heads[0] = analytic(g, x, condition[0], net->condition_count > 1 ? condition[1] : 0);
    if (mode == PF__MODE_TRAIN) heads[0] = pf_add(g, heads[0], offset_of(g, params, group, x));
    if (net->head_count > 1) heads[1] = analytic(g, x, condition[0], 0);
}

/* The same for x-prediction: X = x - t (u + offset). */
static void apply_x(const pf__net *net, pf_graph *g, pf__params *params, const char *group, pf_value x,
                    const pf_value *condition, pf_value label, pf__mode mode, pf_value *heads) {
    apply_u(net, g, params, group, x, condition, label, mode, heads);
    for (int i = 0; i < net->head_count; i++)
        heads[i] = pf_sub(g, x, pf_mul(g, pf_per_sample(g, condition[0], 2), heads[i]));
}

/* And the map itself: x - h (u + offset). */
static void apply_map(const pf__net *net, pf_graph *g, pf__params *params, const char *group, pf_value x,
                      const pf_value *condition, pf_value label, pf__mode mode, pf_value *heads) {
    apply_u(net, g, params, group, x, condition, label, mode, heads);
    heads[0] = pf_sub(g, x, pf_mul(g, pf_per_sample(g, condition[1], 2), heads[0]));
}

typedef struct closed { /* a method with the analytic net, in a fresh graph */
    pf__config *config;
    pf__net net;
    pf__params params;
    pf_graph *g;
    pf__method_ctx ctx;
    const pf__method *method;
} closed;

static pf_value marginal(void *teacher, pf_graph *g, pf_value x, pf_value t, pf_value label) {
    (void)teacher, (void)label;
    return analytic(g, x, t, 0);
}

static void open_closed(closed *c, const char *method, const char *settings, int64_t batch) {
    pf_error err = {0};
    *c = (closed){.method = pf__method_find(method)};
    CHECK_OK(pf__config_create(&c->config, &err), err);
    CHECK_OK(pf__config_read_text(c->config, settings, "test", &err), err);
    CHECK_OK(pf__config_add_table(c->config, c->method->options, &err), err);
    CHECK_OK(pf__config_resolve(c->config, &err), err);
    CHECK_OK(pf_graph_create(&c->g, &err), err);
    bool x = strstr(settings, "prediction = x") || strcmp(method, "pixelmeanflow") == 0;
    pf__needs needs = c->method->needs(c->config);
    c->net = (pf__net){.sample = pf_shape_of(1, D), .apply = x ? apply_x : apply_u};
    if (strstr(settings, "prediction = map")) c->net.apply = apply_map;
    c->net.condition_count = needs.condition_count;
    c->net.head_count = needs.head_count;
    c->ctx = (pf__method_ctx){.g = c->g, .config = c->config, .net = &c->net, .params = &c->params};
    c->ctx.group = "student";
    c->ctx.batch = batch;
    c->ctx.teacher_velocity = marginal;
}

static void close_closed(closed *c) {
    pf__params_free(&c->params);
    pf_graph_destroy(&c->g);
    pf__config_destroy(&c->config);
}

/* ---- the MeanFlow identity through the method's own loss ---- */

#define PAIRS 24
#define B     (2 * PAIRS)

typedef struct pairs { /* samples 2i and 2i + 1: the same z and times, velocities v + delta and v - delta */
    double data[B * D], noise[B * D], time[B], time_r[B], offset[B * D];
} pairs;

static double velocity_of(int d, double x, double t) {
    double s2 = std_of[d] * std_of[d];
    double c = (t - (1.0 - t) * s2) / ((1.0 - t) * (1.0 - t) * s2 + t * t);
    return -mean_of[d] + c * (x - (1.0 - t) * mean_of[d]);
}

static void fill_pairs(pairs *p, double delta) {
    memset(p, 0, sizeof *p);
    for (int b = 0; b < B; b++) {
        int i = b / 2;
        double first = 0.06 + 0.93 * i / PAIRS, second = 0.02 + 0.9 * ((7 * i) % PAIRS) / PAIRS;
        double t = fmax(first, second);
        p->time[b] = t; /* Pixel MeanFlow takes the first draw where r = t */
        p->time_r[b] = fmin(first, second);
        for (int d = 0; d < D; d++) {
            double z = 1.3 * sin(1.0 + 3.0 * i + d);
            double v = velocity_of(d, z, t) + (b % 2 ? -delta : delta) * (1 + d);
            p->data[b * D + d] = z - t * v;
            p->noise[b * D + d] = z + (1.0 - t) * v;
        }
    }
}

/* The loss and its gradient in the offsets. */
static double run_pairs(const char *method, const char *settings, double delta, double *gradient,
                        double *error) {
    pf_error err = {0};
    closed c;
    open_closed(&c, method, settings, B);
    c.ctx.data = pf_input(c.g, "data", PF_F32, pf_shape_of(2, B, D));
    pf_value loss, offset = pf_parameter(c.g, "student", "offset", pf_shape_of(2, B, D)), bar;
    pf_value one = pf_constant(c.g, 1.0, pf_shape_of(0));
    pf__metrics metrics;
    c.method->loss(&c.ctx, &loss, &metrics);
    pf_vjp(c.g, &loss, &one, 1, &offset, 1, &bar);
    CHECK_OK(pf_graph_check(c.g, &err), err);
    static pairs p;
    fill_pairs(&p, delta);
    pf_binding bindings[] = {{"data", p.data},
                             {"noise", p.noise},
                             {"time", p.time},
                             {"time/r", p.time_r},
                             {"student:offset", p.offset}};
    double value = NAN;
    pf_value outputs[3] = {loss, bar, metrics.value[1]};
    double *out[3] = {&value, gradient, error};
    CU_ASSERT(strcmp(metrics.name[1], "u_error") == 0 || strcmp(metrics.name[1], "boundary_error") == 0);
    CHECK_OK(pf_interpret(c.g, outputs, 3, bindings, 5, 1, 0, out, &err), err);
    close_closed(&c);
    return value;
}

static double largest_of(const double *numbers, int count) {
    double largest = 0.0;
    for (int i = 0; i < count; i++) largest = fmax(largest, fabs(numbers[i]));
    return largest;
}

static void check_identity(const char *method, const char *settings) {
    double gradient[B * D], sums[PAIRS * D], u_error;
    run_pairs(method, settings, 0.0, gradient, &u_error);
    CU_ASSERT(u_error < 1e-18); /* the tangent is the marginal velocity: no residual at all */
    CU_ASSERT(largest_of(gradient, B * D) < 1e-9);
    double loss = run_pairs(method, settings, 0.7, gradient, &u_error);
    CU_ASSERT(loss > 0.05); /* conditional velocities: residuals, but of mean zero */
    CU_ASSERT(u_error > 0.05);
    CU_ASSERT(largest_of(gradient, B * D) > 1e-3);
    for (int i = 0; i < PAIRS; i++)
        for (int d = 0; d < D; d++) sums[i * D + d] = gradient[2 * i * D + d] + gradient[(2 * i + 1) * D + d];
    CU_ASSERT(largest_of(sums, PAIRS * D) < 1e-9);
}

static void test_identity_u(void) {
    check_identity("meanflow", "[method]\nratio = 0.75\ntime = uniform\nnorm_p = 0\n");
}

static void test_identity_x(void) {
    check_identity("meanflow", "[method]\nratio = 0.75\ntime = uniform\nnorm_p = 0\nprediction = x\n");
}

/* Along the network's own velocity, which is the marginal one here. */
static void test_identity_improved(void) {
    static const char *const settings[] = {
        "[method]\nratio = 0.75\ntime = uniform\nnorm_p = 0\ntangent = u\n",
        "[method]\nratio = 0.75\ntime = uniform\nnorm_p = 0\ntangent = head\n",
    };
    for (int i = 0; i < 2; i++) {
        check_identity("meanflow", settings[i]);
        check_identity("pixelmeanflow", settings[i]);
    }
}

/* Of the map, u- and x-prediction or free, along the marginal velocity; its gradient is the derivative of a
 * square at zero. */
static void test_whole_gradient(void) {
    static const char *const settings[] = {
        "[method]\ntime = uniform\nnorm_p = 0\nform = full\nvelocity = teacher\n",
        "[method]\ntime = uniform\nnorm_p = 0\nform = full\nvelocity = teacher\nprediction = x\n",
        "[method]\ntime = uniform\nnorm_p = 0\nform = full\nvelocity = teacher\nprediction = map\n"
        "boundary = 1\n",
    };
    double gradient[B * D], error;
    for (int i = 0; i < 3; i++) {
        CU_ASSERT(run_pairs("meanflow", settings[i], 0.7, gradient, &error) < 1e-18);
        CU_ASSERT(error < 1e-18);
        CU_ASSERT(largest_of(gradient, B * D) < 1e-9);
    }
}

/* ---- maps and velocities ---- */

/* evaluate and velocity of the analytic net at x [n, D]. */
static void run_sampler(const char *method, const char *settings, const double *x, int n, double t, double r,
                        double *evaluated, double *velocity) {
    pf_error err = {0};
    closed c;
    open_closed(&c, method, settings, n);
    c.ctx.x = pf_input(c.g, "x", PF_F32, pf_shape_of(2, n, D));
    c.ctx.t = pf_input(c.g, "step/t", PF_F32, pf_shape_of(0));
    c.ctx.r = pf_input(c.g, "step/r", PF_F32, pf_shape_of(0));
    pf_value outputs[2];
    c.method->evaluate(&c.ctx, &outputs[0]);
    c.method->velocity(&c.ctx, &outputs[1]);
    pf_binding bindings[] = {{"x", x}, {"step/t", &t}, {"step/r", &r}};
    double *out[2] = {evaluated, velocity};
    CHECK_OK(pf_interpret(c.g, outputs, 2, bindings, 3, 1, 0, out, &err), err);
    close_closed(&c);
}

#define FREE_MAP "[method]\nprediction = map\nform = full\nvelocity = teacher\nboundary = 1\n"

static void test_one_evaluation(void) {
    static const char *const of[][2] = {
        {"meanflow", "[method]\n"},      {"meanflow", "[method]\nprediction = x\n"},
        {"meanflow", FREE_MAP},          {"meanflow", "[method]\ntangent = head\n"},
        {"pixelmeanflow", "[method]\n"}, {"pixelmeanflow", "[method]\ntangent = u\n"}};
    enum { N = 9 };
    double b[N * D], a[N * D], v[N * D];
    for (int i = 0; i < N * D; i++) b[i] = 2.5 * sin(1.0 + 2.0 * i);
    for (int k = 0; k < 6; k++) {
        run_sampler(of[k][0], of[k][1], b, N, 1.0, 0.0, a, v);
        for (int i = 0; i < N * D; i++) {
            CHECK_NEAR(a[i], mean_of[i % D] + std_of[i % D] * b[i], 1e-9);
            CHECK_NEAR(v[i], velocity_of(i % D, b[i], 1.0), 1e-9);
        }
    }
}

static void check_steps_compose(const char *method, const char *settings) {
    double x[D] = {0.7, -1.1}, whole[D], half[D], rest[D], v[D];
    run_sampler(method, settings, x, 1, 0.9, 0.2, whole, v);
    run_sampler(method, settings, x, 1, 0.9, 0.55, half, v);
    run_sampler(method, settings, half, 1, 0.55, 0.2, rest, v);
    for (int d = 0; d < D; d++) CHECK_NEAR(rest[d], whole[d], 1e-9);
}

static void test_steps_compose(void) {
    check_steps_compose("meanflow", "[method]\n");
    check_steps_compose("meanflow", FREE_MAP);
    check_steps_compose("pixelmeanflow", "[method]\n");
}

/* The printed digits of the closed forms for m = 1.5, s = 0.4, worked out by hand from the formulas. */
static void test_known_numbers(void) {
    double x[D] = {0.7, 0.0}, mapped[D], v[D];
    run_sampler("meanflow", "[method]\n", x, 1, 0.75, 0.25, mapped, v);
    CHECK_NEAR(mapped[0], 1.292737643, 1e-9);
    CHECK_NEAR(v[0], -1.096943231, 1e-9);
    run_sampler("meanflow", "[method]\n", x, 1, 1.0, 0.0, mapped, v);
    CHECK_NEAR(mapped[0], 1.78, 1e-9);
    run_sampler("meanflow", "[method]\n", x, 1, 0.75, 0.0, mapped, v);
    CHECK_NEAR(mapped[0], 1.671812836, 1e-9);
    /* g = ((t - r) / t) X + (r / t) z at r = t / 3 */
    run_sampler("pixelmeanflow", "[method]\n", x, 1, 0.75, 0.25, mapped, v);
    CHECK_NEAR(mapped[0], 1.292737643, 1e-9);
    CHECK_NEAR((mapped[0] - x[0] / 3.0) * 1.5, 1.589106465, 2e-9);
    CHECK_NEAR(v[0], -1.096943231, 1e-9);
    run_sampler("flow", "[method]\n", x, 1, 0.75, 0.0, mapped, v);
    CHECK_NEAR(mapped[0], -1.096943231, 1e-9);
    CHECK_NEAR(v[0], -1.096943231, 1e-9);
}

static void test_rate(void) {
    pf_error err = {0};
    pf_graph *g = NULL;
    CHECK_OK(pf_graph_create(&g, &err), err);
    pf_value x = pf_input(g, "x", PF_F32, pf_shape_of(2, 1, D));
    pf_value t = pf_input(g, "t", PF_F32, pf_shape_of(1, 1)), h = pf_input(g, "h", PF_F32, pf_shape_of(1, 1));
    pf_value u = analytic(g, x, t, h), rate, one = pf_constant(g, 1.0, pf_shape_of(1, 1));
    pf_value along[3] = {x, t, h}, tangent[3] = {analytic(g, x, t, 0), one, one};
    CHECK_OK(pf_jvp(g, &u, 1, along, tangent, 3, &rate), err);
    double at[D] = {0.7, 0.0}, time = 0.75, step = 0.5, value[D], derivative[D];
    pf_binding bindings[] = {{"x", at}, {"t", &time}, {"h", &step}};
    pf_value outputs[2] = {u, rate};
    double *out[2] = {value, derivative};
    CHECK_OK(pf_interpret(g, outputs, 2, bindings, 3, 1, 0, out, &err), err);
    CHECK_NEAR(value[0], -1.185475287, 1e-9);
    CHECK_NEAR(derivative[0], 0.17706411, 1e-8);
    pf_graph_destroy(&g);
}

/* ---- the floor of flow matching ---- */

static void test_floor(void) {
    enum { RUNS = 16, N = 4096 };
    pf_error err = {0};
    closed c;
    open_closed(&c, "flow", "[method]\ntime = uniform\n", N);
    pf_value normal = pf_random_normal(c.g, "data", pf_shape_of(2, N, D)), loss;
    c.ctx.data = pf_add(c.g, row(c.g, mean_of), pf_mul(c.g, row(c.g, std_of), normal));
    pf__metrics metrics;
    c.method->loss(&c.ctx, &loss, &metrics);
    CHECK_OK(pf_graph_check(c.g, &err), err);
    double *zero = calloc(N * D, sizeof *zero), sum = 0.0, squares = 0.0, floor_of = 0.0;
    pf_binding binding = {"student:offset", zero};
    for (uint64_t k = 0; k < RUNS; k++) {
        double value = NAN, *out = &value;
        CHECK_OK(pf_interpret(c.g, &loss, 1, &binding, 1, 7, k * N, &out, &err), err);
        sum += value;
        squares += value * value;
    }
    double average = sum / RUNS, error = sqrt((squares / RUNS - average * average) / (RUNS - 1));
    for (int d = 0; d < D; d++) floor_of += acos(-1.0) * std_of[d] / 2.0 / D;
    CU_ASSERT(error > 0.0 && error < 0.01 * floor_of);
    CHECK_NEAR((average - floor_of) / (4.0 * error), 0.0, 1.0);
    free(zero);
    close_closed(&c);
}

void test_closed_suite(void) {
    CU_pSuite suite = CU_add_suite("closed forms", NULL, NULL);
    CU_add_test(suite, "MeanFlow's residual vanishes, or has mean zero (u)", test_identity_u);
    CU_add_test(suite, "MeanFlow's residual vanishes, or has mean zero (x)", test_identity_x);
    CU_add_test(suite, "and with the network's own velocity as tangent", test_identity_improved);
    CU_add_test(suite, "the whole |dg/dt|^2 vanishes along the marginal velocity", test_whole_gradient);
    CU_add_test(suite, "one evaluation maps b to m + s b", test_one_evaluation);
    CU_add_test(suite, "two steps are one step", test_steps_compose);
    CU_add_test(suite, "known numbers", test_known_numbers);
    CU_add_test(suite, "du/dt along the path", test_rate);
    CU_add_test(suite, "flow matching's least loss is pi s / 2", test_floor);
}
