/* SPDX-License-Identifier: MIT
 * Random graphs with their derivatives: what fusion, placement and code generation yield against the
 * interpreter. */
#include "check.h"
#include "plan/harness.h"

void test_random_graphs_suite(void);

enum { POOL = 40 };

typedef struct pool {
    pf_graph *g;
    pf_value v[POOL];
    int count;
    uint64_t state;
} pool;

static pf_value pick(pool *p) {
    return p->v[test_int(&p->state, 0, p->count - 1)];
}

/* A value of the shape of a, made of what there is: another one if its shape fits, else one reduced and
 * repeated. */
static pf_value like(pool *p, pf_value a) {
    const pf_shape want = pf_value_shape(p->g, a);
    for (int i = 0; i < 8; i++) {
        pf_value b = pick(p);
        const pf_shape s = pf_value_shape(p->g, b);
        if (b != a && s.rank == want.rank && memcmp(s.dim, want.dim, sizeof(int64_t) * (size_t)s.rank) == 0)
            return b;
    }
    return pf_broadcast(
        p->g, pf_mul_number(p->g, pf_sum(p->g, a, 1u << test_int(&p->state, 0, want.rank - 1), true), 0.3),
        want);
}

static pf_value smooth(pool *p, pf_value a) {
    switch (test_int(&p->state, 0, 6)) {
    case 0:
        return pf_tanh(p->g, a);
    case 1:
        return pf_sin(p->g, a);
    case 2:
        return pf_silu(p->g, a);
    case 3:
        return pf_sigmoid(p->g, a);
    case 4:
        return pf_exp(p->g, pf_neg(p->g, pf_abs(p->g, a)));
    case 5:
        return pf_gelu(p->g, a);
    default:
        return pf_rsqrt(p->g, pf_add_number(p->g, pf_square(p->g, a), 0.7));
    }
}

static pf_value view(pool *p, pf_value a) {
    const pf_shape s = pf_value_shape(p->g, a);
    const int axis = test_int(&p->state, 0, s.rank - 1);
    int order[PF_RANK_MAX];
    int64_t before[PF_RANK_MAX] = {0}, after[PF_RANK_MAX] = {0};
    for (int j = 0; j < s.rank; j++) order[j] = (j + 1) % s.rank;
    pf_value both[2] = {a, pf_mul_number(p->g, a, -0.5)};
    switch (test_int(&p->state, 0, 4)) {
    case 0:
        return pf_permute(p->g, a, order);
    case 1:
        return s.dim[axis] > 2 ? pf_slice_axis(p->g, a, axis, 1, s.dim[axis]) : a;
    case 2:
        before[axis] = 1;
        after[axis] = 2;
        return s.dim[axis] < 40 ? pf_pad(p->g, a, before, after) : a;
    case 3:
        return s.dim[axis] < 24 ? pf_concat(p->g, both, 2, axis) : a;
    default:
        return s.rank == 3 ? pf_reshape(p->g, a, pf_shape_of(2, (int)(s.dim[0] * s.dim[1]), (int)s.dim[2]))
                           : a;
    }
}

static pf_value product(pool *p, pf_value a) {
    const pf_shape s = pf_value_shape(p->g, a);
    char name[32];
    if (s.rank != 2) /* kept small: sines of large numbers would compare rounding errors */
        return pf_tanh(
            p->g, pf_mul_number(p->g, pf_matmul(p->g, a, pf_permute(p->g, a, (int[]){0, 2, 1}), false, false),
                                0.1));
    snprintf(name, sizeof name, "w%d", p->count);
    pf_value w = pf_parameter(p->g, "student", name,
                              pf_shape_of(2, (int)s.dim[1], test_int(&p->state, 1, 21)));
    return pf_mul_number(p->g, pf_matmul(p->g, a, w, false, false), 0.3);
}

static void grow_pool(pool *p) {
    pf_value a = pick(p), y = 0;
    switch (test_int(&p->state, 0, 7)) {
    case 0:
        y = smooth(p, a);
        break;
    case 1:
        y = pf_add(p->g, a, like(p, a));
        break;
    case 2:
        y = pf_mul(p->g, a, pf_sigmoid(p->g, like(p, a)));
        break;
    case 3:
        y = pf_max(p->g, a, like(p, a));
        break;
    case 4:
        y = view(p, a);
        break;
    case 5:
        y = product(p, a);
        break;
    case 6:
        y = pf_sub(p->g, a,
                   pf_mean(p->g, a, 1u << test_int(&p->state, 0, pf_value_shape(p->g, a).rank - 1), true));
        break;
    default:
        y = pf_select(p->g, pf_less(p->g, a, like(p, a)), a, smooth(p, a));
        break;
    }
    if (y != 0 && p->count < POOL) p->v[p->count++] = y;
}

static void one_graph(uint64_t seed) {
    pf_error err = {0};
    pool p = {.state = seed * 7919 + 3};
    CHECK_OK(pf_graph_create(&p.g, &err), err);
    const int b = test_int(&p.state, 2, 19), d = test_int(&p.state, 1, 35);
    p.v[p.count++] = pf_input(p.g, "x", PF_F32, pf_shape_of(2, b, d));
    p.v[p.count++] = pf_input(p.g, "y", PF_F32, pf_shape_of(3, 3, b, d));
    const int nodes = test_int(&p.state, 10, 26);
    for (int i = 0; i < nodes; i++) grow_pool(&p);
    pf_value x[2] = {p.v[0], p.v[1]}, dx[2], y = p.v[p.count - 1], dy = 0, xbar[2] = {0, 0};
    dx[0] = pf_input(p.g, "dx", PF_F32, pf_value_shape(p.g, x[0]));
    dx[1] = pf_input(p.g, "dy", PF_F32, pf_value_shape(p.g, x[1]));
    CHECK_OK(pf_jvp(p.g, &y, 1, x, dx, 2, &dy), err);
    pf_value loss = pf_mean_all(p.g, pf_square(p.g, dy ? dy : y)), one = pf_constant(p.g, 1, pf_shape_of(0));
    CHECK_OK(pf_vjp(p.g, &loss, &one, 1, x, 2, xbar), err);
    CHECK_OK(pf_graph_check(p.g, &err), err);
    pf_value outputs[8];
    int count = 0;
    outputs[count++] = y;
    outputs[count++] = loss;
    outputs[count++] = p.v[p.count / 2];
    if (dy) outputs[count++] = dy;
    for (int j = 0; j < 2; j++)
        if (xbar[j]) outputs[count++] = xbar[j];
    const double e = compare_on_device(p.g, outputs, count, 3);
    if (!(e <= 2e-4)) fprintf(stderr, "graph %llu: relative error %.3g\n", (unsigned long long)seed, e);
    CU_ASSERT(e <= 2e-4);
    pf_graph_destroy(&p.g);
}

static void test_random_graphs(void) {
    const char *many = getenv("PF_TEST_GRAPHS");
    const int count = many ? atoi(many) : 20;
    for (int i = 0; i < count; i++) one_graph((uint64_t)i + 1);
}

void test_random_graphs_suite(void) {
    CU_pSuite s = CU_add_suite("random graphs on the device", NULL, NULL);
    CU_add_test(s, "value, tangent, reverse over forward", test_random_graphs);
}
