/* SPDX-License-Identifier: MIT
 * Plots as pictures: curves where they belong, in their colours, and nothing outside the plotting area. */
#include "check.h"
#include "draw/svg.h"

void test_plot_picture_suite(void);

enum { COUNT = 50 };

/* Whether a pixel has the hue of curve i: its colour, or that mixed with white. */
static int is_of(const pf_picture *p, int x, int y, int curve) {
    const unsigned long rgb = strtoul(pf__curve_light[curve] + 1, NULL, 16);
    const unsigned char *at = p->pixels + 3 * (y * p->width + x);
    return at[0] == rgb >> 16 && at[1] == (rgb >> 8 & 0xFF) && at[2] == (rgb & 0xFF);
}

/* Pixels of a curve: their count, and the box around them {left, top, right, bottom}. */
static int find(const pf_picture *p, int right, int curve, int box[4]) {
    int count = 0;
    box[0] = box[1] = 1 << 20, box[2] = box[3] = -1;
    for (int y = 0; y < p->height; y++)
        for (int x = 0; x < right; x++) {
            if (!is_of(p, x, y, curve)) continue;
            count++;
            if (x < box[0]) box[0] = x;
            if (y < box[1]) box[1] = y;
            if (x > box[2]) box[2] = x;
            if (y > box[3]) box[3] = y;
        }
    return count;
}

static void curves(void) {
    double x[COUNT], low[COUNT], high[COUNT], points[2] = {10, 100}, places[2] = {10, 100};
    pf_error error = {0};
    pf_picture p = {0}, again = {0};
    for (int i = 0; i < COUNT; i++) {
        x[i] = pow(10, 3.0 * i / (COUNT - 1)); /* 1 .. 1000 */
        low[i] = i == 7 ? NAN : 0.01;          /* below the limits: nowhere */
        high[i] = x[i];
    }
    const pf_curve curve[4] = {{.x = x, .y = low, .count = COUNT},
                               {.label = "rises", .x = x, .y = high, .count = COUNT},
                               {.x = points, .y = places, .count = 2, .dots = 1},
                               {.label = "level", .x = x, .y = (double[COUNT]){-1}, .count = 1, .dashed = 1}};
    const pf_plot plot = {.title = "a plot",
                          .x_label = "x",
                          .y_label = "y",
                          .curves = curve,
                          .curve_count = 4,
                          .x_log = 1,
                          .y_log = 1,
                          .x_min = 1,
                          .x_max = 1000,
                          .y_min = 1,
                          .y_max = 1000,
                          .width = 800,
                          .height = 500};
    CHECK_OK(pf_plot_picture(&plot, &p, &error), error);
    CHECK_INT(p.width, 800);
    CHECK_INT(p.height, 500);
    CHECK_INT(p.channels, 3);
    int box[4], dots[4];
    const int before_legend = 661;
    CHECK_INT(find(&p, before_legend, 0, box), 0);
    CU_ASSERT(find(&p, before_legend, 1, box) > 300);
    CU_ASSERT(find(&p, before_legend, 2, dots) > 10);
    /* the line runs from corner to corner, and the dots lie at thirds of it */
    const int wide = (box[2] - box[0]) / 3, tall = (box[3] - box[1]) / 3;
    CU_ASSERT(abs(dots[0] - box[0] - wide) <= 6 && abs(box[2] - dots[2] - wide) <= 6);
    CU_ASSERT(abs(dots[1] - box[1] - tall) <= 6 && abs(box[3] - dots[3] - tall) <= 6);
    CU_ASSERT(wide > 150 && tall > 100);
    const int middle_x = (box[0] + box[2]) / 2, middle_y = (box[1] + box[3]) / 2;
    CU_ASSERT(is_of(&p, middle_x, middle_y, 1) || is_of(&p, middle_x + 1, middle_y, 1));
    CHECK_OK(pf_plot_picture(&plot, &again, &error), error);
    CU_ASSERT_EQUAL(memcmp(p.pixels, again.pixels, (size_t)(3 * p.width * p.height)), 0);
    pf_draw_free(&p);
    pf_draw_free(&again);
}

static void dashes(void) {
    double x[2] = {0, 1}, y[2] = {0.5, 0.5};
    pf_error error = {0};
    int box[4], count[2];
    for (int dashed = 0; dashed < 2; dashed++) {
        const pf_curve curve = {.x = x, .y = y, .count = 2, .dashed = dashed};
        pf_picture p = {0};
        CHECK_OK(pf_plot_picture(&(pf_plot){.curves = &curve, .curve_count = 1}, &p, &error), error);
        count[dashed] = find(&p, p.width, 0, box);
        pf_draw_free(&p);
    }
    CU_ASSERT(count[1] > 0.45 * count[0] && count[1] < 0.75 * count[0]); /* 9 of 15 */
}

static void refused(void) {
    double y[2] = {1, 2};
    const pf_curve curve = {.y = y, .count = 2};
    pf_error error = {0};
    pf_picture p = {0};
    const pf_plot bad[] = {{.width = 100, .height = 100},
                           {.width = 20000},
                           {.x_min = 2, .x_max = 1},
                           {.y_min = -1, .y_max = 1, .y_log = 1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        pf_plot plot = bad[i];
        plot.curves = &curve;
        plot.curve_count = 1;
        CHECK_INT(pf_plot_picture(&plot, &p, &error), PF_USAGE);
        CU_ASSERT_PTR_NULL(p.pixels);
    }
    CHECK_OK(pf_plot_picture(&(pf_plot){0}, &p, &error), error); /* empty axes */
    pf_draw_free(&p);
}

void test_plot_picture_suite(void) {
    CU_pSuite s = CU_add_suite("draw/plot picture", NULL, NULL);
    CU_add_test(s, "curves lie where they belong", curves);
    CU_add_test(s, "dashes", dashes);
    CU_add_test(s, "what cannot be drawn", refused);
}
