/* SPDX-License-Identifier: MIT
 * Datasets of numbers: what is there, whole or by rows. */
#include "data/h5_private.h"
#include <stdlib.h>
#include <string.h>

#define CHUNK_TARGET ((int64_t)256 << 10) /* bytes; a chunk has at most CHUNK_MAX */
#define CHUNK_MAX    ((int64_t)1 << 20)
#define ELEMENTS_MAX ((hsize_t)1 << 48)
#define STORED_FREE  ((hsize_t)1 << 20) /* bytes of memory that a file need not bear out */
#define STORED_RATIO 4096               /* no filter in use packs more into a byte: deflate ends at 1032 */

/* ---- types ---- */

static hid_t memory_type(pf_dtype dtype) {
    switch (dtype) {
    case PF_F32:
        return H5T_NATIVE_FLOAT;
    case PF_I32:
        return H5T_NATIVE_INT32;
    case PF_U32:
        return H5T_NATIVE_UINT32;
    case PF_U8:
        return H5T_NATIVE_UINT8;
    case PF_F64:
        return H5T_NATIVE_DOUBLE;
    }
    return -1;
}

static hid_t file_type(pf_dtype dtype) {
    switch (dtype) {
    case PF_F32:
        return H5T_IEEE_F32LE;
    case PF_I32:
        return H5T_STD_I32LE;
    case PF_U32:
        return H5T_STD_U32LE;
    case PF_U8:
        return H5T_STD_U8LE;
    case PF_F64:
        return H5T_IEEE_F64LE;
    }
    return -1;
}

/* What a stored type is read as: 1; 0 when it is neither integer nor float; -1 when HDF5 does not say. */
int pf__h5_dtype(hid_t type, pf_dtype *dtype) {
    H5T_class_t kind = H5Tget_class(type);
    size_t bytes = kind < 0 ? 0 : H5Tget_size(type);
    if (bytes == 0) return -1;
    if (kind == H5T_FLOAT) *dtype = bytes > 4 ? PF_F64 : PF_F32;
    if (kind != H5T_INTEGER) return kind == H5T_FLOAT;
    H5T_sign_t sign = H5Tget_sign(type);
    bool is_unsigned = sign == H5T_SGN_NONE;
    *dtype = is_unsigned && bytes == 1 ? PF_U8 : is_unsigned && bytes == 4 ? PF_U32 : PF_I32;
    return sign < 0 ? -1 : 1;
}

/* ---- what is there ---- */

/* What holds the object at path, which is cut to that, is a dataset. */
static bool lies_in_dataset(pf__h5 *f, char *path) {
    char *slash = strrchr(path, '/');
    if (!slash || slash == path) return false;
    *slash = '\0';
    hid_t parent = H5Oopen(f->id, path, H5P_DEFAULT);
    bool is = parent >= 0 && H5Iget_type(parent) == H5I_DATASET;
    pf__h5_drop(parent);
    return is;
}

/* H5Lexists wants every group on the way to exist, so each prefix is asked; inside a dataset it fails. */
pf_status pf__h5_exists_locked(pf__h5 *f, const char *path, bool *found, pf_error *err) {
    *found = true;
    if (strcmp(path, "/") == 0) return PF_OK;
    char *part = strdup(path);
    if (!part) return pf__fail_memory(err, path, strlen(path));
    pf_error reason;
    pf_status st = PF_OK;
    htri_t is = 1;
    for (size_t i = 1; is > 0 && path[i - 1] != '\0'; i++) {
        if (path[i] != '/' && path[i] != '\0') continue;
        part[i] = '\0';
        is = H5Lexists(f->id, part, H5P_DEFAULT);
        if (is >= 0) part[i] = path[i];
    }
    if (is > 0) is = H5Oexists_by_name(f->id, path, H5P_DEFAULT);
    if (is < 0) st = pf__h5_fail(f, &reason, "look for", path);
    if (is < 0 && lies_in_dataset(f, part)) st = PF_OK;
    if (st != PF_OK && err) *err = reason;
    free(part);
    *found = is > 0;
    return st;
}

