/* SPDX-License-Identifier: MIT
 * Random leaves on the device against the host's Philox. */
#include "base/philox.h"
#include "base/text.h"
#include "rig.h"
#include "suites.h"

static const uint64_t seed = 0x123456789abcdef1u;

static void prepare(rig *r, pf__random_kind kind, uint32_t width, int64_t rows, int64_t d, uint64_t first) {
    rig_open(r);
    r->device.vector_width = width;
    const pf_shape shape = d == 0 ? rig_shape(1, rows, 0, 0) : rig_shape(2, rows, d, 0);
    const pf_value out = rig_value(r, kind == PF__RANDOM_BITS ? PF_U32 : PF_F32, shape, NULL);
    const pf__attr attr = {.name = "noise", .kind = kind};
    rig_node(r, PF__OP_RANDOM, NULL, 0, &attr, out);
    rig_seed(r, seed, first);
    CHECK_OK(rig_lower(r, pf__random_candidates), r->err);
}

static int good_number(pf__random_kind kind, const void *out, int64_t i, uint64_t sample, uint32_t e) {
    const uint32_t stream = pf__stream("noise");
    if (kind == PF__RANDOM_BITS)
        return ((const uint32_t *)out)[i] == pf__random_bits(seed, stream, sample, e);
    const double x = (double)((const float *)out)[i];
    if (kind == PF__RANDOM_UNIFORM)
        return x > 0 && x < 1 && fabs(x - pf__random_uniform(seed, stream, sample, e)) <= 0x1p-24;
    const double y = pf__random_normal(seed, stream, sample, e);
    return fabs(x - y) <= 2e-6 * fmax(1.0, fabs(y));
}

static void try_leaf(pf__random_kind kind, uint32_t width, int64_t rows, int64_t d, uint64_t first) {
    rig r;
    prepare(&r, kind, width, rows, d, first);
    void *out = rig_run(&r), *again = rig_run(&r);
    const int64_t columns = d ? d : 1;
    int64_t bad = 0;
    for (int64_t i = 0; out && i < rows * columns; i++)
        if (!good_number(kind, out, i, first + (uint64_t)(i / columns), (uint32_t)(i % columns))) bad++;
    if (bad)
        fprintf(stderr, "random kind %d V=%u %lldx%lld: %lld bad\n", (int)kind, width, (long long)rows,
                (long long)d, (long long)bad);
    CU_ASSERT_EQUAL(bad, 0);
    if (out && again) CU_ASSERT_EQUAL(memcmp(out, again, (size_t)(rows * columns) * 4), 0);
    free(out);
    free(again);
    rig_close(&r);
}

static void shapes_of(pf__random_kind kind) {
    static const uint32_t widths[] = {16, 8, 4};
    static const int64_t rows[] = {1, 3, 17, 100},
                         columns[] = {0, 1, 2, 3, 4, 5, 8, 12, 20, 27, 64, 68, 100, 784};
    for (size_t w = 0; w < 3; w++)
        for (size_t i = 0; i < (rig_small() ? 3 : sizeof rows / sizeof *rows); i++)
            for (size_t j = 0; j < (rig_small() ? 8 : sizeof columns / sizeof *columns); j++)
                try_leaf(kind, widths[w], rows[i], columns[j], 0xfffffff9u); /* the sample's low word wraps */
}

static void bits(void) {
    shapes_of(PF__RANDOM_BITS);
}

static void uniforms(void) {
    shapes_of(PF__RANDOM_UNIFORM);
}

static void normals(void) {
    shapes_of(PF__RANDOM_NORMAL);
    if (rig_small()) return;
    try_leaf(PF__RANDOM_NORMAL, 16, 5000, 0, 7);
    try_leaf(PF__RANDOM_NORMAL, 8, 1000, 1000, 0);
}

/* The kernel's own philox() on counters and keys that no leaf of a sensible size reaches, through a second
 * kernel that calls it. */
static void published(void) {
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } known[] = {
        /* Random123, kat_vectors, philox4x32 10 */
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    rig r;
    rig_open(&r);
    char *text = NULL;
    CHECK_OK(pf__kernel_source("random.cl", &text, &r.err), r.err);
    pf__text source = {0};
    pf__text_format(&source, "#undef KERNEL\n#define KERNEL leaf\n%s\n%s", text ? text : "",
                    "kernel void under_test(global uint *out, uint at, uint a, uint b, uint c, uint d, uint "
                    "k0, uint k1) {\n"
                    "    uint4 x = a, y = b, z = c, w = d;\n"
                    "    leaf_philox(&x, &y, &z, &w, k0, k1);\n"
                    "    out[at] = x.s0; out[at + 1] = y.s1; out[at + 2] = z.s2; out[at + 3] = w.s3;\n"
                    "}\n");
    const pf_value out = rig_value(&r, PF_U32, rig_shape(1, 4, 0, 0), NULL);
    rig_node(&r, PF__OP_RANDOM, NULL, 0, &(pf__attr){0}, out);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const uint32_t *c = known[i].counter, *k = known[i].key;
        const pf__operand operands[] = {pf__write(out), pf__u32(c[0]), pf__u32(c[1]), pf__u32(c[2]),
                                        pf__u32(c[3]),  pf__u32(k[0]), pf__u32(k[1])};
        const pf__step_desc step = {.label = "published",
                                    .source = pf__text_string(&source),
                                    .defines = "#define V 4\n#define BITS 1\n",
                                    .dims = 1,
                                    .global = {1, 1, 1},
                                    .local = {1, 1, 1},
                                    .operands = operands,
                                    .operand_count = 7};
        CHECK_OK(r.lowering.kernel(&r.lowering, &step), r.err);
        uint32_t *words = rig_run(&r); /* all launches so far; the last one decides */
        if (words) CU_ASSERT_EQUAL(memcmp(words, known[i].out, sizeof known[i].out), 0);
        free(words);
    }
    pf__text_free(&source);
    free(text);
    rig_close(&r);
}

void test_random_suite(void) {
    CU_pSuite s = CU_add_suite("random", NULL, NULL);
    CU_add_test(s, "published numbers", published);
    CU_add_test(s, "bits are the host's", bits);
    CU_add_test(s, "uniforms are the host's", uniforms);
    CU_add_test(s, "normals are the host's", normals);
}
