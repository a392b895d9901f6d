/* SPDX-License-Identifier: MIT
 * Importing: which kind of source it is, which samples go to which part, and the new file. */
#include "base/file.h"
#include "base/utf8.h"
#include "data/dataset_private.h"
#include "data/source.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

struct import {
    pf__source source;
    int64_t part[2]; /* samples of each part of the new file, by pf_split */
    void (*report)(void *user, const char *line);
    void *user;
    char name[256]; /* of the source, as UTF-8 */
    uint8_t *seen;  /* [class_count] 1: in the training part */
    int32_t unseen; /* a class that only the test part cut off here has, or -1 */
};

const char *pf__base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool pf__ends_with(const char *name, const char *end) {
    size_t n = strlen(name), m = strlen(end);
    return n >= m && strcasecmp(name + n - m, end) == 0;
}

void pf__source_free(pf__source *s) {
    if (s->state) s->free(s->state);
    for (int i = 0; s->class_names && i < s->class_count; i++) free(s->class_names[i]);
    free(s->class_names);
    memset(s, 0, sizeof *s);
}

/* ---- what cannot be ---- */

static pf_status check_request(const char *path, const pf_import_desc *desc, pf_error *err) {
    struct stat from, to;
    if (!desc->source || !desc->source[0]) {
        pf_status st = pf__fail(err, PF_USAGE, "no source to import given");
        return pf__hint(err, st, "pushforward data import FOLDER-OR-FILE OUT.h5");
    }
    if (!(desc->test_fraction < 1.0))
        return pf__fail(err, PF_USAGE, "test fraction %g is not below 1", desc->test_fraction);
    if (desc->license && !pf__utf8_is(desc->license))
        return pf__fail(err, PF_USAGE, "the license is not UTF-8 text");
    if (!path || stat(path, &to) != 0 || stat(desc->source, &from) != 0 || from.st_dev != to.st_dev ||
        from.st_ino != to.st_ino || S_ISDIR(to.st_mode))
        return PF_OK;
    return pf__hint(err, pf__fail(err, PF_USAGE, "%s: is the source itself", path),
                    "name another file: the data set would take the place of what it is made from");
}

/* Texts of a data set are UTF-8; names of folders may be any bytes. */
static pf_status check_names(struct import *m, const char *path, pf_error *err) {
    const pf__source *s = &m->source;
    char shown[200];
    pf__utf8_escape(m->name, sizeof m->name, s->name);
    for (int i = 0; s->class_names && i < s->class_count; i++) {
        if (pf__utf8_is(s->class_names[i])) continue;
        pf__utf8_escape(shown, sizeof shown, s->class_names[i]);
        pf_status st = pf__fail(err, PF_DATA, "%s: the class name '%s' is not UTF-8", path, shown);
        return pf__hint(err, st,
                        "rename it; old folders, for instance: convmv -f latin1 -t utf8 -r --notest .");
    }
    return PF_OK;
}

/* ---- which kind ---- */

static pf_status open_folder(const char *path, pf__source *s, pf_error *err) {
    bool is;
    PF__TRY(pf__source_is_idx(path, &is, err));
    if (is) return pf__source_idx(path, s, err);
    PF__TRY(pf__source_is_cifar(path, &is, err));
    if (is) return pf__source_cifar(path, s, err);
    PF__TRY(pf__source_is_png(path, &is, err));
    if (is) return pf__source_png(path, s, err);
    pf_status st = pf__fail(err, PF_DATA,
                            "%s: no IDX images, CIFAR batches or folders of PNG images in this folder", path);
    return pf__hint(
        err, st,
        "expected are train-images-idx3-ubyte[.gz] and its labels, data_batch_1.bin .. or train.bin, "
        "or one sub-folder of .png files for each class");
}

