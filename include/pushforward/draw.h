/* SPDX-License-Identifier: MIT
 * Pictures, plots and pages: PNG in and out, grids of samples, clouds of points, line plots as SVG, and one
 * self-contained HTML page. Nothing here needs a device, a display, a network or a font.
 *
 *     pf_picture grid;
 *     pf_draw_grid_f32(samples, 64, 28, 28, 1, NULL, &grid, &err);       // samples [64,28,28,1] in [-1,1]
 *     pf_draw_png_write("samples.png", &grid, NULL, &err);
 *
 *     pf_page *page;
 *     pf_page_create("Run 7", &page, &err);
 *     pf_page_text(page, "Loss over training, and 64 samples of one evaluation each.");
 *     pf_page_plot(page, &plot, &err);
 *     pf_page_picture(page, &grid, "samples", &err);
 *     pf_page_write(page, "report.html", &err);
 *     pf_page_destroy(&page);
 *     pf_draw_free(&grid);
 *
 * Descriptors: a zeroed member means its default; NULL in place of a descriptor means all defaults.
 * Arrays are read during the call only. Texts are UTF-8; pictures show characters outside ASCII as '?'.
 * What a call hands out is the caller's and is released as that call says; after a failure there is nothing
 * to release. Files appear complete or not at all. The same input gives the same bytes.
 * Not for: colour management, 16-bit or animated images, interactive plots. */
#ifndef PUSHFORWARD_DRAW_H
#define PUSHFORWARD_DRAW_H

#include "pushforward/status.h"
#include <stddef.h>

/* ---- Pictures ---------------------------------------------------------------------------------------- */

/** An image in memory: [height, width, channels] u8, rows from the top, no padding. */
typedef struct pf_picture {
    int width, height;
    int channels;          /* 1 grey, 3 RGB */
    unsigned char *pixels; /* owned by the picture */
} pf_picture;

/** A black picture; release it with pf_draw_free. PF_USAGE unless both sides are in 1..32768 and channels is
 * 1 or 3. */
PF_API pf_status pf_draw_create(int width, int height, int channels, pf_picture *out, pf_error *error);
/** Releases the pixels and zeroes the picture. A zeroed one and NULL are allowed. */
PF_API void pf_draw_free(pf_picture *picture);

/** Writes a PNG file.
 *  text  pairs of key and value, ended by NULL: {"seed", "7", "method", "flow", NULL}; or NULL.
 *        Keys have 1 to 79 ASCII characters, values are UTF-8 of any length. */
PF_API pf_status pf_draw_png_write(const char *path, const pf_picture *picture, const char *const *text,
                                   pf_error *error);
/** The same into memory: *bytes is released with free(). */
PF_API pf_status pf_draw_png_encode(const pf_picture *picture, const char *const *text, unsigned char **bytes,
                                    size_t *length, pf_error *error);
/** Reads a PNG file of any kind as 8-bit grey or RGB; release it with pf_draw_free.
 *  channels  1, 3, or 0 for what the file has. Transparency is dropped, 16 bits are rounded to 8.
 *  PF_DATA when the file is missing, damaged, no PNG, or has a side longer than 32768. */
PF_API pf_status pf_draw_png_read(const char *path, int channels, pf_picture *out, pf_error *error);
/** The same from length bytes in memory; `where` names them in messages. */
PF_API pf_status pf_draw_png_decode(const void *bytes, size_t length, const char *where, int channels,
                                    pf_picture *out, pf_error *error);
/** The text that pf_draw_png_write stored under key: *value is released with free(). NULL when there is none.
 */
PF_API pf_status pf_draw_png_text(const char *path, const char *key, char **value, pf_error *error);

/* ---- Grids of images --------------------------------------------------------------------------------- */

typedef struct pf_grid_desc {
    int columns; /* 0: the count's square root, rounded up */
    int scale;   /* each pixel becomes scale x scale; 0: so that an image has about 64 pixels a side */
} pf_grid_desc;

/** Lays count images out in rows, with gaps of 2 pixels and a border of 2.
 *  images  [count, height, width, channels] f32: -1 is black, 1 is white, outside is clamped, NaN is magenta
 *          (black in grey pictures); channels is 1 or 3
 *  out     a new picture; release it with pf_draw_free. PF_USAGE when a number is not positive or the picture
 *          would have a side longer than 32768. */
PF_API pf_status pf_draw_grid_f32(const float *images, int count, int height, int width, int channels,
                                  const pf_grid_desc *desc, pf_picture *out, pf_error *error);
/** The same from [count, height, width, channels] u8, taken as they are. */
PF_API pf_status pf_draw_grid_u8(const unsigned char *images, int count, int height, int width, int channels,
                                 const pf_grid_desc *desc, pf_picture *out, pf_error *error);

/* ---- Clouds of points -------------------------------------------------------------------------------- */

/** One square panel. */
typedef struct pf_panel {
    const char *title; /* above it; NULL or "": none */
    const float
        *points; /* [count, 2] f32: x, y. Points that are not finite or outside the limits are not drawn */
    size_t count;
    const int *labels; /* [count]: a colour by label; NULL: one colour for the panel */
} pf_panel;

