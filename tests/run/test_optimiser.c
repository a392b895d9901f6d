/* SPDX-License-Identifier: MIT
 * The optimiser's plan on the device against AdamW in double on the host. */
#include "run/fixture.h"
#include "run/run.h"
#include <string.h>

enum { N = 192, METRICS = 2 };

typedef struct bench {
    pf__train_options o;
    pf__optimiser_desc d;
    pf__plan *plan;
    float grads[N];
    double p[N], m[N], v[N], e[2][N];
} bench;

static pf__buffer *buffer(size_t count) {
    pf_error error = {0};
    pf__buffer *b = NULL;
    CHECK_OK(pf__buffer_create(test_context(), count * sizeof(float), "test", &b, &error), error);
    return b;
}

static void open(bench *b, double clip, bool skip) {
    pf_error error = {0};
    *b = (bench){.o = {.steps = 100,
                       .batch = 8,
                       .lr = 0.01,
                       .clip = clip,
                       .beta1 = 0.9,
                       .beta2 = 0.99,
                       .eps = 1e-6,
                       .weight_decay = 0.1,
                       .ema = {0.5, 0.9},
                       .ema_count = 2,
                       .skip_nan = skip,
                       .seed = 1}};
    b->d = (pf__optimiser_desc){.context = test_context(),
                                .options = &b->o,
                                .flat_count = N,
                                .metric_count = METRICS,
                                .params = buffer(N),
                                .grads = buffer(N),
                                .m = buffer(N),
                                .v = buffer(N),
                                .metrics = buffer(METRICS),
                                .sums = buffer(METRICS + 2),
                                .bad = buffer(1),
                                .bad_next = buffer(1),
                                .step_block = buffer(PF__STEP_WORDS)};
    float p[N];
    for (int i = 0; i < 2; i++) b->d.ema[i] = buffer(N);
    for (int i = 0; i < N; i++) b->p[i] = b->e[0][i] = b->e[1][i] = (double)(p[i] = sinf((float)i));
    CHECK_OK(pf__buffer_write(b->d.params, 0, p, sizeof p, true, &error), error);
    for (int i = 0; i < 2; i++) CHECK_OK(pf__buffer_write(b->d.ema[i], 0, p, sizeof p, true, &error), error);
    CHECK_OK(pf__optimiser_create(&b->plan, &b->d, &error), error);
}

static void close(bench *b) {
    pf__plan_destroy(&b->plan);
    pf__buffer **all[] = {&b->d.params,     &b->d.grads,  &b->d.m,     &b->d.v,
                          &b->d.metrics,    &b->d.sums,   &b->d.bad,   &b->d.bad_next,
                          &b->d.step_block, &b->d.ema[0], &b->d.ema[1]};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) pf__buffer_release(all[i]);
}

static void step_on_device(bench *b, int64_t step, const float *metrics) {
    pf_error error = {0};
    pf__step_block block;
    uint32_t words[PF__STEP_WORDS] = {0};
    pf__schedule_block(&b->o, step, &block);
    pf__step_pack(&block, words);
    CHECK_OK(pf__buffer_write(b->d.step_block, 0, words, sizeof words, true, &error), error);
    CHECK_OK(pf__buffer_write(b->d.grads, 0, b->grads, sizeof b->grads, true, &error), error);
    CHECK_OK(pf__buffer_write(b->d.metrics, 0, metrics, METRICS * sizeof *metrics, true, &error), error);
    CHECK_OK(pf__plan_replay(b->plan, &error), error);
    CHECK_OK(pf__buffer_copy(b->d.bad_next, 0, b->d.bad, 0, sizeof(float), &error), error);
}

