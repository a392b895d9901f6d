/* SPDX-License-Identifier: MIT
 * The multi-layer perceptron against a plain loop over its formula, and what its first weights do. */
#include "check.h"
#include "nn/mlp.h"

#define B           5
#define VALUES_MAX  20000
#define TENSORS_MAX 24

typedef struct built { /* a net in a graph, with its initial weights bound */
    pf__net net;
    pf_graph *g;
    pf__params params;
    pf_value x, condition[2], label, heads[PF__HEADS_MAX];
    double weights[VALUES_MAX], data[B * 64], times[2][B], labels[B];
    pf_binding bindings[TENSORS_MAX];
    char names[TENSORS_MAX][64];
    int bound;
} built;

static void bind(built *b, const char *name, const double *data) {
    snprintf(b->names[b->bound], sizeof b->names[0], "%s", name);
    b->bindings[b->bound] = (pf_binding){b->names[b->bound], data};
    b->bound++;
}

static void bind_weights(built *b) {
    float *flat = malloc(b->params.flat_count * sizeof *flat);
    CU_ASSERT_FATAL(flat != NULL && b->params.flat_count <= VALUES_MAX);
    pf__params_initialise(&b->params, 3, flat);
    for (uint32_t i = 0; i < b->params.flat_count; i++) b->weights[i] = flat[i];
    free(flat);
    for (int i = 0; i < b->params.count; i++) {
        const pf__param *p = &b->params.list[i];
        char name[64];
        snprintf(name, sizeof name, "student:%s", p->path);
        if (strstr(p->path, "bias")) /* zero at first: make them count */
            for (int64_t e = 0; e < p->count; e++) b->weights[p->offset + e] = 0.1 * sin((double)(e + i));
        bind(b, name, b->weights + p->offset);
    }
}

static built *build(const pf__net *net, bool labelled) {
    static const char *const name[2] = {"t", "h"};
    built *b = calloc(1, sizeof *b);
    pf_error err = {0};
    b->net = *net;
    CHECK_OK(pf_graph_create(&b->g, &err), err);
    pf_shape shape = net->source;
    memmove(shape.dim + 1, shape.dim, sizeof shape.dim - sizeof shape.dim[0]);
    shape.dim[0] = B;
    shape.rank++;
    b->x = pf_input(b->g, "x", PF_F32, shape);
    bind(b, "x", b->data);
    for (int i = 0; i < B * 64; i++) b->data[i] = cos(0.7 * i);
    for (int i = 0; i < net->condition_count; i++) {
        b->condition[i] = pf_input(b->g, name[i], PF_F32, pf_shape_of(1, B));
        bind(b, name[i], b->times[i]);
        for (int k = 0; k < B; k++) b->times[i][k] = (0.3 + k) / (5.0 + i);
    }
    if (labelled) b->label = pf_input(b->g, "label", PF_I32, pf_shape_of(1, B));
    for (int k = 0; k < B; k++) b->labels[k] = k % (net->class_count + 1);
    bind(b, "label", b->labels);
    pf__mlp_apply(&b->net, b->g, &b->params, "student", b->x, b->condition, b->label, PF__MODE_TRAIN,
                  b->heads);
    CHECK_OK(pf_graph_check(b->g, &err), err);
    bind_weights(b);
    return b;
}

static void discard(built *b) {
    pf__params_free(&b->params);
    pf_graph_destroy(&b->g);
    free(b);
}

static const double *weight(const built *b, const char *stem, int i, const char *kind) {
    char path[64];
    snprintf(path, sizeof path, "%s/%d/%s", stem, i, kind);
    const pf__param *p = pf__params_find(&b->params, path);
    CU_ASSERT_FATAL(p != NULL);
    return b->weights + p->offset;
}

/* y [out] = h [in] weight + bias */
static void linear(const built *b, const char *stem, int i, const double *h, int in, int out, double *y) {
    const double *w = weight(b, stem, i, "weight"), *bias = weight(b, stem, i, "bias");
    for (int o = 0; o < out; o++) {
        y[o] = bias[o];
        for (int k = 0; k < in; k++) y[o] += h[k] * w[k * out + o];
    }
}

