/* SPDX-License-Identifier: MIT
 * Properties of the transforms on random graphs over all differentiable operations. */
#include "graph_test.h"

enum { LEAVES = 12, VALUES = 64, LARGEST = 240 };

typedef struct bag {
    pf_graph *g;
    uint64_t state;
    bool smooth; /* differentiable everywhere, and nothing stopped */
    pf_value value[VALUES];
    int count;
    pf_value leaf[LEAVES]; /* f32: the variables */
    int leaf_count, index_count;
    char names[4 * LEAVES][8];
    double *data[4 * LEAVES];
    pf_binding binding[4 * LEAVES];
    int binding_count;
} bag;

static int64_t count_of(const bag *b, pf_value v) {
    pf_shape shape = pf_value_shape(b->g, v);
    return pf_shape_count(&shape);
}

/* A new input with random numbers: of [-1, 1], or of 0 .. below - 1 for an index. */
static pf_value leaf(bag *b, char kind, pf_shape shape, int below) {
    int at = b->binding_count++;
    snprintf(b->names[at], sizeof b->names[at], "%c%d", kind, at);
    size_t n = (size_t)pf_shape_count(&shape);
    b->data[at] = malloc(n * sizeof(double));
    for (size_t i = 0; i < n; i++)
        b->data[at][i] = below ? test_below(&b->state, below) : test_between(&b->state, -1, 1);
    b->binding[at] = (pf_binding){b->names[at], b->data[at]};
    return pf_input(b->g, b->names[at], below ? PF_I32 : PF_F32, shape);
}

static pf_value variable(bag *b, pf_shape shape) {
    if (b->leaf_count == LEAVES) return 0;
    return b->leaf[b->leaf_count++] = leaf(b, 'x', shape, 0);
}

static pf_value pick(bag *b) {
    int recent = b->count < 6 ? b->count : 6; /* mostly recent ones, so that graphs grow deep */
    if (test_below(&b->state, 4)) return b->value[b->count - 1 - test_below(&b->state, recent)];
    return b->value[test_below(&b->state, b->count)];
}

static pf_value one_plus_square(pf_graph *g, pf_value a) {
    return pf_add_number(g, pf_square(g, a), 1);
}

static pf_value random_unary(bag *b) {
    pf_graph *g = b->g;
    pf_value a = pick(b);
    switch (test_below(&b->state, b->smooth ? 15 : 18)) {
    case 0:
        return pf_tanh(g, a);
    case 1:
        return pf_sin(g, a);
    case 2:
        return pf_cos(g, a);
    case 3:
        return pf_sigmoid(g, a);
    case 4:
        return pf_erf(g, a);
    case 5:
        return pf_atan(g, a);
    case 6:
        return pf_neg(g, a);
    case 7:
        return pf_exp(g, pf_tanh(g, a));
    case 8:
        return pf_log(g, one_plus_square(g, a));
    case 9:
        return pf_log1p(g, pf_square(g, a));
    case 10:
        return pf_sqrt(g, one_plus_square(g, a));
    case 11:
        return pf_rsqrt(g, one_plus_square(g, a));
    case 12:
        return pf_recip(g, one_plus_square(g, a));
    case 13:
        return pf_gelu(g, a);
    case 14:
        return pf_mul_number(g, a, test_between(&b->state, -2, 2));
    case 15:
        return pf_abs(g, a);
    case 16:
        return pf_stop_gradient(g, a);
    default:
        return pf_add(g, a, pf_floor(g, a));
    }
}

/* A value whose shape agrees with a's. */
static pf_value partner(bag *b, pf_value a) {
    pf_shape shape = pf_value_shape(b->g, a);
    for (int tries = 0; tries < 8; tries++) {
        pf_value c = pick(b);
        pf_shape other = pf_value_shape(b->g, c);
        bool agrees = true;
        for (int i = 1; i <= shape.rank && i <= other.rank; i++) {
            int64_t m = shape.dim[shape.rank - i], n = other.dim[other.rank - i];
            agrees = agrees && (m == n || m == 1 || n == 1);
        }
        if (agrees) return c;
    }
    return shape.rank ? pf_mean(b->g, a, 1u << test_below(&b->state, shape.rank), true) : a;
}

