/* SPDX-License-Identifier: MIT
 * The plotting area of a plot: limits that fit its curves, and where a value falls. */
#ifndef PF__DRAW_AXES_H
#define PF__DRAW_AXES_H

#include "base/error.h"
#include "pushforward/draw.h"

typedef struct pf__axis {
    double min, max;
    int is_log, length; /* pixels */
} pf__axis;

typedef struct pf__area {
    pf__axis x, y;
    int left, top;
} pf__area;

double pf__curve_x(const pf_curve *c, size_t i);
/** Finite, and positive on a logarithmic axis. */
int pf__axis_holds(const pf__axis *a, double value);
/** Pixels from the axis' lower end; far outside is cut, as renderers keep few digits. */
double pf__axis_pixel(const pf__axis *a, double value);
/** The plot's own limits, or such that its curves fit. PF_USAGE when they do not increase. */
pf_status pf__area_limit(const pf_plot *plot, pf__area *a, pf_error *error);

#endif
