/* SPDX-License-Identifier: MIT
 * HDF5. A failed call leaves its reason on HDF5's error stack, as a true one does. */
#include "inject.h"
#include <hdf5.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* Identifiers that are still open at the end, beyond what the library itself held at first. */
static const H5I_type_t kinds[] = {H5I_FILE,    H5I_GROUP, H5I_DATATYPE,   H5I_DATASPACE,
                                   H5I_DATASET, H5I_ATTR,  H5I_GENPROP_LST};
enum { KINDS = sizeof kinds / sizeof *kinds };
static hsize_t at_first[KINDS];

static void count_ids(hsize_t *out) {
    for (int i = 0; i < KINDS; i++)
        if (H5Inmembers(kinds[i], &out[i]) < 0) out[i] = 0;
}

static void report_ids(void) {
    hsize_t now[KINDS];
    count_ids(now);
    for (int i = 0; i < KINDS; i++)
        if (now[i] > at_first[i])
            fprintf(stderr, "faults: %d HDF5 identifiers of type %d are not given back\n",
                    (int)(now[i] - at_first[i]), (int)kinds[i]);
}

static void begin(void) {
    H5open();
    count_ids(at_first);
    atexit(report_ids); /* after HDF5's own: runs before it */
}

static bool fails(const char *symbol, const void *caller) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, begin);
    if (!pf_fault(FAULT_HDF5, symbol, caller)) return false;
    H5Eclear2(H5E_DEFAULT);
    H5Epush2(H5E_DEFAULT, __FILE__, symbol, __LINE__, H5E_ERR_CLS, H5E_IO, H5E_CANTGET, "failed on purpose");
    return true;
}