static pf_value random_binary(bag *b) {
    pf_graph *g = b->g;
    pf_value a = pick(b), c = partner(b, a);
    switch (test_below(&b->state, b->smooth ? 5 : 8)) {
    case 0:
        return pf_add(g, a, c);
    case 1:
        return pf_sub(g, a, c);
    case 2:
    case 3:
        return pf_mul(g, a, c);
    case 4:
        return pf_div(g, a, one_plus_square(g, c));
    case 5:
        return pf_min(g, a, c);
    case 6:
        return pf_max(g, a, c);
    default:
        return pf_select(g, pf_less(g, a, c), pf_sin(g, c), a);
    }
}

static pf_value random_permute(bag *b, pf_value a) {
    int rank = pf_value_shape(b->g, a).rank, order[PF_RANK_MAX] = {0, 1, 2, 3, 4, 5, 6, 7};
    for (int i = rank - 1; i > 0; i--) {
        int j = test_below(&b->state, i + 1), swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
    return pf_permute(b->g, a, order);
}

static pf_value random_view(bag *b) {
    pf_graph *g = b->g;
    pf_value a = pick(b);
    pf_shape shape = pf_value_shape(g, a);
    if (shape.rank == 0) return pf_broadcast(g, a, pf_shape_of(2, 2, 3));
    int axis = test_below(&b->state, shape.rank);
    int64_t before[PF_RANK_MAX] = {0}, after[PF_RANK_MAX] = {0};
    switch (test_below(&b->state, 6)) {
    case 0:
        return random_permute(b, a);
    case 1:
        return pf_reshape(g, a, pf_shape_of(1, (int)pf_shape_count(&shape)));
    case 2: {
        int start = test_below(&b->state, (int)shape.dim[axis]);
        int length = 1 + test_below(&b->state, (int)shape.dim[axis] - start);
        return pf_slice_axis(g, a, axis, start, start + length);
    }
    case 3:
        before[axis] = test_below(&b->state, 3);
        after[axis] = test_below(&b->state, 2);
        return pf_pad(g, a, before, after);
    case 4:
        return pf_concat(g, (pf_value[]){pf_sin(g, a), a, pf_neg(g, a)}, 3, axis);
    default:
        if (shape.rank > 3) return pf_sum(g, a, 1, false);
        for (int i = shape.rank++; i > 0; i--) shape.dim[i] = shape.dim[i - 1];
        shape.dim[0] = 2;
        return pf_broadcast(g, a, shape);
    }
}

static pf_value random_sum(bag *b) {
    pf_value a = pick(b);
    int rank = pf_value_shape(b->g, a).rank;
    uint32_t axes = (uint32_t)test_below(&b->state, 1 << rank);
    bool keep = test_below(&b->state, 2);
    return test_below(&b->state, 2) ? pf_sum(b->g, a, axes, keep) : pf_mean(b->g, a, axes, keep);
}

static pf_value random_product(bag *b) {
    pf_graph *g = b->g;
    pf_value a = pick(b);
    pf_shape shape = pf_value_shape(g, a);
    if (shape.rank < 2)
        return pf_matmul(g, pf_broadcast(g, a, pf_shape_of(2, 1, (int)count_of(b, a))),
                         pf_broadcast(g, a, pf_shape_of(2, 1, (int)count_of(b, a))), false, true);
    int rows = (int)shape.dim[shape.rank - 2], columns = (int)shape.dim[shape.rank - 1];
    bool ta = test_below(&b->state, 2), tb = test_below(&b->state, 2);
    int inner = ta ? rows : columns;
    pf_value y = 0;
    if (test_below(&b->state, 2)) { /* shared weights */
        pf_value w = variable(b, tb ? pf_shape_of(2, 3, inner) : pf_shape_of(2, inner, 3));
        if (w) y = pf_matmul(g, a, w, ta, tb);
    } else { /* equal batches */
        pf_value c = pf_sin(g, a);
        if (ta == tb) {
            int order[PF_RANK_MAX] = {0, 1, 2, 3, 4, 5, 6, 7};
            order[shape.rank - 2] = shape.rank - 1;
            order[shape.rank - 1] = shape.rank - 2;
            c = pf_permute(g, c, order);
        }
        y = pf_matmul(g, a, c, ta, tb);
    }
    return pf_mul_number(g, y, 0.3);
}

static pf_value random_gather(bag *b) {
    pf_graph *g = b->g;
    pf_value a = pick(b);
    pf_shape shape = pf_value_shape(g, a);
    if (shape.rank == 0 || b->index_count == LEAVES) return pf_sin(g, a);
    b->index_count++;
    if (test_below(&b->state, 2)) {
        pf_value index = leaf(b, 'i', pf_shape_of(1, 1 + test_below(&b->state, 5)), (int)shape.dim[0]);
        return pf_gather(g, a, index);
    }
    pf_value index = leaf(b, 'i', pf_shape_of(1, (int)shape.dim[0]), 4);
    return pf_gather_adjoint(g, a, index, 4);
}

static pf_value random_node(bag *b) {
    switch (test_below(&b->state, 10)) {
    case 0:
    case 1:
    case 2:
        return random_unary(b);
    case 3:
    case 4:
        return random_binary(b);
    case 5:
    case 6:
        return random_view(b);
    case 7:
        return random_sum(b);
    case 8:
        return random_product(b);
    default:
        return random_gather(b);
    }
}

static void bag_open(bag *b, uint64_t seed, bool smooth) {
    *b = (bag){.g = test_graph(), .state = seed * 977 + 11, .smooth = smooth};
    test_next(&b->state);
    b->value[b->count++] = variable(b, pf_shape_of(2, 3, 4));
    b->value[b->count++] = variable(b, pf_shape_of(3, 2, 3, 4));
    b->value[b->count++] = variable(b, pf_shape_of(1, 4));
    b->value[b->count++] = variable(b, pf_shape_of(2, 3, 1));
    int nodes = 10 + test_below(&b->state, 21);
    for (int i = 0; i < nodes; i++) {
        pf_value v = random_node(b);
        if (v == 0) continue;
        if (count_of(b, v) > LARGEST) v = pf_mean(b->g, v, 1, false);
        if (count_of(b, v) <= LARGEST) b->value[b->count++] = v;
    }
    CHECK_INT(pf_graph_check(b->g, NULL), PF_OK);
}

static void bag_close(bag *b) {
    for (int i = 0; i < b->binding_count; i++) free(b->data[i]);
    pf_graph_destroy(&b->g);
}

/* The numbers of a value; the symbolic zero is zeros of the shape of like. malloc. */
static double *numbers(const bag *b, pf_value v, pf_value like) {
    double *out = calloc((size_t)count_of(b, like), sizeof *out);
    if (v) test_run(b->g, v, b->binding, b->binding_count, out);
    return out;
}

/* <p, q> of two lists of values, each pair of one shape; *size is the sum of the absolute products. */
static double inner(const bag *b, const pf_value *p, const pf_value *q, int count, double *size) {
    double sum = 0;
    for (int i = 0; i < count; i++) {
        if (p[i] == 0 || q[i] == 0) continue;
        double *x = numbers(b, p[i], p[i]), *y = numbers(b, q[i], p[i]);
        for (int64_t k = 0; k < count_of(b, p[i]); k++) {
            sum += x[k] * y[k];
            *size += fabs(x[k] * y[k]);
        }
        free(x);
        free(y);
    }
    return sum;
}

static void seeds(bag *b, const pf_value *values, int count, pf_value *out) {
    for (int i = 0; i < count; i++) out[i] = leaf(b, 's', pf_value_shape(b->g, values[i]), 0);
}

static void test_dot_products(void) {
    int dead = 0;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        bag b;
        bag_open(&b, seed, false);
        pf_value y[3], dx[LEAVES], ybar[3], dy[3], xbar[LEAVES];
        for (int i = 0; i < 3; i++) y[i] = b.value[b.count - 1 - i];
        seeds(&b, b.leaf, b.leaf_count, dx);
        seeds(&b, y, 3, ybar);
        CHECK_INT(pf_jvp(b.g, y, 3, b.leaf, dx, b.leaf_count, dy), PF_OK);
        CHECK_INT(pf_vjp(b.g, y, ybar, 3, b.leaf, b.leaf_count, xbar), PF_OK);
        double size = 0, forward = inner(&b, ybar, dy, 3, &size);
        double reverse = inner(&b, xbar, dx, b.leaf_count, &size);
        int good = fabs(forward - reverse) <= 1e-10 * (size > 1e-30 ? size : 1);
        if (!good) fprintf(stderr, "graph %d: %.15g and %.15g\n", (int)seed, forward, reverse);
        CU_ASSERT(good);
        dead += size == 0;
        bag_close(&b);
    }
    CU_ASSERT(dead < 10); /* the generator makes graphs that say something */
}

