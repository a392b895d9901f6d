/* SPDX-License-Identifier: MIT
 * The OpenCL C text of a row kernel. Beside the names of fused_text.h: e<i> gathers REDUCE i, h<k> is private
 * array k, s<i> keeps the number t<i> of each row of a block. */
#include "plan/row.h"

#include <stdio.h>

typedef struct pf__row_printer {
    pf__text *t;
    const pf__row *row;
    const pf__fused *f;
    const char *indent;
} pf__row_printer;

static unsigned long long number(int64_t x) {
    return (unsigned long long)x;
}

static const char *scalar_type(char letter) {
    return letter == 'I' ? "int" : letter == 'U' ? "uint" : "float";
}

/* ---- a pass over the columns of row r ---- */

static void print_array_place(const pf__row_printer *p, int i) {
    const pf__loops *loops = &p->row->loops;
    const int64_t width = p->row->cut.width, size = loops->list[loops->vector].size;
    int64_t step = (size + width - 1) / width * width;
    pf__text_format(p->t, "h%d", p->row->instrs[i].array);
    if (p->row->blocks) pf__text_format(p->t, " + l * %lluu", number(pf__row_length(p->row)));
    for (int k = loops->vector - 1; k >= 0 && loops->list[k].segment == 1; k--) {
        pf__text_format(p->t, " + d%d * %lluu", k, number(step));
        step *= loops->list[k].size;
    }
    pf__text_add(p->t, " + c");
}

static int open_columns(const pf__row_printer *p, int pass) {
    const pf__loops *loops = &p->row->loops;
    const int64_t size = loops->list[loops->vector].size;
    int open = 0;
    for (int i = 0; i < loops->vector; i++) {
        if (loops->list[i].segment != 1) continue;
        pf__text_format(p->t, "%sfor (uint d%d = 0; d%d < %lluu; d%d++) {\n", p->indent, i, i,
                        number(loops->list[i].size), i);
        open++;
    }
    for (int i = 0; i < p->f->load_count; i++) {
        const pf__row_instr *r = &p->row->instrs[p->f->loads[i].instr];
        if (!r->row && r->passes >> pass & 1u) pf__print_address(p->t, p->f, loops, i, p->indent);
    }
    if (p->row->cut.cpu)
        pf__text_format(p->t, "%sfor (uint c = 0; c < %lluu; c += W) {\n", p->indent, number(size));
    else
        pf__text_format(p->t, "%sfor (uint c = lx * W; c < (live ? %lluu : 0u); c += %du * W) {\n", p->indent,
                        number(size), p->row->lanes);
    return open + 1;
}

static bool reduced_in(const pf__row_printer *p, int i, int pass) {
    return p->f->instrs[i].kind == PF__INSTR_REDUCE && p->row->instrs[i].ready == pass + 1;
}

static void print_gathering(const pf__row_printer *p, int i) {
    const pf__instr *in = &p->f->instrs[i];
    const pf__loops *loops = &p->row->loops;
    const int64_t size = loops->list[loops->vector].size;
    pf__text_format(p->t, "%s  V x%d = t%d;\n", p->indent, i, in->argument[0]);
    if (size % p->row->cut.width)
        pf__text_format(
            p->t, "%s  if (c + W > %lluu) x%d = select(%s, x%d, LANES + (I)((int)c) < (I)(%lld));\n",
            p->indent, number(size), i, in->maximum ? "F(-INFINITY)" : "F(0)", i, (long long)size);
    pf__text_format(p->t, in->maximum ? "%s  e%d = max(e%d, x%d);\n" : "%s  e%d = e%d + x%d;\n", p->indent, i,
                    i, i);
}

static void print_elements(const pf__row_printer *p, int pass) {
    char inner[32];
    snprintf(inner, sizeof inner, "%s  ", p->indent);
    for (int i = 0; i < p->f->instr_count; i++) {
        const pf__row_instr *r = &p->row->instrs[i];
        if (r->row || !(r->passes >> pass & 1u)) continue;
        const bool first = !(r->passes & ((1u << pass) - 1));
        if (r->array < 0 || first) pf__print_instr(p->t, p->f, &p->row->loops, i, p->row->cut.width, inner);
        if (r->array < 0) continue;
        pf__text_format(p->t, first ? "%sST(t%d, " : "%sconst V t%d = LD(", inner, i);
        print_array_place(p, i);
        pf__text_add(p->t, ");\n");
    }
    for (int i = 0; i < p->f->instr_count; i++)
        if (reduced_in(p, i, pass)) print_gathering(p, i);
    for (int i = 0; i < p->f->store_count && pass == p->row->passes - 1; i++) {
        char value[16];
        if (pf__row_store_is_row(p->f, &p->f->stores[i])) continue;
        snprintf(value, sizeof value, "t%d", p->f->stores[i].instr);
        if (pf__fused_reduces(p->f, &p->f->stores[i]))
            pf__text_format(p->t, "%sST(LD(z%d + c) + %s, z%d + c);\n", inner, i, value, i);
        else
            pf__print_store(p->t, p->f, &p->row->loops, i, p->row->cut.width, value, "", inner);
    }
}

