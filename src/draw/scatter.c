/* SPDX-License-Identifier: MIT
 * Clouds of points: panels side by side, dots or smoothed counts. */
#include "draw/picture.h"
#include "draw/ticks.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MARGIN = 12, TITLE = 26, NUMBERS_LEFT = 46, NUMBERS_BELOW = 26, DENSITY_FROM = 20000 };

static const pf__color ink = {0x33, 0x38, 0x40}, faint = {0xEA, 0xEC, 0xEF}, frame = {0xB0, 0xB5, 0xBC};
static const pf__color palette[8] = {{0x1F, 0x6F, 0xB5}, {0xE0, 0x7A, 0x1F}, {0x2C, 0x96, 0x4B},
                                     {0xC4, 0x3C, 0x4E}, {0x7E, 0x57, 0xB8}, {0x12, 0x97, 0x9E},
                                     {0xC2, 0x55, 0x9D}, {0x7A, 0x7A, 0x2A}};

typedef struct frame_at {
    int left, top, side;
    double x_min, x_max, y_min, y_max;
} frame_at;

/* The smallest square around all points that can be drawn; the unit square around 0 when there are none. */
static void fit(const pf_panel *panels, int count, frame_at *f) {
    double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
    for (int p = 0; p < count; p++)
        for (size_t i = 0; i < panels[p].count; i++) {
            const float *at = panels[p].points + 2 * i;
            if (!isfinite(at[0]) || !isfinite(at[1])) continue;
            for (int d = 0; d < 2; d++) {
                low[d] = fmin(low[d], at[d]);
                high[d] = fmax(high[d], at[d]);
            }
        }
    if (!(low[0] <= high[0])) low[0] = low[1] = -1, high[0] = high[1] = 1;
    double half = 0.52 * fmax(high[0] - low[0], high[1] - low[1]);
    if (half <= 0) half = fmax(1, fabs(low[0])) * 0.5;
    f->x_min = (low[0] + high[0]) / 2 - half;
    f->x_max = (low[0] + high[0]) / 2 + half;
    f->y_min = (low[1] + high[1]) / 2 - half;
    f->y_max = (low[1] + high[1]) / 2 + half;
}

/* Where a point falls, in pixels from the panel's top left corner; 0 when it is not to be drawn. */
static int place(const frame_at *f, const float *point, double *x, double *y) {
    *x = (point[0] - f->x_min) / (f->x_max - f->x_min) * f->side;
    *y = (f->y_max - point[1]) / (f->y_max - f->y_min) * f->side;
    return *x >= 0 && *y >= 0 && *x <= f->side && *y <= f->side; /* false for NaN */
}

static pf__color color_of(const pf_panel *p, size_t i) {
    unsigned label = p->labels ? (unsigned)p->labels[i] : 0;
    return palette[label % 8];
}

static void draw_dots(pf_picture *out, const frame_at *f, const pf_panel *p) {
    double radius = fmax(1.1, f->side / 220.0);
    double weight = fmin(0.85, fmax(0.10, 0.85 * sqrt(1500.0 / (double)(p->count + 1))));
    int reach = (int)ceil(radius + 1);
    for (size_t i = 0; i < p->count; i++) {
        double x, y;
        if (!place(f, p->points + 2 * i, &x, &y)) continue;
        pf__color color = color_of(p, i);
        for (int v = (int)y - reach; v <= (int)y + reach; v++)
            for (int u = (int)x - reach; u <= (int)x + reach; u++) {
                if (u < 0 || v < 0 || u >= f->side || v >= f->side) continue;
                double cover = radius + 0.5 - hypot(u + 0.5 - x, v + 0.5 - y);
                if (cover > 0) pf__blend(out, f->left + u, f->top + v, color, weight * fmin(1, cover));
            }
    }
}

