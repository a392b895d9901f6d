/* SPDX-License-Identifier: MIT
 * The drifting field's closed forms, through graphs in the interpreter and on the device; its derivatives
 * against differences; the method's refusals. */
#include "check.h"
#include "methods/method.h"
#include "plan/harness.h"
#include <stdint.h>

void test_drifting_suite(void);

/* One group's field. Sets are row-major [count, dim]. */
typedef struct sets {
    int dim, x_count, positive_count, extra_count, temperatures;
    const double *x, *positive, *extra, *weight, *tau;
    pf_drift_options options;
} sets;

static pf_value build(const sets *s, pf_graph *g, pf_binding *b, int *count) {
    *count = 0;
    b[(*count)++] = (pf_binding){"x", s->x};
    b[(*count)++] = (pf_binding){"positive", s->positive};
    b[(*count)++] = (pf_binding){"tau", s->tau};
    pf_value x = pf_input(g, "x", PF_F32, pf_shape_of(3, 1, s->x_count, s->dim)), extra = 0, weight = 0;
    pf_value positive = pf_input(g, "positive", PF_F32, pf_shape_of(3, 1, s->positive_count, s->dim));
    if (s->extra) {
        b[(*count)++] = (pf_binding){"extra", s->extra};
        extra = pf_input(g, "extra", PF_F32, pf_shape_of(3, 1, s->extra_count, s->dim));
    }
    if (s->weight) {
        b[(*count)++] = (pf_binding){"weight", s->weight};
        weight = pf_input(g, "weight", PF_F32, pf_shape_of(2, 1, s->extra_count));
    }
    pf_value tau = pf_input(g, "tau", PF_F32, pf_shape_of(1, s->temperatures ? s->temperatures : 1));
    return pf_drift(g, x, positive, extra, weight, tau, &s->options);
}

/* V in double, and that the device agrees to `tolerance` (0: not asked). */
static void run(const sets *s, double *v, double tolerance) {
    pf_error err = {0};
    pf_graph *g = NULL;
    pf_binding b[5];
    int count;
    CHECK_OK(pf_graph_create(&g, &err), err);
    pf_value out = build(s, g, b, &count);
    CHECK_OK(pf_interpret(g, &out, 1, b, count, 1, 0, &v, &err), err);
    const bool large = (double)s->x_count * (s->positive_count + s->extra_count) > 3000;
    if (tolerance > 0 && !(large && test_small())) {
        const double e = compare_with(g, &out, 1, 3, b, count, "auto", NULL);
        if (!(e <= tolerance)) fprintf(stderr, "drift on the device: relative error %.3g\n", e);
        CU_ASSERT(e <= tolerance);
    }
    pf_graph_destroy(&g);
}

static void fill(double *x, int count, double scale, uint64_t seed) {
    uint64_t state = seed;
    for (int i = 0; i < count; i++) x[i] = scale * test_normal(&state);
}

/* ---- known numbers ---- */

static void known_one_sided(void) {
    const double x = 0.3, plus[] = {0, 2}, minus[] = {0.5, -0.5, 1.2}, tau = 0.5;
    double v;
    sets s = {.dim = 1, .x_count = 1, .positive_count = 2, .extra_count = 3, .x = &x, .positive = plus};
    s.extra = minus;
    s.tau = &tau;
    s.options.own = PF_DRIFT_OWN_NONE;
    run(&s, &v, 1e-5);
    CHECK_NEAR(v, -0.302280793, 1e-9);
    s.options.kernel = PF_DRIFT_GAUSS;
    run(&s, &v, 1e-5);
    CHECK_NEAR(v, -0.392915301, 1e-9);

    const double origin[2] = {0, 0}, plus_2[] = {1, 0, 0, 2}, minus_2[] = {-1, 0, 0, 0.5}, one = 1;
    double w[2];
    sets plane = {
        .dim = 2, .x_count = 1, .positive_count = 2, .extra_count = 2, .x = origin, .positive = plus_2};
    plane.extra = minus_2;
    plane.tau = &one;
    plane.options.own = PF_DRIFT_OWN_NONE;
    run(&plane, w, 1e-5);
    CHECK_NEAR(w[0], 1.108599247, 1e-9);
    CHECK_NEAR(w[1], 0.226653177, 1e-9);
}

