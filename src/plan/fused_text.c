/* SPDX-License-Identifier: MIT
 * The OpenCL C text of fused kernels: every expression once, in vectors of W lanes, tails by masks so that
 * the bits do not depend on where a row ends. */
#include "plan/fused_text.h"

#include <stdio.h>

static void print_pointwise(pf__text *t, const pf__fused *f, const pf__loops *loops, const pf__cut *cut) {
    const int64_t size = loops->list[loops->vector].size;
    pf__print_signature(t, f, cut);
    pf__text_format(t, "  const uint c0 = get_global_id(0) * %lluu, c1 = min(c0 + %lluu, %lluu);\n",
                    (unsigned long long)cut->columns_per_item, (unsigned long long)cut->columns_per_item,
                    (unsigned long long)size);
    pf__text_format(t, "  const uint r0 = get_global_id(1) * %lluu, r1 = min(r0 + %lluu, %lluu);\n",
                    (unsigned long long)cut->rows_per_item, (unsigned long long)cut->rows_per_item,
                    (unsigned long long)cut->rows);
    pf__text_add(t, "  for (uint r = r0; r < r1; r++) {\n");
    pf__print_decode(t, loops, cut, "    ");
    pf__print_setup(t, f, loops, "    ");
    pf__text_add(t, "    for (uint c = c0; c < c1; c += W) {\n");
    pf__print_body(t, f, loops, cut->width, "      ");
    for (int i = 0; i < f->store_count; i++) {
        char value[16];
        snprintf(value, sizeof value, "t%d", f->stores[i].instr);
        pf__print_store(t, f, loops, i, cut->width, value, "", "      ");
    }
    pf__text_add(t, "    }\n  }\n}\n");
}

/* Opens the loops over the reduced axes other than the vector loop; returns how many. */
static int print_reduced_loops(pf__text *t, const pf__loops *loops, const pf__cut *cut) {
    int open = 0;
    bool first = true;
    for (int i = 0; i < loops->count; i++) {
        if (loops->list[i].segment != 1) continue;
        const bool sliced = first && cut->slices > 1;
        first = false;
        if (i == loops->vector) continue;
        if (sliced)
            pf__text_format(t,
                            "    for (uint d%d = s * %lluu; d%d < min(s * %lluu + %lluu, %lluu); d%d++) {\n",
                            i, (unsigned long long)cut->slice, i, (unsigned long long)cut->slice,
                            (unsigned long long)cut->slice, (unsigned long long)loops->list[i].size, i);
        else
            pf__text_format(t, "    for (uint d%d = 0; d%d < %lluu; d%d++) {\n", i, i,
                            (unsigned long long)loops->list[i].size, i);
        open++;
    }
    return open;
}

static const char *slice_offset(const pf__cut *cut, char out[48]) {
    out[0] = 0;
    if (cut->slices > 1) snprintf(out, 48, " + s * %lluu", (unsigned long long)cut->partial);
    return out;
}

