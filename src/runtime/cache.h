/* SPDX-License-Identifier: MIT
 * Built programs kept in a folder, so that a second start need not compile. Knows files, not OpenCL. */
#ifndef PF__RUNTIME_CACHE_H
#define PF__RUNTIME_CACHE_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Names what a binary was made from, and by whom: everything that can change it. */
typedef struct pf__cache_key {
    uint64_t part[2];
} pf__cache_key;

/** Over the texts in order, and this library's version and file format. */
pf__cache_key pf__cache_key_of(const char *const *texts, int count);

/** True when the `length` bytes of `file` are a whole and undamaged entry of this key; then *payload lies
 * within. */
bool pf__cache_check(const void *file, size_t length, pf__cache_key key, const void **payload,
                     size_t *payload_length);

/** The payload kept under key (malloc), or NULL. An entry that fails pf__cache_check is deleted; a good one
 * is marked as used now. */
void *pf__cache_load(const char *folder, pf__cache_key key, size_t *length);
/** Other processes see the entry whole or not at all. */
pf_status pf__cache_store(const char *folder, pf__cache_key key, const void *payload, size_t length,
                          pf_error *err);
/** Deletes programs, those unused for the longest time first, until the folder holds at most `most` bytes;
 * never the one of key. A process that is reading a deleted file reads it to its end. */
void pf__cache_trim(const char *folder, uint64_t most, pf__cache_key key);
/** Deletes the entry of key, if there is one. */
void pf__cache_drop(const char *folder, pf__cache_key key);

/** <folder>/selftest-<32 hex digits of the key>.txt, where the verdict of a self-test is kept. malloc; NULL
 * when out of memory. */
char *pf__cache_verdict_path(const char *folder, pf__cache_key key);

#endif
