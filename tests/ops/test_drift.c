/* SPDX-License-Identifier: MIT
 * The drifting field and its distances on the device against the row's own sums in double: every form, with
 * distances kept and in blocks, as a CPU and as a GPU runs it. */
#include "ops/rows.h"
#include "rig.h"
#include "suites.h"

enum { INPUTS = 5 };

typedef struct problem {
    int groups, x, positive, extra, dim, temperatures;
    int kind; /* pf__drift_kind */
    bool weighted;
    double floor;
    int64_t workspace;
    double spread, offset; /* of the coordinates */
    uint32_t width;
    bool gpu;
} problem;

typedef struct data {
    float *in[INPUTS];
    double *wide[INPUTS];
    int64_t count[INPUTS];
} data;

static void make(const problem *p, data *d) {
    const int64_t counts[INPUTS] = {(int64_t)p->groups * p->x * p->dim,
                                    (int64_t)p->groups * p->positive * p->dim, p->temperatures,
                                    (int64_t)p->groups * p->extra * p->dim, (int64_t)p->groups * p->extra};
    for (int i = 0; i < INPUTS; i++) {
        d->count[i] = counts[i];
        d->in[i] = rig_numbers((uint64_t)counts[i] + 1, (uint32_t)i + 7);
        d->wide[i] = calloc((size_t)counts[i] + 1, sizeof(double));
        for (int64_t k = 0; k < counts[i]; k++) {
            float *v = &d->in[i][k];
            if (i == 2)
                *v = 0.5f * sqrtf((float)p->dim) / (float)(1 << k);
            else if (i == 4)
                *v = k % 3 ? fabsf(*v) * 2 : 0;
            else
                *v = (float)(p->spread * *v + p->offset + (i == 1 ? 0.3 : 0));
            d->wide[i][k] = *v;
        }
    }
}

static void discard(data *d) {
    for (int i = 0; i < INPUTS; i++) {
        free(d->in[i]);
        free(d->wide[i]);
    }
}

/* The relative error of the whole output; the device's bits go to *bits (malloc) when asked for. */
static double run(const problem *p, pf__op_id op, float **bits) {
    data d;
    rig r;
    make(p, &d);
    rig_open(&r);
    r.device.vector_width = p->width;
    if (p->gpu) r.device.type = PF_DEVICE_GPU;
    const pf_shape sets[INPUTS] = {
        rig_shape(3, p->groups, p->x, p->dim), rig_shape(3, p->groups, p->positive, p->dim),
        rig_shape(1, p->temperatures, 0, 0), rig_shape(3, p->groups, p->extra, p->dim),
        rig_shape(2, p->groups, p->extra, 0)};
    const bool field = op == PF__OP_DRIFT;
    pf_value in[INPUTS];
    const double *wide[INPUTS];
    uint32_t count = 0;
    for (int i = 0; i < INPUTS; i++) {
        if ((i == 2 && !field) || (i == 3 && !p->extra) || (i == 4 && !p->weighted)) continue;
        wide[count] = d.wide[i];
        in[count++] = rig_value(&r, PF_F32, sets[i], d.in[i]);
    }
    const pf_shape shape = {.rank = 4, .dim = {p->temperatures, p->groups, p->x, p->dim}};
    const pf_value out = rig_value(&r, PF_F32, field ? shape : rig_shape(2, p->groups, p->x, 0), NULL);
    pf__attr attr = {.kind = p->kind, .number = p->floor};
    attr.a[0] = p->workspace;
    rig_node(&r, op, in, count, &attr, out);
    const struct pf__op *row = pf__ops[op];
    pf_status st = rig_lower(&r, row->candidates);
    CHECK_OK(st, r.err);
    double error = 0, norm = 0, *expected = calloc(r.tensors[out].count, sizeof *expected);
    row->interpret(&r.graph, &r.node, wide, &expected);
    float *got = st == PF_OK ? rig_run(&r) : NULL;
    for (uint64_t i = 0; got && i < r.tensors[out].count; i++) {
        error += (got[i] - expected[i]) * (got[i] - expected[i]);
        norm += expected[i] * expected[i];
    }
    if (bits)
        *bits = got;
    else
        free(got);
    free(expected);
    rig_close(&r);
    discard(&d);
    return got ? sqrt(error / (norm > 0 ? norm : 1)) : NAN;
}