static void print_row_reduction(pf__text *t, const pf__fused *f, const pf__loops *loops, const pf__cut *cut) {
    const bool maximum = f->kind == PF__FUSED_MAX;
    const char *initial = maximum ? "F(-INFINITY)" : "F(0)";
    const pf__loop *v = &loops->list[loops->vector];
    int reduced = 0;
    for (int i = 0; i < loops->count; i++) reduced += loops->list[i].segment == 1;
    pf__print_signature(t, f, cut);
    pf__text_format(t, "  const uint r0 = get_global_id(0) * %lluu, r1 = min(r0 + %lluu, %lluu);\n",
                    (unsigned long long)cut->rows_per_item, (unsigned long long)cut->rows_per_item,
                    (unsigned long long)cut->rows);
    pf__text_add(t, "  for (uint r = r0; r < r1; r++) {\n");
    pf__print_decode(t, loops, cut, "    ");
    for (int i = 0; i < f->store_count; i++) pf__text_format(t, "    V e%d = %s;\n", i, initial);
    int open = print_reduced_loops(t, loops, cut);
    pf__print_setup(t, f, loops, "    ");
    if (reduced == 1 && cut->slices > 1)
        pf__text_format(t, "    const uint c0 = s * %lluu, c1 = min(c0 + %lluu, %lluu);\n",
                        (unsigned long long)cut->slice, (unsigned long long)cut->slice,
                        (unsigned long long)v->size);
    else
        pf__text_format(t, "    const uint c0 = 0, c1 = %lluu;\n", (unsigned long long)v->size);
    pf__text_add(t, "    for (uint c = c0; c < c1; c += W) {\n");
    pf__print_body(t, f, loops, cut->width, "      ");
    for (int i = 0; i < f->store_count; i++) {
        const int r = f->stores[i].instr;
        pf__text_format(t, "      V x%d = t%d;\n", i, r);
        if (v->size % cut->width)
            pf__text_format(
                t, "      if (c + W > %lluu) x%d = select(%s, x%d, LANES + (I)((int)c) < (I)(%lld));\n",
                (unsigned long long)v->size, i, initial, i, (long long)v->size);
        pf__text_format(t, maximum ? "      e%d = max(e%d, x%d);\n" : "      e%d += x%d;\n", i, i, i);
    }
    pf__text_add(t, "    }\n");
    while (open-- > 0) pf__text_add(t, "    }\n");
    char offset[48];
    slice_offset(cut, offset);
    for (int i = 0; i < f->store_count; i++) {
        pf__text_format(t, "    y%d[", i);
        pf__access a = f->stores[i];
        for (int k = 0; k < loops->count; k++)
            if (loops->list[k].segment == 1 && loops->list[k].axis >= 0) a.stride[loops->list[k].axis] = 0;
        pf__print_base(t, f, loops, &a, "p", i);
        pf__text_format(t, "%s] = %s(e%d);\n", offset, maximum ? "HMAX" : "HSUM", i);
    }
    pf__text_add(t, "  }\n}\n");
}

/* The sums of store i: one register per vector, or an array. */
static void print_sums(pf__text *t, const pf__cut *cut, int i, const char *initial) {
    if (cut->band)
        pf__text_format(t, "  V e%d[%d]; for (uint u = 0; u < un; u++) e%d[u] = %s;\n", i, cut->unroll, i,
                        initial);
    for (int u = 0; u < cut->unroll && !cut->band; u++)
        pf__text_format(t, "  V e%d_%d = %s;\n", i, u, initial);
}

static void sum_name(const pf__cut *cut, int i, int u, char name[32]) {
    if (cut->band)
        snprintf(name, 32, "e%d[u]", i);
    else
        snprintf(name, 32, "e%d_%d", i, u);
}

/* What follows is done at vector u of the item's: at column c. */
static void open_vector(pf__text *t, const pf__cut *cut, int u, int64_t size) {
    if (cut->band)
        pf__text_add(t, "    for (uint u = 0; u < un; u++) { const uint c = cb + u * W; {\n");
    else
        pf__text_format(t, "    { const uint c = cb + %du * W; if (c < %lluu) {\n", u,
                        (unsigned long long)size);
}

