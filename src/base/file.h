/* SPDX-License-Identifier: MIT
 * Files and folders. Messages name the path and errno's text. */
#ifndef PF__BASE_FILE_H
#define PF__BASE_FILE_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>

bool pf__file_exists(const char *path);
bool pf__is_folder(const char *path);
/** Reads a whole file into *data (malloc, NUL-terminated after *length bytes; the caller frees). PF_DATA when
 * missing or unreadable. */
pf_status pf__file_read(const char *path, char **data, size_t *length, pf_error *err);
/** Writes through a temporary name in the same folder: write, fsync, rename, fsync of the folder. */
pf_status pf__file_write(const char *path, const void *data, size_t length, pf_error *err);
/** Renames tmp to path after fsync of tmp, then fsyncs the folder. For files that a library wrote. */
pf_status pf__file_commit(const char *tmp, const char *path, pf_error *err);
/** mkdir -p. */
pf_status pf__folder_create(const char *path, pf_error *err);
/** "a" and "b/c" to "a/b/c"; an absolute b stays as it is. malloc; NULL when out of memory. */
char *pf__path_join(const char *a, const char *b);
/** The folder part of a path ("." when it has none). malloc. */
char *pf__path_folder(const char *path);

#endif
