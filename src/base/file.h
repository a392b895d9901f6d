/* SPDX-License-Identifier: MIT
 * Files and folders. Messages name the path and errno's text. */
#ifndef PF__BASE_FILE_H
#define PF__BASE_FILE_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum pf__file_kind { PF__NOTHING, PF__FILE, PF__FOLDER, PF__OTHER } pf__file_kind;
/** What is there, and its size in bytes. That nothing is there is no failure; that it cannot be told is one
 * (PF_DATA): pf__file_exists and pf__is_folder say no then, so they are for what is tried next anyway. */
pf_status pf__file_look(const char *path, pf__file_kind *kind, int64_t *size, pf_error *err);
bool pf__file_exists(const char *path);
bool pf__is_folder(const char *path);
/** Reads a whole file into *data (malloc, NUL-terminated after *length bytes; the caller frees). PF_DATA when
 * missing or unreadable. */
pf_status pf__file_read(const char *path, char **data, size_t *length, pf_error *err);
/** Writes through a temporary name in the same folder: write, fsync, rename, fsync of the folder. */
pf_status pf__file_write(const char *path, const void *data, size_t length, pf_error *err);
/** Renames tmp to path after fsync of tmp, then fsyncs the folder. For files that a library wrote. */
pf_status pf__file_commit(const char *tmp, const char *path, pf_error *err);
/** Removes path.tmp.PID and path.tmp.PID.N of processes that are gone. */
void pf__file_remove_strays(const char *path);
/** Calls each(user, name) for what lies in a folder, in no order, until one fails. In a folder that is not
 * there lies nothing. PF_SYSTEM when it cannot be listed to its end. each may remove what it is called for.
 */
typedef pf_status pf__folder_visitor(void *user, const char *name, pf_error *err);
pf_status pf__folder_each(const char *path, pf__folder_visitor *each, void *user, pf_error *err);
/** mkdir -p. */
pf_status pf__folder_create(const char *path, pf_error *err);
/** "a" and "b/c" to "a/b/c"; an absolute b stays as it is. malloc; NULL when out of memory. */
char *pf__path_join(const char *a, const char *b);
/** The folder part of a path ("." when it has none). malloc. */
char *pf__path_folder(const char *path);

#endif
