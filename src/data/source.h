/* SPDX-License-Identifier: MIT
 * What an importer reads from: samples in order, all of the training part before all of the test part. Each
 * kind of source has a file of its own, import_<kind>.c; import.c chooses one, splits and writes. */
#ifndef PF__DATA_SOURCE_H
#define PF__DATA_SOURCE_H

#include "base/error.h"
#include "pushforward/dataset.h"
#include <stdbool.h>
#include <stdint.h>

#define PF__SAMPLE_BYTES_MAX ((int64_t)1 << 26)
#define PF__SOURCE_COUNT_MAX ((int64_t)1 << 40) /* samples, and elements of an array */
#define PF__SOURCE_LABEL_MAX 65535

typedef struct pf__source {
    pf_dtype dtype; /* PF_U8 or PF_F32 */
    pf_shape sample;
    int64_t train, test; /* test 0: the source has no test part */
    int class_count;     /* 0: no labels */
    char **class_names;  /* [class_count], malloc, or NULL: the numbers */
    char name[256];      /* for the new file's `source` */
    void *state;
    /* The next `count` samples, never across the border between the parts. y is NULL without labels. */
    pf_status (*rows)(void *state, int64_t count, void *x, int32_t *y, pf_error *err);
    /* After the last sample: nothing may follow. NULL when there is nothing to verify. */
    pf_status (*end)(void *state, pf_error *err);
    void (*free)(void *state);
} pf__source;

/* Each fills *s, zeroed before; *s is freed by pf__source_free even when the call fails. */
pf_status pf__source_idx(const char *path, pf__source *s, pf_error *err);
pf_status pf__source_npy(const char *path, pf__source *s, pf_error *err);
pf_status pf__source_npz(const char *path, pf__source *s, pf_error *err);
pf_status pf__source_csv(const char *path, pf__source *s, pf_error *err);
pf_status pf__source_png(const char *folder, pf__source *s, pf_error *err);
pf_status pf__source_cifar(const char *path, pf__source *s, pf_error *err);
/** Whether a folder or a .tar[.gz] looks like a source of that kind. */
pf_status pf__source_is_png(const char *folder, bool *is, pf_error *err);
pf_status pf__source_is_cifar(const char *path, bool *is, pf_error *err);
pf_status pf__source_is_idx(const char *folder, bool *is, pf_error *err);

void pf__source_free(pf__source *s);
/** Path without its folders: where a file lay on one machine tells others nothing. */
const char *pf__base_name(const char *path);
/** Whether name ends so, letters of either case. */
bool pf__ends_with(const char *name, const char *end);

#endif
