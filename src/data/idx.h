/* SPDX-License-Identifier: MIT
 * IDX files (the format of MNIST), plain or compressed by gzip: bytes 0 0 <type> <rank>, rank big-endian
 * sizes, the elements. */
#ifndef PF__DATA_IDX_H
#define PF__DATA_IDX_H

#include "base/error.h"
#include "pushforward/tensor.h"

typedef struct pf__idx pf__idx;

/** Opens and reads the head. PF_DATA when it is no IDX file of bytes, or its size cannot be right. */
pf_status pf__idx_open(const char *path, pf__idx **out, pf_error *err);
/** Accepts NULL and a pointer to NULL. */
void pf__idx_close(pf__idx **idx);
/** Rank 1..4, each size at least 1. */
const pf_shape *pf__idx_shape(const pf__idx *idx);
/** The next `bytes` elements. PF_DATA when the file ends before. */
pf_status pf__idx_read(pf__idx *idx, void *data, int64_t bytes, pf_error *err);
/** After the last element: nothing may follow, and the checksum of gzip must agree. */
pf_status pf__idx_end(pf__idx *idx, pf_error *err);

#endif
