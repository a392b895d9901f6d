/* SPDX-License-Identifier: MIT
 * The methods, one row each. */
#include "base/text.h"
#include "methods/method.h"
#include <string.h>

extern const pf__method pf__method_flow, pf__method_consistency, pf__method_continuous, pf__method_meanflow,
    pf__method_pixelmeanflow, pf__method_drifting;

const pf__method *const pf__methods[] = {&pf__method_flow,
                                         &pf__method_consistency,
                                         &pf__method_continuous,
                                         &pf__method_meanflow,
                                         &pf__method_pixelmeanflow,
                                         &pf__method_drifting,
                                         NULL};

const pf__option pf__method_name_options[] = {
    {"method", "name", PF__OPTION_CHOICE, "flow|consistency|continuous|meanflow|pixelmeanflow|drifting", 0, 0,
     "meanflow", NULL, NULL, "what is learnt", NULL},
    {0},
};

const pf__method *pf__method_find(const char *name) {
    for (int i = 0; pf__methods[i]; i++)
        if (strcmp(pf__methods[i]->name, name) == 0) return pf__methods[i];
    return NULL;
}

pf_status pf__method_hint(const char *name, pf_status st, pf_error *err) {
    const char *names[sizeof pf__methods / sizeof *pf__methods];
    size_t count = 0;
    pf__text known = {0};
    for (; pf__methods[count]; count++) {
        names[count] = pf__methods[count]->name;
        pf__text_format(&known, "%s%s", count ? ", " : "", names[count]);
    }
    const char *near = pf__nearest(name, names, count);
    if (near)
        st = pf__hint(err, st, "did you mean '%s'? There are: %s", near, pf__text_string(&known));
    else
        st = pf__hint(err, st, "there are: %s", pf__text_string(&known));
    pf__text_free(&known);
    return st;
}
