/* SPDX-License-Identifier: MIT
 * What the files h5*.c share: the file, the lock, errors, and the few shapes and types that more than one of
 * them needs. Functions that take a pf__h5 want the lock held. */
#ifndef PF__DATA_H5_PRIVATE_H
#define PF__DATA_H5_PRIVATE_H

#include "data/h5.h"
#include <hdf5.h>

struct pf__h5 {
    hid_t id;
    char *path;
    bool writing;
    bool failed; /* a call has failed: HDF5 may then keep objects open that it could not flush */
};

/* ---- h5.c ---- */

/** Takes the one lock around HDF5 and silences its own printing (a setting of each thread). */
void pf__h5_enter(void);
void pf__h5_leave(void);
/** Gives an identifier back; a negative one is none. */
void pf__h5_drop(hid_t id);
/** The error stack as one line: "FILE: cannot DOING OBJECT: HDF5: ...". Before anything is closed. */
pf_status pf__h5_fail(pf__h5 *f, pf_error *err, const char *doing, const char *object);

/* ---- h5_dataset.c ---- */

pf_status pf__h5_exists_locked(pf__h5 *f, const char *path, bool *found, pf_error *err);
/** What a stored type is read as: 1; 0 when it is neither integer nor float; -1 when HDF5 does not say. */
int pf__h5_dtype(hid_t type, pf_dtype *dtype);
/** Shape and type of an open dataset. The type is left alone when want_type is false (texts). */
pf_status pf__h5_inspect(pf__h5 *f, const char *path, hid_t dataset, bool want_type, pf__h5_info *info,
                         pf_error *err);
/** Memory is asked for by shape: PF_DATA where the shape cannot be right for what the file holds of it. */
pf_status pf__h5_check_stored(pf__h5 *f, const char *path, hid_t dataset, const pf__h5_info *info,
                              pf_error *err);
pf_status pf__h5_open_dataset(pf__h5 *f, const char *path, hid_t *dataset, pf_error *err);
hid_t pf__h5_space(const pf_shape *shape);
/** Creation properties without times, so that equal calls give equal bytes. -1 on failure. */
hid_t pf__h5_properties(const pf_shape *shape, pf_dtype dtype, bool chunked, bool checksum);
/** Creates a dataset and the groups on the way. */
pf_status pf__h5_create_dataset(pf__h5 *f, const char *path, hid_t type, hid_t space, hid_t dcpl,
                                hid_t *dataset, pf_error *err);
/** Closing a dataset writes what its chunk cache still holds, so it can fail. Passes on an earlier st. */
pf_status pf__h5_close_written(pf__h5 *f, const char *path, hid_t dataset, pf_status st, pf_error *err);

/* ---- h5_attribute.c ---- */

/** PF_DATA where a damaged file holds less of an attribute than count elements of its type: libhdf5 1.10
 * reads on. */
pf_status pf__h5_check_attribute(pf__h5 *f, hid_t attribute, hid_t type, size_t count, const char *what,
                                 pf_error *err);

/* ---- h5_text.c ---- */

/** A dataset or an attribute: both hold texts in the same two ways. */
typedef struct pf__h5_holder {
    hid_t id;
    bool is_attribute;
} pf__h5_holder;

/** A variable-length text, in the character set given (HDF5 does not convert between them). -1 on failure. */
hid_t pf__h5_text_type(H5T_cset_t cset);
/** The one text of a holder: malloc. */
pf_status pf__h5_read_one_text(pf__h5 *f, const pf__h5_holder *h, const char *what, char **text,
                               pf_error *err);
void pf__h5_free_texts(char **texts, size_t count);

#endif
