/* SPDX-License-Identifier: MIT */
#include "plan/harness.h"
#include "check.h"

#include <stdint.h>

static pf_context *context;

static void on_log(void *user, pf_log_level level, const char *line) {
    (void)user;
    if (level <= PF_LOG_NOTICE) fprintf(stderr, "%s\n", line);
}

pf_context *test_context(void) {
    if (context) return context;
    pf_error err = {0};
    pf_context_desc desc = {.device = getenv("PF_DEVICE"), .log = on_log};
    if (pf_context_create(&context, &desc, &err) != PF_OK) {
        fprintf(stderr, "%s\nhint: %s\n", err.message, err.hint);
        exit(1);
    }
    const char *width = getenv("PF_TEST_WIDTH");
    if (width) {
        pf_device_info *info = (pf_device_info *)pf_context_device(context);
        info->type = PF_DEVICE_CPU;
        info->vector_width = (uint32_t)atoi(width);
    }
    return context;
}

void test_context_close(void) {
    pf_context_destroy(&context);
}

const char *test_matmul(void) {
    const char *m = getenv("PF_TEST_MATMUL");
    return m ? m : "auto";
}

bool test_small(void) {
    return getenv("PF_TEST_SMALL") != NULL;
}

double test_uniform(uint64_t *state) {
    *state = *state * 6364136223846793005ull + 1442695040888963407ull;
    return (double)(*state >> 11) * 0x1p-53;
}

int test_int(uint64_t *state, int low, int high) {
    return low + (int)(test_uniform(state) * (high - low + 1));
}

double test_normal(uint64_t *state) {
    double u = test_uniform(state), v = test_uniform(state);
    return sqrt(-2 * log(1 - u)) * cos(6.283185307179586 * v);
}

typedef struct leaf {
    char name[128];
    double *data;
    void *raw;
    pf__buffer *buffer;
} leaf;

typedef struct run {
    const pf_graph *g;
    leaf leaves[128];
    pf_binding bindings[128];
    pf__bind binds[128];
    int count, bind_count;
    pf__buffer *step;
    uint64_t seed, first;
    pf_error err;
} run;

static const pf_binding *find_given(const char *name, const pf_binding *given, int n) {
    for (int i = 0; i < n; i++)
        if (strcmp(given[i].name, name) == 0) return &given[i];
    return NULL;
}

static void *to_raw(pf_dtype dtype, const double *x, int64_t n) {
    char *raw = calloc((size_t)n + 1, pf_dtype_bytes(dtype));
    for (int64_t i = 0; raw && i < n; i++) {
        if (dtype == PF_F32)
            ((float *)(void *)raw)[i] = (float)x[i];
        else if (dtype == PF_I32)
            ((int32_t *)(void *)raw)[i] = (int32_t)x[i];
        else if (dtype == PF_U32)
            ((uint32_t *)(void *)raw)[i] = (uint32_t)x[i];
        else
            ((uint8_t *)raw)[i] = (uint8_t)x[i];
    }
    return raw;
}

/* One leaf: data in double (rounded to what the device will see), its buffer, its binding. */
static pf_status add_leaf(run *r, const pf__node *n, int index_limit, const pf_binding *given,
                          int given_count, uint64_t *state) {
    leaf *l = &r->leaves[r->count];
    const pf__value *v = &r->g->values[n->first_output];
    const int64_t size = pf_shape_count(&v->shape);
    if (n->op == PF__OP_PARAMETER)
        snprintf(l->name, sizeof l->name, "%s:%s", n->attr.group, n->attr.name);
    else
        snprintf(l->name, sizeof l->name, "%s", n->attr.name);
    const pf_binding *b = find_given(l->name, given, given_count);
    if (n->op == PF__OP_RANDOM && !b) return PF_OK;
    l->data = calloc((size_t)size + 1, sizeof(double));
    for (int64_t i = 0; i < size; i++) {
        if (b)
            l->data[i] = b->data[i];
        else if (v->dtype == PF_F32)
            l->data[i] = test_normal(state);
        else
            l->data[i] = test_int(state, 0, index_limit - 1);
        if (v->dtype == PF_F32) l->data[i] = (double)(float)l->data[i];
    }
    r->bindings[r->count] = (pf_binding){l->name, l->data};
    const int word = n->op == PF__OP_INPUT ? pf__step_word(l->name) : -1;
    r->count++;
    if (word >= 0) {
        const float x = (float)l->data[0];
        return pf__buffer_write(r->step, 4 * (size_t)word, &x, sizeof x, true, &r->err);
    }
    const size_t bytes = (size_t)size * pf_dtype_bytes(v->dtype);
    l->raw = to_raw(v->dtype, l->data, size);
    PF__TRY(pf__buffer_create(test_context(), bytes, l->name, &l->buffer, &r->err));
    r->binds[r->bind_count++] = (pf__bind){l->name, l->buffer, 0};
    return pf__buffer_write(l->buffer, 0, l->raw, bytes, true, &r->err);
}

