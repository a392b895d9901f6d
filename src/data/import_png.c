/* SPDX-License-Identifier: MIT
 * A source: PNG images of one size in folders, one folder for each class; or in one folder, without classes.
 * Folders called train and test that hold such folders are the two parts. */
#include "base/file.h"
#include "data/source.h"
#include "pushforward/draw.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct image {
    char *path;
    int32_t label;
    double place; /* within its class, in 0 .. 1 */
};

struct list {
    struct image *image;
    int64_t count, capacity;
};

/* Sorted names. */
struct names {
    char **name;
    int count, capacity;
};

struct png_source {
    struct list part[2]; /* by pf_split */
    struct names classes;
    int current;
    int64_t done;
    int width, height, channels;
};

static void names_free(struct names *n) {
    for (int i = 0; i < n->count; i++) free(n->name[i]);
    free(n->name);
    *n = (struct names){0};
}

static void free_state(void *state) {
    struct png_source *m = state;
    for (int i = 0; i < 2; i++) {
        for (int64_t k = 0; k < m->part[i].count; k++) free(m->part[i].image[k].path);
        free(m->part[i].image);
    }
    names_free(&m->classes);
    free(m);
}

/* ---- folders ---- */

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static pf_status names_add(struct names *n, const char *name, pf_error *err) {
    if (n->count == n->capacity) {
        int capacity = n->capacity ? 2 * n->capacity : 64;
        char **grown = realloc(n->name, (size_t)capacity * sizeof *grown);
        if (!grown) return pf__fail_memory(err, "names of files", (size_t)capacity * sizeof *grown);
        n->name = grown;
        n->capacity = capacity;
    }
    n->name[n->count] = strdup(name);
    if (!n->name[n->count]) return pf__fail_memory(err, name, strlen(name));
    n->count++;
    return PF_OK;
}

typedef struct listing {
    const char *folder;
    bool folders; /* else files that end in .png */
    struct names *names;
} listing;

static pf_status list_one(void *user, const char *name, pf_error *err) {
    const listing *l = user;
    if (name[0] == '.' || (!l->folders && !pf__ends_with(name, ".png"))) return PF_OK;
    char *path = pf__path_join(l->folder, name);
    if (!path) return pf__fail_memory(err, l->folder, strlen(l->folder));
    pf__file_kind there;
    int64_t size;
    pf_status st = pf__file_look(path, &there, &size, err);
    free(path);
    return st == PF_OK && there == (l->folders ? PF__FOLDER : PF__FILE) ? names_add(l->names, name, err) : st;
}

/* The sub-folders of a folder, or its regular files that end in .png; hidden ones are left out. */
static pf_status list_folder(const char *folder, bool folders, struct names *n, pf_error *err) {
    PF__TRY(pf__folder_each(folder, list_one, &(listing){folder, folders, n}, err));
    if (n->count > 1) qsort(n->name, (size_t)n->count, sizeof *n->name, by_name);
    return PF_OK;
}

static pf_status holds(const char *folder, const char *name, bool folders, bool *any, pf_error *err) {
    struct names n = {0};
    char *path = name ? pf__path_join(folder, name) : strdup(folder);
    *any = false;
    if (!path) return pf__fail_memory(err, folder, strlen(folder));
    pf_status st = pf__is_folder(path) ? list_folder(path, folders, &n, err) : PF_OK;
    *any = n.count > 0;
    names_free(&n);
    free(path);
    return st;
}

/* Whether any sub-folder holds images. */
static pf_status holds_classes(const char *folder, bool *any, pf_error *err) {
    struct names n = {0};
    *any = false;
    pf_status st = pf__is_folder(folder) ? list_folder(folder, true, &n, err) : PF_OK;
    for (int i = 0; i < n.count && st == PF_OK && !*any; i++) st = holds(folder, n.name[i], false, any, err);
    names_free(&n);
    return st;
}

static pf_status holds_parts(const char *folder, bool *any, pf_error *err) {
    PF__TRY(holds(folder, "train", true, any, err));
    return *any ? holds(folder, "test", true, any, err) : PF_OK;
}

pf_status pf__source_is_png(const char *folder, bool *is, pf_error *err) {
    PF__TRY(holds(folder, NULL, false, is, err));
    if (!*is) PF__TRY(holds_classes(folder, is, err));
    return *is ? PF_OK : holds_parts(folder, is, err);
}