static void step_on_host(bench *b, int64_t step) {
    double norm = 0, lr = pf__schedule_lr(&b->o, step), k = (double)step + 1;
    for (int i = 0; i < N; i++) norm += (double)b->grads[i] * (double)b->grads[i];
    double scale = b->o.clip > 0 ? fmin(1, b->o.clip / sqrt(norm)) : 1;
    for (int i = 0; i < N; i++) {
        double g = scale * (double)b->grads[i];
        b->m[i] = 0.9 * b->m[i] + 0.1 * g;
        b->v[i] = 0.99 * b->v[i] + 0.01 * g * g;
        double direction = b->m[i] / (1 - pow(0.9, k)) / (sqrt(b->v[i] / (1 - pow(0.99, k))) + 1e-6) +
                           0.1 * b->p[i];
        b->p[i] -= lr * direction;
        for (int e = 0; e < 2; e++) b->e[e][i] = b->o.ema[e] * b->e[e][i] + (1 - b->o.ema[e]) * b->p[i];
    }
}

static void check_flat(pf__buffer *buffer, const double *want) {
    float got[N];
    pf_error error = {0};
    double worst = 0;
    CHECK_OK(pf__buffer_read(buffer, 0, got, sizeof got, &error), error);
    for (int i = 0; i < N; i++)
        worst = fmax(worst, fabs((double)got[i] - want[i]) / fmax(1e-3, fabs(want[i])));
    CU_ASSERT(worst < 2e-5); /* NaN fails */
    if (!(worst < 2e-5)) fprintf(stderr, "largest relative error %g\n", worst);
}

static void check_state(bench *b) {
    check_flat(b->d.params, b->p);
    check_flat(b->d.m, b->m);
    check_flat(b->d.v, b->v);
    check_flat(b->d.ema[0], b->e[0]);
    check_flat(b->d.ema[1], b->e[1]);
}

static void fill_gradient(bench *b, int step) {
    for (int i = 0; i < N; i++) b->grads[i] = cosf((float)(i + 7 * step)) * (step % 3 ? 0.01f : 1.0f);
}

static void matches_adamw(void) {
    bench b;
    float metrics[METRICS] = {2, 3}, sums[METRICS + 2];
    pf_error error = {0};
    for (int clip = 0; clip < 2; clip++) {
        open(&b, clip, false);
        for (int step = 0; step < 10; step++) {
            fill_gradient(&b, step);
            step_on_device(&b, step, metrics);
            step_on_host(&b, step);
        }
        check_state(&b);
        CHECK_OK(pf__buffer_read(b.d.sums, 0, sums, sizeof sums, &error), error);
        CHECK_NEAR(sums[0], 20, 1e-6);
        CHECK_NEAR(sums[1], 30, 1e-6);
        CHECK_NEAR(sums[METRICS + 1], 10, 0);
        close(&b);
    }
}

/* Steps 0..5 with a bad gradient at step 2. */
static void run_with_bad(bench *b, float bad) {
    float metrics[METRICS] = {1, 1};
    for (int step = 0; step < 6; step++) {
        bool good = step != 2 && (b->o.skip_nan || step < 2);
        fill_gradient(b, step);
        if (step == 2) b->grads[100] = bad;
        metrics[0] = step == 2 ? NAN : 1;
        step_on_device(b, step, metrics);
        if (good) step_on_host(b, step);
    }
}

static void bad_steps_change_nothing(void) {
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    pf_error error = {0};
    bench b;
    for (int i = 0; i < 3; i++)
        for (int skip = 0; skip < 2; skip++) {
            float flag = -1, sums[METRICS + 2];
            open(&b, 1, skip);
            run_with_bad(&b, bad[i]);
            check_state(&b);
            CHECK_OK(pf__buffer_read(b.d.bad, 0, &flag, sizeof flag, &error), error);
            CHECK_NEAR(flag, skip ? 0 : 1, 0); /* sticky */
            CHECK_OK(pf__buffer_read(b.d.sums, 0, sums, sizeof sums, &error), error);
            CHECK_NEAR(sums[METRICS + 1], skip ? 5 : 2, 0);
            CHECK_NEAR(sums[0], skip ? 5 : 2, 0);
            close(&b);
        }
}

void test_optimiser_suite(void) {
    CU_pSuite s = CU_add_suite("run/optimiser", NULL, NULL);
    CU_add_test(s, "AdamW, clipping, averages, sums", matches_adamw);
    CU_add_test(s, "steps that are not finite", bad_steps_change_nothing);
}
