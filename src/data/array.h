/* SPDX-License-Identifier: MIT
 * NumPy arrays, read in order: .npy files and the members of .npz archives, of any number type and byte
 * order. */
#ifndef PF__DATA_ARRAY_H
#define PF__DATA_ARRAY_H

#include "base/error.h"
#include "pushforward/tensor.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct pf__array pf__array;

/** Opens and reads the head. member: in an .npz, with its ".npy"; NULL for a file. PF_DATA when it is no
 * array of numbers in C order, or its sizes cannot be right. */
pf_status pf__array_open(const char *path, const char *member, pf__array **out, pf_error *err);
/** Accepts NULL and a pointer to NULL. */
void pf__array_close(pf__array **array);
/** For messages. */
const char *pf__array_name(const pf__array *array);
/** Rank 0 .. 8, each size at least 1. */
const pf_shape *pf__array_shape(const pf__array *array);
bool pf__array_is_u8(const pf__array *array);
/** The next `count` elements as stored; of u8 arrays only. */
pf_status pf__array_read_u8(pf__array *array, int64_t count, uint8_t *x, pf_error *err);
/** The next `count` elements; what f32 cannot hold becomes an infinity. */
pf_status pf__array_read_f32(pf__array *array, int64_t count, float *x, pf_error *err);
/** The next `count` labels. PF_DATA for one that is not whole or outside 0 .. PF__SOURCE_LABEL_MAX. */
pf_status pf__array_read_labels(pf__array *array, int64_t count, int32_t *y, pf_error *err);
/** After the last element: nothing may follow. */
pf_status pf__array_end(pf__array *array, pf_error *err);

#endif
