/* SPDX-License-Identifier: MIT
 * All HDF5 of the library.
 *
 * Every function here is a locked shell around a static one: enter() takes the one lock and silences HDF5's
 * own printing (a setting of each thread), leave() gives the lock back. An HDF5 call clears the error stack
 * of the one before it, so a failure is turned into text (fail_h5) before anything is closed. Identifiers are
 * given back with drop(). */
#include "data/h5.h"
#include <assert.h>
#include <errno.h>
#include <hdf5.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CHUNK_TARGET ((int64_t)256 << 10) /* bytes; a chunk has at most CHUNK_MAX */
#define CHUNK_MAX    ((int64_t)1 << 20)
#define DEPTH_MAX    32 /* groups inside groups: a hard link to a parent would never end */

struct pf__h5 {
    hid_t id;
    char *path;
    bool writing;
    bool failed; /* a call has failed: HDF5 may then keep objects open that it could not flush */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void enter(void) {
    pthread_mutex_lock(&lock);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

static void leave(void) {
    pthread_mutex_unlock(&lock);
}

static void drop(hid_t id) {
    if (id >= 0) H5Idec_ref(id);
}

/* ---- errors ---- */

struct reason {
    char text[512];
    char minor[128];
    bool found;
};

static herr_t innermost(unsigned n, const H5E_error2_t *entry, void *user) {
    (void)n;
    struct reason *reason = user;
    if (reason->found) return 0;
    snprintf(reason->text, sizeof reason->text, "%s", entry->desc ? entry->desc : "");
    if (H5Eget_msg(entry->min_num, NULL, reason->minor, sizeof reason->minor) < 0) reason->minor[0] = '\0';
    reason->found = true;
    return 0;
}

/* The innermost entry of the error stack in one line; the system's own words where HDF5 quotes them. */
static void read_reason(struct reason *reason) {
    memset(reason, 0, sizeof *reason);
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, innermost, reason);
    if (!reason->found) snprintf(reason->text, sizeof reason->text, "unknown error");
    const char *mark = "error message = '";
    char *quoted = strstr(reason->text, mark);
    if (!quoted) return;
    memmove(reason->text, quoted + strlen(mark), strlen(quoted + strlen(mark)) + 1);
    reason->text[strcspn(reason->text, "'")] = '\0';
}

static pf_status fail_h5(pf__h5 *f, pf_error *err, const char *doing, const char *object) {
    struct reason reason;
    read_reason(&reason);
    f->failed = true;
    pf_status st = pf__fail(err, f->writing ? PF_SYSTEM : PF_DATA, "%s: cannot %s %s: HDF5: %s%s%s%s",
                            f->path, doing, object, reason.text, reason.minor[0] ? " (" : "", reason.minor,
                            reason.minor[0] ? ")" : "");
    if (strstr(reason.text, "letcher"))
        return pf__hint(
            err, st, "the file is damaged: its stored checksum disagrees with its content; use another copy");
    if (f->writing) return pf__hint(err, st, "is the disk full, or the folder not writable?");
    return st;
}

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

/* A variable-length text, in the character set given (HDF5 does not convert between them). -1 on failure. */
static hid_t text_type(H5T_cset_t cset) {
    hid_t type = H5Tcopy(H5T_C_S1);
    if (type < 0) return -1;
    if (H5Tset_size(type, H5T_VARIABLE) < 0 || H5Tset_cset(type, cset) < 0) {
        drop(type);
        return -1;
    }
    return type;
}

/* What a stored type is read as; false when it is neither integer nor float. */
static bool dtype_of(hid_t type, pf_dtype *dtype) {
    size_t bytes = H5Tget_size(type);
    switch (H5Tget_class(type)) {
    case H5T_INTEGER: {
        bool is_unsigned = H5Tget_sign(type) == H5T_SGN_NONE;
        *dtype = is_unsigned && bytes == 1 ? PF_U8 : is_unsigned && bytes == 4 ? PF_U32 : PF_I32;
        return true;
    }
    case H5T_FLOAT:
        *dtype = bytes > 4 ? PF_F64 : PF_F32;
        return true;
    default:
        return false;
    }
}

/* ---- files ---- */

static pf_status file_new(const char *path, bool writing, pf__h5 **out, pf_error *err) {
    pf__h5 *f = calloc(1, sizeof *f);
    if (!f) return pf__fail_memory(err, "HDF5 file", sizeof *f);
    f->path = strdup(path);
    if (!f->path) {
        free(f);
        return pf__fail_memory(err, "HDF5 file name", strlen(path));
    }
    f->id = -1;
    f->writing = writing;
    *out = f;
    return PF_OK;
}

static void file_free(pf__h5 *f) {
    free(f->path);
    free(f);
}

/* Access properties: closing the file closes what is open in it. -1 on failure. */
static hid_t access_properties(bool without_lock) {
    hid_t fapl = H5Pcreate(H5P_FILE_ACCESS);
    if (fapl < 0) return -1;
    if (H5Pset_fclose_degree(fapl, H5F_CLOSE_STRONG) < 0 ||
        H5Pset_libver_bounds(fapl, H5F_LIBVER_EARLIEST, H5F_LIBVER_V18) < 0 ||
        (without_lock && H5Pset_file_locking(fapl, 0, 1) < 0)) {
        drop(fapl);
        return -1;
    }
    return fapl;
}

static pf_status create_locked(pf__h5 *f, pf_error *err) {
    pf_status st = PF_OK;
    hid_t fcpl = H5Pcreate(H5P_FILE_CREATE), fapl = access_properties(false);
    if (fcpl >= 0 && fapl >= 0 && H5Pset_obj_track_times(fcpl, 0) >= 0)
        f->id = H5Fcreate(f->path, H5F_ACC_TRUNC, fcpl, fapl);
    if (f->id < 0) {
        st = fail_h5(f, err, "create", "the file");
        st = pf__hint(err, st, "does the folder exist, and may you write there?");
    }
    drop(fapl);
    drop(fcpl);
    return st;
}

pf_status pf__h5_create(const char *path, pf__h5 **out, pf_error *err) {
    *out = NULL;
    pf__h5 *f = NULL;
    PF__TRY(file_new(path, true, &f, err));
    enter();
    pf_status st = create_locked(f, err);
    leave();
    if (st != PF_OK) {
        file_free(f);
        return st;
    }
    *out = f;
    return PF_OK;
}

/* What can be said about a file before HDF5 sees it. */
static pf_status look(const char *path, pf_error *err) {
    struct stat info;
    if (stat(path, &info) != 0) {
        pf_status st = pf__fail(err, PF_DATA, "%s: %s", path,
                                errno == ENOENT ? "missing: there is no such file" : "cannot be opened");
        return pf__hint(err, st, "check the path");
    }
    if (S_ISDIR(info.st_mode)) {
        pf_status st = pf__fail(err, PF_DATA, "%s: not an HDF5 file: it is a folder", path);
        return pf__hint(
            err, st,
            "name a file inside it; a folder of IDX files is imported with 'pushforward data import'");
    }
    if (info.st_size == 0) {
        pf_status st = pf__fail(err, PF_DATA, "%s: not an HDF5 file: it is empty", path);
        return pf__hint(err, st, "a writer was probably stopped; make the file again");
    }
    return PF_OK;
}

static pf_status fail_open(pf__h5 *f, pf_error *err) {
    struct reason reason;
    read_reason(&reason);
    if (strstr(reason.text, "truncated")) {
        pf_status st = pf__fail(err, PF_DATA, "%s: truncated: HDF5: %s", f->path, reason.text);
        return pf__hint(err, st, "the file is incomplete (a stopped copy or writer); copy or make it again");
    }
    pf_status st = pf__fail(err, PF_DATA, "%s: cannot open: HDF5: %s", f->path, reason.text);
    return pf__hint(err, st,
                    "the file may be damaged, unreadable for you, or being written by another program");
}

static pf_status open_locked(pf__h5 *f, pf_error *err) {
    htri_t is = H5Fis_hdf5(f->path);
    if (is == 0) {
        pf_status st = pf__fail(err, PF_DATA, "%s: not an HDF5 file", f->path);
        return pf__hint(err, st,
                        "a data set is made by 'pushforward data make' or 'pushforward data import'; "
                        "datasets/FORMAT.md describes it");
    }
    for (int attempt = 0; attempt < 2 && f->id < 0; attempt++) {
        hid_t fapl = access_properties(attempt == 1);
        if (fapl < 0) return fail_h5(f, err, "prepare", "opening");
        f->id = H5Fopen(f->path, H5F_ACC_RDONLY, fapl);
        if (f->id < 0) {
            struct reason reason;
            read_reason(&reason);
            bool lock_failed = strstr(reason.text, "lock") != NULL || strstr(reason.minor, "lock") != NULL;
            if (attempt == 1 || !lock_failed) {
                pf_status st = fail_open(f, err);
                drop(fapl);
                return st;
            }
        }
        drop(fapl);
    }
    return PF_OK;
}

pf_status pf__h5_open(const char *path, pf__h5 **out, pf_error *err) {
    *out = NULL;
    PF__TRY(look(path, err));
    pf__h5 *f = NULL;
    PF__TRY(file_new(path, false, &f, err));
    enter();
    pf_status st = open_locked(f, err);
    leave();
    if (st != PF_OK) {
        file_free(f);
        return st;
    }
    *out = f;
    return PF_OK;
}

pf_status pf__h5_close(pf__h5 **file, pf_error *err) {
    if (!file || !*file) return PF_OK;
    pf__h5 *f = *file;
    *file = NULL;
    enter();
    assert(f->failed ||
           H5Fget_obj_count(f->id, H5F_OBJ_ALL | H5F_OBJ_LOCAL) == 1); /* else an identifier leaked above */
    pf_status st = H5Fclose(f->id) < 0 ? fail_h5(f, err, "close", "the file") : PF_OK;
    leave();
    file_free(f);
    return st;
}

/* ---- what is there ---- */

/* H5Lexists wants every group on the way to exist, so each prefix is asked. */
static bool exists_locked(pf__h5 *f, const char *path) {
    if (strcmp(path, "/") == 0) return true;
    char *part = strdup(path);
    if (!part) return false;
    bool found = true;
    for (size_t i = 1; found && path[i - 1] != '\0'; i++) {
        if (path[i] != '/' && path[i] != '\0') continue;
        part[i] = '\0';
        found = H5Lexists(f->id, part, H5P_DEFAULT) > 0;
        part[i] = path[i];
    }
    free(part);
    return found && H5Oexists_by_name(f->id, path, H5P_DEFAULT) > 0;
}

bool pf__h5_exists(pf__h5 *f, const char *path) {
    enter();
    bool found = exists_locked(f, path);
    leave();
    return found;
}

static pf_status open_dataset(pf__h5 *f, const char *path, hid_t *dataset, pf_error *err) {
    if (!exists_locked(f, path)) return pf__fail(err, PF_DATA, "%s: %s is missing", f->path, path);
    *dataset = H5Dopen2(f->id, path, H5P_DEFAULT);
    return *dataset < 0 ? fail_h5(f, err, "open", path) : PF_OK;
}

/* Shape and type of an open dataset. The type is left alone when want_type is false (texts). */
static pf_status inspect(pf__h5 *f, const char *path, hid_t dataset, bool want_type, pf__h5_info *info,
                         pf_error *err) {
    pf_status st = PF_OK;
    hsize_t dim[H5S_MAX_RANK];
    hid_t space = H5Dget_space(dataset), type = H5Dget_type(dataset);
    int rank = space < 0 ? -1 : H5Sget_simple_extent_ndims(space);
    if (type < 0 || rank < 0 || (rank > 0 && H5Sget_simple_extent_dims(space, dim, NULL) < 0))
        st = fail_h5(f, err, "describe", path);
    else if (H5Sget_simple_extent_type(space) == H5S_NULL)
        st = pf__fail(err, PF_DATA, "%s: %s has no elements (null dataspace)", f->path, path);
    else if (rank > PF_RANK_MAX)
        st = pf__fail(err, PF_DATA, "%s: %s has %d dimensions, at most %d are read", f->path, path, rank,
                      PF_RANK_MAX);
    else if (want_type && !dtype_of(type, &info->dtype))
        st = pf__fail(err, PF_DATA, "%s: %s is neither of integers nor of floats", f->path, path);
    if (st == PF_OK) {
        info->shape.rank = rank;
        for (int i = 0; i < rank; i++) info->shape.dim[i] = (int64_t)dim[i];
    }
    drop(type);
    drop(space);
    return st;
}

static pf_status describe_locked(pf__h5 *f, const char *path, pf__h5_info *info, pf_error *err) {
    hid_t dataset = -1;
    PF__TRY(open_dataset(f, path, &dataset, err));
    pf_status st = inspect(f, path, dataset, true, info, err);
    drop(dataset);
    return st;
}

pf_status pf__h5_describe(pf__h5 *f, const char *path, pf__h5_info *info, pf_error *err) {
    memset(info, 0, sizeof *info);
    enter();
    pf_status st = describe_locked(f, path, info, err);
    leave();
    return st;
}

/* ---- writing ---- */

static hid_t space_of(const pf_shape *shape) {
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
static hid_t dataset_properties(const pf_shape *shape, pf_dtype dtype, bool chunked, bool checksum) {
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
    drop(dcpl);
    return -1;
}

/* Creates a dataset and the groups on the way. */
static pf_status create_dataset(pf__h5 *f, const char *path, hid_t type, hid_t space, hid_t dcpl,
                                hid_t *dataset, pf_error *err) {
    *dataset = -1;
    hid_t lcpl = H5Pcreate(H5P_LINK_CREATE);
    if (lcpl >= 0 && type >= 0 && space >= 0 && dcpl >= 0 && H5Pset_create_intermediate_group(lcpl, 1) >= 0)
        *dataset = H5Dcreate2(f->id, path, type, space, lcpl, dcpl, H5P_DEFAULT);
    pf_status st = *dataset < 0 ? fail_h5(f, err, "create", path) : PF_OK;
    drop(lcpl);
    return st;
}

/* Closing a dataset writes what its chunk cache still holds, so it can fail. */
static pf_status close_written(pf__h5 *f, const char *path, hid_t dataset, pf_status st, pf_error *err) {
    if (st == PF_OK) return H5Dclose(dataset) < 0 ? fail_h5(f, err, "write", path) : PF_OK;
    drop(dataset);
    return st;
}

/* Creates; writes when data is given. */
static pf_status write_locked(pf__h5 *f, const char *path, pf_dtype dtype, const pf_shape *shape,
                              const void *data, bool chunked, bool checksum, pf_error *err) {
    hid_t space = space_of(shape), dcpl = dataset_properties(shape, dtype, chunked, checksum), dataset = -1;
    pf_status st = create_dataset(f, path, file_type(dtype), space, dcpl, &dataset, err);
    if (st == PF_OK) {
        if (data && pf_shape_count(shape) > 0 &&
            H5Dwrite(dataset, memory_type(dtype), H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
            st = fail_h5(f, err, "write", path);
        st = close_written(f, path, dataset, st, err);
    }
    drop(dcpl);
    drop(space);
    return st;
}

pf_status pf__h5_write(pf__h5 *f, const char *path, pf_dtype dtype, const pf_shape *shape, const void *data,
                       bool checksum, pf_error *err) {
    enter();
    pf_status st = write_locked(f, path, dtype, shape, data, checksum, checksum, err);
    leave();
    return st;
}

pf_status pf__h5_create_rows(pf__h5 *f, const char *path, pf_dtype dtype, const pf_shape *shape,
                             bool checksum, pf_error *err) {
    enter();
    pf_status st = write_locked(f, path, dtype, shape, NULL, true, checksum, err);
    leave();
    return st;
}

/* ---- rows ---- */

/* Selects rows [first, first + count) in the file, and the same shape in memory. */
static pf_status select_rows(pf__h5 *f, const char *path, hid_t dataset, int64_t first, int64_t count,
                             hid_t *in_file, hid_t *in_memory, pf_error *err) {
    pf__h5_info info;
    hsize_t start[PF_RANK_MAX] = {0}, extent[PF_RANK_MAX];
    PF__TRY(inspect(f, path, dataset, true, &info, err));
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
        return fail_h5(f, err, "select rows of", path);
    return PF_OK;
}

static pf_status write_rows_locked(pf__h5 *f, const char *path, pf_dtype dtype, int64_t first, int64_t count,
                                   const void *data, pf_error *err) {
    hid_t dataset = -1, in_file = -1, in_memory = -1;
    PF__TRY(open_dataset(f, path, &dataset, err));
    pf_status st = select_rows(f, path, dataset, first, count, &in_file, &in_memory, err);
    if (st == PF_OK && count > 0 &&
        H5Dwrite(dataset, memory_type(dtype), in_memory, in_file, H5P_DEFAULT, data) < 0)
        st = fail_h5(f, err, "write", path);
    drop(in_file);
    drop(in_memory);
    return close_written(f, path, dataset, st, err);
}

pf_status pf__h5_write_rows(pf__h5 *f, const char *path, pf_dtype dtype, int64_t first, int64_t count,
                            const void *data, pf_error *err) {
    enter();
    pf_status st = write_rows_locked(f, path, dtype, first, count, data, err);
    leave();
    return st;
}

static pf_status read_rows_locked(pf__h5 *f, const char *path, pf_dtype dtype, int64_t first, int64_t count,
                                  void *data, pf_error *err) {
    hid_t dataset = -1, in_file = -1, in_memory = -1;
    PF__TRY(open_dataset(f, path, &dataset, err));
    pf_status st = select_rows(f, path, dataset, first, count, &in_file, &in_memory, err);
    if (st == PF_OK && count > 0 &&
        H5Dread(dataset, memory_type(dtype), in_memory, in_file, H5P_DEFAULT, data) < 0)
        st = fail_h5(f, err, "read", path);
    drop(in_file);
    drop(in_memory);
    drop(dataset);
    return st;
}

pf_status pf__h5_read_rows(pf__h5 *f, const char *path, pf_dtype dtype, int64_t first, int64_t count,
                           void *data, pf_error *err) {
    enter();
    pf_status st = read_rows_locked(f, path, dtype, first, count, data, err);
    leave();
    return st;
}

static pf_status read_locked(pf__h5 *f, const char *path, pf_dtype dtype, void *data, pf_error *err) {
    hid_t dataset = -1;
    pf__h5_info info;
    PF__TRY(open_dataset(f, path, &dataset, err));
    pf_status st = inspect(f, path, dataset, true, &info, err);
    if (st == PF_OK && pf_shape_count(&info.shape) > 0 &&
        H5Dread(dataset, memory_type(dtype), H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
        st = fail_h5(f, err, "read", path);
    drop(dataset);
    return st;
}

pf_status pf__h5_read(pf__h5 *f, const char *path, pf_dtype dtype, void *data, pf_error *err) {
    enter();
    pf_status st = read_locked(f, path, dtype, data, err);
    leave();
    return st;
}

/* ---- texts, in datasets and attributes ---- */

/* A dataset or an attribute: both hold texts in the same two ways. */
struct holder {
    hid_t id;
    bool is_attribute;
};

static herr_t holder_read(const struct holder *h, hid_t type, void *data) {
    return h->is_attribute ? H5Aread(h->id, type, data)
                           : H5Dread(h->id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
}

static void free_texts(char **texts, size_t count) {
    if (!texts) return;
    for (size_t i = 0; i < count; i++) free(texts[i]);
    free(texts);
}

/* Texts of variable length: HDF5 allocates them, we copy and let it take them back. */
static pf_status read_variable(pf__h5 *f, const struct holder *h, const char *what, hid_t stored, hid_t space,
                               char **texts, size_t count, pf_error *err) {
    pf_status st = PF_OK;
    hid_t type = text_type(H5Tget_cset(stored));
    char **raw = calloc(count, sizeof *raw);
    if (!raw) {
        st = pf__fail_memory(err, what, count * sizeof *raw);
    } else if (type < 0 || holder_read(h, type, raw) < 0) {
        st = fail_h5(f, err, "read", what);
    } else {
        for (size_t i = 0; i < count && st == PF_OK; i++) {
            texts[i] = strdup(raw[i] ? raw[i] : "");
            if (!texts[i]) st = pf__fail_memory(err, what, strlen(raw[i]));
        }
        H5Dvlen_reclaim(type, space, H5P_DEFAULT, raw);
    }
    free(raw);
    drop(type);
    return st;
}

/* Texts of fixed length, padded with NUL or (Fortran) spaces. */
static pf_status read_fixed(pf__h5 *f, const struct holder *h, const char *what, hid_t stored, char **texts,
                            size_t count, pf_error *err) {
    pf_status st = PF_OK;
    size_t size = H5Tget_size(stored);
    bool spaces = H5Tget_strpad(stored) == H5T_STR_SPACEPAD;
    char *raw = calloc(count, size);
    if (!raw) return pf__fail_memory(err, what, count * size);
    if (holder_read(h, stored, raw) < 0) st = fail_h5(f, err, "read", what);
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

/* All texts of a holder; a null dataspace is one empty text. */
static pf_status read_texts(pf__h5 *f, const struct holder *h, const char *what, char ***out,
                            size_t *out_count, pf_error *err) {
    pf_status st = PF_OK;
    char **texts = NULL;
    size_t count = 0;
    hid_t type = h->is_attribute ? H5Aget_type(h->id) : H5Dget_type(h->id);
    hid_t space = h->is_attribute ? H5Aget_space(h->id) : H5Dget_space(h->id);
    if (type < 0 || space < 0) {
        st = fail_h5(f, err, "describe", what);
    } else if (H5Tget_class(type) != H5T_STRING) {
        st = pf__fail(err, PF_DATA, "%s: %s is not a text", f->path, what);
    } else {
        bool null = H5Sget_simple_extent_type(space) == H5S_NULL;
        count = null ? 1 : (size_t)H5Sget_simple_extent_npoints(space);
        texts = calloc(count + 1, sizeof *texts);
        if (!texts)
            st = pf__fail_memory(err, what, count * sizeof *texts);
        else if (null)
            st = (texts[0] = strdup("")) ? PF_OK : pf__fail_memory(err, what, 1);
        else if (count > 0)
            st = H5Tis_variable_str(type) > 0 ? read_variable(f, h, what, type, space, texts, count, err)
                                              : read_fixed(f, h, what, type, texts, count, err);
    }
    drop(space);
    drop(type);
    if (st != PF_OK) {
        free_texts(texts, count);
        return st;
    }
    *out = texts;
    *out_count = count;
    return PF_OK;
}

/* The one text of a holder. */
static pf_status read_one_text(pf__h5 *f, const struct holder *h, const char *what, char **text,
                               pf_error *err) {
    char **texts = NULL;
    size_t count = 0;
    PF__TRY(read_texts(f, h, what, &texts, &count, err));
    if (count != 1) {
        free_texts(texts, count);
        return pf__fail(err, PF_DATA, "%s: %s holds %zu texts, one is expected", f->path, what, count);
    }
    *text = texts[0];
    free(texts);
    return PF_OK;
}

static pf_status write_texts_locked(pf__h5 *f, const char *path, const char *const *texts,
                                    const pf_shape *shape, pf_error *err) {
    hid_t dataset = -1, type = text_type(H5T_CSET_UTF8), space = space_of(shape);
    hid_t dcpl = dataset_properties(shape, PF_U8, false, false);
    pf_status st = create_dataset(f, path, type, space, dcpl, &dataset, err);
    if (st == PF_OK) {
        if (pf_shape_count(shape) > 0 && H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, texts) < 0)
            st = fail_h5(f, err, "write", path);
        st = close_written(f, path, dataset, st, err);
    }
    drop(dcpl);
    drop(space);
    drop(type);
    return st;
}

pf_status pf__h5_write_text(pf__h5 *f, const char *path, const char *text, pf_error *err) {
    enter();
    pf_status st = write_texts_locked(f, path, &text, &(pf_shape){.rank = 0}, err);
    leave();
    return st;
}

pf_status pf__h5_write_texts(pf__h5 *f, const char *path, const char *const *texts, int count,
                             pf_error *err) {
    enter();
    pf_status st = write_texts_locked(f, path, texts, &(pf_shape){.rank = 1, .dim = {count}}, err);
    leave();
    return st;
}

pf_status pf__h5_read_text(pf__h5 *f, const char *path, char **text, pf_error *err) {
    *text = NULL;
    enter();
    hid_t dataset = -1;
    pf_status st = open_dataset(f, path, &dataset, err);
    if (st == PF_OK) st = read_one_text(f, &(struct holder){dataset, false}, path, text, err);
    drop(dataset);
    leave();
    return st;
}

pf_status pf__h5_read_texts(pf__h5 *f, const char *path, char ***texts, int *count, pf_error *err) {
    *texts = NULL;
    *count = 0;
    enter();
    hid_t dataset = -1;
    size_t n = 0;
    pf_status st = open_dataset(f, path, &dataset, err);
    if (st == PF_OK) st = read_texts(f, &(struct holder){dataset, false}, path, texts, &n, err);
    drop(dataset);
    leave();
    *count = (int)n;
    return st;
}

/* ---- attributes ---- */

static void name_attribute(char out[256], const char *path, const char *name) {
    snprintf(out, 256, "attribute '%s' of %s", name, path);
}

static bool has_attribute_locked(pf__h5 *f, const char *path, const char *name) {
    return exists_locked(f, path) && H5Aexists_by_name(f->id, path, name, H5P_DEFAULT) > 0;
}

bool pf__h5_has_attribute(pf__h5 *f, const char *path, const char *name) {
    enter();
    bool found = has_attribute_locked(f, path, name);
    leave();
    return found;
}

/* Writes a scalar attribute, in the place of an older one. */
static pf_status set_locked(pf__h5 *f, const char *path, const char *name, hid_t stored, hid_t native,
                            const void *value, pf_error *err) {
    char what[256];
    name_attribute(what, path, name);
    pf_status st = PF_OK;
    hid_t attribute = -1, space = H5Screate(H5S_SCALAR);
    if (has_attribute_locked(f, path, name) && H5Adelete_by_name(f->id, path, name, H5P_DEFAULT) < 0) {
        st = fail_h5(f, err, "replace", what);
    } else {
        if (stored >= 0 && space >= 0)
            attribute = H5Acreate_by_name(f->id, path, name, stored, space, H5P_DEFAULT, H5P_DEFAULT,
                                          H5P_DEFAULT);
        if (attribute < 0 || H5Awrite(attribute, native, value) < 0) st = fail_h5(f, err, "write", what);
    }
    drop(attribute);
    drop(space);
    return st;
}

pf_status pf__h5_set_text(pf__h5 *f, const char *path, const char *name, const char *text, pf_error *err) {
    enter();
    hid_t type = text_type(H5T_CSET_UTF8);
    pf_status st = set_locked(f, path, name, type, type, &text, err);
    drop(type);
    leave();
    return st;
}

pf_status pf__h5_set_int(pf__h5 *f, const char *path, const char *name, int64_t value, pf_error *err) {
    enter();
    pf_status st = set_locked(f, path, name, H5T_STD_I64LE, H5T_NATIVE_INT64, &value, err);
    leave();
    return st;
}

pf_status pf__h5_set_real(pf__h5 *f, const char *path, const char *name, double value, pf_error *err) {
    enter();
    pf_status st = set_locked(f, path, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &value, err);
    leave();
    return st;
}

static pf_status open_attribute(pf__h5 *f, const char *path, const char *name, hid_t *attribute,
                                pf_error *err) {
    *attribute = -1;
    if (!has_attribute_locked(f, path, name))
        return pf__fail(err, PF_DATA, "%s: attribute '%s' of %s is missing", f->path, name, path);
    *attribute = H5Aopen_by_name(f->id, path, name, H5P_DEFAULT, H5P_DEFAULT);
    char what[256];
    name_attribute(what, path, name);
    return *attribute < 0 ? fail_h5(f, err, "open", what) : PF_OK;
}

pf_status pf__h5_get_text(pf__h5 *f, const char *path, const char *name, char **text, pf_error *err) {
    *text = NULL;
    char what[256];
    name_attribute(what, path, name);
    enter();
    hid_t attribute = -1;
    pf_status st = open_attribute(f, path, name, &attribute, err);
    if (st == PF_OK) st = read_one_text(f, &(struct holder){attribute, true}, what, text, err);
    drop(attribute);
    leave();
    return st;
}

/* One number; a float is no integer, an integer is a real. */
static pf_status get_number(pf__h5 *f, const char *path, const char *name, bool want_real, void *value,
                            pf_error *err) {
    char what[256];
    name_attribute(what, path, name);
    hid_t attribute = -1;
    PF__TRY(open_attribute(f, path, name, &attribute, err));
    pf_status st = PF_OK;
    hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute);
    H5T_class_t kind = type < 0 ? H5T_NO_CLASS : H5Tget_class(type);
    if (type < 0 || space < 0)
        st = fail_h5(f, err, "describe", what);
    else if (kind != H5T_INTEGER && !(want_real && kind == H5T_FLOAT))
        st = pf__fail(err, PF_DATA, "%s: %s is not %s", f->path, what, want_real ? "a number" : "an integer");
    else if (H5Sget_simple_extent_npoints(space) != 1)
        st = pf__fail(err, PF_DATA, "%s: %s is not one number", f->path, what);
    else if (H5Aread(attribute, want_real ? H5T_NATIVE_DOUBLE : H5T_NATIVE_INT64, value) < 0)
        st = fail_h5(f, err, "read", what);
    drop(space);
    drop(type);
    drop(attribute);
    return st;
}

pf_status pf__h5_get_int(pf__h5 *f, const char *path, const char *name, int64_t *value, pf_error *err) {
    enter();
    pf_status st = get_number(f, path, name, false, value, err);
    leave();
    return st;
}

pf_status pf__h5_get_real(pf__h5 *f, const char *path, const char *name, double *value, pf_error *err) {
    enter();
    pf_status st = get_number(f, path, name, true, value, err);
    leave();
    return st;
}

/* ---- walking ---- */

/* What the walk found, kept so that visit runs without the lock and may read. */
struct found {
    char **paths;
    pf__h5_info *infos;
    size_t count, capacity;
};

static pf_status found_add(struct found *found, const char *path, const pf__h5_info *info, pf_error *err) {
    if (found->count == found->capacity) {
        size_t capacity = found->capacity ? found->capacity * 2 : 32;
        char **paths = realloc(found->paths, capacity * sizeof *paths);
        if (paths) found->paths = paths;
        pf__h5_info *infos = realloc(found->infos, capacity * sizeof *infos);
        if (infos) found->infos = infos;
        if (!paths || !infos) return pf__fail_memory(err, "list of datasets", capacity * sizeof *infos);
        found->capacity = capacity;
    }
    char *copy = strdup(path);
    if (!copy) return pf__fail_memory(err, "list of datasets", strlen(path));
    found->paths[found->count] = copy;
    found->infos[found->count] = *info;
    found->count++;
    return PF_OK;
}

static pf_status walk(pf__h5 *f, const char *path, int depth, struct found *found, pf_error *err);

/* Child i of an open group: its path, then the walk goes on there. */
static pf_status walk_child(pf__h5 *f, hid_t group, const char *path, hsize_t i, int depth,
                            struct found *found, pf_error *err) {
    ssize_t length = H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, NULL, 0, H5P_DEFAULT);
    if (length < 0) return fail_h5(f, err, "list", path);
    size_t base = strcmp(path, "/") == 0 ? 0 : strlen(path), size = base + (size_t)length + 2;
    char *child = malloc(size);
    if (!child) return pf__fail_memory(err, path, size);
    memcpy(child, path, base);
    child[base] = '/';
    pf_status st = PF_OK;
    if (H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, child + base + 1, (size_t)length + 1,
                           H5P_DEFAULT) < 0)
        st = fail_h5(f, err, "list", path);
    else
        st = walk(f, child, depth + 1, found, err);
    free(child);
    return st;
}

static pf_status walk(pf__h5 *f, const char *path, int depth, struct found *found, pf_error *err) {
    if (!exists_locked(f, path)) return PF_OK; /* a link that leads nowhere */
    if (depth > DEPTH_MAX) return pf__fail(err, PF_DATA, "%s: %s: groups are nested too deep", f->path, path);
    hid_t object = H5Oopen(f->id, path, H5P_DEFAULT);
    if (object < 0) return fail_h5(f, err, "open", path);
    pf_status st = PF_OK;
    H5I_type_t kind = H5Iget_type(object);
    if (kind == H5I_DATASET) {
        pf__h5_info info = {0};
        pf_dtype dtype;
        hid_t type = H5Dget_type(object);
        if (type >= 0 && dtype_of(type, &dtype)) {
            st = inspect(f, path, object, true, &info, err);
            if (st == PF_OK) st = found_add(found, path, &info, err);
        }
        drop(type);
    } else if (kind == H5I_GROUP) {
        H5G_info_t group;
        if (H5Gget_info(object, &group) < 0) st = fail_h5(f, err, "list", path);
        for (hsize_t i = 0; st == PF_OK && i < group.nlinks; i++)
            st = walk_child(f, object, path, i, depth, found, err);
    }
    drop(object);
    return st;
}

pf_status pf__h5_each(pf__h5 *f, const char *group, pf__h5_visit *visit, void *user, pf_error *err) {
    struct found found = {0};
    pf_status st = PF_OK;
    enter();
    if (!exists_locked(f, group))
        st = pf__fail(err, PF_DATA, "%s: %s is missing", f->path, group);
    else
        st = walk(f, group, 0, &found, err);
    leave();
    for (size_t i = 0; i < found.count && st == PF_OK; i++) st = visit(user, found.paths[i], &found.infos[i]);
    free_texts(found.paths, found.count);
    free(found.infos);
    return st;
}
