/* SPDX-License-Identifier: MIT
 * Line plots as pictures, for PNG files: the same curves, limits and colours as in SVG, on white. */
#include "draw/axes.h"
#include "draw/picture.h"
#include "draw/svg.h"
#include "draw/ticks.h"
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TEXT = 2,
    LETTER = 6 * TEXT,
    LINE = 7 * TEXT,
    GAP = 10,
    LEGEND_LINE = 26,
    LABEL_MAX = 40,
    MARKS_MAX = 40
};
enum { WIDTH = 900, HEIGHT = 600, SIDE_LEAST = 160, SIDE_MOST = 10000 };

static const pf__color ink = {0x33, 0x38, 0x40}, faint = {0xE6, 0xE8, 0xEC}, frame = {0xA0, 0xA6, 0xAE};

static pf__color color_of(int curve) {
    const unsigned long rgb = strtoul(pf__curve_light[curve % 8] + 1, NULL, 16);
    return (pf__color){(unsigned char)(rgb >> 16), (unsigned char)(rgb >> 8 & 0xFF),
                       (unsigned char)(rgb & 0xFF)};
}

/* ---- strokes, inside the plotting area ---- */

typedef struct canvas {
    pf_picture *picture;
    int left, top, right, bottom; /* nothing is drawn outside */
} canvas;

static void dab(const canvas *c, int x, int y, pf__color color, double cover) {
    if (cover > 0 && x >= c->left && y >= c->top && x < c->right && y < c->bottom)
        pf__blend(c->picture, x, y, color, fmin(1, cover));
}

static void disc(const canvas *c, double x, double y, double radius, pf__color color) {
    const int reach = (int)ceil(radius + 1);
    for (int v = (int)y - reach; v <= (int)y + reach; v++)
        for (int u = (int)x - reach; u <= (int)x + reach; u++)
            dab(c, u, v, color, radius + 0.5 - hypot(u + 0.5 - x, v + 0.5 - y));
}

/* A line between two points; `along`: length before it, which the dashes go by. Returns its length. */
static double stroke(const canvas *c, const double *a, const double *b, double half, bool dashed,
                     double along, pf__color color) {
    const double dx = b[0] - a[0], dy = b[1] - a[1], length = hypot(dx, dy);
    if (length < 1e-9) return 0;
    const double more = half + 1;
    const int u0 = (int)fmax(c->left, floor(fmin(a[0], b[0]) - more)),
              u1 = (int)fmin(c->right - 1, ceil(fmax(a[0], b[0]) + more)),
              v0 = (int)fmax(c->top, floor(fmin(a[1], b[1]) - more)),
              v1 = (int)fmin(c->bottom - 1, ceil(fmax(a[1], b[1]) + more));
    for (int v = v0; v <= v1; v++)
        for (int u = u0; u <= u1; u++) {
            const double x = u + 0.5 - a[0], y = v + 0.5 - a[1];
            const double t = fmin(fmax((x * dx + y * dy) / (length * length), 0), 1);
            if (dashed && fmod(along + t * length, 15) > 9) continue;
            dab(c, u, v, color, half + 0.5 - hypot(x - t * dx, y - t * dy));
        }
    return length;
}

static void draw_curve(const canvas *c, const pf__area *a, const pf_curve *curve, pf__color color) {
    double before[2] = {0}, along = 0;
    bool joined = false;
    for (size_t i = 0; i < curve->count; i++) {
        const double x = pf__curve_x(curve, i), y = curve->y[i];
        if (!pf__axis_holds(&a->x, x) || !pf__axis_holds(&a->y, y)) {
            joined = false;
            continue;
        }
        const double at[2] = {a->left + pf__axis_pixel(&a->x, x),
                              a->top + a->y.length - pf__axis_pixel(&a->y, y)};
        if (joined && !curve->dots) along += stroke(c, before, at, 1.3, curve->dashed != 0, along, color);
        if (curve->dots || (curve->count <= MARKS_MAX && !curve->dashed)) disc(c, at[0], at[1], 3.6, color);
        memcpy(before, at, sizeof at);
        joined = true;
    }
}

/* ---- axes and words ---- */

static void write_cut(pf_picture *out, int x, int y, const char *text) {
    char cut[LABEL_MAX + 1];
    snprintf(cut, sizeof cut, "%s", text);
    pf__write(out, x, y, TEXT, ink, cut);
}

