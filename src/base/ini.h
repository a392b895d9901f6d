/* SPDX-License-Identifier: MIT
 * INI text through libinih, with the line number that it does not report and lines of any length. */
#ifndef PF__BASE_INI_H
#define PF__BASE_INI_H

#include "base/error.h"

/** Called for every pair. A status other than PF_OK stops the parsing and is returned. */
typedef pf_status pf__ini_pair(void *user, const char *section, const char *name, const char *value,
                               int line);

/** Parses text; `where` (a path, say) begins messages: "where:12: ...". */
pf_status pf__ini_parse(const char *text, const char *where, pf__ini_pair *pair, void *user, pf_error *err);

#endif