/* The formula at the top of mlp.c for sample s, in loops. */
static void reference(const built *b, int s, int row, double (*head)[64]) {
    const pf__net *net = &b->net;
    int size = (int)pf_shape_count(&net->source), n = size, half = net->embed / 2;
    double h[512], y[512];
    for (int i = 0; i < net->condition_count; i++) {
        double time = b->times[i][s];
        h[n] = time;
        for (int k = 0; k < half; k++) {
            h[n + 1 + k] = sin(8.0 * (k + 1) / half * time);
            h[n + 1 + half + k] = cos(8.0 * (k + 1) / half * time);
        }
        n += 1 + 2 * half;
    }
    if (net->class_count) {
        const double *table = b->weights + pf__params_find(&b->params, "label/weight")->offset;
        for (int k = 0; k < net->embed; k++) h[n++] = table[row * net->embed + k];
    }
    bool alone = n == size;
    for (int i = 0; i < size; i++) h[i] = b->data[s * size + i] * (alone ? 1.0 : sqrt(n / (2.0 * size)));
    for (int i = size; i < n; i++) h[i] *= sqrt(n / (2.0 * (n - size)));
    for (int k = 0; k < net->depth; k++) {
        linear(b, "hidden", k, h, n, net->width, y);
        n = net->width;
        for (int o = 0; o < n; o++) h[o] = y[o] / (1.0 + exp(-y[o])) + (net->residual && k > 0 ? h[o] : 0.0);
    }
    for (int i = 0; i < net->head_count; i++)
        linear(b, "head", i, h, n, (int)pf_shape_count(&net->sample), head[i]);
}

static void check_formula(const pf__net *net, bool labelled) {
    pf_error err = {0};
    built *b = build(net, labelled);
    int size = (int)pf_shape_count(&net->sample);
    double got[PF__HEADS_MAX][B * 64], *out[PF__HEADS_MAX] = {got[0], got[1]}, expected[PF__HEADS_MAX][64];
    CHECK_OK(pf_interpret(b->g, b->heads, net->head_count, b->bindings, b->bound, 1, 0, out, &err), err);
    for (int s = 0; s < B; s++) {
        reference(b, s, labelled ? (int)b->labels[s] : net->class_count, expected);
        for (int i = 0; i < net->head_count; i++)
            for (int d = 0; d < size; d++) CHECK_NEAR(got[i][s * size + d], expected[i][d], 1e-12);
    }
    discard(b);
}

static pf__net net_of(pf_shape sample, int conditions, int classes, int heads) {
    pf__net net = {.sample = sample,
                   .source = sample,
                   .condition_count = conditions,
                   .class_count = classes,
                   .head_count = heads};
    net.width = 24;
    net.depth = 3;
    net.embed = 8;
    net.head = 0.5;
    net.apply = pf__mlp_apply;
    return net;
}

static void test_formula(void) {
    for (int conditions = 0; conditions <= 2; conditions++)
        for (int classes = 0; classes <= 3; classes += 3)
            for (int heads = 1; heads <= 2; heads++) {
                pf__net net = net_of(pf_shape_of(1, 2), conditions, classes, heads);
                net.residual = conditions == 1;
                check_formula(&net, classes > 0);
            }
    pf__net image = net_of(pf_shape_of(3, 4, 3, 2), 2, 0, 1);
    check_formula(&image, false);
    image.source = pf_shape_of(1, 7); /* made of something else */
    check_formula(&image, false);
}

static void test_null_class(void) {
    pf__net net = net_of(pf_shape_of(1, 2), 1, 3, 1);
    check_formula(&net, false); /* no label: every row reads the last row of the table */
}

