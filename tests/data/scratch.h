/* SPDX-License-Identifier: MIT
 * Files that the tests of src/data/ write: in the build folder, gone when a test ends well. */
#ifndef PF_TESTS_DATA_SCRATCH_H
#define PF_TESTS_DATA_SCRATCH_H

#include "check.h"
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/** "<build folder>/test_data_<pid>_<name>" in out. */
static inline const char *scratch(char out[512], const char *name) {
    snprintf(out, 512, "%s/test_data_%ld_%s", PF_BINARY_DIR, (long)getpid(), name);
    return out;
}

static inline void write_bytes(const char *path, const void *bytes, size_t length) {
    FILE *file = fopen(path, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(fwrite(bytes, 1, length, file), length);
    CU_ASSERT_EQUAL(fclose(file), 0);
}

/** The whole file in memory (malloc), or NULL. */
static inline char *read_bytes(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *bytes = malloc((size_t)size + 1);
    *length = bytes ? fread(bytes, 1, (size_t)size, file) : 0;
    fclose(file);
    return bytes;
}

static inline int same_bytes(const char *a, const char *b) {
    size_t na = 0, nb = 0;
    char *x = read_bytes(a, &na), *y = read_bytes(b, &nb);
    int same = x && y && na == nb && memcmp(x, y, na) == 0;
    free(x);
    free(y);
    return same;
}

#endif
