/* SPDX-License-Identifier: MIT
 * The rows of the table of operations, one per id: pf__row_MATMUL and so on. A forgotten one does not link.
 */
#ifndef PF__OPS_ROWS_H
#define PF__OPS_ROWS_H

#include "graph/op.h"

#define PF__DECLARE_ROW(id, name) extern const struct pf__op pf__row_##id;
PF__OPS(PF__DECLARE_ROW)
#undef PF__DECLARE_ROW

#define PF__NO_DERIVATIVE .jvp = pf__no_jvp, .vjp = pf__no_vjp
#define PF__LINEAR        .jvp = pf__linear_jvp /* the adjoint is the row's own */
#define PF__DECOMPOSE     .jvp = pf__decompose_jvp, .vjp = pf__decompose_vjp

#endif
