/* SPDX-License-Identifier: MIT
 * Opening, validating and reading data sets (datasets/FORMAT.md). */
#include "data/dataset_private.h"
#include "data/source.h"
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLASSES_MAX (1 << 20)
#define LABEL_BLOCK 65536

struct pf_dataset {
    pf__h5 *file;
    char *path;
    pf_dataset_info info;
    bool labelled;
    int name_count; /* of /class_names, 0 without */
};

static const char *const path_x[] = {[PF_TRAIN] = "/train/x", [PF_TEST] = "/test/x"};
static const char *const path_y[] = {[PF_TRAIN] = "/train/y", [PF_TEST] = "/test/y"};

const char *pf__dataset_path_x(pf_split split) {
    return path_x[split];
}

const char *pf__dataset_path_y(pf_split split) {
    return path_y[split];
}

const char *pf__dataset_path_noise(void) {
    return "/train/noise";
}

int64_t pf__dataset_count(const pf_dataset *d, pf_split split) {
    return split == PF_TRAIN ? d->info.train_count : d->info.test_count;
}

const char *pf__dataset_name(const pf_dataset *d) {
    return d->path;
}

pf__h5 *pf__dataset_file(const pf_dataset *d) {
    return d->file;
}

int64_t pf__block_rows(int64_t row_bytes) {
    return row_bytes >= PF__BLOCK_BYTES ? 1 : PF__BLOCK_BYTES / row_bytes;
}

/* ---- validation ---- */

/* A root text into a field of the description; left empty when absent. */
static pf_status root_text(pf_dataset *d, const char *name, char *out, size_t size, pf_error *err) {
    char *text = NULL;
    bool found;
    PF__TRY(pf__h5_has_attribute(d->file, "/", name, &found, err));
    if (!found) return PF_OK;
    PF__TRY(pf__h5_get_text(d->file, "/", name, &text, err));
    snprintf(out, size, "%s", text);
    free(text);
    return PF_OK;
}

static pf_status read_root(pf_dataset *d, pf_error *err) {
    pf_dataset_info *info = &d->info;
    PF__TRY(root_text(d, "format", info->format, sizeof info->format, err));
    if (info->format[0] && strcmp(info->format, PF__DATASET_FORMAT) != 0) {
        pf_status st = pf__fail(err, PF_DATA, "%s: not a data set: its format is '%s'", d->path,
                                info->format);
        return pf__hint(err, st,
                        "a data set has format = \"%s\"; a checkpoint is given with --resume or to 'sample'",
                        PF__DATASET_FORMAT);
    }
    int64_t version = 0;
    bool found;
    PF__TRY(pf__h5_has_attribute(d->file, "/", "format_version", &found, err));
    if (found) PF__TRY(pf__h5_get_int(d->file, "/", "format_version", &version, err));
    if (version < 0 || version > PF__DATASET_VERSION) {
        pf_status st = pf__fail(err, PF_DATA,
                                "%s: format_version %" PRId64 " is not known, this library reads up to %d",
                                d->path, version, PF__DATASET_VERSION);
        return pf__hint(err, st, "a newer pushforward reads it");
    }
    info->format_version = (int)version;
    PF__TRY(root_text(d, "source", info->source, sizeof info->source, err));
    PF__TRY(root_text(d, "license", info->license, sizeof info->license, err));
    return root_text(d, "sha256", info->sha256, sizeof info->sha256, err);
}

static pf_status list_path(void *user, const char *path, const pf__h5_info *info) {
    (void)info;
    char *list = user;
    size_t n = strlen(list);
    snprintf(list + n, 256 - n, "%s%s", n ? ", " : "", path);
    return PF_OK;
}

static pf_status fail_no_train(pf_dataset *d, pf_error *err) {
    char list[256] = "";
    pf__h5_each(d->file, "/", list_path, list, NULL);
    pf_status st = pf__fail(err, PF_DATA, "%s: no /train/x", d->path);
    if (!list[0])
        return pf__hint(err, st,
                        "the file holds no numbers at all; datasets/FORMAT.md says what a data set holds");
    return pf__hint(err, st, "the file has %s; rename the samples to /train/x and the labels to /train/y",
                    list);
}

