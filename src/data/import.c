/* SPDX-License-Identifier: MIT
 * Importing IDX images with their labels: a folder as MNIST comes, or one file. */
#include "base/file.h"
#include "data/dataset_private.h"
#include "data/idx.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLE_BYTES_MAX ((int64_t)1 << 26)

/* Images, and their labels unless it is a lone file. */
struct pair {
    char *images, *labels; /* paths, NULL when absent */
    int64_t count;
    pf_shape sample;
    uint8_t *label; /* [count] or NULL */
};

struct import {
    struct pair part[2]; /* by pf_split; the second is absent when its images are NULL */
    int class_count;
    int64_t train, test; /* the rows that go to each part of the new file */
    char source[256];
};

static void import_free(struct import *m) {
    for (int i = 0; i < 2; i++) {
        free(m->part[i].images);
        free(m->part[i].labels);
        free(m->part[i].label);
    }
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
        if (pf__file_exists(path)) {
            *found = path;
            return PF_OK;
        }
        free(path);
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

static pf_status find_in_folder(struct import *m, const char *folder, pf_error *err) {
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
static pf_status find_beside(struct import *m, const char *file, pf_error *err) {
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
    if (word && rank && pf__file_exists(labels))
        p->labels = labels;
    else
        free(labels);
    return PF_OK;
}

/* ---- heads and labels ---- */

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
    else if (!(p->label = malloc((size_t)p->count)))
        st = pf__fail_memory(err, "labels", (unsigned long long)p->count);
    if (st == PF_OK) st = pf__idx_read(idx, p->label, p->count, err);
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
    if (pf_shape_count(&p->sample) > SAMPLE_BYTES_MAX)
        return pf__fail(err, PF_DATA, "%s: one image of %" PRId64 " bytes cannot be right", p->images,
                        pf_shape_count(&p->sample));
    return p->labels ? read_labels(p, err) : PF_OK;
}

/* Classes are those of the training labels; a test label must be one of them. */
static pf_status check_classes(struct import *m, pf_error *err) {
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

static pf_status split(struct import *m, double fraction, pf_error *err) {
    const struct pair *train = &m->part[PF_TRAIN], *test = &m->part[PF_TEST];
    if (!(fraction < 1.0)) return pf__fail(err, PF_USAGE, "test fraction %g is not below 1", fraction);
    m->train = train->count;
    m->test = test->count;
    if (test->images) {
        if (test->sample.rank == train->sample.rank &&
            memcmp(test->sample.dim, train->sample.dim,
                   (size_t)train->sample.rank * sizeof *train->sample.dim) == 0)
            return PF_OK;
        return pf__hint(err,
                        pf__fail(err, PF_DATA, "%s: images have another size than those of %s", test->images,
                                 train->images),
                        "the two parts are not from the same set");
    }
    if (fraction < 0) return PF_OK;
    m->test = (int64_t)floor((double)train->count * (fraction == 0.0 ? 0.1 : fraction) + 0.5);
    m->train -= m->test;
    if (m->train > 0) return PF_OK;
    return pf__fail(err, PF_USAGE, "%s: %" PRId64 " images leave none to train on at test fraction %g",
                    train->images, train->count, fraction);
}

/* ---- writing ---- */

/* Copies the next `count` images, the first of which is image `first` of the pair, to a part of the new file.
 */
static pf_status copy_rows(pf__writer *w, pf_split part, pf__idx *idx, const struct pair *p, int64_t first,
                           int64_t count, pf_error *err) {
    int64_t row = pf_shape_count(&p->sample), block = pf__block_rows(row);
    if (block > count) block = count;
    uint8_t *x = malloc((size_t)(block * row) + 1);
    int32_t *y = malloc((size_t)block * sizeof *y + 1);
    pf_status st = x && y ? PF_OK : pf__fail_memory(err, "images", (unsigned long long)(block * row));
    for (int64_t done = 0; done < count && st == PF_OK; done += block) {
        int64_t rows = count - done < block ? count - done : block;
        for (int64_t i = 0; p->label && i < rows; i++) y[i] = p->label[first + done + i];
        st = pf__idx_read(idx, x, rows * row, err);
        if (st == PF_OK) st = pf__writer_add(w, part, rows, x, p->label ? y : NULL, err);
    }
    free(y);
    free(x);
    return st;
}

static pf_status copy_all(struct import *m, pf__writer *w, pf_error *err) {
    const struct pair *train = &m->part[PF_TRAIN], *test = &m->part[PF_TEST];
    pf__idx *idx = NULL;
    PF__TRY(pf__idx_open(train->images, &idx, err));
    pf_status st = copy_rows(w, PF_TRAIN, idx, train, 0, m->train, err);
    if (st == PF_OK && !test->images) st = copy_rows(w, PF_TEST, idx, train, m->train, m->test, err);
    if (st == PF_OK) st = pf__idx_end(idx, err);
    pf__idx_close(&idx);
    if (st != PF_OK || !test->images) return st;
    PF__TRY(pf__idx_open(test->images, &idx, err));
    st = copy_rows(w, PF_TEST, idx, test, 0, m->test, err);
    if (st == PF_OK) st = pf__idx_end(idx, err);
    pf__idx_close(&idx);
    return st;
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* File names without their folders: where they lay on one machine tells others nothing. */
static void name_source(struct import *m) {
    snprintf(m->source, sizeof m->source, "IDX: %s", base_name(m->part[PF_TRAIN].images));
    if (!m->part[PF_TEST].images) return;
    size_t n = strlen(m->source);
    snprintf(m->source + n, sizeof m->source - n, ", %s", base_name(m->part[PF_TEST].images));
}

static void say_part(const struct import *m, const char *name, int64_t count,
                     void (*report)(void *user, const char *line), void *user) {
    char line[160], classes[40] = ", no labels";
    const pf_shape *s = &m->part[PF_TRAIN].sample;
    if (!report || count == 0) return;
    if (m->class_count) snprintf(classes, sizeof classes, ", %d classes", m->class_count);
    if (s->rank == 1)
        snprintf(line, sizeof line, "%s %" PRId64 " x %" PRId64 " u8%s", name, count, s->dim[0], classes);
    else
        snprintf(line, sizeof line, "%s %" PRId64 " x %" PRId64 "x%" PRId64 "x%" PRId64 " u8%s", name, count,
                 s->dim[0], s->dim[1], s->dim[2], classes);
    report(user, line);
}

static pf_status write_set(struct import *m, const char *path, const char *license, pf_error *err) {
    pf__dataset_head head = {.dtype = PF_U8,
                             .sample = m->part[PF_TRAIN].sample,
                             .train_count = m->train,
                             .test_count = m->test,
                             .class_count = m->class_count,
                             .scale_factor = 1.0 / 127.5,
                             .add_offset = -1.0,
                             .source = m->source,
                             .license = license ? license : "unknown"};
    pf__writer *w = NULL;
    PF__TRY(pf__writer_open(path, &head, &w, err));
    pf_status st = copy_all(m, w, err);
    if (st == PF_OK) return pf__writer_finish(w, err);
    pf__writer_abandon(w);
    return st;
}

pf_status pf_dataset_import(const char *path, const pf_import_desc *desc,
                            void (*report)(void *user, const char *line), void *user, pf_error *error) {
    struct import m = {0};
    if (!desc->source || !desc->source[0]) {
        pf_status st = pf__fail(error, PF_USAGE, "no source to import given");
        return pf__hint(error, st, "pushforward data import FOLDER-OR-FILE OUT.h5");
    }
    pf_status st = pf__is_folder(desc->source) ? find_in_folder(&m, desc->source, error)
                                               : find_beside(&m, desc->source, error);
    if (st == PF_OK) st = read_pair(&m.part[PF_TRAIN], error);
    if (st == PF_OK && m.part[PF_TEST].images) st = read_pair(&m.part[PF_TEST], error);
    if (st == PF_OK) st = check_classes(&m, error);
    if (st == PF_OK) st = split(&m, desc->test_fraction, error);
    if (st == PF_OK) {
        name_source(&m);
        st = write_set(&m, path, desc->license, error);
    }
    if (st == PF_OK) {
        say_part(&m, "train", m.train, report, user);
        say_part(&m, "test", m.test, report, user);
    }
    import_free(&m);
    return st;
}
