/* SPDX-License-Identifier: MIT
 * Samples as a picture: images in a grid, points as a cloud, numbers as sorted values over their rank. */
#include "pushforward/draw.h"
#include "run/run.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Values of a set of bytes become what the grid takes for black and white, -1 and 1; others are taken as they
 * are. */
static float *as_pixels(const pf_samples *s, bool is_u8, double scale_factor, double add_offset) {
    size_t n = (size_t)(s->count * s->dim);
    float *pixels = malloc(n * sizeof *pixels);
    for (size_t i = 0; pixels && i < n; i++) {
        double byte = is_u8 ? ((double)s->x[i] - add_offset) / scale_factor : ((double)s->x[i] + 1) * 127.5;
        pixels[i] = (float)(byte / 127.5 - 1);
    }
    return pixels;
}

static pf_status draw_grid(const pf_samples *s, bool is_u8, double scale_factor, double add_offset,
                           pf_picture *out, pf_error *err) {
    float *pixels = as_pixels(s, is_u8, scale_factor, add_offset);
    if (!pixels)
        return pf__fail_memory(err, "a picture", (unsigned long long)(s->count * s->dim) * sizeof *pixels);
    pf_status st = pf_draw_grid_f32(pixels, (int)s->count, (int)s->sample.dim[0], (int)s->sample.dim[1],
                                    (int)s->sample.dim[2], NULL, out, err);
    free(pixels);
    return st;
}

static int by_value(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* [count, 2]: the first two numbers of each sample, or (sorted value, rank). malloc. */
static float *as_points(const pf_samples *s) {
    float *points = malloc((size_t)s->count * 2 * sizeof *points);
    if (!points) return NULL;
    if (s->dim == 1) {
        memcpy(points + s->count, s->x, (size_t)s->count * sizeof *points);
        qsort(points + s->count, (size_t)s->count, sizeof *points, by_value);
        for (int64_t i = 0; i < s->count; i++) { /* front to back: what is overwritten has been read */
            points[2 * i] = points[s->count + i];
            points[2 * i + 1] = ((float)i + 0.5f) / (float)s->count;
        }
        return points;
    }
    for (int64_t i = 0; i < s->count; i++) memcpy(points + 2 * i, s->x + i * s->dim, 2 * sizeof *points);
    return points;
}

static pf_status draw_points(const pf_samples *s, const pf_scatter_desc *desc, pf_picture *out,
                             pf_error *err) {
    float *points = as_points(s);
    if (!points) return pf__fail_memory(err, "a picture", (unsigned long long)s->count * 8);
    pf_panel panel = {.points = points, .count = (size_t)s->count, .labels = s->dim == 1 ? NULL : s->label};
    pf_status st = pf_draw_scatter(&panel, 1, desc, out, err);
    free(points);
    return st;
}

pf_status pf__samples_draw(const pf_samples *s, bool is_u8, double scale_factor, double add_offset,
                           const pf_scatter_desc *scatter, pf_picture *out, pf_error *err) {
    bool images = s->sample.rank == 3 && (s->sample.dim[2] == 1 || s->sample.dim[2] == 3);
    return images ? draw_grid(s, is_u8, scale_factor, add_offset, out, err)
                  : draw_points(s, scatter, out, err);
}

pf_status pf__samples_picture(const char *path, const pf_samples *s, bool is_u8, double scale_factor,
                              double add_offset, pf_error *err) {
    pf_picture picture;
    PF__TRY(pf__samples_draw(s, is_u8, scale_factor, add_offset, NULL, &picture, err));
    const char *text[] = {"made_by", s->header, NULL};
    pf_status st = pf_draw_png_write(path, &picture, text, err);
    pf_draw_free(&picture);
    return st;
}
