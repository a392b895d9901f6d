/* SPDX-License-Identifier: MIT
 * Plots as SVG, for files and for pages. */
#ifndef PF__DRAW_SVG_H
#define PF__DRAW_SVG_H

#include "base/error.h"
#include "base/text.h"
#include "pushforward/draw.h"

/** Adds the plot as an SVG element. standalone: with its own light and dark text colours, for a file. */
pf_status pf__plot_add(const pf_plot *plot, int standalone, pf__text *out, pf_error *error);

/** The colours of curves: on light and on dark ground. */
extern const char *const pf__curve_light[8], *const pf__curve_dark[8];

#endif
