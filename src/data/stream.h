/* SPDX-License-Identifier: MIT
 * Bytes in order: of a file, plain or compressed by gzip, or of one member of an archive (zip, tar, tar.gz).
 */
#ifndef PF__DATA_STREAM_H
#define PF__DATA_STREAM_H

#include "base/error.h"
#include <stdint.h>

typedef struct pf__stream pf__stream;

/** member: the full name of a regular file in the archive at path, or NULL for path itself. */
pf_status pf__stream_open(const char *path, const char *member, pf__stream **out, pf_error *err);
/** Accepts NULL and a pointer to NULL. */
void pf__stream_close(pf__stream **stream);
/** "path" or "path: member", for messages. */
const char *pf__stream_name(const pf__stream *stream);
/** Up to `bytes`; *got is smaller only at the end. PF_DATA when the compressed data are damaged or cut. */
pf_status pf__stream_read(pf__stream *stream, void *data, int64_t bytes, int64_t *got, pf_error *err);
/** Exactly `bytes`; PF_DATA when the stream ends before. */
pf_status pf__stream_take(pf__stream *stream, void *data, int64_t bytes, pf_error *err);
/** PF_DATA unless the stream has ended, and ended well. */
pf_status pf__stream_end(pf__stream *stream, pf_error *err);

/** Tells every regular file of an archive; size is -1 when the archive does not say. Stops at the first
 * failure. */
pf_status pf__archive_list(const char *path,
                           pf_status (*visit)(void *user, const char *name, int64_t size, pf_error *err),
                           void *user, pf_error *err);

#endif
