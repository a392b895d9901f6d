/* SPDX-License-Identifier: MIT
 * What the files of the configuration share. */
#ifndef PF__BASE_CONFIG_PRIVATE_H
#define PF__BASE_CONFIG_PRIVATE_H

#include "base/config.h"

/* A pair as it was given. */
typedef struct config_pair {
    char *key, *value, *origin;
    char *folder; /* of the INI file, or NULL */
} config_pair;

typedef struct config_option {
    char *key; /* "section.name" */
    const pf__option *option;
    char *value;        /* as text, owned; a PATH already joined with its folder */
    const char *origin; /* of a pair, or "default" */
    int64_t integer;    /* INT and BOOL */
    double real;        /* REAL */
} config_option;

struct pf__config {
    config_pair *pairs; /* in the order given: a later one wins */
    size_t pair_count;
    config_option *options; /* in table order */
    size_t option_count;
    bool resolved;
};

config_option *pf__config_find(const pf__config *c, const char *key);
/* Parses o->value by its type into integer or real; says what is wrong with it, beginning with the origin. */
pf_status pf__value_check(config_option *o, pf_error *err);
/* Takes the next real of a list: 1, or 0 at its end, or -1 when it is no number. */
int pf__value_next(const char **rest, double *value);
/* Whether value is one of the option's choices. */
bool pf__value_is_choice(const pf__option *option, const char *value);
/* "in [0, 1]", ">= 0", "<= 1", or "" without limits. */
void pf__value_range(const pf__option *option, pf__text *out);

#endif
