/* SPDX-License-Identifier: MIT
 * Checking a data set: every byte is read once, every finding told. */
#include "base/hash.h"
#include "data/dataset_private.h"
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct check {
    pf_dataset *set;
    const pf_dataset_info *info;
    pf__sha256 *sha; /* NULL when the file states none */
    void (*report)(void *user, const char *line);
    void *user;
    int findings;
    char first[512]; /* the first finding, for the message */
};

static void say(struct check *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void find(struct check *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct check *c, const char *format, ...) {
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (c->report) c->report(c->user, line);
}

static void find(struct check *c, const char *format, ...) {
    char line[480];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (c->findings++ == 0) snprintf(c->first, sizeof c->first, "%s", line);
    say(c, "wrong: %s", line);
}

/* What one pass over x gathers. */
struct values {
    double min, max, sum, sum2;
    int64_t bad, first_bad; /* not finite; the sample of the first */
    int64_t count;
};

static void gather(struct values *v, const pf_dataset_info *info, const void *raw, int64_t first,
                   int64_t rows) {
    for (int64_t i = 0; i < rows * info->dim; i++) {
        double stored = info->dtype == PF_U8 ? ((const uint8_t *)raw)[i] : (double)((const float *)raw)[i];
        double x = stored * info->scale_factor + info->add_offset;
        if (!isfinite(x)) {
            if (v->bad++ == 0) v->first_bad = first + i / info->dim;
            continue;
        }
        v->min = fmin(v->min, x);
        v->max = fmax(v->max, x);
        v->sum += x;
        v->sum2 += x * x;
        v->count++;
    }
}

static pf_status check_x(struct check *c, pf_split split, struct values *v, pf_error *err) {
    const pf_dataset_info *info = c->info;
    int64_t total = pf__dataset_count(c->set, split), row = info->dim * (int64_t)pf_dtype_bytes(info->dtype);
    int64_t block = pf__block_rows(row);
    if (block > total) block = total;
    void *raw = malloc((size_t)(block * row));
    if (!raw) return pf__fail_memory(err, "rows of a data set", (unsigned long long)(block * row));
    pf_status st = PF_OK;
    *v = (struct values){.min = INFINITY, .max = -INFINITY};
    for (int64_t first = 0; first < total && st == PF_OK; first += block) {
        int64_t rows = total - first < block ? total - first : block;
        st = pf__dataset_read_raw(c->set, split, first, rows, raw, NULL, err);
        if (st != PF_OK) break;
        gather(v, info, raw, first, rows);
        if (c->sha && split == PF_TRAIN) pf__sha256_add(c->sha, raw, (size_t)(rows * row));
    }
    free(raw);
    if (st == PF_OK && v->bad)
        find(c, "%s: %" PRId64 " value%s not finite, the first in sample %" PRId64, pf__dataset_path_x(split),
             v->bad, v->bad == 1 ? " is" : "s are", v->first_bad);
    return st;
}

static pf_status check_y(struct check *c, pf_split split, pf_error *err) {
    pf__label_scan scan;
    PF__TRY(pf__dataset_scan_labels(c->set, split, c->info->class_count, &scan, err));
    if (scan.bad)
        find(c, "%s: %" PRId64 " label%s outside 0 .. %d, the first is %d, of sample %" PRId64,
             pf__dataset_path_y(split), scan.bad, scan.bad == 1 ? " is" : "s are", c->info->class_count - 1,
             scan.bad_value, scan.first_bad);
    if (!c->sha || split != PF_TRAIN) return PF_OK;
    int64_t total = c->info->train_count, block = pf__block_rows(sizeof(int32_t));
    int32_t *y = malloc((size_t)block * sizeof *y);
    if (!y) return pf__fail_memory(err, "labels", (unsigned long long)block * sizeof *y);
    pf_status st = PF_OK;
    for (int64_t first = 0; first < total && st == PF_OK; first += block) {
        int64_t rows = total - first < block ? total - first : block;
        st = pf__dataset_read_raw(c->set, split, first, rows, NULL, y, err);
        if (st == PF_OK) pf__sha256_add(c->sha, y, (size_t)rows * sizeof *y);
    }
    free(y);
    return st;
}

static pf_status check_noise(struct check *c, pf_error *err) {
    const int64_t dim = c->info->dim, total = c->info->train_count;
    int64_t block = pf__block_rows(dim * (int64_t)sizeof(float)), bad = 0, first_bad = 0;
    if (block > total) block = total;
    float *noise = malloc((size_t)(block * dim) * sizeof *noise);
    if (!noise) return pf__fail_memory(err, "noise", (unsigned long long)(block * dim) * sizeof *noise);
    pf_status st = PF_OK;
    for (int64_t first = 0; first < total && st == PF_OK; first += block) {
        int64_t rows = total - first < block ? total - first : block;
        st = pf__dataset_read_noise(c->set, first, rows, noise, err);
        for (int64_t i = 0; i < rows * dim && st == PF_OK; i++)
            if (!isfinite(noise[i]) && bad++ == 0) first_bad = first + i / dim;
        if (st == PF_OK && c->sha) pf__sha256_add(c->sha, noise, (size_t)(rows * dim) * sizeof *noise);
    }
    free(noise);
    if (st == PF_OK && bad)
        find(c, "%s: %" PRId64 " value%s not finite, the first in sample %" PRId64, pf__dataset_path_noise(),
             bad, bad == 1 ? " is" : "s are", first_bad);
    return st;
}

static void say_part(struct check *c, pf_split split, const struct values *v) {
    const pf_dataset_info *info = c->info;
    char shape[80] = "", classes[40] = "";
    for (int i = 0; i < info->sample.rank; i++) {
        size_t n = strlen(shape);
        snprintf(shape + n, sizeof shape - n, "%s%" PRId64, i ? "x" : "", info->sample.dim[i]);
    }
    if (info->class_count) snprintf(classes, sizeof classes, ", %d classes", info->class_count);
    if (info->has_noise && split == PF_TRAIN) {
        size_t used = strlen(classes);
        snprintf(classes + used, sizeof classes - used, ", with noise");
    }
    double n = v->count ? (double)v->count : 1.0, mean = v->sum / n;
    say(c, "%s %" PRId64 " x %s %s%s; values %.6g .. %.6g, mean %.6g, deviation %.6g",
        split == PF_TRAIN ? "train" : "test", pf__dataset_count(c->set, split), shape,
        pf_dtype_name(info->dtype), classes, v->min, v->max, mean,
        sqrt(fmax(0.0, v->sum2 / n - mean * mean)));
}

static pf_status check_part(struct check *c, pf_split split, pf_error *err) {
    struct values v = {0};
    if (pf__dataset_count(c->set, split) == 0) return PF_OK;
    PF__TRY(check_x(c, split, &v, err));
    bool labelled;
    PF__TRY(pf__h5_exists(pf__dataset_file(c->set), pf__dataset_path_y(split), &labelled, err));
    if (labelled) PF__TRY(check_y(c, split, err));
    if (c->info->has_noise && split == PF_TRAIN) PF__TRY(check_noise(c, err));
    say_part(c, split, &v);
    return PF_OK;
}

/* Things that are allowed but worth saying. */
static void say_notes(struct check *c) {
    const pf_dataset_info *info = c->info;
    if (!info->format[0]) say(c, "note: no attribute 'format' (\"%s\")", PF__DATASET_FORMAT);
    if (!info->sha256[0]) say(c, "note: no attribute 'sha256': nothing to compare the content with");
    if (!info->license[0]) say(c, "note: no attribute 'license'");
    if (info->test_count == 0) say(c, "note: no test part");
    if (info->dtype == PF_U8 && info->scale_factor == 1.0)
        say(c, "note: /train/x has no scale_factor: values are 0 .. 255; 1/127.5 with add_offset -1 gives -1 "
               ".. 1");
}

static pf_status run(struct check *c, const char *path, pf_error *err) {
    if (c->info->sha256[0] && !(c->sha = pf__sha256_begin())) return pf__fail_memory(err, "checksum", 1);
    PF__TRY(check_part(c, PF_TRAIN, err));
    PF__TRY(check_part(c, PF_TEST, err));
    if (c->sha) {
        char hex[65];
        pf__sha256_end(c->sha, hex);
        c->sha = NULL;
        if (strcmp(hex, c->info->sha256) != 0)
            find(c, "sha256 of /train is %.16s..., the file states %.16s...", hex, c->info->sha256);
        else
            say(c, "sha256 %s agrees", hex);
    }
    say_notes(c);
    if (c->findings == 0) return PF_OK;
    pf_status st = c->findings == 1
                       ? pf__fail(err, PF_DATA, "%s: %s", path, c->first)
                       : pf__fail(err, PF_DATA, "%s: %s (and %d more)", path, c->first, c->findings - 1);
    return pf__hint(
        err, st,
        "repair the source and make or import the set again; 'pushforward data check' lists all findings");
}

pf_status pf_dataset_check(const char *path, void (*report)(void *user, const char *line), void *user,
                           pf_error *error) {
    struct check c = {.report = report, .user = user};
    PF__TRY(pf__dataset_open_unchecked(path, &c.set, error));
    c.info = pf_dataset_describe(c.set);
    pf_status st = run(&c, path, error);
    pf__sha256_end(c.sha, NULL);
    pf_dataset_close(&c.set);
    return st;
}
