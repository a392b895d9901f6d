/* SPDX-License-Identifier: MIT
 * Classifier-free guidance with a network of the test's own, whose answer is one row of a table for each
 * label:
 *
 *   flow       v(x, t | y) = table[y] + t x, so that what is integrated is known
 *   MeanFlow   u = table[y] is constant, du/dt = 0, and the loss asks for u = E v_g: descent by the whole
 *              distance is u_y <- omega v_y + kappa u_y + (1 - omega - kappa) u_null, which has the fixed
 * point w v_y + (1 - w) u_null, w = omega / (1 - kappa), and comes nearer by kappa each time */
#include "check.h"
#include "methods/guidance.h"

enum { D = 2, CLASSES = 3, ROWS = 6, B = (CLASSES + 1) * ROWS };

static pf_value row_of(const pf__net *net, pf_graph *g, pf__params *params, const char *group,
                       const char *path, pf_value label, int64_t batch) {
    pf_value table = pf__params_leaf(params, g, group, path, pf_shape_of(2, CLASSES + 1, D), PF__INIT_ZERO,
                                     0.0);
    if (!label) label = pf_constant_of(g, net->class_count, PF_I32, pf_shape_of(1, (int)batch));
    return pf_gather(g, table, label);
}

static void apply_u(const pf__net *net, pf_graph *g, pf__params *params, const char *group, pf_value x,
                    const pf_value *condition, pf_value label, pf__mode mode, pf_value *heads) {
    static const char *const path[PF__HEADS_MAX] = {"table/0", "table/1"};
    (void)condition, (void)mode;
    for (int i = 0; i < net->head_count; i++)
        heads[i] = row_of(net, g, params, group, path[i], label, pf_value_shape(g, x).dim[0]);
}

/* X = z - t u */
static void apply_x(const pf__net *net, pf_graph *g, pf__params *params, const char *group, pf_value x,
                    const pf_value *condition, pf_value label, pf__mode mode, pf_value *heads) {
    apply_u(net, g, params, group, x, condition, label, mode, heads);
    for (int i = 0; i < net->head_count; i++)
        heads[i] = pf_sub(g, x, pf_mul(g, pf_per_sample(g, condition[0], 2), heads[i]));
}

static void apply_v(const pf__net *net, pf_graph *g, pf__params *params, const char *group, pf_value x,
                    const pf_value *condition, pf_value label, pf__mode mode, pf_value *heads) {
    apply_u(net, g, params, group, x, condition, label, mode, heads);
    heads[0] = pf_add(g, heads[0], pf_mul(g, pf_per_sample(g, condition[0], 2), x));
}

/* ---- a method with such a network ---- */

typedef struct rig {
    pf__config *config;
    pf__net net;
    pf__params params;
    pf_graph *g;
    pf__method_ctx ctx;
    const pf__method *method;
} rig;

static const pf__option data_options[] = {
    {"data", "labels", PF__OPTION_BOOL, NULL, 0, 0, "true", NULL, NULL, "", NULL},
    {"data", "label_drop", PF__OPTION_REAL, NULL, 0, 1, "0.1", NULL, NULL, "", NULL},
    {0},
};

static pf_status configure(rig *r, const char *method, const char *settings, pf_error *err) {
    r->method = pf__method_find(method);
    PF__TRY(pf__config_create(&r->config, err));
    PF__TRY(pf__config_read_text(r->config, settings, "test", err));
    PF__TRY(pf__config_add_table(r->config, data_options, err));
    PF__TRY(pf__config_add_table(r->config, r->method->options, err));
    PF__TRY(pf__config_resolve(r->config, err));
    return r->method->check(r->config, err);
}

static void open_rig(rig *r, const char *method, const char *settings, int64_t batch) {
    pf_error err = {0};
    *r = (rig){0};
    CHECK_OK(configure(r, method, settings, &err), err);
    CHECK_OK(pf_graph_create(&r->g, &err), err);
    const pf__needs needs = r->method->needs(r->config);
    r->net = (pf__net){.sample = pf_shape_of(1, D), .class_count = CLASSES, .apply = apply_u};
    r->net.source = r->net.sample;
    if (strcmp(method, "flow") == 0) r->net.apply = apply_v;
    if (strcmp(method, "pixelmeanflow") == 0 || strstr(settings, "prediction = x")) r->net.apply = apply_x;
    r->net.condition_count = needs.condition_count;
    r->net.head_count = needs.head_count;
    r->ctx = (pf__method_ctx){.g = r->g, .config = r->config, .net = &r->net, .params = &r->params};
    r->ctx.group = "student";
    r->ctx.batch = batch;
    r->ctx.label = pf_input(r->g, "label", PF_I32, pf_shape_of(1, (int)batch));
}