#define WRAP_H5(name, result, parameters, arguments)              \
    result __real_##name parameters;                              \
    result __wrap_##name parameters;                              \
    result __wrap_##name parameters {                             \
        if (fails(#name, __builtin_return_address(0))) return -1; \
        return __real_##name arguments;                           \
    }
#define WRAP_H5_END(name)                                             \
    herr_t __real_##name(hid_t id);                                   \
    herr_t __wrap_##name(hid_t id);                                   \
    herr_t __wrap_##name(hid_t id) {                                  \
        herr_t real = __real_##name(id);                              \
        return fails(#name, __builtin_return_address(0)) ? -1 : real; \
    }

/* ---- files and what is in them ---- */
WRAP_H5(H5Fcreate, hid_t, (const char *path, unsigned flags, hid_t create, hid_t how),
        (path, flags, create, how))
WRAP_H5(H5Fopen, hid_t, (const char *path, unsigned flags, hid_t how), (path, flags, how))
WRAP_H5(H5Fis_hdf5, htri_t, (const char *path), (path))
WRAP_H5(H5Fflush, herr_t, (hid_t id, H5F_scope_t scope), (id, scope))
WRAP_H5_END(H5Fclose)
WRAP_H5(H5Lexists, htri_t, (hid_t id, const char *name, hid_t how), (id, name, how))
WRAP_H5(H5Literate, herr_t,
        (hid_t id, H5_index_t index, H5_iter_order_t order, hsize_t *at, H5L_iterate_t visit, void *user),
        (id, index, order, at, visit, user))
WRAP_H5(H5Oopen, hid_t, (hid_t id, const char *name, hid_t how), (id, name, how))
WRAP_H5(H5Oexists_by_name, htri_t, (hid_t id, const char *name, hid_t how), (id, name, how))
WRAP_H5(H5Iget_type, H5I_type_t, (hid_t id), (id))

/* ---- data sets ---- */
WRAP_H5(H5Dcreate2, hid_t,
        (hid_t id, const char *name, hid_t type, hid_t space, hid_t link, hid_t create, hid_t how),
        (id, name, type, space, link, create, how))
WRAP_H5(H5Dopen2, hid_t, (hid_t id, const char *name, hid_t how), (id, name, how))
WRAP_H5(H5Dread, herr_t, (hid_t id, hid_t type, hid_t memory, hid_t file, hid_t how, void *out),
        (id, type, memory, file, how, out))
WRAP_H5(H5Dwrite, herr_t, (hid_t id, hid_t type, hid_t memory, hid_t file, hid_t how, const void *from),
        (id, type, memory, file, how, from))
WRAP_H5(H5Dget_type, hid_t, (hid_t id), (id))
WRAP_H5(H5Dget_space, hid_t, (hid_t id), (id))
WRAP_H5(H5Dget_create_plist, hid_t, (hid_t id), (id))
WRAP_H5_END(H5Dclose)

/* ---- attributes ---- */
WRAP_H5(H5Acreate_by_name, hid_t,
        (hid_t id, const char *object, const char *name, hid_t type, hid_t space, hid_t create, hid_t how,
         hid_t link),
        (id, object, name, type, space, create, how, link))
WRAP_H5(H5Aopen_by_name, hid_t, (hid_t id, const char *object, const char *name, hid_t how, hid_t link),
        (id, object, name, how, link))
WRAP_H5(H5Aexists_by_name, htri_t, (hid_t id, const char *object, const char *name, hid_t link),
        (id, object, name, link))
WRAP_H5(H5Adelete_by_name, herr_t, (hid_t id, const char *object, const char *name, hid_t link),
        (id, object, name, link))
WRAP_H5(H5Aread, herr_t, (hid_t id, hid_t type, void *out), (id, type, out))
WRAP_H5(H5Awrite, herr_t, (hid_t id, hid_t type, const void *from), (id, type, from))
WRAP_H5(H5Aget_type, hid_t, (hid_t id), (id))
WRAP_H5(H5Aget_space, hid_t, (hid_t id), (id))

/* ---- spaces, types, properties ---- */
WRAP_H5(H5Screate, hid_t, (H5S_class_t kind), (kind))
WRAP_H5(H5Screate_simple, hid_t, (int rank, const hsize_t *now, const hsize_t *most), (rank, now, most))
WRAP_H5(H5Sselect_hyperslab, herr_t,
        (hid_t id, H5S_seloper_t how, const hsize_t *start, const hsize_t *stride, const hsize_t *count,
         const hsize_t *block),
        (id, how, start, stride, count, block))
WRAP_H5(H5Sget_simple_extent_type, H5S_class_t, (hid_t id), (id))
WRAP_H5(H5Sget_simple_extent_npoints, hssize_t, (hid_t id), (id))
WRAP_H5(H5Sget_simple_extent_ndims, int, (hid_t id), (id))
WRAP_H5(H5Sget_simple_extent_dims, int, (hid_t id, hsize_t *now, hsize_t *most), (id, now, most))
WRAP_H5(H5Tcopy, hid_t, (hid_t id), (id))
WRAP_H5(H5Tset_size, herr_t, (hid_t id, size_t size), (id, size))
WRAP_H5(H5Tset_cset, herr_t, (hid_t id, H5T_cset_t set), (id, set))
WRAP_H5(H5Tget_class, H5T_class_t, (hid_t id), (id))
WRAP_H5(H5Tget_sign, H5T_sign_t, (hid_t id), (id))
WRAP_H5(H5Tget_cset, H5T_cset_t, (hid_t id), (id))
WRAP_H5(H5Tget_strpad, H5T_str_t, (hid_t id), (id))
WRAP_H5(H5Tis_variable_str, htri_t, (hid_t id), (id))
WRAP_BODY(H5Dget_storage_size, hsize_t, (hid_t id)) {
    return fails("H5Dget_storage_size", __builtin_return_address(0)) ? 0 : __real_H5Dget_storage_size(id);
}
WRAP_BODY(H5Aget_storage_size, hsize_t, (hid_t id)) {
    return fails("H5Aget_storage_size", __builtin_return_address(0)) ? 0 : __real_H5Aget_storage_size(id);
}
WRAP_BODY(H5Tget_size, size_t, (hid_t id)) {
    return fails("H5Tget_size", __builtin_return_address(0)) ? 0 : __real_H5Tget_size(id);
}
WRAP_H5(H5Pcreate, hid_t, (hid_t kind), (kind))
WRAP_H5(H5Pset_obj_track_times, herr_t, (hid_t id, hbool_t on), (id, on))
WRAP_H5(H5Pset_libver_bounds, herr_t, (hid_t id, H5F_libver_t low, H5F_libver_t high), (id, low, high))
WRAP_H5(H5Pset_fletcher32, herr_t, (hid_t id), (id))
WRAP_H5(H5Pset_deflate, herr_t, (hid_t id, unsigned level), (id, level))
WRAP_H5(H5Pset_file_locking, herr_t, (hid_t id, hbool_t use, hbool_t ignore), (id, use, ignore))
WRAP_H5(H5Pset_fclose_degree, herr_t, (hid_t id, H5F_close_degree_t degree), (id, degree))
WRAP_H5(H5Pset_create_intermediate_group, herr_t, (hid_t id, unsigned on), (id, on))
WRAP_H5(H5Fget_create_plist, hid_t, (hid_t id), (id))
WRAP_H5(H5Pget_sizes, herr_t, (hid_t id, size_t *address, size_t *size), (id, address, size))
WRAP_H5(H5Fget_filesize, herr_t, (hid_t id, hsize_t *size), (id, size))
WRAP_H5(H5Pget_external_count, int, (hid_t id), (id))
WRAP_H5(H5Pget_layout, H5D_layout_t, (hid_t id), (id))
WRAP_H5(H5Pget_chunk, int, (hid_t id, int rank, hsize_t *chunk), (id, rank, chunk))
WRAP_H5(H5Pset_chunk, herr_t, (hid_t id, int rank, const hsize_t *chunk), (id, rank, chunk))
WRAP_H5(H5Pset_chunk_cache, herr_t, (hid_t id, size_t slots, size_t bytes, double w0), (id, slots, bytes, w0))
