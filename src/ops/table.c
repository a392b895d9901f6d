/* SPDX-License-Identifier: MIT
 * The table of operations. */
#include "ops/rows.h"

const struct pf__op *const pf__ops[PF__OP_COUNT] = {
#define ROW(id, name) [PF__OP_##id] = &pf__row_##id,
    PF__OPS(ROW)
#undef ROW
};

/* Every id has a row: the list and the table come from one X-macro, and the ids count up from 0. */
#define ONE(id, name) +1
_Static_assert((0 PF__OPS(ONE)) == PF__OP_COUNT, "an operation lacks its row");
#undef ONE
