/* SPDX-License-Identifier: MIT
 * Real draws of a data set, and the floor: what the distance of two of them is. In a balanced draw chance has
 * no part in the modes' shares, which otherwise make most of that distance. */
#include "eval/draws.h"
#include "base/philox.h"
#include "pushforward/eval.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PAIRS = 5, SEED = 2 };

void pf__draws_free(pf__draws *d) {
    free(d->x);
    free(d->mode);
    *d = (pf__draws){0};
}

static void measure_deviation(pf__draws *d) {
    double sum = 0;
    for (int64_t k = 0; k < d->dim; k++) {
        double mean = 0, square = 0;
        for (int64_t i = 0; i < d->count; i++) mean += (double)d->x[i * d->dim + k] / (double)d->count;
        for (int64_t i = 0; i < d->count; i++)
            square += ((double)d->x[i * d->dim + k] - mean) * ((double)d->x[i * d->dim + k] - mean);
        sum += square / (double)d->count;
    }
    d->deviation = sqrt(sum / (double)d->dim);
}

/* ---- made kinds ---- */

/* The modes of a draw that starts at a multiple of the parts are known where they are not labels. */
static pf_status draw_reference(pf__draws *d, const pf_make_desc *desc, int classes, pf_error *err) {
    const int parts = pf_dataset_parts(desc->kind);
    d->modes = classes ? classes : desc->balanced ? parts : 0;
    d->x = malloc((size_t)(d->count * d->dim) * sizeof *d->x);
    d->mode = d->modes ? malloc((size_t)d->count * sizeof *d->mode) : NULL;
    if (!d->x || (d->modes && !d->mode))
        return pf__fail_memory(err, "real draws", (unsigned long long)(d->count * d->dim) * sizeof *d->x);
    PF__TRY(pf_dataset_draw(desc, 0, d->count, d->x, classes ? d->mode : NULL, err));
    for (int64_t i = 0; !classes && d->modes && i < d->count; i++) d->mode[i] = (int32_t)(i % parts);
    return PF_OK;
}

/* Five pairs of ten further draws. */
static pf_status floor_of_kind(pf__draws *d, const pf_make_desc *desc, int slices, pf_error *err) {
    const size_t n = (size_t)(d->count * d->dim);
    float *pair = malloc(2 * n * sizeof *pair);
    if (!pair) return pf__fail_memory(err, "real draws", 2 * n * sizeof *pair);
    const int parts = pf_dataset_parts(desc->kind);
    const int64_t stride = parts ? (d->count + parts - 1) / parts * parts : d->count; /* whole rounds */
    pf_status st = PF_OK;
    double one, sum = 0;
    for (int k = 0; k < PAIRS && st == PF_OK; k++) {
        st = pf_dataset_draw(desc, (2 * k + 1) * stride, d->count, pair, NULL, err);
        if (st == PF_OK) st = pf_dataset_draw(desc, (2 * k + 2) * stride, d->count, pair + n, NULL, err);
        if (st == PF_OK) st = pf_sliced_w2(pair, pair + n, d->count, d->dim, slices, &one, err);
        if (st == PF_OK) sum += one;
    }
    free(pair);
    d->floor = sum / PAIRS;
    d->pairs = PAIRS;
    return st;
}

pf_status pf__draws_make(pf__draws *d, const char *kind, int64_t count, bool balanced, int slices,
                         pf_error *err) {
    pf_make_desc desc = {.kind = kind, .seed = SEED, .noise = -1};
    int dim, classes, side;
    PF__TRY(pf_dataset_kind(&desc, &dim, &classes, &side, err));
    desc.balanced = balanced && pf_dataset_parts(kind) > 0;
    *d = (pf__draws){.count = count,
                     .dim = dim,
                     .sample = {.rank = 1, .dim = {dim}},
                     .balanced = desc.balanced,
                     .is_u8 = side > 0,
                     .scale_factor = side ? 1 / 127.5 : 1,
                     .add_offset = side ? -1 : 0};
    if (side) d->sample = (pf_shape){.rank = 3, .dim = {side, side, 1}};
    pf_status st = draw_reference(d, &desc, classes, err);
    if (st == PF_OK) st = floor_of_kind(d, &desc, slices, err);
    if (st == PF_OK)
        measure_deviation(d);
    else
        pf__draws_free(d);
    return st;
}