static void print_columns(const pf__row_printer *p, int pass) {
    for (int i = 0; i < p->f->instr_count; i++)
        if (reduced_in(p, i, pass))
            pf__text_format(p->t, "%sV e%d = %s;\n", p->indent, i,
                            p->f->instrs[i].maximum ? "F(-INFINITY)" : "F(0)");
    pf__text_format(p->t, "%s{\n", p->indent);
    int open = open_columns(p, pass);
    print_elements(p, pass);
    while (open-- > 0) pf__text_format(p->t, "%s}\n", p->indent);
    pf__text_format(p->t, "%s}\n", p->indent);
}

/* ---- one row at a time ---- */

/* The row's number from what its work-items gathered, in one order always. */
static void print_reduced(const pf__row_printer *p, int i) {
    const bool maximum = p->f->instrs[i].maximum;
    const char *across = maximum ? "HMAX" : "HSUM";
    if (p->row->lanes == 1) {
        pf__text_format(p->t, "%sconst V t%d = F(%s(e%d));\n", p->indent, i, across, i);
        return;
    }
    pf__text_format(p->t, "%sshare[at] = %s(e%d);\n%sbarrier(CLK_LOCAL_MEM_FENCE);\n", p->indent, across, i,
                    p->indent);
    pf__text_format(p->t, "%sfor (uint h = %du; h > 0; h >>= 1) {\n", p->indent, p->row->lanes / 2);
    pf__text_format(p->t,
                    maximum ? "%s  if (lx < h) share[at] = max(share[at], share[at + h]);\n"
                            : "%s  if (lx < h) share[at] = share[at] + share[at + h];\n",
                    p->indent);
    pf__text_format(p->t, "%s  barrier(CLK_LOCAL_MEM_FENCE);\n%s}\n", p->indent, p->indent);
    pf__text_format(p->t, "%sconst V t%d = F(share[at - lx]);\n%sbarrier(CLK_LOCAL_MEM_FENCE);\n", p->indent,
                    i, p->indent);
}

static bool computed_at(const pf__row_printer *p, int i, int pass) {
    const pf__row_instr *r = &p->row->instrs[i];
    const pf__instr_kind kind = p->f->instrs[i].kind;
    return r->row && !r->everywhere && r->ready == pass && kind != PF__INSTR_LOAD && kind != PF__INSTR_REDUCE;
}

static void print_row_stores(const pf__row_printer *p) {
    for (int i = 0; i < p->f->store_count; i++) {
        const pf__access *a = &p->f->stores[i];
        if (!pf__row_store_is_row(p->f, a)) continue;
        pf__text_format(p->t, "%s%sy%d[", p->indent, p->row->cut.cpu ? "" : "if (live && lx == 0) ", i);
        pf__print_base(p->t, p->f, &p->row->loops, a, "p", i);
        pf__text_format(p->t, "] = %st%d%s;\n", a->dtype == PF_U8 ? "(uchar)" : "", a->instr,
                        p->row->cut.width > 1 ? ".s0" : "");
    }
}

static void print_row(const pf__row_printer *p) {
    pf__print_decode(p->t, &p->row->loops, &p->row->cut, p->indent);
    for (int i = 0; i < p->f->load_count; i++)
        if (p->row->instrs[p->f->loads[i].instr].row)
            pf__print_address(p->t, p->f, &p->row->loops, i, p->indent);
    for (int pass = 0; pass <= p->row->passes; pass++) {
        for (int i = 0; i < p->f->instr_count; i++)
            if (computed_at(p, i, pass))
                pf__print_instr(p->t, p->f, &p->row->loops, i, p->row->cut.width, p->indent);
        if (pass == p->row->passes) break;
        print_columns(p, pass);
        for (int i = 0; i < p->f->instr_count; i++)
            if (reduced_in(p, i, pass)) print_reduced(p, i);
    }
    print_row_stores(p);
}