/* ---- images ---- */

static pf_status list_add(struct list *l, char *path, int32_t label, double place, pf_error *err) {
    if (l->count == l->capacity) {
        int64_t capacity = l->capacity ? 2 * l->capacity : 256;
        struct image *grown = realloc(l->image, (size_t)capacity * sizeof *grown);
        if (!grown) return pf__fail_memory(err, "names of images", (size_t)capacity * sizeof *grown);
        l->image = grown;
        l->capacity = capacity;
    }
    l->image[l->count++] = (struct image){path, label, place};
    return PF_OK;
}

/* Size and channels from the head alone, so that no picture is decoded before its size is known to fit. */
static pf_status read_size(const char *path, int64_t *width, int64_t *height, int *channels, pf_error *err) {
    unsigned char h[26];
    FILE *file = fopen(path, "rb");
    size_t got = file ? fread(h, 1, sizeof h, file) : 0;
    if (file) fclose(file);
    if (got < sizeof h || memcmp(h, "\x89PNG\r\n\x1a\n", 8) != 0 || memcmp(h + 12, "IHDR", 4) != 0) {
        pf_status st = pf__fail(err, PF_DATA, "%s: %s", path, file ? "not a PNG file" : "cannot be opened");
        return pf__hint(err, st, "convert other formats, or remove the file");
    }
    *width = (int64_t)h[16] << 24 | (int64_t)h[17] << 16 | (int64_t)h[18] << 8 | h[19];
    *height = (int64_t)h[20] << 24 | (int64_t)h[21] << 16 | (int64_t)h[22] << 8 | h[23];
    *channels = h[25] & 2 ? 3 : 1;
    return PF_OK;
}

static pf_status check_image(struct png_source *m, const char *path, pf_error *err) {
    int64_t width = 0, height = 0;
    int channels = 0;
    PF__TRY(read_size(path, &width, &height, &channels, err));
    if (m->width == 0) {
        if (width < 1 || height < 1 || width > 32768 || height > 32768 ||
            width * height * channels > PF__SAMPLE_BYTES_MAX)
            return pf__fail(err, PF_DATA, "%s: an image of %" PRId64 " x %" PRId64 " pixels is not imported",
                            path, width, height);
        m->width = (int)width;
        m->height = (int)height;
        m->channels = channels;
    }
    if (width == m->width && height == m->height && channels == m->channels) return PF_OK;
    pf_status st = pf__fail(
        err, PF_DATA, "%s: %" PRId64 " x %" PRId64 " %s, the images before are %d x %d %s", path, width,
        height, channels == 3 ? "RGB" : "grey", m->width, m->height, m->channels == 3 ? "RGB" : "grey");
    return pf__hint(err, st,
                    "all images need one size and the same channels: "
                    "mogrify -resize 32x32! -define png:color-type=2 */*.png");
}

static pf_status add_images(struct png_source *m, struct list *l, const char *folder, int32_t label,
                            pf_error *err) {
    struct names files = {0};
    pf_status st = list_folder(folder, false, &files, err);
    if (st == PF_OK && files.count == 0) {
        st = pf__fail(err, PF_DATA, "%s: no .png files in this folder", folder);
        st = pf__hint(err, st, "every sub-folder is a class and needs images; move others away");
    }
    for (int i = 0; i < files.count && st == PF_OK; i++) {
        char *path = pf__path_join(folder, files.name[i]);
        st = path ? check_image(m, path, err) : pf__fail_memory(err, folder, strlen(folder));
        if (st == PF_OK) st = list_add(l, path, label, (i + 0.5) / files.count, err);
        if (st != PF_OK) free(path);
    }
    names_free(&files);
    return st;
}

/* Classes in turn, so that any part of the list has its share of each. */
static int by_place(const void *a, const void *b) {
    const struct image *x = a, *y = b;
    if (x->place != y->place) return x->place < y->place ? -1 : 1;
    if (x->label != y->label) return x->label < y->label ? -1 : 1;
    return strcmp(x->path, y->path);
}

static pf_status find_class(const struct png_source *m, const char *folder, const char *name, int32_t *label,
                            pf_error *err) {
    for (*label = 0; *label < m->classes.count; ++*label)
        if (strcmp(m->classes.name[*label], name) == 0) return PF_OK;
    pf_status st = pf__fail(err, PF_DATA, "%s: %s is no class of the training part", folder, name);
    return pf__hint(err, st, "the two parts need the same sub-folders");
}

