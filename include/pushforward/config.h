/* SPDX-License-Identifier: MIT
 * The configuration of a run: INI files and section.key=value pairs, checked against one schema.
 *
 *     pf_config *config;
 *     pf_config_create(&config, &error);
 *     pf_config_read(config, "examples/2d-meanflow.ini", &error);
 *     pf_config_set(config, "train.steps=2000", "--set", &error);
 *     pf_config_resolve(config, &error);
 *     printf("%s\n", pf_config_get(config, "train.lr"));
 *
 * A pair given later wins. Nothing is checked before pf_config_resolve, because the tables that apply depend
 * on method.name. Sections: data model method train sample runtime. A configuration belongs to one thread. */
#ifndef PUSHFORWARD_CONFIG_H
#define PUSHFORWARD_CONFIG_H

#include "pushforward/status.h"
#include <stdbool.h>

typedef struct pf_config pf_config;

PF_API pf_status pf_config_create(pf_config **out, pf_error *error);
/** Accepts NULL and a pointer to NULL. */
PF_API void pf_config_destroy(pf_config **config);

/** Reads an INI file; paths in it are relative to the file. */
PF_API pf_status pf_config_read(pf_config *config, const char *path, pf_error *error);
/** Reads INI text such as a checkpoint's; `where` begins messages. Paths are taken as they are. */
PF_API pf_status pf_config_read_text(pf_config *config, const char *text, const char *where, pf_error *error);
/** One pair, "section.key=value". origin is where it came from ("--set"): it begins messages. */
PF_API pf_status pf_config_set(pf_config *config, const char *assignment, const char *origin,
                               pf_error *error);
/** Checks every pair: unknown keys (with the nearest known one as hint), types, ranges, choices. PF_USAGE
 * begins with the pair's origin. May be called again after further pairs. */
PF_API pf_status pf_config_resolve(pf_config *config, pf_error *error);

/* After pf_config_resolve. */
/** The value as text, "" when unset, NULL when there is no such key. Valid until the next change. */
PF_API const char *pf_config_get(const pf_config *config, const char *key);
/** The value as a number: integers, reals, booleans (0 or 1); 0 for anything else. */
PF_API double pf_config_number(const pf_config *config, const char *key);
/** "default", "--set", "file.ini:12". */
PF_API const char *pf_config_origin(const pf_config *config, const char *key);
/** The whole configuration as INI text, with the origin of every value on request. malloc, the caller frees;
 * NULL when out of memory. */
PF_API char *pf_config_print(const pf_config *config, bool with_origin);

/** The raw text given so far for a key (before or after pf_config_resolve), or fallback. */
PF_API const char *pf_config_peek(const pf_config *config, const char *key, const char *fallback);

/** Help on every option: those of all sections and of the named method (NULL: of all methods). malloc, the
 * caller frees; NULL when out of memory. */
PF_API char *pf_config_help(const char *method);
/** Name and one-line summary of method number i, or NULL when there are no more. */
PF_API const char *pf_method_name(int i);
PF_API const char *pf_method_summary(int i);
/** Equations, needs, sampling, papers and options of a method, as plain text. *text: malloc, the caller
 * frees. PF_USAGE when there is no such method. */
PF_API pf_status pf_method_explain(const char *method, char **text, pf_error *error);

#endif