/* Anchors of the density map, from the panel's white to a dark violet; even steps in lightness. */
static pf__color density_color(double t) {
    static const double anchors[7][3] = {{255, 255, 255}, {214, 232, 240}, {150, 205, 215}, {72, 160, 186},
                                         {40, 107, 158},  {48, 57, 122},   {40, 15, 70}};
    double s = fmin(fmax(t, 0), 1) * 6;
    int i = s >= 6 ? 5 : (int)s;
    double w = s - i, c[3];
    for (int k = 0; k < 3; k++) c[k] = anchors[i][k] + w * (anchors[i + 1][k] - anchors[i][k]);
    return (pf__color){(unsigned char)lrint(c[0]), (unsigned char)lrint(c[1]), (unsigned char)lrint(c[2])};
}

/* One pass of a binomial blur (1 4 6 4 1) / 16 along rows or columns, from a to b. */
static void blur(const float *a, float *b, int side, int along_x) {
    static const float weights[5] = {1 / 16.0f, 4 / 16.0f, 6 / 16.0f, 4 / 16.0f, 1 / 16.0f};
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++) {
            float sum = 0;
            for (int k = -2; k <= 2; k++) {
                int u = along_x ? x + k : x, v = along_x ? y : y + k;
                if (u >= 0 && v >= 0 && u < side && v < side)
                    sum += weights[k + 2] * a[(size_t)v * (size_t)side + (size_t)u];
            }
            b[(size_t)y * (size_t)side + (size_t)x] = sum;
        }
}

static pf_status draw_density(pf_picture *out, const frame_at *f, const pf_panel *p, pf_error *error) {
    size_t cells = (size_t)f->side * (size_t)f->side;
    float *counts = calloc(2 * cells, sizeof *counts), most = 0;
    if (!counts) return pf__fail_memory(error, "density", 2 * cells * sizeof *counts);
    for (size_t i = 0; i < p->count; i++) {
        double x, y;
        if (!place(f, p->points + 2 * i, &x, &y)) continue;
        int u = x < f->side ? (int)x : f->side - 1, v = y < f->side ? (int)y : f->side - 1;
        counts[(size_t)v * (size_t)f->side + (size_t)u] += 1;
    }
    for (int pass = 0; pass < 2; pass++) {
        blur(counts, counts + cells, f->side, 1);
        blur(counts + cells, counts, f->side, 0);
    }
    for (size_t i = 0; i < cells; i++) most = fmaxf(most, counts[i]);
    for (int y = 0; y < f->side && most > 0; y++)
        for (int x = 0; x < f->side; x++) {
            float share = counts[(size_t)y * (size_t)f->side + (size_t)x] / most;
            if (share > 1e-4f) pf__blend(out, f->left + x, f->top + y, density_color(sqrt(share)), 1);
        }
    free(counts);
    return PF_OK;
}

static void draw_axes(pf_picture *out, const frame_at *f, int with_left) {
    pf__ticks ticks;
    int wanted = f->side >= 240 ? 6 : 3;
    pf__ticks_choose(f->x_min, f->x_max, 0, wanted, &ticks);
    for (int i = 0; i < ticks.count; i++) {
        int x = f->left + (int)((ticks.at[i] - f->x_min) / (f->x_max - f->x_min) * f->side);
        int width = pf__write_width(ticks.label[i], 1);
        pf__fill(out, x, f->top, x + 1, f->top + f->side, faint);
        pf__fill(out, x, f->top + f->side, x + 1, f->top + f->side + 5, frame);
        pf__write(out, x - width / 2, f->top + f->side + 9, 1, ink, ticks.label[i]);
    }
    pf__ticks_choose(f->y_min, f->y_max, 0, wanted, &ticks);
    for (int i = 0; i < ticks.count; i++) {
        int y = f->top + (int)((f->y_max - ticks.at[i]) / (f->y_max - f->y_min) * f->side);
        pf__fill(out, f->left, y, f->left + f->side, y + 1, faint);
        if (!with_left) continue; /* the panels share their limits */
        pf__fill(out, f->left - 5, y, f->left, y + 1, frame);
        pf__write(out, f->left - 8 - pf__write_width(ticks.label[i], 1), y - 3, 1, ink, ticks.label[i]);
    }
}

