/* SPDX-License-Identifier: MIT
 * Made images of hand-drawn digits: strokes in a box, a random pen and a random slant for each sample.
 *
 *     glyph table -> flatten -> segments in the box [0,1]^2 -> affine map -> segments in pixels
 *                                         -> distance of each pixel to the nearest one -> grey value */
#include "base/philox.h"
#include "data/dataset_private.h"
#include <math.h>

#define PI           3.14159265358979323846
#define SEGMENTS_MAX 80
#define PARTS_MAX    4

/* A part of a glyph. Coordinates: x to the right, y down.
 * 'L' x0 y0 x1 y1: line.  'A' cx cy rx ry a0 a1: arc in degrees, 90 is down.  'Q' x0 y0 cx cy x1 y1:
 * quadratic Bezier curve. */
struct part {
    char kind;
    double a[6];
};

static const struct part glyphs[10][PARTS_MAX] = {
    {{'A', {.50, .50, .42, .50, -90, 270}}},
    {{'L', {.28, .20, .56, .00}}, {'L', {.56, .00, .56, 1.0}}},
    {{'A', {.48, .29, .40, .29, -170, 25}},
     {'Q', {.84, .41, .70, .62, .06, 1.0}},
     {'L', {.06, 1.0, .94, 1.0}}},
    {{'A', {.46, .25, .38, .25, -155, 90}}, {'A', {.46, .74, .44, .26, -90, 155}}},
    {{'L', {.70, 1.0, .70, .00}}, {'L', {.70, .00, .04, .68}}, {'L', {.04, .68, .96, .68}}},
    {{'L', {.86, .00, .22, .00}}, {'L', {.22, .00, .16, .45}}, {'A', {.44, .69, .44, .31, -129, 150}}},
    {{'Q', {.74, .00, .10, .22, .08, .68}}, {'A', {.49, .69, .41, .31, -180, 180}}},
    {{'L', {.06, .00, .94, .00}}, {'Q', {.94, .00, .50, .45, .38, 1.0}}},
    {{'A', {.50, .24, .34, .24, -90, 270}}, {'A', {.50, .74, .42, .26, -90, 270}}},
    {{'A', {.50, .30, .40, .30, 0, 360}}, {'Q', {.90, .30, .92, .72, .52, 1.0}}},
};

struct segments {
    double x0[SEGMENTS_MAX], y0[SEGMENTS_MAX], x1[SEGMENTS_MAX], y1[SEGMENTS_MAX];
    int count;
};

static void part_at(const struct part *p, double t, double *x, double *y) {
    const double *a = p->a;
    if (p->kind == 'L') {
        *x = a[0] + t * (a[2] - a[0]);
        *y = a[1] + t * (a[3] - a[1]);
    } else if (p->kind == 'A') {
        double angle = PI / 180.0 * (a[4] + t * (a[5] - a[4]));
        *x = a[0] + a[2] * cos(angle);
        *y = a[1] + a[3] * sin(angle);
    } else {
        double u = 1.0 - t;
        *x = u * u * a[0] + 2.0 * u * t * a[2] + t * t * a[4];
        *y = u * u * a[1] + 2.0 * u * t * a[3] + t * t * a[5];
    }
}

static void flatten(const struct part *parts, struct segments *s) {
    s->count = 0;
    for (int p = 0; p < PARTS_MAX && parts[p].kind; p++) {
        int steps = parts[p].kind == 'L' ? 1 : parts[p].kind == 'A' ? 24 : 12;
        double x, y;
        part_at(&parts[p], 0.0, &x, &y);
        for (int i = 1; i <= steps && s->count < SEGMENTS_MAX; i++, s->count++) {
            s->x0[s->count] = x;
            s->y0[s->count] = y;
            part_at(&parts[p], (double)i / steps, &x, &y);
            s->x1[s->count] = x;
            s->y1[s->count] = y;
        }
    }
}

/* How one sample is drawn. */
struct pen {
    double xx, xy, yx, yy; /* box, centred at its middle, to pixels */
    double cx, cy;         /* the middle in pixels */
    double radius, edge;   /* half the stroke's width; the width of its grey border */
};

static double between(const pf__maker *m, uint64_t sample, uint32_t e, double low, double high) {
    return low + (high - low) * pf__random_uniform(m->seed, m->stream, sample, e);
}

/* The box is 0.48 x 0.68 of the image before scaling, so that strokes stay inside. */
static void choose_pen(const pf__maker *m, uint64_t sample, struct pen *pen) {
    double side = m->side;
    double angle = PI / 180.0 * between(m, sample, 1, -12.0, 12.0),
           shear = between(m, sample, 2, -0.15, 0.15);
    double scale = between(m, sample, 3, 0.8, 1.1);
    double w = 0.48 * side * scale, h = 0.68 * side * scale, c = cos(angle), s = sin(angle);
    pen->xx = c * w;
    pen->xy = (c * -shear - s) * h;
    pen->yx = s * w;
    pen->yy = (s * -shear + c) * h;
    pen->cx = side * (0.5 + between(m, sample, 4, -0.04, 0.04));
    pen->cy = side * (0.5 + between(m, sample, 5, -0.04, 0.04));
    pen->radius = side * between(m, sample, 6, 0.042, 0.062);
    pen->edge = between(m, sample, 7, 1.1, 1.5) * side / 16.0;
}

static void place(const struct pen *pen, double *x, double *y) {
    double a = *x - 0.5, b = *y - 0.5;
    *x = pen->cx + pen->xx * a + pen->xy * b;
    *y = pen->cy + pen->yx * a + pen->yy * b;
}

/* Squared distance of (x, y) to segment i. */
static double distance2(const struct segments *s, int i, double x, double y) {
    double dx = s->x1[i] - s->x0[i], dy = s->y1[i] - s->y0[i], px = x - s->x0[i], py = y - s->y0[i];
    double length2 = dx * dx + dy * dy;
    double t = length2 > 0.0 ? (px * dx + py * dy) / length2 : 0.0;
    t = t < 0.0 ? 0.0 : t > 1.0 ? 1.0 : t;
    px -= t * dx;
    py -= t * dy;
    return px * px + py * py;
}

/* 1 inside the stroke, 0 outside, a smooth step across the border. */
static double coverage(const struct pen *pen, double distance) {
    double t = (pen->radius - distance) / pen->edge + 0.5;
    t = t < 0.0 ? 0.0 : t > 1.0 ? 1.0 : t;
    return t * t * (3.0 - 2.0 * t);
}

static void draw_strokes(const pf__maker *m, uint64_t sample, void *out, int32_t *y) {
    uint8_t *pixel = out;
    struct segments s;
    struct pen pen;
    *y = pf__part_of(m, sample, 0);
    flatten(glyphs[*y], &s);
    choose_pen(m, sample, &pen);
    for (int i = 0; i < s.count; i++) {
        place(&pen, &s.x0[i], &s.y0[i]);
        place(&pen, &s.x1[i], &s.y1[i]);
    }
    for (int row = 0; row < m->side; row++)
        for (int column = 0; column < m->side; column++) {
            double nearest = INFINITY;
            for (int i = 0; i < s.count; i++)
                nearest = fmin(nearest, distance2(&s, i, column + 0.5, row + 0.5));
            pixel[row * m->side + column] = (uint8_t)(255.0 * coverage(&pen, sqrt(nearest)) + 0.5);
        }
}

const pf__kind pf__kind_strokes = {
    .name = "strokes", .image = true, .class_count = 10, .parts = 10, .draw = draw_strokes};