static void check(const problem *p, pf__op_id op, double tolerance) {
    const double e = run(p, op, NULL);
    if (!(e <= tolerance))
        fprintf(
            stderr,
            "%s: %d x (%d, %d + %d) x %d, %d temperatures, kind %d%s, floor %g, workspace %lld, spread %g, "
            "offset %g, width %u%s: error %.3g\n",
            pf__ops[op]->name, p->groups, p->x, p->extra, p->positive, p->dim, p->temperatures, p->kind,
            p->weighted ? " weighted" : "", p->floor, (long long)p->workspace, p->spread, p->offset, p->width,
            p->gpu ? " gpu" : "", e);
    CU_ASSERT(e <= tolerance);
}

static const int dims[] = {1, 2, 7, 8, 9, 16, 32, 33, 65, 130};
static const uint32_t widths[] = {16, 8, 4};
enum { DIMS = sizeof dims / sizeof *dims, OWN = PF__DRIFT_OWN, MASKED = PF__DRIFT_OWN | PF__DRIFT_MASKED };

static int dim_step(void) {
    return rig_small() ? 4 : 1;
}

static problem usual(int i, int dim) {
    return (problem){
        .groups = 1 + i % 3,
        .x = 37 + i % 5,
        .positive = 41 + i % 7,
        .dim = dim,
        .temperatures = 1 + i % 2,
        .kind = MASKED,
        .workspace = 1 << 26,
        .spread = 1,
        .width = 16,
    };
}

/* Both forms, both kernels, with extra negatives or without. */
static void forms(void) {
    static const int few[] = {2, 9, 65};
    for (int k = 0; k < (rig_small() ? 2 : 3); k++)
        for (int i = 0; i < 16; i++) {
            problem p = usual(i + k, few[k]);
            p.kind = (i & 1 ? PF__DRIFT_TWO_SIDED : 0) | (i & 2 ? PF__DRIFT_GAUSS : 0) |
                     (i & 4 ? OWN : MASKED);
            p.extra = i & 8 ? 13 + i : 0;
            p.weighted = p.extra && i & 4;
            p.floor = i % 3 == 1 ? 1e-6 : 0;
            check(&p, PF__OP_DRIFT, 2e-5);
        }
}

static void dimensions(void) {
    for (int k = 0; k < DIMS; k += dim_step()) {
        problem p = usual(k, dims[k]);
        p.kind |= k & 1 ? PF__DRIFT_TWO_SIDED : 0;
        check(&p, PF__OP_DRIFT, 2e-5);
    }
}

static void each_device(void) {
    static const int few[] = {2, 9, 65};
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < 6; i++) {
            problem p = usual(i, few[k]);
            p.width = widths[i / 2];
            p.gpu = !rig_small() && i % 2;
            p.kind |= PF__DRIFT_TWO_SIDED;
            check(&p, PF__OP_DRIFT, 2e-5);
            p.kind ^= PF__DRIFT_TWO_SIDED;
            check(&p, PF__OP_DRIFT, 2e-5);
        }
}

/* No x among the negatives. */
static void extra_alone(void) {
    for (int k = 0; k < DIMS; k += dim_step()) {
        problem p = usual(k, dims[k]);
        p.kind = k & 1 ? PF__DRIFT_TWO_SIDED : 0;
        p.extra = 19;
        p.weighted = k & 2;
        check(&p, PF__OP_DRIFT, 2e-5);
        check(&p, PF__OP_DRIFT_DISTANCE, 1e-5);
    }
}

static void distances(void) {
    for (int k = 0; k < DIMS; k += dim_step())
        for (int i = 0; i < 4; i++) {
            problem p = usual(i + k, dims[k]);
            p.kind = OWN;
            p.extra = i & 1 ? 21 : 0;
            p.weighted = i == 3;
            p.workspace = i & 2 ? 1 << 15 : 1 << 26;
            check(&p, PF__OP_DRIFT_DISTANCE, 1e-5);
        }
}

