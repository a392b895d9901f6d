/* SPDX-License-Identifier: MIT
 * Rows by index, and the adjoint. */
#include "rig.h"
#include "suites.h"

static const uint32_t widths[] = {16, 8, 4};
static const int64_t columns[] = {1, 3, 16, 37, 100, 784};
enum { ROWS = 11, BATCH = 53, COLUMNS = sizeof columns / sizeof *columns };

/* Wide rows are left out of a small run. */
static int column_count(void) {
    return rig_small() ? 4 : COLUMNS;
}

/* Every row but 4 (which nobody asks for), some often. */
static void make_index(int32_t *index) {
    for (int b = 0; b < BATCH; b++) {
        index[b] = (int32_t)(b * b * 7 % ROWS);
        if (index[b] == 4) index[b] = ROWS - 1;
    }
}

static void prepare(rig *r, pf__op_id op, pf_dtype dtype, uint32_t width, bool gpu, int64_t in_rows,
                    int64_t out_rows, int64_t d, const void *data, const int32_t *index) {
    rig_open(r);
    r->device.vector_width = width;
    if (gpu) r->device.type = PF_DEVICE_GPU;
    const pf_value in[2] = {rig_value(r, dtype, rig_shape(2, in_rows, d, 0), data),
                            rig_value(r, PF_I32, rig_shape(1, BATCH, 0, 0), index)};
    const pf_value out = rig_value(r, dtype, rig_shape(2, out_rows, d, 0), NULL);
    rig_node(r, op, in, 2, &(pf__attr){0}, out);
}

static void try_gather(pf_dtype dtype, uint32_t width, bool gpu, int64_t d) {
    int32_t index[BATCH];
    make_index(index);
    float *table = rig_numbers((uint64_t)(ROWS * d), 3); /* the bits of any type */
    rig r;
    prepare(&r, PF__OP_GATHER, dtype, width, gpu, ROWS, BATCH, d, table, index);
    CHECK_OK(rig_lower(&r, pf__gather_candidates), r.err);
    float *out = rig_run(&r);
    int bad = 0;
    for (int b = 0; out && b < BATCH; b++)
        if (memcmp(out + b * d, table + index[b] * d, (size_t)d * 4) != 0) bad++;
    CHECK_INT(bad, 0);
    free(out);
    free(table);
    rig_close(&r);
}

static void gather(void) {
    static const pf_dtype types[] = {PF_F32, PF_I32, PF_U32};
    for (size_t w = 0; w < 3; w++)
        for (int i = 0; i < column_count(); i++)
            for (int gpu = 0; gpu < 2; gpu++)
                try_gather(types[(w + (size_t)i) % 3], widths[w], gpu, columns[i]);
}

/* The sums in order, in float: the device must give these bits. */
static int wrong_sums(const float *out, const float *source, const int32_t *index, int64_t d) {
    int bad = 0;
    for (int64_t i = 0; i < ROWS * d; i++) {
        float sum = 0;
        for (int b = 0; b < BATCH; b++)
            if (index[b] == i / d) sum += source[b * d + i % d];
        if (memcmp(&sum, &out[i], sizeof sum) != 0) bad++;
    }
    return bad;
}

static void adjoint(void) {
    int32_t index[BATCH];
    make_index(index);
    for (size_t w = 0; w < 3; w++)
        for (int i = 0; i < 2 * column_count(); i++) {
            const int64_t d = columns[i / 2];
            float *source = rig_numbers((uint64_t)(BATCH * d), 4);
            rig r;
            prepare(&r, PF__OP_GATHER_ADJOINT, PF_F32, widths[w], i % 2, BATCH, ROWS, d, source, index);
            CHECK_OK(rig_lower(&r, pf__gather_adjoint_candidates), r.err);
            float *out = rig_run(&r);
            if (out) CHECK_INT(wrong_sums(out, source, index, d), 0);
            free(out);
            free(source);
            rig_close(&r);
        }
}

void test_gather_suite(void) {
    CU_pSuite s = CU_add_suite("gather", NULL, NULL);
    CU_add_test(s, "rows by index", gather);
    CU_add_test(s, "the adjoint", adjoint);
}