/* One sample's shape: [D] as it is, [H,W] gets its channel, [H,W,C] as it is. */
static pf_status sample_shape(const pf_dataset *d, const char *path, const pf__h5_info *x, pf_shape *sample,
                              pf_error *err) {
    if (x->dtype != PF_U8 && x->dtype != PF_F32 && x->dtype != PF_F64) {
        pf_status st = pf__fail(err, PF_DATA, "%s: %s is of type %s, u8 or f32 is expected", d->path, path,
                                pf_dtype_name(x->dtype));
        return pf__hint(err, st, "with h5py: f.create_dataset(\"%s\", data=x.astype(\"uint8\"))", path);
    }
    if (x->shape.rank < 2 || x->shape.rank > 4) {
        pf_status st = pf__fail(err, PF_DATA, "%s: %s has %d dimension%s, [N,D] or [N,H,W,C] is expected",
                                d->path, path, x->shape.rank, x->shape.rank == 1 ? "" : "s");
        return pf__hint(err, st, "reshape it; N numbers alone are [N,1]");
    }
    *sample = (pf_shape){.rank = x->shape.rank == 2 ? 1 : 3, .dim = {0}};
    for (int i = 1; i < x->shape.rank; i++) sample->dim[i - 1] = x->shape.dim[i];
    if (x->shape.rank == 3) sample->dim[2] = 1;
    if (pf_shape_count(sample) > PF__SAMPLE_BYTES_MAX / (x->dtype == PF_U8 ? 1 : 4))
        return pf__hint(err,
                        pf__fail(err, PF_DATA, "%s: %s: one sample of %" PRId64 " elements cannot be right",
                                 d->path, path, pf_shape_count(sample)),
                        "a sample has at most 64 MiB; the samples are the rows, [N,D] or [N,H,W,C]");
    if (pf_shape_count(&x->shape) == 0)
        return pf__hint(err, pf__fail(err, PF_DATA, "%s: %s is empty", d->path, path),
                        "it has no samples, or samples of no numbers: make or import the set again");
    return PF_OK;
}

/* Labels beside x: integers, as many as samples. */
static pf_status check_label_shape(pf_dataset *d, pf_split split, int64_t count, bool *present,
                                   pf_error *err) {
    pf__h5_info y;
    PF__TRY(pf__h5_exists(d->file, path_y[split], present, err));
    if (!*present) return PF_OK;
    PF__TRY(pf__h5_describe(d->file, path_y[split], &y, err));
    if (y.dtype == PF_F32 || y.dtype == PF_F64) {
        pf_status st = pf__fail(err, PF_DATA, "%s: %s is of type %s, integers are expected", d->path,
                                path_y[split], pf_dtype_name(y.dtype));
        return pf__hint(err, st, "labels are class numbers 0, 1, ...: with h5py y.astype(\"int32\")");
    }
    if (y.shape.rank != 1)
        return pf__hint(err,
                        pf__fail(err, PF_DATA, "%s: %s has %d dimensions, [N] is expected", d->path,
                                 path_y[split], y.shape.rank),
                        "one class number for each sample: with h5py y.ravel(), or y.argmax(axis=1)");
    if (y.shape.dim[0] != count)
        return pf__hint(err,
                        pf__fail(err, PF_DATA,
                                 "%s: %s has %" PRId64 " labels for the %" PRId64 " samples of %s", d->path,
                                 path_y[split], y.shape.dim[0], count, path_x[split]),
                        "store one label for each sample, or remove %s", path_y[split]);
    return PF_OK;
}

/* A number beside the samples; left alone when absent. */
static pf_status read_real(pf_dataset *d, const char *path, const char *name, double *value, pf_error *err) {
    bool found;
    PF__TRY(pf__h5_has_attribute(d->file, path, name, &found, err));
    return found ? pf__h5_get_real(d->file, path, name, value, err) : PF_OK;
}

static pf_status read_scale(pf_dataset *d, const char *path, double *scale, double *offset, pf_error *err) {
    PF__TRY(read_real(d, path, "scale_factor", scale, err));
    PF__TRY(read_real(d, path, "add_offset", offset, err));
    if (!isfinite(*scale) || *scale == 0.0 || !isfinite(*offset))
        return pf__hint(err,
                        pf__fail(err, PF_DATA, "%s: %s: scale_factor %g with add_offset %g gives no values",
                                 d->path, path, *scale, *offset),
                        "a value is raw * scale_factor + add_offset: correct or remove these attributes");
    return PF_OK;
}

