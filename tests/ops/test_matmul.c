/* SPDX-License-Identifier: MIT
 * Matrix products: every candidate, every role, tails in all sizes, against double; guard zones; bits. */
#include "rig.h"
#include "suites.h"

typedef struct product {
    const char *candidate;
    uint32_t width; /* of the device's vectors; 0 = its own */
    bool ta, tb;
    int64_t batch, m, n, k; /* batch 0: rank 2 */
    uint32_t offset;        /* of the tensors; 0 = 64 */
} product;

/* C in double, from the operands as stored. */
static double *reference(const product *p, const float *a, const float *b) {
    const int64_t batch = p->batch ? p->batch : 1;
    double *c = calloc((size_t)(batch * p->m * p->n), sizeof *c);
    for (int64_t i = 0; i < batch * p->m; i++) {
        const int64_t item = i / p->m, row = i % p->m;
        const float *x = a + item * p->m * p->k, *y = b + item * p->k * p->n;
        for (int64_t k = 0; k < p->k; k++) {
            const double value = p->ta ? x[k * p->m + row] : x[row * p->k + k];
            for (int64_t j = 0; j < p->n; j++)
                c[i * p->n + j] += value * (p->tb ? y[j * p->k + k] : y[k * p->n + j]);
        }
    }
    return c;
}

static void compare(const product *p, const float *c, const double *expected) {
    const int64_t count = (p->batch ? p->batch : 1) * p->m * p->n;
    double worst = 0;
    for (int64_t i = 0; i < count; i++) {
        double error = fabs(c[i] - expected[i]);
        if (!(error <= worst)) worst = error; /* also takes NaN */
    }
    /* The partial sums grow as sqrt(K), and so do their roundings: the error of K of them as K. */
    const int good = worst <= 1e-7 * (10 + (double)p->k);
    if (!good)
        fprintf(stderr, "matmul %s V=%u %c%c batch %lld %lldx%lldx%lld: error %g\n", p->candidate, p->width,
                p->ta ? 't' : 'n', p->tb ? 't' : 'n', (long long)p->batch, (long long)p->m, (long long)p->n,
                (long long)p->k, worst);
    CU_ASSERT(good);
}

static void prepare(rig *r, const product *p, const float *a, const float *b) {
    rig_open(r);
    if (p->width) r->device.vector_width = p->width;
    if (p->offset) r->offset = p->offset;
    r->lowering.matmul = p->candidate;
    const int rank = p->batch ? 3 : 2;
    pf_shape sa = rig_shape(2, p->ta ? p->k : p->m, p->ta ? p->m : p->k, 0);
    pf_shape sb = rig_shape(2, p->tb ? p->n : p->k, p->tb ? p->k : p->n, 0), sc = rig_shape(2, p->m, p->n, 0);
    if (rank == 3) {
        sa = rig_shape(3, p->batch, sa.dim[0], sa.dim[1]);
        sb = rig_shape(3, p->batch, sb.dim[0], sb.dim[1]);
        sc = rig_shape(3, p->batch, sc.dim[0], sc.dim[1]);
    }
    const pf_value in[2] = {rig_value(r, PF_F32, sa, a), rig_value(r, PF_F32, sb, b)};
    const pf_value out = rig_value(r, PF_F32, sc, NULL);
    const pf__attr attr = {.transpose_a = p->ta, .transpose_b = p->tb};
    rig_node(r, PF__OP_MATMUL, in, 2, &attr, out);
}

/* Runs the product twice; the second run must give the first one's bits. */
static void try_product(const product *p) {
    const int64_t batch = p->batch ? p->batch : 1;
    float *a = rig_numbers((uint64_t)(batch * p->m * p->k), 1),
          *b = rig_numbers((uint64_t)(batch * p->k * p->n), 2);
    double *expected = reference(p, a, b);
    rig r;
    prepare(&r, p, a, b);
    pf_status st = rig_lower(&r, pf__matmul_candidates);
    CHECK_OK(st, r.err);
    if (st == PF_OK) {
        CU_ASSERT_STRING_EQUAL(r.chosen, p->candidate);
        float *first = rig_run(&r), *second = rig_run(&r);
        if (first) compare(p, first, expected);
        if (first && second) CU_ASSERT_EQUAL(memcmp(first, second, (size_t)(batch * p->m * p->n) * 4), 0);
        free(first);
        free(second);
    }
    rig_close(&r);
    free(a);
    free(b);
    free(expected);
}

static const int64_t sizes[] = {1, 2, 3, 7, 8, 17, 31, 33, 64, 130, 257};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* All pairs (M, N), K walking through the sizes; in a small run those of 1, 7, 31. */
static void all_tails(const char *candidate, uint32_t width) {
    const int step = rig_small() ? 3 : 1, end = rig_small() ? 7 : SIZES;
    for (int role = 0; role < 4; role++)
        for (int i = 0; i < end; i += step)
            for (int j = 0; j < end; j += step)
                try_product(&(product){.candidate = candidate,
                                       .width = width,
                                       .ta = role & 1,
                                       .tb = role >> 1,
                                       .m = sizes[i],
                                       .n = sizes[j],
                                       .k = sizes[(5 * i + 3 * j + role) % end]});
}

static void cpu_16(void) {
    all_tails("cpu", 16);
}

static void cpu_8(void) {
    all_tails("cpu", 8);
}

static void cpu_4(void) {
    all_tails("cpu", 4);
}

static void generic(void) {
    all_tails("generic", 0);
}