static void close_rig(rig *r) {
    pf__params_free(&r->params);
    pf_graph_destroy(&r->g);
    pf__config_destroy(&r->config);
}

/* ---- MeanFlow: the fixed points ---- */

typedef struct batch {
    double data[B * D], noise[B * D], time[B], time_r[B], label[B];
    double table[2][(CLASSES + 1) * D];
    double mean[(CLASSES + 1) * D]; /* of b - a by label */
} batch;

/* Rows of all labels among those with r < t and those with r = t; mean velocities apart by label. */
static void fill(batch *b, double time) {
    memset(b, 0, sizeof *b);
    for (int i = 0; i < B; i++) {
        const int y = i % (CLASSES + 1);
        b->label[i] = y;
        b->time[i] = time;
        b->time_r[i] = time * 0.5;
        for (int d = 0; d < D; d++) {
            b->data[i * D + d] = sin(1.0 + 3.0 * i + d);
            b->noise[i * D + d] = cos(2.0 + 5.0 * i - d) + 1.5 * y - d;
            b->mean[y * D + d] += (b->noise[i * D + d] - b->data[i * D + d]) / ROWS;
        }
    }
    for (int k = 0; k < (CLASSES + 1) * D; k++) {
        b->table[0][k] = 0.3 * sin(7.0 * k);
        b->table[1][k] = 0.3 * cos(4.0 * k);
    }
}

/* The gradients of the loss's tables (those of the second head where there is one). */
static void gradients(rig *r, batch *b, double out[2][(CLASSES + 1) * D]) {
    pf_error err = {0};
    pf_value loss, gradient[2] = {0}, table[2], one = pf_constant(r->g, 1.0, pf_shape_of(0));
    pf__metrics metrics;
    double *const to[2] = {out[0], out[1]};
    const pf_binding bindings[] = {{"data", b->data},
                                   {"noise", b->noise},
                                   {"time", b->time},
                                   {"time/r", b->time_r},
                                   {"label", b->label},
                                   {"student:table/0", b->table[0]},
                                   {"student:table/1", b->table[1]}};
    r->ctx.data = pf_input(r->g, "data", PF_F32, pf_shape_of(2, B, D));
    r->method->loss(&r->ctx, &loss, &metrics);
    for (int i = 0; i < r->net.head_count; i++)
        table[i] = pf_parameter(r->g, "student", i ? "table/1" : "table/0", pf_shape_of(2, CLASSES + 1, D));
    pf_vjp(r->g, &loss, &one, 1, table, r->net.head_count, gradient);
    CHECK_OK(pf_graph_check(r->g, &err), err);
    CHECK_OK(pf_interpret(r->g, gradient, r->net.head_count, bindings, 6 + (r->net.head_count > 1), 1, 0, to,
                          &err),
             err);
}

/* Descends `steps` times by what would reach E v_g; the distance of the guided rows of `head` from what the
 * guidance w has, after each step. */
static void descend(const char *method, const char *settings, double time, double w, int head, int steps,
                    double *distance, batch *b) {
    double gradient[2][(CLASSES + 1) * D];
    fill(b, time);
    for (int s = 0; s < steps; s++) {
        rig r;
        open_rig(&r, method, settings, B);
        gradients(&r, b, gradient);
        for (int h = 0; h < r.net.head_count; h++)
            for (int k = 0; k < (CLASSES + 1) * D; k++) b->table[h][k] -= gradient[h][k] * B / (2.0 * ROWS);
        close_rig(&r);
        distance[s] = 0;
        for (int k = 0; k < CLASSES * D; k++) {
            const double null = b->mean[CLASSES * D + k % D], fixed = w * b->mean[k] + (1 - w) * null;
            distance[s] = fmax(distance[s], fabs(b->table[head][k] - fixed));
        }
    }
}

#define PLAIN "[method]\nnorm_p = 0\ntime = uniform\nratio = 0.5\n"

