/* SPDX-License-Identifier: MIT
 * PNG in and out through libpng. It reports failures by longjmp: each function that sets the jump point
 * keeps everything that must survive the jump in a struct of its caller's. */
#include "base/file.h"
#include "draw/picture.h"
#include <png.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFLATE_MOST 1032      /* bytes that one byte can grow to */
#define BLOCK_MAX    (8 << 20) /* bytes that libpng may ask for at once: a row has 2^18 */

typedef struct stream {
    png_structp png;
    png_infop info;
    const unsigned char *from; /* reading */
    size_t left;
    unsigned char *bytes; /* writing */
    size_t length, capacity;
    size_t lacking; /* bytes that there was no memory for */
    png_bytep *rows;
    png_text *texts;
    int text_count;
    char message[192];
} stream;

static void on_error(png_structp png, png_const_charp message) {
    stream *s = png_get_error_ptr(png);
    snprintf(s->message, sizeof s->message, "%s", message);
    longjmp(png_jmpbuf(png), 1);
}

static void on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static void on_read(png_structp png, png_bytep to, size_t length) {
    stream *s = png_get_io_ptr(png);
    if (length > s->left) png_error(png, "the file ends too early");
    memcpy(to, s->from, length);
    s->from += length;
    s->left -= length;
}

static void on_write(png_structp png, png_bytep from, size_t length) {
    stream *s = png_get_io_ptr(png);
    if (length > s->capacity - s->length) {
        size_t capacity = 2 * s->capacity + length + 4096;
        unsigned char *bytes = realloc(s->bytes, capacity);
        if (!bytes) png_error(png, "out of memory");
        s->bytes = bytes;
        s->capacity = capacity;
    }
    memcpy(s->bytes + s->length, from, length);
    s->length += length;
}

/* libpng makes room for what a chunk says of itself, and leaves the chunk out when there is none. */
static png_voidp on_malloc(png_structp png, png_alloc_size_t size) {
    stream *s = png_get_mem_ptr(png);
    void *block = size > BLOCK_MAX ? NULL : malloc(size);
    if (!block && size <= BLOCK_MAX) s->lacking = size;
    return block;
}

static void on_free(png_structp png, png_voidp block) {
    (void)png;
    free(block);
}

static void on_flush(png_structp png) {
    (void)png;
}

static int take_rows(stream *s, const pf_picture *p) {
    s->rows = malloc((size_t)p->height * sizeof *s->rows);
    for (int y = 0; s->rows && y < p->height; y++)
        s->rows[y] = p->pixels + (size_t)y * (size_t)p->width * (size_t)p->channels;
    return s->rows != NULL;
}

/* ---- Writing ---- */

static int is_ascii(const char *text) {
    for (; *text; text++)
        if ((unsigned char)*text >= 0x80) return 0;
    return 1;
}

static pf_status take_texts(stream *s, const char *const *text, pf_error *error) {
    size_t count = 0;
    while (text && text[2 * count]) count++;
    if (count == 0) return PF_OK;
    s->texts = calloc(count, sizeof *s->texts);
    if (!s->texts) return pf__fail_memory(error, "PNG texts", count * sizeof *s->texts);
    for (size_t i = 0; i < count; i++) {
        const char *key = text[2 * i], *value = text[2 * i + 1];
        size_t length = strlen(key);
        if (length < 1 || length > 79 || !is_ascii(key) || !value)
            return pf__fail(error, PF_USAGE, "PNG text '%s': a key has 1 to 79 ASCII characters, and a value",
                            key);
        png_text *t = &s->texts[s->text_count++];
        t->key = (char *)(uintptr_t)key; /* libpng only reads it */
        t->text = (char *)(uintptr_t)value;
        t->text_length = strlen(value);
        t->compression = is_ascii(value) ? PNG_TEXT_COMPRESSION_NONE : PNG_ITXT_COMPRESSION_NONE;
    }
    return PF_OK;
}

