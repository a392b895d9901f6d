/* SPDX-License-Identifier: MIT
 * Made sets of points. The words of a sample's random row: 0 and 1 the noise, from 4 on what the shape needs.
 */
#include "base/philox.h"
#include "data/dataset_private.h"
#include <math.h>

#define PI 3.14159265358979323846

static double uniform(const pf__maker *m, uint64_t sample, uint32_t e) {
    return pf__random_uniform(m->seed, m->stream, sample, e);
}

static void put(const pf__maker *m, uint64_t sample, double a, double b, float *x) {
    x[0] = (float)(a + m->noise * pf__random_normal(m->seed, m->stream, sample, 0));
    x[1] = (float)(b + m->noise * pf__random_normal(m->seed, m->stream, sample, 1));
}

int32_t pf__part_of(const pf__maker *m, uint64_t sample, uint32_t e) {
    const int parts = m->kind->parts;
    if (m->balanced) return (int32_t)(sample % (uint64_t)parts);
    return (int32_t)(parts * uniform(m, sample, e));
}

bool pf__cholesky(double *a, int n) {
    for (int j = 0; j < n; j++) {
        for (int i = j; i < n; i++) {
            double sum = a[i * n + j];
            for (int k = 0; k < j; k++) sum -= a[i * n + k] * a[j * n + k];
            if (i == j && !(sum > 0.0)) return false;
            a[i * n + j] = i == j ? sqrt(sum) : sum / a[j * n + j];
        }
        for (int i = 0; i < j; i++) a[i * n + j] = 0.0;
    }
    return true;
}

/* m + L z with L L^T = C. */
static void draw_gaussian(const pf__maker *m, uint64_t sample, void *out, int32_t *y) {
    float *x = out;
    double z[PF__GAUSSIAN_DIM_MAX];
    for (int i = 0; i < m->dim; i++) z[i] = pf__random_normal(m->seed, m->stream, sample, (uint32_t)i);
    for (int i = 0; i < m->dim; i++) {
        double sum = m->mean[i];
        for (int k = 0; k <= i; k++) sum += m->root[i * m->dim + k] * z[k];
        x[i] = (float)sum;
    }
    *y = 0;
}

static pf_status law_of_gaussian(const pf__maker *m, pf__law *law, pf_error *err) {
    PF__TRY(pf__law_reserve(law, 1, m->dim, err));
    for (int i = 0; i < m->dim; i++) {
        law->mean[i] = m->mean[i];
        for (int j = 0; j <= i; j++) {
            double sum = 0;
            for (int k = 0; k <= j; k++) sum += m->root[i * m->dim + k] * m->root[j * m->dim + k];
            law->covariance[i * m->dim + j] = law->covariance[j * m->dim + i] = sum;
        }
    }
    return PF_OK;
}

/* Eight centres on the circle of radius 2. */
static void draw_8gaussians(const pf__maker *m, uint64_t sample, void *x, int32_t *y) {
    *y = pf__part_of(m, sample, 4);
    put(m, sample, 2.0 * cos(PI / 4.0 * *y), 2.0 * sin(PI / 4.0 * *y), x);
}

static pf_status law_of_8gaussians(const pf__maker *m, pf__law *law, pf_error *err) {
    PF__TRY(pf__law_reserve(law, 8, 2, err));
    for (int k = 0; k < 8; k++) {
        law->mean[2 * k] = 2.0 * cos(PI / 4.0 * k);
        law->mean[2 * k + 1] = 2.0 * sin(PI / 4.0 * k);
    }
    law->covariance[0] = law->covariance[3] = m->noise * m->noise;
    return PF_OK;
}

/* x1 ~ U(-2,2), x2 = U(0,1) - 2 Bernoulli(1/2) + (floor(x1) mod 2): eight cells of the 4 x 4 board on
 * [-2,2]^2. Its parts are the cells, four below and four above. */
static void draw_checkerboard(const pf__maker *m, uint64_t sample, void *x, int32_t *y) {
    const int32_t part = m->balanced ? pf__part_of(m, sample, 4) : -1;
    double a = uniform(m, sample, 4), b = uniform(m, sample, 5);
    a = part < 0 ? 4.0 * a - 2.0 : part % 4 + a - 2.0;
    if (part < 0 ? uniform(m, sample, 6) < 0.5 : part < 4) b -= 2.0;
    double cell = floor(a);
    put(m, sample, a, b + (cell - 2.0 * floor(cell / 2.0)), x);
    *y = 0;
}

static void draw_moons(const pf__maker *m, uint64_t sample, void *x, int32_t *y) {
    double angle = PI * uniform(m, sample, 4);
    *y = pf__part_of(m, sample, 5);
    if (*y == 0)
        put(m, sample, cos(angle), sin(angle), x);
    else
        put(m, sample, 1.0 - cos(angle), 0.5 - sin(angle), x);
}

/* Two turns, the outer end at radius 1: 14.137 = pi/2 + 4 pi. */
static void draw_swissroll(const pf__maker *m, uint64_t sample, void *x, int32_t *y) {
    double angle = PI / 2.0 + 4.0 * PI * uniform(m, sample, 4);
    put(m, sample, angle * cos(angle) / 14.137, angle * sin(angle) / 14.137, x);
    *y = 0;
}

const pf__kind pf__kind_gaussian = {
    .name = "gaussian", .any_dim = true, .draw = draw_gaussian, .law = law_of_gaussian};
const pf__kind pf__kind_8gaussians = {.name = "8gaussians",
                                      .class_count = 8,
                                      .parts = 8,
                                      .noise = 0.1,
                                      .draw = draw_8gaussians,
                                      .law = law_of_8gaussians};
const pf__kind pf__kind_checkerboard = {.name = "checkerboard", .parts = 8, .draw = draw_checkerboard};
const pf__kind pf__kind_moons = {
    .name = "moons", .class_count = 2, .parts = 2, .noise = 0.05, .draw = draw_moons};
const pf__kind pf__kind_swissroll = {.name = "swissroll", .noise = 0.03, .draw = draw_swissroll};
