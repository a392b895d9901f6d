/* SPDX-License-Identifier: MIT
 * Element types and shapes. */
#include "pushforward/tensor.h"

size_t pf_dtype_bytes(pf_dtype dtype) {
    switch (dtype) {
    case PF_F32:
    case PF_I32:
    case PF_U32:
        return 4;
    case PF_U8:
        return 1;
    case PF_F64:
        return 8;
    }
    return 0;
}

const char *pf_dtype_name(pf_dtype dtype) {
    switch (dtype) {
    case PF_F32:
        return "f32";
    case PF_I32:
        return "i32";
    case PF_U32:
        return "u32";
    case PF_U8:
        return "u8";
    case PF_F64:
        return "f64";
    }
    return "?";
}

int64_t pf_shape_count(const pf_shape *shape) {
    int64_t count = 1;
    for (int i = 0; i < shape->rank; i++) count *= shape->dim[i];
    return count;
}
