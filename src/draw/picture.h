/* SPDX-License-Identifier: MIT
 * What the files of draw/ share about pictures: sizes, colours, blending, text. */
#ifndef PF__DRAW_PICTURE_H
#define PF__DRAW_PICTURE_H

#include "base/error.h"
#include "pushforward/draw.h"

enum { PF__SIDE_MAX = 32768 };

typedef struct pf__color {
    unsigned char r, g, b;
} pf__color;

/** Mixes color into an RGB picture; weight in [0, 1]. Pixels outside are left out. */
void pf__blend(pf_picture *p, int x, int y, pf__color color, double weight);
/** Fills [x0, x1) x [y0, y1), clipped. RGB pictures only. */
void pf__fill(pf_picture *p, int x0, int y0, int x1, int y1, pf__color color);

/** Writes text with its top left corner at (x, y), 5 x 7 dots each scale x scale pixels, 6 apart. */
void pf__write(pf_picture *p, int x, int y, int scale, pf__color color, const char *text);
/** The width of that in pixels. */
int pf__write_width(const char *text, int scale);

#endif
