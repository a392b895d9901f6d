/* SPDX-License-Identifier: MIT
 * What a plan promises: updates in place, no waiting and no allocation in a replay, the same bits every time,
 * clear refusals. */
#include "check.h"
#include "plan/harness.h"

void test_plan_suite(void);

enum { N = 1000 };

typedef struct bench {
    pf_graph *g;
    pf__buffer *p, *grad, *m;
    pf_error err;
} bench;

static void open_bench(bench *b) {
    float x[N];
    memset(b, 0, sizeof *b);
    CHECK_OK(pf_graph_create(&b->g, &b->err), b->err);
    pf__buffer **all[] = {&b->p, &b->grad, &b->m};
    for (int k = 0; k < 3; k++) {
        CHECK_OK(pf__buffer_create(test_context(), sizeof x, "test", all[k], &b->err), b->err);
        for (int i = 0; i < N; i++) x[i] = (float)(i % 17) * 0.25f + (float)k;
        CHECK_OK(pf__buffer_write(*all[k], 0, x, sizeof x, true, &b->err), b->err);
    }
}

static void close_bench(bench *b) {
    pf__buffer_release(&b->p);
    pf__buffer_release(&b->grad);
    pf__buffer_release(&b->m);
    pf_graph_destroy(&b->g);
}

/* m' = 0.9 m + 0.1 g, p' = p - 0.01 m' / ||g||, both in place, in one kernel behind the norm. */
static void test_in_place(void) {
    bench b;
    open_bench(&b);
    pf_value p = pf_input(b.g, "p", PF_F32, pf_shape_of(1, N)),
             grad = pf_input(b.g, "grad", PF_F32, pf_shape_of(1, N)),
             m = pf_input(b.g, "m", PF_F32, pf_shape_of(1, N));
    pf_value norm = pf_sqrt(b.g, pf_sum_all(b.g, pf_square(b.g, grad)));
    pf_value m2 = pf_add(b.g, pf_mul_number(b.g, m, 0.9), pf_mul_number(b.g, grad, 0.1));
    pf_value p2 = pf_sub(b.g, p, pf_div(b.g, pf_mul_number(b.g, m2, 0.01), norm));
    pf__bind binds[] = {{"p", b.p, 0}, {"grad", b.grad, 0}, {"m", b.m, 0}};
    pf__output outputs[] = {{.value = p2, .buffer = b.p}, {.value = m2, .buffer = b.m}};
    pf__plan_desc d = {.name = "update",
                       .context = test_context(),
                       .graph = b.g,
                       .outputs = outputs,
                       .output_count = 2,
                       .binds = binds,
                       .bind_count = 3};
    pf__plan *plan = NULL;
    CHECK_OK(pf__plan_create(&plan, &d, &b.err), b.err);
    const pf_context_counts before = pf_context_count(test_context());
    for (int k = 0; k < 2; k++) CHECK_OK(pf__plan_replay(plan, &b.err), b.err);
    const pf_context_counts after = pf_context_count(test_context());
    CHECK_INT(after.blocking, before.blocking);
    CHECK_INT(after.allocations, before.allocations);
    float ps[N], ms[N];
    CHECK_OK(pf__buffer_read(b.p, 0, ps, sizeof ps, &b.err), b.err);
    CHECK_OK(pf__buffer_read(b.m, 0, ms, sizeof ms, &b.err), b.err);
    double sum = 0;
    for (int i = 0; i < N; i++) sum += pow((i % 17) * 0.25 + 1, 2);
    for (int i = 0; i < N; i++) {
        const double x = (i % 17) * 0.25, m1 = 0.9 * (x + 2) + 0.1 * (x + 1), m2_ = 0.9 * m1 + 0.1 * (x + 1);
        CHECK_NEAR(ms[i], m2_, 1e-6);
        CHECK_NEAR(ps[i], x - 0.01 * (m1 + m2_) / sqrt(sum), 1e-6);
    }
    CHECK_INT(pf__plan_describe(plan).launches, 1); /* so short a row: the norm stays in a register */
    CHECK_INT(pf__plan_describe(plan).arena_bytes, 0);
    pf__plan_destroy(&plan);
    close_bench(&b);
}

