/* SPDX-License-Identifier: MIT
 * PNG there and back, other kinds of PNG, texts, and damaged files. */
#include "base/file.h"
#include "check.h"
#include "pushforward/draw.h"
#include <png.h>
#include <unistd.h>
#include <zlib.h>

static void fill(pf_picture *p) {
    size_t n = (size_t)p->width * (size_t)p->height * (size_t)p->channels;
    for (size_t i = 0; i < n; i++) p->pixels[i] = (unsigned char)(i * 37 + i / 7);
}

static void round_trip(int width, int height, int channels) {
    pf_error err = {0};
    pf_picture p, q;
    unsigned char *bytes = NULL;
    size_t length = 0;
    CHECK_OK(pf_draw_create(width, height, channels, &p, &err), err);
    fill(&p);
    CHECK_OK(pf_draw_png_encode(&p, NULL, &bytes, &length, &err), err);
    CHECK_OK(pf_draw_png_decode(bytes, length, "memory", 0, &q, &err), err);
    CHECK_INT(q.width, width);
    CHECK_INT(q.height, height);
    CHECK_INT(q.channels, channels);
    CU_ASSERT(q.pixels && memcmp(p.pixels, q.pixels, (size_t)width * (size_t)height * (size_t)channels) == 0);
    pf_draw_free(&q);
    pf_draw_free(&p);
    pf_draw_free(&p);
    free(bytes);
}

static void test_round_trip(void) {
    round_trip(1, 1, 1);
    round_trip(5, 3, 3);
    round_trip(33, 70, 1);
    round_trip(640, 480, 3);
}

static void test_convert(void) {
    pf_error err = {0};
    pf_picture p, q;
    unsigned char *bytes = NULL;
    size_t length = 0;
    CHECK_OK(pf_draw_create(3, 1, 3, &p, &err), err);
    memcpy(p.pixels, "\xFF\x00\x00\x80\x80\x80\xFF\xFF\xFF", 9);
    CHECK_OK(pf_draw_png_encode(&p, NULL, &bytes, &length, &err), err);
    CHECK_OK(pf_draw_png_decode(bytes, length, "x", 1, &q, &err), err);
    CHECK_INT(q.channels, 1);
    CHECK_NEAR(q.pixels[0] / 255.0, 0.2126, 0.02); /* the luminance of red */
    CHECK_INT(q.pixels[1], 0x80);
    CHECK_INT(q.pixels[2], 0xFF);
    free(bytes);
    CHECK_OK(pf_draw_png_encode(&q, NULL, &bytes, &length, &err), err);
    pf_draw_free(&p);
    CHECK_OK(pf_draw_png_decode(bytes, length, "x", 3, &p, &err), err);
    CU_ASSERT(memcmp(p.pixels + 3, "\x80\x80\x80\xFF\xFF\xFF", 6) == 0);
    free(bytes);
    pf_draw_free(&p);
    pf_draw_free(&q);
}

/* Kinds that we do not write: through libpng's simplified interface. */
static void test_kinds(void) {
    pf_error err = {0};
    pf_picture p;
    unsigned char rgba[2 * 4] = {10, 20, 30, 0, 200, 100, 50, 128};
    unsigned short linear[2] = {65535, 0};
    png_byte map[3 * 2] = {1, 2, 3, 250, 251, 252}, index[4] = {1, 0, 0, 1}, file[4096];
    png_alloc_size_t length = sizeof file;
    png_image image = {.version = PNG_IMAGE_VERSION, .width = 2, .height = 1, .format = PNG_FORMAT_RGBA};
    CU_ASSERT(png_image_write_to_memory(&image, file, &length, 0, rgba, 0, NULL));
    CHECK_OK(pf_draw_png_decode(file, length, "rgba", 0, &p, &err), err);
    CHECK_INT(p.channels, 3);
    CU_ASSERT(memcmp(p.pixels, "\x0A\x14\x1E\xC8\x64\x32", 6) == 0); /* transparency is dropped, not mixed */
    pf_draw_free(&p);
    image = (png_image){.version = PNG_IMAGE_VERSION, .width = 2, .height = 1, .format = PNG_FORMAT_LINEAR_Y};
    length = sizeof file;
    CU_ASSERT(png_image_write_to_memory(&image, file, &length, 0, linear, 0, NULL));
    CHECK_OK(pf_draw_png_decode(file, length, "grey16", 0, &p, &err), err);
    CHECK_INT(p.channels, 1);
    CU_ASSERT(p.pixels[0] == 255 && p.pixels[1] == 0);
    pf_draw_free(&p);
    image = (png_image){.version = PNG_IMAGE_VERSION,
                        .width = 2,
                        .height = 2,
                        .format = PNG_FORMAT_RGB_COLORMAP,
                        .colormap_entries = 2};
    length = sizeof file;
    CU_ASSERT(png_image_write_to_memory(&image, file, &length, 0, index, 0, map));
    CHECK_OK(pf_draw_png_decode(file, length, "palette", 0, &p, &err), err);
    CHECK_INT(p.channels, 3);
    CU_ASSERT(memcmp(p.pixels, "\xFA\xFB\xFC\x01\x02\x03\x01\x02\x03\xFA\xFB\xFC", 12) == 0);
    pf_draw_free(&p);
}

