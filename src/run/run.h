/* SPDX-License-Identifier: MIT
 * What the files of run/ share: the resolved options, the model, the evaluator, checkpoints' content, the run
 * folder. */
#ifndef PF__RUN_RUN_H
#define PF__RUN_RUN_H

#include "base/config.h"
#include "data/loader.h"
#include "methods/method.h"
#include "plan/plan.h"
#include "pushforward/checkpoint.h"
#include "pushforward/config.h"
#include "pushforward/dataset.h"
#include "pushforward/draw.h"
#include "pushforward/sampler.h"
#include "pushforward/trainer.h"

#define PF__STUDENT "student"
#define PF__TARGET  "target"
#define PF__TEACHER "teacher"

/* ---- options.c ---- */

struct pf_config {
    pf__config *raw;
    const pf__method *method; /* after resolve */
};

typedef struct pf__train_options {
    int64_t steps, batch, warmup, save_every, keep_last, keep_every, log_every, sample_every;
    double lr, clip, beta1, beta2, eps, weight_decay, max_seconds;
    double ema[PF_EMA_MAX];
    char ema_name[PF_EMA_MAX][32];
    int ema_count;
    bool ema_ramp, cosine, skip_nan;
    uint64_t seed;
} pf__train_options;
pf_status pf__train_options_get(pf__train_options *o, const pf__config *config, pf_error *err);

/* ---- schedule.c ---- */

/** The learning rate of update `step` (0, 1, ...): a linear warm-up, then constant or half a cosine down to
 * 0. */
double pf__schedule_lr(const pf__train_options *o, int64_t step);
/** The decay of EMA copy i at update `step`. */
double pf__schedule_ema(const pf__train_options *o, int i, int64_t step);
/** Everything that the step block holds for training step `step`. */
void pf__schedule_block(const pf__train_options *o, int64_t step, pf__step_block *block);
/** What the method changes from step to step. */
void pf__schedule_method(const pf__method *method, const pf__config *config, int64_t steps, int64_t step,
                         pf__step_block *block);

/* ---- scaling.c ---- */

/** value = standardised * deviation + mean, per feature of rank-1 samples, else one pair for all elements. */
typedef struct pf__scaling {
    double *mean, *deviation; /* [count] */
    int64_t count;
} pf__scaling;
/** From all training rows in their order; mean 0 and deviation 1 when standardise is false. name: of the
 * file, for messages. */
pf_status pf__scaling_measure(pf__scaling *s, pf_dataset *dataset, const char *name, bool standardise,
                              pf_error *err);
pf_status pf__scaling_reserve(pf__scaling *s, int64_t count, pf_error *err);
void pf__scaling_free(pf__scaling *s);
/** x [rows, dim], in place. */
void pf__scaling_apply(const pf__scaling *s, float *x, int64_t rows, int64_t dim);
void pf__scaling_undo(const pf__scaling *s, float *x, int64_t rows, int64_t dim);

/* ---- model.c ---- */

typedef struct pf__model {
    const pf__config *config;
    const pf__method *method;
    pf__needs needs;
    pf__net net;
    pf__params params;
} pf__model;
pf_status pf__model_create(pf__model *m, const pf_config *config, const pf_shape *sample, int class_count,
                           pf_error *err);
void pf__model_free(pf__model *m);

/** Bindings under construction; names are owned. */
typedef struct pf__binds {
    pf__bind *list;
    int count, capacity;
    bool failed; /* out of memory */
} pf__binds;     /* zero-initialise */
void pf__binds_add(pf__binds *b, const char *name, pf__buffer *buffer, uint32_t offset);
/** Every parameter of the table as "group:path". */
void pf__binds_add_group(pf__binds *b, const pf__params *params, const char *group, pf__buffer *buffer);
void pf__binds_free(pf__binds *b);

/* ---- loss.c: the plan of loss and gradients ---- */