/* What dies where a result is born gives it its place: a product, its activation and its gate lie in one. */
static void test_taking_places(void) {
    enum { ROWS = 64, WIDTH = 64 };
    pf_graph *g = NULL;
    pf_error err = {0};
    CHECK_OK(pf_graph_create(&g, &err), err);
    pf_value x = pf_input(g, "x", PF_F32, pf_shape_of(2, ROWS, WIDTH)),
             w = pf_input(g, "w", PF_F32, pf_shape_of(2, WIDTH, WIDTH));
    pf_value thin = pf_input(g, "thin", PF_F32, pf_shape_of(2, WIDTH, 1));
    pf_value y = pf_matmul(g, pf_silu(g, pf_matmul(g, x, w, false, false)), thin, false, false);
    pf__plan_report report;
    CU_ASSERT(compare_with(g, &y, 1, 0, NULL, 0, "generic", &report) < 1e-5);
    CHECK_INT(report.arena_bytes, 4 * (ROWS * WIDTH + ROWS));
    CHECK_INT(report.lower_bound_bytes, report.arena_bytes);
    const int odd =
        WIDTH -
        1; /* rows that end within a vector, beside a repeated row: their last loads touch the next row */
    pf_value narrow = pf_input(g, "narrow", PF_F32, pf_shape_of(2, WIDTH, odd)),
             row = pf_input(g, "row", PF_F32, pf_shape_of(2, 1, odd));
    pf_value gated = pf_mul(g, pf_silu(g, pf_matmul(g, x, narrow, false, false)), row);
    y = pf_matmul(g, gated, pf_input(g, "tall", PF_F32, pf_shape_of(2, odd, 1)), false, false);
    CU_ASSERT(compare_with(g, &y, 1, 0, NULL, 0, "generic", &report) < 1e-5);
    CHECK_INT(report.arena_bytes,
              4 * 2 * (ROWS * odd + 64)); /* and what such loads touch behind the tensors */
    pf_value turned = pf_permute(g, pf_matmul(g, x, w, false, false),
                                 (int[]){1, 0}); /* not element by element */
    y = pf_matmul(g, pf_silu(g, turned), thin, false, false);
    CU_ASSERT(compare_with(g, &y, 1, 0, NULL, 0, "generic", &report) < 1e-5);
    CHECK_INT(report.arena_bytes, 4 * 2 * ROWS * WIDTH);
    pf_graph_destroy(&g);
}

/* p' needs all of p after it is overwritten: refused. */
static void test_overwrite_refused(void) {
    bench b;
    open_bench(&b);
    pf_value p = pf_input(b.g, "p", PF_F32, pf_shape_of(2, 10, 100));
    int order[] = {1, 0};
    pf_value turned = pf_mul_number(b.g, pf_reshape(b.g, pf_permute(b.g, p, order), pf_shape_of(1, N)), 2);
    pf__bind binds[] = {{"p", b.p, 0}};
    pf__output outputs[] = {{.value = turned, .buffer = b.p}};
    pf__plan_desc d = {.name = "turn",
                       .context = test_context(),
                       .graph = b.g,
                       .outputs = outputs,
                       .output_count = 1,
                       .binds = binds,
                       .bind_count = 1};
    pf__plan *plan = NULL;
    pf_value flat = pf_permute(b.g, p, order);
    CHECK_OK(pf__plan_create(&plan, &d, &b.err), b.err); /* through the arena: allowed */
    pf__plan_destroy(&plan);
    outputs[0].value = flat;
    CHECK_INT(pf__plan_create(&plan, &d, &b.err), PF_USAGE);
    CHECK_CONTAINS(b.err.message, "overwrites an input");
    CU_ASSERT_PTR_NULL(plan);
    close_bench(&b);
}

static void test_missing_data(void) {
    bench b;
    open_bench(&b);
    pf_value y = pf_exp(b.g, pf_input(b.g, "nowhere", PF_F32, pf_shape_of(1, 4)));
    pf__output outputs[] = {{.value = y}};
    pf__plan_desc d = {
        .name = "lost", .context = test_context(), .graph = b.g, .outputs = outputs, .output_count = 1};
    pf__plan *plan = NULL;
    CHECK_INT(pf__plan_create(&plan, &d, &b.err), PF_USAGE);
    CHECK_CONTAINS(b.err.message, "nowhere");
    pf__bind small = {"nowhere", b.p, 998};
    d.binds = &small;
    d.bind_count = 1;
    CHECK_INT(pf__plan_create(&plan, &d, &b.err), PF_USAGE);
    CHECK_CONTAINS(b.err.message, "too small");
    outputs[0].value = 0;
    CHECK_INT(pf__plan_create(&plan, &d, &b.err), PF_USAGE);
    close_bench(&b);
}

/* Two plans of one graph, and two replays of one plan: equal bits. */
static void test_same_bits(void) {
    bench b;
    open_bench(&b);
    pf_value x = pf_input(b.g, "x", PF_F32, pf_shape_of(2, 25, 40)),
             w = pf_input(b.g, "w", PF_F32, pf_shape_of(2, 40, 25));
    pf_value h = pf_silu(b.g, pf_matmul(b.g, x, w, false, false)),
             y = pf_sum(b.g, pf_matmul(b.g, h, h, true, false), 1, false);
    pf__bind binds[] = {{"x", b.p, 0}, {"w", b.m, 0}};
    pf__output outputs[] = {{.value = y}};
    pf__plan_desc d = {.name = "bits",
                       .context = test_context(),
                       .graph = b.g,
                       .outputs = outputs,
                       .output_count = 1,
                       .binds = binds,
                       .bind_count = 2,
                       .matmul = test_matmul()};
    float first[25], again[25];
    for (int k = 0; k < 2; k++) {
        pf__plan *plan = NULL;
        CHECK_OK(pf__plan_create(&plan, &d, &b.err), b.err);
        for (int r = 0; r < 3; r++) {
            CHECK_OK(pf__plan_replay(plan, &b.err), b.err);
            pf__place at = pf__plan_place(plan, 0);
            CHECK_OK(pf__buffer_read(at.buffer, 4 * (size_t)at.offset, k + r ? again : first, sizeof first,
                                     &b.err),
                     b.err);
            if (k + r) CHECK_INT(memcmp(first, again, sizeof first), 0);
        }
        pf__plan_destroy(&plan);
    }
    close_bench(&b);
}