static void draw_frame(pf_picture *out, const frame_at *f) {
    int right = f->left + f->side, bottom = f->top + f->side;
    pf__fill(out, f->left - 1, f->top - 1, right + 1, f->top, frame);
    pf__fill(out, f->left - 1, bottom, right + 1, bottom + 1, frame);
    pf__fill(out, f->left - 1, f->top, f->left, bottom, frame);
    pf__fill(out, right, f->top, right + 1, bottom, frame);
}

/* The title at the largest scale that fits the panel, cut where none does. */
static void draw_title(pf_picture *out, const frame_at *f, const char *title) {
    if (!title) return;
    int scale = pf__write_width(title, 2) <= f->side ? 2 : 1;
    char text[256];
    snprintf(text, sizeof text, "%s", title);
    for (size_t n = strlen(text); n > 0 && pf__write_width(text, scale) > f->side; n--) text[n - 1] = '\0';
    pf__write(out, f->left + (f->side - pf__write_width(text, scale)) / 2,
              f->top - TITLE + (2 - scale) * 4 + 4, scale, ink, text);
}

static pf_status draw_panel(pf_picture *out, const frame_at *f, const pf_panel *p,
                            const pf_scatter_desc *desc, int with_left, pf_error *error) {
    int dense = desc->style == PF_SCATTER_DENSITY ||
                (desc->style == PF_SCATTER_AUTO && p->count > DENSITY_FROM);
    if (!desc->no_axes) draw_axes(out, f, with_left);
    draw_title(out, f, p->title);
    if (dense)
        PF__TRY(draw_density(out, f, p, error));
    else
        draw_dots(out, f, p);
    draw_frame(out, f);
    return PF_OK;
}

static pf_status check(int panel_count, const pf_scatter_desc *d, int side, int fits, pf_error *error) {
    if (panel_count < 1 || panel_count > 64)
        return pf__fail(error, PF_USAGE, "scatter: %d panels are not in 1..64", panel_count);
    if (side < 32 || side > 4096)
        return pf__fail(error, PF_USAGE, "scatter: side %d is not in 32..4096", side);
    int good = d->x_max > d->x_min && d->y_max > d->y_min && isfinite(d->x_max - d->x_min) &&
               isfinite(d->y_max - d->y_min);
    if (!fits && !good)
        return pf__fail(error, PF_USAGE, "scatter: limits x [%g, %g], y [%g, %g] do not increase", d->x_min,
                        d->x_max, d->y_min, d->y_max);
    return PF_OK;
}

pf_status pf_draw_scatter(const pf_panel *panels, int panel_count, const pf_scatter_desc *desc,
                          pf_picture *out, pf_error *error) {
    static const pf_scatter_desc defaults = {0};
    const pf_scatter_desc *d = desc ? desc : &defaults;
    memset(out, 0, sizeof *out);
    frame_at f = {.side = d->side ? d->side : 400};
    int fits = d->x_min == 0 && d->x_max == 0 && d->y_min == 0 && d->y_max == 0, has_title = 0;
    PF__TRY(check(panel_count, d, f.side, fits, error));
    f.x_min = d->x_min, f.x_max = d->x_max, f.y_min = d->y_min, f.y_max = d->y_max;
    if (fits) fit(panels, panel_count, &f);
    for (int i = 0; i < panel_count; i++) has_title |= panels[i].title && panels[i].title[0];
    f.left = d->no_axes ? MARGIN : NUMBERS_LEFT;
    f.top = MARGIN + (has_title ? TITLE - MARGIN / 2 : 0);
    int width = f.left + panel_count * (f.side + MARGIN),
        height = f.top + f.side + (d->no_axes ? MARGIN : NUMBERS_BELOW);
    PF__TRY(pf_draw_create(width, height, 3, out, error));
    memset(out->pixels, 0xFF, 3 * (size_t)width * (size_t)height);
    pf_status st = PF_OK;
    for (int i = 0; i < panel_count && st == PF_OK; i++, f.left += f.side + MARGIN)
        st = draw_panel(out, &f, &panels[i], d, i == 0, error);
    if (st != PF_OK) pf_draw_free(out);
    return st;
}