static void draw_axes(pf_picture *out, const pf__area *a) {
    pf__ticks ticks;
    const int right = a->left + a->x.length, bottom = a->top + a->y.length;
    pf__ticks_choose(a->x.min, a->x.max, a->x.is_log, 6, &ticks);
    for (int i = 0; i < ticks.count; i++) {
        const int x = a->left + (int)lrint(pf__axis_pixel(&a->x, ticks.at[i]));
        pf__fill(out, x, a->top, x + 1, bottom, faint);
        pf__write(out, x - pf__write_width(ticks.label[i], TEXT) / 2, bottom + GAP, TEXT, ink,
                  ticks.label[i]);
    }
    pf__ticks_choose(a->y.min, a->y.max, a->y.is_log, 8, &ticks);
    for (int i = 0; i < ticks.count; i++) {
        const int y = bottom - (int)lrint(pf__axis_pixel(&a->y, ticks.at[i]));
        pf__fill(out, a->left, y, right, y + 1, faint);
        pf__write(out, a->left - GAP - pf__write_width(ticks.label[i], TEXT), y - LINE / 2, TEXT, ink,
                  ticks.label[i]);
    }
    pf__fill(out, a->left - 1, a->top - 1, right + 1, a->top, frame);
    pf__fill(out, a->left - 1, bottom, right + 1, bottom + 1, frame);
    pf__fill(out, a->left - 1, a->top, a->left, bottom, frame);
    pf__fill(out, right, a->top, right + 1, bottom, frame);
}

static bool has_label(const pf_curve *c) {
    return c->label && c->label[0];
}

static int legend_width(const pf_plot *plot) {
    size_t longest = 0;
    for (int i = 0; i < plot->curve_count; i++)
        if (has_label(&plot->curves[i]) && strlen(plot->curves[i].label) > longest)
            longest = strlen(plot->curves[i].label);
    if (longest > LABEL_MAX) longest = LABEL_MAX;
    return longest ? 60 + LETTER * (int)longest : 0;
}

static void draw_legend(const canvas *whole, const pf_plot *plot, int x, int y) {
    for (int i = 0; i < plot->curve_count; i++) {
        const pf_curve *c = &plot->curves[i];
        if (!has_label(c)) continue;
        const double a[2] = {x, y + LINE / 2.0}, b[2] = {x + 33, y + LINE / 2.0};
        if (!c->dots) stroke(whole, a, b, 1.3, c->dashed != 0, 0, color_of(i));
        if (!c->dashed) disc(whole, x + 16.5, y + LINE / 2.0, 3.6, color_of(i));
        write_cut(whole->picture, x + 42, y, c->label);
        y += LEGEND_LINE;
    }
}

pf_status pf_plot_picture(const pf_plot *plot, pf_picture *out, pf_error *error) {
    const int beside = legend_width(plot), width = plot->width ? plot->width : WIDTH + beside,
              height = plot->height ? plot->height : HEIGHT;
    const int labels = (plot->title ? LINE + GAP : 0) + (plot->y_label ? LINE + GAP : 0);
    memset(out, 0, sizeof *out);
    pf__area a = {.left = GAP + 8 * LETTER, .top = 2 * GAP + labels};
    a.x.length = width - a.left - (beside ? beside + 2 * GAP : 3 * GAP);
    a.y.length = height - a.top - 2 * GAP - LINE - (plot->x_label ? LINE + GAP : 0);
    if (a.x.length < SIDE_LEAST || a.y.length < SIDE_LEAST || width > SIDE_MOST || height > SIDE_MOST)
        return pf__fail(error, PF_USAGE, "plot: %d x %d leaves no room, or is more than %d", width, height,
                        SIDE_MOST);
    PF__TRY(pf__area_limit(plot, &a, error));
    PF__TRY(pf_draw_create(width, height, 3, out, error));
    memset(out->pixels, 0xFF, 3 * (size_t)width * (size_t)height);
    const int right = a.left + a.x.length, bottom = a.top + a.y.length;
    const canvas inside = {out, a.left, a.top, right, bottom}, whole = {out, 0, 0, width, height};
    draw_axes(out, &a);
    if (plot->title) pf__write(out, a.left, 2 * GAP, TEXT, ink, plot->title);
    if (plot->y_label) pf__write(out, a.left, a.top - LINE - GAP / 2, TEXT, ink, plot->y_label);
    if (plot->x_label)
        pf__write(out, a.left + (a.x.length - pf__write_width(plot->x_label, TEXT)) / 2,
                  bottom + 2 * GAP + LINE, TEXT, ink, plot->x_label);
    for (int i = 0; i < plot->curve_count; i++) draw_curve(&inside, &a, &plot->curves[i], color_of(i));
    draw_legend(&whole, plot, right + 2 * GAP, a.top + GAP);
    return PF_OK;
}
