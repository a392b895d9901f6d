/* SPDX-License-Identifier: MIT
 * Comparing methods: the list of trainings, and going through it. A folder of a comparison:
 *
 *   data/8gaussians.h5                training data of a made set
 *   runs/8gaussians/flow-1/           a run folder: data, entry, seed
 *   measured/8gaussians-flow-1.json   what its samples came to
 *   pictures/8gaussians-flow-1-4.png  samples of 4 evaluations; 8gaussians.png: real draws
 *   compare.json, compare.html */
#include "eval/compare.h"
#include "base/file.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the rows ---- */

static pf_status make_rows(pf_compare *c, pf_error *err) {
    c->row_count = c->set_count * c->seed_count * c->entry_count;
    c->rows = calloc((size_t)c->row_count, sizeof *c->rows);
    if (!c->rows) return pf__fail_memory(err, "comparison", (size_t)c->row_count * sizeof *c->rows);
    for (int i = 0; i < c->row_count; i++) {
        const pf__compare_entry *e = &c->entry[pf__compare_entry_of(c, i)];
        pf_compare_row *r = &c->rows[i];
        *r = (pf_compare_row){.data = c->set[pf__compare_set_of(c, i)].name,
                              .name = e->name,
                              .method = e->method->name,
                              .teacher = e->analytic      ? "analytic"
                                         : e->teacher < 0 ? NULL
                                                          : c->entry[e->teacher].name,
                              .seed = c->seed[i / c->entry_count % c->seed_count],
                              .quality_count = c->nfe_count};
        const int n = snprintf(r->folder, sizeof r->folder, "%s/runs/%s/%s-%" PRIu64, c->folder, r->data,
                               r->name, r->seed);
        if (n < 0 || n >= 900) /* with the name of a checkpoint it fits into pf_checkpoint_info */
            return pf__hint(err, pf__fail(err, PF_USAGE, "%s: the path of the folder is too long", c->folder),
                            "choose a shorter path, or change into its folder first");
        for (int q = 0; q < c->nfe_count; q++) r->quality[q] = (pf_compare_quality){.nfe = c->nfe[q]};
    }
    return PF_OK;
}

static pf_status check_teacher(const pf_compare *c, int row, const pf_config *config, pf_error *err) {
    const pf__compare_entry *e = &c->entry[pf__compare_entry_of(c, row)];
    if (e->teacher >= 0 || e->analytic || !e->method->needs(config->raw).teacher) return PF_OK;
    return pf__hint(
        err, pf__fail(err, PF_USAGE, "%s: [compare.%s] needs a teacher, and none is given", c->path, e->name),
        "teacher = NAME under [compare.%s], where NAME stands before it in compare.methods, such as flow",
        e->name);
}

/* Everything that a row's configuration can have wrong, and that all see the same number of samples. */
static pf_status check_row(pf_compare *c, int row, pf_error *err) {
    pf_config *config = NULL;
    pf_compare_row *r = &c->rows[row], *first = &c->rows[0];
    PF__TRY(pf__compare_config(c, row, &config, err));
    pf_status st = check_teacher(c, row, config, err);
    r->steps = pf__config_int(config->raw, "train.steps");
    r->batch = pf__config_int(config->raw, "train.batch");
    int can = 0;
    for (int q = 0; q < c->nfe_count; q++) {
        const char *solver = pf__compare_solver(config, c->nfe[q]);
        snprintf(r->quality[q].solver, sizeof r->quality[q].solver, "%s", solver ? solver : "");
        can += solver != NULL;
    }
    if (st == PF_OK && r->steps * r->batch != first->steps * first->batch)
        st = pf__hint(err,
                      pf__fail(err, PF_USAGE,
                               "%s: %s sees %lld samples in training (%lld steps of %lld), %s %lld", c->path,
                               r->name, (long long)(r->steps * r->batch), (long long)r->steps,
                               (long long)r->batch, first->name, (long long)(first->steps * first->batch)),
                      "train.steps times train.batch must be the same for all");
    if (st == PF_OK && !can)
        st = pf__hint(
            err,
            pf__fail(err, PF_USAGE, "%s: %s can draw with none of compare.evaluations", c->path, r->name),
            "%s draws with one evaluation: add 1", r->method);
    if (row == 0 && st == PF_OK)
        c->common = config;
    else
        pf_config_destroy(&config);
    return st;
}

static pf_status build(pf_compare *c, const pf_compare_desc *desc, pf_error *err) {
    c->force = desc->force;
    c->path = strdup(desc->path);
    c->folder = strdup(desc->folder);
    if (!c->path || !c->folder) return pf__fail_memory(err, "comparison", strlen(desc->path));
    PF__TRY(pf__compare_read(c, desc, err));
    PF__TRY(make_rows(c, err));
    for (int i = 0; i < c->row_count; i++) PF__TRY(check_row(c, i, err));
    for (int s = 0; s < c->set_count; s++) {
        pf_dataset *set = NULL;
        if (c->set[s].made) continue;
        PF__TRY(pf_dataset_open(c->set[s].path, &set, err));
        pf_dataset_close(&set);
    }
    return PF_OK;
}

