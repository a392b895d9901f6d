/* SPDX-License-Identifier: MIT
 * Clouds of points: dots fall where they belong, panels share limits, odd points are left out. */
#include "check.h"
#include "pushforward/draw.h"

/* How much darker than white the neighbourhood of a pixel is. */
static int darkness(const pf_picture *p, int x, int y, int reach) {
    int sum = 0;
    for (int v = y - reach; v <= y + reach; v++)
        for (int u = x - reach; u <= x + reach; u++)
            if (u >= 0 && v >= 0 && u < p->width && v < p->height)
                sum += 255 - p->pixels[3 * (v * p->width + u) + 1];
    return sum;
}

static void test_place(pf_scatter_style style) {
    pf_error err = {0};
    pf_picture p;
    float points[] = {0.5f, 0.5f, NAN, 0, 0, INFINITY, 5, 5, -1e30f, 0};
    pf_panel panel = {.points = points, .count = 5};
    pf_scatter_desc desc = {
        .side = 100, .x_min = -1, .x_max = 1, .y_min = -1, .y_max = 1, .style = style, .no_axes = 1};
    CHECK_OK(pf_draw_scatter(&panel, 1, &desc, &p, &err), err);
    CHECK_INT(p.width, 124);
    CHECK_INT(p.channels, 3);
    CU_ASSERT(darkness(&p, 12 + 75, 12 + 25, 3) > 300); /* y grows upward */
    CHECK_INT(darkness(&p, 12 + 25, 12 + 25, 12), 0);
    CHECK_INT(darkness(&p, 12 + 75, 12 + 75, 12), 0);
    CHECK_INT(darkness(&p, 12 + 50, 12 + 50, 10), 0);
    pf_draw_free(&p);
}

static void test_dots(void) {
    test_place(PF_SCATTER_DOTS);
}

static void test_density(void) {
    test_place(PF_SCATTER_DENSITY);
}

static void test_panels(void) {
    pf_error err = {0};
    pf_picture p, again;
    float a[] = {0, 0, 10, 10}, b[] = {10, 0};
    int labels[] = {3, -2};
    pf_panel panels[] = {
        {.title = "data", .points = a, .count = 2, .labels = labels},
        {.title = "a title that is much too long for so small a panel", .points = b, .count = 1},
        {.title = "", .points = NULL, .count = 0}};
    pf_scatter_desc desc = {.side = 120};
    CHECK_OK(pf_draw_scatter(panels, 3, &desc, &p, &err), err);
    CHECK_OK(pf_draw_scatter(panels, 3, &desc, &again, &err), err);
    CHECK_INT(p.width, 46 + 3 * 132);
    CU_ASSERT(memcmp(p.pixels, again.pixels, 3 * (size_t)p.width * (size_t)p.height) == 0);
    /* In the second panel the one point is low on the right: the limits are those of all panels. */
    CU_ASSERT(darkness(&p, 46 + 132 + 115, p.height - 26 - 5, 2) > 300);
    pf_draw_free(&p);
    pf_draw_free(&again);
    CHECK_OK(pf_draw_scatter(panels + 1, 1, NULL, &p, &err), err); /* a single point has no extent */
    pf_draw_free(&p);
    CHECK_OK(pf_draw_scatter(panels + 2, 1, NULL, &p, &err), err);
    pf_draw_free(&p);
}

static void test_refusals(void) {
    pf_error err = {0};
    pf_picture p;
    pf_panel panel = {0};
    CHECK_INT(pf_draw_scatter(&panel, 0, NULL, &p, &err), PF_USAGE);
    CHECK_INT(pf_draw_scatter(&panel, 1, &(pf_scatter_desc){.side = 5}, &p, &err), PF_USAGE);
    pf_scatter_desc desc = {.x_min = 1, .x_max = -1, .y_min = 0, .y_max = 1};
    CHECK_INT(pf_draw_scatter(&panel, 1, &desc, &p, &err), PF_USAGE);
    CHECK_CONTAINS(err.message, "x [1, -1]");
    CU_ASSERT_PTR_NULL(p.pixels);
}

void test_scatter_suite(void) {
    CU_pSuite s = CU_add_suite("scatter", NULL, NULL);
    CU_add_test(s, "dots", test_dots);
    CU_add_test(s, "density", test_density);
    CU_add_test(s, "panels", test_panels);
    CU_add_test(s, "refusals", test_refusals);
}