/* Simplified graphs give the same numbers, and on the whole with fewer nodes. */
static void test_simplify_keeps_values(void) {
    int before = 0, after = 0;
    for (uint64_t seed = 1; seed <= 120; seed++) {
        bag b;
        bag_open(&b, seed, false);
        pf_value y[3], ybar[3], out[3 + LEAVES], plain[3 + LEAVES];
        for (int i = 0; i < 3; i++) out[i] = y[i] = b.value[b.count - 1 - i];
        seeds(&b, y, 3, ybar);
        CHECK_INT(pf_vjp(b.g, y, ybar, 3, b.leaf, b.leaf_count, out + 3), PF_OK);
        int count = 3 + b.leaf_count;
        memcpy(plain, out, sizeof out);
        CHECK_INT(pf__simplify(b.g, out, count), PF_OK);
        before += test_nodes(b.g, plain, count);
        after += test_nodes(b.g, out, count);
        for (int i = 0; i < count; i++) {
            if (plain[i] == 0) continue;
            double *p = numbers(&b, plain[i], plain[i]), *q = numbers(&b, out[i], plain[i]);
            for (int64_t k = 0; k < count_of(&b, plain[i]); k++) CHECK_NEAR(q[k], p[k], 1e-11);
            free(p);
            free(q);
        }
        bag_close(&b);
    }
    CU_ASSERT(after < before);
}

