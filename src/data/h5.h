/* SPDX-License-Identifier: MIT
 * All HDF5 of the library: one lock around every call, error stacks turned into one line, explicit
 * little-endian types in files and native types in memory. Paths inside a file are absolute ("/train/x"). */
#ifndef PF__DATA_H5_H
#define PF__DATA_H5_H

#include "base/error.h"
#include "pushforward/tensor.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct pf__h5 pf__h5;

/** Creates (truncates) a file for writing; format bounds EARLIEST..V18. */
pf_status pf__h5_create(const char *path, pf__h5 **out, pf_error *err);
/** Opens for reading. PF_DATA with "missing", "not an HDF5 file", "truncated" as they apply. A failing file
 * lock is retried without locking. */
pf_status pf__h5_open(const char *path, pf__h5 **out, pf_error *err);
/** Closes and frees; reports a failing flush. Accepts NULL inside. */
pf_status pf__h5_close(pf__h5 **file, pf_error *err);

typedef struct pf__h5_info {
    pf_dtype dtype; /* what it is read as: u8 and u32 stay, other integers become I32, floats F32 (F64 stays
                       F64) */
    pf_shape shape;
} pf__h5_info;

/** An absence is no failure; that nothing can be said is one. */
pf_status pf__h5_exists(pf__h5 *f, const char *path, bool *found, pf_error *err);
pf_status pf__h5_describe(pf__h5 *f, const char *path, pf__h5_info *info, pf_error *err);

/** Writes a whole dataset, creating groups on the way. checksum: Fletcher32 on chunks of 64 KiB to 1 MiB
 * (rank 0 and empty sets are contiguous). */
pf_status pf__h5_write(pf__h5 *f, const char *path, pf_dtype dtype, const pf_shape *shape, const void *data,
                       bool checksum, pf_error *err);
/** Creates a chunked dataset whose rows [first, first+count) are written later by pf__h5_write_rows. */
pf_status pf__h5_create_rows(pf__h5 *f, const char *path, pf_dtype dtype, const pf_shape *shape,
                             bool checksum, pf_error *err);
pf_status pf__h5_write_rows(pf__h5 *f, const char *path, pf_dtype dtype, int64_t first, int64_t count,
                            const void *data, pf_error *err);
/** Reads everything, converting to dtype (any of pf_dtype). */
pf_status pf__h5_read(pf__h5 *f, const char *path, pf_dtype dtype, void *data, pf_error *err);
/** Rows [first, first + count) of the first dimension. */
pf_status pf__h5_read_rows(pf__h5 *f, const char *path, pf_dtype dtype, int64_t first, int64_t count,
                           void *data, pf_error *err);

typedef struct pf__h5_run {
    int64_t first, count; /* rows */
} pf__h5_run;
/** Several runs of rows, one after the other in data; cheap when they share chunks and come in order. */
pf_status pf__h5_read_runs(pf__h5 *f, const char *path, pf_dtype dtype, const pf__h5_run *runs, int run_count,
                           void *data, pf_error *err);
/** How many rows a chunk holds; 0: not chunked. */
pf_status pf__h5_chunk_rows(pf__h5 *f, const char *path, int64_t *rows, pf_error *err);

/** A scalar text dataset (variable-length UTF-8), for long texts. */
pf_status pf__h5_write_text(pf__h5 *f, const char *path, const char *text, pf_error *err);
/** malloc; fixed- and variable-length are both read. */
pf_status pf__h5_read_text(pf__h5 *f, const char *path, char **text, pf_error *err);
/** A 1-D array of texts. */
pf_status pf__h5_write_texts(pf__h5 *f, const char *path, const char *const *texts, int count, pf_error *err);
pf_status pf__h5_read_texts(pf__h5 *f, const char *path, char ***texts, int *count,
                            pf_error *err); /* each and the array: malloc */

/* Attributes of the object at path ("/" = the file). Text attributes are variable-length UTF-8. Reading a
 * missing one: PF_DATA. */
pf_status pf__h5_has_attribute(pf__h5 *f, const char *path, const char *name, bool *found, pf_error *err);
pf_status pf__h5_set_text(pf__h5 *f, const char *path, const char *name, const char *text, pf_error *err);
pf_status pf__h5_get_text(pf__h5 *f, const char *path, const char *name, char **text,
                          pf_error *err); /* malloc */
pf_status pf__h5_set_int(pf__h5 *f, const char *path, const char *name, int64_t value, pf_error *err);
pf_status pf__h5_get_int(pf__h5 *f, const char *path, const char *name, int64_t *value, pf_error *err);
pf_status pf__h5_set_real(pf__h5 *f, const char *path, const char *name, double value, pf_error *err);
pf_status pf__h5_get_real(pf__h5 *f, const char *path, const char *name, double *value, pf_error *err);

/** Calls visit with the full path of every dataset of numbers below group, in name order; it may read. A
 * status other than PF_OK stops. */
typedef pf_status pf__h5_visit(void *user, const char *path, const pf__h5_info *info);
pf_status pf__h5_each(pf__h5 *f, const char *group, pf__h5_visit *visit, void *user, pf_error *err);

#endif
