/* SPDX-License-Identifier: MIT
 * Launch lists and their timings. */
#include "fixture.h"
#include <time.h>

void test_list_suite(void);

#define COUNT 100

static void fill(float *x, float first, float step) {
    for (int i = 0; i < COUNT; i++) x[i] = first + step * (float)i;
}

static void replays_with_new_contents(void) {
    float x[COUNT], y[COUNT], out[COUNT];
    pf_error err = {0};
    pf_context *c = fixture_open(false);
    pf__list *l = NULL;
    fill(x, 1, 0.5f);
    fill(y, 10, 1);
    pf__buffer *bx = fixture_buffer(c, x, COUNT, "x"), *by = fixture_buffer(c, y, COUNT, "y");
    pf__program *p = fixture_program(c);
    CHECK_OK(pf__list_create(c, &l, &err), err);
    CHECK_OK(fixture_saxpy(l, p, bx, 0, by, 0, 2, COUNT, &err), err);
    CHECK_OK(fixture_saxpy(l, p, bx, 10, by, 20, -1, 5, &err),
             err); /* 16 items for 5 elements, with offsets */
    CHECK_INT(pf__list_count(l), 2);
    pf__program_release(&p); /* the list keeps it */
    for (int round = 0; round < 2; round++) {
        fill(x, (float)(1 + round), 0.5f);
        CHECK_OK(pf__buffer_write(bx, 0, x, sizeof x, true, &err), err);
        CHECK_OK(pf__buffer_write(by, 0, y, sizeof y, true, &err), err);
        CHECK_OK(pf__list_replay(l, &err), err);
        CHECK_OK(pf__buffer_read(by, 0, out, sizeof out, &err), err);
        for (int i = 0; i < COUNT; i++) {
            float expected = y[i] + 2 * x[i] - (i >= 20 && i < 25 ? x[i - 10] : 0);
            CHECK_NEAR(out[i], expected, 1e-6);
        }
    }
    pf__list_destroy(&l);
    CU_ASSERT_PTR_NULL(l);
    pf__list_destroy(&l);
    pf__buffer_release(&bx);
    pf__buffer_release(&by);
    pf_context_destroy(&c);
}

static void keeps_its_buffers(void) {
    float x[COUNT];
    pf_error err = {0};
    pf_context *c = fixture_open(false);
    pf__list *l = NULL;
    fill(x, 1, 1);
    pf__buffer *b = fixture_buffer(c, x, COUNT, "x");
    pf__program *p = fixture_program(c);
    uint64_t held = pf_context_count(c).bytes;
    CHECK_OK(pf__list_create(c, &l, &err), err);
    CHECK_OK(fixture_saxpy(l, p, b, 0, b, 50, 1, 50, &err), err);
    pf__buffer_release(&b);
    pf__program_release(&p);
    CHECK_INT(pf_context_count(c).bytes, held);
    CHECK_OK(pf__list_replay(l, &err), err);
    CHECK_OK(pf__context_finish(c, &err), err);
    pf__list_destroy(&l);
    CHECK_INT(pf_context_count(c).bytes, 0);
    pf_context_destroy(&c);
}

static void neither_waits_nor_allocates(void) {
    pf_error err = {0};
    pf_context *c = fixture_open(false);
    pf__list *l = NULL;
    pf__buffer *b = fixture_buffer(c, NULL, COUNT, "x");
    pf__program *p = fixture_program(c);
    CHECK_OK(pf__list_create(c, &l, &err), err);
    for (int i = 0; i < 40; i++) CHECK_OK(fixture_saxpy(l, p, b, 0, b, 50, 1, 50, &err), err);
    pf_context_counts before = pf_context_count(c);
    for (int i = 0; i < 5; i++) CHECK_OK(pf__list_replay(l, &err), err);
    pf_context_counts after = pf_context_count(c);
    CHECK_INT(after.launches - before.launches, 200);
    CHECK_INT(after.blocking, before.blocking);
    CHECK_INT(after.allocations, before.allocations);
    CHECK_INT(after.bytes, before.bytes);
    pf__list_destroy(&l);
    pf__program_release(&p);
    pf__buffer_release(&b);
    pf_context_destroy(&c);
}

struct state {
    pf__buffer *from, *to;
    int calls, freed;
    bool fail;
};

static pf_status copy_call(void *state, pf_context *c, pf_error *err) {
    struct state *s = state;
    CU_ASSERT_PTR_NOT_NULL(c);
    s->calls++;
    if (s->fail) return pf__fail(err, PF_DEVICE, "the call failed");
    return pf__buffer_copy(s->from, 0, s->to, 0, 4 * COUNT, err);
}

