/* SPDX-License-Identifier: MIT
 * All kernels of a plan as one program, so that a warm start loads one file: exp.cl, instances of the other
 * files of cl/ (each ends without a trace of its macros), then the prelude and the generated kernels. */
#include "plan/compile.h"
#include "plan/fused_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pf__kernel_name(int kernel, char out[16]) {
    snprintf(out, 16, "k%d", kernel);
}

/* "#undef NAME" for every "#define NAME ..." line. */
static void undefine(pf__text *out, const char *defines) {
    for (const char *at = defines; at && (at = strstr(at, "#define ")) != NULL;) {
        at += strlen("#define ");
        pf__text_format(out, "#undef %.*s\n", (int)strcspn(at, " \n"), at);
    }
}

static pf_status add_instance(pf__compile *c, int kernel, pf__text *out) {
    const pf__kernel_text *k = &c->kernels[kernel];
    char *source = NULL, name[16];
    PF__TRY(pf__kernel_source(k->file, &source, c->err));
    pf__kernel_name(kernel, name);
    pf__text_format(out, "#define KERNEL %s\n%s#line 1 \"%s\"\n", name, k->defines ? k->defines : "",
                    k->file);
    pf__text_add(out, source);
    pf__text_add(out, "\n#undef KERNEL\n");
    undefine(out, k->defines);
    free(source);
    return PF_OK;
}

static void add_generated(pf__compile *c, pf__text *out) {
    bool first = true;
    for (int i = 0; i < c->kernel_count; i++) {
        const pf__kernel_text *k = &c->kernels[i];
        char name[16];
        if (!k->source) continue;
        if (first) pf__text_format(out, "#line 1 \"generated\"\n%s%s", k->defines, pf__prelude_text());
        first = false;
        pf__kernel_name(i, name);
        pf__text_format(out, "#define KERNEL %s\n%s#undef KERNEL\n", name, k->source);
    }
}

static pf_status add_exp(pf__compile *c, pf__text *out) {
    char *source = NULL;
    PF__TRY(pf__kernel_source("exp.cl", &source, c->err));
    pf__text_add(out, source);
    free(source);
    return PF_OK;
}

pf_status pf__compile_program(pf__compile *c, pf__program **out) {
    pf__text text = {0};
    *out = NULL;
    if (c->kernel_count == 0) return PF_OK;
    pf_status st = add_exp(c, &text);
    for (int i = 0; i < c->kernel_count && st == PF_OK; i++)
        if (!c->kernels[i].source) st = add_instance(c, i, &text);
    add_generated(c, &text);
    if (st == PF_OK && text.failed) st = pf__fail_memory(c->err, "the kernels of a plan", text.length);
    if (st == PF_OK)
        st = pf__program_build(c->desc->context, c->desc->name, pf__text_string(&text), "", out, c->err);
    pf__text_free(&text);
    return st;
}
