/* SPDX-License-Identifier: MIT
 * Pictures in memory. */
#include "draw/picture.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

pf_status pf_draw_create(int width, int height, int channels, pf_picture *out, pf_error *error) {
    memset(out, 0, sizeof *out);
    if (width < 1 || height < 1 || width > PF__SIDE_MAX || height > PF__SIDE_MAX)
        return pf__fail(error, PF_USAGE, "picture of %d x %d: sides are in 1..%d", width, height,
                        PF__SIDE_MAX);
    if (channels != 1 && channels != 3)
        return pf__fail(error, PF_USAGE, "picture with %d channels: 1 (grey) and 3 (RGB) are known",
                        channels);
    size_t bytes = (size_t)width * (size_t)height * (size_t)channels;
    unsigned char *pixels = calloc(bytes, 1);
    if (!pixels) return pf__fail_memory(error, "picture", bytes);
    *out = (pf_picture){.width = width, .height = height, .channels = channels, .pixels = pixels};
    return PF_OK;
}

void pf_draw_free(pf_picture *picture) {
    if (!picture) return;
    free(picture->pixels);
    memset(picture, 0, sizeof *picture);
}

static unsigned char mix(unsigned char from, unsigned char to, double weight) {
    return (unsigned char)lrint(from + weight * (to - from));
}

void pf__blend(pf_picture *p, int x, int y, pf__color color, double weight) {
    if (x < 0 || y < 0 || x >= p->width || y >= p->height) return;
    unsigned char *at = p->pixels + 3 * ((size_t)y * (size_t)p->width + (size_t)x);
    at[0] = mix(at[0], color.r, weight);
    at[1] = mix(at[1], color.g, weight);
    at[2] = mix(at[2], color.b, weight);
}

void pf__fill(pf_picture *p, int x0, int y0, int x1, int y1, pf__color color) {
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++) pf__blend(p, x, y, color, 1);
}
