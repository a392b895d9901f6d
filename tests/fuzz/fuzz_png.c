/* SPDX-License-Identifier: MIT
 * PNG: the reader on the first part, the importer of folders on all. The first byte asks for channels and
 * whether the checksums of the chunks are made right, so that mutations get past them. */
#include "fuzz.h"
#include "pushforward/draw.h"
#include <zlib.h>

enum { PARTS = 4, SIGNATURE = 8 };

static uint32_t big(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Gives every whole chunk the checksum that it should have. */
static void mend(uint8_t *png, size_t size) {
    for (size_t at = SIGNATURE; size >= 12 && at <= size - 12;) {
        uint32_t length = big(png + at);
        if (length > size - at - 12) return;
        uint32_t sum = (uint32_t)crc32(0, png + at + 4, length + 4);
        for (int i = 0; i < 4; i++) png[at + 8 + length + (size_t)i] = (uint8_t)(sum >> (24 - 8 * i));
        at += 12 + (size_t)length;
    }
}

/* A picture that was read can be written, and reads the same. */
static void check_again(const pf_picture *p) {
    unsigned char *bytes;
    size_t length;
    pf_picture again;
    pf_error err = {0};
    FUZZ_CHECK(pf_draw_png_encode(p, NULL, &bytes, &length, &err) == PF_OK);
    FUZZ_CHECK(pf_draw_png_decode(bytes, length, "again", 0, &again, &err) == PF_OK);
    FUZZ_CHECK(again.width == p->width && again.height == p->height && again.channels == p->channels);
    FUZZ_CHECK(memcmp(again.pixels, p->pixels, (size_t)p->width * (size_t)p->height * (size_t)p->channels) ==
               0);
    pf_draw_free(&again);
    free(bytes);
}

static void read_alone(const fuzz_part *part, int channels, const char *name) {
    pf_picture p = {0};
    pf_error err = {0};
    char path[FUZZ_PATH], *value = NULL;
    pf_status st = pf_draw_png_decode(part->data, part->size, "input", channels, &p, &err);
    FUZZ_CHECK(st == PF_OK ? p.pixels != NULL : err.message[0] && !p.pixels);
    if (st == PF_OK && (int64_t)p.width * p.height < 1 << 16) check_again(&p);
    pf_draw_free(&p);
    FUZZ_CHECK(pf_draw_png_text(fuzz_path(path, name), "config", &value, &err) == PF_OK || !value);
    free(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[PARTS] = {"png/a/0.png", "png/a/1.png", "png/b/0.png", "png/b/1.png"};
    static const int channels[4] = {0, 1, 3, 2};
    fuzz_part all = {data, size}, part[PARTS];
    char path[FUZZ_PATH];
    uint8_t how = fuzz_byte(&all);
    uint8_t *copy = malloc(all.size + 1);
    if (!copy) return 0;
    if (all.size) memcpy(copy, all.data, all.size);
    int count = fuzz_split(copy, all.size, part, PARTS);
    fuzz_make_folder("png");
    fuzz_make_folder("png/a");
    fuzz_make_folder("png/b");
    for (int i = 0; i < PARTS; i++) {
        if (i < count && how & 4) mend(copy + (part[i].data - copy), part[i].size);
        if (i < count)
            fuzz_write(names[i], part[i].data, part[i].size);
        else
            fuzz_remove(names[i]);
    }
    read_alone(&part[0], channels[how & 3], names[0]);
    fuzz_source(fuzz_path(path, count > 2 ? "png" : "png/a"), pf__source_png, fuzz_hash(data, size));
    free(copy);
    return 0;
}
