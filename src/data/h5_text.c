/* SPDX-License-Identifier: MIT
 * Texts, in datasets and attributes. */
#include "data/h5_private.h"
#include <stdlib.h>
#include <string.h>

#define TEXTS_MAX      ((size_t)1 << 20)
#define TEXT_BYTES_MAX ((size_t)64 << 20) /* of all texts of one dataset or attribute */

/* A variable-length text, in the character set given (HDF5 does not convert between them). -1 on failure. */
hid_t pf__h5_text_type(H5T_cset_t cset) {
    hid_t type = H5Tcopy(H5T_C_S1);
    if (type < 0) return -1;
    if (H5Tset_size(type, H5T_VARIABLE) < 0 || H5Tset_cset(type, cset) < 0) {
        pf__h5_drop(type);
        return -1;
    }
    return type;
}

/* Texts are read at once, so their number and, where it is told, their length have a limit. */
static pf_status check_bytes(pf__h5 *f, const char *what, hid_t stored, bool variable, size_t count,
                             pf_error *err) {
    size_t size = variable ? sizeof(char *) : H5Tget_size(stored);
    if (count <= TEXTS_MAX && size <= TEXT_BYTES_MAX / (count ? count : 1)) return PF_OK;
    return pf__hint(err,
                    pf__fail(err, PF_DATA, "%s: %s: %zu texts of up to %zu bytes are not read", f->path, what,
                             count, size),
                    "at most %zu texts of together %zu MiB", TEXTS_MAX, TEXT_BYTES_MAX >> 20);
}

static herr_t holder_read(const pf__h5_holder *h, hid_t type, void *data) {
    return h->is_attribute ? H5Aread(h->id, type, data)
                           : H5Dread(h->id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
}

void pf__h5_free_texts(char **texts, size_t count) {
    if (!texts) return;
    for (size_t i = 0; i < count; i++) free(texts[i]);
    free(texts);
}

/* Texts of variable length: HDF5 allocates them, we copy and let it take them back. */
static pf_status read_variable(pf__h5 *f, const pf__h5_holder *h, const char *what, hid_t stored, hid_t space,
                               char **texts, size_t count, pf_error *err) {
    pf_status st = PF_OK;
    hid_t type = pf__h5_text_type(H5Tget_cset(stored));
    char **raw = calloc(count, sizeof *raw);
    if (!raw) {
        st = pf__fail_memory(err, what, count * sizeof *raw);
    } else if (type < 0 || holder_read(h, type, raw) < 0) {
        st = pf__h5_fail(f, err, "read", what);
    } else {
        for (size_t i = 0; i < count && st == PF_OK; i++) {
            texts[i] = strdup(raw[i] ? raw[i] : "");
            if (!texts[i]) st = pf__fail_memory(err, what, strlen(raw[i]));
        }
        H5Dvlen_reclaim(type, space, H5P_DEFAULT, raw);
    }
    free(raw);
    pf__h5_drop(type);
    return st;
}

/* Texts of fixed length, padded with NUL or (Fortran) spaces. */
static pf_status read_fixed(pf__h5 *f, const pf__h5_holder *h, const char *what, hid_t stored, char **texts,
                            size_t count, pf_error *err) {
    pf_status st = PF_OK;
    size_t size = H5Tget_size(stored);
    bool spaces = H5Tget_strpad(stored) == H5T_STR_SPACEPAD;
    char *raw = calloc(count, size);
    if (!raw) return pf__fail_memory(err, what, count * size);
    if (holder_read(h, stored, raw) < 0) st = pf__h5_fail(f, err, "read", what);
    for (size_t i = 0; i < count && st == PF_OK; i++) {
        size_t length = 0;
        while (length < size && raw[i * size + length] != '\0') length++;
        while (spaces && length > 0 && raw[i * size + length - 1] == ' ') length--;
        texts[i] = strndup(raw + i * size, length);
        if (!texts[i]) st = pf__fail_memory(err, what, length);
    }
    free(raw);
    return st;
}

/* The texts of type `type` in this space; a null dataspace is one empty text. */
static pf_status read_list(pf__h5 *f, const pf__h5_holder *h, const char *what, hid_t type, hid_t space,
                           char ***texts, size_t *count, pf_error *err) {
    bool null = H5Sget_simple_extent_type(space) == H5S_NULL;
    hssize_t points = null ? 1 : H5Sget_simple_extent_npoints(space);
    htri_t variable = points < 0 ? -1 : H5Tis_variable_str(type);
    if (variable < 0) return pf__h5_fail(f, err, "describe", what);
    if (H5Sget_simple_extent_ndims(space) > PF_RANK_MAX) /* with 32, libhdf5 1.10 divides by 0 */
        return pf__hint(
            err, pf__fail(err, PF_DATA, "%s: %s has more than %d dimensions", f->path, what, PF_RANK_MAX),
            "a text is stored as a scalar, texts as [N]");
    size_t n = (size_t)points;
    if (!null) PF__TRY(check_bytes(f, what, type, variable > 0, n, err));
    if (!null && h->is_attribute) PF__TRY(pf__h5_check_attribute(f, h->id, type, n, what, err));
    *texts = calloc(n + 1, sizeof **texts);
    if (!*texts) return pf__fail_memory(err, what, n * sizeof **texts);
    *count = n;
    if (null) return ((*texts)[0] = strdup("")) ? PF_OK : pf__fail_memory(err, what, 1);
    if (n == 0) return PF_OK;
    return variable ? read_variable(f, h, what, type, space, *texts, n, err)
                    : read_fixed(f, h, what, type, *texts, n, err);
}

/* All texts of a holder. */
static pf_status read_texts(pf__h5 *f, const pf__h5_holder *h, const char *what, char ***out,
                            size_t *out_count, pf_error *err) {
    pf_status st = PF_OK;
    char **texts = NULL;
    size_t count = 0;
    hid_t type = h->is_attribute ? H5Aget_type(h->id) : H5Dget_type(h->id);
    hid_t space = h->is_attribute ? H5Aget_space(h->id) : H5Dget_space(h->id);
    if (type < 0 || space < 0)
        st = pf__h5_fail(f, err, "describe", what);
    else if (H5Tget_class(type) != H5T_STRING)
        st = pf__fail(err, PF_DATA, "%s: %s is not a text", f->path, what);
    else
        st = read_list(f, h, what, type, space, &texts, &count, err);
    pf__h5_drop(space);
    pf__h5_drop(type);
    if (st != PF_OK) {
        pf__h5_free_texts(texts, count);
        return st;
    }
    *out = texts;
    *out_count = count;
    return PF_OK;
}

/* The one text of a holder. */
pf_status pf__h5_read_one_text(pf__h5 *f, const pf__h5_holder *h, const char *what, char **text,
                               pf_error *err) {
    char **texts = NULL;
    size_t count = 0;
    PF__TRY(read_texts(f, h, what, &texts, &count, err));
    if (count != 1) {
        pf__h5_free_texts(texts, count);
        return pf__fail(err, PF_DATA, "%s: %s holds %zu texts, one is expected", f->path, what, count);
    }
    *text = texts[0];
    free(texts);
    return PF_OK;
}

static pf_status write_texts_locked(pf__h5 *f, const char *path, const char *const *texts,
                                    const pf_shape *shape, pf_error *err) {
    hid_t dataset = -1, type = pf__h5_text_type(H5T_CSET_UTF8), space = pf__h5_space(shape);
    hid_t dcpl = pf__h5_properties(shape, PF_U8, false, false);
    pf_status st = pf__h5_create_dataset(f, path, type, space, dcpl, &dataset, err);
    if (st == PF_OK) {
        if (pf_shape_count(shape) > 0 && H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts) < 0)
            st = pf__h5_fail(f, err, "write", path);
        st = pf__h5_close_written(f, path, dataset, st, err);
    }
    pf__h5_drop(dcpl);
    pf__h5_drop(space);
    pf__h5_drop(type);
    return st;
}