static void known_two_sided(void) {
    const double x[] = {0.1, 0.6}, plus[] = {0, 1.3}, tau = 0.5;
    double v[2];
    sets s = {.dim = 1, .x_count = 2, .positive_count = 2, .x = x, .positive = plus, .tau = &tau};
    s.options.form = PF_DRIFT_TWO_SIDED;
    run(&s, v, 1e-5);
    CHECK_NEAR(v[0], -0.168499866, 1e-9);
    CHECK_NEAR(v[1], 0.318640573, 1e-9);
    s.options.own = PF_DRIFT_OWN_ALL;
    run(&s, v, 1e-5);
    CHECK_NEAR(v[0], -0.007685861, 1e-9);
    CHECK_NEAR(v[1], 0.135422369, 1e-9);
}

/* One positive and one negative: V = y+ - y- whatever tau. */
static void one_of_each(void) {
    const double x[3] = {0.2, -3, 1}, plus[3] = {5, 1, 0}, minus[3] = {-1, 0.5, 2};
    for (double tau = 1e-3; tau < 1e3; tau *= 10) {
        double v[3];
        sets s = {.dim = 3, .x_count = 1, .positive_count = 1, .extra_count = 1, .x = x, .positive = plus};
        s.extra = minus;
        s.tau = &tau;
        s.options.own = PF_DRIFT_OWN_NONE;
        run(&s, v, 1e-5);
        for (int d = 0; d < 3; d++) CHECK_NEAR(v[d], plus[d] - minus[d], 1e-12);
    }
}

/* ---- symmetries ---- */

enum { N = 9, M = 11, D = 3, TAUS = 2 };
static const double taus[TAUS] = {0.3, 1.7};

static sets random_sets(double *x, double *plus, double *minus, pf_drift_form form, pf_drift_own own) {
    fill(x, N * D, 1, 1);
    fill(plus, M * D, 1.2, 2);
    fill(minus, M * D, 0.8, 3);
    sets s = {.dim = D,
              .x_count = N,
              .positive_count = M,
              .temperatures = TAUS,
              .x = x,
              .positive = plus,
              .tau = taus};
    s.options = (pf_drift_options){.form = form, .own = own};
    if (own == PF_DRIFT_OWN_NONE) {
        s.extra = minus;
        s.extra_count = M;
    }
    return s;
}

static double largest_difference(const double *a, const double *b, double factor, int count) {
    double largest = 0;
    for (int i = 0; i < count; i++) largest = fmax(largest, fabs(a[i] - factor * b[i]));
    return largest;
}

/* V(p, q) = -V(q, p), and V(p, p) = 0. */
static void antisymmetry(void) {
    double x[N * D], plus[M * D], minus[M * D], v[TAUS * N * D], w[TAUS * N * D];
    for (int form = 0; form < 2; form++) {
        sets s = random_sets(x, plus, minus, (pf_drift_form)form, PF_DRIFT_OWN_NONE);
        run(&s, v, 1e-5);
        s.extra_count = 5; /* any sizes */
        run(&s, v, 0);
        sets swapped = s;
        swapped.positive = s.extra;
        swapped.positive_count = 5;
        swapped.extra = s.positive;
        swapped.extra_count = M;
        run(&swapped, w, 1e-5);
        CU_ASSERT(largest_difference(v, w, -1, TAUS * N * D) < 1e-12);
        CU_ASSERT(largest_difference(v, w, 1, TAUS * N * D) > 0.1);
        swapped.positive = swapped.extra;
        swapped.positive_count = M;
        run(&swapped, w, 0);
        for (int i = 0; i < TAUS * N * D; i++) CHECK_NEAR(w[i], 0, 1e-12);
    }
}

