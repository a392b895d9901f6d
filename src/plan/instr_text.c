/* SPDX-License-Identifier: MIT
 * What the texts of all generated kernels are made of: the prelude, expressions in vectors of W lanes,
 * addresses, loads and stores with their tails. */
#include "plan/fused_text.h"

#include <math.h>
#include <stdio.h>

/* %a %b %c: registers. */
static const char *const scalar_text[PF__SCALAR_COUNT] = {
    [PF__ADD] = "%a + %b",
    [PF__SUB] = "%a - %b",
    [PF__MUL] = "%a * %b",
    [PF__DIV] = "%a / %b",
    [PF__MIN] = "min(%a, %b)",
    [PF__MAX] = "max(%a, %b)",
    [PF__NEG] = "-%a",
    [PF__ABS] = "fabs(%a)",
    [PF__FLOOR] = "floor(%a)",
    [PF__EXP] = "exp_of(%a)",
    [PF__LOG] = "log(%a)",
    [PF__LOG1P] = "log1p(%a)",
    [PF__SQRT] = "sqrt(%a)",
    [PF__RSQRT] = "rsqrt(%a)",
    [PF__RECIP] = "F(1) / %a",
    [PF__SIN] = "sin(%a)",
    [PF__COS] = "cos(%a)",
    [PF__ATAN] = "atan(%a)",
    [PF__TANH] = "tanh(%a)",
    [PF__ERF] = "erf_of(%a)",
    [PF__SIGMOID] = "sigmoid_of(%a)",
    [PF__LESS] = "select(F(0), F(1), %a < %b)",
    [PF__LESS_EQUAL] = "select(F(0), F(1), %a <= %b)",
    [PF__EQUAL] = "select(F(0), F(1), %a == %b)",
    [PF__SELECT] = "select(%c, %b, %a != F(0))",
    [PF__CAST] = NULL,
    [PF__AND] = "%a & %b",
    [PF__SHIFT_RIGHT] = "%a >> %b",
    [PF__MUL_HIGH] = "mul_hi(%a, %b)",
};

char pf__register_letter(pf_dtype dtype) {
    return dtype == PF_I32 ? 'I' : dtype == PF_U32 ? 'U' : 'V';
}

static const char *memory_type(pf_dtype dtype) {
    switch (dtype) {
    case PF_I32:
        return "int";
    case PF_U32:
        return "uint";
    case PF_U8:
        return "uchar";
    default:
        return "float";
    }
}

