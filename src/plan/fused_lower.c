/* SPDX-License-Identifier: MIT
 * From a fused kernel to launches: one, or two when a reduction is sliced. */
#include "plan/fused_text.h"
#include "plan/row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double access_bytes(const pf__fused *f, const pf__access *a) {
    double count = (double)pf_dtype_bytes(a->dtype);
    for (int j = 0; j < f->domain.rank; j++)
        if (a->stride[j]) count *= (double)f->domain.dim[j];
    return count;
}

static pf_status launch(pf__lowering *l, const pf__fused *f, const pf__cut *cut, const char *label,
                        const char *text, const pf__operand *operands, int count) {
    char defines[32];
    snprintf(defines, sizeof defines, "#define W %d\n", cut->width);
    pf__step_desc d = {.label = label,
                       .source = text,
                       .defines = defines,
                       .dims = cut->dims,
                       .operands = operands,
                       .operand_count = count};
    memcpy(d.global, cut->global, sizeof d.global);
    memcpy(d.local, cut->local, sizeof d.local);
    for (int i = 0; i < f->load_count; i++) d.bytes += access_bytes(f, &f->loads[i]);
    for (int i = 0; i < f->store_count; i++) d.bytes += access_bytes(f, &f->stores[i]);
    return l->kernel(l, &d);
}

static int64_t output_count(const pf__fused *f) {
    int64_t n = 1;
    for (int j = 0; j < f->domain.rank; j++)
        if ((j < f->reduce_first || j >= f->reduce_last) != (f->kind == PF__FUSED_ROW)) n *= f->domain.dim[j];
    return n;
}

/* Whether the kernel leaves partial results of the store to a second one. */
static bool partly(const pf__fused *f, const pf__cut *cut, const pf__access *store) {
    return (cut->slices > 1 || f->kind == PF__FUSED_ROW) && pf__fused_reduces(f, store);
}

/* Of one result: each work-item of a row kernel leaves its own. */
static int64_t partial_count(const pf__fused *f, const pf__cut *cut) {
    return f->kind == PF__FUSED_ROW ? (int64_t)cut->global[0] : cut->slices;
}

/* The second stage of all such stores: partial results in the workspaces become the outputs. */
static pf_status lower_partials(pf__lowering *l, const pf__fused *f, const pf__cut *cut, const char *label,
                                const uint32_t *partial) {
    pf__text text = {0};
    pf_status st = PF_OK;
    const int64_t n = output_count(f), parts = partial_count(f, cut);
    pf__operand *operands = calloc(2 * (size_t)f->store_count + 1, sizeof *operands);
    if (!operands) return pf__fail_memory(l->err, "a kernel's operands", 0);
    int count = 0;
    for (int i = 0; i < f->store_count; i++) {
        if (!partly(f, cut, &f->stores[i])) continue;
        operands[2 * count] = pf__workspace_read(partial[i]);
        operands[2 * count++ + 1] = f->stores[i].operand;
    }
    if (count == 0) goto done;
    pf__partials_text(f->kind == PF__FUSED_MAX, count, n, parts, cut, &text);
    char defines[32], name[96];
    snprintf(defines, sizeof defines, "#define W %d\n", cut->width);
    snprintf(name, sizeof name, "%s, partials", label);
    pf__step_desc d = {.label = name,
                       .source = pf__text_string(&text),
                       .defines = defines,
                       .dims = 1,
                       .operands = operands,
                       .operand_count = 2 * count};
    d.global[0] = (size_t)((n + 1023) / 1024);
    d.local[0] = cut->cpu ? 1 : 0;
    d.bytes = 4.0 * (double)n * (double)(parts + 1) * count;
    st = text.failed ? pf__fail_memory(l->err, "a kernel's text", text.length) : l->kernel(l, &d);
done:
    pf__text_free(&text);
    free(operands);
    return st;
}

static void write_text(const pf__fused *f, const pf_device_info *device, pf__cut *cut, pf__text *text) {
    pf__loops loops;
    pf__row row;
    if (f->kind != PF__FUSED_ROW) {
        pf__fused_loops(f, &loops);
        pf__fused_cut(f, &loops, device, cut);
        pf__fused_text(f, &loops, cut, text);
        return;
    }
    if (pf__row_plan(&row, f, device) == PF_OK)
        pf__row_text(&row, f, text);
    else
        text->failed = true;
    *cut = row.cut;
    pf__row_free(&row);
}

pf_status pf__fused_lower(pf__fused *f, pf__lowering *l, const char *label) {
    pf__cut cut;
    pf__text text = {0};
    uint32_t *partial = NULL;
    pf_status st = PF_OK;
    pf__operand *operands = calloc((size_t)(f->load_count + f->store_count + 1), sizeof *operands);
    if (!operands || f->failed) {
        free(operands);
        return pf__fail_memory(l->err, "a fused kernel", 0);
    }
    write_text(f, l->device, &cut, &text);
    partial = calloc((size_t)f->store_count + 1, sizeof *partial);
    if (!partial || text.failed) {
        st = pf__fail_memory(l->err, "a fused kernel's text", text.length);
        goto done;
    }
    for (int i = 0; i < f->load_count; i++) operands[i] = f->loads[i].operand;
    for (int i = 0; i < f->store_count; i++) {
        operands[f->load_count + i] = f->stores[i].operand;
        if (!partly(f, &cut, &f->stores[i])) continue;
        st = l->workspace(l, (uint64_t)(partial_count(f, &cut) * cut.partial), &partial[i]);
        if (st != PF_OK) goto done;
        operands[f->load_count + i] = pf__workspace_write(partial[i]);
    }
    st = launch(l, f, &cut, label, pf__text_string(&text), operands, f->load_count + f->store_count);
    if (st == PF_OK) st = lower_partials(l, f, &cut, label, partial);
done:
    free(partial);
    free(operands);
    pf__text_free(&text);
    return st;
}