/* Moving everything moves nothing: the coefficients of a row sum to 0. Turning turns, scaling scales. */
static void equivariance(void) {
    double x[N * D], plus[M * D], minus[M * D], v[TAUS * N * D], w[TAUS * N * D], moved[2][M * D],
        turned[TAUS * N * D];
    const double shift[D] = {10, -4, 2.5}, c = cos(0.7), sn = sin(0.7),
                 warmer[TAUS] = {3 * taus[0], 3 * taus[1]};
    for (int form = 0; form < 2; form++) {
        sets s = random_sets(x, plus, minus, (pf_drift_form)form, PF_DRIFT_OWN_OTHERS);
        run(&s, v, 1e-5);
        for (int k = 0; k < 3; k++) {
            const double *from[2] = {x, plus};
            for (int set = 0; set < 2; set++)
                for (int i = 0; i < (set ? M : N); i++) {
                    const double *a = from[set] + i * D;
                    double *b = moved[set] + i * D;
                    for (int d = 0; d < D; d++) b[d] = k == 0 ? a[d] + shift[d] : k == 1 ? 3 * a[d] : a[d];
                    if (k == 2) {
                        b[0] = c * a[0] - sn * a[1];
                        b[1] = sn * a[0] + c * a[1];
                    }
                }
            sets t = s;
            t.x = moved[0];
            t.positive = moved[1];
            if (k == 1) t.tau = warmer;
            run(&t, w, 2e-5);
            memcpy(turned, v, sizeof v);
            for (int i = 0; k == 2 && i < TAUS * N; i++) {
                turned[i * D] = c * v[i * D] - sn * v[i * D + 1];
                turned[i * D + 1] = sn * v[i * D] + c * v[i * D + 1];
            }
            CU_ASSERT(largest_difference(w, turned, k == 1 ? 3 : 1, TAUS * N * D) < 1e-10);
        }
    }
}

/* Weights inside the normaliser: a negative of weight 2 is two of weight 1, one of weight 0 is none. */
static void weights_count(void) {
    double x[N * D], plus[M * D], minus[M * D], v[TAUS * N * D], w[TAUS * N * D], weight[M];
    sets s = random_sets(x, plus, minus, PF_DRIFT_ONE_SIDED, PF_DRIFT_OWN_NONE);
    for (int j = 0; j < M; j++) weight[j] = j == 0 ? 2 : j < 4;
    s.weight = weight;
    run(&s, v, 1e-5);
    double again[4 * D + D];
    memcpy(again, minus, 4 * D * sizeof *again);
    memcpy(again + 4 * D, minus, D * sizeof *again);
    s.weight = NULL;
    s.extra = again;
    s.extra_count = 5;
    run(&s, w, 1e-5);
    CU_ASSERT(largest_difference(v, w, 1, TAUS * N * D) < 1e-12);
    for (int j = 0; j < M; j++) weight[j] = 0;
    s.extra = minus;
    s.extra_count = M;
    s.weight = weight;
    run(&s, v, 0);
    for (int i = 0; i < TAUS * N * D; i++) CHECK_NEAR(v[i], 0, 0);
}

/* Far away nothing underflows: the nearest positive pulls with its whole weight. */
static void far_away(void) {
    const double x[2] = {1000, 1001}, plus[2] = {0, -50}, tau = 0.05;
    double v[2];
    sets s = {.dim = 1, .x_count = 2, .positive_count = 2, .x = x, .positive = plus, .tau = &tau};
    run(&s, v, 1e-5);
    CHECK_NEAR(v[0], 0 - 1001, 1e-9);
    CHECK_NEAR(v[1], 0 - 1000, 1e-9);
}

/* ---- laws ---- */

/* The mean and standard error of `runs` numbers. */
static double mean_of(const double *a, int runs, double *error) {
    double sum = 0, squares = 0;
    for (int i = 0; i < runs; i++) sum += a[i];
    for (int i = 0; i < runs; i++) squares += (a[i] - sum / runs) * (a[i] - sum / runs);
    *error = sqrt(squares / (runs - 1) / runs);
    return sum / runs;
}

/* Gaussian kernel of width h: V = h^2 grad log(p_h / q_h), here for p = N(1, 0.5^2) and q = N(-0.3, 0.8^2).
 */