/* Sizes at which the ways of packing and slicing change: several passes over K, A in panels, slices of K. */
static void big(void) {
    static const product shapes[] = {
        {.m = 33, .n = 40, .k = 700},
        {.ta = true, .m = 17, .n = 33, .k = 5000},
        {.tb = true, .m = 9, .n = 65, .k = 2500},
        {.ta = true, .m = 64, .n = 64, .k = 4097},
        {.ta = true, .m = 300, .n = 70, .k = 1500},
        {.ta = true, .m = 261, .n = 33, .k = 513},
        {.m = 300, .n = 100, .k = 600},
        {.m = 2, .n = 1030, .k = 1025},
        {.ta = true, .tb = true, .m = 270, .n = 35, .k = 530},
        {.m = 1030, .n = 1, .k = 300},
        {.m = 1024, .n = 256, .k = 256}, /* work for long loops, which some drivers end early */
        {.ta = true, .m = 520, .n = 130, .k = 9000},
    };
    static const product small_shapes[] = {
        {.ta = true, .m = 5, .n = 3, .k = 1030},
        {.ta = true, .m = 261, .n = 3, .k = 5},
        {.m = 129, .n = 35, .k = 3},
        {.tb = true, .m = 3, .n = 35, .k = 19},
        {.m = 3, .n = 20, .k = 259},
    };
    static const uint32_t widths[] = {16, 8, 4};
    const product *list = rig_small() ? small_shapes : shapes;
    const size_t count = rig_small() ? sizeof small_shapes / sizeof *shapes : sizeof shapes / sizeof *shapes;
    for (size_t w = 0; w < 3; w++)
        for (size_t i = 0; i < count; i++) {
            product p = list[i];
            p.candidate = "cpu";
            p.width = widths[w];
            try_product(&p);
        }
}

static void batched(void) {
    static const product shapes[] = {
        {.batch = 1, .m = 5, .n = 6, .k = 7},     {.batch = 6, .m = 49, .n = 49, .k = 64},
        {.batch = 3, .m = 17, .n = 33, .k = 300}, {.batch = 2, .m = 300, .n = 35, .k = 520},
        {.batch = 40, .m = 1, .n = 3, .k = 2},
    };
    static const struct {
        const char *candidate;
        uint32_t width;
    } ways[] = {{"cpu", 16}, {"cpu", 8}, {"cpu", 4}, {"generic", 0}};
    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++)
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            for (int role = 0; role < 4; role++) {
                product p = shapes[i];
                if (rig_small() && p.batch * p.m * p.n * p.k > 1000) continue;
                p.candidate = ways[w].candidate;
                p.width = ways[w].width;
                p.ta = role & 1;
                p.tb = role >> 1;
                try_product(&p);
            }
}

static void clblast(void) {
    for (int role = 0; role < 4; role++) {
        product p = {.candidate = "clblast", .ta = role & 1, .tb = role >> 1, .m = 33, .n = 17, .k = 130};
        try_product(&p);
        p.m = 1;
        try_product(&p);
        p.m = p.n = p.k = 64;
        try_product(&p);
    }
}

/* CLBlast 1.5.3's own CLBlastSgemmStridedBatched gives errors of about 12 here (n = 64, operands at offset
 * 128, indirect path), with status 0. Once through sub-buffers, once where the alignment forbids them. */
static void clblast_batched_at_an_offset(void) {
    static const uint32_t offsets[] = {128, 16 + 1};
    for (size_t i = 0; i < 2; i++)
        for (int role = 0; role < 4; role++) {
            product p = {.candidate = "clblast",
                         .ta = role & 1,
                         .tb = role >> 1,
                         .batch = 3,
                         .m = 64,
                         .n = 64,
                         .k = 64};
            p.offset = offsets[i];
            try_product(&p);
            p.m = 20;
            p.n = 35;
            try_product(&p);
        }
}

static const char *choice(const char *matmul, pf_device_type type) {
    const float one = 1;
    rig r;
    prepare(&r, &(product){.candidate = matmul, .m = 1, .n = 1, .k = 1}, &one, &one);
    r.device.type = type;
    r.chosen = "none";
    for (const pf__candidate *c = pf__matmul_candidates; c->name; c++)
        if (c->supports(&r.lowering, &r.node)) {
            r.chosen = c->name;
            break;
        }
    rig_close(&r);
    return r.chosen;
}

static void choices(void) {
    CU_ASSERT_STRING_EQUAL(choice("auto", PF_DEVICE_CPU), "cpu");
    CU_ASSERT_STRING_EQUAL(choice(NULL, PF_DEVICE_CPU), "cpu");
    CU_ASSERT_STRING_EQUAL(choice("auto", PF_DEVICE_GPU), "clblast");
    CU_ASSERT_STRING_EQUAL(choice("auto", PF_DEVICE_ACCELERATOR), "generic");
    CU_ASSERT_STRING_EQUAL(choice("clblast", PF_DEVICE_CPU), "clblast");
    CU_ASSERT_STRING_EQUAL(choice("generic", PF_DEVICE_GPU), "generic");
    CU_ASSERT_STRING_EQUAL(choice("cpu", PF_DEVICE_GPU), "cpu");
}

void test_matmul_suite(void) {
    CU_pSuite s = CU_add_suite("matmul", NULL, NULL);
    CU_add_test(s, "the choice of a candidate", choices);
    CU_add_test(s, "cpu, vectors of 16: all tails", cpu_16);
    CU_add_test(s, "cpu, vectors of 8: all tails", cpu_8);
    CU_add_test(s, "cpu, vectors of 4: all tails", cpu_4);
    CU_add_test(s, "generic: all tails", generic);
    CU_add_test(s, "cpu: packing and slicing", big);
    CU_add_test(s, "batched", batched);
    if (rig_small()) return; /* not our kernels */
    CU_add_test(s, "clblast", clblast);
    CU_add_test(s, "clblast, batched at an offset", clblast_batched_at_an_offset);
}
