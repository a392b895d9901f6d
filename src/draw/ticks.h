/* SPDX-License-Identifier: MIT
 * Where an axis has its ticks, and what they say. */
#ifndef PF__DRAW_TICKS_H
#define PF__DRAW_TICKS_H

enum { PF__TICKS_MAX = 16 };

typedef struct pf__ticks {
    int count;
    double at[PF__TICKS_MAX];
    char label[PF__TICKS_MAX][24];
} pf__ticks;

/** At most `wanted` (2..12) ticks at multiples of 1, 2 or 5 times a power of ten within [min, max]; on a
 * logarithmic axis at powers of ten, or at 1, 2, 5 times them when there are few. */
void pf__ticks_choose(double min, double max, int is_log, int wanted, pf__ticks *out);

#endif