/* ---- W rows at a time ---- */

static int row_loop(const pf__row *row) {
    int k = 0;
    while (row->loops.list[k].segment != 0) k++;
    return k;
}

static void print_block_load(const pf__row_printer *p, int load) {
    const pf__access *a = &p->f->loads[load];
    const char letter = pf__register_letter(p->f->instrs[a->instr].dtype);
    const int64_t stride = a->stride[p->row->loops.list[row_loop(p->row)].axis];
    const char *from = a->dtype == PF_U8 ? "TO(uint, LD(" : "LD(", *to = a->dtype == PF_U8 ? "))" : ")";
    const int r = a->instr;
    if (stride == 0) {
        pf__text_format(p->t, "%sconst %c t%d = (%c)(a%d[o%d + %lluu]);\n", p->indent, letter, r, letter,
                        load, load, number(a->offset));
    } else if (stride == 1) {
        pf__text_format(p->t, "%sconst %c t%d = %sa%d + o%d + rb + %lluu%s;\n", p->indent, letter, r, from,
                        load, load, number(a->offset), to);
    } else {
        pf__text_format(p->t, "%s%s g%d[W];\n", p->indent, scalar_type(letter), r);
        pf__text_format(
            p->t, "%sfor (uint l = 0; l < W; l++) g%d[l] = a%d[o%d + min(rb + l, %lluu) * %lluu + %lluu];\n",
            p->indent, r, load, load, number(p->row->cut.rows - 1), number(stride), number(a->offset));
        pf__text_format(p->t, "%sconst %c t%d = LD(g%d);\n", p->indent, letter, r, r);
    }
}

/* Keeps a vector of rows' numbers where a pass can take them one by one. */
static void print_block_keep(const pf__row_printer *p, int i) {
    const char letter = pf__register_letter(p->f->instrs[i].dtype);
    if (p->row->instrs[i].in_loop)
        pf__text_format(p->t, "%s%s s%d[W]; ST(t%d, s%d);\n", p->indent, scalar_type(letter), i, i, i);
}

static void print_block_instr(const pf__row_printer *p, int i) {
    const pf__instr *in = &p->f->instrs[i];
    const char letter = pf__register_letter(in->dtype);
    if (in->kind == PF__INSTR_IOTA)
        pf__text_format(p->t, "%sconst %c t%d = TO(%s, LANES + (I)((int)rb + %lld));\n", p->indent, letter, i,
                        scalar_type(letter), (long long)in->number);
    else
        pf__print_instr(p->t, p->f, &p->row->loops, i, p->row->cut.width, p->indent);
    print_block_keep(p, i);
}

static void print_block_pass(const pf__row_printer *p, int pass) {
    pf__row_printer inner = *p;
    inner.indent = "      ";
    for (int i = 0; i < p->f->instr_count; i++)
        if (reduced_in(p, i, pass)) pf__text_format(p->t, "%sfloat s%d[W] = {0};\n", p->indent, i);
    pf__text_format(p->t, "%sfor (uint l = 0; l < n; l++) {\n%sconst uint r = rb + l;\n", p->indent,
                    inner.indent);
    pf__print_decode(p->t, &p->row->loops, &p->row->cut, inner.indent);
    for (int i = 0; i < p->f->instr_count; i++) {
        const pf__row_instr *r = &p->row->instrs[i];
        const char letter = pf__register_letter(p->f->instrs[i].dtype);
        if (r->in_loop && r->passes >> pass & 1u)
            pf__text_format(p->t, "%sconst %c t%d = (%c)(s%d[l]);\n", inner.indent, letter, i, letter, i);
    }
    print_columns(&inner, pass);
    for (int i = 0; i < p->f->instr_count; i++)
        if (reduced_in(p, i, pass))
            pf__text_format(p->t, "%ss%d[l] = %s(e%d);\n", inner.indent, i,
                            p->f->instrs[i].maximum ? "HMAX" : "HSUM", i);
    pf__text_format(p->t, "%s}\n", p->indent);
    for (int i = 0; i < p->f->instr_count; i++)
        if (reduced_in(p, i, pass)) pf__text_format(p->t, "%sconst V t%d = LD(s%d);\n", p->indent, i, i);
}