static void read_place(bench *b, pf__place at, float *out, size_t count) {
    CHECK_OK(pf__buffer_read(at.buffer, 4 * (size_t)at.offset, out, 4 * count, &b->err), b->err);
}

/* An output at the front of the arena: what is needed before it lies there too, and what it does not cover
 * is zero after any replay. */
static void test_front(void) {
    enum { ROWS = 32, FRONT = 128 + 640 + 64 };
    bench b;
    open_bench(&b);
    pf_value x = pf_input(b.g, "x", PF_F32, pf_shape_of(2, ROWS, 20)),
             w = pf_input(b.g, "w", PF_F32, pf_shape_of(2, 20, 10)),
             v = pf_input(b.g, "v", PF_F32, pf_shape_of(2, 10, 10));
    pf_value before = pf_matmul(b.g, x, w, false, false); /* 320 elements, read before y is written */
    pf_value y = pf_matmul(b.g, pf_matmul(b.g, before, v, false, false), w, false, true);
    pf__bind binds[] = {{"x", b.p, 0}, {"w", b.m, 0}, {"v", b.m, 200}};
    pf__output output = {.value = y};
    pf__plan_desc d = {.name = "front",
                       .context = test_context(),
                       .graph = b.g,
                       .outputs = &output,
                       .output_count = 1,
                       .binds = binds,
                       .bind_count = 3,
                       .matmul = "generic"};
    static float plain[640], front[FRONT];
    pf__plan *plan = NULL;
    CHECK_OK(pf__plan_create(&plan, &d, &b.err), b.err);
    CHECK_OK(pf__plan_replay(plan, &b.err), b.err);
    read_place(&b, pf__plan_place(plan, 0), plain, 640);
    pf__plan_destroy(&plan);

    output.at_front = true;
    output.offset = 128;
    d.front_words = FRONT;
    CHECK_OK(pf__plan_create(&plan, &d, &b.err), b.err);
    for (int r = 0; r < 2; r++) {
        CHECK_OK(pf__plan_poison(plan, &b.err), b.err);
        CHECK_OK(pf__plan_replay(plan, &b.err), b.err);
        read_place(&b, (pf__place){pf__plan_arena(plan), 0}, front, FRONT);
        CHECK_INT(memcmp(front + 128, plain, sizeof plain), 0);
        int dirty = 0;
        for (int i = 0; i < FRONT; i++) dirty += (i < 128 || i >= 128 + 640) && front[i] != 0;
        CHECK_INT(dirty, 0);
    }
    CU_ASSERT(pf__plan_describe(plan).arena_bytes <= 4 * (FRONT + 320 + 64)); /* not twice 320 */
    pf__plan_destroy(&plan);

    output.offset = 100;
    CHECK_INT(pf__plan_create(&plan, &d, &b.err), PF_USAGE);
    CHECK_CONTAINS(b.err.message, "aligned");
    output.offset = 256;
    CHECK_INT(pf__plan_create(&plan, &d, &b.err), PF_USAGE);
    CHECK_CONTAINS(b.err.message, "larger");
    pf__output two[] = {{.value = y, .at_front = true}, {.value = y, .offset = 64, .at_front = true}};
    d.outputs = two;
    d.output_count = 2;
    CHECK_INT(pf__plan_create(&plan, &d, &b.err), PF_USAGE);
    CHECK_CONTAINS(b.err.message, "overlap");
    close_bench(&b);
}

static void test_step_block(void) {
    uint32_t words[PF__STEP_WORDS];
    pf__step_block s = {.seed = 0x123456789abcdef0u, .first_sample = 5ull << 33, .step = 7, .lr = 0.5f};
    pf__step_pack(&s, words);
    CHECK_INT(words[0], 0x9abcdef0u);
    CHECK_INT(words[1], 0x12345678u);
    CHECK_INT(words[2], 0);
    CHECK_INT(words[3], 10);
    CHECK_INT(words[pf__step_word("step/step")], 7);
    CHECK_INT(words[pf__step_word("step/lr")], 0x3f000000);
    CHECK_INT(pf__step_word("step/nothing"), -1);
    CHECK_INT(pf__step_word("lr"), -1);
}

void test_plan_suite(void) {
    CU_pSuite s = CU_add_suite("plan", NULL, NULL);
    CU_add_test(s, "in place", test_in_place);
    CU_add_test(s, "taking places", test_taking_places);
    CU_add_test(s, "overwriting refused", test_overwrite_refused);
    CU_add_test(s, "missing data", test_missing_data);
    CU_add_test(s, "same bits", test_same_bits);
    CU_add_test(s, "front of the arena", test_front);
    CU_add_test(s, "step block", test_step_block);
}
