/* SPDX-License-Identifier: MIT
 * Comparison: the same network, data, samples seen and seeds through a list of methods, and what each then
 * draws in 1, 2, 4, ... network evaluations.
 *
 *     pf_compare *compare;
 *     pf_compare_desc desc = {.path = "examples/compare-2d.ini", .folder = "compare"};
 *     pf_compare_create(&compare, &desc, &error);
 *     pf_compare_run(compare, &(pf_compare_run_desc){.context = context}, &error);
 *     pf_compare_write(compare, &error);          // compare/compare.html, compare/compare.json
 *     char *table = pf_compare_text(compare);
 *
 * The configuration is that of a training, without the method, and two kinds of sections more: [compare]
 * names methods, data and seeds; [compare.NAME] holds what differs for one of them. The folder keeps every
 * run: what is finished is taken as it is, what was stopped goes on. */
#ifndef PUSHFORWARD_COMPARE_H
#define PUSHFORWARD_COMPARE_H

#include "pushforward/eval.h"
#include "pushforward/trainer.h"

enum { PF_COMPARE_NFE_MAX = 16 };

typedef struct pf_compare pf_compare;

/** Help on the options of [compare]. malloc, the caller frees; NULL when out of memory. */
PF_API char *pf_compare_help(void);

typedef struct pf_compare_desc {
    const char *path;       /* the configuration */
    const char *const *set; /* further pairs "section.key=value", ended by NULL; or NULL */
    const char *folder;     /* holds the runs and what comes of them; made if need be */
    bool force; /* runs in the folder that were trained otherwise are trained again, not refused */
} pf_compare_desc;

/** Reads and checks everything that can be checked before anything is trained. PF_USAGE, PF_DATA. */
PF_API pf_status pf_compare_create(pf_compare **out, const pf_compare_desc *desc, pf_error *error);
/** Accepts NULL and a pointer to NULL. */
PF_API void pf_compare_destroy(pf_compare **compare);

/** Samples of one number of network evaluations. */
typedef struct pf_compare_quality {
    int nfe;
    char solver[16];  /* "map" where the method learns one; "": the method has no such evaluation */
    double sliced_w2; /* to real draws, in the data's own units; NaN without such an evaluation */
    pf_mode_coverage_result modes; /* modes.modes == 0: the data has none */
    double seconds;                /* of drawing them */
} pf_compare_quality;

/** One training, and what it came to. */
typedef struct pf_compare_row {
    const char *data, *name, *method;
    const char *teacher; /* name of the one it is distilled from, or NULL */
    uint64_t seed;
    int64_t steps, batch;
    char folder[1024]; /* the run */
    bool done;         /* what follows is known */
    double train_seconds;
    double teacher_seconds; /* training of its teacher, and of that one's; 0 without */
    double step_seconds;    /* median; NaN of a training too short to tell */
    double memory_bytes;    /* on the device, in training */
    int64_t parameter_count;
    int quality_count;
    pf_compare_quality quality[PF_COMPARE_NFE_MAX];
} pf_compare_row;

/** In the order in which they are trained. */
PF_API int pf_compare_row_count(const pf_compare *compare);
PF_API const pf_compare_row *pf_compare_row_at(const pf_compare *compare, int i);
/** A value that holds for all trainings, such as "runtime.device". */
PF_API const char *pf_compare_get(const pf_compare *compare, const char *key);

typedef enum pf_compare_stage {
    PF_COMPARE_TRAINS,
    PF_COMPARE_RESUMES,  /* a training that was stopped */
    PF_COMPARE_TAKES,    /* a finished one */
    PF_COMPARE_MEASURES, /* draws samples and measures them */
} pf_compare_stage;

typedef struct pf_compare_run_desc {
    pf_context *context;
    volatile sig_atomic_t *stop; /* as for pf_trainer_run; may be NULL */
    void (*stage)(void *user, const pf_compare_row *row, int i, pf_compare_stage stage); /* may be NULL */
    void (*progress)(void *user, const pf_progress *progress); /* of the training; may be NULL */
    void *user;
} pf_compare_run_desc;

/** Trains and measures what is not done yet. PF_INTERRUPTED: stopped; the same call goes on from there. */
PF_API pf_status pf_compare_run(pf_compare *compare, const pf_compare_run_desc *desc, pf_error *error);

/** Of the rows that are done: a table for a terminal, and JSON. malloc, the caller frees; NULL when out of
 * memory. */
PF_API char *pf_compare_text(const pf_compare *compare);
PF_API char *pf_compare_json(const pf_compare *compare);
/** FOLDER/compare.json and FOLDER/compare.html: one page with tables, curves and pictures in one file. */
PF_API pf_status pf_compare_write(const pf_compare *compare, pf_error *error);

#endif