typedef struct pf__loss_desc {
    pf_context *context;
    pf__model *model;
    const pf_dataset_info *data;
    const pf__scaling *scaling;
    int64_t batch;
    const char *matmul;
    pf_value (*teacher_velocity)(void *teacher, pf_graph *g, pf_value x, pf_value t, pf_value label);
    void *teacher; /* where the method needs one */
} pf__loss_desc;

/** The graph before it has buffers: gradients by parameter, and the metrics vector (loss first). */
typedef struct pf__loss {
    pf_graph *g;
    pf_value *gradient; /* [params.count], 0 = none */
    pf_value metrics;   /* [metric_count] */
    int metric_count;
    const char *metric_name[PF__METRICS_MAX + 1];
} pf__loss;
pf_status pf__loss_build(pf__loss *l, const pf__loss_desc *d, pf_error *err);
void pf__loss_free(pf__loss *l);
/** [2, scaling.count] floats: standardised = raw * row 0 + row 1. Bound as "data/scale" and "data/shift".
 * malloc. */
float *pf__loss_affine(const pf__loss_desc *d, pf_error *err);

/* ---- teacher.c: another run's network, or the law of the data set, as a velocity ---- */

typedef struct pf__teacher pf__teacher;
/** Opens method.teacher and holds it against what the student sees: shape, classes, standardisation. */
pf_status pf__teacher_open(pf__teacher **out, const pf__config *config, pf_dataset *set,
                           const pf__scaling *scaling, int class_count, pf_error *err);
void pf__teacher_close(pf__teacher **teacher);
/** The graph of its velocity: pf__loss_desc.teacher_velocity. */
pf_value pf__teacher_velocity(void *teacher, pf_graph *g, pf_value x, pf_value t, pf_value label);
/** After the first graph: its weights to the device, bound as the group PF__TEACHER. */
pf_status pf__teacher_load(pf__teacher *t, pf_context *context, pf_error *err);
void pf__teacher_bind(const pf__teacher *t, pf__binds *binds);
/** "content hash, weights" and the file; "analytic hash" and "analytic"; for NULL "analytic" and "". */
const char *pf__teacher_identity(const pf__teacher *t);
const char *pf__teacher_path(const pf__teacher *t);

/* ---- optimiser.c ---- */

typedef struct pf__optimiser_desc {
    pf_context *context;
    const pf__train_options *options;
    uint32_t flat_count;
    int metric_count;
    pf__buffer *params, *grads, *m, *v, *ema[PF_EMA_MAX];
    pf__buffer *target;         /* follows at the decay step/target; or NULL */
    pf__buffer *metrics;        /* [metric_count]: of this step */
    pf__buffer *sums;           /* [metric_count + 2]: += metrics, gradient norm, 1; good steps only */
    pf__buffer *bad, *bad_next; /* [1]: sticky; the caller copies bad_next to bad after each replay */
    pf__buffer *step_block;
} pf__optimiser_desc;
/** AdamW with clipping, the guard against not-a-number, EMA copies and the sums of metrics. Everything is
 * updated in place. */
pf_status pf__optimiser_create(pf__plan **out, const pf__optimiser_desc *d, pf_error *err);

/* ---- solver.c ---- */

#define PF__STAGES_MAX 7
/** An explicit Runge-Kutta scheme: stage s looks at x + h sum a[s][j] k_j, time t + c[s] h; the step is h sum
 * b[j] k_j. */
typedef struct pf__solver {
    const char *name;
    int stages;
    double c[PF__STAGES_MAX], a[PF__STAGES_MAX][PF__STAGES_MAX], b[PF__STAGES_MAX];
    bool adaptive;
    double e[PF__STAGES_MAX]; /* adaptive: b less the weights of the embedded scheme */
} pf__solver;
const pf__solver *pf__solver_find(const char *name);