static bool is_table(const char *path) {
    static const char *const ends[] = {".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (pf__ends_with(path, ends[i])) return true;
    return false;
}

/* By the first bytes where a format has some, else by the name. */
static pf_status open_file(const char *path, pf__source *s, pf_error *err) {
    unsigned char head[8] = {0};
    FILE *file = fopen(path, "rb");
    size_t got = file ? fread(head, 1, sizeof head, file) : 0;
    if (file) fclose(file);
    if (got == sizeof head && memcmp(head, "\x93NUMPY", 6) == 0) return pf__source_npy(path, s, err);
    if (got == sizeof head && memcmp(head, "PK\3\4", 4) == 0) return pf__source_npz(path, s, err);
    if (got == sizeof head && memcmp(head, "\x89PNG", 4) == 0) {
        pf_status st = pf__fail(err, PF_DATA, "%s: is one picture", path);
        return pf__hint(err, st, "import a folder that holds one sub-folder of .png files for each class");
    }
    bool is_cifar;
    PF__TRY(pf__source_is_cifar(path, &is_cifar, err));
    if (is_cifar) return pf__source_cifar(path, s, err);
    if (is_table(path)) return pf__source_csv(path, s, err);
    if (pf__ends_with(path, ".npy") || pf__ends_with(path, ".npy.gz")) return pf__source_npy(path, s, err);
    if (pf__ends_with(path, ".npz")) return pf__source_npz(path, s, err);
    return pf__source_idx(path, s, err);
}

/* ---- parts ---- */

static pf_status split(struct import *m, const char *path, double fraction, pf_error *err) {
    const pf__source *s = &m->source;
    m->part[PF_TRAIN] = s->train;
    m->part[PF_TEST] = s->test;
    if (s->test > 0 || fraction < 0) return PF_OK;
    m->part[PF_TEST] = (int64_t)floor((double)s->train * (fraction == 0.0 ? 0.1 : fraction) + 0.5);
    m->part[PF_TRAIN] -= m->part[PF_TEST];
    if (m->part[PF_TRAIN] > 0) return PF_OK;
    pf_status st = pf__fail(err, PF_USAGE,
                            "%s: %" PRId64 " sample%s leave%s none to train on at test fraction %g", path,
                            s->train, s->train == 1 ? "" : "s", s->train == 1 ? "s" : "", fraction);
    return pf__hint(err, st, "choose a smaller --test-fraction; 0 makes no test part");
}

/* ---- writing ---- */

static pf_status check_values(const struct import *m, const char *path, int64_t first, int64_t count,
                              const float *x, pf_error *err) {
    int64_t dim = pf_shape_count(&m->source.sample);
    for (int64_t i = 0; i < count * dim; i++) {
        if (isfinite(x[i])) continue;
        pf_status st = pf__fail(err, PF_DATA, "%s: element %" PRId64 " of sample %" PRId64 " is %s", path,
                                i % dim, first + i / dim, isnan(x[i]) ? "NaN" : "not finite as f32");
        return pf__hint(err, st, "remove such samples, or fill them in, before importing");
    }
    return PF_OK;
}

static pf_status check_labels(struct import *m, const char *path, pf_split part, int64_t first, int64_t count,
                              const int32_t *y, pf_error *err) {
    for (int64_t i = 0; y && i < count; i++) {
        if (y[i] < 0 || y[i] >= m->source.class_count) {
            pf_status st = pf__fail(err, PF_DATA, "%s: label %d of sample %" PRId64 " is outside 0 .. %d",
                                    path, y[i], first + i, m->source.class_count - 1);
            return pf__hint(err, st, "the labels are damaged, or the parts are not from the same set");
        }
        if (part == PF_TRAIN) m->seen[y[i]] = 1;
        if (part == PF_TEST && m->source.test == 0 && !m->seen[y[i]]) m->unseen = y[i];
    }
    return PF_OK;
}

static pf_status copy_part(struct import *m, const char *path, pf__writer *w, pf_split part, pf_error *err) {
    const pf__source *s = &m->source;
    int64_t count = m->part[part], base = part == PF_TEST && s->test == 0 ? m->part[PF_TRAIN] : 0,
            row = pf_shape_count(&s->sample) * (int64_t)pf_dtype_bytes(s->dtype), block = pf__block_rows(row);
    if (block > count) block = count;
    void *x = malloc((size_t)(block * row) + 1);
    int32_t *y = malloc((size_t)block * sizeof *y + 1), *labels = s->class_count ? y : NULL;
    pf_status st = x && y ? PF_OK : pf__fail_memory(err, "samples", (unsigned long long)(block * row));
    for (int64_t done = 0; done < count && st == PF_OK; done += block) {
        int64_t rows = count - done < block ? count - done : block;
        st = s->rows(s->state, rows, x, labels, err);
        if (st == PF_OK && s->dtype == PF_F32) st = check_values(m, path, base + done, rows, x, err);
        if (st == PF_OK) st = check_labels(m, path, part, base + done, rows, labels, err);
        if (st == PF_OK) st = pf__writer_add(w, part, rows, x, labels, err);
    }
    free(y);
    free(x);
    return st;
}

static pf_status write_set(struct import *m, const char *path, const pf_import_desc *desc, pf_error *err) {
    const pf__source *s = &m->source;
    bool bytes = s->dtype == PF_U8;
    pf__dataset_head head = {.dtype = s->dtype,
                             .sample = s->sample,
                             .train_count = m->part[PF_TRAIN],
                             .test_count = m->part[PF_TEST],
                             .class_count = s->class_count,
                             .class_names = (const char *const *)s->class_names,
                             .scale_factor = bytes ? 1.0 / 127.5 : 1.0,
                             .add_offset = bytes ? -1.0 : 0.0,
                             .source = m->name,
                             .license = desc->license ? desc->license : "unknown"};
    m->unseen = -1;
    m->seen = calloc((size_t)s->class_count + 1, 1);
    if (!m->seen) return pf__fail_memory(err, "classes", (unsigned long long)s->class_count + 1);
    pf__writer *w = NULL;
    PF__TRY(pf__writer_open(path, &head, &w, err));
    pf_status st = copy_part(m, desc->source, w, PF_TRAIN, err);
    if (st == PF_OK) st = copy_part(m, desc->source, w, PF_TEST, err);
    if (st == PF_OK && s->end) st = s->end(s->state, err);
    if (st == PF_OK) return pf__writer_finish(w, err);
    pf__writer_abandon(w);
    return st;
}

/* ---- telling ---- */

static void say_part(const struct import *m, pf_split part) {
    char line[200], classes[40] = ", no labels", size[96] = "";
    const pf__source *s = &m->source;
    if (!m->report || m->part[part] == 0) return;
    if (s->class_count) snprintf(classes, sizeof classes, ", %d classes", s->class_count);
    for (int i = 0; i < s->sample.rank; i++) {
        size_t n = strlen(size);
        snprintf(size + n, sizeof size - n, "%s%" PRId64, i ? "x" : "", s->sample.dim[i]);
    }
    snprintf(line, sizeof line, "%s %" PRId64 " x %s %s%s", part == PF_TRAIN ? "train" : "test",
             m->part[part], size, pf_dtype_name(s->dtype), classes);
    m->report(m->user, line);
}

static void say_unseen(const struct import *m) {
    char line[160];
    if (!m->report || m->unseen < 0) return;
    snprintf(line, sizeof line,
             "note: class %d is in the test part only; samples sorted by class are to be shuffled before "
             "importing",
             m->unseen);
    m->report(m->user, line);
}

pf_status pf_dataset_import(const char *path, const pf_import_desc *desc,
                            void (*report)(void *user, const char *line), void *user, pf_error *error) {
    struct import m = {.report = report, .user = user};
    PF__TRY(check_request(path, desc, error));
    pf_status st = pf__is_folder(desc->source) ? open_folder(desc->source, &m.source, error)
                                               : open_file(desc->source, &m.source, error);
    if (st == PF_OK) st = check_names(&m, desc->source, error);
    if (st == PF_OK) st = split(&m, desc->source, desc->test_fraction, error);
    if (st == PF_OK) st = write_set(&m, path, desc, error);
    if (st == PF_OK) {
        say_part(&m, PF_TRAIN);
        say_part(&m, PF_TEST);
        say_unseen(&m);
    }
    free(m.seen);
    pf__source_free(&m.source);
    return st;
}
