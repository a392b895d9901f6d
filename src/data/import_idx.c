/* SPDX-License-Identifier: MIT
 * A source: IDX images with their labels, a folder as MNIST comes or one file. */
#include "base/file.h"
#include "data/idx.h"
#include "data/source.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_BLOCK ((int64_t)1 << 20)

/* Images, and their labels unless it is a lone file. */
struct pair {
    char *images, *labels; /* paths, NULL when absent */
    int64_t count;
    pf_shape sample;
    uint8_t *label; /* [count] or NULL */
};

struct idx_source {
    struct pair part[2]; /* by pf_split; the second is absent when its images are NULL */
    int class_count;
    pf__idx *open; /* images of part `current` */
    int current;
    int64_t done; /* images read of it */
};

static void free_state(void *state) {
    struct idx_source *m = state;
    for (int i = 0; i < 2; i++) {
        free(m->part[i].images);
        free(m->part[i].labels);
        free(m->part[i].label);
    }
    pf__idx_close(&m->open);
    free(m);
}

/* ---- finding the files ---- */

/* folder/<stem>-<kind>-ubyte, with '.' for the first '-', with .gz: the first that exists, or NULL. */
static pf_status find_file(const char *folder, const char *stem, const char *kind, char **found,
                           pf_error *err) {
    *found = NULL;
    for (int form = 0; form < 4; form++) {
        char name[64];
        snprintf(name, sizeof name, "%s%c%s-ubyte%s", stem, form < 2 ? '-' : '.', kind,
                 form % 2 ? ".gz" : "");
        char *path = pf__path_join(folder, name);
        if (!path) return pf__fail_memory(err, folder, strlen(folder));
        pf__file_kind there;
        int64_t size;
        pf_status st = pf__file_look(path, &there, &size, err);
        if (st == PF_OK && there != PF__NOTHING) {
            *found = path;
            return PF_OK;
        }
        free(path);
        if (st != PF_OK) return st;
    }
    return PF_OK;
}

/* <prefix>-images and <prefix>-labels of a folder. */
static pf_status find_pair(const char *folder, const char *prefix, struct pair *p, pf_error *err) {
    char images[32], labels[32];
    snprintf(images, sizeof images, "%s-images", prefix);
    snprintf(labels, sizeof labels, "%s-labels", prefix);
    PF__TRY(find_file(folder, images, "idx3", &p->images, err));
    PF__TRY(find_file(folder, labels, "idx1", &p->labels, err));
    if ((p->images != NULL) == (p->labels != NULL)) return PF_OK;
    pf_status st = pf__fail(err, PF_DATA, "%s: %s is there, but no %s", folder,
                            p->images ? p->images : p->labels, p->images ? labels : images);
    return pf__hint(err, st, "put %s-idx%c-ubyte.gz beside it%s", p->images ? labels : images,
                    p->images ? '1' : '3', p->images ? ", or import the image file alone" : "");
}

static pf_status find_in_folder(struct idx_source *m, const char *folder, pf_error *err) {
    struct pair *train = &m->part[PF_TRAIN], *test = &m->part[PF_TEST];
    PF__TRY(find_pair(folder, "train", train, err));
    PF__TRY(find_pair(folder, "t10k", test, err));
    if (!train->images) { /* only the test files: they become the training part */
        *train = *test;
        *test = (struct pair){0};
    }
    if (train->images) return PF_OK;
    pf_status st = pf__fail(err, PF_DATA, "%s: no IDX images in this folder", folder);
    return pf__hint(
        err, st,
        "expected are train-images-idx3-ubyte[.gz], train-labels-idx1-ubyte[.gz] and the same with t10k");
}