static pf_status prepare(run *r, const pf_value *outputs, int count, int index_limit, const pf_binding *given,
                         int given_count) {
    uint64_t state = 12345;
    uint32_t words[PF__STEP_WORDS];
    pf__step_block block = {.seed = r->seed, .first_sample = r->first};
    PF__TRY(pf__buffer_create(test_context(), sizeof words, "step block", &r->step, &r->err));
    pf__step_pack(&block, words);
    PF__TRY(pf__buffer_write(r->step, 0, words, sizeof words, true, &r->err));
    bool *needed = pf__needed(r->g, outputs, count);
    pf_status st = PF_OK;
    for (uint32_t i = 1; i < r->g->node_count && st == PF_OK; i++) {
        const pf__node *n = &r->g->nodes[i];
        if (needed[i] && (n->op == PF__OP_INPUT || n->op == PF__OP_PARAMETER || n->op == PF__OP_RANDOM))
            st = add_leaf(r, n, index_limit, given, given_count, &state);
    }
    free(needed);
    return st;
}

static double read_back(double *out, pf__place at, pf_dtype dtype, int64_t n, pf_error *err) {
    const size_t size = pf_dtype_bytes(dtype);
    char *raw = calloc((size_t)n + 1, size);
    if (pf__buffer_read(at.buffer, (size_t)at.offset * size, raw, (size_t)n * size, err) != PF_OK) {
        free(raw);
        return NAN;
    }
    for (int64_t i = 0; i < n; i++)
        out[i] = dtype == PF_F32   ? (double)((float *)(void *)raw)[i]
                 : dtype == PF_I32 ? (double)((int32_t *)(void *)raw)[i]
                 : dtype == PF_U32 ? (double)((uint32_t *)(void *)raw)[i]
                                   : (double)((uint8_t *)raw)[i];
    free(raw);
    return 0;
}

static double difference(const double *x, const double *y, int64_t n) {
    double num = 0, den = 0;
    for (int64_t i = 0; i < n; i++) {
        if (isinf(x[i]) && isinf(y[i]) && (x[i] > 0) == (y[i] > 0)) continue;
        num += (x[i] - y[i]) * (x[i] - y[i]);
        den += y[i] * y[i];
    }
    const double floor_norm = 1e-6 * sqrt((double)n);
    return sqrt(num) / fmax(sqrt(den), floor_norm);
}

static double compare(run *r, pf__plan *plan, const pf_value *outputs, int count) {
    double **host = calloc((size_t)count, sizeof *host), worst = 0;
    for (int i = 0; i < count; i++) {
        pf_shape s = pf_value_shape(r->g, outputs[i]);
        host[i] = calloc((size_t)pf_shape_count(&s) + 1, sizeof(double));
    }
    pf_status st = pf_interpret(r->g, outputs, count, r->bindings, r->count, r->seed, r->first, host,
                                &r->err);
    for (int replay = 0; replay < 2 && st == PF_OK; replay++) {
        st = pf__plan_poison(plan, &r->err); /* what nobody wrote is NaN */
        if (st == PF_OK) st = pf__plan_replay(plan, &r->err);
    }
    for (int i = 0; i < count; i++) {
        pf_shape s = pf_value_shape(r->g, outputs[i]);
        const int64_t n = pf_shape_count(&s);
        double *dev = calloc((size_t)n + 1, sizeof(double));
        pf__place at = pf__plan_place(plan, i);
        double e = st == PF_OK ? read_back(dev, at, pf_value_dtype(r->g, outputs[i]), n, &r->err) : NAN;
        e += difference(dev, host[i], n);
        if (!(e <= worst)) worst = e;
        free(dev);
        free(host[i]);
    }
    free(host);
    return worst;
}

double compare_with(const pf_graph *g, const pf_value *outputs, int count, int index_limit,
                    const pf_binding *given, int given_count, const char *matmul, pf__plan_report *report) {
    run *r = calloc(1, sizeof *r);
    pf__output *out = calloc((size_t)count, sizeof *out);
    pf__plan *plan = NULL;
    double worst = NAN;
    r->g = g;
    r->seed = 42;
    r->first = 7;
    for (int i = 0; i < count; i++) out[i].value = outputs[i];
    pf_status st = pf_graph_check(g, &r->err);
    if (st == PF_OK) st = prepare(r, outputs, count, index_limit, given, given_count);
    pf__plan_desc desc = {.name = "test",
                          .context = test_context(),
                          .graph = g,
                          .outputs = out,
                          .output_count = count,
                          .binds = r->binds,
                          .bind_count = r->bind_count,
                          .step_block = r->step,
                          .matmul = matmul};
    if (st == PF_OK) st = pf__plan_create(&plan, &desc, &r->err);
    if (st == PF_OK) worst = compare(r, plan, outputs, count);
    if (st == PF_OK && report) *report = pf__plan_describe(plan);
    if (isnan(worst)) fprintf(stderr, "comparison failed: %s (%s)\n", r->err.message, r->err.hint);
    pf__plan_destroy(&plan);
    for (int i = 0; i < r->count; i++) {
        pf__buffer_release(&r->leaves[i].buffer);
        free(r->leaves[i].data);
        free(r->leaves[i].raw);
    }
    pf__buffer_release(&r->step);
    free(out);
    free(r);
    return worst;
}

double compare_on_device(const pf_graph *g, const pf_value *outputs, int count, int index_limit) {
    return compare_with(g, outputs, count, index_limit, NULL, 0, test_matmul(), NULL);
}
