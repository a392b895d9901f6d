/* SPDX-License-Identifier: MIT
 * The files of cl/, as embedded by the build. */
#ifndef PF__RUNTIME_EMBEDDED_H
#define PF__RUNTIME_EMBEDDED_H

#include <stddef.h>

struct pf__embedded {
    const char *name; /* "matmul.cl" */
    const char *text; /* NUL-terminated */
    size_t length;
};
extern const struct pf__embedded pf__embedded[]; /* ended by name == NULL */

#endif