static pf_status read_layout(pf_dataset *d, pf_error *err) {
    pf_dataset_info *info = &d->info;
    const char *expected = info->sample.rank == 1 ? "ND" : "NHWC";
    char *layout = NULL;
    snprintf(info->layout, sizeof info->layout, "%s", expected);
    bool found;
    PF__TRY(pf__h5_has_attribute(d->file, path_x[PF_TRAIN], "layout", &found, err));
    if (!found) return PF_OK;
    PF__TRY(pf__h5_get_text(d->file, path_x[PF_TRAIN], "layout", &layout, err));
    pf_status st = PF_OK;
    if (strcmp(layout, expected) != 0 && !(info->sample.rank == 3 && strcmp(layout, "NHW") == 0)) {
        st = pf__fail(err, PF_DATA, "%s: /train/x has layout '%s', '%s' is read", d->path, layout, expected);
        st = pf__hint(err, st, "move the channels to the end: with numpy x.transpose(0, 2, 3, 1)");
    }
    free(layout);
    return st;
}

static pf_status read_train(pf_dataset *d, pf_error *err) {
    pf_dataset_info *info = &d->info;
    pf__h5_info x;
    bool found;
    PF__TRY(pf__h5_exists(d->file, path_x[PF_TRAIN], &found, err));
    if (!found) return fail_no_train(d, err);
    PF__TRY(pf__h5_describe(d->file, path_x[PF_TRAIN], &x, err));
    PF__TRY(sample_shape(d, path_x[PF_TRAIN], &x, &info->sample, err));
    info->dtype = x.dtype == PF_U8 ? PF_U8 : PF_F32;
    info->dim = pf_shape_count(&info->sample);
    info->train_count = x.shape.dim[0];
    info->scale_factor = 1.0;
    PF__TRY(read_scale(d, path_x[PF_TRAIN], &info->scale_factor, &info->add_offset, err));
    PF__TRY(read_layout(d, err));
    return check_label_shape(d, PF_TRAIN, info->train_count, &d->labelled, err);
}

/* One row of noise for each row of /train/x, of the same shape. */
static pf_status check_noise(pf_dataset *d, pf_error *err) {
    const char *path = pf__dataset_path_noise();
    pf__h5_info x, noise;
    PF__TRY(pf__h5_exists(d->file, path, &d->info.has_noise, err));
    if (!d->info.has_noise) return PF_OK;
    PF__TRY(pf__h5_describe(d->file, path_x[PF_TRAIN], &x, err));
    PF__TRY(pf__h5_describe(d->file, path, &noise, err));
    bool same = noise.shape.rank == x.shape.rank && (noise.dtype == PF_F32 || noise.dtype == PF_F64);
    for (int i = 0; same && i < x.shape.rank; i++) same = noise.shape.dim[i] == x.shape.dim[i];
    if (same) return PF_OK;
    return pf__hint(err,
                    pf__fail(err, PF_DATA, "%s: %s is not of floats, in the shape of %s", d->path, path,
                             path_x[PF_TRAIN]),
                    "make the set again with 'pushforward data reflow', or remove %s", path);
}

static pf_status read_test(pf_dataset *d, pf_error *err) {
    pf_dataset_info *info = &d->info;
    pf__h5_info x;
    pf_shape sample;
    double scale = info->scale_factor, offset = info->add_offset;
    bool labelled = false, found;
    PF__TRY(pf__h5_exists(d->file, path_x[PF_TEST], &found, err));
    if (!found) return PF_OK;
    PF__TRY(pf__h5_describe(d->file, path_x[PF_TEST], &x, err));
    PF__TRY(sample_shape(d, path_x[PF_TEST], &x, &sample, err));
    if (sample.rank != info->sample.rank ||
        memcmp(sample.dim, info->sample.dim, (size_t)sample.rank * sizeof *sample.dim) != 0)
        return pf__hint(err,
                        pf__fail(err, PF_DATA,
                                 "%s: samples of /test/x have another shape than those of /train/x", d->path),
                        "both parts hold samples of one kind: make or import the set again");
    if ((x.dtype == PF_U8) != (info->dtype == PF_U8))
        return pf__hint(err, pf__fail(err, PF_DATA, "%s: /test/x has another type than /train/x", d->path),
                        "store both as uint8, or both as float32");
    PF__TRY(read_scale(d, path_x[PF_TEST], &scale, &offset, err));
    if (scale != info->scale_factor || offset != info->add_offset)
        return pf__hint(err,
                        pf__fail(err, PF_DATA,
                                 "%s: scale_factor or add_offset of /test/x differs from that of /train/x",
                                 d->path),
                        "give both the same attributes");
    info->test_count = x.shape.dim[0];
    PF__TRY(check_label_shape(d, PF_TEST, info->test_count, &labelled, err));
    if (labelled != d->labelled)
        return pf__hint(err,
                        pf__fail(err, PF_DATA, "%s: %s has labels and %s has none", d->path,
                                 d->labelled ? "/train" : "/test", d->labelled ? "/test" : "/train"),
                        "store labels for both parts, or for none");
    return PF_OK;
}