const char *pf__prelude_text(void) {
    return "#define CAT_(a, b) a##b\n"
           "#define CAT(a, b) CAT_(a, b)\n"
           "#if W == 1\n"
           "typedef float V; typedef int I; typedef uint U; typedef uchar C;\n"
           "#define LD(p) (*(p))\n"
           "#define ST(x, p) (*(p) = (x))\n"
           "#define TO(type, x) CAT(convert_, type)(x)\n"
           "#define LANES 0\n"
           "#define HSUM(x) (x)\n"
           "#define HMAX(x) (x)\n"
           "#else\n"
           "typedef CAT(float, W) V; typedef CAT(int, W) I; typedef CAT(uint, W) U; typedef CAT(uchar, W) "
           "C;\n"
           /* Long vectors on CPUs: PoCL's vload and vstore come in pieces of four, and stay so. */
           "#if W >= 8\n"
           "typedef V VM __attribute__((aligned(4))); typedef I IM __attribute__((aligned(4)));\n"
           "typedef U UM __attribute__((aligned(4))); typedef C CM __attribute__((aligned(1)));\n"
           "#define ACCESS(SPACE, TYPE, VEC) \\\n"
           "  static inline VEC __attribute__((overloadable)) LD(const SPACE TYPE *p) { return *(const SPACE "
           "VEC##M *)p; } \\\n"
           "  static inline void __attribute__((overloadable)) ST(VEC x, SPACE TYPE *p) { *(SPACE VEC##M *)p "
           "= "
           "x; }\n"
           "ACCESS(global, float, V) ACCESS(global, int, I) ACCESS(global, uint, U) ACCESS(global, uchar, "
           "C)\n"
           "ACCESS(private, float, V) ACCESS(private, int, I) ACCESS(private, uint, U)\n"
           "#else\n"
           "#define LD(p) CAT(vload, W)(0, p)\n"
           "#define ST(x, p) CAT(vstore, W)(x, 0, p)\n"
           "#endif\n"
           "#define TO(type, x) CAT(CAT(convert_, type), W)(x)\n"
           "#if W == 16\n"
           "#define LANES (I)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)\n"
           "float hsum(V x) { float8 a = x.lo + x.hi; float4 b = a.lo + a.hi; float2 c = b.lo + b.hi; return "
           "c.x + c.y; }\n"
           "float hmax(V x) { float8 a = max(x.lo, x.hi); float4 b = max(a.lo, a.hi); float2 c = max(b.lo, "
           "b.hi); return max(c.x, c.y); }\n"
           "#elif W == 8\n"
           "#define LANES (I)(0, 1, 2, 3, 4, 5, 6, 7)\n"
           "float hsum(V x) { float4 b = x.lo + x.hi; float2 c = b.lo + b.hi; return c.x + c.y; }\n"
           "float hmax(V x) { float4 b = max(x.lo, x.hi); float2 c = max(b.lo, b.hi); return max(c.x, c.y); "
           "}\n"
           "#elif W == 4\n"
           "#define LANES (I)(0, 1, 2, 3)\n"
           "float hsum(V x) { float2 c = x.lo + x.hi; return c.x + c.y; }\n"
           "float hmax(V x) { float2 c = max(x.lo, x.hi); return max(c.x, c.y); }\n"
           "#else\n"
           "#define LANES (I)(0, 1)\n"
           "float hsum(V x) { return x.x + x.y; }\n"
           "float hmax(V x) { return max(x.x, x.y); }\n"
           "#endif\n"
           "#define HSUM(x) hsum(x)\n"
           "#define HMAX(x) hmax(x)\n"
           "#endif\n"
           "#define F(x) ((V)(x))\n"
           "#if W == 1\n"
           "#define exp_of(x) exp(x)\n"
           "#define sigmoid_of(x) (1 / (1 + exp(-(x))))\n"
           "#else\n"
           "DEFINE_EXP(exp_of, V, CAT(as_, CAT(int, W)), CAT(as_, CAT(float, W)))\n"
           "DEFINE_SIGMOID(sigmoid_of, V, CAT(as_, CAT(int, W)), CAT(as_, CAT(float, W)))\n"
           "#endif\n"
           /* A rational function, odd over even, as Eigen and XLA have it: within 5e-7, where the built-in
              one costs seven times as much. Beyond 4 it is 1; a NaN stays one. */
           "V erf_of(V x) {\n"
           "  x = select(x, F(4), x > F(4));\n"
           "  x = select(x, F(-4), x < F(-4));\n"
           "  const V s = x * x;\n"
           "  V p = F(-2.72614225801306e-10f);\n"
           "  p = p * s + F(2.77068142495902e-08f);\n"
           "  p = p * s + F(-2.10102402082508e-06f);\n"
           "  p = p * s + F(-5.69250639462346e-05f);\n"
           "  p = p * s + F(-7.34990630326855e-04f);\n"
           "  p = p * s + F(-2.95459980854025e-03f);\n"
           "  p = p * s + F(-1.60960333262415e-02f);\n"
           "  V q = F(-1.45660718464996e-05f);\n"
           "  q = q * s + F(-2.13374055278905e-04f);\n"
           "  q = q * s + F(-1.68282697438203e-03f);\n"
           "  q = q * s + F(-7.37332916720468e-03f);\n"
           "  q = q * s + F(-1.42647390514189e-02f);\n"
           "  return x * p / q;\n"
           "}\n";
}

static void print_number(pf__text *t, const pf__instr *in) {
    const char letter = pf__register_letter(in->dtype);
    if (letter == 'I')
        pf__text_format(t, "((I)(%d))", (int)in->number);
    else if (letter == 'U')
        pf__text_format(t, "((U)(%uu))", (unsigned)in->number);
    else if (isnan(in->number))
        pf__text_add(t, "F(NAN)");
    else if (isinf(in->number))
        pf__text_add(t, in->number > 0 ? "F(INFINITY)" : "F(-INFINITY)");
    else
        pf__text_format(t, "F(%.9ef)", in->number);
}

static void print_cast(pf__text *t, const pf__instr *in, const pf__instr *from) {
    const char *type = in->dtype == PF_I32 ? "int" : in->dtype == PF_U32 ? "uint" : "float";
    if (in->dtype == from->dtype)
        pf__text_format(t, "t%d", in->argument[0]);
    else
        pf__text_format(t, "TO(%s, t%d)", type, in->argument[0]);
}

