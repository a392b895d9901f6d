/* SPDX-License-Identifier: MIT
 * Making data sets: the description with its defaults, samples in memory, a file of them. */
#include "base/philox.h"
#include "base/text.h"
#include "data/dataset_private.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEST_FIRST  ((int64_t)1 << 32)
#define COUNT_MAX   ((int64_t)1 << 32) /* so that the two parts never share a sample */
#define SCALE_IMAGE (1.0 / 127.5)

static const pf__kind *const kinds[] = {&pf__kind_gaussian, &pf__kind_8gaussians, &pf__kind_checkerboard,
                                        &pf__kind_moons,    &pf__kind_swissroll,  &pf__kind_strokes};
#define KIND_COUNT (sizeof kinds / sizeof *kinds)

static pf_status find_kind(const char *name, const pf__kind **kind, pf_error *err) {
    const char *names[KIND_COUNT];
    char list[128] = "";
    for (size_t i = 0; i < KIND_COUNT; i++) {
        names[i] = kinds[i]->name;
        size_t n = strlen(list);
        snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", names[i]);
        if (name && strcmp(name, names[i]) == 0) {
            *kind = kinds[i];
            return PF_OK;
        }
    }
    if (!name) return pf__hint(err, pf__fail(err, PF_USAGE, "no kind of data set given"), "kinds: %s", list);
    const char *near = pf__nearest(name, names, KIND_COUNT);
    pf_status st = pf__fail(err, PF_USAGE, "there is no kind of data set called '%s'", name);
    return near ? pf__hint(err, st, "did you mean '%s'? kinds: %s", near, list)
                : pf__hint(err, st, "kinds: %s", list);
}

static void maker_free(pf__maker *m) {
    free(m->mean);
    free(m->root);
}

static pf_status set_gaussian(pf__maker *m, const pf_make_desc *desc, pf_error *err) {
    size_t n = (size_t)m->dim;
    m->mean = calloc(n, sizeof *m->mean);
    m->root = calloc(n * n, sizeof *m->root);
    if (!m->mean || !m->root) return pf__fail_memory(err, "covariance", n * n * sizeof *m->root);
    for (size_t i = 0; i < n; i++) {
        if (desc->mean) m->mean[i] = desc->mean[i];
        if (!isfinite(m->mean[i])) return pf__fail(err, PF_USAGE, "gaussian: mean %zu is not finite", i);
        for (size_t k = 0; k < n; k++) {
            double c = desc->covariance ? desc->covariance[i * n + k] : i == k ? 1.0 : 0.0;
            double mirror = desc->covariance ? desc->covariance[k * n + i] : c;
            if (!isfinite(c) || fabs(c - mirror) > 1e-9 * (fabs(c) + fabs(mirror)))
                return pf__fail(err, PF_USAGE,
                                "gaussian: the covariance is not symmetric and finite at (%zu, %zu)", i, k);
            m->root[i * n + k] = c;
        }
    }
    if (pf__cholesky(m->root, m->dim)) return PF_OK;
    return pf__hint(err, pf__fail(err, PF_USAGE, "gaussian: the covariance is not positive definite"),
                    "all its eigenvalues must be above 0");
}

static pf_status set_size(pf__maker *m, const pf_make_desc *desc, pf_error *err) {
    if (m->kind->image) {
        m->side = desc->size ? desc->size : 16;
        if (m->side < 8 || m->side > 64)
            return pf__fail(err, PF_USAGE, "%s: size %d is outside 8 .. 64", m->kind->name, m->side);
        m->dim = m->side * m->side;
        return PF_OK;
    }
    m->dim = desc->dim ? desc->dim : 2;
    if (!m->kind->any_dim && m->dim != 2)
        return pf__fail(err, PF_USAGE, "%s: dim %d: its points have 2 coordinates", m->kind->name, m->dim);
    if (m->dim < 1 || m->dim > PF__GAUSSIAN_DIM_MAX)
        return pf__fail(err, PF_USAGE, "%s: dim %d is outside 1 .. %d", m->kind->name, m->dim,
                        PF__GAUSSIAN_DIM_MAX);
    return PF_OK;
}

/* On failure nothing is held. */
static pf_status resolve(const pf_make_desc *desc, pf__maker *m, pf_error *err) {
    *m = (pf__maker){0};
    PF__TRY(find_kind(desc->kind, &m->kind, err));
    m->train = desc->train ? desc->train : 20000;
    m->test = desc->test < 0 ? 0 : desc->test ? desc->test : 4000;
    m->seed = desc->seed ? desc->seed : 1;
    m->noise = desc->noise < 0 ? m->kind->noise : desc->noise;
    m->balanced = desc->balanced;
    if (m->balanced && !m->kind->parts)
        return pf__hint(err, pf__fail(err, PF_USAGE, "%s: it has no parts to balance", m->kind->name),
                        "8gaussians, checkerboard, moons and strokes have");
    if (m->train < 1 || m->train > COUNT_MAX || m->test > COUNT_MAX)
        return pf__fail(err, PF_USAGE, "%s: %lld training and %lld test samples cannot be made",
                        m->kind->name, (long long)m->train, (long long)m->test);
    if (!isfinite(m->noise)) return pf__fail(err, PF_USAGE, "%s: the noise is not finite", m->kind->name);
    PF__TRY(set_size(m, desc, err));
    char stream[64];
    snprintf(stream, sizeof stream, "data/%s", m->kind->name);
    m->stream = pf__stream(stream);
    if (!m->kind->any_dim) return PF_OK;
    pf_status st = set_gaussian(m, desc, err);
    if (st != PF_OK) maker_free(m);
    return st;
}

