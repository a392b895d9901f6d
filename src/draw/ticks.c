/* SPDX-License-Identifier: MIT
 * Round numbers along an axis. */
#include "draw/ticks.h"
#include "base/text.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* "1e-05" to "1e-5" and "1e+06" to "1e6". */
static void tidy_exponent(char *label) {
    char *e = strchr(label, 'e');
    if (!e) return;
    char *from = e + 1, *to = e + 1;
    if (*from == '-') to++, from++;
    if (*from == '+') from++;
    while (*from == '0') from++;
    memmove(to, from, strlen(from) + 1);
}

static void add_tick(pf__ticks *t, double at) {
    if (t->count == PF__TICKS_MAX) return;
    char text[sizeof t->label[0]], *to = t->label[t->count];
    snprintf(text, sizeof text, "%.6g", at == 0 ? 0.0 : at); /* no "-0" */
    for (const char *from = text; *from; from++) /* what is between digits in some locale is a point */
        if (strchr("0123456789+-e", *from))
            *to++ = *from;
        else if (to == t->label[t->count] || to[-1] != '.')
            *to++ = '.';
    *to = '\0';
    t->at[t->count] = at;
    tidy_exponent(t->label[t->count++]);
}

static void choose_linear(double min, double max, int wanted, pf__ticks *t) {
    double rough = (max - min) / wanted, power = pow(10, floor(log10(rough)));
    double step = 10 * power;
    static const double steps[] = {1, 2, 5};
    for (int i = 2; i >= 0; i--)
        if (steps[i] * power >= rough) step = steps[i] * power;
    double slack = 1e-9 * (max - min);
    for (double k = ceil((min - slack) / step); k * step <= max + slack && t->count < PF__TICKS_MAX; k++)
        add_tick(t, fabs(k * step) < 1e-9 * step ? 0 : k * step);
}

static void choose_log(double min, double max, int wanted, pf__ticks *t) {
    int first = (int)ceil(log10(min) - 1e-9), last = (int)floor(log10(max) + 1e-9);
    if (last - first >= 2) {
        int step = (last - first + wanted - 1) / wanted;
        for (int e = first; e <= last; e += step) add_tick(t, pow(10, e));
        return;
    }
    static const double parts[] = {1, 2, 5};
    for (int e = first - 1; e <= last; e++)
        for (int i = 0; i < 3; i++) {
            double at = parts[i] * pow(10, e);
            if (at >= min * (1 - 1e-9) && at <= max * (1 + 1e-9)) add_tick(t, at);
        }
    if (t->count >= 2) return;
    t->count = 0; /* less than a factor of 2 or so: the logarithm is nearly straight */
    choose_linear(min, max, wanted, t);
}

void pf__ticks_choose(double min, double max, int is_log, int wanted, pf__ticks *out) {
    out->count = 0;
    if (!(max > min) || !isfinite(max - min)) return;
    if (is_log)
        choose_log(min, max, wanted, out);
    else
        choose_linear(min, max, wanted, out);
}