static void gaussian_score(void) {
    enum { RUNS = 16, COUNT = 8192 };
    const double at[3] = {0.2, 1.4, -1}, expected[3] = {0.74654, 0.47230, 1.02078}, h = 0.7;
    double value[3][RUNS], *plus = malloc(COUNT * sizeof *plus), *minus = malloc(COUNT * sizeof *minus), v[3];
    for (int k = 0; k < RUNS; k++) {
        fill(plus, COUNT, 0.5, 100 + (uint64_t)k);
        fill(minus, COUNT, 0.8, 200 + (uint64_t)k);
        for (int i = 0; i < COUNT; i++) {
            plus[i] += 1;
            minus[i] -= 0.3;
        }
        sets s = {
            .dim = 1, .x_count = 3, .positive_count = COUNT, .extra_count = COUNT, .x = at, .positive = plus};
        s.extra = minus;
        s.tau = &h;
        s.options = (pf_drift_options){.kernel = PF_DRIFT_GAUSS, .own = PF_DRIFT_OWN_NONE};
        run(&s, v, k ? 0 : 1e-4);
        for (int i = 0; i < 3; i++) value[i][k] = v[i];
    }
    for (int i = 0; i < 3; i++) {
        double error;
        const double mean = mean_of(value[i], RUNS, &error), x = at[i];
        const double exact = h * h * ((1 - x) / (0.25 + h * h) - (-0.3 - x) / (0.64 + h * h));
        CHECK_NEAR(exact, expected[i], 1e-5);
        CU_ASSERT(error > 0 && error < 0.01);
        CHECK_NEAR((mean - exact) / (4 * error), 0, 1);
    }
    free(plus);
    free(minus);
}

/* p = q = N(0, I_2), two-sided, masked: the mean square of V per coordinate, which no training goes below. */
static void equilibrium(void) {
    enum { COUNT = 256, RUNS = 12 };
    static const double tau[3] = {0.05, 0.2, 0.5}, floor_of[3] = {7.7e-4, 1.1e-3, 1.3e-3};
    double value[3][RUNS], *x = malloc(2 * COUNT * sizeof *x), *plus = malloc(2 * COUNT * sizeof *plus);
    double *v = malloc(3 * 2 * COUNT * sizeof *v);
    for (int k = 0; k < RUNS; k++) {
        fill(x, 2 * COUNT, 1, 300 + (uint64_t)k);
        fill(plus, 2 * COUNT, 1, 400 + (uint64_t)k);
        sets s = {
            .dim = 2, .x_count = COUNT, .positive_count = COUNT, .temperatures = 3, .x = x, .positive = plus};
        s.tau = tau;
        s.options.form = PF_DRIFT_TWO_SIDED;
        run(&s, v, k ? 0 : 1e-4);
        for (int t = 0; t < 3; t++) {
            double sum = 0;
            for (int i = 0; i < 2 * COUNT; i++) sum += v[t * 2 * COUNT + i] * v[t * 2 * COUNT + i];
            value[t][k] = sum / (2 * COUNT);
        }
    }
    for (int t = 0; t < 3; t++) {
        double error;
        const double mean = mean_of(value[t], RUNS, &error), rounding = 0.05e-4 * (t ? 10 : 1);
        CU_ASSERT(error > 0 && error < 0.2 * floor_of[t]);
        /* the figure is itself a mean of a few runs, printed with two digits */
        CU_ASSERT(fabs(mean - floor_of[t]) <= 4 * error * sqrt(1 + RUNS / 4.0) + rounding);
    }
    free(x);
    free(plus);
    free(v);
}

/* Guidance: negatives of weight w from the law of the positives leave the equilibrium where it is. */
static void guidance_equilibrium(void) {
    enum { COUNT = 128, EXTRA = 64, RUNS = 48 };
    const double tau = 0.5, alpha = 2;
    double value[RUNS], x[2 * COUNT], plus[2 * COUNT], minus[2 * EXTRA], weight[EXTRA], v[2 * COUNT], error;
    for (int j = 0; j < EXTRA; j++) weight[j] = (alpha - 1) * (COUNT - 1) / EXTRA;
    for (int k = 0; k < RUNS; k++) {
        fill(x, 2 * COUNT, 1, 500 + (uint64_t)k);
        fill(plus, 2 * COUNT, 1, 600 + (uint64_t)k);
        fill(minus, 2 * EXTRA, 1, 700 + (uint64_t)k);
        sets s = {.dim = 2,
                  .x_count = COUNT,
                  .positive_count = COUNT,
                  .extra_count = EXTRA,
                  .x = x,
                  .positive = plus};
        s.extra = minus;
        s.weight = weight;
        s.tau = &tau;
        run(&s, v, k ? 0 : 1e-4);
        double sum = 0; /* of V along x: 0 in expectation, not so were one side heavier or biased */
        for (int i = 0; i < 2 * COUNT; i++) sum += v[i] * x[i];
        value[k] = sum / COUNT;
    }
    const double mean = mean_of(value, RUNS, &error);
    CU_ASSERT(error > 0 && error < 0.05);
    CHECK_NEAR(mean / (4 * error), 0, 1);
}