pf_status pf__h5_write_text(pf__h5 *f, const char *path, const char *text, pf_error *err) {
    pf__h5_enter();
    pf_status st = write_texts_locked(f, path, &text, &(pf_shape){.rank = 0}, err);
    pf__h5_leave();
    return st;
}

pf_status pf__h5_write_texts(pf__h5 *f, const char *path, const char *const *texts, int count,
                             pf_error *err) {
    pf__h5_enter();
    pf_status st = write_texts_locked(f, path, texts, &(pf_shape){.rank = 1, .dim = {count}}, err);
    pf__h5_leave();
    return st;
}

pf_status pf__h5_read_text(pf__h5 *f, const char *path, char **text, pf_error *err) {
    *text = NULL;
    pf__h5_enter();
    hid_t dataset = -1;
    pf_status st = pf__h5_open_dataset(f, path, &dataset, err);
    if (st == PF_OK) st = pf__h5_read_one_text(f, &(pf__h5_holder){dataset, false}, path, text, err);
    pf__h5_drop(dataset);
    pf__h5_leave();
    return st;
}

pf_status pf__h5_read_texts(pf__h5 *f, const char *path, char ***texts, int *count, pf_error *err) {
    *texts = NULL;
    *count = 0;
    pf__h5_enter();
    hid_t dataset = -1;
    size_t n = 0;
    pf_status st = pf__h5_open_dataset(f, path, &dataset, err);
    if (st == PF_OK) st = read_texts(f, &(pf__h5_holder){dataset, false}, path, texts, &n, err);
    pf__h5_drop(dataset);
    pf__h5_leave();
    *count = (int)n;
    return st;
}