static void fixed_points(void) {
    static const struct {
        const char *method, *settings;
        double w, kappa;
        int head;
    } cases[] = {
        {"meanflow", "omega = 2\n", 2, 0, 0},
        {"meanflow", "omega = 1\nkappa = 0.5\n", 2, 0.5, 0},
        {"meanflow", "omega = 0.2\nkappa = 0.92\n", 2.5, 0.92, 0},
        {"meanflow", "omega = 0.2\nkappa = 0.8\n", 1, 0.8, 0},
        {"meanflow", "omega = 1\nkappa = 0.75\ntangent = u\n", 4, 0.75, 0},
        {"meanflow", "omega = 1\nkappa = 0.5\ntangent = head\n", 2, 0.5, 1},
        {"meanflow", "omega = 1.5\nkappa = 0.25\nprediction = x\n", 2, 0.25, 0},
        {"pixelmeanflow", "tangent = velocity\nomega = 3\n", 3, 0, 0},
        {"pixelmeanflow", "tangent = head\nomega = 1\nkappa = 0.875\n", 8, 0.875, 1},
    };
    enum { STEPS = 6 };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char settings[256];
        double distance[STEPS];
        batch b;
        snprintf(settings, sizeof settings, "%s%s", PLAIN, cases[i].settings);
        descend(cases[i].method, settings, 0.5, cases[i].w, cases[i].head, STEPS, distance, &b);
        for (int k = 0; k < D; k++) /* rows without a label learn the plain velocity */
            CHECK_NEAR(b.table[cases[i].head][CLASSES * D + k], b.mean[CLASSES * D + k], 1e-12);
        /* the first step still mixes in what u_null was */
        for (int s = 2; s < STEPS; s++) CHECK_NEAR(distance[s], cases[i].kappa * distance[s - 1], 1e-10);
        if (cases[i].kappa > 0) CU_ASSERT(distance[1] > 1e-3);
    }
}

/* Times at both ends are guided, those outside are not. */
static void only_in_the_interval(void) {
    static const double time[] = {0.25, 0.5, 0.75, 0.125, 0.875}, w[] = {2, 2, 2, 1, 1};
    for (int i = 0; i < 5; i++) {
        double distance[2];
        batch b;
        descend("meanflow", PLAIN "omega = 2\nguide_from = 0.25\nguide_to = 0.75\n", time[i], w[i], 0, 2,
                distance, &b);
        CHECK_NEAR(distance[1], 0.0, 1e-12);
    }
}

/* ---- flow: what is integrated ---- */

static void evaluate_flow(double w, double *evaluated, double *velocity) {
    static double label[CLASSES + 1] = {0, 1, 2, CLASSES}, time = 0.375,
                                  x[(CLASSES + 1) * D] = {0.5, -1, 0.25, 2, -0.75, 1.5, 3, -2},
                                  table[(CLASSES + 1) * D] = {1.1, 2.3, -3.7, 0.6, 4.9, -1.3, 0.1, 0.7};
    const pf_binding bindings[] = {{"x", x}, {"step/t", &time}, {"label", label}, {"student:table/0", table}};
    double *const to[2] = {evaluated, velocity};
    char settings[64];
    pf_error err = {0};
    pf_value out[2];
    rig r;
    snprintf(settings, sizeof settings, "[sample]\nguidance = %g\n", w);
    open_rig(&r, "flow", settings, CLASSES + 1);
    r.ctx.x = pf_input(r.g, "x", PF_F32, pf_shape_of(2, CLASSES + 1, D));
    r.ctx.t = pf_input(r.g, "step/t", PF_F32, pf_shape_of(0));
    r.method->evaluate(&r.ctx, &out[0]);
    r.method->velocity(&r.ctx, &out[1]);
    CHECK_OK(pf_interpret(r.g, out, 2, bindings, 4, 1, 0, to, &err), err);
    close_rig(&r);
    for (int k = 0; k < (CLASSES + 1) * D; k++) {
        const double null = table[CLASSES * D + k % D];
        CHECK_NEAR(evaluated[k], null + w * (table[k] - null) + time * x[k], 1e-14);
        CHECK_NEAR(velocity[k], table[k] + time * x[k], 1e-14);
    }
}

static void flow_is_guided(void) {
    double evaluated[(CLASSES + 1) * D], velocity[(CLASSES + 1) * D];
    evaluate_flow(3, evaluated, velocity);
    CU_ASSERT(fabs(evaluated[0] - velocity[0]) > 0.1);
    evaluate_flow(0, evaluated, velocity);
    evaluate_flow(0.5, evaluated, velocity);
    evaluate_flow(1, evaluated, velocity);
    CU_ASSERT(memcmp(evaluated, velocity, sizeof evaluated) == 0);
}