/* ---- derivatives, by decomposition ---- */

/* sum of V c, for random c. */
static double pairing(const sets *s, const double *c, int count, double *v) {
    double sum = 0;
    run(s, v, 0);
    for (int i = 0; i < count; i++) sum += c[i] * v[i];
    return sum;
}

static void check_derivatives(pf_drift_options options, bool weighted) {
    enum { OUT = TAUS * N * D, PARTS = 5 };
    double x[N * D], plus[M * D], minus[M * D], weight[M], tau[TAUS], c[OUT], v[OUT];
    sets s = random_sets(x, plus, minus, options.form, PF_DRIFT_OWN_OTHERS);
    s.options = options;
    fill(c, OUT, 1, 9);
    memcpy(tau, taus, sizeof tau);
    s.tau = tau;
    double *part[PARTS] = {x, plus, tau, minus, weight};
    const int size[PARTS] = {N * D, M * D, TAUS, M * D, M};
    const int parts = weighted ? 5 : 3;
    for (int j = 0; j < M; j++) weight[j] = 0.2 + 0.3 * (j % 4);
    if (weighted) {
        s.extra = minus;
        s.extra_count = M;
        s.weight = weight;
    }
    pf_error err = {0};
    pf_graph *g = NULL;
    pf_binding b[6];
    int count;
    CHECK_OK(pf_graph_create(&g, &err), err);
    pf_value out = build(&s, g, b, &count), bar = pf_input(g, "bar", PF_F32, pf_value_shape(g, out));
    b[count++] = (pf_binding){"bar", c};
    pf_value along[PARTS], got[PARTS + 1], dx[PARTS], same = 0;
    double *room[PARTS + 1];
    static const char *const names[PARTS] = {"x", "positive", "tau", "extra", "weight"};
    for (int i = 0; i < parts; i++) {
        const int dims[PARTS][3] = {{1, N, D}, {1, M, D}, {TAUS}, {1, M, D}, {1, M}};
        const int rank = i == 2 ? 1 : i == 4 ? 2 : 3;
        along[i] = pf_input(g, names[i], PF_F32, pf_shape_of(rank, dims[i][0], dims[i][1], dims[i][2]));
        dx[i] = along[i]; /* the tangent: the point itself */
        room[i] = malloc((size_t)size[i] * sizeof(double));
    }
    CHECK_OK(pf_vjp(g, &out, &bar, 1, along, parts, got), err);
    pf_value y = out;
    CHECK_OK(pf_jvp(g, &y, 1, along, dx, parts, &same), err);
    got[parts] = pf_sum_all(g, pf_mul(g, same, bar));
    double forward = NAN, backward = 0;
    room[parts] = &forward;
    CHECK_OK(pf_graph_check(g, &err), err);
    CHECK_OK(pf_interpret(g, got, parts + 1, b, count, 1, 0, room, &err), err);
    for (int i = 0; i < parts; i++)
        for (int k = 0; k < size[i]; k++) {
            const double old = part[i][k], step = 1e-5;
            backward += room[i][k] * old;
            if (k % 3) continue;
            part[i][k] = old + step;
            const double above = pairing(&s, c, OUT, v);
            part[i][k] = old - step;
            const double below = pairing(&s, c, OUT, v);
            part[i][k] = old;
            CHECK_NEAR(room[i][k], (above - below) / (2 * step), 2e-8);
        }
    CHECK_NEAR(forward, backward, 1e-10);
    for (int i = 0; i < parts; i++) free(room[i]);
    pf_graph_destroy(&g);
}

static void derivatives(void) {
    for (int form = 0; form < 2; form++)
        for (int kernel = 0; kernel < 2; kernel++)
            check_derivatives(
                (pf_drift_options){.form = (pf_drift_form)form, .kernel = (pf_drift_kernel)kernel},
                form == kernel);
}

/* x both as samples and as data, a constant temperature: each value counts once, a constant not at all. The
 * distances, too, and both on the device. */