/* The labels of a lone file: its own name with labels for images and idx1 for idx3, when that exists. */
static pf_status find_beside(struct idx_source *m, const char *file, pf_error *err) {
    struct pair *p = &m->part[PF_TRAIN];
    p->images = strdup(file);
    char *labels = strdup(file);
    if (!p->images || !labels) {
        free(labels);
        return pf__fail_memory(err, file, strlen(file));
    }
    char *name = strrchr(labels, '/') ? strrchr(labels, '/') : labels;
    char *word = strstr(name, "images"), *rank = strstr(name, "idx3");
    if (word) memcpy(word, "labels", 6);
    if (rank) memcpy(rank, "idx1", 4);
    pf__file_kind there = PF__NOTHING;
    int64_t size;
    pf_status st = word && rank ? pf__file_look(labels, &there, &size, err) : PF_OK;
    if (there != PF__NOTHING)
        p->labels = labels;
    else
        free(labels);
    return st;
}

/* ---- heads and labels ---- */

/* Room grows with what the file holds: its head can promise anything. */
static pf_status take_labels(struct pair *p, pf__idx *idx, pf_error *err) {
    for (int64_t done = 0, part = 0; done < p->count; done += part) {
        part = done < LABEL_BLOCK ? LABEL_BLOCK : done;
        if (part > p->count - done) part = p->count - done;
        uint8_t *grown = realloc(p->label, (size_t)(done + part));
        if (!grown) return pf__fail_memory(err, "labels", (unsigned long long)(done + part));
        p->label = grown;
        PF__TRY(pf__idx_read(idx, grown + done, part, err));
    }
    return PF_OK;
}

static pf_status read_labels(struct pair *p, pf_error *err) {
    pf__idx *idx = NULL;
    PF__TRY(pf__idx_open(p->labels, &idx, err));
    const pf_shape *shape = pf__idx_shape(idx);
    pf_status st = PF_OK;
    if (shape->rank != 1)
        st = pf__hint(err,
                      pf__fail(err, PF_DATA, "%s: holds %d-dimensional elements, labels are expected",
                               p->labels, shape->rank),
                      "are images and labels exchanged?");
    else if (shape->dim[0] != p->count)
        st = pf__hint(err,
                      pf__fail(err, PF_DATA, "%s: %" PRId64 " labels for the %" PRId64 " images of %s",
                               p->labels, shape->dim[0], p->count, p->images),
                      "the two files are not from the same set");
    if (st == PF_OK) st = take_labels(p, idx, err);
    if (st == PF_OK) st = pf__idx_end(idx, err);
    pf__idx_close(&idx);
    return st;
}

static pf_status read_pair(struct pair *p, pf_error *err) {
    pf__idx *idx = NULL;
    PF__TRY(pf__idx_open(p->images, &idx, err));
    pf_shape shape = *pf__idx_shape(idx);
    pf__idx_close(&idx);
    if (shape.rank < 2) {
        pf_status st = pf__fail(err, PF_DATA, "%s: holds labels, images are expected", p->images);
        return pf__hint(err, st, "name the file of images (idx3), or the folder that holds both");
    }
    p->count = shape.dim[0];
    p->sample = (pf_shape){.rank = shape.rank == 2 ? 1 : 3, .dim = {0}};
    for (int i = 1; i < shape.rank; i++) p->sample.dim[i - 1] = shape.dim[i];
    if (shape.rank == 3) p->sample.dim[2] = 1;
    if (pf_shape_count(&p->sample) > PF__SAMPLE_BYTES_MAX)
        return pf__fail(err, PF_DATA, "%s: one image of %" PRId64 " bytes cannot be right", p->images,
                        pf_shape_count(&p->sample));
    return p->labels ? read_labels(p, err) : PF_OK;
}

/* Classes are those of the training labels; a test label must be one of them. */
static pf_status check_classes(struct idx_source *m, pf_error *err) {
    const struct pair *train = &m->part[PF_TRAIN], *test = &m->part[PF_TEST];
    for (int64_t i = 0; train->label && i < train->count; i++)
        if (train->label[i] >= m->class_count) m->class_count = train->label[i] + 1;
    for (int64_t i = 0; test->label && i < test->count; i++)
        if (test->label[i] >= m->class_count) {
            pf_status st = pf__fail(
                err, PF_DATA, "%s: label %d of image %" PRId64 " is no class of the training part (0 .. %d)",
                test->labels, test->label[i], i, m->class_count - 1);
            return pf__hint(err, st, "the two parts are not from the same set, or a label file is damaged");
        }
    return PF_OK;
}