typedef enum pf_scatter_style {
    PF_SCATTER_AUTO,    /* dots up to 20000 points in a panel, density above */
    PF_SCATTER_DOTS,    /* anti-aliased dots, paler when there are many */
    PF_SCATTER_DENSITY, /* smoothed counts in a colour map; labels are ignored */
} pf_scatter_style;

typedef struct pf_scatter_desc {
    int side; /* of a panel, in pixels; 0: 400 */
    double x_min, x_max, y_min,
        y_max; /* all 0: the smallest square around the points of all panels, and 4 % more */
    pf_scatter_style style;
    int no_axes; /* 1: no ticks and numbers */
} pf_scatter_desc;

/** Draws panels side by side with the same limits, as RGB on white; release it with pf_draw_free.
 *  PF_USAGE when panel_count is not in 1..64, the limits are not increasing, or the side is not in 32..4096.
 */
PF_API pf_status pf_draw_scatter(const pf_panel *panels, int panel_count, const pf_scatter_desc *desc,
                                 pf_picture *out, pf_error *error);

/* ---- Plots ------------------------------------------------------------------------------------------- */

/** One curve of a plot. Points with a value that is not finite (or not positive on a logarithmic axis) break
 *  the line and are not drawn. More than 2000 points are thinned; a line keeps its extremes. */
typedef struct pf_curve {
    const char *label;   /* in the legend; NULL or "": not there */
    const double *x, *y; /* [count] each; x == NULL: 0, 1, 2, ... For lines x should not decrease */
    size_t count;
    int dots;   /* 1: small circles, not joined */
    int dashed; /* 1: a dashed line */
} pf_curve;

typedef struct pf_plot {
    const char *title, *x_label, *y_label; /* NULL: none */
    const pf_curve *curves;
    int curve_count;                   /* 0 is allowed: empty axes */
    int x_log, y_log;                  /* 1: logarithmic */
    double x_min, x_max, y_min, y_max; /* a pair of zeros: fits the curves */
    int width, height;                 /* 0: 640, and the legend's width; 0: 360 */
} pf_plot;

/** The plot as an SVG element, for a file of its own or for inlining: *svg is released with free().
 *  Text and axes take the colour of the text around it (currentColor); curve i takes the CSS variable
 *  --pf-c<i % 8> where a page sets it. PF_USAGE when limits do not increase, or are not positive on a
 * logarithmic axis. */
PF_API pf_status pf_plot_svg(const pf_plot *plot, char **svg, pf_error *error);
/** Writes it to a file, as SVG. */
PF_API pf_status pf_plot_write(const pf_plot *plot, const char *path, pf_error *error);
/** The plot as RGB on white, 900 and the legend's width by 600 where nothing is said; release it with
 *  pf_draw_free. Texts are in a fixed font, y_label stands above the axis; lines of up to 40 points, but the
 *  dashed ones, show their points. PF_USAGE as pf_plot_svg. */
PF_API pf_status pf_plot_picture(const pf_plot *plot, pf_picture *out, pf_error *error);

/* ---- Pages ------------------------------------------------------------------------------------------- */

/** A page under construction: parts appear in the order in which they are added. All texts are escaped.
 *  It follows the reader's light or dark scheme, prints, loads nothing and runs no script.
 *  Functions that return nothing can only run out of memory; pf_page_html and pf_page_write report that. */
typedef struct pf_page pf_page;

PF_API pf_status pf_page_create(const char *title, pf_page **out, pf_error *error);
/** Sets *page to NULL; *page may be NULL. */
PF_API void pf_page_destroy(pf_page **page);

/** level 1 to 3, below the title. */
PF_API void pf_page_heading(pf_page *page, int level, const char *text);
/** A paragraph. */
PF_API void pf_page_text(pf_page *page, const char *text);
/** Text as it stands, in a fixed-width font. */
PF_API void pf_page_code(pf_page *page, const char *text);
/** cells  [rows, columns], the first row is the heading; NULL is an empty cell. Numbers are set flush right.
 *  caption may be NULL. */
PF_API void pf_page_table(pf_page *page, const char *const *cells, int rows, int columns,
                          const char *caption);
/** Puts the figures and tables up to pf_page_row_end side by side, as far as there is room. */
PF_API void pf_page_row_begin(pf_page *page);
PF_API void pf_page_row_end(pf_page *page);
/** A plot as inline SVG. */
PF_API pf_status pf_page_plot(pf_page *page, const pf_plot *plot, pf_error *error);
/** A picture, embedded. caption may be NULL. */
PF_API pf_status pf_page_picture(pf_page *page, const pf_picture *picture, const char *caption,
                                 pf_error *error);
/** SVG of your own, inserted as it is. */
PF_API void pf_page_svg(pf_page *page, const char *svg);
/** Raw data that travels with the page: a JSON text in an element <script type="application/json" id="...">.
 */
PF_API void pf_page_data(pf_page *page, const char *id, const char *json);

/** The whole page: *html is released with free(). */
PF_API pf_status pf_page_html(const pf_page *page, char **html, pf_error *error);
PF_API pf_status pf_page_write(const pf_page *page, const char *path, pf_error *error);

#endif