static void free_state(void *state) {
    ((struct state *)state)->freed++;
}

/* y = x by a call between two launches: the order shows in the result. */
static void runs_calls_in_order(void) {
    float x[COUNT], out[COUNT];
    pf_error err = {0};
    pf_context *c = fixture_open(false);
    pf__list *l = NULL;
    fill(x, 3, 1);
    pf__buffer *bx = fixture_buffer(c, x, COUNT, "x"), *by = fixture_buffer(c, x, COUNT, "y");
    pf__program *p = fixture_program(c);
    struct state s = {.from = bx, .to = by};
    CHECK_OK(pf__list_create(c, &l, &err), err);
    CHECK_OK(fixture_saxpy(l, p, bx, 0, by, 0, 5, COUNT, &err), err);
    CHECK_OK(pf__list_add_call(l, "copy", copy_call, &s, free_state, 0, 0, &err), err);
    CHECK_OK(fixture_saxpy(l, p, bx, 0, by, 0, 1, COUNT, &err), err);
    CHECK_OK(pf__list_replay(l, &err), err);
    CHECK_OK(pf__list_replay(l, &err), err);
    CHECK_INT(s.calls, 2);
    CHECK_OK(pf__buffer_read(by, 0, out, sizeof out, &err), err);
    for (int i = 0; i < COUNT; i++) CHECK_NEAR(out[i], 2 * x[i], 0);
    s.fail = true;
    CHECK_INT(pf__list_replay(l, &err), PF_DEVICE);
    CU_ASSERT_STRING_EQUAL(err.message, "the call failed");
    CHECK_INT(s.freed, 0);
    pf__list_destroy(&l);
    CHECK_INT(s.freed, 1);
    pf__program_release(&p);
    pf__buffer_release(&bx);
    pf__buffer_release(&by);
    pf_context_destroy(&c);
}

static void check_refusal(pf__list *l, pf__launch launch, pf_status status, const char *part) {
    pf_error err = {0};
    CHECK_INT(pf__list_add(l, &launch, &err), status);
    CHECK_CONTAINS(err.message, part);
    CHECK_INT(pf__list_count(l), 0);
}

static void refuses_bad_launches(void) {
    pf_error err = {0};
    pf_context *c = fixture_open(false);
    pf__list *l = NULL;
    pf__buffer *b = fixture_buffer(c, NULL, COUNT, "x");
    pf__program *p = fixture_program(c);
    uint64_t held = pf_context_count(c).bytes;
    CHECK_OK(pf__list_create(c, &l, &err), err);
    const pf__argument arguments[] = {{.kind = PF__ARGUMENT_BUFFER, .buffer = b},
                                      {.kind = PF__ARGUMENT_BUFFER, .buffer = b},
                                      {.kind = PF__ARGUMENT_F32},
                                      {.kind = PF__ARGUMENT_U32}};
    const pf__argument no_buffer[] = {
        arguments[0], {.kind = PF__ARGUMENT_BUFFER}, arguments[2], arguments[3]};
    const pf__launch good = {.label = "the label",
                             .program = p,
                             .kernel = "saxpy",
                             .dims = 1,
                             .global = {64},
                             .local = {16},
                             .arguments = arguments,
                             .argument_count = 4};
    pf__launch bad = good;
    bad.kernel = "absent";
    check_refusal(l, bad, PF_DEVICE, "CL_INVALID_KERNEL_NAME for absent of probe.cl");
    bad = good, bad.argument_count = 3;
    check_refusal(l, bad, PF_USAGE, "takes 6 arguments, 5 are given");
    bad = good, bad.arguments = no_buffer;
    check_refusal(l, bad, PF_DEVICE, "argument 1");
    bad = good, bad.global[0] = 65;
    check_refusal(l, bad, PF_USAGE, "groups of 16 do not fill");
    bad = good, bad.global[0] = 0;
    check_refusal(l, bad, PF_USAGE, "the label");
    bad = good, bad.dims = 4;
    check_refusal(l, bad, PF_USAGE, "4 dimensions");
    pf__list_destroy(&l);
    CHECK_INT(pf_context_count(c).bytes, held);
    pf__program_release(&p);
    pf__buffer_release(&b);
    CHECK_INT(pf_context_count(c).bytes, 0);
    pf_context_destroy(&c);
}