static void print_block_stores(const pf__row_printer *p) {
    for (int i = 0; i < p->f->store_count; i++) {
        const pf__access *a = &p->f->stores[i];
        if (!pf__row_store_is_row(p->f, a)) continue;
        const int64_t stride = a->stride[p->row->loops.list[row_loop(p->row)].axis];
        const char letter = pf__register_letter(p->f->instrs[a->instr].dtype);
        pf__text_format(p->t, "%s{ const uint q = p%d + rb * %lluu + %lluu; ", p->indent, i, number(stride),
                        number(a->offset));
        if (stride == 1 && a->dtype != PF_U8)
            pf__text_format(p->t, "if (n == W) ST(t%d, y%d + q); else ", a->instr, i);
        pf__text_format(
            p->t, "{ %s g[W]; ST(t%d, g); for (uint l = 0; l < n; l++) y%d[q + l * %lluu] = %sg[l]; } }\n",
            scalar_type(letter), a->instr, i, number(stride), a->dtype == PF_U8 ? "(uchar)" : "");
    }
}

static void print_block(const pf__row_printer *p) {
    for (int i = 0; i < p->f->load_count; i++) {
        const int r = p->f->loads[i].instr;
        if (!p->row->instrs[r].row) continue;
        print_block_load(p, i);
        print_block_keep(p, r);
    }
    for (int pass = 0; pass <= p->row->passes; pass++) {
        for (int i = 0; i < p->f->instr_count; i++)
            if (computed_at(p, i, pass)) print_block_instr(p, i);
        if (pass < p->row->passes) print_block_pass(p, pass);
    }
    print_block_stores(p);
}

/* ---- sums over the rows ---- */

static void print_sums(const pf__row_printer *p, bool begin) {
    const unsigned long long length = number(pf__row_length(p->row));
    for (int i = 0; i < p->f->store_count; i++) {
        if (!pf__fused_reduces(p->f, &p->f->stores[i])) continue;
        if (begin)
            pf__text_format(p->t,
                            "  float z%d[%llu];\n  for (uint c = 0; c < %lluu; c += W) ST(F(0), z%d + c);\n",
                            i, length, length, i);
        else
            pf__text_format(p->t,
                            "  for (uint c = 0; c < %lluu; c += W) ST(LD(z%d + c), y%d + p%d + "
                            "get_global_id(0) * %lluu + c);\n",
                            length, i, i, i, number(p->row->cut.partial));
    }
}

/* ---- the kernel ---- */

void pf__row_text(const pf__row *row, const pf__fused *f, pf__text *t) {
    const pf__cut *cut = &row->cut;
    const pf__row_printer p = {t, row, f, "    "};
    pf__print_signature(t, f, cut);
    for (int i = 0; i < f->instr_count; i++)
        if (row->instrs[i].everywhere) pf__print_instr(t, f, &row->loops, i, cut->width, "  ");
    for (int k = 0; k < row->arrays; k++)
        pf__text_format(t, "  float h%d[%lluu];\n", k,
                        number(pf__row_length(row) * (row->blocks ? cut->width : 1)));
    if (!cut->cpu) {
        if (row->lanes > 1) pf__text_format(t, "  local float share[%d];\n", row->lanes * row->beside);
        pf__text_add(t, "  const uint lx = get_local_id(0), row = get_global_id(1);\n");
        if (row->lanes > 1) pf__text_format(t, "  const uint at = get_local_id(1) * %du + lx;\n", row->lanes);
        pf__text_format(t, "  const bool live = row < %lluu;\n  {\n    const uint r = min(row, %lluu);\n",
                        number(cut->rows), number(cut->rows - 1));
        print_row(&p);
    } else {
        print_sums(&p, true);
        pf__text_format(t, "  const uint r0 = get_global_id(0) * %lluu, r1 = min(r0 + %lluu, %lluu);\n",
                        number(cut->rows_per_item), number(cut->rows_per_item), number(cut->rows));
        if (row->blocks) {
            pf__text_add(t, "  for (uint rb = r0; rb < r1; rb += W) {\n");
            pf__text_add(t, "    const uint n = min((uint)W, r1 - rb);\n");
            print_block(&p);
        } else {
            pf__text_add(t, "  for (uint r = r0; r < r1; r++) {\n");
            print_row(&p);
        }
    }
    pf__text_add(t, "  }\n");
    if (cut->cpu) print_sums(&p, false);
    pf__text_add(t, "}\n");
}