/* Returns 0 after libpng has failed. */
static int write_all(stream *s, const pf_picture *p) {
    if (setjmp(png_jmpbuf(s->png))) return 0;
    png_set_write_fn(s->png, s, on_write, on_flush);
    png_set_IHDR(s->png, s->info, (png_uint_32)p->width, (png_uint_32)p->height, 8,
                 p->channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_filter(s->png, PNG_FILTER_TYPE_BASE, PNG_FILTER_UP); /* trying all takes five times as long */
    if (s->text_count > 0) png_set_text(s->png, s->info, s->texts, s->text_count);
    png_write_info(s->png, s->info);
    png_write_image(s->png, s->rows);
    png_write_end(s->png, NULL);
    return 1;
}

pf_status pf_draw_png_encode(const pf_picture *picture, const char *const *text, unsigned char **bytes,
                             size_t *length, pf_error *error) {
    stream s = {0};
    if (!picture->pixels || picture->width < 1 || picture->height < 1 ||
        (picture->channels != 1 && picture->channels != 3))
        return pf__fail(error, PF_USAGE, "PNG: the picture is empty or has neither 1 nor 3 channels");
    pf_status st = take_texts(&s, text, error);
    if (st != PF_OK) goto fail_texts;
    st = pf__fail_memory(error, "PNG writer", sizeof s);
    s.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &s, on_error, on_warning);
    if (!s.png) goto fail_texts;
    s.info = png_create_info_struct(s.png);
    if (!s.info || !take_rows(&s, picture)) goto fail_rows;
    if (write_all(&s, picture)) {
        *bytes = s.bytes;
        *length = s.length;
        s.bytes = NULL;
        st = PF_OK;
    } else {
        st = pf__fail(error, PF_SYSTEM, "PNG: cannot write: libpng: %s", s.message);
    }
fail_rows:
    free(s.rows);
    free(s.bytes);
    png_destroy_write_struct(&s.png, &s.info);
fail_texts:
    free(s.texts);
    return st;
}

pf_status pf_draw_png_write(const char *path, const pf_picture *picture, const char *const *text,
                            pf_error *error) {
    unsigned char *bytes;
    size_t length;
    PF__TRY(pf_draw_png_encode(picture, text, &bytes, &length, error));
    pf_status st = pf__file_write(path, bytes, length, error);
    free(bytes);
    return st;
}

/* ---- Reading ---- */

/* Reads the head and asks for 8-bit grey or RGB. Returns the channels, or 0 after libpng has failed. */
static int read_head(stream *s, int channels) {
    if (setjmp(png_jmpbuf(s->png))) return 0;
    png_set_read_fn(s->png, s, on_read);
    png_set_user_limits(s->png, PF__SIDE_MAX, PF__SIDE_MAX);
    png_read_info(s->png, s->info);
    /* so that no room is made for pixels that cannot come */
    if (png_get_rowbytes(s->png, s->info) * png_get_image_height(s->png, s->info) / DEFLATE_MOST > s->left)
        png_error(s->png, "the file is too short for its pixels");
    int is_color = (png_get_color_type(s->png, s->info) & PNG_COLOR_MASK_COLOR) != 0;
    int want = channels ? channels : is_color ? 3 : 1;
    png_set_expand(s->png);
    png_set_scale_16(s->png);
    png_set_strip_alpha(s->png);
    if (want == 3 && !is_color) png_set_gray_to_rgb(s->png);
    if (want == 1 && is_color) png_set_rgb_to_gray_fixed(s->png, PNG_ERROR_ACTION_NONE, -1, -1);
    png_set_interlace_handling(s->png);
    png_read_update_info(s->png, s->info);
    return png_get_channels(s->png, s->info) == want ? want : 0;
}

static int read_pixels(stream *s) {
    if (setjmp(png_jmpbuf(s->png))) return 0;
    png_read_image(s->png, s->rows);
    png_read_end(s->png, s->info);
    return 1;
}

