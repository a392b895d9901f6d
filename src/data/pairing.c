/* SPDX-License-Identifier: MIT
 * Minibatch optimal transport: draws a batch's noise and puts it in the order of its samples. */
#include "data/pairing.h"
#include "base/assignment.h"
#include "base/philox.h"
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct pf__pairing {
    pf__pairing_desc d;
    float *affine;    /* scale, shift */
    float *x, *drawn; /* [batch, dim]: standardised, noise as drawn */
    float *cost;      /* [batch, batch] */
    int *rows;        /* [batch]: that are assigned together */
    bool *placed;     /* [batch]: whose class has been */
    uint32_t stream;
    pf__assignment *assignment;
};

pf_status pf__pairing_check(int64_t batch, pf_error *err) {
    if (batch <= PF__PAIRING_BATCH_MAX) return PF_OK;
    pf_status st = pf__fail(err, PF_USAGE,
                            "optimal transport pairs at most %d samples, not a batch of %" PRId64
                            ": its time grows like the cube",
                            PF__PAIRING_BATCH_MAX, batch);
    return pf__hint(err, st, "try train.batch = 256 (about 6 ms a step; 512 takes 45 ms)");
}

pf_status pf__pairing_create(pf__pairing **out, const pf__pairing_desc *d, pf_error *err) {
    const size_t batch = (size_t)d->batch, n = batch * (size_t)d->dim, affine = (size_t)d->affine;
    *out = NULL;
    PF__TRY(pf__pairing_check(d->batch, err));
    pf__pairing *p = calloc(1, sizeof *p);
    if (!p) return pf__fail_memory(err, "pairs of a batch", sizeof *p);
    p->d = *d;
    p->stream = pf__stream("noise");
    p->affine = malloc(2 * affine * sizeof(float));
    p->x = malloc(n * sizeof(float));
    p->drawn = malloc(n * sizeof(float));
    p->cost = malloc(batch * batch * sizeof(float));
    p->rows = malloc(batch * sizeof *p->rows);
    p->placed = malloc(batch * sizeof *p->placed);
    bool good = p->affine && p->x && p->drawn && p->cost && p->rows && p->placed;
    pf_status st = good ? pf__assignment_create(&p->assignment, (int)d->batch, err)
                        : pf__fail_memory(err, "pairs of a batch", (2 * n + batch * batch) * sizeof(float));
    if (st != PF_OK) {
        pf__pairing_destroy(&p);
        return st;
    }
    memcpy(p->affine, d->scale, affine * sizeof(float));
    memcpy(p->affine + affine, d->shift, affine * sizeof(float));
    p->d.scale = p->affine;
    p->d.shift = p->affine + affine;
    *out = p;
    return PF_OK;
}

void pf__pairing_destroy(pf__pairing **pairing) {
    pf__pairing *p = *pairing;
    if (!p) return;
    pf__assignment_destroy(&p->assignment);
    free(p->affine);
    free(p->x);
    free(p->drawn);
    free(p->cost);
    free(p->rows);
    free(p->placed);
    free(p);
    *pairing = NULL;
}

const pf__pairing_desc *pf__pairing_describe(const pf__pairing *p) {
    return &p->d;
}

int64_t pf__pairing_bytes(const pf__pairing *p) {
    return p->d.batch * (8 * p->d.dim + 4 * p->d.batch + 37) + 8 * p->d.affine;
}

static void standardise(pf__pairing *p, const void *raw) {
    const pf__pairing_desc *d = &p->d;
    for (int64_t i = 0; i < d->batch * d->dim; i++) {
        const int64_t k = d->affine == 1 ? 0 : i % d->dim;
        const float value = d->dtype == PF_U8 ? (float)((const uint8_t *)raw)[i] : ((const float *)raw)[i];
        p->x[i] = value * d->scale[k] + d->shift[k];
    }
}

static void draw(pf__pairing *p, int64_t step) {
    const pf__pairing_desc *d = &p->d;
    for (int64_t i = 0; i < d->batch; i++)
        for (int64_t k = 0; k < d->dim; k++)
            p->drawn[i * d->dim + k] = (float)pf__random_normal(d->seed, p->stream,
                                                                (uint64_t)(step * d->batch + i), (uint32_t)k);
}

/* Several sums side by side: the compiler takes vectors. */
static double product(const float *a, const float *b, int64_t n) {
    double sum[4] = {0};
    int64_t k = 0;
    for (; k + 4 <= n; k += 4)
        for (int q = 0; q < 4; q++) sum[q] += (double)a[k + q] * (double)b[k + q];
    for (; k < n; k++) sum[0] += (double)a[k] * (double)b[k];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* The rows p->rows[0 .. n). |x - b|^2 = |x|^2 + |b|^2 - 2 x b, and only the last term depends on the order.
 */
static void assign(pf__pairing *p, int n, float *noise) {
    const int64_t dim = p->d.dim;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            p->cost[(size_t)i * (size_t)n + (size_t)j] = -(float)product(p->x + p->rows[i] * dim,
                                                                         p->drawn + p->rows[j] * dim, dim);
    const int *column = pf__assignment_solve(p->assignment, n, p->cost);
    for (int i = 0; i < n; i++)
        memcpy(noise + p->rows[i] * dim, p->drawn + p->rows[column[i]] * dim, (size_t)dim * sizeof *noise);
}

void pf__pairing_make(pf__pairing *p, int64_t step, const void *x, const int32_t *y, float *noise) {
    const int batch = (int)p->d.batch;
    standardise(p, x);
    draw(p, step);
    memset(p->placed, 0, (size_t)batch * sizeof *p->placed);
    for (int first = 0; first < batch; first++) {
        int n = 0;
        for (int i = first; i < batch && !p->placed[first]; i++)
            if (!y || y[i] == y[first]) p->rows[n++] = i;
        for (int i = 0; i < n; i++) p->placed[p->rows[i]] = true;
        if (n > 0) assign(p, n, noise);
    }
}