int pf_dataset_parts(const char *kind) {
    const pf__kind *found;
    return find_kind(kind, &found, NULL) == PF_OK ? found->parts : 0;
}

pf_status pf_dataset_kind(const pf_make_desc *desc, int *dim, int *class_count, int *side, pf_error *error) {
    pf__maker m;
    PF__TRY(resolve(desc, &m, error));
    if (dim) *dim = m.dim;
    if (class_count) *class_count = m.kind->class_count;
    if (side) *side = m.side;
    maker_free(&m);
    return PF_OK;
}

pf_status pf_dataset_draw(const pf_make_desc *desc, int64_t first, int64_t count, float *x, int32_t *y,
                          pf_error *error) {
    pf__maker m;
    uint8_t pixel[64 * 64];
    if (first < 0 || count < 0)
        return pf__fail(error, PF_USAGE, "samples %lld to %lld do not exist", (long long)first,
                        (long long)(first + count - 1));
    PF__TRY(resolve(desc, &m, error));
    for (int64_t i = 0; i < count; i++) {
        int32_t label = 0;
        float *row = x + i * m.dim;
        m.kind->draw(&m, (uint64_t)(first + i), m.kind->image ? (void *)pixel : (void *)row, &label);
        if (y) y[i] = label;
        if (!m.kind->image) continue;
        for (int k = 0; k < m.dim; k++) row[k] = (float)(pixel[k] * SCALE_IMAGE - 1.0);
    }
    maker_free(&m);
    return PF_OK;
}

/* Draws `count` samples from `first` on and appends them to a part. */
static pf_status write_part(const pf__maker *m, pf__writer *w, pf_split split, int64_t first, int64_t count,
                            pf_error *err) {
    size_t row = (size_t)m->dim * (m->kind->image ? sizeof(uint8_t) : sizeof(float));
    int64_t block = pf__block_rows((int64_t)row);
    if (block > count) block = count;
    char *x = malloc((size_t)block * row);
    int32_t *y = malloc((size_t)block * sizeof *y);
    pf_status st = x && y ? PF_OK : pf__fail_memory(err, "samples", (unsigned long long)block * row);
    for (int64_t done = 0; done < count && st == PF_OK; done += block) {
        int64_t rows = count - done < block ? count - done : block;
        for (int64_t i = 0; i < rows; i++)
            m->kind->draw(m, (uint64_t)(first + done + i), x + (size_t)i * row, &y[i]);
        st = pf__writer_add(w, split, rows, x, m->kind->class_count ? y : NULL, err);
    }
    free(y);
    free(x);
    return st;
}

pf_status pf_dataset_make(const char *path, const pf_make_desc *desc, pf_error *error) {
    pf__maker m;
    PF__TRY(resolve(desc, &m, error));
    char source[128];
    snprintf(source, sizeof source, "made: %s, seed %llu, noise %g, %s %d%s", m.kind->name,
             (unsigned long long)m.seed, m.noise, m.side ? "size" : "dim", m.side ? m.side : m.dim,
             m.balanced ? ", balanced" : "");
    pf__dataset_head head = {.dtype = m.kind->image ? PF_U8 : PF_F32,
                             .sample = {.rank = 1, .dim = {m.dim}},
                             .train_count = m.train,
                             .test_count = m.test,
                             .class_count = m.kind->class_count,
                             .scale_factor = m.kind->image ? SCALE_IMAGE : 1.0,
                             .add_offset = m.kind->image ? -1.0 : 0.0,
                             .source = source,
                             .license = "CC0-1.0"};
    if (m.kind->image) head.sample = (pf_shape){.rank = 3, .dim = {m.side, m.side, 1}};
    pf__writer *w = NULL;
    pf__law law = {0};
    pf_status st = m.kind->law ? m.kind->law(&m, &law, error) : PF_OK;
    if (m.kind->law) head.law = &law;
    if (st == PF_OK) st = pf__writer_open(path, &head, &w, error);
    if (st == PF_OK) st = write_part(&m, w, PF_TRAIN, 0, m.train, error);
    if (st == PF_OK && m.test > 0) st = write_part(&m, w, PF_TEST, TEST_FIRST, m.test, error);
    if (st == PF_OK)
        st = pf__writer_finish(w, error);
    else
        pf__writer_abandon(w);
    pf__law_free(&law);
    maker_free(&m);
    return st;
}