static pf_status fail_read(const stream *s, const char *where, pf_error *error) {
    if (s->lacking) return pf__fail_memory(error, where, s->lacking);
    pf__fail(error, PF_DATA, "%s: not a readable PNG: libpng: %s", where,
             s->message[0] ? s->message : "unknown kind of pixel");
    return pf__hint(error, PF_DATA, "the file is damaged or no PNG: replace or remove it");
}

static pf_status read_picture(stream *s, const char *where, int channels, pf_picture *out, pf_error *error) {
    int got = read_head(s, channels);
    if (!got) return fail_read(s, where, error);
    int width = (int)png_get_image_width(s->png, s->info),
        height = (int)png_get_image_height(s->png, s->info);
    PF__TRY(pf_draw_create(width, height, got, out, error));
    if (!take_rows(s, out)) {
        pf_draw_free(out);
        return pf__fail_memory(error, where, (unsigned long long)height * sizeof *s->rows);
    }
    if (read_pixels(s)) return PF_OK;
    pf_draw_free(out);
    return fail_read(s, where, error);
}

/* Finds key among the texts of a file that has been read; *value stays NULL when there is none. */
static pf_status find_text(const stream *s, const char *key, char **value, pf_error *error) {
    png_textp texts = NULL;
    int count = png_get_text(s->png, s->info, &texts, NULL);
    for (int i = 0; i < count; i++) {
        if (strcmp(texts[i].key, key) != 0) continue;
        *value = strdup(texts[i].text ? texts[i].text : "");
        return *value ? PF_OK : pf__fail_memory(error, key, texts[i].text_length);
    }
    return PF_OK;
}

/* Reads the picture, and the text of key when key is not NULL. */
static pf_status decode(const void *bytes, size_t length, const char *where, int channels, pf_picture *out,
                        const char *key, char **value, pf_error *error) {
    stream s = {.from = bytes, .left = length};
    memset(out, 0, sizeof *out);
    if (channels != 0 && channels != 1 && channels != 3)
        return pf__fail(error, PF_USAGE, "%s: channels = %d is not 0, 1 or 3", where, channels);
    if (length < 8 || png_sig_cmp(bytes, 0, 8) != 0)
        return pf__fail(error, PF_DATA, "%s: not a PNG file", where);
    s.png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &s, on_error, on_warning, &s, on_malloc, on_free);
    if (s.png) s.info = png_create_info_struct(s.png);
    pf_status st = s.info ? read_picture(&s, where, channels, out, error)
                          : pf__fail_memory(error, "PNG reader", sizeof s);
    if (st == PF_OK && key) st = find_text(&s, key, value, error);
    if (st != PF_OK) pf_draw_free(out);
    free(s.rows);
    if (s.png) png_destroy_read_struct(&s.png, &s.info, NULL);
    return st;
}

pf_status pf_draw_png_decode(const void *bytes, size_t length, const char *where, int channels,
                             pf_picture *out, pf_error *error) {
    return decode(bytes, length, where, channels, out, NULL, NULL, error);
}

static pf_status read_file(const char *path, int channels, pf_picture *out, const char *key, char **value,
                           pf_error *error) {
    char *bytes;
    size_t length;
    PF__TRY(pf__file_read(path, &bytes, &length, error));
    pf_status st = decode(bytes, length, path, channels, out, key, value, error);
    free(bytes);
    return st;
}

pf_status pf_draw_png_read(const char *path, int channels, pf_picture *out, pf_error *error) {
    memset(out, 0, sizeof *out);
    return read_file(path, channels, out, NULL, NULL, error);
}

pf_status pf_draw_png_text(const char *path, const char *key, char **value, pf_error *error) {
    pf_picture picture = {0};
    *value = NULL;
    pf_status st = read_file(path, 0, &picture, key, value, error);
    pf_draw_free(&picture);
    return st;
}