static void two_dimensions_and_free_local(void) {
    pf_error err = {0};
    float out[6] = {0};
    pf_context *c = fixture_open(false);
    pf__list *l = NULL;
    pf__program *p = NULL;
    pf__buffer *b = fixture_buffer(c, NULL, 6, "out");
    const char *source = "kernel void grid(global float *y, uint y0) {\n"
                         "    uint n = (uint)get_global_size(1);\n"
                         "    y[y0 + get_global_id(0) * n + get_global_id(1)] = 10 * get_global_id(0) + "
                         "get_global_id(1);\n}\n";
    CHECK_OK(pf__program_build(c, "grid", source, "", &p, &err), err);
    CHECK_OK(pf__list_create(c, &l, &err), err);
    pf__launch launch = {.label = "grid",
                         .program = p,
                         .kernel = "grid",
                         .dims = 2,
                         .global = {2, 3},
                         .arguments = &(pf__argument){.kind = PF__ARGUMENT_BUFFER, .buffer = b},
                         .argument_count = 1};
    CHECK_OK(pf__list_add(l, &launch, &err), err);
    CHECK_OK(pf__list_replay(l, &err), err);
    CHECK_OK(pf__buffer_read(b, 0, out, sizeof out, &err), err);
    for (int i = 0; i < 6; i++) CHECK_NEAR(out[i], 10 * (i / 3) + i % 3, 0);
    pf__list_destroy(&l);
    pf__program_release(&p);
    pf__buffer_release(&b);
    pf_context_destroy(&c);
}

/* A group that the driver does not allow this kernel is made smaller, unless the kernel counts on its size.
 */
static void groups_fit_the_kernel(void) {
    enum { ACROSS = 3 };
    pf_error err = {0};
    pf_context *c = fixture_open(false);
    const size_t wish = 2 * pf_context_device(c)->work_group_max, items = ACROSS * wish;
    pf__list *l = NULL;
    pf__program *p = NULL;
    pf__buffer *b = fixture_buffer(c, NULL, items, "out");
    const char *source = "kernel void size(global float *y, uint y0) {\n"
                         "    y[y0 + get_global_id(1) * get_global_size(0) + get_global_id(0)] =\n"
                         "        get_local_size(0) * get_local_size(1);\n}\n";
    float *out = calloc(items, sizeof *out);
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    CHECK_OK(pf__program_build(c, "sizes", source, "", &p, &err), err);
    CHECK_OK(pf__list_create(c, &l, &err), err);
    pf__launch launch = {.label = "sizes",
                         .program = p,
                         .kernel = "size",
                         .dims = 2,
                         .global = {wish, ACROSS},
                         .local = {wish, ACROSS},
                         .arguments = &(pf__argument){.kind = PF__ARGUMENT_BUFFER, .buffer = b},
                         .argument_count = 1};
    CHECK_OK(pf__list_add(l, &launch, &err), err);
    CHECK_OK(pf__list_replay(l, &err), err);
    CHECK_OK(pf__buffer_read(b, 0, out, items * sizeof *out, &err), err);
    for (size_t i = 0; i < items; i++) CU_ASSERT(out[i] >= 1 && out[i] <= (float)(wish / 2));
    free(out);
    pf__list_destroy(&l);
    pf__program_release(&p);
    pf__buffer_release(&b);
    pf_context_destroy(&c);
}

/* Some drivers refuse it when they build, the others leave it to the list. */
static void fixed_groups_are_refused(void) {
    pf_error err = {0};
    pf_context *c = fixture_open(false);
    const size_t group = 2 * pf_context_device(c)->work_group_max;
    pf__list *l = NULL;
    pf__program *p = NULL;
    pf__buffer *b = fixture_buffer(c, NULL, COUNT, "out");
    char source[256];
    snprintf(source, sizeof source,
             "kernel __attribute__((reqd_work_group_size(%zu, 1, 1)))\n"
             "void fixed(global float *y, uint y0) { y[y0 + get_group_id(0)] = 1; }\n",
             group);
    pf__launch launch = {.label = "fixed",
                         .kernel = "fixed",
                         .dims = 1,
                         .global = {group},
                         .local = {group},
                         .arguments = &(pf__argument){.kind = PF__ARGUMENT_BUFFER, .buffer = b},
                         .argument_count = 1};
    CHECK_OK(pf__list_create(c, &l, &err), err);
    pf_status st = pf__program_build(c, "fixed", source, "", &p, &err);
    launch.program = p;
    if (st == PF_OK) st = pf__list_add(l, &launch, &err);
    CHECK_INT(st, PF_DEVICE);
    CHECK_CONTAINS(err.message, "fixed");
    CHECK_INT(pf__list_count(l), 0);
    pf__list_destroy(&l);
    pf__program_release(&p);
    pf__buffer_release(&b);
    pf_context_destroy(&c);
}