/** How samples are drawn. */
typedef struct pf__sampling {
    int nfe;            /* network evaluations per sample; 0: an adaptive solver finds out */
    const char *solver; /* "map": none */
    double rtol, atol;  /* of an adaptive solver */
} pf__sampling;
/** What is asked (0, NULL: nothing) over [sample] of the configuration over the defaults: 1 evaluation for
 * maps, 64 for velocities. PF_USAGE when things do not go together. */
pf_status pf__sampling_plan(const pf__method *method, const pf__config *config, const pf__sampling *asked,
                            pf__sampling *out, pf_error *err);

/* ---- dopri5.c: an adaptive solver, with steps of its own for each sample ---- */

typedef struct pf__dopri5 pf__dopri5;
typedef struct pf__dopri5_desc {
    pf_context *context;
    pf_shape state; /* [B, sample...] */
    double rtol, atol;
    pf__buffer *x; /* the state */
    /* evaluate enqueues velocity [B, sample...] of point [B, sample...] at time [B] */
    pf__buffer *point, *time, *velocity;
    pf_status (*evaluate)(void *user, pf_error *err);
    void *user;
} pf__dopri5_desc;
pf_status pf__dopri5_create(pf__dopri5 **out, const pf__dopri5_desc *d, pf_error *err);
void pf__dopri5_destroy(pf__dopri5 **d);
/** Rows 0 .. rows - 1 of x from t = 1 to 0; evaluations [rows], written. first: number of row 0, for
 * messages. PF_USAGE when the tolerances ask for too many steps, PF_NAN when a velocity is not finite. */
pf_status pf__dopri5_run(pf__dopri5 *d, int64_t rows, uint64_t first, int *evaluations, pf_error *err);

/* ---- evaluator.c: a network on the device, one batch at a time ---- */

typedef struct pf__evaluator pf__evaluator;
typedef struct pf__evaluator_desc {
    pf_context *context;
    pf__model *model;
    pf__buffer *weights; /* flat; NULL: made by the evaluator (pf__evaluator_weights) */
    int64_t batch;
    pf__sampling sampling;
    const char *matmul;
} pf__evaluator_desc;
pf_status pf__evaluator_create(pf__evaluator **out, const pf__evaluator_desc *d, pf_error *err);
void pf__evaluator_destroy(pf__evaluator **e);
pf__buffer *pf__evaluator_weights(pf__evaluator *e);
/** Of the noise that the method itself draws: row i of the next runs is sample first + i of this seed. */
void pf__evaluator_renew(pf__evaluator *e, uint64_t seed, uint64_t first);
/** Standardised noise [count, source] to standardised samples [count, dim]; x may equal noise where both have
 * one size. */
pf_status pf__evaluator_run(pf__evaluator *e, const float *noise, const int32_t *label, int64_t count,
                            float *x, pf_error *err);
pf_status pf__evaluator_velocity(pf__evaluator *e, const float *x, double t, const int32_t *label,
                                 int64_t count, float *v, pf_error *err);
/** What the last pf__evaluator_run took. */
pf_sampler_counts pf__evaluator_count(const pf__evaluator *e);

/* ---- checkpoint_write.c and checkpoint_read.c ---- */

#define PF__CHECKPOINT_FORMAT  "pushforward-checkpoint"
#define PF__CHECKPOINT_VERSION 1

/** Everything a checkpoint holds, in host memory. The flat arrays have the layout of params. */
typedef struct pf__checkpoint_content {
    const pf__params *params;
    const float *model, *m, *v, *ema[PF_EMA_MAX];
    const float *target; /* or NULL */
    const char (*ema_name)[32];
    int ema_count;
    uint64_t seed;
    int64_t step, batch;
    const pf__scaling *scaling;
    const pf_dataset_info *data;
    int class_count;
    int64_t block_rows; /* of the loader's order; 0: a full shuffle */
    const char *method, *model_kind, *config, *choices;
    const char *teacher, *teacher_path; /* identity and file; NULL without a teacher */
    double seconds;
    const pf_device_info *device;
} pf__checkpoint_content;
/** Writes under a temporary name, reads back and compares, renames. */
pf_status pf__checkpoint_write(const char *path, const pf__checkpoint_content *content, pf_error *err);

