/* SPDX-License-Identifier: MIT
 * The rows of the leaves: nothing to differentiate, and the interpreter fills them itself. */
#include "ops/candidates.h"
#include "ops/rows.h"

const struct pf__op pf__row_ZERO = {.name = "zero", PF__NO_DERIVATIVE};
const struct pf__op pf__row_INPUT = {.name = "input", PF__NO_DERIVATIVE};
const struct pf__op pf__row_PARAMETER = {.name = "parameter", PF__NO_DERIVATIVE};
const struct pf__op pf__row_CONSTANT = {.name = "constant", PF__NO_DERIVATIVE};
const struct pf__op pf__row_IOTA = {.name = "iota", PF__NO_DERIVATIVE};
const struct pf__op pf__row_RANDOM = {
    .name = "random", PF__NO_DERIVATIVE, .candidates = pf__random_candidates};