static void times_launches(void) {
    pf_error err = {0};
    pf_context *c = fixture_open(true);
    pf__list *l = NULL;
    pf__timing *rows = NULL;
    int count = 0;
    pf__buffer *a = fixture_buffer(c, NULL, COUNT, "a"), *b = fixture_buffer(c, NULL, COUNT, "b");
    pf__program *p = fixture_program(c);
    struct state s = {.from = a, .to = b};
    CHECK_OK(pf__list_create(c, &l, &err), err);
    CHECK_OK(pf__list_timings(l, &rows, &count, &err), err);
    CHECK_INT(count, 0);
    CHECK_OK(fixture_saxpy(l, p, a, 0, b, 0, 1, COUNT, &err), err);
    CHECK_OK(pf__list_add_call(l, "copy", copy_call, &s, NULL, 3, 800, &err), err);
    CHECK_OK(pf__list_replay(l, &err), err); /* not recorded yet */
    pf__context_record(c, true);
    for (int round = 1; round <= 2; round++) {
        for (int i = 0; i < 7 * round; i++) CHECK_OK(pf__list_replay(l, &err), err);
        CHECK_OK(pf__list_timings(l, &rows, &count, &err), err);
        CU_ASSERT_FATAL(count == 2);
        CU_ASSERT_STRING_EQUAL(rows[0].label, "saxpy test");
        CU_ASSERT_STRING_EQUAL(rows[1].label, "copy");
        CHECK_INT(rows[0].count, 7 * round);
        CHECK_INT(rows[1].count, 7 * round);
        CU_ASSERT(rows[0].seconds > 0 && rows[0].seconds < 10);
        CU_ASSERT(rows[1].seconds >= 0 && rows[1].seconds < 10);
        CHECK_NEAR(rows[0].flops, 200, 0);
        CHECK_NEAR(rows[1].bytes, 800, 0);
        free(rows);
    }
    CHECK_OK(pf__list_replay(l, &err), err); /* destroyed with events in flight */
    pf__list_destroy(&l);
    pf__program_release(&p);
    pf__buffer_release(&a);
    pf__buffer_release(&b);
    pf_context_destroy(&c);
}

/* Long kernels with nothing between them, then a pause of the host: the pause is a gap, unless the host
 * waited. */
static void times_gaps_and_transfers(void) {
    enum { LONG = 1 << 22, PAUSE_MS = 100 };
    pf_error err = {0};
    pf_context *c = fixture_open(true);
    pf__list *l = NULL;
    pf__timing *rows = NULL, transfers[PF__TRANSFERS];
    const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
    int count = 0;
    pf__buffer *a = fixture_buffer(c, NULL, LONG, "a"), *b = fixture_buffer(c, NULL, LONG, "b");
    pf__program *p = fixture_program(c);
    float x[COUNT] = {0};
    CHECK_OK(pf__list_create(c, &l, &err), err);
    for (int i = 0; i < 3; i++) CHECK_OK(fixture_saxpy(l, p, a, 0, b, 0, 1, LONG, &err), err);
    CHECK_OK(pf__list_replay(l, &err), err); /* compiles */
    CHECK_OK(pf__context_finish(c, &err), err);
    for (int waits = 0; waits < 2; waits++) {
        pf__context_record(c, true);
        CHECK_OK(pf__list_replay(l, &err), err);
        CHECK_OK(pf__context_mark(c, 0, &err), err);
        if (waits)
            CHECK_OK(pf__context_finish(c, &err), err);
        else
            CHECK_OK(pf__context_wait(c, 0, &err), err);
        nanosleep(&pause, NULL);
        CHECK_OK(pf__buffer_write(a, 0, x, sizeof x, false, &err), err);
        CHECK_OK(pf__buffer_copy(a, 0, b, 0, sizeof x, &err), err);
        pf__context_record(c, false);
        CHECK_OK(pf__buffer_zero(b, 0, sizeof x, &err), err); /* not recorded */
        CHECK_OK(pf__list_timings(l, &rows, &count, &err), err);
        CHECK_OK(pf__context_timings(c, transfers, &err), err);
        CU_ASSERT_FATAL(count == 3);
        CU_ASSERT(rows[0].gap == 0); /* what came before is not known */
        CU_ASSERT(rows[1].gap + rows[2].gap < 0.5e-3 * PAUSE_MS);
        CHECK_INT(transfers[PF__TRANSFER_WRITE].count, 1);
        CHECK_INT(transfers[PF__TRANSFER_COPY].count, 1);
        CHECK_INT(transfers[PF__TRANSFER_FILL].count, 0);
        CHECK_NEAR(transfers[PF__TRANSFER_COPY].bytes, sizeof x, 0);
        const double gap = transfers[PF__TRANSFER_WRITE].gap;
        const bool timed = rows[1].seconds > 1e-6; /* Rusticl 22.3 has no clock: every event takes 1 ns */
        CU_ASSERT(waits || !timed ? gap == 0 : gap >= 0.9e-3 * PAUSE_MS);
        CU_ASSERT(transfers[PF__TRANSFER_COPY].gap < 0.5e-3 * PAUSE_MS);
        free(rows);
    }
    pf__list_destroy(&l);
    pf__program_release(&p);
    pf__buffer_release(&a);
    pf__buffer_release(&b);
    pf_context_destroy(&c);
}

