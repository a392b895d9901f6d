/* SPDX-License-Identifier: MIT
 * The row of STOP_GRADIENT: the value passes, both derivatives are zero. */
#include "ops/rows.h"
#include <string.h>

static void stop_interpret(const pf_graph *g, const pf__node *n, const double *const *x, double *const *y) {
    memcpy(y[0], x[0], (size_t)pf_shape_count(&g->values[n->first_output].shape) * sizeof **y);
}

const struct pf__op pf__row_STOP_GRADIENT = {
    .name = "stop_gradient", PF__NO_DERIVATIVE, .interpret = stop_interpret};
