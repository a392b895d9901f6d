/* SPDX-License-Identifier: MIT
 * Limits of axes, and places along them. */
#include "draw/axes.h"
#include <math.h>

double pf__curve_x(const pf_curve *c, size_t i) {
    return c->x ? c->x[i] : (double)i;
}

int pf__axis_holds(const pf__axis *a, double value) {
    return isfinite(value) && (!a->is_log || value > 0);
}

double pf__axis_pixel(const pf__axis *a, double value) {
    double part = a->is_log ? log(value / a->min) / log(a->max / a->min)
                            : (value - a->min) / (a->max - a->min);
    return fmin(fmax(part, -10), 11) * a->length;
}

static void fit(const pf_plot *plot, int along_x, pf__axis *a, const pf__axis *other) {
    double low = INFINITY, high = -INFINITY;
    for (int c = 0; c < plot->curve_count; c++)
        for (size_t i = 0; i < plot->curves[c].count; i++) {
            double x = pf__curve_x(&plot->curves[c], i), y = plot->curves[c].y[i];
            double value = along_x ? x : y, beside = along_x ? y : x;
            if (!pf__axis_holds(a, value) || !pf__axis_holds(other, beside)) continue;
            low = fmin(low, value);
            high = fmax(high, value);
        }
    if (!(low <= high)) low = a->is_log ? 1 : 0, high = a->is_log ? 10 : 1;
    double padding = along_x ? 0.01 : 0.05;
    if (a->is_log) {
        double factor = high > low ? pow(high / low, padding) : 2;
        a->min = low / factor;
        a->max = high * factor;
    } else {
        double more = high > low ? padding * (high - low) : low != 0 ? fabs(low) / 2 : 1;
        a->min = low - more;
        a->max = high + more;
    }
}

pf_status pf__area_limit(const pf_plot *plot, pf__area *a, pf_error *error) {
    a->x.is_log = plot->x_log;
    a->y.is_log = plot->y_log;
    fit(plot, 1, &a->x, &a->y);
    fit(plot, 0, &a->y, &a->x);
    if (plot->x_min != 0 || plot->x_max != 0) a->x.min = plot->x_min, a->x.max = plot->x_max;
    if (plot->y_min != 0 || plot->y_max != 0) a->y.min = plot->y_min, a->y.max = plot->y_max;
    const pf__axis *axes[2] = {&a->x, &a->y};
    for (int i = 0; i < 2; i++) {
        double min = axes[i]->min, max = axes[i]->max;
        if (max > min && isfinite(max - min) && (!axes[i]->is_log || (min > 0 && isfinite(max / min))))
            continue;
        return pf__fail(error, PF_USAGE, "plot: limits of %c [%g, %g] do not increase%s", "xy"[i], min, max,
                        axes[i] -> is_log ? " from above 0" : "");
    }
    return PF_OK;
}
