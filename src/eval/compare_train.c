/* SPDX-License-Identifier: MIT
 * The trainings of a comparison: a finished one with the same configuration, data and teacher is taken as it
 * is, one that was stopped goes on, all others are trained. */
#include "base/file.h"
#include "eval/compare.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANALYTIC "analytic"

typedef enum state { ABSENT, STOPPED, FINISHED, OTHER } state;

/* ---- what is there ---- */

/* The first line in which the two differ, as "section.key = value there, value here". */
static void tell_difference(const char *there, const char *here, char out[256]) {
    char section[64] = "";
    snprintf(out, 256, "other options");
    while (*there && *here) {
        const size_t n = strcspn(there, "\n"), m = strcspn(here, "\n");
        if (n != m || memcmp(there, here, n) != 0) {
            const char *value = memchr(here, '=', m);
            const size_t key = value ? (size_t)(value - here) : m, skip = value ? key + 1 : m,
                         left = m - skip;
            if (n < key || memcmp(there, here, key) != 0) /* of another version */
                snprintf(out, 256, "%s.%.*sis an option of one of them only", section,
                         (int)(key < 90 ? key : 90), here);
            else
                snprintf(out, 256, "%s.%.*s there,%.*s here", section, (int)(n < 90 ? n : 90), there,
                         (int)(left < 90 ? left : 90), here + skip);
            return;
        }
        if (*here == '[') snprintf(section, sizeof section, "%.*s", (int)strcspn(here + 1, "]"), here + 1);
        there += n + (there[n] == '\n');
        here += m + (here[m] == '\n');
    }
}

/* "content hash, weights" of the teacher's newest checkpoint, as a student's checkpoint notes it. */
static pf_status identify_teacher(const pf_config *config, char out[64], pf_error *err) {
    pf_checkpoint *teacher = NULL;
    char weights[32];
    *out = '\0';
    if (!config->method->needs(config->raw).teacher) return PF_OK;
    snprintf(out, 64, "%s", ANALYTIC);
    if (pf__config_is_word(config->raw, "method.teacher")) return PF_OK;
    PF__TRY(pf_checkpoint_open(pf__config_text(config->raw, "method.teacher"), &teacher, err));
    pf_status st = pf__checkpoint_weights(pf_checkpoint_describe(teacher),
                                          pf__config_text(config->raw, "method.teacher_weights"), weights,
                                          err);
    if (st == PF_OK) snprintf(out, 64, "%s %s", pf__checkpoint_hash(teacher), weights);
    pf_checkpoint_close(&teacher);
    return st;
}

/* Which analytic velocity, the data says. */
static bool is_taught_by(const pf_checkpoint *student, const char *teacher) {
    const char *was = pf__checkpoint_teacher(student);
    return strcmp(was, teacher) == 0 ||
           (strcmp(teacher, ANALYTIC) == 0 && strncmp(was, ANALYTIC " ", strlen(ANALYTIC) + 1) == 0);
}

static pf_status hash_data(const pf_config *config, char out[65], pf_error *err) {
    pf_dataset *set = NULL;
    PF__TRY(pf_dataset_open(pf__config_text(config->raw, "data.path"), &set, err));
    snprintf(out, 65, "%s", pf_dataset_describe(set)->sha256);
    pf_dataset_close(&set);
    return PF_OK;
}

/* difference [256]: written where the run is another. */
static pf_status compare_with(pf_checkpoint *checkpoint, const pf_config *config, state *out,
                              char *difference, pf_error *err) {
    char teacher[64], sha[65];
    const pf_checkpoint_info *i = pf_checkpoint_describe(checkpoint);
    pf__text text = {0};
    PF__TRY(identify_teacher(config, teacher, err));
    PF__TRY(hash_data(config, sha, err));
    pf__config_print(config->raw, false, true, &text);
    *out = OTHER;
    if (text.failed)
        ;
    else if (strcmp(pf__text_string(&text), pf_checkpoint_config(checkpoint)) != 0)
        tell_difference(pf_checkpoint_config(checkpoint), pf__text_string(&text), difference);
    else if (strcmp(sha, i->data_sha256) != 0)
        snprintf(difference, 256, "other data");
    else if (!is_taught_by(checkpoint, teacher))
        snprintf(difference, 256, "another teacher");
    else
        *out = i->step >= pf__config_int(config->raw, "train.steps") ? FINISHED : STOPPED;
    const bool failed = text.failed;
    pf__text_free(&text);
    return failed ? pf__fail_memory(err, "configuration", 0) : PF_OK;
}

static pf_status look(const pf_compare_row *r, const pf_config *config, state *out, char *difference,
                      pf_error *err) {
    char **paths;
    int count;
    *out = ABSENT;
    PF__TRY(pf__folder_checkpoints(r->folder, &paths, &count, err));
    pf__folder_free_paths(paths, count);
    if (!count) return PF_OK;
    pf_checkpoint *checkpoint = NULL;
    PF__TRY(pf_checkpoint_open(r->folder, &checkpoint, err));
    pf_status st = compare_with(checkpoint, config, out, difference, err);
    pf_checkpoint_close(&checkpoint);
    return st;
}

/* ---- training ---- */

static void tell(const pf_compare *c, int row, const pf_compare_run_desc *d, pf_compare_stage stage) {
    if (d->stage) d->stage(d->user, &c->rows[row], row, stage);
}

/* What is stopped here goes on with the whole comparison, not as a training of its own. */
static pf_status train(pf_compare *c, int row, const pf_config *config, pf_run_folder how,
                       const pf_compare_run_desc *d, pf_error *err) {
    pf_compare_row *r = &c->rows[row];
    pf_trainer *trainer = NULL;
    pf_trainer_desc desc = {.context = d->context, .config = config, .folder = r->folder, .open = how};
    pf_run_desc run = {.stop = d->stop, .progress = d->progress, .user = d->user};
    pf_status st = pf_trainer_create(&trainer, &desc, err);
    if (st == PF_OK) {
        tell(c, row, d, how == PF_FOLDER_RESUME ? PF_COMPARE_RESUMES : PF_COMPARE_TRAINS);
        st = pf_trainer_run(trainer, &run, err);
        if (st == PF_OK) st = pf_run_report(r->folder, err);
    }
    pf_trainer_destroy(&trainer);
    return st;
}

static pf_status refuse_other(const pf_compare_row *r, const char *difference, pf_error *err) {
    return pf__hint(err, pf__fail(err, PF_USAGE, "%s: trained otherwise: %s", r->folder, difference),
                    "choose another folder with --out, or train it again with --force");
}

pf_status pf__compare_train(pf_compare *c, int row, const pf_compare_run_desc *d, pf_error *err) {
    pf_compare_row *r = &c->rows[row];
    pf_config *config = NULL;
    char difference[256] = "";
    state found;
    if (d->stop && *d->stop)
        return pf__fail(err, PF_INTERRUPTED, "interrupted before %s of %s", r->name, r->data);
    PF__TRY(pf__compare_config(c, row, &config, err));
    pf_status st = look(r, config, &found, difference, err);
    if (st == PF_OK && found == OTHER && !c->force)
        st = refuse_other(r, difference, err);
    else if (st == PF_OK && found == FINISHED)
        tell(c, row, d, PF_COMPARE_TAKES);
    else if (st == PF_OK) /* without a checkpoint there is nothing to lose */
        st = train(c, row, config, found == STOPPED ? PF_FOLDER_RESUME : PF_FOLDER_FORCE, d, err);
    pf_config_destroy(&config);
    return st;
}
