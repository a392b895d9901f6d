/* SPDX-License-Identifier: MIT
 * The methods, one row each. */
#include "methods/method.h"
#include <string.h>

extern const pf__method pf__method_flow, pf__method_consistency, pf__method_continuous, pf__method_meanflow,
    pf__method_drifting;

const pf__method *const pf__methods[] = {&pf__method_flow,       &pf__method_consistency,
                                         &pf__method_continuous, &pf__method_meanflow,
                                         &pf__method_drifting,   NULL};

const pf__option pf__method_name_options[] = {
    {"method", "name", PF__OPTION_CHOICE, "flow|consistency|continuous|meanflow|drifting", 0, 0, "meanflow",
     NULL, NULL, "what is learnt", NULL},
    {0},
};

const pf__method *pf__method_find(const char *name) {
    for (int i = 0; pf__methods[i]; i++)
        if (strcmp(pf__methods[i]->name, name) == 0) return pf__methods[i];
    return NULL;
}
