/* SPDX-License-Identifier: MIT
 * The limits of a device as our own kernels meet them: multiply-adds in registers, the triad a = b + s c far
 * beyond the caches, a launch that does next to nothing. Each is the best of a few trials, by the host's
 * clock; all take well under a second. */
#include "base/clock.h"
#include "pushforward/bench.h"
#include "runtime/runtime.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define TRIAD_BYTES (64u << 20) /* of each of the three */
enum { CHAINS = 10, ROUNDS = 1024, CHUNK = 1 << 14, SMALL = 256, TRIALS = 7 };
#define SECONDS_MIN 0.01 /* of a trial, so that starting and waiting do not count */
#define SECONDS_MAX 0.15 /* of the trials of one limit */

typedef struct rig {
    pf_context *context;
    const pf_device_info *device;
    pf__program *program;
    pf__buffer *x[3];
    size_t count; /* floats in each */
    uint32_t width;
    pf_error *err;
} rig;

static pf_status time_once(const rig *r, pf__list *list, double *seconds) {
    const double begun = pf__seconds();
    PF__TRY(pf__list_replay(list, r->err));
    PF__TRY(pf__context_finish(r->context, r->err));
    *seconds = pf__seconds() - begun;
    return PF_OK;
}

/* The best of some trials of `count` equal launches; the first, which compiles, does not count. */
static pf_status time_launch(const rig *r, const pf__launch *launch, int count, double *best) {
    pf__list *list = NULL;
    double seconds = 0, all = 0;
    *best = INFINITY;
    pf_status st = pf__list_create(r->context, &list, r->err);
    for (int i = 0; i < count && st == PF_OK; i++) st = pf__list_add(list, launch, r->err);
    if (st == PF_OK) st = time_once(r, list, &seconds);
    for (int i = 0; i < TRIALS && all < SECONDS_MAX && st == PF_OK; i++) {
        st = time_once(r, list, &seconds);
        *best = fmin(*best, seconds);
        all += seconds;
    }
    pf__list_destroy(&list);
    return st;
}

static bool is_cpu(const rig *r) {
    return r->device->type == PF_DEVICE_CPU;
}

static size_t group_size(const rig *r) {
    return is_cpu(r) ? 1 : r->device->work_group_max >= 64 ? 64 : 1;
}

static pf_status time_fma(const rig *r, size_t items, uint32_t rounds, double *seconds) {
    const pf__argument arguments[] = {{.buffer = r->x[0]}, {.kind = PF__ARGUMENT_U32, .u32 = rounds}};
    const pf__launch launch = {.label = "limits fma",
                               .program = r->program,
                               .kernel = "limits_fma",
                               .dims = 1,
                               .global = {items},
                               .local = {group_size(r)},
                               .arguments = arguments,
                               .argument_count = 2};
    return time_launch(r, &launch, 1, seconds);
}

/* More rounds until a trial is long beside what starting it costs. */
static pf_status measure_fma(const rig *r, double *flops) {
    const size_t units = r->device->compute_units ? r->device->compute_units : 1;
    const size_t items = is_cpu(r) ? 8 * units : 1024 * units;
    double start, seconds = 0;
    PF__TRY(time_fma(r, items, 1, &start));
    const uint32_t most = r->device->iterations_max ? r->device->iterations_max / 2 : 1u << 26;
    for (uint32_t rounds = ROUNDS; rounds < most; rounds *= 4) {
        PF__TRY(time_fma(r, items, rounds, &seconds));
        *flops = 2.0 * CHAINS * r->width * rounds * (double)items / seconds;
        if (seconds - start > SECONDS_MIN && seconds > 5 * start) break;
    }
    return PF_OK;
}

/* A CPU's item streams through a chunk of its own; the items of other devices read side by side. */
static pf_status measure_triad(const rig *r, double *bytes) {
    const size_t vectors = r->count / r->width;
    const uint32_t steps = is_cpu(r) ? CHUNK / r->width : 4;
    const size_t items = vectors / steps;
    double seconds;
    const pf__argument arguments[] = {
        {.buffer = r->x[0]},
        {.buffer = r->x[1]},
        {.buffer = r->x[2]},
        {.kind = PF__ARGUMENT_F32, .f32 = 0.5f},
        {.kind = PF__ARGUMENT_U32, .u32 = steps},
        {.kind = PF__ARGUMENT_U32, .u32 = is_cpu(r) ? 1 : (uint32_t)items},
    };
    const pf__launch launch = {.label = "limits triad",
                               .program = r->program,
                               .kernel = "limits_triad",
                               .dims = 1,
                               .global = {items},
                               .local = {group_size(r)},
                               .arguments = arguments,
                               .argument_count = 6};
    PF__TRY(time_launch(r, &launch, 1, &seconds));
    *bytes = 12.0 * (double)(items * steps * r->width) / seconds;
    return PF_OK;
}

static pf_status measure_small(const rig *r, double *launch_seconds) {
    const pf__argument argument = {.buffer = r->x[0], .offset = 3};
    const pf__launch launch = {.label = "limits small",
                               .program = r->program,
                               .kernel = "limits_small",
                               .dims = 1,
                               .global = {1},
                               .local = {1},
                               .arguments = &argument,
                               .argument_count = 1};
    double seconds;
    PF__TRY(time_launch(r, &launch, SMALL, &seconds));
    *launch_seconds = seconds / SMALL;
    return PF_OK;
}

/* A part of what the device has left, so that a training beside it goes on. */
static size_t vector_bytes(const pf_context *context) {
    const pf_device_info *d = pf_context_device(context);
    const uint64_t held = pf_context_count(context).bytes;
    const uint64_t left = d->memory_bytes > held ? (d->memory_bytes - held) / 16 : TRIAD_BYTES;
    uint64_t bytes = TRIAD_BYTES;
    while (bytes > left && bytes > (4u << 20)) bytes /= 2;
    return (size_t)bytes;
}

static pf_status build(rig *r) {
    char *source = NULL, options[128];
    const uint32_t v = is_cpu(r) && r->device->vector_width >= 4 ? r->device->vector_width : 4;
    r->width = v > 16 ? 16 : v;
    snprintf(options, sizeof options, "-DV=%u -DVECTOR=float%u -DVLOAD=vload%u -DVSTORE=vstore%u", r->width,
             r->width, r->width, r->width);
    PF__TRY(pf__kernel_source("limits.cl", &source, r->err));
    pf_status st = pf__program_build(r->context, "limits.cl", source, options, &r->program, r->err);
    free(source);
    const size_t bytes = vector_bytes(r->context);
    r->count = bytes / sizeof(float);
    for (int i = 0; i < 3 && st == PF_OK; i++)
        st = pf__buffer_create(r->context, bytes, "a vector of the triad", &r->x[i], r->err);
    return st;
}

pf_status pf_limits_measure(pf_context *context, pf_limits *out, pf_error *error) {
    *out = (pf_limits){0};
    rig r = {.context = context, .device = pf_context_device(context), .err = error};
    const double begun = pf__seconds();
    pf_status st = build(&r);
    if (st == PF_OK) st = measure_fma(&r, &out->flops);
    if (st == PF_OK) st = measure_triad(&r, &out->bytes);
    if (st == PF_OK) st = measure_small(&r, &out->launch_seconds);
    for (int i = 0; i < 3; i++) pf__buffer_release(&r.x[i]);
    pf__program_release(&r.program);
    out->seconds = pf__seconds() - begun;
    return st;
}
