/* SPDX-License-Identifier: MIT
 * Line plots as SVG. The plotting area is an inner <svg>, which clips by itself: no ids, so that many plots
 * can stand in one page. */
#include "draw/svg.h"
#include "base/file.h"
#include "draw/axes.h"
#include "draw/escape.h"
#include "draw/ticks.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { POINTS_MAX = 2000, LEGEND_CHARACTERS = 28, SIDE_MAX = 10000 };

const char *const pf__curve_light[8] = {"#1f6fb5", "#d96f12", "#2c8c48", "#c03a4c",
                                        "#7e57b8", "#0f8a91", "#b84c93", "#75751f"};
const char *const pf__curve_dark[8] = {"#6cb0ee", "#f2a35e", "#6fcb8b", "#f08796",
                                       "#b99bea", "#5cc9cf", "#e692c9", "#c7c76b"};

/* ---- Axes ---- */

static void add_label(pf__text *out, double x, double y, const char *anchor, const char *more,
                      const char *text) {
    pf__text_format(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s>", x, y, anchor, more);
    pf__escape(out, text);
    pf__text_add(out, "</text>\n");
}

static void add_axes(const pf__area *a, pf__text *out) {
    pf__ticks ticks;
    double right = a->left + a->x.length, bottom = a->top + a->y.length;
    pf__ticks_choose(a->x.min, a->x.max, a->x.is_log, a->x.length >= 400 ? 8 : 4, &ticks);
    for (int i = 0; i < ticks.count; i++) {
        double x = a->left + pf__axis_pixel(&a->x, ticks.at[i]);
        pf__text_format(out, "<path d=\"M%.1f %dV%.1f\" stroke=\"currentColor\" stroke-opacity=\".13\"/>\n",
                        x, a->top, bottom);
        add_label(out, x, bottom + 17, "middle", "", ticks.label[i]);
    }
    pf__ticks_choose(a->y.min, a->y.max, a->y.is_log, a->y.length >= 240 ? 6 : 4, &ticks);
    for (int i = 0; i < ticks.count; i++) {
        double y = bottom - pf__axis_pixel(&a->y, ticks.at[i]);
        pf__text_format(out, "<path d=\"M%d %.1fH%.1f\" stroke=\"currentColor\" stroke-opacity=\".13\"/>\n",
                        a->left, y, right);
        add_label(out, a->left - 7, y + 4, "end", "", ticks.label[i]);
    }
    pf__text_format(
        out,
        "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"currentColor\" "
        "stroke-opacity=\".45\"/>\n",
        a->left, a->top, a->x.length, a->y.length);
}

static void add_titles(const pf_plot *plot, const pf__area *a, int height, pf__text *out) {
    double middle_x = a->left + a->x.length / 2.0, middle_y = a->top + a->y.length / 2.0;
    if (plot->title)
        add_label(out, middle_x, 19, "middle", " font-size=\"14\" font-weight=\"600\"", plot->title);
    if (plot->x_label) add_label(out, middle_x, height - 8, "middle", "", plot->x_label);
    if (!plot->y_label) return;
    pf__text_format(out, "<g transform=\"translate(14 %.1f) rotate(-90)\">", middle_y);
    add_label(out, 0, 0, "middle", "", plot->y_label);
    pf__text_add(out, "</g>\n");
}

/* ---- Curves ---- */

static void add_color(pf__text *out, const char *property, int curve) {
    pf__text_format(out, "%s:var(--pf-c%d,%s)", property, curve % 8, pf__curve_light[curve % 8]);
}

static void add_point(const pf__area *a, double x, double y, int *joined, pf__text *out) {
    pf__text_format(out, "%c%.1f %.1f", *joined ? 'L' : 'M', pf__axis_pixel(&a->x, x),
                    a->y.length - pf__axis_pixel(&a->y, y));
    *joined = 1;
}

/* Of points [first, last) the lowest and the highest, in their order; a gap among them breaks the line. */
static void add_bucket(const pf__area *a, const pf_curve *c, size_t first, size_t last, int *joined,
                       pf__text *out) {
    size_t low = last, high = last;
    for (size_t i = first; i < last; i++) {
        if (!pf__axis_holds(&a->x, pf__curve_x(c, i)) || !pf__axis_holds(&a->y, c->y[i])) {
            *joined = 0;
            continue;
        }
        if (low == last || c->y[i] < c->y[low]) low = i;
        if (high == last || c->y[i] > c->y[high]) high = i;
    }
    if (low == last) return;
    size_t one = low < high ? low : high, two = low < high ? high : low;
    add_point(a, pf__curve_x(c, one), c->y[one], joined, out);
    if (two != one) add_point(a, pf__curve_x(c, two), c->y[two], joined, out);
}

static void add_line(const pf__area *a, const pf_curve *c, int number, pf__text *out) {
    size_t buckets = c->count <= POINTS_MAX ? c->count : POINTS_MAX / 2;
    int joined = 0;
    pf__text_format(out,
                    "<path fill=\"none\" stroke-width=\"1.7\" stroke-linejoin=\"round\" "
                    "stroke-linecap=\"round\"%s style=\"",
                    c->dashed ? " stroke-dasharray=\"6 5\"" : "");
    add_color(out, "stroke", number);
    pf__text_add(out, "\" d=\"");
    for (size_t b = 0; b < buckets; b++)
        add_bucket(a, c, c->count * b / buckets, c->count * (b + 1) / buckets, &joined, out);
    pf__text_add(out, "\"/>\n");
}

static void add_dots(const pf__area *a, const pf_curve *c, int number, pf__text *out) {
    size_t shown = c->count <= POINTS_MAX ? c->count : POINTS_MAX;
    pf__text_format(out, "<g fill-opacity=\"%s\" style=\"", shown > 500 ? ".5" : ".85");
    add_color(out, "fill", number);
    pf__text_add(out, "\">\n");
    for (size_t k = 0; k < shown; k++) {
        size_t i = c->count * k / shown;
        double x = pf__curve_x(c, i), y = c->y[i];
        if (!pf__axis_holds(&a->x, x) || !pf__axis_holds(&a->y, y)) continue;
        pf__text_format(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%s\"/>\n", pf__axis_pixel(&a->x, x),
                        a->y.length - pf__axis_pixel(&a->y, y), shown > 500 ? "1.6" : "2.6");
    }
    pf__text_add(out, "</g>\n");
}

static void add_curves(const pf_plot *plot, const pf__area *a, pf__text *out) {
    pf__text_format(out, "<svg x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" overflow=\"hidden\">\n", a->left,
                    a->top, a->x.length, a->y.length);
    for (int i = 0; i < plot->curve_count; i++) {
        if (plot->curves[i].dots)
            add_dots(a, &plot->curves[i], i, out);
        else
            add_line(a, &plot->curves[i], i, out);
    }
    pf__text_add(out, "</svg>\n");
}

/* ---- Legend ---- */

static int has_label(const pf_curve *c) {
    return c->label && c->label[0];
}

/* Characters of a label, not bytes. */
static int label_length(const char *label) {
    int count = 0;
    for (; *label; label++) count += ((unsigned char)*label & 0xC0) != 0x80;
    return count < LEGEND_CHARACTERS ? count : LEGEND_CHARACTERS;
}

static int legend_width(const pf_plot *plot) {
    int longest = 0;
    for (int i = 0; i < plot->curve_count; i++) {
        int length = has_label(&plot->curves[i]) ? label_length(plot->curves[i].label) : 0;
        if (length > longest) longest = length;
    }
    return longest ? 34 + 7 * longest : 0;
}

static void add_short_label(const char *label, pf__text *out) {
    pf__text cut = {0};
    const char *end = label;
    for (int count = 0; *end; end++) {
        if (((unsigned char)*end & 0xC0) != 0x80 && count++ == LEGEND_CHARACTERS - 1 && strlen(end) > 1)
            break;
    }
    pf__text_add_bytes(&cut, label, (size_t)(end - label));
    if (*end) pf__text_add(&cut, "\xE2\x80\xA6"); /* an ellipsis */
    pf__escape(out, pf__text_string(&cut));
    out->failed |= cut.failed;
    pf__text_free(&cut);
}

static void add_legend(const pf_plot *plot, const pf__area *a, pf__text *out) {
    int x = a->left + a->x.length + 12, y = a->top + 8;
    for (int i = 0; i < plot->curve_count; i++) {
        const pf_curve *c = &plot->curves[i];
        if (!has_label(c)) continue;
        if (c->dots)
            pf__text_format(out, "<circle cx=\"%d\" cy=\"%d\" r=\"3.2\" style=\"", x + 8, y);
        else
            pf__text_format(out, "<path d=\"M%d %dh16\" stroke-width=\"2.4\"%s style=\"", x, y,
                            c->dashed ? " stroke-dasharray=\"6 4\"" : "");
        add_color(out, c->dots ? "fill" : "stroke", i);
        pf__text_format(out, "\"/>\n<text x=\"%d\" y=\"%d\">", x + 22, y + 4);
        add_short_label(c->label, out);
        pf__text_add(out, "</text>\n");
        y += 19;
    }
}

/* ---- The whole ---- */

pf_status pf__plot_add(const pf_plot *plot, int standalone, pf__text *out, pf_error *error) {
    int below = plot->x_label ? 46 : 28, beside = legend_width(plot);
    int width = plot->width ? plot->width : 640 + beside, height = plot->height ? plot->height : 360;
    pf__area a = {.left = plot->y_label ? 72 : 56, .top = plot->title ? 32 : 12};
    a.x.length = width - a.left - (beside ? beside : 16);
    a.y.length = height - a.top - below;
    if (a.x.length < 40 || a.y.length < 40 || width > SIDE_MAX || height > SIDE_MAX)
        return pf__fail(error, PF_USAGE, "plot: %d x %d leaves no room, or is more than %d", width, height,
                        SIDE_MAX);
    PF__TRY(pf__area_limit(plot, &a, error));
    pf__text_format(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"pf-plot\" viewBox=\"0 0 %d %d\" width=\"%d\" "
        "height=\"%d\" role=\"img\" aria-label=\"",
        width, height, width, height);
    pf__escape(out, plot->title ? plot->title : "plot");
    pf__text_add(out, "\" font-family=\"system-ui,sans-serif\" font-size=\"12\" fill=\"currentColor\">\n");
    if (standalone)
        pf__text_add(
            out, "<style>svg{color:#24292f}@media(prefers-color-scheme:dark){svg{color:#d0d7de}}</style>\n");
    add_axes(&a, out);
    add_titles(plot, &a, height, out);
    add_curves(plot, &a, out);
    add_legend(plot, &a, out);
    pf__text_add(out, "</svg>\n");
    return out->failed ? pf__fail_memory(error, "plot", out->length) : PF_OK;
}

pf_status pf_plot_svg(const pf_plot *plot, char **svg, pf_error *error) {
    pf__text text = {0};
    pf_status st = pf__plot_add(plot, 0, &text, error);
    if (st != PF_OK)
        pf__text_free(&text);
    else
        *svg = text.data;
    return st;
}

pf_status pf_plot_write(const pf_plot *plot, const char *path, pf_error *error) {
    pf__text text = {0};
    pf_status st = pf__plot_add(plot, 1, &text, error);
    if (st == PF_OK) st = pf__file_write(path, text.data, text.length, error);
    pf__text_free(&text);
    return st;
}
