/* SPDX-License-Identifier: MIT
 * One schema table drives parsing, ranges, --help, --print-config and the copy that a run keeps.
 *
 *   create -> read files and set pairs (kept raw) -> peek at the names that choose further tables ->
 * add_table -> resolve -> get
 *
 * Nothing is checked before resolve, because the tables that apply ([method], [model]) depend on values. */
#ifndef PF__BASE_CONFIG_H
#define PF__BASE_CONFIG_H

#include "base/error.h"
#include "base/text.h"
#include <stdbool.h>
#include <stdint.h>

typedef enum pf__option_type {
    PF__OPTION_INT,
    PF__OPTION_REAL,
    PF__OPTION_BOOL, /* true|false|yes|no|on|off|1|0 */
    PF__OPTION_TEXT,
    PF__OPTION_CHOICE, /* one of choices, "a|b|c" */
    PF__OPTION_LIST,   /* reals separated by commas */
    PF__OPTION_PATH,   /* relative to the INI file it stands in; to the current folder when set on the command
                          line */
} pf__option_type;

typedef struct pf__option {
    const char *section, *name; /* name == NULL ends a table */
    pf__option_type type;
    const char *choices;  /* CHOICE; PATH: words that are no paths, or NULL */
    double min, max;      /* INT, REAL and each of a LIST: inclusive; min == max == 0: no limit */
    const char *initial;  /* the default, as text; "" = unset */
    const char *symbol;   /* the paper's symbol, or NULL */
    const char *unit;     /* or NULL */
    const char *help;     /* one sentence without a full stop */
    const char *equation; /* paper and equation, or NULL */
} pf__option;

typedef struct pf__config pf__config;

pf_status pf__config_create(pf__config **out, pf_error *err);
void pf__config_destroy(pf__config **config);

/** Reads an INI file; pairs given later win. origin of its values is "path:line". */
pf_status pf__config_read(pf__config *c, const char *path, pf_error *err);
/** Reads INI text (a checkpoint's copy); paths in it are taken as they are. */
pf_status pf__config_read_text(pf__config *c, const char *text, const char *where, pf_error *err);
/** "section.key=value". origin such as "--set". PF_USAGE when there is no '=' or '.'. */
pf_status pf__config_set(pf__config *c, const char *assignment, const char *origin, pf_error *err);
/** A pair that another reader has found in an INI file in `folder` (NULL: paths are taken as they are). */
pf_status pf__config_add(pf__config *c, const char *key, const char *value, const char *origin,
                         const char *folder, pf_error *err);
/** The raw text given for "section.key" so far, or fallback. */
const char *pf__config_peek(const pf__config *c, const char *key, const char *fallback);
/** Adds a table (not copied; ended by name == NULL). */
pf_status pf__config_add_table(pf__config *c, const pf__option *table, pf_error *err);
/** Checks every pair against the tables: unknown keys (with the nearest name as hint), types, ranges,
 * choices. The message begins with the pair's origin. */
pf_status pf__config_resolve(pf__config *c, pf_error *err);

/* After resolve. Asking for a key that no table has is a programmer's error (assert). */
int64_t pf__config_int(const pf__config *c, const char *key);
double pf__config_real(const pf__config *c, const char *key);
bool pf__config_bool(const pf__config *c, const char *key);
const char *pf__config_text(const pf__config *c,
                            const char *key); /* "" when unset; TEXT, CHOICE, PATH, LIST */
int pf__config_list(const pf__config *c, const char *key, double *out, int capacity); /* returns the count */
/** Where the value came from: "default", "--set", "file.ini:12". */
const char *pf__config_origin(const pf__config *c, const char *key);
/** True when the value of a PATH option is one of its words. */
bool pf__config_is_word(const pf__config *c, const char *key);
/** True when a table has this key. */
bool pf__config_has(const pf__config *c, const char *key);

/** The resolved configuration as INI, sections in table order. with_origin adds "  ; origin". skip_paths
 * leaves paths out. */
void pf__config_print(const pf__config *c, bool with_origin, bool skip_paths, pf__text *out);
/** Help for one table: name, type, range, unit, default, help, equation, aligned. */
void pf__option_help(const pf__option *table, pf__text *out);

#endif
