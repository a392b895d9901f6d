/* SPDX-License-Identifier: MIT
 * What a call says about itself: a status, and beside it one message and one hint.
 *
 * Every call that can fail returns a pf_status. Zero is success. A positive status means "your call was
 * wrong, nothing has changed"; a negative one means "something broke, destroy the object". The message and
 * the hint go into the pf_error that the caller hands in (it may be NULL); nothing is kept in globals. */
#ifndef PUSHFORWARD_STATUS_H
#define PUSHFORWARD_STATUS_H

#include "pushforward/version.h"

/* X(name, value, exit code of the program, text) */
#define PF_STATUS_MAP(X)                                           \
    X(OK, 0, 0, "success")                                         \
    X(USAGE, 1, 2, "wrong usage or configuration")                 \
    X(SHAPE, 2, 2, "shapes or types do not agree")                 \
    X(NO_DEVICE, 3, 3, "no usable device")                         \
    X(DATA, 4, 4, "bad or unreadable data or checkpoint")          \
    X(INTERRUPTED, 5, 130, "interrupted after a saved checkpoint") \
    X(SYSTEM, -1, 1, "the system failed")                          \
    X(MEMORY, -2, 1, "out of memory")                              \
    X(DEVICE, -3, 1, "the OpenCL device failed")                   \
    X(NAN, -5, 5, "a value is not finite")                         \
    X(MISMATCH, -6, 6, "a result disagrees with its reference")

typedef enum pf_status {
#define PF_STATUS_ENUM(name, value, exit_code, text) PF_##name = value,
    PF_STATUS_MAP(PF_STATUS_ENUM)
#undef PF_STATUS_ENUM
} pf_status;

/** What went wrong, for a person. Both texts are NUL-terminated and one line each; hint may be empty. */
typedef struct pf_error {
    pf_status status;
    char message[1024]; /* what was being done, on what, and the failing library's own error name */
    char hint[512];     /* what to do next */
} pf_error;

/** "PF_DATA" and the like; never NULL. */
PF_API const char *pf_status_name(pf_status status);
/** One line of text; never NULL. */
PF_API const char *pf_status_text(pf_status status);
/** The exit code of the program `pushforward` for this status. */
PF_API int pf_status_exit_code(pf_status status);

#endif
