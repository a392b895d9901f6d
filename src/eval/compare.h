/* SPDX-License-Identifier: MIT
 * What the files of the comparison share. */
#ifndef PF__EVAL_COMPARE_H
#define PF__EVAL_COMPARE_H

#include "eval/draws.h"
#include "pushforward/compare.h"
#include "run/run.h"

enum { PF__COMPARE_ENTRIES = 32, PF__COMPARE_SETS = 8, PF__COMPARE_SEEDS = 64, PF__COMPARE_NAME = 48 };

/* A pair of the configuration as it was given. */
typedef struct pf__compare_pair {
    char *section, *name, *value, *origin;
    char *folder; /* of the INI file, or NULL */
} pf__compare_pair;

typedef struct pf__compare_entry {
    char name[PF__COMPARE_NAME];
    const pf__method *method;
    int teacher;   /* an entry before this one; -1: none */
    bool analytic; /* its teacher is the data's own velocity */
} pf__compare_entry;

typedef struct pf__compare_set {
    char name[PF__COMPARE_NAME];
    bool made; /* name is a kind, and path a file of the folder */
    char *path;
    pf__draws draws; /* of pf_compare_run */
} pf__compare_set;

struct pf_compare {
    char *path, *folder;
    bool force;
    pf__compare_pair *pairs;
    size_t pair_count;
    pf__config *options; /* [compare] */
    pf_config *common;   /* of the first row */
    pf__compare_entry entry[PF__COMPARE_ENTRIES];
    pf__compare_set set[PF__COMPARE_SETS];
    uint64_t seed[PF__COMPARE_SEEDS];
    int nfe[PF_COMPARE_NFE_MAX];
    int entry_count, set_count, seed_count, nfe_count;
    int64_t count; /* samples to measure */
    int slices;
    bool balanced;
    pf_device_info device; /* of pf_compare_run */
    pf_compare_row *rows;  /* [set_count, seed_count, entry_count] */
    int row_count;
};

static inline int pf__compare_entry_of(const pf_compare *c, int row) {
    return row % c->entry_count;
}
static inline int pf__compare_set_of(const pf_compare *c, int row) {
    return row / (c->entry_count * c->seed_count);
}

/* ---- compare_config.c ---- */

/** Everything of the struct up to the rows. */
pf_status pf__compare_read(pf_compare *c, const pf_compare_desc *desc, pf_error *err);
/** The resolved configuration of a row. */
pf_status pf__compare_config(const pf_compare *c, int row, pf_config **out, pf_error *err);
/** Which solver draws with nfe evaluations: "map", "heun", ...; NULL: the method has no such evaluation. */
const char *pf__compare_solver(const pf_config *config, int nfe);

/* ---- compare_train.c ---- */

/** Makes the row's run a finished one. */
pf_status pf__compare_train(pf_compare *c, int row, const pf_compare_run_desc *d, pf_error *err);

/* ---- compare_measure.c ---- */

/** Fills the row from what is known of its run, or draws samples and keeps what comes of them. */
pf_status pf__compare_measure(pf_compare *c, int row, const pf_compare_run_desc *d, pf_error *err);
/** FOLDER/pictures/DATA.png of real draws. */
pf_status pf__compare_picture(const pf_compare *c, const pf__compare_set *set, pf_error *err);
/** Paths of pictures. malloc; NULL when out of memory. */
char *pf__compare_picture_path(const pf_compare *c, const pf_compare_row *row, int nfe);
char *pf__compare_data_picture_path(const pf_compare *c, const pf__compare_set *set);

/* ---- compare_table.c ---- */

enum { PF__COMPARE_CELL = 40, PF__COMPARE_COLUMNS = 2 * PF_COMPARE_NFE_MAX + 8 };
typedef struct pf__compare_table {
    int rows, columns;
    char (*cell)[PF__COMPARE_CELL]; /* [rows, columns]; the first row is the heading */
    const char **list;              /* the same as pointers */
} pf__compare_table;
/** Quality and cost of a data set's rows that are done, means over seeds; or shares of the modes. */
pf_status pf__compare_table_make(const pf_compare *c, int set, pf__compare_table *out, pf_error *err);
pf_status pf__compare_table_modes(const pf_compare *c, int set, pf__compare_table *out, pf_error *err);
void pf__compare_table_free(pf__compare_table *t);
/** Mean and standard deviation over seeds of sliced W2, entry e with evaluation q; how many. */
int pf__compare_mean(const pf_compare *c, int set, int e, int q, double *mean, double *deviation);
/** One sentence: what was measured. */
void pf__compare_caption(const pf_compare *c, int set, pf__text *out);

/* ---- compare_page.c ---- */

pf_status pf__compare_page(const pf_compare *c, const char *path, pf_error *err);

#endif