static void derivatives_of_shared(void) {
    pf_error err = {0};
    pf_graph *g = NULL;
    double x[N * D], slope[N * D], *out = slope, c[N] = {0};
    fill(x, N * D, 1, 5);
    fill(c, N, 1, 6);
    CHECK_OK(pf_graph_create(&g, &err), err);
    pf_value a = pf_input(g, "a", PF_F32, pf_shape_of(3, 1, N, D));
    pf_value tau = pf_constant(g, 0.5, pf_shape_of(1, 1)), others = pf_mul_number(g, a, 2), abar;
    pf_drift_options options = {.form = PF_DRIFT_TWO_SIDED};
    pf_value v = pf_drift(g, a, others, a, 0, tau, &options);
    pf_value d = pf_mul(g, pf_drift_distance(g, a, others, a, 0, &options),
                        pf_input(g, "c", PF_F32, pf_shape_of(2, 1, N)));
    pf_value sum = pf_add(g, pf_sum_all(g, pf_square(g, v)), pf_sum_all(g, d)),
             one = pf_constant(g, 1, pf_shape_of(0));
    CHECK_OK(pf_vjp(g, &sum, &one, 1, &a, 1, &abar), err);
    pf_binding b[2] = {{"a", x}, {"c", c}};
    CHECK_OK(pf_interpret(g, &abar, 1, b, 2, 1, 0, &out, &err), err);
    for (int k = 0; k < N * D; k += 2) {
        const double old = x[k], step = 1e-5;
        double side[2], *to;
        for (int i = 0; i < 2; i++) {
            x[k] = old + (i ? -step : step);
            to = &side[i];
            CHECK_OK(pf_interpret(g, &sum, 1, b, 2, 1, 0, &to, &err), err);
        }
        x[k] = old;
        CHECK_NEAR(slope[k], (side[0] - side[1]) / (2 * step), 1e-7);
    }
    pf_value both[2] = {sum, abar};
    CHECK_OK(pf__simplify(g, both, 2), err);
    const double e = compare_with(g, both, 2, 3, b, 2, "auto", NULL);
    CU_ASSERT(e <= 1e-4);
    pf_graph_destroy(&g);
}

/* ---- refusals ---- */

static void shapes_refused(void) {
    static const char *const said[] = {"positive", "weight", "no negatives", "temperatures", "floor"};
    for (int i = 0; i < 5; i++) {
        pf_error err = {0};
        pf_graph *g = NULL;
        CHECK_OK(pf_graph_create(&g, &err), err);
        pf_value x = pf_input(g, "x", PF_F32, pf_shape_of(3, 2, i == 2 ? 1 : 4, 3));
        pf_value y = pf_input(g, "y", PF_F32, pf_shape_of(3, 2, 5, i == 0 ? 2 : 3));
        pf_value w = pf_input(g, "w", PF_F32, pf_shape_of(2, 2, 4)),
                 tau = pf_constant(g, 1, pf_shape_of(1, 1));
        if (i == 3) tau = pf_constant(g, 1, pf_shape_of(0));
        const pf_drift_options o = {.floor = i == 4 ? -1 : 0};
        CHECK_INT(pf_drift(g, x, y, i == 1 ? y : 0, i == 1 ? w : 0, tau, &o), 0);
        CU_ASSERT(pf_graph_check(g, &err) != PF_OK);
        CHECK_CONTAINS(err.message, said[i]);
        pf_graph_destroy(&g);
    }
}

static pf_status configure(const char *assignment, const char *another, pf__config **config, pf_error *err) {
    const pf__method *method = pf__method_find("drifting");
    PF__TRY(pf__config_create(config, err));
    PF__TRY(pf__config_add_table(*config, pf__model_options, err));
    PF__TRY(pf__config_add_table(*config, method->options, err));
    PF__TRY(pf__config_set(*config, assignment, "--set", err));
    if (another) PF__TRY(pf__config_set(*config, another, "--set", err));
    PF__TRY(pf__config_resolve(*config, err));
    return method->check(*config, err);
}