static void test_table(void) {
    pf__net net = net_of(pf_shape_of(3, 2, 2, 1), 2, 3, 2);
    built *b = build(&net, true);
    static const struct {
        const char *path;
        int in, out;
    } rows[] = {{"label/weight", 4, 8},   {"hidden/0/weight", 4 + 18 + 8, 24},
                {"hidden/0/bias", 24, 0}, {"hidden/1/weight", 24, 24},
                {"hidden/1/bias", 24, 0}, {"hidden/2/weight", 24, 24},
                {"hidden/2/bias", 24, 0}, {"head/0/weight", 24, 4},
                {"head/0/bias", 4, 0},    {"head/1/weight", 24, 4},
                {"head/1/bias", 4, 0}};
    CHECK_INT(b->params.count, sizeof rows / sizeof *rows);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const pf__param *p = pf__params_find(&b->params, rows[i].path);
        CU_ASSERT_FATAL(p != NULL);
        CHECK_INT(p->shape.rank, rows[i].out ? 2 : 1);
        CHECK_INT(p->shape.dim[0], rows[i].in);
        if (rows[i].out) CHECK_INT(p->shape.dim[1], rows[i].out);
    }
    discard(b);
}

/* Forward mode in time against a central difference of the interpreter: what MeanFlow differentiates. */
static void test_rate(void) {
    pf_error err = {0};
    pf__net net = net_of(pf_shape_of(1, 2), 2, 0, 1);
    built *b = build(&net, false);
    pf_value one = pf_constant(b->g, 1.0, pf_shape_of(1, B)), u = b->heads[0], rate;
    pf_value tangent[2] = {one, one};
    CHECK_OK(pf_jvp(b->g, &u, 1, b->condition, tangent, 2, &rate), err);
    double got[B * 2], side[2][B * 2], step = 1e-5, *out = got;
    CHECK_OK(pf_interpret(b->g, &rate, 1, b->bindings, b->bound, 1, 0, &out, &err), err);
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < 2 * B; i++) b->times[i / B][i % B] += k ? -2.0 * step : step;
        out = side[k];
        CHECK_OK(pf_interpret(b->g, &u, 1, b->bindings, b->bound, 1, 0, &out, &err), err);
    }
    double size = 0.0;
    for (int i = 0; i < B * 2; i++) {
        CHECK_NEAR(got[i], (side[0][i] - side[1][i]) / (2.0 * step), 1e-7);
        size = fmax(size, fabs(got[i]));
    }
    CU_ASSERT(size > 0.01);
    discard(b);
}

/* An untrained network answers neither zero nor anything large, for two numbers as for a picture. */
static void test_untrained(void) {
    static const int width_of[2] = {2, 7};
    for (int k = 0; k < 2; k++) {
        pf_error err = {0};
        pf__net net = net_of(pf_shape_of(2, width_of[k], width_of[k]), 2, 0, 1);
        net.width = 64;
        built *b = build(&net, false);
        int count = B * width_of[k] * width_of[k];
        double got[B * 64], *out = got, squares = 0.0;
        CHECK_OK(pf_interpret(b->g, b->heads, 1, b->bindings, b->bound, 1, 0, &out, &err), err);
        for (int i = 0; i < count; i++) squares += got[i] * got[i];
        CU_ASSERT(sqrt(squares / count) > 0.05 && sqrt(squares / count) < 1.0);
        net.head = 0;
        built *flat = build(&net, false);
        const pf__param *last = pf__params_find(&flat->params, "head/0/weight");
        for (int64_t i = 0; i < last->count; i++) CU_ASSERT(flat->weights[last->offset + i] == 0);
        discard(flat);
        discard(b);
    }
}

void test_mlp_suite(void) {
    CU_pSuite suite = CU_add_suite("mlp", NULL, NULL);
    CU_add_test(suite, "equals its formula", test_formula);
    CU_add_test(suite, "without a label the null class", test_null_class);
    CU_add_test(suite, "paths and shapes", test_table);
    CU_add_test(suite, "derivative in time", test_rate);
    CU_add_test(suite, "an untrained network", test_untrained);
}
