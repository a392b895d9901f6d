/* SPDX-License-Identifier: MIT
 * Rows: norms, softmax and losses per sample, with both derivatives, as one launch each on every kind of
 * device, against the interpreter. */
#include "check.h"
#include "plan/harness.h"

void test_rows_suite(void);

/* ---- works on x [rows, columns] ---- */

typedef struct work {
    pf_graph *g;
    pf_value x[4], y[2]; /* variables; results */
    int nx, ny;
} work;

static pf_value leaf(pf_graph *g, const char *name, int rows, int columns) {
    return pf_input(g, name, PF_F32, pf_shape_of(2, rows, columns));
}

static pf_value normal(pf_graph *g, pf_value x) {
    pf_value centred = pf_sub(g, x, pf_mean(g, x, 2, true));
    pf_value variance = pf_mean(g, pf_square(g, centred), 2, true);
    return pf_mul(g, centred, pf_rsqrt(g, pf_add_number(g, variance, 1e-2)));
}

static void layer_norm(work *w, int rows, int columns) {
    (void)rows;
    w->x[1] = leaf(w->g, "gain", 1, columns);
    w->x[2] = leaf(w->g, "shift", 1, columns);
    w->nx = 3;
    w->y[0] = pf_add(w->g, pf_mul(w->g, normal(w->g, w->x[0]), w->x[1]), w->x[2]);
}

static void rms_norm(work *w, int rows, int columns) {
    pf_value square = pf_mean(w->g, pf_square(w->g, w->x[0]), 2, true);
    (void)rows;
    w->x[1] = leaf(w->g, "gain", 1, columns);
    w->nx = 2;
    w->y[0] = pf_mul(w->g, pf_mul(w->g, w->x[0], pf_rsqrt(w->g, pf_add_number(w->g, square, 1e-2))), w->x[1]);
}

static void softmax(work *w, int rows, int columns) {
    (void)rows, (void)columns;
    pf_value e = pf_exp(w->g, pf_sub(w->g, w->x[0], pf_row_max(w->g, w->x[0], 2, true)));
    w->y[0] = pf_div(w->g, e, pf_sum(w->g, e, 2, true));
}

/* z = x + gate branch, and its norm times 1 + scale, plus shift; both are results. */
static void modulated(work *w, int rows, int columns) {
    pf_value gate = leaf(w->g, "gate", rows, 1), scale = leaf(w->g, "scale", 1, columns);
    w->x[1] = leaf(w->g, "branch", rows, columns);
    w->x[2] = leaf(w->g, "shift", rows, 1);
    w->nx = 3;
    w->y[0] = pf_add(w->g, w->x[0], pf_mul(w->g, gate, w->x[1]));
    pf_value n = pf_mul(w->g, normal(w->g, w->y[0]), pf_add_number(w->g, scale, 1));
    w->y[1] = pf_add(w->g, n, w->x[2]);
    w->ny = 2;
}

/* A loss per sample with its own weight, which no derivative passes. */
static void weighted(work *w, int rows, int columns) {
    pf_value target = leaf(w->g, "target", rows, columns);
    pf_value e = pf_sum_per_sample(w->g, pf_square(w->g, pf_sub(w->g, pf_tanh(w->g, w->x[0]), target)));
    pf_value weight = pf_stop_gradient(w->g, pf_power(w->g, pf_add_number(w->g, e, 1e-3), -0.75));
    w->y[0] = pf_mul(w->g, e, weight);
    w->y[1] = weight;
    w->ny = 2;
}

static void (*const works[])(work *, int, int) = {layer_norm, rms_norm, softmax, modulated, weighted};
static const char *const names[] = {"layer norm", "rms norm", "softmax", "modulated norm", "weighted loss"};
enum { WORKS = sizeof works / sizeof *works, FORWARD = 0, DUAL, REVERSE, GAINS, MODES };

/* ---- one of them ---- */