static void print_column_reduction(pf__text *t, const pf__fused *f, const pf__loops *loops,
                                   const pf__cut *cut) {
    const bool maximum = f->kind == PF__FUSED_MAX;
    const pf__loop *v = &loops->list[loops->vector];
    char offset[48], value[32], sum[32];
    slice_offset(cut, offset);
    pf__print_signature(t, f, cut);
    pf__text_format(t, "  const uint cb = get_global_id(0) * %lluu, r = get_global_id(1);\n",
                    (unsigned long long)cut->columns_per_item);
    pf__print_decode(t, loops, cut, "  ");
    if (cut->band)
        pf__text_format(t, "  const uint un = min(%du, (%lluu - cb + W - 1) / W);\n", cut->unroll,
                        (unsigned long long)v->size);
    for (int i = 0; i < f->store_count; i++)
        if (pf__fused_reduces(f, &f->stores[i])) print_sums(t, cut, i, maximum ? "F(-INFINITY)" : "F(0)");
    int open = print_reduced_loops(t, loops, cut);
    pf__print_setup(t, f, loops, "    ");
    for (int u = 0; u < (cut->band ? 1 : cut->unroll); u++) {
        open_vector(t, cut, u, v->size);
        pf__print_body(t, f, loops, cut->width, "      ");
        for (int i = 0; i < f->store_count; i++) {
            const int r = f->stores[i].instr;
            sum_name(cut, i, u, sum);
            snprintf(value, sizeof value, "t%d", r);
            if (!pf__fused_reduces(f, &f->stores[i]))
                pf__print_store(t, f, loops, i, cut->width, value, "", "      ");
            else
                pf__text_format(t, maximum ? "      %s = max(%s, t%d);\n" : "      %s = %s + t%d;\n", sum,
                                sum, r);
        }
        pf__text_add(t, "    } }\n");
    }
    while (open-- > 0) pf__text_add(t, "    }\n");
    pf__loops outer = *loops; /* the store's address does not depend on the reduced loops */
    for (int k = 0; k < outer.count; k++)
        if (outer.list[k].segment == 1) outer.list[k].axis = -1;
    for (int u = 0; u < (cut->band ? 1 : cut->unroll); u++) {
        open_vector(t, cut, u, v->size);
        for (int i = 0; i < f->store_count; i++) {
            if (!pf__fused_reduces(f, &f->stores[i])) continue;
            sum_name(cut, i, u, sum);
            pf__print_store(t, f, &outer, i, cut->width, sum, offset, "      ");
        }
        pf__text_add(t, "    } }\n");
    }
    pf__text_add(t, "}\n");
}

void pf__fused_text(const pf__fused *f, const pf__loops *loops, const pf__cut *cut, pf__text *out) {
    if (f->kind == PF__FUSED_POINTWISE)
        print_pointwise(out, f, loops, cut);
    else if (loops->list[loops->vector].segment == 1)
        print_row_reduction(out, f, loops, cut);
    else
        print_column_reduction(out, f, loops, cut);
}

void pf__partials_text(bool maximum, int results, int64_t count, int64_t parts, const pf__cut *cut,
                       pf__text *t) {
    const unsigned long long n = (unsigned long long)count;
    pf__text_format(t, "kernel %svoid KERNEL(",
                    cut->cpu ? "__attribute__((reqd_work_group_size(1, 1, 1))) " : "");
    for (int i = 0; i < results; i++)
        pf__text_format(t, "%sglobal const float *p%d, const uint o%d, global float *y%d, const uint q%d",
                        i ? ", " : "", i, i, i, i);
    pf__text_format(t, ") {\n  const uint c0 = get_global_id(0) * 1024u, c1 = min(c0 + 1024u, %lluu);\n", n);
    for (int i = 0; i < results; i++) {
        pf__text_format(t, "  for (uint c = c0; c < c1; c += W) {\n    V e = LD(p%d + o%d + c);\n", i, i);
        pf__text_format(
            t,
            "    for (uint s = 1; s < %lluu; s++) { const V x = LD(p%d + o%d + s * %lluu + c); e = %s; }\n",
            (unsigned long long)parts, i, i, (unsigned long long)cut->partial,
            maximum ? "max(e, x)" : "e + x");
        if (cut->width == 1)
            pf__text_format(t, "    y%d[q%d + c] = e;\n", i, i);
        else
            pf__text_format(t,
                            "    if (c + W <= %lluu) ST(e, y%d + q%d + c); else { float g[W]; ST(e, g); for "
                            "(uint l = 0; c + l < %lluu; l++) y%d[q%d + c + l] = g[l]; }\n",
                            n, i, i, n, i, i);
        pf__text_add(t, "  }\n");
    }
    pf__text_add(t, "}\n");
}
