/* SPDX-License-Identifier: MIT
 * What the tests of the runtime share. The environment variable PF_DEVICE chooses the device they use. */
#ifndef PF_TESTS_RUNTIME_FIXTURE_H
#define PF_TESTS_RUNTIME_FIXTURE_H

#include "check.h"
#include "runtime/runtime.h"

/** Never NULL: a device that does not open ends the program, as nothing else could be tested. */
static inline pf_context *fixture_open(bool profile) {
    pf_context *c = NULL;
    pf_error err = {0};
    pf_context_desc desc = {.device = getenv("PF_DEVICE"), .profile = profile};
    if (pf_context_create(&c, &desc, &err) != PF_OK) {
        fprintf(stderr, "no device to test on: %s\nhint: %s\n", err.message, err.hint);
        exit(1);
    }
    return c;
}

/** Oclgrind stands in for the loader and runs commands in the host's thread: no driver can be taken away from
 * it, and nothing can be held back in its queue. */
static inline bool fixture_is_oclgrind(const pf_context *c) {
    return strstr(pf_context_device(c)->platform, "Oclgrind") != NULL;
}

/** Rusticl ends the process when it is given a binary that is none of its own. */
static inline bool fixture_dies_of_bad_binaries(const pf_context *c) {
    return strcmp(pf_context_device(c)->platform, "rusticl") == 0;
}

static inline pf__buffer *fixture_buffer(pf_context *c, const float *values, size_t count, const char *what) {
    pf__buffer *b = NULL;
    pf_error err = {0};
    CHECK_OK(pf__buffer_create(c, count * sizeof *values, what, &b, &err), err);
    if (b && values) CHECK_OK(pf__buffer_write(b, 0, values, count * sizeof *values, true, &err), err);
    return b;
}

/** The program of cl/probe.cl, which has the kernel saxpy(x, y, a, count). */
static inline pf__program *fixture_program(pf_context *c) {
    pf__program *p = NULL;
    pf_error err = {0};
    char *source = NULL;
    CHECK_OK(pf__kernel_source("probe.cl", &source, &err), err);
    CHECK_OK(pf__program_build(c, "probe.cl", source ? source : "", NULL, &p, &err), err);
    free(source);
    return p;
}

/** Adds y[y0...] += a x[x0...] for count elements in groups of 16. */
static inline pf_status fixture_saxpy(pf__list *l, pf__program *p, pf__buffer *x, uint32_t x0, pf__buffer *y,
                                      uint32_t y0, float a, uint32_t count, pf_error *err) {
    const pf__argument arguments[] = {
        {.kind = PF__ARGUMENT_BUFFER, .buffer = x, .offset = x0},
        {.kind = PF__ARGUMENT_BUFFER, .buffer = y, .offset = y0},
        {.kind = PF__ARGUMENT_F32, .f32 = a},
        {.kind = PF__ARGUMENT_U32, .u32 = count},
    };
    return pf__list_add(l,
                        &(pf__launch){.label = "saxpy test",
                                      .program = p,
                                      .kernel = "saxpy",
                                      .dims = 1,
                                      .global = {(count + 15) / 16 * 16},
                                      .local = {16},
                                      .arguments = arguments,
                                      .argument_count = 4,
                                      .flops = 2.0 * count,
                                      .bytes = 12.0 * count},
                        err);
}

#endif