static pf_status check_sizes(const struct idx_source *m, pf_error *err) {
    const struct pair *train = &m->part[PF_TRAIN], *test = &m->part[PF_TEST];
    if (!test->images || (test->sample.rank == train->sample.rank &&
                          memcmp(test->sample.dim, train->sample.dim,
                                 (size_t)train->sample.rank * sizeof *train->sample.dim) == 0))
        return PF_OK;
    pf_status st = pf__fail(err, PF_DATA, "%s: images have another size than those of %s", test->images,
                            train->images);
    return pf__hint(err, st, "the two parts are not from the same set");
}

/* ---- the source ---- */

/* Ends the images of the training part and begins those of the test part. */
static pf_status next_part(struct idx_source *m, pf_error *err) {
    PF__TRY(pf__idx_end(m->open, err));
    pf__idx_close(&m->open);
    m->current = PF_TEST;
    m->done = 0;
    return pf__idx_open(m->part[PF_TEST].images, &m->open, err);
}

static pf_status rows(void *state, int64_t count, void *x, int32_t *y, pf_error *err) {
    struct idx_source *m = state;
    if (m->done == m->part[m->current].count) PF__TRY(next_part(m, err));
    const struct pair *p = &m->part[m->current];
    for (int64_t i = 0; p->label && i < count; i++) y[i] = p->label[m->done + i];
    m->done += count;
    return pf__idx_read(m->open, x, count * pf_shape_count(&p->sample), err);
}

static pf_status end(void *state, pf_error *err) {
    struct idx_source *m = state;
    return pf__idx_end(m->open, err);
}

static void describe(const struct idx_source *m, pf__source *s) {
    const struct pair *train = &m->part[PF_TRAIN], *test = &m->part[PF_TEST];
    s->dtype = PF_U8;
    s->sample = train->sample;
    s->train = train->count;
    s->test = test->count;
    s->class_count = m->class_count;
    snprintf(s->name, sizeof s->name, "IDX: %s%s%s", pf__base_name(train->images), test->images ? ", " : "",
             test->images ? pf__base_name(test->images) : "");
}

pf_status pf__source_idx(const char *path, pf__source *s, pf_error *err) {
    struct idx_source *m = calloc(1, sizeof *m);
    if (!m) return pf__fail_memory(err, path, sizeof *m);
    s->state = m;
    s->rows = rows;
    s->end = end;
    s->free = free_state;
    PF__TRY(pf__is_folder(path) ? find_in_folder(m, path, err) : find_beside(m, path, err));
    PF__TRY(read_pair(&m->part[PF_TRAIN], err));
    if (m->part[PF_TEST].images) PF__TRY(read_pair(&m->part[PF_TEST], err));
    PF__TRY(check_classes(m, err));
    PF__TRY(check_sizes(m, err));
    describe(m, s);
    return pf__idx_open(m->part[PF_TRAIN].images, &m->open, err);
}

/* Any file of the names that MNIST has. */
pf_status pf__source_is_idx(const char *folder, bool *is, pf_error *err) {
    static const char *const names[][2] = {
        {"train-images", "idx3"}, {"train-labels", "idx1"}, {"t10k-images", "idx3"}, {"t10k-labels", "idx1"}};
    *is = false;
    for (size_t i = 0; i < sizeof names / sizeof *names && !*is; i++) {
        char *found = NULL;
        PF__TRY(find_file(folder, names[i][0], names[i][1], &found, err));
        *is = found != NULL;
        free(found);
    }
    return PF_OK;
}
