/* SPDX-License-Identifier: MIT
 * Data sets: HDF5 files as datasets/FORMAT.md describes them. Making, importing, checking, reading. */
#ifndef PUSHFORWARD_DATASET_H
#define PUSHFORWARD_DATASET_H

#include "pushforward/status.h"
#include "pushforward/tensor.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct pf_dataset pf_dataset;

/** Opens and validates a data set for reading (nothing is loaded yet). PF_DATA says which part is missing or
 * wrong. */
PF_API pf_status pf_dataset_open(const char *path, pf_dataset **out, pf_error *error);
PF_API void pf_dataset_close(pf_dataset **dataset);

typedef struct pf_dataset_info {
    pf_dtype dtype;  /* of x: PF_U8 or PF_F32 */
    pf_shape sample; /* one sample, without N: [D] or [H,W,C] */
    int64_t dim;     /* elements of one sample */
    int64_t train_count, test_count;
    int class_count;                 /* 0 = no labels */
    bool has_noise;                  /* /train/noise: what a model made each training sample of */
    double scale_factor, add_offset; /* value = raw * scale_factor + add_offset */
    char format[64], source[256], license[128], sha256[65], layout[16];
    int format_version;
} pf_dataset_info;
PF_API const pf_dataset_info *pf_dataset_describe(const pf_dataset *dataset);

typedef enum pf_split { PF_TRAIN, PF_TEST } pf_split;
/** Reads rows [first, first + count) as values (raw * scale_factor + add_offset).
 *  x  [count, dim] f32, written.   y  [count] i32, written, or NULL. PF_USAGE when the rows do not exist. */
PF_API pf_status pf_dataset_read(pf_dataset *dataset, pf_split split, int64_t first, int64_t count, float *x,
                                 int32_t *y, pf_error *error);

/* ---- making ---- */
typedef struct pf_make_desc {
    const char *kind;    /* gaussian 8gaussians checkerboard moons swissroll strokes */
    int64_t train, test; /* sample counts; 0 = 20000 and 4000; test < 0 = no test part */
    uint64_t seed;       /* 0 = 1 */
    double noise; /* standard deviation of the added noise where the kind has one; < 0 = the kind's own */
    int dim;      /* gaussian: coordinates of a point, 1..1024; 0 = 2 */
    const double *mean; /* gaussian: [dim] or NULL = 0 */
    const double
        *covariance; /* gaussian: [dim, dim] row-major, symmetric positive definite, or NULL = identity */
    int size;        /* strokes: pixels a side, 8..64; 0 = 16 */
    bool balanced;   /* sample i is of part i modulo pf_dataset_parts, instead of one by chance: the shares of
                        the parts are exact */
} pf_make_desc;
/** Writes a made data set. The same description gives the same bytes under /train and /test. */
PF_API pf_status pf_dataset_make(const char *path, const pf_make_desc *desc, pf_error *error);
/** The same samples in memory: x [count, dim] f32 values, y [count] i32 or NULL. Sample i depends only on
 * (kind, seed, first + i). The training part of a made file is first = 0 ..; its test part starts at first =
 * 2^32. */
PF_API pf_status pf_dataset_draw(const pf_make_desc *desc, int64_t first, int64_t count, float *x, int32_t *y,
                                 pf_error *error);
/** Writes the description of what desc->kind yields: dim, class count (0: none), image side (0: not an
 * image). */
PF_API pf_status pf_dataset_kind(const pf_make_desc *desc, int *dim, int *class_count, int *side,
                                 pf_error *error);

/** The equal parts of a kind: Gaussians, cells of the checkerboard, moons, digits; 0 for none and unknown
 * kinds. */
PF_API int pf_dataset_parts(const char *kind);

/* ---- importing ---- */
typedef struct pf_import_desc {
    /* IDX: a file (plain or .gz) or a folder (train-*, t10k-*). CIFAR-10 and -100, binary: .tar.gz or a
     * folder. PNG images: a folder with a sub-folder for each class. NumPy: .npy, .npz. Tables of numbers:
     * .csv .tsv .txt, plain or .gz. datasets/FORMAT.md tells more. */
    const char *source;
    double test_fraction; /* when the source has no test part: the last fraction becomes the test part; 0 =
                             0.1; < 0 = none */
    const char *license;  /* NULL = "unknown" */
} pf_import_desc;
/** Imports into a new HDF5 file; report (may be NULL) receives one line per part: "train 9000 x 28x28x1 u8,
 * 10 classes". */
PF_API pf_status pf_dataset_import(const char *path, const pf_import_desc *desc,
                                   void (*report)(void *user, const char *line), void *user, pf_error *error);

/** Reads everything once: finite values, label range, checksum. report gets a line per finding and per part.
 * PF_DATA when something is wrong. */
PF_API pf_status pf_dataset_check(const char *path, void (*report)(void *user, const char *line), void *user,
                                  pf_error *error);

#endif