static void print_map(pf__text *t, const pf__fused *f, const pf__instr *in) {
    if (in->scalar == PF__CAST) {
        print_cast(t, in, &f->instrs[in->argument[0]]);
        return;
    }
    for (const char *p = scalar_text[in->scalar]; *p; p++) {
        if (*p == '%') {
            pf__text_format(t, "t%d", in->argument[p[1] - 'a']);
            p++;
        } else {
            pf__text_format(t, "%c", *p);
        }
    }
}

/* The element offset of an access at the current outer loop variables, without the vector loop: "o3 + d0 *
 * 34u + 2u". */
void pf__print_base(pf__text *t, const pf__fused *f, const pf__loops *loops, const pf__access *a,
                    const char *prefix, int index) {
    (void)f;
    pf__text_format(t, "%s%d", prefix, index);
    for (int i = 0; i < loops->count; i++) {
        if (i == loops->vector || loops->list[i].axis < 0) continue;
        const int64_t stride = a->stride[loops->list[i].axis];
        if (stride) pf__text_format(t, " + d%d * %lluu", i, (unsigned long long)stride);
    }
    if (a->offset) pf__text_format(t, " + %lluu", (unsigned long long)a->offset);
}

int64_t pf__vector_stride(const pf__loops *loops, const pf__access *a) {
    const int axis = loops->list[loops->vector].axis;
    return axis < 0 ? 0 : a->stride[axis];
}

void pf__print_address(pf__text *t, const pf__fused *f, const pf__loops *loops, int load,
                       const char *indent) {
    const pf__access *a = &f->loads[load];
    if (pf__vector_stride(loops, a) == 0) {
        const char letter = pf__register_letter(f->instrs[a->instr].dtype);
        pf__text_format(t, "%sconst %c t%d = (%c)(a%d[", indent, letter, a->instr, letter, load);
        pf__print_base(t, f, loops, a, "o", load);
        pf__text_add(t, "]);\n");
    } else {
        pf__text_format(t, "%sconst uint b%d = ", indent, load);
        pf__print_base(t, f, loops, a, "o", load);
        pf__text_add(t, ";\n");
    }
}

/* Addresses, and the loads that do not move along the vector loop. */
void pf__print_setup(pf__text *t, const pf__fused *f, const pf__loops *loops, const char *indent) {
    for (int i = 0; i < f->load_count; i++) pf__print_address(t, f, loops, i, indent);
}

static void print_load(pf__text *t, const pf__fused *f, const pf__access *a, int index, int64_t stride,
                       int64_t size, int width, const char *indent) {
    const char letter = pf__register_letter(f->instrs[a->instr].dtype);
    const int r = a->instr;
    if (stride == 1 || width == 1) {
        char address[64];
        if (stride == 1)
            snprintf(address, sizeof address, "a%d + b%d + c", index, index);
        else
            snprintf(address, sizeof address, "a%d + b%d + c * %lluu", index, index,
                     (unsigned long long)stride);
        if (a->dtype == PF_U8)
            pf__text_format(t, "%sconst U t%d = TO(uint, LD(%s));\n", indent, r, address);
        else
            pf__text_format(t, "%sconst %c t%d = LD(%s);\n", indent, letter, r, address);
        return;
    }
    pf__text_format(t, "%s%s g%d[W];\n", indent, letter == 'V' ? "float" : letter == 'I' ? "int" : "uint", r);
    pf__text_format(t, "%sfor (uint l = 0; l < W; l++) g%d[l] = a%d[b%d + min(c + l, %lluu) * %lluu];\n",
                    indent, r, index, index, (unsigned long long)(size - 1), (unsigned long long)stride);
    pf__text_format(t, "%sconst %c t%d = LD(g%d);\n", indent, letter, r, r);
}

static void print_iota(pf__text *t, const pf__loops *loops, const pf__instr *in) {
    const char letter = pf__register_letter(in->dtype);
    const char *type = letter == 'I' ? "int" : letter == 'U' ? "uint" : "float";
    int loop = -1;
    for (int k = 0; k < loops->count; k++)
        if (in->axis >= 0 && loops->list[k].axis == in->axis) loop = k;
    if (loop < 0)
        pf__text_format(t, "(%c)((%s)%lld)", letter, type, (long long)in->number);
    else if (loop == loops->vector)
        pf__text_format(t, "TO(%s, LANES + (I)((int)c + %lld))", type, (long long)in->number);
    else
        pf__text_format(t, "(%c)((%s)((int)d%d + %lld))", letter, type, loop, (long long)in->number);
}