/* The last values as one number: the sum of their products with random numbers. */
static pf_value pairing(bag *b, const pf_value *y, int count) {
    pf_value sum = 0, weights[3];
    seeds(b, y, count, weights);
    for (int i = 0; i < count; i++) sum = pf_add(b->g, sum, pf_sum_all(b->g, pf_mul(b->g, y[i], weights[i])));
    return sum;
}

/* Moves every variable by step times the numbers of its direction. */
static void move(bag *b, const pf_value *direction, double step) {
    for (int j = 0; j < b->leaf_count; j++) {
        double *along = numbers(b, direction[j], b->leaf[j]);
        const char *name = pf__node_of(b->g, b->leaf[j])->attr.name;
        for (int i = 0; i < b->binding_count; i++)
            for (int64_t k = 0; strcmp(b->names[i], name) == 0 && k < count_of(b, b->leaf[j]); k++)
                b->data[i][k] += step * along[k];
        free(along);
    }
}

static double number(const bag *b, pf_value v) {
    double out = 0;
    if (v) test_run(b->g, v, b->binding, b->binding_count, &out);
    return out;
}

/* The derivative of a scalar along a direction by differences with error h^4. */
static double difference(bag *b, pf_value v, const pf_value *direction) {
    double h = 2e-4, d[2];
    for (int i = 0; i < 2; i++) {
        double step = h * (i + 1);
        move(b, direction, step);
        double up = number(b, v);
        move(b, direction, -2 * step);
        d[i] = (up - number(b, v)) / (2 * step);
        move(b, direction, step);
    }
    return (4 * d[0] - d[1]) / 3;
}