pf_status pf__h5_exists(pf__h5 *f, const char *path, bool *found, pf_error *err) {
    pf__h5_enter();
    pf_status st = pf__h5_exists_locked(f, path, found, err);
    pf__h5_leave();
    return st;
}

pf_status pf__h5_open_dataset(pf__h5 *f, const char *path, hid_t *dataset, pf_error *err) {
    bool found;
    PF__TRY(pf__h5_exists_locked(f, path, &found, err));
    if (!found)
        return pf__hint(
            err, pf__fail(err, PF_DATA, "%s: %s is missing", f->path, path),
            "another program wrote or changed this file; datasets/FORMAT.md says what it must hold");
    *dataset = H5Dopen2(f->id, path, H5P_DEFAULT);
    return *dataset < 0 ? pf__h5_fail(f, err, "open", path) : PF_OK;
}

/* Shape and type of an open dataset. The type is left alone when want_type is false (texts). */
/* Products of sizes stay within 64 bits, also where a size is 0. */
static pf_status check_sizes(pf__h5 *f, const char *path, int rank, const hsize_t *dim, pf_error *err) {
    hsize_t total = 1;
    for (int i = 0; i < rank; i++) {
        hsize_t n = dim[i] ? dim[i] : 1;
        if (n > ELEMENTS_MAX / total)
            return pf__hint(err,
                            pf__fail(err, PF_DATA, "%s: %s: size %llu of dimension %d cannot be right",
                                     f->path, path, (unsigned long long)dim[i], i),
                            "the file is damaged; make it again, or use another copy");
        total *= n;
    }
    return PF_OK;
}

/* Content in other files (virtual or external) cannot be measured here. */
static bool is_elsewhere(hid_t dataset) {
    hid_t dcpl = H5Dget_create_plist(dataset);
    bool elsewhere = dcpl >= 0 && (H5Pget_layout(dcpl) == H5D_VIRTUAL || H5Pget_external_count(dcpl) > 0);
    pf__h5_drop(dcpl);
    return elsewhere;
}

pf_status pf__h5_check_stored(pf__h5 *f, const char *path, hid_t dataset, const pf__h5_info *info,
                              pf_error *err) {
    hsize_t bytes = (hsize_t)pf_shape_count(&info->shape) * pf_dtype_bytes(info->dtype), file = 0;
    if (f->writing || bytes <= STORED_FREE) return PF_OK;
    hsize_t stored = H5Dget_storage_size(dataset);
    if (H5Fget_filesize(f->id, &file) >= 0 && stored > file) stored = file; /* a damaged size says more */
    if (bytes / STORED_RATIO <= stored || is_elsewhere(dataset)) return PF_OK;
    pf_status st = pf__fail(err, PF_DATA, "%s: %s holds %llu bytes of the %llu that its shape needs", f->path,
                            path, (unsigned long long)stored, (unsigned long long)bytes);
    return pf__hint(err, st, "it was not written to the end, or the file is damaged; make it again");
}

pf_status pf__h5_inspect(pf__h5 *f, const char *path, hid_t dataset, bool want_type, pf__h5_info *info,
                         pf_error *err) {
    pf_status st = PF_OK;
    hsize_t dim[H5S_MAX_RANK];
    hid_t space = H5Dget_space(dataset), type = H5Dget_type(dataset);
    int rank = space < 0 ? -1 : H5Sget_simple_extent_ndims(space);
    int number = type < 0 || !want_type ? 1 : pf__h5_dtype(type, &info->dtype);
    if (type < 0 || number < 0 || rank < 0 || (rank > 0 && H5Sget_simple_extent_dims(space, dim, NULL) < 0))
        st = pf__h5_fail(f, err, "describe", path);
    else if (H5Sget_simple_extent_type(space) == H5S_NULL)
        st = pf__fail(err, PF_DATA, "%s: %s has no elements (null dataspace)", f->path, path);
    else if (rank > PF_RANK_MAX)
        st = pf__fail(err, PF_DATA, "%s: %s has %d dimensions, at most %d are read", f->path, path, rank,
                      PF_RANK_MAX);
    else if (number == 0)
        st = pf__hint(err,
                      pf__fail(err, PF_DATA, "%s: %s is neither of integers nor of floats", f->path, path),
                      "with h5py: f.create_dataset(\"%s\", data=x.astype(\"float32\"))", path);
    if (st == PF_OK) st = check_sizes(f, path, rank, dim, err);
    if (st == PF_OK) {
        info->shape.rank = rank;
        for (int i = 0; i < rank; i++) info->shape.dim[i] = (int64_t)dim[i];
    }
    pf__h5_drop(type);
    pf__h5_drop(space);
    return st;
}