/* One pass: what the network says without label is not asked for. */
static void unguided_flow_reads_no_null(void) {
    double label[2] = {0, 2}, time = 0.5, x[2 * D] = {0}, out[2 * D], *const to = out,
           table[(CLASSES + 1) * D] = {1, 2, 3, 4, 5, 6, NAN, NAN};
    const pf_binding bindings[] = {{"x", x}, {"step/t", &time}, {"label", label}, {"student:table/0", table}};
    pf_error err = {0};
    pf_value value;
    rig r;
    open_rig(&r, "flow", "", 2);
    r.ctx.x = pf_input(r.g, "x", PF_F32, pf_shape_of(2, 2, D));
    r.ctx.t = pf_input(r.g, "step/t", PF_F32, pf_shape_of(0));
    r.method->evaluate(&r.ctx, &value);
    CHECK_OK(pf_interpret(r.g, &value, 1, bindings, 4, 1, 0, &to, &err), err);
    CU_ASSERT(out[0] == 1 && out[1] == 2 && out[2] == 5 && out[3] == 6);
    close_rig(&r);
}

/* ---- labels that are dropped ---- */

static void dropped(int n, double share, const pf_binding *bindings, int count, double *out) {
    pf_error err = {0};
    pf_graph *g = NULL;
    CHECK_OK(pf_graph_create(&g, &err), err);
    pf_value label = pf_input(g, "label", PF_I32, pf_shape_of(1, n));
    pf_value value = pf__guidance_drop(g, label, CLASSES, share);
    CHECK_INT(pf_value_dtype(g, value), PF_I32);
    CHECK_OK(pf_interpret(g, &value, 1, bindings, count, 1, 0, &out, &err), err);
    pf_graph_destroy(&g);
}

static void labels_are_dropped(void) {
    double given[5] = {0, 1, 2, 3, 2}, uniform[5] = {0.05, 0.5, 0.24, 0.9, 0.26}, out[5];
    const double expected[5] = {CLASSES, 1, CLASSES, 3, 2};
    dropped(5, 0.25, (pf_binding[]){{"label", given}, {"label/drop", uniform}}, 2, out);
    for (int i = 0; i < 5; i++) CHECK_NEAR(out[i], expected[i], 0);

    enum { N = 20000 };
    static double many[N], kept[N];
    int lost = 0;
    for (int i = 0; i < N; i++) many[i] = i % CLASSES;
    dropped(N, 0.1, &(pf_binding){"label", many}, 1, kept);
    for (int i = 0; i < N; i++) {
        CU_ASSERT(kept[i] == many[i] || kept[i] == CLASSES);
        lost += kept[i] == CLASSES;
    }
    CHECK_NEAR(lost / (double)N, 0.1, 4 * sqrt(0.1 * 0.9 / N));
}

/* ---- refusals ---- */

static void refusals(void) {
    static const char *const bad[][3] = {
        {"meanflow", "[method]\nomega = 2\n[data]\nlabels = false\n", "the network gets none"},
        {"flow", "[sample]\nguidance = 2\n[data]\nlabels = false\n", "the network gets none"},
        {"pixelmeanflow", "[method]\nkappa = 0.5\n[data]\nlabel_drop = 0\n", "data.label_drop = 0"},
        {"flow", "[sample]\nguidance = 0\n[data]\nlabel_drop = 0\n", "data.label_drop = 0"},
        {"meanflow", "[method]\nomega = 2\nvelocity = teacher\n", "method.velocity = teacher"},
        {"meanflow", "[method]\nkappa = 0.5\nguide_from = 0.9\nguide_to = 0.8\n", "larger than"},
        {"meanflow", "[method]\nkappa = 1\n", "outside [0, 0.99]"},
        {"flow", "[sample]\nguidance = -1\n", "outside [0, 100]"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        pf_error err = {0};
        rig r = {0};
        CHECK_INT(configure(&r, bad[i][0], bad[i][1], &err), PF_USAGE);
        CHECK_CONTAINS(err.message, bad[i][2]);
        CU_ASSERT(*err.hint);
        close_rig(&r);
    }
}

void test_guidance_suite(void) {
    CU_pSuite s = CU_add_suite("guidance", NULL, NULL);
    CU_add_test(s, "MeanFlow's fixed points", fixed_points);
    CU_add_test(s, "only in the interval", only_in_the_interval);
    CU_add_test(s, "flow's velocity", flow_is_guided);
    CU_add_test(s, "flow without guidance", unguided_flow_reads_no_null);
    CU_add_test(s, "labels are dropped", labels_are_dropped);
    CU_add_test(s, "what cannot be", refusals);
}