/* What runs: the results; with their tangents; the gradient of x; the gradients of all. */
static int derive(work *w, int mode, pf_value *out) {
    pf_value bar[2], seed[4] = {0}, found[4] = {0};
    int n = 0;
    for (int i = 0; i < w->ny && mode <= DUAL; i++) out[n++] = w->y[i];
    if (mode == FORWARD) return n;
    if (mode == DUAL) {
        for (int j = 0; j < w->nx; j++) {
            const char *const tangent[] = {"dx", "d1", "d2", "d3"};
            seed[j] = pf_input(w->g, tangent[j], PF_F32, pf_value_shape(w->g, w->x[j]));
        }
        pf_jvp(w->g, w->y, w->ny, w->x, seed, w->nx, found);
        for (int i = 0; i < w->ny; i++)
            if (found[i]) out[n++] = found[i];
        return n;
    }
    for (int i = 0; i < w->ny; i++)
        bar[i] = pf_input(w->g, i ? "bar1" : "bar0", PF_F32, pf_value_shape(w->g, w->y[i]));
    const int nx = mode == GAINS ? w->nx : 1;
    pf_vjp(w->g, w->y, bar, w->ny, w->x, nx, found);
    for (int j = 0; j < nx; j++)
        if (found[j]) out[n++] = found[j];
    return n;
}

static void one_work(int which, int mode, int rows, int columns) {
    pf_error err = {0};
    work w = {.nx = 1, .ny = 1};
    pf_value out[8];
    pf__plan_report report = {0};
    CHECK_OK(pf_graph_create(&w.g, &err), err);
    w.x[0] = leaf(w.g, "x", rows, columns);
    works[which](&w, rows, columns);
    const int count = derive(&w, mode, out);
    pf__simplify(w.g, out, count);
    CHECK_OK(pf_graph_check(w.g, &err), err);
    const double e = compare_with(w.g, out, count, 0, NULL, 0, test_matmul(), &report);
    const int most = mode != GAINS ? 1 : 2; /* rows; the partial sums over them */
    if (!(e <= 2e-5) || report.launches > most)
        fprintf(stderr, "%s, mode %d, %d x %d: relative error %.3g, %d launches\n", names[which], mode, rows,
                columns, e, report.launches);
    CU_ASSERT(e <= 2e-5);
    CU_ASSERT(report.launches <= most);
    pf_graph_destroy(&w.g);
}

/* ---- devices ---- */

/* The context's device as another one; the last row as it is. */
static const struct {
    pf_device_type type;
    uint32_t width;
} forms[] = {
    {PF_DEVICE_CPU, 16}, {PF_DEVICE_CPU, 8}, {PF_DEVICE_CPU, 4}, {PF_DEVICE_GPU, 4}, {PF_DEVICE_GPU, 1}};

static void test_rows(void) {
    const int columns[] = {1, 3, 16, 17, 64, 130, 512, 1000}, rows[] = {1, 7, 4096};
    const int forms_count = test_small() ? 1 : (int)(sizeof forms / sizeof *forms);
    pf_device_info *info = (pf_device_info *)pf_context_device(test_context());
    const pf_device_info own = *info;
    int next = 0;
    for (int k = 0; k < forms_count; k++) {
        if (!test_small()) {
            info->type = forms[k].type;
            info->vector_width = forms[k].width;
        }
        for (int i = 0; i < (test_small() ? 6 : 8); i++)
            for (int j = 0; j < 3; j++, next++) {
                if (k && (i + j + k) % 2) continue;
                const int n = test_small() && j == 2 ? 40 : rows[j];
                one_work(next % WORKS, next / WORKS % MODES, n, columns[i]);
            }
        next++; /* another work on each shape with the next device */
    }
    *info = own;
}

static void test_each_work(void) {
    for (int which = 0; which < WORKS; which++)
        for (int mode = 0; mode < MODES; mode++) one_work(which, mode, test_small() ? 40 : 600, 50);
}