static pf_status describe_locked(pf__h5 *f, const char *path, pf__h5_info *info, pf_error *err) {
    hid_t dataset = -1;
    PF__TRY(pf__h5_open_dataset(f, path, &dataset, err));
    pf_status st = pf__h5_inspect(f, path, dataset, true, info, err);
    if (st == PF_OK) st = pf__h5_check_stored(f, path, dataset, info, err);
    pf__h5_drop(dataset);
    return st;
}

pf_status pf__h5_describe(pf__h5 *f, const char *path, pf__h5_info *info, pf_error *err) {
    memset(info, 0, sizeof *info);
    pf__h5_enter();
    pf_status st = describe_locked(f, path, info, err);
    pf__h5_leave();
    return st;
}

/* ---- writing ---- */

hid_t pf__h5_space(const pf_shape *shape) {
    hsize_t dim[PF_RANK_MAX];
    if (shape->rank == 0) return H5Screate(H5S_SCALAR);
    for (int i = 0; i < shape->rank; i++) dim[i] = (hsize_t)shape->dim[i];
    return H5Screate_simple(shape->rank, dim, NULL);
}

/* Whole inner dimensions, as many rows as fit the target; a row above CHUNK_MAX is itself cut. */
static void choose_chunk(const pf_shape *shape, size_t element_bytes, hsize_t *chunk) {
    int64_t row = (int64_t)element_bytes;
    for (int i = 0; i < shape->rank; i++) {
        chunk[i] = (hsize_t)shape->dim[i];
        row *= shape->dim[i];
    }
    for (int i = 0; i < shape->rank; i++) {
        if (row <= CHUNK_TARGET) return;
        row /= shape->dim[i];
        chunk[i] = (hsize_t)(row < CHUNK_TARGET ? CHUNK_TARGET / row : 1);
        if (row <= CHUNK_MAX) return;
    }
}

/* Creation properties without times, so that equal calls give equal bytes. -1 on failure. */
hid_t pf__h5_properties(const pf_shape *shape, pf_dtype dtype, bool chunked, bool checksum) {
    hid_t dcpl = H5Pcreate(H5P_DATASET_CREATE);
    if (dcpl < 0) return -1;
    hsize_t chunk[PF_RANK_MAX];
    bool good = H5Pset_obj_track_times(dcpl, 0) >= 0;
    if (chunked && shape->rank > 0 && pf_shape_count(shape) > 0) {
        choose_chunk(shape, pf_dtype_bytes(dtype), chunk);
        good = good && H5Pset_chunk(dcpl, shape->rank, chunk) >= 0;
        if (checksum) good = good && H5Pset_fletcher32(dcpl) >= 0;
    }
    if (good) return dcpl;
    pf__h5_drop(dcpl);
    return -1;
}

/* Creates a dataset and the groups on the way. */
pf_status pf__h5_create_dataset(pf__h5 *f, const char *path, hid_t type, hid_t space, hid_t dcpl,
                                hid_t *dataset, pf_error *err) {
    *dataset = -1;
    hid_t lcpl = H5Pcreate(H5P_LINK_CREATE);
    if (lcpl >= 0 && type >= 0 && space >= 0 && dcpl >= 0 && H5Pset_create_intermediate_group(lcpl, 1) >= 0)
        *dataset = H5Dcreate2(f->id, path, type, space, lcpl, dcpl, H5P_DEFAULT);
    pf_status st = *dataset < 0 ? pf__h5_fail(f, err, "create", path) : PF_OK;
    pf__h5_drop(lcpl);
    return st;
}

/* Closing a dataset writes what its chunk cache still holds, so it can fail. */
pf_status pf__h5_close_written(pf__h5 *f, const char *path, hid_t dataset, pf_status st, pf_error *err) {
    if (st == PF_OK) return H5Dclose(dataset) < 0 ? pf__h5_fail(f, err, "write", path) : PF_OK;
    pf__h5_drop(dataset);
    return st;
}

