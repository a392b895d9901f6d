/* SPDX-License-Identifier: MIT
 * pushforward compare: methods on equal terms. */
#include "cli.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int run(int argc, char **argv);

static const cli_option options[] = {
    {"Comparison", "out", 'o', "FOLDER", "where runs, measurements and the page are kept (compare)"},
    {NULL, "force", 'f', NULL, "train again what the folder holds of another configuration"},
    {NULL, "set", 's', "KEY=VALUE",
     "any key, e.g. train.steps=500, compare.seeds=1,2 or compare.meanflow.ratio=0.25"},
    {NULL, "device", 0, "DEVICE", "as for train"},
    {"Output", "json", 'j', NULL, "the numbers as JSON, instead of the table"},
    {NULL, "quiet", 'q', NULL, "errors and the table only"},
    {0},
};

const cli_command cli_compare = {
    .name = "compare",
    .usage = "CONFIG.ini [OPTION ...]",
    .summary = "compare methods on one network, data set and budget",
    .purpose = "Trains the same network on the same data, with as many samples seen and the same seeds, by "
               "each method that\n"
               "compare.methods names, and measures what it draws in 1, 2, 4, 8 and 50 network evaluations: "
               "a table, and one "
               "page\n"
               "with pictures, FOLDER/compare.html. [compare] in the configuration says what is compared, "
               "[compare.NAME] what "
               "is\n"
               "different for one method; everything else is as for train.\n"
               "Ctrl-C saves; the same command goes on from there, and takes as they are the runs that are "
               "finished.",
    .examples = {"compare examples/compare-2d.ini",
                 "compare examples/compare-2d.ini --set compare.seeds=1,2,3 --out seeds"},
    .options = options,
    .run = run,
};

typedef struct job {
    cli_args a;
    bool quiet;
    pf_compare *compare;
    pf_context *context;
    progress line;
} job;

static void on_stage(void *user, const pf_compare_row *row, int i, pf_compare_stage stage) {
    static const char *const doing[] = {"training", "training goes on", "trained already", "measuring"};
    job *j = user;
    progress_end(&j->line);
    progress_begin(&j->line, j->quiet);
    if (j->quiet) return;
    fprintf(stderr, "[%d/%d] %s, %s, seed %llu: %s\n", i + 1, pf_compare_row_count(j->compare), row->data,
            row->name, (unsigned long long)row->seed, doing[stage]);
}

static void on_step(void *user, const pf_progress *now) {
    job *j = user;
    progress_show(&j->line, now);
}

static int count_done(const job *j) {
    int done = 0;
    for (int i = 0; i < pf_compare_row_count(j->compare); i++) done += pf_compare_row_at(j->compare, i)->done;
    return done;
}

/* Of what is done, be it all or not. */
static pf_status print_result(const job *j, const char *folder, pf_error *error) {
    const bool json = cli_given(&j->a, "json");
    pf_status st = pf_compare_write(j->compare, error);
    char *text = json ? pf_compare_json(j->compare) : pf_compare_text(j->compare);
    if (st == PF_OK && !text) {
        *error = (pf_error){.message = "out of memory: the table"};
        st = PF_MEMORY;
    }
    if (st == PF_OK) fputs(text, stdout);
    if (st == PF_OK && !json) printf("\npage %s/compare.html\n", folder);
    free(text);
    return st;
}

static pf_status prepare(job *j, const char *folder, pf_error *error) {
    const char *set[CLI_PAIRS_MAX + 1] = {0};
    for (int i = 0; i < CLI_PAIRS_MAX && (set[i] = cli_each(&j->a, "set", i)) != NULL; i++) continue;
    pf_compare_desc desc = {
        .path = j->a.positional[0], .set = set, .folder = folder, .force = cli_given(&j->a, "force")};
    pf_status st = pf_compare_create(&j->compare, &desc, error);
    if (st == PF_OK)
        st = cli_open_device(&j->a, pf_compare_get(j->compare, "runtime.device"), j->quiet, &j->context,
                             error);
    if (st != PF_OK || strcmp(pf_compare_get(j->compare, "runtime.selftest"), "off") == 0) return st;
    return cli_prove_device(j->context, j->quiet, error);
}

static int compare(job *j, const char *folder) {
    pf_error error = {0}, other = {0};
    pf_status st = prepare(j, folder, &error);
    if (st != PF_OK) return cli_fail(st, &error);
    pf_compare_run_desc desc = {
        .context = j->context, .stop = &cli_stop, .stage = on_stage, .progress = on_step, .user = j};
    cli_catch_signals();
    progress_begin(&j->line, j->quiet);
    st = pf_compare_run(j->compare, &desc, &error);
    progress_end(&j->line);
    if (st != PF_OK && st != PF_INTERRUPTED) return cli_fail(st, &error);
    const pf_status printed = count_done(j) ? print_result(j, folder, &other) : PF_OK;
    if (st == PF_INTERRUPTED) return cli_interrupted(&error);
    return printed == PF_OK ? 0 : cli_fail(printed, &other);
}

static int run(int argc, char **argv) {
    job j = {0};
    char folder[1024];
    int code = cli_parse(&cli_compare, argc, argv, 1, 1, &j.a);
    if (code >= 0) return code;
    if (strlen(cli_text(&j.a, "out", "")) >= sizeof folder)
        return cli_usage("choose a shorter path, or change into its folder first",
                         "compare: the path of --out is too long");
    snprintf(folder, sizeof folder, "%s", cli_text(&j.a, "out", "compare"));
    for (size_t n = strlen(folder); n > 1 && folder[n - 1] == '/';) folder[--n] = '\0';
    j.quiet = cli_given(&j.a, "quiet");
    code = compare(&j, folder);
    pf_compare_destroy(&j.compare);
    pf_context_destroy(&j.context);
    return code;
}