void pf__print_instr(pf__text *t, const pf__fused *f, const pf__loops *loops, int i, int width,
                     const char *indent) {
    const pf__instr *in = &f->instrs[i];
    if (in->kind == PF__INSTR_LOAD) {
        const pf__access *a = &f->loads[in->access];
        const int64_t stride = pf__vector_stride(loops, a);
        if (stride) print_load(t, f, a, in->access, stride, loops->list[loops->vector].size, width, indent);
        return;
    }
    pf__text_format(t, "%sconst %c t%d = ", indent, pf__register_letter(in->dtype), i);
    if (in->kind == PF__INSTR_CONSTANT)
        print_number(t, in);
    else if (in->kind == PF__INSTR_MAP)
        print_map(t, f, in);
    else
        print_iota(t, loops, in);
    pf__text_add(t, ";\n");
}

/* All instructions at column c. */
void pf__print_body(pf__text *t, const pf__fused *f, const pf__loops *loops, int width, const char *indent) {
    for (int i = 0; i < f->instr_count; i++) pf__print_instr(t, f, loops, i, width, indent);
}

void pf__print_store(pf__text *t, const pf__fused *f, const pf__loops *loops, int index, int width,
                     const char *value, const char *offset, const char *indent) {
    const pf__access *a = &f->stores[index];
    const pf__loop *v = &loops->list[loops->vector];
    const int64_t stride = v->axis < 0 ? 1 : a->stride[v->axis];
    const char letter = pf__register_letter(f->instrs[a->instr].dtype);
    const char *type = letter == 'I' ? "int" : letter == 'U' ? "uint" : "float";
    if (width == 1) {
        pf__text_format(t, "%sy%d[", indent, index);
        pf__print_base(t, f, loops, a, "p", index);
        pf__text_format(t, "%s + c * %lluu] = %s%s;\n", offset, (unsigned long long)stride,
                        a->dtype == PF_U8 ? "(uchar)" : "", value);
        return;
    }
    pf__text_format(t, "%s{ const uint q = ", indent);
    pf__print_base(t, f, loops, a, "p", index);
    pf__text_format(t, "%s + c * %lluu; ", offset, (unsigned long long)stride);
    if (stride == 1 && a->dtype != PF_U8) {
        if (v->size % width == 0) {
            pf__text_format(t, "ST(%s, y%d + q); }\n", value, index);
            return;
        }
        pf__text_format(t, "if (c + W <= %lluu) ST(%s, y%d + q); else ", (unsigned long long)v->size, value,
                        index);
    }
    pf__text_format(t,
                    "{ %s g[W]; ST(%s, g); for (uint l = 0; l < W && c + l < %lluu; l++) y%d[q + l * %lluu] "
                    "= %sg[l]; } }\n",
                    type, value, (unsigned long long)v->size, index, (unsigned long long)stride,
                    a->dtype == PF_U8 ? "(uchar)" : "");
}

void pf__print_signature(pf__text *t, const pf__fused *f, const pf__cut *cut) {
    pf__text_format(t, "kernel %svoid KERNEL(",
                    cut->cpu ? "__attribute__((reqd_work_group_size(1, 1, 1))) " : "");
    for (int i = 0; i < f->load_count; i++)
        pf__text_format(t, "%sglobal const %s *a%d, const uint o%d", i ? ", " : "",
                        memory_type(f->loads[i].dtype), i, i);
    for (int i = 0; i < f->store_count; i++)
        pf__text_format(t, "%sglobal %s *y%d, const uint p%d", i || f->load_count ? ", " : "",
                        memory_type(f->stores[i].dtype), i, i);
    pf__text_add(t, ") {\n");
}

/* The variables of the loops that make up the row index r (and, for slices, s). */
void pf__print_decode(pf__text *t, const pf__loops *loops, const pf__cut *cut, const char *indent) {
    pf__text_format(t, "%suint q_ = r;\n", indent);
    if (cut->slices > 1)
        pf__text_format(t, "%sconst uint s = q_ %% %lluu; q_ /= %lluu;\n", indent,
                        (unsigned long long)cut->slices, (unsigned long long)cut->slices);
    int last = -1;
    for (int i = loops->count - 1; i >= 0; i--) {
        if (i == loops->vector || loops->list[i].segment == 1) continue;
        pf__text_format(t, "%sconst uint d%d = q_ %% %lluu; q_ /= %lluu;\n", indent, i,
                        (unsigned long long)loops->list[i].size, (unsigned long long)loops->list[i].size);
        last = i;
    }
    if (last < 0 && cut->slices <= 1) pf__text_format(t, "%s(void)q_;\n", indent);
}