pf_status pf_compare_create(pf_compare **out, const pf_compare_desc *desc, pf_error *error) {
    *out = NULL;
    pf_compare *c = calloc(1, sizeof *c);
    if (!c) return pf__fail_memory(error, "comparison", sizeof *c);
    pf_status st = build(c, desc, error);
    if (st != PF_OK) {
        pf_compare_destroy(&c);
        return st;
    }
    *out = c;
    return PF_OK;
}

void pf_compare_destroy(pf_compare **compare) {
    if (!compare || !*compare) return;
    pf_compare *c = *compare;
    for (size_t i = 0; i < c->pair_count; i++) {
        free(c->pairs[i].section);
        free(c->pairs[i].name);
        free(c->pairs[i].value);
        free(c->pairs[i].origin);
        free(c->pairs[i].folder);
    }
    free(c->pairs);
    for (int s = 0; s < c->set_count; s++) {
        free(c->set[s].path);
        pf__draws_free(&c->set[s].draws);
    }
    pf__config_destroy(&c->options);
    pf_config_destroy(&c->common);
    free(c->rows);
    free(c->path);
    free(c->folder);
    free(c);
    *compare = NULL;
}

int pf_compare_row_count(const pf_compare *compare) {
    return compare->row_count;
}

const pf_compare_row *pf_compare_row_at(const pf_compare *compare, int i) {
    return &compare->rows[i];
}

const char *pf_compare_get(const pf_compare *compare, const char *key) {
    return pf_config_get(compare->common, key);
}

/* ---- going through them ---- */

static pf_status make_folders(const pf_compare *c, pf_error *err) {
    static const char *const parts[] = {"data", "runs", "measured", "pictures"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char *path = pf__path_join(c->folder, parts[i]);
        if (!path) return pf__fail_memory(err, c->folder, strlen(c->folder));
        pf_status st = pf__folder_create(path, err);
        free(path);
        PF__TRY(st);
    }
    return PF_OK;
}

/* The file of a made set is made once; that it is this one, its source tells. */
static pf_status make_set(const pf_compare *c, const pf__compare_set *s, pf_error *err) {
    const bool balanced = c->balanced && pf_dataset_parts(s->name) > 0;
    pf_make_desc desc = {.kind = s->name,
                         .train = pf__config_int(c->options, "compare.samples"),
                         .noise = -1,
                         .balanced = balanced};
    if (!pf__file_exists(s->path)) return pf_dataset_make(s->path, &desc, err);
    pf_dataset *set = NULL;
    PF__TRY(pf_dataset_open(s->path, &set, err));
    const pf_dataset_info *i = pf_dataset_describe(set);
    const bool same = i->train_count == desc.train && (strstr(i->source, "balanced") != NULL) == balanced;
    const long long count = i->train_count;
    pf_dataset_close(&set);
    if (same) return PF_OK;
    if (c->force) return pf_dataset_make(s->path, &desc, err);
    return pf__hint(err,
                    pf__fail(err, PF_USAGE, "%s: made with other options (%lld samples)", s->path, count),
                    "choose another folder with --out, or train all again with --force");
}

static pf_status open_set(pf_compare *c, pf__compare_set *s, pf_error *err) {
    if (s->made) {
        PF__TRY(make_set(c, s, err));
        PF__TRY(pf__draws_make(&s->draws, s->name, c->count, c->balanced, c->slices, err));
    } else {
        PF__TRY(pf__draws_read(&s->draws, s->path, c->count, c->slices, err));
    }
    return pf__compare_picture(c, s, err);
}

static pf_status run_set(pf_compare *c, int set, const pf_compare_run_desc *d, pf_error *err) {
    const int rows = c->entry_count * c->seed_count;
    PF__TRY(open_set(c, &c->set[set], err));
    for (int i = set * rows; i < (set + 1) * rows; i++) {
        pf_compare_row *r = &c->rows[i];
        PF__TRY(pf__compare_train(c, i, d, err));
        PF__TRY(pf__compare_measure(c, i, d, err));
        const int entry = pf__compare_entry_of(c, i), teacher = c->entry[entry].teacher;
        if (teacher < 0) continue;
        const pf_compare_row *taught = &c->rows[i - entry + teacher];
        r->teacher_seconds = taught->train_seconds + taught->teacher_seconds;
    }
    return PF_OK;
}

pf_status pf_compare_run(pf_compare *compare, const pf_compare_run_desc *desc, pf_error *error) {
    compare->device = *pf_context_device(desc->context);
    PF__TRY(make_folders(compare, error));
    for (int s = 0; s < compare->set_count; s++) {
        pf_status st = run_set(compare, s, desc, error);
        if (st == PF_INTERRUPTED)
            pf__hint(error, st, "what is finished is kept in %s: the same command goes on", compare->folder);
        PF__TRY(st);
    }
    return PF_OK;
}

pf_status pf_compare_write(const pf_compare *compare, pf_error *error) {
    char *json = pf_compare_json(compare), *data = pf__path_join(compare->folder, "compare.json"),
         *page = pf__path_join(compare->folder, "compare.html");
    pf_status st = json && data && page ? PF_OK : pf__fail_memory(error, "comparison", 0);
    if (st == PF_OK) st = pf__file_write(data, json, strlen(json), error);
    if (st == PF_OK) st = pf__compare_page(compare, page, error);
    free(json);
    free(data);
    free(page);
    return st;
}