static pf_status read_class_names(pf_dataset *d, pf_error *err) {
    char **names = NULL;
    bool found;
    PF__TRY(pf__h5_exists(d->file, "/class_names", &found, err));
    if (!d->labelled || !found) return PF_OK;
    PF__TRY(pf__h5_read_texts(d->file, "/class_names", &names, &d->name_count, err));
    for (int i = 0; i < d->name_count; i++) free(names[i]);
    free(names);
    if (d->name_count < 1 || d->name_count > CLASSES_MAX)
        return pf__fail(err, PF_DATA, "%s: /class_names has %d names, 1 to %d are expected", d->path,
                        d->name_count, CLASSES_MAX);
    return PF_OK;
}

pf_status pf__dataset_scan_labels(pf_dataset *d, pf_split split, int32_t limit, pf__label_scan *scan,
                                  pf_error *err) {
    *scan = (pf__label_scan){.max = -1};
    int64_t total = pf__dataset_count(d, split);
    int32_t *y = malloc(LABEL_BLOCK * sizeof *y);
    if (!y) return pf__fail_memory(err, "labels", LABEL_BLOCK * sizeof *y);
    pf_status st = PF_OK;
    for (int64_t first = 0; first < total && st == PF_OK; first += LABEL_BLOCK) {
        int64_t count = total - first < LABEL_BLOCK ? total - first : LABEL_BLOCK;
        st = pf__h5_read_rows(d->file, path_y[split], PF_I32, first, count, y, err);
        for (int64_t i = 0; i < count && st == PF_OK; i++) {
            bool good = y[i] >= 0 && y[i] < limit;
            if (good && y[i] > scan->max) scan->max = y[i];
            if (!good && scan->bad++ == 0) {
                scan->first_bad = first + i;
                scan->bad_value = y[i];
            }
        }
    }
    free(y);
    return st;
}

/* The number of classes: as many as have names, else as the labels show. */
static pf_status count_classes(pf_dataset *d, bool strict, pf_error *err) {
    PF__TRY(read_class_names(d, err));
    if (!d->labelled) return PF_OK;
    int32_t limit = d->name_count ? d->name_count : CLASSES_MAX, max = -1;
    for (int split = PF_TRAIN; split <= PF_TEST; split++) {
        pf__label_scan scan;
        if (pf__dataset_count(d, (pf_split)split) == 0) continue;
        PF__TRY(pf__dataset_scan_labels(d, (pf_split)split, limit, &scan, err));
        if (scan.bad && strict) {
            pf_status st = pf__fail(err, PF_DATA, "%s: %s: label %d of sample %" PRId64 " is outside 0 .. %d",
                                    d->path, path_y[split], scan.bad_value, scan.first_bad, limit - 1);
            return pf__hint(err, st, "labels are class numbers from 0%s",
                            d->name_count ? " below the number of /class_names" : "");
        }
        if (scan.max > max) max = scan.max;
    }
    d->info.class_count = d->name_count ? d->name_count : max + 1;
    return PF_OK;
}

/* ---- opening ---- */

static pf_status open_dataset(const char *path, bool strict, pf_dataset **out, pf_error *err) {
    *out = NULL;
    if (!path || !path[0]) {
        pf_status st = pf__fail(err, PF_USAGE, "no data set given");
        return pf__hint(err, st, "make one: pushforward data make strokes digits.h5");
    }
    pf_dataset *d = calloc(1, sizeof *d);
    if (!d) return pf__fail_memory(err, "data set", sizeof *d);
    pf_status st = (d->path = strdup(path)) ? PF_OK : pf__fail_memory(err, path, strlen(path));
    if (st == PF_OK) st = pf__h5_open(path, &d->file, err);
    if (st == PF_OK) st = read_root(d, err);
    if (st == PF_OK) st = read_train(d, err);
    if (st == PF_OK) st = check_noise(d, err);
    if (st == PF_OK) st = read_test(d, err);
    if (st == PF_OK) st = count_classes(d, strict, err);
    if (st != PF_OK) {
        pf_dataset_close(&d);
        return st;
    }
    *out = d;
    return PF_OK;
}

