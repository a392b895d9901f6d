/* SPDX-License-Identifier: MIT
 * The multi-layer perceptron: what nn/net.c needs of it. */
#ifndef PF__NN_MLP_H
#define PF__NN_MLP_H

#include "nn/net.h"

/** The apply of a net of kind "mlp"; the formula stands at the top of mlp.c. */
void pf__mlp_apply(const pf__net *net, pf_graph *g, pf__params *params, const char *group, pf_value x,
                   const pf_value *condition, pf_value label, pf__mode mode, pf_value *heads);

#endif