/* Distances that do not fit come block by block: the same field to 1e-5. */
static void blocks(void) {
    for (int k = 1; k < DIMS; k += 4)
        for (int i = 0; i < 6; i++) {
            problem p = usual(i + k, dims[k]);
            float *kept = NULL, *streamed = NULL;
            p.groups = 2;
            p.x = 150;
            p.gpu = !rig_small() && i == 5;
            if (p.gpu) p.x = 600; /* several slices of columns, the last one short */
            if (rig_small()) p.x = 50;
            p.kind = MASKED | (i % 3 ? PF__DRIFT_TWO_SIDED : 0);
            const int64_t targets = p.x + p.positive + 2 * 64;
            double e = run(&p, PF__OP_DRIFT, &kept);
            CU_ASSERT(e <= 2e-5);
            p.workspace = 4 * targets * (p.gpu ? 280 : 40) * p.temperatures;
            e = run(&p, PF__OP_DRIFT, &streamed);
            CU_ASSERT(e <= 2e-5);
            double error = 0, norm = 0;
            const int64_t count = (int64_t)p.temperatures * p.groups * p.x * p.dim;
            for (int64_t n = 0; kept && streamed && n < count; n++) {
                error += (kept[n] - streamed[n]) * (kept[n] - streamed[n]);
                norm += kept[n] * kept[n];
            }
            CU_ASSERT(sqrt(error / norm) <= 1e-5);
            free(kept);
            free(streamed);
        }
}

static void no_room(void) {
    problem p = usual(0, 2);
    data d;
    rig r;
    make(&p, &d);
    rig_open(&r);
    const pf_value in[3] = {rig_value(&r, PF_F32, rig_shape(3, p.groups, p.x, 2), d.in[0]),
                            rig_value(&r, PF_F32, rig_shape(3, p.groups, p.positive, 2), d.in[1]),
                            rig_value(&r, PF_F32, rig_shape(1, p.temperatures, 0, 0), d.in[2])};
    const pf_value out = rig_value(&r, PF_F32, rig_shape(3, p.groups, p.x, 2), NULL);
    pf__attr attr = {.kind = MASKED | PF__DRIFT_TWO_SIDED};
    attr.a[0] = 1000;
    rig_node(&r, PF__OP_DRIFT, in, 3, &attr, out);
    CHECK_INT(rig_lower(&r, pf__drift_candidates), PF_USAGE);
    CHECK_CONTAINS(r.err.message, "1000 bytes");
    CHECK_CONTAINS(r.err.hint, "bytes are enough");
    rig_close(&r);
    discard(&d);
}

/* All x in one spot, far from the positives and from 0: nothing underflows, and near pairs keep their digits.
 */
static void collapsed(void) {
    for (int k = 1; k < DIMS; k += 4)
        for (int i = 0; i < 4; i++) {
            problem p = usual(k + i, dims[k]);
            p.kind = MASKED | (i & 1 ? PF__DRIFT_TWO_SIDED : 0);
            p.spread = i & 2 ? 1e-3 : 0.02;
            p.offset = 3;
            p.temperatures = 3;
            check(&p, PF__OP_DRIFT, 2e-6);
            p.kind = OWN;
            p.positive = 1;
            check(&p, PF__OP_DRIFT_DISTANCE, 2e-6);
        }
}

/* Whatever is not a number makes V not a number, in rows and, two-sided, in columns. */
static void not_a_number(void) {
    for (int k = 0; k < DIMS; k += 4) {
        problem p = usual(k, dims[k]);
        p.kind |= k % 8 ? 0 : PF__DRIFT_TWO_SIDED;
        p.spread = NAN;
        float *bits = NULL;
        run(&p, PF__OP_DRIFT, &bits);
        CU_ASSERT(bits && isnan(bits[0]));
        free(bits);
    }
}

void test_drift_suite(void) {
    CU_pSuite s = CU_add_suite("drift", NULL, NULL);
    CU_add_test(s, "both forms, both kernels", forms);
    CU_add_test(s, "small and large dimensions", dimensions);
    CU_add_test(s, "vectors of 16, 8, 4, and work-groups", each_device);
    CU_add_test(s, "extra negatives alone", extra_alone);
    CU_add_test(s, "weighted sums of distances", distances);
    CU_add_test(s, "distances kept or in blocks", blocks);
    CU_add_test(s, "a workspace without room for a row", no_room);
    CU_add_test(s, "a collapsed start", collapsed);
    CU_add_test(s, "not-a-number", not_a_number);
}
