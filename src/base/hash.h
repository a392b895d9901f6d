/* SPDX-License-Identifier: MIT
 * Hashes, by libraries: xxHash for keys of our own, SHA-256 (libmd) for what users compare. */
#ifndef PF__BASE_HASH_H
#define PF__BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t pf__hash64(const void *bytes, size_t length, uint64_t seed);

typedef struct pf__sha256 pf__sha256;
/** NULL when out of memory. */
pf__sha256 *pf__sha256_begin(void);
void pf__sha256_add(pf__sha256 *s, const void *bytes, size_t length);
/** Writes 64 hex digits and a NUL, and frees s. hex may be NULL (only frees). s may be NULL. */
void pf__sha256_end(pf__sha256 *s, char hex[65]);

#endif
