/* SPDX-License-Identifier: MIT
 * What the fuzz targets share: a folder in memory for readers that take a path, inputs of several parts, and
 * reading a source to its end. Each target is one file, fuzz_<noun>.c, with LLVMFuzzerTestOneInput; libFuzzer
 * (-DPF_FUZZ=ON) or driver.c (every build) calls it. */
#ifndef PF_TESTS_FUZZ_FUZZ_H
#define PF_TESTS_FUZZ_FUZZ_H

#include "data/source.h"
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** What must hold for every input; a finding where it does not. */
#define FUZZ_CHECK(condition)                                                              \
    do {                                                                                   \
        if (!(condition)) {                                                                \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                       \
        }                                                                                  \
    } while (0)

/* ---- files ---- */

enum { FUZZ_PATH = 256 };
/** A folder of this process, in memory where the system has /dev/shm; gone when the process ends well. */
const char *fuzz_folder(void);
/** "<that folder>/name" in out; returns out. */
const char *fuzz_path(char out[FUZZ_PATH], const char *name);
/** Writes a file there; a name may lead through folders, which must exist. */
void fuzz_write(const char *name, const void *data, size_t size);
void fuzz_remove(const char *name);
void fuzz_make_folder(const char *name);

/* ---- inputs of several parts ---- */

#define FUZZ_MARK "|PART|" /* between the parts */
typedef struct fuzz_part {
    const uint8_t *data;
    size_t size;
} fuzz_part;
/** Cuts an input at the marks into 1 .. most parts; what is left over goes to the last one. */
int fuzz_split(const uint8_t *data, size_t size, fuzz_part *part, int most);
/** Takes the first byte off a part; 0 when it is empty. */
uint8_t fuzz_byte(fuzz_part *part);
uint32_t fuzz_hash(const uint8_t *data, size_t size);

/* ---- importing ---- */

/** Opens a source, reads it to its end as an import does, and frees it. The whole import follows for one
 * input in eight: what it writes must be a data set without a fault. */
void fuzz_source(const char *path, pf_status (*open)(const char *path, pf__source *s, pf_error *err),
                 uint32_t hash);

#endif
