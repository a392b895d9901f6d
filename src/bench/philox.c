/* SPDX-License-Identifier: MIT
 * The random kernel by itself, with the stream number that the published vector needs. */
#include "base/text.h"
#include "bench/selftest.h"
#include <stdlib.h>

/* Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", known answers of philox4x32-10. */
static const uint32_t published[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};

static pf_status build(pf_context *context, pf__program **out, pf_error *err) {
    char *source = NULL;
    pf__text text = {0};
    PF__TRY(pf__kernel_source("random.cl", &source, err));
    pf__text_format(&text, "#define KERNEL known_answer\n#define V 4\n#define BITS 1\n%s", source);
    free(source);
    pf_status st = text.failed
                       ? pf__fail_memory(err, "a kernel's text", text.length)
                       : pf__program_build(context, "random.cl", pf__text_string(&text), "", out, err);
    pf__text_free(&text);
    return st;
}

static pf_status launch(pf_context *context, pf__program *program, pf__buffer *zero, pf__buffer *out,
                        pf_error *err) {
    enum { STREAM = 0, ROWS = 1, WIDTH = 4, BLOCKS_PER_ROW = 1, CHUNK = 4 };
    const pf__argument arguments[] = {
        {.kind = PF__ARGUMENT_BUFFER, .buffer = zero}, {.kind = PF__ARGUMENT_BUFFER, .buffer = out},
        {.kind = PF__ARGUMENT_U32, .u32 = STREAM},     {.kind = PF__ARGUMENT_U32, .u32 = ROWS},
        {.kind = PF__ARGUMENT_U32, .u32 = WIDTH},      {.kind = PF__ARGUMENT_U32, .u32 = BLOCKS_PER_ROW},
        {.kind = PF__ARGUMENT_U32, .u32 = CHUNK},
    };
    const pf__launch one = {.label = "philox known answer",
                            .program = program,
                            .kernel = "known_answer",
                            .dims = 1,
                            .global = {1},
                            .local = {1},
                            .arguments = arguments,
                            .argument_count = sizeof arguments / sizeof *arguments};
    pf__list *list = NULL;
    PF__TRY(pf__list_create(context, &list, err));
    pf_status st = pf__list_add(list, &one, err);
    if (st == PF_OK) st = pf__list_replay(list, err);
    if (st == PF_OK) st = pf__context_finish(context, err);
    pf__list_destroy(&list);
    return st;
}

pf_status pf__selftest_philox(pf_context *context, pf__finding *out, pf_error *err) {
    uint32_t words[4] = {0};
    pf__program *program = NULL;
    pf__buffer *zero = NULL, *bits = NULL;
    *out = (pf__finding){.applies = true, .repeats = true};
    pf_status st = build(context, &program, err);
    if (st == PF_OK) st = pf__buffer_create(context, 16, "seed and sample", &zero, err);
    if (st == PF_OK) st = pf__buffer_create(context, sizeof words, "random bits", &bits, err);
    if (st == PF_OK) st = launch(context, program, zero, bits, err);
    if (st == PF_OK) st = pf__buffer_read(bits, 0, words, sizeof words, err);
    for (int i = 0; i < 4 && st == PF_OK; i++) {
        const double want = published[i], got = words[i];
        pf__finding_take(out, "word of the published answer", (got > want ? got - want : want - got) / want);
    }
    pf__buffer_release(&bits);
    pf__buffer_release(&zero);
    pf__program_release(&program);
    return st;
}