static void options_refused(void) {
    static const char *const bad[][2] = {
        {"method.tau=0", "[1e-06, 1000000]"},
        {"method.tau=", "1 to 16"},
        {"method.tau=1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1", "1 to 16"},
        {"method.form=both", "one-sided|two-sided"},
        {"method.floor=2", "[0, 1]"},
        {"method.generated=-1", "[0, 1048576]"},
        {"method.groups=-1", "[0, 1048576]"},
        {"method.noise=-1", "[0, 1048576]"},
        {"method.alpha=0.5", "[1, 100]"},
        {"method.alpha=2", "set method.unconditional"},
        {"method.unconditional=2", "set method.alpha"},
        {"model.head=-1", "[0, 100]"},
        {"method.kernel=cosine", "laplace|gauss"},
        {"method.scale=mean", "none|distance"},
        {"drift.workspace=0", "[0.001, 16383]"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        pf_error err = {0};
        pf__config *config = NULL;
        CHECK_INT(configure(bad[i][0], NULL, &config, &err), PF_USAGE);
        if (!strstr(err.message, bad[i][1]) && !strstr(err.hint, bad[i][1]))
            fprintf(stderr, "%s: %s (%s)\n", bad[i][0], err.message, err.hint);
        CU_ASSERT(strstr(err.message, bad[i][1]) || strstr(err.hint, bad[i][1]));
        pf__config_destroy(&config);
    }
}

/* What only the batch and the data tell is refused where the loss is built. */
static void steps_refused(void) {
    static const char *const bad[][3] = {
        {"method.groups=3", NULL, "equal groups"},
        {"method.generated=100000", NULL, "64 times"},
        {"method.alpha=2", "method.unconditional=4", "without labels"},
        {"method.alpha=2", "method.unconditional=8", "leaves none of the 8 samples"},
    };
    for (int i = 0; i < 4; i++) {
        const bool labelled = i == 3;
        pf_error err = {0};
        pf__config *config = NULL;
        pf_graph *g = NULL;
        CHECK_OK(configure(bad[i][0], bad[i][1], &config, &err), err);
        CHECK_OK(pf_graph_create(&g, &err), err);
        const pf__method *method = pf__method_find("drifting");
        const pf_shape sample = pf_shape_of(1, 2);
        const pf__needs needs = method->needs(config);
        pf__net net;
        pf__params params = {0};
        CHECK_OK(pf__net_create(&net, config, &sample, labelled ? 2 : 0, &needs, &err), err);
        pf__method_ctx ctx = {.g = g, .config = config, .net = &net, .params = &params, .group = "student"};
        ctx.batch = 16;
        ctx.data = pf_input(g, "data", PF_F32, pf_shape_of(2, 16, 2));
        if (labelled) ctx.label = pf_input(g, "label", PF_I32, pf_shape_of(1, 16));
        pf_value loss = 1;
        pf__metrics metrics;
        method->loss(&ctx, &loss, &metrics);
        CHECK_INT(loss, 0);
        CU_ASSERT(pf_graph_check(g, &err) == PF_USAGE);
        CHECK_CONTAINS(err.message, bad[i][2]);
        pf__params_free(&params);
        pf_graph_destroy(&g);
        pf__config_destroy(&config);
    }
}

void test_drifting_suite(void) {
    CU_pSuite s = CU_add_suite("drifting", NULL, NULL);
    CU_add_test(s, "known numbers, one-sided", known_one_sided);
    CU_add_test(s, "known numbers, two-sided", known_two_sided);
    CU_add_test(s, "one positive, one negative", one_of_each);
    CU_add_test(s, "anti-symmetry", antisymmetry);
    CU_add_test(s, "moving, turning, scaling", equivariance);
    CU_add_test(s, "weights count", weights_count);
    CU_add_test(s, "far away", far_away);
    CU_add_test(s, "Gaussian kernel: h^2 grad log(p_h / q_h)", gaussian_score);
    CU_add_test(s, "the floor at equilibrium", equilibrium);
    CU_add_test(s, "weighted negatives at equilibrium", guidance_equilibrium);
    CU_add_test(s, "derivatives against differences", derivatives);
    CU_add_test(s, "derivatives of shared and constant inputs", derivatives_of_shared);
    CU_add_test(s, "sets that do not go together", shapes_refused);
    CU_add_test(s, "options out of range", options_refused);
    CU_add_test(s, "steps that do not divide", steps_refused);
}
