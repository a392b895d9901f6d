/* SPDX-License-Identifier: MIT
 * Filling a pf_error. Usage:
 *     return pf__fail(err, PF_DATA, "%s: not an HDF5 file", path);
 *     return pf__hint(err, pf__fail(err, PF_USAGE, "unknown key %s", key), "did you mean '%s'?", near); */
#ifndef PF__BASE_ERROR_H
#define PF__BASE_ERROR_H

#include "pushforward/status.h"

/** Sets status and message, clears the hint, returns status. err may be NULL. */
pf_status pf__fail(pf_error *err, pf_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** Adds the hint, returns status unchanged. err may be NULL. */
pf_status pf__hint(pf_error *err, pf_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** PF_MEMORY with "out of memory: <what> (<bytes> bytes)". */
pf_status pf__fail_memory(pf_error *err, const char *what, unsigned long long bytes);

/** Propagates a failure; only in functions that hold nothing to release. */
#define PF__TRY(call)                         \
    do {                                      \
        pf_status pf__st_ = (call);           \
        if (pf__st_ != PF_OK) return pf__st_; \
    } while (0)

#endif
