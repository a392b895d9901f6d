/* SPDX-License-Identifier: MIT
 * A growing text, for generated kernels, JSON lines, SVG and HTML. */
#ifndef PF__BASE_TEXT_H
#define PF__BASE_TEXT_H

#include <stdarg.h>
#include <stddef.h>

typedef struct pf__text {
    char *data; /* NUL-terminated, or NULL while empty */
    size_t length, capacity;
    int failed; /* an allocation failed: the text is incomplete and stays so */
} pf__text;     /* zero-initialise */

void pf__text_add(pf__text *t, const char *string);
void pf__text_add_bytes(pf__text *t, const char *bytes, size_t length);
void pf__text_format(pf__text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void pf__text_format_list(pf__text *t, const char *format, va_list arguments);
/** The text so far, "" while empty; valid until the next change. */
const char *pf__text_string(const pf__text *t);
/** Empties it and keeps the memory. */
void pf__text_clear(pf__text *t);
void pf__text_free(pf__text *t);

/** The whole string as a real number, with a decimal point in every locale (spaces around it are allowed). 1,
 * or 0 when it is none. */
int pf__parse_real(const char *string, double *out);

/** The entry of names[0..count) nearest to word by edit distance, or NULL when none is near enough to
 * suggest. */
const char *pf__nearest(const char *word, const char *const *names, size_t count);

#endif
