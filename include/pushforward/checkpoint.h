/* SPDX-License-Identifier: MIT
 * Checkpoints: HDF5 files as datasets/FORMAT.md describes them, written by the trainer, read here.
 *
 * A checkpoint is written under a temporary name, read back and compared, and only then renamed: a file with
 * the name step_00001000.h5 is complete. */
#ifndef PUSHFORWARD_CHECKPOINT_H
#define PUSHFORWARD_CHECKPOINT_H

#include "pushforward/status.h"
#include "pushforward/tensor.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct pf_checkpoint pf_checkpoint;

#define PF_EMA_MAX 4

/** Opens a checkpoint: a file, or the newest that verifies in a run folder (RUN or RUN/checkpoints).
 * Everything is read and checked (Fletcher32 and the content hash). PF_DATA says what is missing or damaged.
 */
PF_API pf_status pf_checkpoint_open(const char *path, pf_checkpoint **out, pf_error *error);
/** Accepts NULL and a pointer to NULL. */
PF_API void pf_checkpoint_close(pf_checkpoint **checkpoint);

typedef struct pf_checkpoint_info {
    char path[1024];
    char passed_over[1024]; /* "", or what is wrong with the folder's newest, when an older one was opened */
    int64_t step, samples_seen;
    int64_t parameter_count;
    int tensor_count;
    char method[32], model[32];
    int ema_count;
    char ema[PF_EMA_MAX][32]; /* "0.999": the names below /ema */
    pf_shape sample;          /* one sample: [D] or [H,W,C] */
    int64_t dim;              /* its elements */
    int class_count;          /* 0 = unconditional */
    bool is_u8;               /* the data set holds bytes: value = byte * scale_factor + add_offset */
    double scale_factor, add_offset;
    char data_sha256[65];
    char created[32], version[32], device[128], driver[128], host[128]; /* of /provenance */
    double seconds;                                                     /* of training so far */
} pf_checkpoint_info;
PF_API const pf_checkpoint_info *pf_checkpoint_describe(const pf_checkpoint *checkpoint);
/** The configuration it was trained with, as INI text without paths. Valid as long as the checkpoint. */
PF_API const char *pf_checkpoint_config(const pf_checkpoint *checkpoint);
/** Per feature (rank-1 samples) or one for all elements: values = standardised * deviation + mean. [count]
 * doubles each, valid as long as the checkpoint. */
PF_API void pf_checkpoint_scaling(const pf_checkpoint *checkpoint, const double **mean,
                                  const double **deviation, int64_t *count);

typedef struct pf_checkpoint_tensor {
    const char *path; /* "hidden/0/weight" */
    pf_shape shape;
    int64_t count;
} pf_checkpoint_tensor;
/** Tensor i of the model, 0 <= i < tensor_count. */
PF_API pf_checkpoint_tensor pf_checkpoint_tensor_at(const pf_checkpoint *checkpoint, int i);
/** Reads one tensor. weights: "model" or an EMA rate such as "0.999".  data [count] f32, written. */
PF_API pf_status pf_checkpoint_read(pf_checkpoint *checkpoint, const char *weights, const char *path,
                                    float *data, pf_error *error);

#endif