/* Creates; writes when data is given. */
static pf_status write_locked(pf__h5 *f, const char *path, pf_dtype dtype, const pf_shape *shape,
                              const void *data, bool chunked, bool checksum, pf_error *err) {
    hid_t space = pf__h5_space(shape), dcpl = pf__h5_properties(shape, dtype, chunked, checksum),
          dataset = -1;
    pf_status st = pf__h5_create_dataset(f, path, file_type(dtype), space, dcpl, &dataset, err);
    if (st == PF_OK) {
        if (data && pf_shape_count(shape) > 0 &&
            H5Dwrite(dataset, memory_type(dtype), H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
            st = pf__h5_fail(f, err, "write", path);
        st = pf__h5_close_written(f, path, dataset, st, err);
    }
    pf__h5_drop(dcpl);
    pf__h5_drop(space);
    return st;
}

pf_status pf__h5_write(pf__h5 *f, const char *path, pf_dtype dtype, const pf_shape *shape, const void *data,
                       bool checksum, pf_error *err) {
    pf__h5_enter();
    pf_status st = write_locked(f, path, dtype, shape, data, checksum, checksum, err);
    pf__h5_leave();
    return st;
}

pf_status pf__h5_create_rows(pf__h5 *f, const char *path, pf_dtype dtype, const pf_shape *shape,
                             bool checksum, pf_error *err) {
    pf__h5_enter();
    pf_status st = write_locked(f, path, dtype, shape, NULL, true, checksum, err);
    pf__h5_leave();
    return st;
}

/* ---- rows ---- */

/* Selects rows [first, first + count) in the file, and the same shape in memory. */
static pf_status select_rows(pf__h5 *f, const char *path, hid_t dataset, int64_t first, int64_t count,
                             hid_t *in_file, hid_t *in_memory, pf_error *err) {
    pf__h5_info info;
    hsize_t start[PF_RANK_MAX] = {0}, extent[PF_RANK_MAX];
    PF__TRY(pf__h5_inspect(f, path, dataset, true, &info, err));
    if (info.shape.rank == 0)
        return pf__fail(err, PF_DATA, "%s: %s is a scalar, it has no rows", f->path, path);
    int64_t rows = info.shape.dim[0];
    if (first < 0 || count < 0 || first > rows || count > rows - first)
        return pf__fail(err, PF_USAGE, "%s: %s has %lld rows, rows %lld to %lld do not exist", f->path, path,
                        (long long)rows, (long long)first, (long long)(first + count - 1));
    for (int i = 0; i < info.shape.rank; i++) extent[i] = (hsize_t)info.shape.dim[i];
    start[0] = (hsize_t)first;
    extent[0] = (hsize_t)count;
    *in_memory = H5Screate_simple(info.shape.rank, extent, NULL);
    *in_file = *in_memory < 0 ? -1 : H5Dget_space(dataset);
    if (*in_file < 0 ||
        (count > 0 && H5Sselect_hyperslab(*in_file, H5S_SELECT_SET, start, NULL, extent, NULL) < 0))
        return pf__h5_fail(f, err, "select rows of", path);
    return PF_OK;
}

static pf_status write_rows_locked(pf__h5 *f, const char *path, pf_dtype dtype, int64_t first, int64_t count,
                                   const void *data, pf_error *err) {
    hid_t dataset = -1, in_file = -1, in_memory = -1;
    PF__TRY(pf__h5_open_dataset(f, path, &dataset, err));
    pf_status st = select_rows(f, path, dataset, first, count, &in_file, &in_memory, err);
    if (st == PF_OK && count > 0 &&
        H5Dwrite(dataset, memory_type(dtype), in_memory, in_file, H5P_DEFAULT, data) < 0)
        st = pf__h5_fail(f, err, "write", path);
    pf__h5_drop(in_file);
    pf__h5_drop(in_memory);
    return pf__h5_close_written(f, path, dataset, st, err);
}

pf_status pf__h5_write_rows(pf__h5 *f, const char *path, pf_dtype dtype, int64_t first, int64_t count,
                            const void *data, pf_error *err) {
    pf__h5_enter();
    pf_status st = write_rows_locked(f, path, dtype, first, count, data, err);
    pf__h5_leave();
    return st;
}

/* Runs lie one after the other in data. The dataset stays open meanwhile, so that a chunk that several runs
 * share is read once. */
static pf_status read_runs_locked(pf__h5 *f, const char *path, pf_dtype dtype, const pf__h5_run *runs,
                                  int run_count, void *data, pf_error *err) {
    hid_t dataset = -1;
    pf__h5_info info;
    char *to = data;
    PF__TRY(pf__h5_open_dataset(f, path, &dataset, err));
    pf_status st = pf__h5_inspect(f, path, dataset, true, &info, err);
    for (int i = 0; i < run_count && st == PF_OK; i++) {
        hid_t in_file = -1, in_memory = -1;
        st = select_rows(f, path, dataset, runs[i].first, runs[i].count, &in_file, &in_memory, err);
        if (st == PF_OK && runs[i].count > 0 &&
            H5Dread(dataset, memory_type(dtype), in_memory, in_file, H5P_DEFAULT, to) < 0)
            st = pf__h5_fail(f, err, "read", path);
        pf__h5_drop(in_file);
        pf__h5_drop(in_memory);
        if (st == PF_OK && info.shape.dim[0] > 0)
            to += (size_t)(pf_shape_count(&info.shape) / info.shape.dim[0] * runs[i].count) *
                  pf_dtype_bytes(dtype);
    }
    pf__h5_drop(dataset);
    return st;
}

pf_status pf__h5_read_runs(pf__h5 *f, const char *path, pf_dtype dtype, const pf__h5_run *runs, int run_count,
                           void *data, pf_error *err) {
    pf__h5_enter();
    pf_status st = read_runs_locked(f, path, dtype, runs, run_count, data, err);
    pf__h5_leave();
    return st;
}

pf_status pf__h5_read_rows(pf__h5 *f, const char *path, pf_dtype dtype, int64_t first, int64_t count,
                           void *data, pf_error *err) {
    return pf__h5_read_runs(f, path, dtype, &(pf__h5_run){first, count}, 1, data, err);
}

static pf_status chunk_rows_locked(pf__h5 *f, const char *path, int64_t *rows, pf_error *err) {
    hid_t dataset = -1;
    hsize_t chunk[H5S_MAX_RANK];
    PF__TRY(pf__h5_open_dataset(f, path, &dataset, err));
    pf_status st = PF_OK;
    hid_t dcpl = H5Dget_create_plist(dataset);
    if (dcpl < 0)
        st = pf__h5_fail(f, err, "describe", path);
    else if (H5Pget_layout(dcpl) == H5D_CHUNKED) {
        if (H5Pget_chunk(dcpl, H5S_MAX_RANK, chunk) < 1)
            st = pf__h5_fail(f, err, "describe", path);
        else
            *rows = (int64_t)chunk[0];
    }
    pf__h5_drop(dcpl);
    pf__h5_drop(dataset);
    return st;
}

pf_status pf__h5_chunk_rows(pf__h5 *f, const char *path, int64_t *rows, pf_error *err) {
    *rows = 0;
    pf__h5_enter();
    pf_status st = chunk_rows_locked(f, path, rows, err);
    pf__h5_leave();
    return st;
}

static pf_status read_locked(pf__h5 *f, const char *path, pf_dtype dtype, void *data, pf_error *err) {
    hid_t dataset = -1;
    pf__h5_info info;
    PF__TRY(pf__h5_open_dataset(f, path, &dataset, err));
    pf_status st = pf__h5_inspect(f, path, dataset, true, &info, err);
    if (st == PF_OK && pf_shape_count(&info.shape) > 0 &&
        H5Dread(dataset, memory_type(dtype), H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
        st = pf__h5_fail(f, err, "read", path);
    pf__h5_drop(dataset);
    return st;
}

pf_status pf__h5_read(pf__h5 *f, const char *path, pf_dtype dtype, void *data, pf_error *err) {
    pf__h5_enter();
    pf_status st = read_locked(f, path, dtype, data, err);
    pf__h5_leave();
    return st;
}