pf_status pf_dataset_open(const char *path, pf_dataset **out, pf_error *error) {
    return open_dataset(path, true, out, error);
}

pf_status pf__dataset_open_unchecked(const char *path, pf_dataset **out, pf_error *err) {
    return open_dataset(path, false, out, err);
}

void pf_dataset_close(pf_dataset **dataset) {
    if (!dataset || !*dataset) return;
    pf__h5_close(&(*dataset)->file, NULL); /* read only: nothing to lose */
    free((*dataset)->path);
    free(*dataset);
    *dataset = NULL;
}

const pf_dataset_info *pf_dataset_describe(const pf_dataset *dataset) {
    return &dataset->info;
}

/* ---- reading ---- */

static pf_status check_rows(const pf_dataset *d, pf_split split, int64_t first, int64_t count,
                            pf_error *err) {
    int64_t total = pf__dataset_count(d, split);
    if (first >= 0 && count >= 0 && first <= total && count <= total - first) return PF_OK;
    return pf__fail(err, PF_USAGE,
                    "%s: %s has %" PRId64 " samples, %" PRId64 " from %" PRId64 " on do not exist", d->path,
                    split == PF_TRAIN ? "/train" : "/test", total, count, first);
}

pf_status pf__dataset_read_raw(pf_dataset *d, pf_split split, int64_t first, int64_t count, void *x,
                               int32_t *y, pf_error *err) {
    PF__TRY(check_rows(d, split, first, count, err));
    if (count == 0) return PF_OK;
    if (x) PF__TRY(pf__h5_read_rows(d->file, path_x[split], d->info.dtype, first, count, x, err));
    if (y && d->labelled) PF__TRY(pf__h5_read_rows(d->file, path_y[split], PF_I32, first, count, y, err));
    return PF_OK;
}

pf_status pf__dataset_read_noise(pf_dataset *d, int64_t first, int64_t count, float *noise, pf_error *err) {
    PF__TRY(check_rows(d, PF_TRAIN, first, count, err));
    return count ? pf__h5_read_rows(d->file, pf__dataset_path_noise(), PF_F32, first, count, noise, err)
                 : PF_OK;
}

static pf_status read_bytes_as_values(pf_dataset *d, pf_split split, int64_t first, int64_t count, float *x,
                                      pf_error *err) {
    float value[256];
    for (int i = 0; i < 256; i++) value[i] = (float)(i * d->info.scale_factor + d->info.add_offset);
    int64_t dim = d->info.dim, block = pf__block_rows(dim);
    if (block > count) block = count;
    uint8_t *raw = malloc((size_t)(block * dim));
    if (!raw) return pf__fail_memory(err, "rows of a data set", (unsigned long long)(block * dim));
    pf_status st = PF_OK;
    for (int64_t done = 0; done < count && st == PF_OK; done += block) {
        int64_t rows = count - done < block ? count - done : block;
        st = pf__dataset_read_raw(d, split, first + done, rows, raw, NULL, err);
        for (int64_t i = 0; i < rows * dim && st == PF_OK; i++) x[done * dim + i] = value[raw[i]];
    }
    free(raw);
    return st;
}

pf_status pf_dataset_read(pf_dataset *dataset, pf_split split, int64_t first, int64_t count, float *x,
                          int32_t *y, pf_error *error) {
    const pf_dataset_info *info = &dataset->info;
    PF__TRY(check_rows(dataset, split, first, count, error));
    if (y && !dataset->labelled)
        return pf__fail(error, PF_USAGE, "%s: the data set has no labels", dataset->path);
    if (count == 0) return PF_OK;
    PF__TRY(pf__dataset_read_raw(dataset, split, first, count, NULL, y, error));
    if (info->dtype == PF_U8) return read_bytes_as_values(dataset, split, first, count, x, error);
    PF__TRY(pf__dataset_read_raw(dataset, split, first, count, x, NULL, error));
    if (info->scale_factor != 1.0 || info->add_offset != 0.0)
        for (int64_t i = 0; i < count * info->dim; i++)
            x[i] = (float)(x[i] * info->scale_factor + info->add_offset);
    return PF_OK;
}