/* Rows of samples that have axes of their own, beside numbers per channel. */
static void test_several_axes(void) {
    pf_error err = {0};
    pf_graph *g = NULL;
    pf__plan_report report;
    CHECK_OK(pf_graph_create(&g, &err), err);
    pf_value x = pf_input(g, "x", PF_F32, pf_shape_of(4, 9, 5, 3, 7)),
             channel = pf_input(g, "channel", PF_F32, pf_shape_of(4, 1, 1, 1, 7)),
             line = pf_input(g, "line", PF_F32, pf_shape_of(4, 1, 5, 1, 1));
    pf_value mean = pf_mean(g, x, 14, true), centred = pf_sub(g, x, mean);
    pf_value rate = pf_rsqrt(g, pf_add_number(g, pf_mean(g, pf_square(g, centred), 14, true), 0.1));
    pf_value y = pf_add(g, pf_mul(g, pf_mul(g, pf_silu(g, centred), rate), channel), line);
    pf_value out[2] = {pf_sub(g, y, pf_sum(g, pf_mul(g, pf_silu(g, centred), line), 14, true)), rate};
    CU_ASSERT(compare_with(g, out, 2, 0, NULL, 0, test_matmul(), &report) < 1e-5);
    CHECK_INT(report.launches, 1);
    pf_graph_destroy(&g);
}

/* Tokens of samples, each sample with its own scale, shift and gate: two axes of rows that are not one. */
static void test_tokens(void) {
    enum { SAMPLES = 5, TOKENS = 9, WIDTH = 33 };
    pf_error err = {0};
    pf_graph *g = NULL;
    pf__plan_report report;
    CHECK_OK(pf_graph_create(&g, &err), err);
    const pf_shape all = pf_shape_of(3, SAMPLES, TOKENS, WIDTH), each = pf_shape_of(3, SAMPLES, 1, WIDTH);
    pf_value x = pf_input(g, "x", PF_F32, all), branch = pf_input(g, "branch", PF_F32, all),
             gate = pf_input(g, "gate", PF_F32, each), scale = pf_input(g, "scale", PF_F32, each),
             shift = pf_input(g, "shift", PF_F32, each);
    pf_value z = pf_add(g, x, pf_mul(g, gate, branch)), centred = pf_sub(g, z, pf_mean(g, z, 4, true));
    pf_value rate = pf_rsqrt(g, pf_add_number(g, pf_mean(g, pf_square(g, centred), 4, true), 1e-2));
    pf_value n = pf_mul(g, centred, rate);
    pf_value y[4] = {z, pf_add(g, pf_mul(g, n, pf_add_number(g, scale, 1)), shift)};
    pf_value dx[2] = {pf_input(g, "dx", PF_F32, all), pf_input(g, "dscale", PF_F32, each)};
    CHECK_OK(pf_jvp(g, y, 2, (pf_value[]){x, scale}, dx, 2, y + 2), err);
    CU_ASSERT(compare_with(g, y, 4, 0, NULL, 0, test_matmul(), &report) < 1e-5);
    CHECK_INT(report.launches, 1);
    pf_value bar[2] = {pf_input(g, "bar0", PF_F32, all), pf_input(g, "bar1", PF_F32, all)}, found[4];
    CHECK_OK(pf_vjp(g, y, bar, 2, (pf_value[]){x, scale, shift, gate}, 4, found), err);
    CU_ASSERT(compare_with(g, found, 4, 0, NULL, 0, test_matmul(), &report) < 1e-5);
    CHECK_INT(report.launches, 2); /* rows; the sums over tokens */
    pf_graph_destroy(&g);
}

/* Few long rows would leave cores idle: they are reduced in slices, as before. */
static void test_long_rows(void) {
    pf_error err = {0};
    pf_graph *g = NULL;
    pf__plan_report report;
    CHECK_OK(pf_graph_create(&g, &err), err);
    pf_value y = normal(g, leaf(g, "x", 1, 9000));
    CU_ASSERT(compare_with(g, &y, 1, 0, NULL, 0, test_matmul(), &report) < 1e-5);
    CU_ASSERT(report.launches > 1);
    pf_graph_destroy(&g);
}

