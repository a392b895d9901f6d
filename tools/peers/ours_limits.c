/* SPDX-License-Identifier: MIT
 * What the device can do at most: multiply-adds in registers, the triad a = b + s c, and small launches. */
#include "base/clock.h"
#include "ours.h"
#include "runtime/runtime.h"
#include <math.h>
#include <stdio.h>

enum { CHAINS = 10, ROUNDS = 20000, WIDE = 16, TRIAD = 1 << 24, CHUNK = 1 << 14, SMALL = 1000, TRIALS = 9 };

static const char *const source =
    "kernel void fma_peak(global float *x, uint o, uint rounds) {\n"
    "    float16 a[10]; float16 s = (float16)(x[o + 1]);\n"
    "    for (int i = 0; i < 10; i++) a[i] = (float16)(x[o] + i);\n"
    "    float16 a0=a[0],a1=a[1],a2=a[2],a3=a[3],a4=a[4],a5=a[5],a6=a[6],a7=a[7],a8=a[8],a9=a[9];\n"
    "    for (uint r = 0; r < rounds; r++) {\n"
    "        a0=fma(a0,s,s);a1=fma(a1,s,s);a2=fma(a2,s,s);a3=fma(a3,s,s);a4=fma(a4,s,s);\n"
    "        a5=fma(a5,s,s);a6=fma(a6,s,s);a7=fma(a7,s,s);a8=fma(a8,s,s);a9=fma(a9,s,s);\n"
    "    }\n"
    "    a0 += a1+a2+a3+a4+a5+a6+a7+a8+a9;\n"
    "    x[o + 16 + get_global_id(0)] = a0.s0 + a0.s7;\n"
    "}\n"
    "kernel void triad(global float *a, uint oa, const global float *b, uint ob, const global float *c, uint "
    "oc,\n"
    "                  float s, uint chunk) {\n"
    "    const size_t i0 = get_global_id(0) * (size_t)chunk;\n"
    "    for (size_t i = i0; i < i0 + chunk; i += 16)\n"
    "        vstore16(vload16(0, b + ob + i) + s * vload16(0, c + oc + i), 0, a + oa + i);\n"
    "}\n"
    "kernel void small(global float *x, uint o) { x[o] += 1.0f; }\n";

static pf_status best(pf_context *context, pf__list *list, double *seconds, pf_error *error) {
    *seconds = INFINITY;
    for (int i = 0; i < TRIALS; i++) {
        const double begun = pf__seconds();
        PF__TRY(pf__list_replay(list, error));
        PF__TRY(pf__context_finish(context, error));
        *seconds = fmin(*seconds, pf__seconds() - begun);
    }
    return PF_OK;
}

static pf_status time_launch(pf_context *context, const pf__launch *launch, int count, double *seconds,
                             pf_error *error) {
    pf__list *list = NULL;
    pf_status st = pf__list_create(context, &list, error);
    for (int i = 0; i < count && st == PF_OK; i++) st = pf__list_add(list, launch, error);
    if (st == PF_OK) st = best(context, list, seconds, error);
    pf__list_destroy(&list);
    return st;
}

static pf_status measure(pf_context *context, pf__program *program, pf__buffer **x, pf_error *error) {
    const size_t units = pf_context_device(context)->compute_units;
    const pf__argument buffers[] = {{.buffer = x[0]}, {.buffer = x[1]}, {.buffer = x[2]}};
    const pf__argument rounds[] = {buffers[0], {.kind = PF__ARGUMENT_U32, .u32 = ROUNDS}};
    const pf__argument triad[] = {buffers[0],
                                  buffers[1],
                                  buffers[2],
                                  {.kind = PF__ARGUMENT_F32, .f32 = 0.5f},
                                  {.kind = PF__ARGUMENT_U32, .u32 = CHUNK}};
    const size_t items = 16 * units;
    const pf__launch launches[] = {{.label = "fma",
                                    .program = program,
                                    .kernel = "fma_peak",
                                    .dims = 1,
                                    .global = {items, 1, 1},
                                    .local = {1, 1, 1},
                                    .arguments = rounds,
                                    .argument_count = 2},
                                   {.label = "triad",
                                    .program = program,
                                    .kernel = "triad",
                                    .dims = 1,
                                    .global = {TRIAD / CHUNK, 1, 1},
                                    .local = {1, 1, 1},
                                    .arguments = triad,
                                    .argument_count = 5},
                                   {.label = "small",
                                    .program = program,
                                    .kernel = "small",
                                    .dims = 1,
                                    .global = {1, 1, 1},
                                    .local = {1, 1, 1},
                                    .arguments = buffers,
                                    .argument_count = 1}};
    double peak, stream, small;
    PF__TRY(time_launch(context, &launches[0], 1, &peak, error));
    PF__TRY(time_launch(context, &launches[1], 1, &stream, error));
    PF__TRY(time_launch(context, &launches[2], SMALL, &small, error));
    printf("{\"gflops\":%.4g,\"triad_gbs\":%.4g,\"launch_us\":%.4g}\n",
           2.0 * CHAINS * WIDE * ROUNDS * (double)items / peak * 1e-9, 12.0 * TRIAD / stream * 1e-9,
           small / SMALL * 1e6);
    return PF_OK;
}

int ours_limits(pf_context *context) {
    pf_error error = {0};
    pf__program *program = NULL;
    pf__buffer *x[3] = {NULL};
    int ignored;
    pf_status st = pf__program_build(context, "limits", source, "", &program, &error);
    for (int i = 0; i < 3 && st == PF_OK; i++)
        st = pf__buffer_create(context, 4u * TRIAD, "a vector", &x[i], &error);
    do {
        if (st == PF_OK) st = measure(context, program, x, &error);
    } while (st == PF_OK && ours_next(&ignored));
    for (int i = 0; i < 3; i++) pf__buffer_release(&x[i]);
    pf__program_release(&program);
    return st == PF_OK ? 0 : ours_fail(&error);
}