static void test_text(void) {
    pf_error err = {0};
    pf_picture p;
    char path[] = "/tmp/pf-png-XXXXXX", *value = NULL, big[5000];
    int fd = mkstemp(path);
    CU_ASSERT_FATAL(fd >= 0);
    close(fd);
    memset(big, 'b', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    const char *text[] = {"seed", "7", "title", "\xC3\xA4 <b>", "big", big, NULL};
    CHECK_OK(pf_draw_create(4, 4, 1, &p, &err), err);
    CHECK_OK(pf_draw_png_write(path, &p, text, &err), err);
    for (int i = 0; i < 3; i++) {
        CHECK_OK(pf_draw_png_text(path, text[2 * i], &value, &err), err);
        CU_ASSERT(value && strcmp(value, text[2 * i + 1]) == 0);
        free(value);
    }
    CHECK_OK(pf_draw_png_text(path, "none", &value, &err), err);
    CU_ASSERT_PTR_NULL(value);
    const char *bad[] = {"", "7", NULL};
    CHECK_INT(pf_draw_png_write(path, &p, bad, &err), PF_USAGE);
    CHECK_INT(pf_draw_png_write("/no/such/folder/x.png", &p, NULL, &err), PF_SYSTEM);
    pf_draw_free(&p);
    CHECK_OK(pf_draw_png_read(path, 3, &p, &err), err);
    CHECK_INT(p.channels, 3);
    pf_draw_free(&p);
    unlink(path);
}

/* Cut or changed anywhere, a file is read or refused, and nothing is left to release after a refusal. */
static void test_damage(void) {
    pf_error err = {0};
    pf_picture p, q;
    unsigned char *bytes = NULL;
    size_t length = 0;
    CHECK_OK(pf_draw_create(20, 20, 3, &p, &err), err);
    fill(&p);
    CHECK_OK(pf_draw_png_encode(&p, NULL, &bytes, &length, &err), err);
    for (size_t cut = 0; cut < length; cut++) {
        pf_status st = pf_draw_png_decode(bytes, cut, "cut.png", 0, &q, &err);
        if (cut + 4 < length) CHECK_INT(st, PF_DATA); /* the last four bytes are IEND's checksum */
        if (st == PF_OK) pf_draw_free(&q);
        CU_ASSERT_PTR_NULL(q.pixels);
    }
    CHECK_CONTAINS(err.message, "cut.png: not a readable PNG");
    for (size_t i = 0; i < length; i++) {
        bytes[i] ^= 0x5A;
        if (pf_draw_png_decode(bytes, length, "x", 0, &q, &err) == PF_OK) pf_draw_free(&q);
        bytes[i] ^= 0x5A;
    }
    CHECK_INT(pf_draw_png_decode("GIF89a whatever", 15, "a.gif", 0, &q, &err), PF_DATA);
    CHECK_CONTAINS(err.message, "a.gif: not a PNG file");
    CHECK_INT(pf_draw_png_decode(bytes, length, "x", 2, &q, &err), PF_USAGE);
    CHECK_INT(pf_draw_png_read("/no/such.png", 0, &q, &err), PF_DATA);
    CU_ASSERT_PTR_NULL(q.pixels);
    CHECK_INT(pf_draw_create(0, 1, 1, &q, &err), PF_USAGE);
    CHECK_INT(pf_draw_create(1, 1, 4, &q, &err), PF_USAGE);
    CHECK_INT(pf_draw_png_encode(&q, NULL, &bytes, &length, &err), PF_USAGE); /* an empty picture */
    free(bytes);
    pf_draw_free(&p);
}

/* A signature and an IHDR of side x side RGB pixels, then the head of a chunk that says it is `length` long.
 */
static void promise(unsigned char out[64], int side, const char *chunk, unsigned length) {
    static const unsigned char signature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n', 0, 0, 0, 13};
    unsigned char head[17] = {'I',
                              'H',
                              'D',
                              'R',
                              0,
                              0,
                              (unsigned char)(side >> 8),
                              (unsigned char)side,
                              0,
                              0,
                              (unsigned char)(side >> 8),
                              (unsigned char)side,
                              8,
                              2,
                              0,
                              0,
                              0};
    uLong sum = crc32(0, head, sizeof head);
    memcpy(out, signature, sizeof signature);
    memcpy(out + 12, head, sizeof head);
    for (int i = 0; i < 4; i++) out[29 + i] = (unsigned char)(sum >> (24 - 8 * i));
    for (int i = 0; i < 4; i++) out[33 + i] = (unsigned char)(length >> (24 - 8 * i));
    memcpy(out + 37, chunk, 4);
    memset(out + 41, 0, 23);
}

/* Found by tests/fuzz: room was made for what a short file only promises. */
static void test_promises(void) {
    pf_error err = {0};
    pf_picture p;
    unsigned char bytes[64];
    promise(bytes, 32768, "IDAT", 20);
    CHECK_INT(pf_draw_png_decode(bytes, sizeof bytes, "x", 0, &p, &err), PF_DATA);
    CHECK_CONTAINS(err.message, "too short for its pixels");
}

void test_png_suite(void) {
    CU_pSuite s = CU_add_suite("png", NULL, NULL);
    CU_add_test(s, "round trip", test_round_trip);
    CU_add_test(s, "grey and RGB", test_convert);
    CU_add_test(s, "other kinds", test_kinds);
    CU_add_test(s, "texts", test_text);
    CU_add_test(s, "damage", test_damage);
    CU_add_test(s, "promises", test_promises);
}