/* ---- files ---- */

static pf_status floor_of_file(pf__draws *d, pf_dataset *set, int slices, pf_error *err) {
    const int64_t rows = pf_dataset_describe(set)->train_count;
    const size_t n = (size_t)(d->count * d->dim);
    float *part = malloc(n * sizeof *part);
    if (!part) return pf__fail_memory(err, "training data", n * sizeof *part);
    double one, sum = 0;
    pf_status st = PF_OK;
    while (st == PF_OK && d->pairs < PAIRS && (d->pairs + 1) * d->count <= rows) {
        st = pf_dataset_read(set, PF_TRAIN, d->pairs * d->count, d->count, part, NULL, err);
        if (st == PF_OK) st = pf_sliced_w2(part, d->x, d->count, d->dim, slices, &one, err);
        if (st != PF_OK) break;
        sum += one;
        d->pairs++;
    }
    free(part);
    d->floor = d->pairs ? sum / d->pairs : NAN;
    return st;
}

static pf_status read_reference(pf__draws *d, pf_dataset *set, const char *path, int64_t count,
                                pf_error *err) {
    const pf_dataset_info *i = pf_dataset_describe(set);
    if (i->test_count < 2)
        return pf__hint(err, pf__fail(err, PF_DATA, "%s: it has no test part to compare samples with", path),
                        "make or import the data set with one");
    *d = (pf__draws){.count = count < i->test_count ? count : i->test_count,
                     .dim = i->dim,
                     .sample = i->sample,
                     .modes = i->class_count,
                     .is_u8 = i->dtype == PF_U8,
                     .scale_factor = i->scale_factor,
                     .add_offset = i->add_offset};
    d->x = malloc((size_t)(d->count * d->dim) * sizeof *d->x);
    d->mode = d->modes ? malloc((size_t)d->count * sizeof *d->mode) : NULL;
    if (!d->x || (d->modes && !d->mode))
        return pf__fail_memory(err, path, (unsigned long long)(d->count * d->dim) * sizeof *d->x);
    return pf_dataset_read(set, PF_TEST, 0, d->count, d->x, d->mode, err);
}

pf_status pf__draws_read(pf__draws *d, const char *path, int64_t count, int slices, pf_error *err) {
    pf_dataset *set = NULL;
    *d = (pf__draws){0};
    PF__TRY(pf_dataset_open(path, &set, err));
    pf_status st = read_reference(d, set, path, count, err);
    if (st == PF_OK) st = floor_of_file(d, set, slices, err);
    if (st == PF_OK)
        measure_deviation(d);
    else
        pf__draws_free(d);
    pf_dataset_close(&set);
    return st;
}

/* ---- noise ---- */

bool pf__noise_can_balance(int64_t dim, int64_t count) {
    const int64_t side = llround(sqrt((double)count));
    return dim == 2 && side * side == count;
}

void pf__noise_balanced(uint64_t seed, int64_t count, float *noise) {
    const int64_t side = llround(sqrt((double)count));
    const uint32_t stream = pf__stream("noise/balanced");
    for (int64_t i = 0; i < count; i++) {
        const double ring = ((double)(i / side) + pf__random_uniform(seed, stream, (uint64_t)i, 0)) /
                            (double)side,
                     sector = ((double)(i % side) + pf__random_uniform(seed, stream, (uint64_t)i, 1)) /
                              (double)side;
        const double radius = sqrt(-2 * log(ring)), angle = 2 * acos(-1) * sector;
        noise[2 * i] = (float)(radius * cos(angle));
        noise[2 * i + 1] = (float)(radius * sin(angle));
    }
}
