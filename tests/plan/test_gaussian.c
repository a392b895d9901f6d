/* SPDX-License-Identifier: MIT
 * The closed forms for Gaussian data N(1.5, 0.4^2) on the device, in fp32: velocity, flow map, average
 * velocity, the MeanFlow identity by a jvp, the consistency function and its constancy along the flow. */
#include "check.h"
#include "plan/harness.h"

void test_gaussian_suite(void);

enum { N = 1001 };

static pf_graph *g;
static pf_value m, s2, one;

static pf_value spread2(pf_value t) { /* S_t^2 = (1-t)^2 s^2 + t^2 */
    return pf_add(g, pf_mul(g, pf_square(g, pf_sub(g, one, t)), s2), pf_square(g, t));
}

static pf_value centred(pf_value x, pf_value t) { /* x - (1-t) m */
    return pf_sub(g, x, pf_mul(g, pf_sub(g, one, t), m));
}

static pf_value velocity(pf_value x, pf_value t) { /* -m + c_t xi */
    pf_value c = pf_div(g, pf_sub(g, t, pf_mul(g, pf_sub(g, one, t), s2)), spread2(t));
    return pf_sub(g, pf_mul(g, c, centred(x, t)), m);
}

static pf_value flow_map(pf_value x, pf_value r, pf_value t) { /* (1-r) m + S_r / S_t xi */
    pf_value scale = pf_sqrt(g, pf_div(g, spread2(r), spread2(t)));
    return pf_add(g, pf_mul(g, pf_sub(g, one, r), m), pf_mul(g, scale, centred(x, t)));
}

static pf_value average(pf_value x, pf_value r, pf_value t) {
    return pf_div(g, pf_sub(g, x, flow_map(x, r, t)), pf_sub(g, t, r));
}

/* The numbers of the fixture at x = 0.7. */
static double expected(int output) {
    static const double numbers[] = {-1.096943231, 1.292737643, -1.185475287, 0.17706411,
                                     -1.185475287, 1.671812836, 0.0};
    return numbers[output];
}

static double map_at(double x, double r, double t) {
    const double sr = sqrt((1 - r) * (1 - r) * 0.16 + r * r), st = sqrt((1 - t) * (1 - t) * 0.16 + t * t);
    return (1 - r) * 1.5 + sr / st * (x - (1 - t) * 1.5);
}

static void test_closed_forms(void) {
    pf_error err = {0};
    pf_value outputs[7], rate = 0, change = 0;
    double x[N], t[N], r[N];
    CHECK_OK(pf_graph_create(&g, &err), err);
    const pf_shape shape = pf_shape_of(1, N);
    m = pf_constant(g, 1.5, shape);
    s2 = pf_constant(g, 0.16, shape);
    one = pf_constant(g, 1, shape);
    pf_value vx = pf_input(g, "x", PF_F32, shape), vt = pf_input(g, "t", PF_F32, shape),
             vr = pf_input(g, "r", PF_F32, shape);
    for (int i = 0; i < N; i++) {
        x[i] = i == 0 ? 0.7 : -2 + 5.0 * i / N;
        t[i] = i == 0 ? 0.75 : 0.55 + 0.4 * i / N;
        r[i] = i == 0 ? 0.25 : 0.05 + 0.3 * i / N;
    }
    pf_value v = velocity(vx, vt), u = average(vx, vr, vt), f = flow_map(vx, pf_constant(g, 0, shape), vt);
    pf_value along[2] = {vx, vt}, tangent[2] = {v, one};
    CHECK_OK(pf_jvp(g, &u, 1, along, tangent, 2, &rate), err);
    CHECK_OK(pf_jvp(g, &f, 1, along, tangent, 2, &change), err);
    outputs[0] = v;
    outputs[1] = flow_map(vx, vr, vt);
    outputs[2] = u;
    outputs[3] = rate;
    outputs[4] = pf_sub(g, v, pf_mul(g, pf_sub(g, vt, vr), rate));
    outputs[5] = f;
    outputs[6] = pf_add(
        g, one, change); /* 1: df/dt vanishes, and a relative error needs something to be relative to */
    CHECK_OK(pf_graph_check(g, &err), err);
    const pf_binding given[] = {{"x", x}, {"t", t}, {"r", r}};
    const double e = compare_with(g, outputs, 7, 1, given, 3, "auto", NULL);
    if (!(e <= 1e-5)) fprintf(stderr, "closed forms: relative error %.3g\n", e);
    CU_ASSERT(e <= 1e-5);
    /* and the interpreter, which the device equals, has the right numbers */
    double *host[7];
    for (int k = 0; k < 7; k++) host[k] = calloc(N, sizeof(double));
    CHECK_OK(pf_interpret(g, outputs, 7, given, 3, 1, 0, host, &err), err);
    for (int k = 0; k < 6; k++) CHECK_NEAR(host[k][0], expected(k), 1e-8);
    for (int i = 0; i < N; i++) {
        CHECK_NEAR(host[4][i], host[2][i], 1e-9);
        CHECK_NEAR(host[6][i], 1.0, 1e-9);
        CHECK_NEAR(host[1][i], map_at(x[i], r[i], t[i]), 1e-9);
    }
    for (int k = 0; k < 7; k++) free(host[k]);
    pf_graph_destroy(&g);
}

void test_gaussian_suite(void) {
    CU_pSuite s = CU_add_suite("Gaussian closed forms on the device", NULL, NULL);
    CU_add_test(s, "closed forms", test_closed_forms);
}
