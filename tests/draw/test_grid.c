/* SPDX-License-Identifier: MIT
 * Grids: where each image lies, its values, and what is refused. */
#include "check.h"
#include "pushforward/draw.h"

static int pixel(const pf_picture *p, int x, int y, int c) {
    return p->pixels[(y * p->width + x) * p->channels + c];
}

static void test_places(void) {
    pf_error err = {0};
    pf_picture p;
    unsigned char images[5 * 3 * 4 * 3]; /* five images of 4 x 3, RGB */
    for (int i = 0; i < 5; i++)
        for (int k = 0; k < 36; k++) images[36 * i + k] = (unsigned char)(40 * i + k);
    pf_grid_desc desc = {.columns = 2, .scale = 3};
    CHECK_OK(pf_draw_grid_u8(images, 5, 3, 4, 3, &desc, &p, &err), err);
    CHECK_INT(p.width, 2 + 2 * (12 + 2));
    CHECK_INT(p.height, 2 + 3 * (9 + 2));
    for (int i = 0; i < 5; i++)
        for (int y = 0; y < 9; y++)
            for (int x = 0; x < 12; x++)
                for (int c = 0; c < 3; c++)
                    CU_ASSERT(pixel(&p, 2 + i % 2 * 14 + x, 2 + i / 2 * 11 + y, c) ==
                              images[36 * i + (y / 3 * 4 + x / 3) * 3 + c]);
    CHECK_INT(pixel(&p, 0, 0, 0), 0x80);
    CHECK_INT(pixel(&p, p.width - 1, p.height - 1, 2), 0x80); /* the sixth place is empty */
    CHECK_INT(pixel(&p, 20, 28, 2), 0x80);
    pf_draw_free(&p);
}

static void test_values(void) {
    pf_error err = {0};
    pf_picture p;
    pf_grid_desc desc = {.scale = 1};
    float grey[8] = {-1, 1, 0, -7, 7, NAN, INFINITY, -INFINITY};
    int want[8] = {0, 255, 128, 0, 255, 0, 255, 0};
    CHECK_OK(pf_draw_grid_f32(grey, 1, 1, 8, 1, &desc, &p, &err), err);
    for (int i = 0; i < 8; i++) CHECK_INT(pixel(&p, 2 + i, 2, 0), want[i]);
    pf_draw_free(&p);
    float color[3] = {-1, NAN, -1};
    CHECK_OK(pf_draw_grid_f32(color, 1, 1, 1, 3, &desc, &p, &err), err);
    CU_ASSERT(pixel(&p, 2, 2, 0) == 255 && pixel(&p, 2, 2, 1) == 0 && pixel(&p, 2, 2, 2) == 255);
    pf_draw_free(&p);
}

static void test_defaults(void) {
    pf_error err = {0};
    pf_picture p;
    unsigned char images[10 * 64] = {0};
    CHECK_OK(pf_draw_grid_u8(images, 10, 8, 8, 1, NULL, &p, &err), err);
    CHECK_INT(p.width, 2 + 4 * 66); /* 4 columns, 3 rows, scale 8 */
    CHECK_INT(p.height, 2 + 3 * 66);
    pf_draw_free(&p);
    CHECK_INT(pf_draw_grid_u8(images, 0, 8, 8, 1, NULL, &p, &err), PF_USAGE);
    CHECK_INT(pf_draw_grid_u8(images, 5, 8, 8, 2, NULL, &p, &err), PF_USAGE);
    CHECK_INT(pf_draw_grid_u8(images, 10, 8, 8, 1, &(pf_grid_desc){.scale = 3000}, &p, &err), PF_USAGE);
    CHECK_CONTAINS(err.message, "exceed 32768");
    CU_ASSERT(err.hint[0] != '\0' && p.pixels == NULL);
}

void test_grid_suite(void) {
    CU_pSuite s = CU_add_suite("grid", NULL, NULL);
    CU_add_test(s, "places", test_places);
    CU_add_test(s, "values", test_values);
    CU_add_test(s, "defaults", test_defaults);
}