/* More than is kept in flight: the oldest are read on the way. */
static void times_many(void) {
    pf_error err = {0};
    pf_context *c = fixture_open(true);
    pf__list *l = NULL, *small = NULL;
    pf__timing *rows = NULL;
    int count = 0;
    pf__buffer *a = fixture_buffer(c, NULL, COUNT, "a"), *b = fixture_buffer(c, NULL, COUNT, "b");
    pf__program *p = fixture_program(c);
    pf__list **both[] = {&l, &small};
    for (int i = 0; i < 2; i++) {
        CHECK_OK(pf__list_create(c, both[i], &err), err);
        CHECK_OK(fixture_saxpy(*both[i], p, a, 0, b, 0, 1, COUNT, &err), err);
    }
    pf__context_record(c, true);
    const uint64_t launches = pf_context_count(c).launches;
    for (int i = 0; i < 5000; i++) CHECK_OK(pf__list_replay(small, &err), err);
    CHECK_INT(pf_context_count(c).launches - launches, 5000);
    CHECK_OK(pf__list_timings(small, &rows, &count, &err), err);
    CHECK_INT(rows[0].count, 5000);
    free(rows);
    CHECK_OK(pf__list_replay(small, &err), err);
    pf__list_destroy(&small); /* with events in flight, for which nobody asks */
    CHECK_OK(pf__list_timings(l, &rows, &count, &err), err);
    CHECK_INT(rows[0].count, 0);
    free(rows);
    pf__list_destroy(&l);
    pf__program_release(&p);
    pf__buffer_release(&a);
    pf__buffer_release(&b);
    pf_context_destroy(&c);
}

static void needs_a_profiling_context(void) {
    pf_error err = {0};
    pf_context *c = fixture_open(false);
    pf__list *l = NULL;
    pf__timing *rows = NULL;
    int count = 1;
    CHECK_OK(pf__list_create(c, &l, &err), err);
    CHECK_OK(pf__list_replay(l, &err), err);
    CHECK_INT(pf__list_timings(l, &rows, &count, &err), PF_USAGE);
    CU_ASSERT_PTR_NULL(rows);
    CHECK_INT(count, 0);
    pf__list_destroy(&l);
    pf_context_destroy(&c);
}

void test_list_suite(void) {
    CU_pSuite s = CU_add_suite("list", NULL, NULL);
    CU_add_test(s, "replays with new contents", replays_with_new_contents);
    CU_add_test(s, "keeps its buffers", keeps_its_buffers);
    CU_add_test(s, "neither waits nor allocates", neither_waits_nor_allocates);
    CU_add_test(s, "runs calls in order", runs_calls_in_order);
    CU_add_test(s, "refuses bad launches", refuses_bad_launches);
    CU_add_test(s, "two dimensions and free local size", two_dimensions_and_free_local);
    CU_add_test(s, "groups fit the kernel", groups_fit_the_kernel);
    CU_add_test(s, "fixed groups are refused", fixed_groups_are_refused);
    CU_add_test(s, "times launches", times_launches);
    CU_add_test(s, "times gaps and transfers", times_gaps_and_transfers);
    CU_add_test(s, "times many", times_many);
    CU_add_test(s, "needs a profiling context", needs_a_profiling_context);
}
