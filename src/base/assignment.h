/* SPDX-License-Identifier: MIT
 * The assignment of least cost: each row gets a column of its own. */
#ifndef PF__BASE_ASSIGNMENT_H
#define PF__BASE_ASSIGNMENT_H

#include "base/error.h"

typedef struct pf__assignment pf__assignment;

/** Room for up to n_max rows: 32 bytes a row. */
pf_status pf__assignment_create(pf__assignment **out, int n_max, pf_error *err);
/** Accepts a pointer to NULL. */
void pf__assignment_destroy(pf__assignment **assignment);
/** cost [n, n], finite, read: of row i to column j. Returns the column of each row, [n], until the next call.
 * Exact, but for rounding in double; the time grows like n^3. */
const int *pf__assignment_solve(pf__assignment *a, int n, const float *cost);

#endif
