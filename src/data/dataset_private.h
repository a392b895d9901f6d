/* SPDX-License-Identifier: MIT
 * What the files of data/ share about data sets: reading as stored, writing a new one, and the kinds that are
 * made. */
#ifndef PF__DATA_DATASET_PRIVATE_H
#define PF__DATA_DATASET_PRIVATE_H

#include "base/error.h"
#include "data/h5.h"
#include "data/law.h"
#include "pushforward/dataset.h"
#include <stdbool.h>
#include <stdint.h>

#define PF__DATASET_FORMAT  "pushforward-dataset"
#define PF__DATASET_VERSION 1

/** Rows are read and written in blocks of about this many bytes. */
#define PF__BLOCK_BYTES ((int64_t)4 << 20)

/** "/train/x" and its kin. */
const char *pf__dataset_path_x(pf_split split);
const char *pf__dataset_path_y(pf_split split);
const char *pf__dataset_path_noise(void);

/* ---- reading ---- */

/** As pf_dataset_open, but labels out of range are let pass: for the one who reports them. */
pf_status pf__dataset_open_unchecked(const char *path, pf_dataset **out, pf_error *err);
/** Rows as stored: x in the set's dtype. y is not touched in a set without labels. x or y may be NULL. */
pf_status pf__dataset_read_raw(pf_dataset *d, pf_split split, int64_t first, int64_t count, void *x,
                               int32_t *y, pf_error *err);
/** Rows of /train/noise: noise [count, dim]. */
pf_status pf__dataset_read_noise(pf_dataset *d, int64_t first, int64_t count, float *noise, pf_error *err);
int64_t pf__dataset_count(const pf_dataset *d, pf_split split);
/** Its path, for messages. */
const char *pf__dataset_name(const pf_dataset *d);
/** The file beneath. */
pf__h5 *pf__dataset_file(const pf_dataset *d);

typedef struct pf__label_scan {
    int64_t bad, first_bad; /* labels outside 0 .. limit - 1 */
    int32_t bad_value, max; /* max: of the good ones, -1 without any */
} pf__label_scan;
pf_status pf__dataset_scan_labels(pf_dataset *d, pf_split split, int32_t limit, pf__label_scan *scan,
                                  pf_error *err);

/** Rows of a part in one block of at most PF__BLOCK_BYTES, at least 1. */
int64_t pf__block_rows(int64_t row_bytes);

/* ---- writing ---- */

typedef struct pf__dataset_head {
    pf_dtype dtype; /* PF_U8 or PF_F32 */
    pf_shape sample;
    int64_t train_count, test_count; /* test_count 0: no /test */
    int class_count;                 /* 0: no labels */
    const char *const *class_names;  /* [class_count], or NULL: "0", "1", ... */
    double scale_factor, add_offset;
    const char *source, *license;
    const pf__law *law; /* NULL: not known */
    bool noise;         /* /train/noise comes too */
} pf__dataset_head;

typedef struct pf__writer pf__writer;
/** Begins a file under a temporary name beside path. head must outlive the writer. */
pf_status pf__writer_open(const char *path, const pf__dataset_head *head, pf__writer **out, pf_error *err);
/** Appends rows to a part. The training part is complete before the test part begins. y: NULL without labels.
 */
pf_status pf__writer_add(pf__writer *w, pf_split split, int64_t count, const void *x, const int32_t *y,
                         pf_error *err);
/** Appends rows of /train/noise: noise [count, dim]. */
pf_status pf__writer_add_noise(pf__writer *w, int64_t count, const float *noise, pf_error *err);
/** Writes what is known only now (the checksum), closes, and gives the file its name. All rows must be there.
 * Frees w. */
pf_status pf__writer_finish(pf__writer *w, pf_error *err);
/** Removes the temporary file. Accepts NULL. */
void pf__writer_abandon(pf__writer *w);

/* ---- kinds that are made ---- */

#define PF__GAUSSIAN_DIM_MAX 1024

typedef struct pf__maker pf__maker;
typedef struct pf__kind {
    const char *name;
    bool image;   /* [size, size, 1] u8; else [dim] f32 */
    bool any_dim; /* dim, mean and covariance are the description's; else dim = 2 */
    int class_count;
    int parts;    /* equal ones, the classes where there are any; each sample is of one. 0: none */
    double noise; /* its own */
    /* Sample `sample` into x (f32 or u8) and its class into *y. A function of (maker, sample) only. */
    void (*draw)(const pf__maker *m, uint64_t sample, void *x, int32_t *y);
    /* Of the samples. NULL: not one of Gaussians. */
    pf_status (*law)(const pf__maker *m, pf__law *law, pf_error *err);
} pf__kind;

/** A description with every default in place. */
struct pf__maker {
    const pf__kind *kind;
    int64_t train, test;
    uint64_t seed;
    uint32_t stream; /* of "data/<kind>" */
    double noise;
    bool balanced;
    int dim;             /* elements of a sample */
    int side;            /* of an image, else 0 */
    double *mean, *root; /* gaussian: [dim]; lower Cholesky factor [dim, dim] */
};

extern const pf__kind pf__kind_gaussian, pf__kind_8gaussians, pf__kind_checkerboard, pf__kind_moons,
    pf__kind_swissroll, pf__kind_strokes;

/** The part that a sample is of: by word e of its random row, or in a balanced set sample modulo parts. */
int32_t pf__part_of(const pf__maker *m, uint64_t sample, uint32_t e);

/** In place: the lower triangle becomes the Cholesky factor, the upper one 0. False when not positive
 * definite. */
bool pf__cholesky(double *a, int n);

#endif