static pf_status add_part(struct png_source *m, pf_split split, const char *folder, pf_error *err) {
    struct names here = {0};
    pf_status st = list_folder(folder, true, &here, err);
    if (st == PF_OK && here.count > PF__SOURCE_LABEL_MAX)
        st = pf__fail(err, PF_DATA, "%s: %d sub-folders, at most %d classes", folder, here.count,
                      PF__SOURCE_LABEL_MAX);
    if (st == PF_OK && here.count == 0) st = add_images(m, &m->part[split], folder, 0, err);
    for (int i = 0; i < here.count && st == PF_OK; i++) {
        int32_t label = i;
        if (split == PF_TRAIN)
            st = names_add(&m->classes, here.name[i], err);
        else
            st = find_class(m, folder, here.name[i], &label, err);
        char *path = pf__path_join(folder, here.name[i]);
        if (st == PF_OK)
            st = path ? add_images(m, &m->part[split], path, label, err)
                      : pf__fail_memory(err, folder, strlen(folder));
        free(path);
    }
    names_free(&here);
    struct list *l = &m->part[split];
    if (st == PF_OK) qsort(l->image, (size_t)l->count, sizeof *l->image, by_place);
    return st;
}

static pf_status add_both(struct png_source *m, const char *folder, pf_error *err) {
    char *train = pf__path_join(folder, "train"), *test = pf__path_join(folder, "test");
    pf_status st = train && test ? PF_OK : pf__fail_memory(err, folder, strlen(folder));
    if (st == PF_OK) st = add_part(m, PF_TRAIN, train, err);
    if (st == PF_OK) st = add_part(m, PF_TEST, test, err);
    free(test);
    free(train);
    return st;
}

/* ---- the source ---- */

static pf_status read_image(const struct png_source *m, const char *path, uint8_t *to, pf_error *err) {
    pf_picture p = {0};
    PF__TRY(pf_draw_png_read(path, m->channels, &p, err));
    pf_status st = PF_OK;
    if (p.width == m->width && p.height == m->height)
        memcpy(to, p.pixels, (size_t)m->width * (size_t)m->height * (size_t)m->channels);
    else
        st = pf__fail(err, PF_DATA, "%s: changed while it was read", path);
    pf_draw_free(&p);
    return st;
}

static pf_status rows(void *state, int64_t count, void *x, int32_t *y, pf_error *err) {
    struct png_source *m = state;
    if (m->done == m->part[m->current].count) {
        m->current = PF_TEST;
        m->done = 0;
    }
    const struct list *l = &m->part[m->current];
    int64_t bytes = (int64_t)m->width * m->height * m->channels;
    for (int64_t i = 0; i < count; i++, m->done++) {
        if (y) y[i] = l->image[m->done].label;
        PF__TRY(read_image(m, l->image[m->done].path, (uint8_t *)x + i * bytes, err));
    }
    return PF_OK;
}

static void describe(struct png_source *m, const char *folder, pf__source *s) {
    s->dtype = PF_U8;
    s->sample = (pf_shape){.rank = 3, .dim = {m->height, m->width, m->channels}};
    s->train = m->part[PF_TRAIN].count;
    s->test = m->part[PF_TEST].count;
    s->class_count = m->classes.count;
    s->class_names = m->classes.name;
    m->classes = (struct names){0};
    int n = (int)strlen(folder);
    while (n > 1 && folder[n - 1] == '/') n--;
    int first = n;
    while (first > 0 && folder[first - 1] != '/') first--;
    snprintf(s->name, sizeof s->name, "PNG images: %.*s", n - first, folder + first);
}

pf_status pf__source_png(const char *folder, pf__source *s, pf_error *err) {
    struct png_source *m = calloc(1, sizeof *m);
    if (!m) return pf__fail_memory(err, folder, sizeof *m);
    s->state = m;
    s->rows = rows;
    s->free = free_state;
    bool parts;
    PF__TRY(holds_parts(folder, &parts, err));
    PF__TRY(parts ? add_both(m, folder, err) : add_part(m, PF_TRAIN, folder, err));
    describe(m, folder, s);
    return PF_OK;
}
