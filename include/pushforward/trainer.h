/* SPDX-License-Identifier: MIT
 * Training: from a configuration and a data set to checkpoints in a run folder.
 *
 *     pf_trainer *trainer;
 *     pf_trainer_desc desc = {.context = context, .config = config, .folder = "run"};
 *     pf_trainer_create(&trainer, &desc, &error);
 *     pf_trainer_run(trainer, &(pf_run_desc){0}, &error);
 *     pf_trainer_destroy(&trainer);
 *
 * A run folder holds config.ini metrics.jsonl log.txt checkpoints/ samples/ report.html. The same
 * configuration, data set, device and kernel choices give the same bits, stopped and resumed or not. Nothing
 * here installs signal handlers: the caller hands in a flag. A trainer belongs to the thread of its context.
 */
#ifndef PUSHFORWARD_TRAINER_H
#define PUSHFORWARD_TRAINER_H

#include "pushforward/config.h"
#include "pushforward/context.h"
#include "pushforward/graph.h"
#include <signal.h>
#include <stdint.h>

typedef struct pf_trainer pf_trainer;

typedef enum pf_run_folder {
    PF_FOLDER_NEW,    /* refuse a folder that is not empty */
    PF_FOLDER_FORCE,  /* remove what an earlier run left there */
    PF_FOLDER_RESUME, /* continue from the newest checkpoint that verifies */
} pf_run_folder;

typedef struct pf_trainer_desc {
    pf_context *context;     /* must outlive the trainer */
    const pf_config *config; /* resolved; must outlive the trainer */
    const char *folder;      /* the run folder; NULL: nothing is written (a dry run) */
    pf_run_folder open;
    const char *checkpoint; /* PF_FOLDER_RESUME: this file instead of the newest; NULL: the newest */
    /* What to distil in place of method.teacher (experimental): the graph of a velocity v(x, t) in
     * standardised units, for x [B, sample...], t [B], label [B] i32 or 0. NULL: method.teacher */
    pf_value (*teacher_velocity)(void *teacher, pf_graph *g, pf_value x, pf_value t, pf_value label);
    void *teacher; /* its first argument; needed during creation only */
} pf_trainer_desc;

/** Opens the data set, builds and compiles everything, reserves all memory. PF_USAGE, PF_DATA, PF_MEMORY,
 * PF_DEVICE. */
PF_API pf_status pf_trainer_create(pf_trainer **out, const pf_trainer_desc *desc, pf_error *error);
/** Accepts NULL and a pointer to NULL. Waits for work in flight; saves nothing. */
PF_API void pf_trainer_destroy(pf_trainer **trainer);

typedef struct pf_trainer_info {
    int64_t step, steps, batch; /* done, of how many */
    int64_t dim, train_count, test_count;
    int64_t parameter_count;
    int launches;         /* per step */
    int launches_unfused; /* if every node of the graphs were one */
    double flops;         /* of products, per step */
    /* the memory plan, bytes on the device */
    uint64_t parameter_bytes, moment_bytes, ema_bytes, arena_bytes, batch_bytes, other_bytes, total_bytes,
        device_bytes;
    /* beside arena_bytes, where gradients (as many bytes as parameters), activations and workspace lie: the
     * most that is alive at one launch; all that launches write, side by side; all values of the graphs
     * before fusion, side by side */
    uint64_t arena_bound_bytes, arena_sum_bytes, arena_unfused_bytes;
} pf_trainer_info;
PF_API pf_trainer_info pf_trainer_describe(const pf_trainer *trainer);
/** One line per launch of a step. malloc, the caller frees; NULL when out of memory. */
PF_API char *pf_trainer_launches(const pf_trainer *trainer);

/** Part of a step; figures are per step. */
typedef struct pf_profile_row {
    char name[64]; /* a family: "products nn", "pointwise", "transfers"; or launches of one label */
    double launches;
    double seconds;
    double gap_seconds; /* the queue stood idle before them */
    double flops;       /* of products, useful ones */
    double bytes;       /* read and written at least once */
} pf_profile_row;

/** Where the time of a step goes, by the device's clock and by the host's; figures are per step. The first
 * steps of a run are left out: they carry what the driver delays. */
typedef struct pf_profile {
    int64_t steps;
    double kernel_seconds, transfer_seconds, gap_seconds; /* of the device; together the step */
    double wall_seconds;                                  /* of the host; together: */
    double host_seconds;                                  /* enqueueing */
    double ahead_seconds;                                 /* waiting for the step before the last two */
    double data_seconds;                                  /* waiting for the loader */
    double logging_seconds; /* reading the metrics, which waits for the queue, and writing them */
    pf_profile_row *families, *launches; /* the longest first */
    int family_count, launch_count;
} pf_profile;

/** With a context made with profile: the steps since the last call (waits); steps == 0 when there were none.
 * The caller frees with pf_profile_free. PF_USAGE without profile. */
PF_API pf_status pf_trainer_profile(pf_trainer *trainer, pf_profile *out, pf_error *error);
PF_API void pf_profile_free(pf_profile *profile);

typedef struct pf_progress {
    int64_t step, steps;
    int64_t batch;
    double loss;          /* mean over the last log interval; NaN before the first */
    double gradient_norm; /* likewise */
    double lr;
    double seconds;        /* since pf_trainer_run began */
    uint64_t memory_bytes; /* on the device */
    bool logged;           /* loss is new */
    bool first;            /* the first step of this run: it includes what the driver delays to it */
} pf_progress;

typedef struct pf_run_desc {
    volatile sig_atomic_t *stop; /* not 0: finish the step, save, return PF_INTERRUPTED. May be NULL */
    volatile sig_atomic_t *save; /* not 0: save, set it to 0, go on. May be NULL */
    int64_t stop_after;          /* like *stop after so many steps of this call; 0 = never */
    void (*progress)(void *user,
                     const pf_progress *progress); /* after every step; must be quick. May be NULL */
    void *user;
} pf_run_desc;

/** Trains up to train.steps and saves. PF_OK: done. PF_INTERRUPTED: stopped and saved. PF_NAN: a gradient was
 * not finite (train.on_nan = stop); the last good checkpoint stays, the offending batch is in debug_step.h5.
 */
PF_API pf_status pf_trainer_run(pf_trainer *trainer, const pf_run_desc *desc, pf_error *error);
/** Writes a checkpoint now (waits for the device). PF_USAGE without a folder. */
PF_API pf_status pf_trainer_save(pf_trainer *trainer, pf_error *error);
/** Path of the last checkpoint written or resumed from, or "". Valid until the next save. */
PF_API const char *pf_trainer_checkpoint(const pf_trainer *trainer);

/** (Re)writes RUN/report.html from the files of a run folder: loss curves, samples, table. */
PF_API pf_status pf_run_report(const char *folder, pf_error *error);
/** One page about several runs: each with its curves, first and last samples, configuration, and the numbers
 * of its eval.json (what `pushforward eval --json` prints), where there is one. */
PF_API pf_status pf_report_write(const char *path, const char *title, const char *const *folders, int count,
                                 pf_error *error);

#endif
