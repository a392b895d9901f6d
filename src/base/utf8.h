/* SPDX-License-Identifier: MIT
 * UTF-8: what files and pages hold. Names of files may be any bytes. */
#ifndef PF__BASE_UTF8_H
#define PF__BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/** The length of the character at p, or 0 when there is none. The two that XML refuses, U+FFFE and U+FFFF,
 * are none. */
size_t pf__utf8_length(const char *p);
bool pf__utf8_is(const char *text);
/** Bytes that are no UTF-8, and control characters, as \xNN; ends at a whole character where out is full. */
void pf__utf8_escape(char *out, size_t size, const char *text);

#endif
