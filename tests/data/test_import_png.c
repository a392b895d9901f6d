/* SPDX-License-Identifier: MIT
 * Importing folders of PNG images. */
#include "import_rig.h"
#include "pushforward/draw.h"

static rig r;

/* The folders and files made, for their removal in reverse order. */
static char made[64][600];
static int made_count;

static const char *add(const char *name) {
    snprintf(made[made_count], sizeof made[0], "%s%s%s", r.source, *name ? "/" : "", name);
    return made[made_count++];
}

static void folder(const char *name) {
    CHECK_INT(mkdir(add(name), 0777), 0);
}

static void file(const char *name, const void *bytes, size_t length) {
    write_bytes(add(name), bytes, length);
}

/* All pixels are `value`, the first one value + 1. */
static void image(const char *name, int width, int height, int channels, int value) {
    pf_picture p;
    CHECK_OK(pf_draw_create(width, height, channels, &p, &r.err), r.err);
    memset(p.pixels, value, (size_t)width * (size_t)height * (size_t)channels);
    p.pixels[0]++;
    CHECK_OK(pf_draw_png_write(add(name), &p, NULL, &r.err), r.err);
    pf_draw_free(&p);
}

static void begin(void) {
    rig_begin(&r, "images");
    made_count = 0;
    folder("");
}

static void end(void) {
    while (made_count > 0) CHECK_INT(remove(made[--made_count]), 0);
    rig_end(&r);
}

static int value(float x) {
    return (int)lrint((x + 1) * 127.5);
}

static void test_classes(void) {
    float x[60];
    int32_t y;
    begin();
    folder("cat");
    folder("ant");
    folder(".hidden");
    image("cat/b.png", 5, 4, 3, 40);
    image("cat/a.PNG", 5, 4, 3, 30);
    image("ant/1.png", 5, 4, 3, 10);
    image("ant/2.png", 5, 4, 3, 20);
    file("ant/notes.txt", "hello", 5);
    rig_import(&r, 0.5);
    CU_ASSERT_STRING_EQUAL(r.said, "train 2 x 4x5x3 u8, 2 classes\ntest 2 x 4x5x3 u8, 2 classes\n");
    for (int i = 0; i < 4; i++) { /* classes in turn: 10 30 | 20 40 */
        static const int expected[] = {10, 30, 20, 40};
        rig_read(&r, i < 2 ? PF_TRAIN : PF_TEST, i % 2, x, &y);
        CHECK_INT(value(x[0]), expected[i] + 1);
        CHECK_INT(value(x[59]), expected[i]);
        CHECK_INT(y, i % 2);
    }
    CHECK_CONTAINS(r.info->source, "PNG images: test_data_");
    rig_class_name(&r, 2, 0, "ant");
    rig_class_name(&r, 2, 1, "cat");
    end();
}

static void test_parts(void) {
    float x[6];
    int32_t y;
    begin();
    folder("train");
    folder("train/a");
    folder("train/b");
    folder("test");
    folder("test/b");
    image("train/a/1.png", 3, 2, 1, 1);
    image("train/b/1.png", 3, 2, 1, 2);
    image("train/b/2.png", 3, 2, 1, 3);
    image("test/b/1.png", 3, 2, 1, 4);
    rig_import(&r, 0);
    CU_ASSERT_STRING_EQUAL(r.said, "train 3 x 2x3x1 u8, 2 classes\ntest 1 x 2x3x1 u8, 2 classes\n");
    rig_read(&r, PF_TEST, 0, x, &y);
    CHECK_INT(value(x[5]), 4);
    CHECK_INT(y, 1);
    end();
    begin();
    image("1.png", 3, 2, 1, 1);
    image("2.png", 3, 2, 1, 2);
    rig_import(&r, -1);
    CU_ASSERT_STRING_EQUAL(r.said, "train 2 x 2x3x1 u8, no labels\n");
    end();
}

static void refused(const char *message, const char *hint) {
    rig_refused(&r, message, hint);
    end();
}

static void begin_class(void) {
    begin();
    folder("a");
    image("a/1.png", 5, 4, 1, 7);
}

/* A PNG of which byte `at` is another one, or which is cut to `keep` bytes. */
static void damaged(const char *name, long at, long keep) {
    size_t length = 0;
    image(name, 5, 4, 1, 9);
    char *bytes = read_bytes(made[made_count - 1], &length);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    if (at >= 0) bytes[at] ^= 0x55;
    write_bytes(made[made_count - 1], bytes, keep > 0 ? (size_t)keep : length);
    free(bytes);
}

static void test_bad(void) {
    begin_class();
    folder("b");
    refused("b: no .png files in this folder", "move others away");
    begin();
    folder("a");
    refused("no IDX images, CIFAR batches or folders of PNG", "one sub-folder of .png files");
    begin_class();
    image("a/2.png", 4, 5, 1, 7);
    refused("2.png: 4 x 5 grey, the images before are 5 x 4 grey", "one size");
    begin_class();
    image("a/2.png", 5, 4, 3, 7);
    refused("5 x 4 RGB, the images before are 5 x 4 grey", "one size");
    begin_class();
    file("a/2.png", "\xff\xd8\xff\xe0 a JPEG by another name", 27);
    refused("not a PNG file", "convert");
    begin_class();
    file("a/2.png", "", 0);
    refused("not a PNG file", "");
    begin_class();
    damaged("a/2.png", -1, 50);
    refused("2.png: not a readable PNG", "");
    begin_class();
    damaged("a/2.png", 46, 0); /* in the pixels */
    refused("2.png: not a readable PNG", "");
    begin_class();
    damaged("a/2.png", 30, 0); /* the checksum of the head */
    refused("2.png: not a readable PNG", "");
    begin();
    folder("a");
    damaged("a/1.png", 16, 0); /* 1.4e9 pixels wide */
    refused("is not imported", "");
    begin();
    folder("a");
    damaged("a/1.png", 18, 0); /* 21765 x 4 */
    image("a/2.png", 5, 4, 1, 7);
    refused("2.png: 5 x 4 grey, the images before are 21765 x 4 grey", "one size");
    begin();
    folder("train");
    folder("train/a");
    folder("test");
    folder("test/b");
    image("train/a/1.png", 3, 2, 1, 1);
    image("test/b/1.png", 3, 2, 1, 1);
    refused("b is no class of the training part", "same sub-folders");
    begin();
    refused("no IDX images, CIFAR batches or folders of PNG", "one sub-folder of .png files");
    begin_class();
    folder("caf\xe9");
    image("caf\xe9/1.png", 5, 4, 1, 7);
    refused("the class name 'caf\\xe9' is not UTF-8", "convmv");
    begin_class();
    snprintf(r.source + strlen(r.source), 20, "/a/1.png");
    rig_refused(&r, "is one picture", "sub-folder");
    end();
}

void test_import_png_suite(void) {
    CU_pSuite s = CU_add_suite("data/import png", NULL, NULL);
    CU_add_test(s, "classes", test_classes);
    CU_add_test(s, "parts", test_parts);
    CU_add_test(s, "bad", test_bad);
}