/* A norm over its own input, thrice: the same bits in each of two plans, and the right numbers. */
static void test_in_place_rows(void) {
    enum { ROWS = 70, COLUMNS = 48, N = ROWS * COLUMNS };
    static float first[N], again[N], x[N];
    pf_error err = {0};
    pf__buffer *buffer = NULL;
    CHECK_OK(pf__buffer_create(test_context(), sizeof x, "x", &buffer, &err), err);
    for (int i = 0; i < N; i++) x[i] = (float)((i * 7) % 31) + 0.01f * (float)i;
    for (int k = 0; k < 2; k++) {
        pf_graph *g = NULL;
        pf__plan *plan = NULL;
        CHECK_OK(pf_graph_create(&g, &err), err);
        pf__bind bind = {"x", buffer, 0};
        pf__output output = {.value = normal(g, leaf(g, "x", ROWS, COLUMNS)), .buffer = buffer};
        pf__plan_desc d = {.name = "over",
                           .context = test_context(),
                           .graph = g,
                           .outputs = &output,
                           .output_count = 1,
                           .binds = &bind,
                           .bind_count = 1};
        CHECK_OK(pf__plan_create(&plan, &d, &err), err);
        CHECK_INT(pf__plan_describe(plan).launches, 1);
        CHECK_OK(pf__buffer_write(buffer, 0, x, sizeof x, true, &err), err);
        for (int r = 0; r < 3; r++) CHECK_OK(pf__plan_replay(plan, &err), err);
        CHECK_OK(pf__buffer_read(buffer, 0, k ? again : first, sizeof x, &err), err);
        pf__plan_destroy(&plan);
        pf_graph_destroy(&g);
    }
    CHECK_INT(memcmp(first, again, sizeof first), 0);
    double mean = 0, square = 0;
    for (int i = 0; i < COLUMNS; i++) mean += (double)first[i] / COLUMNS;
    for (int i = 0; i < COLUMNS; i++) square += (double)first[i] * (double)first[i] / COLUMNS;
    CHECK_NEAR(mean, 0, 1e-5);
    CHECK_NEAR(square, 1, 0.02);
    pf__buffer_release(&buffer);
}

/* What can wait runs with a later kernel of its kind, unless something large would live longer for it. */
static void test_waiting(void) {
    enum { ROWS = 64, WIDTH = 512 };
    pf_error err = {0};
    pf_graph *g = NULL;
    pf__plan_report report;
    CHECK_OK(pf_graph_create(&g, &err), err);
    pf_value x = leaf(g, "x", ROWS, WIDTH), one = pf_sum(g, x, 1, false);
    pf_value y[2] = {one,
                     pf_sum(g, pf_mul(g, x, pf_rsqrt(g, pf_sum(g, pf_square(g, x), 2, true))), 1, false)};
    CU_ASSERT(compare_with(g, y, 2, 0, NULL, 0, "generic", &report) < 1e-5);
    CHECK_INT(report.launches, 2); /* rows with both sums over them; their partial results */
    pf_value w = leaf(g, "w", WIDTH, WIDTH), a = pf_matmul(g, x, w, false, false),
             b = pf_matmul(g, pf_tanh(g, a), w, false, false);
    pf_value z[2] = {pf_sum(g, a, 1, false), pf_sum(g, b, 1, false)}; /* a is needed no more by then */
    CU_ASSERT(compare_with(g, z, 2, 0, NULL, 0, "generic", &report) < 1e-5);
    const pf_device_info *d = pf_context_device(test_context());
    const bool keeps = d->type == PF_DEVICE_CPU && !d->iterations_max;
    CHECK_INT(report.launches, keeps ? 4 : 5); /* a's goes with its tanh where sums keep what they sum */
    pf_graph_destroy(&g);
}

void test_rows_suite(void) {
    CU_pSuite s = CU_add_suite("rows", NULL, NULL);
    CU_add_test(s, "each work", test_each_work);
    CU_add_test(s, "every device and size", test_rows);
    CU_add_test(s, "several axes", test_several_axes);
    CU_add_test(s, "tokens of samples", test_tokens);
    CU_add_test(s, "long rows", test_long_rows);
    CU_add_test(s, "in place, the same bits", test_in_place_rows);
    CU_add_test(s, "waiting for a kernel of one's kind", test_waiting);
}
