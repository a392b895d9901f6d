/* SPDX-License-Identifier: MIT
 * Element types and shapes, shared by graphs, data sets and checkpoints. Row-major everywhere. */
#ifndef PUSHFORWARD_TENSOR_H
#define PUSHFORWARD_TENSOR_H

#include "pushforward/version.h"
#include <stddef.h>
#include <stdint.h>

typedef enum pf_dtype {
    PF_F32,
    PF_I32,
    PF_U32,
    PF_U8,
    PF_F64
} pf_dtype; /* F64: files and the interpreter only */

#define PF_RANK_MAX 8

typedef struct pf_shape {
    int rank; /* 0 = a scalar */
    int64_t dim[PF_RANK_MAX];
} pf_shape;

/** Bytes of one element. */
PF_API size_t pf_dtype_bytes(pf_dtype dtype);
/** "f32", "u8", ... */
PF_API const char *pf_dtype_name(pf_dtype dtype);
/** The product of the dimensions; 1 for a scalar. */
PF_API int64_t pf_shape_count(const pf_shape *shape);

#endif
