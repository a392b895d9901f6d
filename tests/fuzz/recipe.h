/* SPDX-License-Identifier: MIT
 * HDF5 files that are right as HDF5 and wrong as what they should hold: a table says what a good file has,
 * and the bytes of a fuzz input change it, member by member, before it is written. */
#ifndef PF_TESTS_FUZZ_RECIPE_H
#define PF_TESTS_FUZZ_RECIPE_H

#include "fuzz.h"

typedef enum recipe_kind { RECIPE_U8, RECIPE_I32, RECIPE_F32, RECIPE_F64, RECIPE_TEXT } recipe_kind;

typedef struct recipe_member {
    const char *path;
    const char *attribute; /* NULL: a dataset */
    recipe_kind kind;
    int rank, dim[4];
    const char *text; /* of texts */
    double first;     /* of numbers: first, first + 1, ... */
} recipe_member;

/** Writes the file. Without edits it is what the table says. What HDF5 refuses to write is left out. */
void recipe_write(const char *path, const recipe_member *table, int count, fuzz_part edits);
/** For seeds: one edit as recipe_write reads it. */
typedef enum recipe_edit {
    RECIPE_DROP,
    RECIPE_TYPE,
    RECIPE_RANK,
    RECIPE_SIZE,
    RECIPE_SPACE,
    RECIPE_LAYOUT,
    RECIPE_FILTERS,
    RECIPE_BYTES,
    RECIPE_LINK,
    RECIPE_PATH,
    RECIPE_NUMBER,
    RECIPE_WORDS,
    RECIPE_UNWRITTEN,
    RECIPE_EDITS
} recipe_edit;

#endif