/** The hash over all data sets but /provenance, independent of their order. */
typedef struct pf__content_hash {
    uint64_t sum;
} pf__content_hash;
void pf__content_hash_add(pf__content_hash *h, const char *path, const void *bytes, size_t length);
void pf__content_hash_text(const pf__content_hash *h, char out[17]);
/** Reads every data set and compares the hash with the one that the file states. */
pf_status pf__checkpoint_verify(const char *path, pf_error *err);

/** Reads "/optimizer/m" and the like into a flat array of the layout of params, checking every shape. */
pf_status pf__checkpoint_read_flat(pf_checkpoint *c, const char *group, const pf__params *params, float *flat,
                                   pf_error *err);
/** The weights of this name, "" = the longest rate; PF_USAGE when there are none. */
pf_status pf__checkpoint_weights(const pf_checkpoint_info *c, const char *asked, char name[32],
                                 pf_error *err);
/** The hash over its content, as it states it. */
const char *pf__checkpoint_hash(const pf_checkpoint *c);
/** What it was taught by (pf__teacher_identity, and the file); "" without a teacher. */
const char *pf__checkpoint_teacher(const pf_checkpoint *c);
const char *pf__checkpoint_teacher_path(const pf_checkpoint *c);
/** Text of /plan/choices. */
const char *pf__checkpoint_choices(const pf_checkpoint *c);
/** /data/block_rows; 0 without. */
int64_t pf__checkpoint_block_rows(const pf_checkpoint *c);

/* ---- folder.c ---- */

typedef struct pf__folder {
    char *path;
    int lock;     /* file descriptor, -1 when closed */
    bool created; /* by pf__folder_open, and nothing has begun in it: closing removes it */
} pf__folder;
/** Refuses or makes the folder, and locks it. What an earlier run left there stays. */
pf_status pf__folder_open(pf__folder *f, const char *path, pf_run_folder how, pf_error *err);
/** The run begins: what a killed process left half written goes, with PF_FOLDER_FORCE all files of an earlier
 * run. */
