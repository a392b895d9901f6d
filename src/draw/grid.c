/* SPDX-License-Identifier: MIT
 * Many images in one picture. */
#include "draw/picture.h"
#include <math.h>
#include <string.h>

enum { GAP = 2, GREY = 0x80, SIDE_WANTED = 64 };

/* One image type or the other: f32 when f is not NULL, else u8. */
typedef struct source {
    const float *f;
    const unsigned char *u;
    int height, width, channels;
} source;

typedef struct layout {
    int columns, rows, scale;
} layout;

static pf_status plan_layout(const source *s, int count, const pf_grid_desc *desc, layout *l,
                             pf_error *error) {
    static const pf_grid_desc defaults = {0};
    if (!desc) desc = &defaults;
    if (count < 1 || s->height < 1 || s->width < 1 || desc->columns < 0 || desc->scale < 0)
        return pf__fail(error, PF_USAGE, "grid of %d images of %d x %d, %d columns, scale %d: not positive",
                        count, s->width, s->height, desc->columns, desc->scale);
    int side = s->height > s->width ? s->height : s->width;
    l->scale = desc->scale ? desc->scale : side < SIDE_WANTED ? SIDE_WANTED / side : 1;
    l->columns = desc->columns ? desc->columns : (int)ceil(sqrt(count));
    if (l->columns > count) l->columns = count;
    l->rows = (count - 1) / l->columns + 1;
    double wide = GAP + (double)l->columns * ((double)s->width * l->scale + GAP);
    double high = GAP + (double)l->rows * ((double)s->height * l->scale + GAP);
    if (wide <= PF__SIDE_MAX && high <= PF__SIDE_MAX) return PF_OK;
    pf_status st = pf__fail(error, PF_USAGE, "grid of %d images of %d x %d: %.0f x %.0f pixels exceed %d",
                            count, s->width, s->height, wide, high, PF__SIDE_MAX);
    return pf__hint(error, st, "draw fewer images, or choose columns and scale");
}

/* The pixel at element index of the source, as channels bytes. */
static void take_pixel(const source *s, size_t index, unsigned char out[3]) {
    int bad = 0;
    for (int c = 0; c < s->channels; c++) {
        if (!s->f) {
            out[c] = s->u[index + (size_t)c];
            continue;
        }
        float value = s->f[index + (size_t)c];
        bad |= isnan(value);
        out[c] = value >= 1 ? 255 : value > -1 ? (unsigned char)lrintf((value + 1) * 127.5f) : 0;
    }
    if (bad && s->channels == 3) memcpy(out, "\xFF\x00\xFF", 3);
}

static void put_image(const source *s, int number, const layout *l, pf_picture *out) {
    int left = GAP + number % l->columns * (s->width * l->scale + GAP);
    int top = GAP + number / l->columns * (s->height * l->scale + GAP);
    size_t channels = (size_t)s->channels, stride = (size_t)out->width * channels;
    size_t first = (size_t)number * (size_t)s->height * (size_t)s->width * channels;
    for (int y = 0; y < s->height * l->scale; y++) {
        unsigned char *to = out->pixels + (size_t)(top + y) * stride + (size_t)left * channels;
        size_t row = first + (size_t)(y / l->scale) * (size_t)s->width * channels;
        for (int x = 0; x < s->width * l->scale; x++, to += channels) {
            unsigned char pixel[3];
            take_pixel(s, row + (size_t)(x / l->scale) * channels, pixel);
            memcpy(to, pixel, channels);
        }
    }
}

static pf_status draw(const source *s, int count, const pf_grid_desc *desc, pf_picture *out,
                      pf_error *error) {
    layout l = {0};
    memset(out, 0, sizeof *out);
    PF__TRY(plan_layout(s, count, desc, &l, error));
    int width = GAP + l.columns * (s->width * l.scale + GAP),
        height = GAP + l.rows * (s->height * l.scale + GAP);
    PF__TRY(pf_draw_create(width, height, s->channels, out, error));
    memset(out->pixels, GREY, (size_t)width * (size_t)height * (size_t)s->channels);
    for (int i = 0; i < count; i++) put_image(s, i, &l, out);
    return PF_OK;
}

pf_status pf_draw_grid_f32(const float *images, int count, int height, int width, int channels,
                           const pf_grid_desc *desc, pf_picture *out, pf_error *error) {
    source s = {.f = images, .height = height, .width = width, .channels = channels};
    return draw(&s, count, desc, out, error);
}

pf_status pf_draw_grid_u8(const unsigned char *images, int count, int height, int width, int channels,
                          const pf_grid_desc *desc, pf_picture *out, pf_error *error) {
    source s = {.u = images, .height = height, .width = width, .channels = channels};
    return draw(&s, count, desc, out, error);
}