static void test_reverse_over_forward(void) {
    for (uint64_t seed = 301; seed <= 380; seed++) {
        bag b;
        bag_open(&b, seed, true);
        pf_value y[3], dx[LEAVES], along[LEAVES], xbar[LEAVES], dy[3];
        for (int i = 0; i < 3; i++) y[i] = b.value[b.count - 1 - i];
        seeds(&b, b.leaf, b.leaf_count, dx);
        seeds(&b, b.leaf, b.leaf_count, along);
        pf_value plain = pairing(&b, y, 3), slope;
        CHECK_INT(pf_jvp(b.g, &plain, 1, b.leaf, dx, b.leaf_count, &slope), PF_OK);
        CHECK_NEAR(number(&b, slope), difference(&b, plain, dx), 1e-7);
        CHECK_INT(pf_jvp(b.g, y, 3, b.leaf, dx, b.leaf_count, dy), PF_OK);
        pf_value loss = 0; /* sum of squares of the tangents, as in the full gradient of |dg/dt|^2 */
        for (int i = 0; i < 3; i++) loss = pf_add(b.g, loss, pf_sum_all(b.g, pf_square(b.g, dy[i])));
        if (loss) {
            pf_value one = pf_constant(b.g, 1, pf_shape_of(0));
            CHECK_INT(pf_vjp(b.g, &loss, &one, 1, b.leaf, b.leaf_count, xbar), PF_OK);
            double size = 0, slope_by_reverse = inner(&b, xbar, along, b.leaf_count, &size);
            double wanted = difference(&b, loss, along);
            int good = fabs(slope_by_reverse - wanted) <= 1e-6 * fmax(1, size);
            if (!good)
                fprintf(stderr, "graph %d: %.12g, difference %.12g\n", (int)seed, slope_by_reverse, wanted);
            CU_ASSERT(good);
        }
        bag_close(&b);
    }
}

static void test_hessian_symmetry(void) {
    for (uint64_t seed = 501; seed <= 580; seed++) {
        bag b;
        bag_open(&b, seed, true);
        pf_value v[LEAVES], gradient[LEAVES], forward[LEAVES], reverse[LEAVES], slope;
        pf_value loss = pairing(&b, &b.value[b.count - 3], 3), one = pf_constant(b.g, 1, pf_shape_of(0));
        seeds(&b, b.leaf, b.leaf_count, v);
        CHECK_INT(pf_vjp(b.g, &loss, &one, 1, b.leaf, b.leaf_count, gradient), PF_OK);
        CHECK_INT(pf_jvp(b.g, gradient, b.leaf_count, b.leaf, v, b.leaf_count, forward), PF_OK);
        CHECK_INT(pf_jvp(b.g, &loss, 1, b.leaf, v, b.leaf_count, &slope), PF_OK);
        CHECK_INT(pf_vjp(b.g, &slope, &one, 1, b.leaf, b.leaf_count, reverse), PF_OK);
        for (int j = 0; j < b.leaf_count; j++) {
            double *p = numbers(&b, forward[j], b.leaf[j]), *q = numbers(&b, reverse[j], b.leaf[j]),
                   largest = 1;
            int64_t n = count_of(&b, b.leaf[j]);
            for (int64_t k = 0; k < n; k++) largest = fmax(largest, fabs(p[k]));
            for (int64_t k = 0; k < n; k++) CHECK_NEAR(p[k] / largest, q[k] / largest, 1e-9);
            free(p);
            free(q);
        }
        bag_close(&b);
    }
}

void test_random_graph_suite(void) {
    CU_pSuite s = CU_add_suite("random graphs", NULL, NULL);
    CU_add_test(s, "<ybar, jvp> = <vjp, dx>", test_dot_products);
    CU_add_test(s, "simplify keeps values", test_simplify_keeps_values);
    CU_add_test(s, "reverse over forward", test_reverse_over_forward);
    CU_add_test(s, "Hessian symmetry", test_hessian_symmetry);
}