pf_status pf__folder_begin(pf__folder *f, pf_run_folder how, pf_error *err);
void pf__folder_close(pf__folder *f);
/** One line with the time in front, appended to log.txt. */
void pf__folder_log(const pf__folder *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- history.c: the checkpoints of a run folder ---- */

/** malloc: "RUN/checkpoints/step_00001000.h5" */
char *pf__folder_checkpoint(const char *folder, int64_t step);
/** Paths of all checkpoints of a run folder, oldest first. Each and the list: malloc. */
pf_status pf__folder_checkpoints(const char *folder, char ***paths, int *count, pf_error *err);
void pf__folder_free_paths(char **paths, int count);
/** Removes all checkpoints but the newest `keep_last` (0 = all stay) and, with keep_every > 0, those whose
 * step is a multiple of it. */
void pf__folder_prune(const char *folder, int64_t keep_last, int64_t keep_every);
/** Renames checkpoints of later steps than `step` to step_*.h5.old; how many. */
int pf__folder_set_aside(const char *folder, int64_t step);

/* ---- metrics.c ---- */

/** Cuts lines of later steps than `step` off metrics.jsonl (a resumed run writes them again). */
pf_status pf__metrics_rewind(const char *folder, int64_t step, pf_error *err);
pf_status pf__metrics_append(const char *folder, const char *line, pf_error *err);
void pf__json_number(pf__text *t, const char *name,
                     double value); /* "name":value, with null for what JSON cannot say */

/* ---- npy.c ---- */

pf_status pf__npy_write(const char *path, const pf_shape *shape, const float *data, pf_error *err);
/** *data: malloc, f32. */
pf_status pf__npy_read(const char *path, pf_shape *shape, float **data, pf_error *err);

/* ---- trainer.c, trainer_build.c, trainer_save.c ---- */

enum { PF__STEPS_AHEAD = 3, PF__STEP_RING = 4, PF__LOADER_SLOTS = 6 };

/** Where the host's time goes in the steps that a profile counts. */
typedef struct pf__stopwatch {
    int64_t steps, skip; /* counted; still to be left out */
    bool fresh;          /* none of this run was counted */
    double host, ahead, data, logging;
} pf__stopwatch;

struct pf_trainer {
    pf_context *context;
    const pf_config *config;
    pf__train_options options;
    pf__folder folder; /* path NULL: nothing is written */
    pf_dataset *dataset;
    pf__loader *loader;
    pf__scaling scaling;
    pf__model model;
    pf__teacher *teacher; /* NULL: none, or a graph of the caller's */
    pf__buffer *params, *grads, *m, *v, *ema[PF_EMA_MAX], *target, *x, *y, *noise, *scale, *shift, *metrics,
        *sums, *bad, *bad_next, *block; /* target, noise: or NULL */
    pf__plan *loss, *optimiser;
    int metric_count;
    const char *metric_name[PF__METRICS_MAX + 1];
    uint32_t words[PF__STEP_RING][PF__STEP_WORDS]; /* stay as they are until the queue has passed */
    float *host;                                   /* [pf__trainer_flats][flat_count]: for checkpoints */
    char *config_text, *choices;                   /* as a checkpoint holds them */
    char *checkpoint;                              /* path of the last one, or NULL */
    int64_t block_rows;                            /* of the order resumed in; 0: the loader finds it */
    bool save_failed;                              /* the last attempt at one */

    int64_t step, first_step,
        saved_step;        /* updates done; of the loader's first batch; of the last checkpoint (-1: none) */
    int64_t interval_step; /* updates done when the sums were last zeroed */
    double interval_seconds, run_seconds,
        seconds_before; /* clock then, clock at the start of the run, training time of earlier runs */
    pf_progress progress;
    pf__stopwatch watch;

    pf__evaluator *preview; /* NULL without a folder */
    pf_samples samples;     /* noise and room for the preview */
};

pf_status pf__trainer_resume(pf_trainer *t, const char *path, pf_error *err);
/** Flat buffers that a checkpoint holds: params, m, v, ema/0 ..., and the target's. */
int pf__trainer_flats(const pf_trainer *t);
/** Fills them from t->host. */
pf_status pf__trainer_upload(pf_trainer *t, pf_error *err);
pf_status pf__trainer_preview(pf_trainer *t, pf_error *err);
/** Batch, step and seed of a step into debug_step.h5. */
pf_status pf__trainer_dump(pf_trainer *t, int64_t step, pf_error *err);

/* ---- profile.c ---- */

/** A run of so many steps begins: its first ones are left out of the profile. */
void pf__watch_begin(pf_trainer *t, int64_t steps);
/** Around what a step enqueues; seconds of the host. */
pf_status pf__watch_enter(pf_trainer *t, pf_error *err);
void pf__watch_leave(pf_trainer *t, double ahead, double data, double host);
void pf__watch_logged(pf_trainer *t, double seconds);

/* ---- picture.c ---- */

/** Samples as a picture: a grid of images, a cloud of points (scatter may be NULL), or in one dimension the
 * sorted values over their rank. The caller frees with pf_draw_free. */
pf_status pf__samples_draw(const pf_samples *s, bool is_u8, double scale_factor, double add_offset,
                           const pf_scatter_desc *scatter, pf_picture *out, pf_error *err);
/** The same as a file. */
pf_status pf__samples_picture(const char *path, const pf_samples *s, bool is_u8, double scale_factor,
                              double add_offset, pf_error *err);

#endif
