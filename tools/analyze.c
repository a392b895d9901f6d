/* SPDX-License-Identifier: MIT
 * pushforward analyze: how far a learnt map is from the exact one, and what bounds that. */
#include "cli.h"
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int run(int argc, char **argv);

static const cli_option options[] = {
    {"Input", "data", 'd', "FILE", "the set it was trained on (of a run: data.path of its configuration)"},
    {NULL, "weights", 'w', "NAME", "as for sample"},
    {NULL, "device", 0, "DEVICE", "as for train"},
    {"Measuring", "count", 'n', "N", "noise points (1024)"},
    {NULL, "seed", 's', "N", "of the noise (1)"},
    {NULL, "steps", 0, "LIST", "numbers of steps, increasing, each dividing the last (32,64,128,256,512)"},
    {"Output", "plot", 'o', "FILE.png", "all terms over the step size; .png or .svg"},
    {NULL, "json", 'j', NULL, "as JSON"},
    {0},
};

const cli_command cli_analyze = {
    .name = "analyze",
    .usage = "RUN|CHECKPOINT.h5 [OPTION ...]",
    .summary = "hold a learnt map against the exact one",
    .purpose =
        "Takes the error |g(x_1,1) - x_0| of a learnt map g apart, where the exact flow is known: for "
        "consistency,\n"
        "continuous, meanflow and pixelmeanflow on a set of `data make gaussian` or `data make 8gaussians`. "
        "x_t is the exact\n"
        "path from noise x_1 to its end x_0, x~ the path of Euler or Heun with steps of k = 1/N. Means over "
        "the noise points,\n"
        "in standardised units:\n\n"
        "  eps1            max_n |g(x~_nk, nk) - g(x~_(n-1)k, (n-1)k)| / k   what a loss in discrete time "
        "sees\n"
        "  discretisation  |x~_0 - x_0|                                      of order k for Euler, k^2 for "
        "Heun\n"
        "  eps2            |g(x, 0) - x| at the path's end                   0 where g(x, 0) = x by "
        "construction\n"
        "  eps3            integral of |dg/dt| on a grid of step k           what a loss in continuous time "
        "sees\n"
        "  smoothness      the same on a grid 8 times finer, less eps3       what lies between those "
        "times\n\n"
        "  discrete bound    error <= eps1 + discretisation + eps2\n"
        "  continuous bound  error <= eps2 + eps3 + smoothness\n\n"
        "`within` is the share of the points whose own error is within their own bound. Exit code 6 where a "
        "bound does not\n"
        "hold: then the finest grid is too coarse for dg/dt.",
    .examples = {"analyze run", "analyze run --plot errors.png",
                 "analyze run -n 10000 --steps 64,128,256,512,1024 --json"},
    .options = options,
    .run = run,
};

typedef struct job {
    cli_args a;
    pf_context *context;
    pf_checkpoint *checkpoint;
    pf_sampler *sampler;
    pf_dataset *set;
    char data[CLI_PATH_MAX]; /* its path */
    int steps[PF_ANALYSIS_ROWS_MAX], step_count;
    pf_error_analysis found;
} job;

static pf_status fail(pf_error *error, pf_status st, const char *hint, const char *format, const char *what) {
    *error = (pf_error){.status = st};
    snprintf(error->message, sizeof error->message, format, what);
    snprintf(error->hint, sizeof error->hint, "%s", hint);
    return st;
}

/* ---- input ---- */

/* The data set of --data, or the one that the run's configuration names. */
static pf_status find_data(job *j, pf_error *error) {
    const char *given = cli_text(&j->a, "data", NULL), *run_path = j->a.positional[0];
    if (given) {
        snprintf(j->data, sizeof j->data, "%s", given);
        return PF_OK;
    }
    char path[CLI_PATH_MAX];
    const int length = snprintf(path, sizeof path, "%s/config.ini", run_path);
    if (length >= (int)sizeof path || !cli_file_exists(path))
        return fail(error, PF_USAGE, "name the set it was trained on with --data FILE.h5",
                    "%.300s is no run folder, whose configuration would name the data set", run_path);
    pf_config *config = NULL;
    pf_status st = pf_config_create(&config, error);
    if (st == PF_OK) st = pf_config_read(config, path, error);
    if (st == PF_OK) snprintf(j->data, sizeof j->data, "%s", pf_config_peek(config, "data.path", ""));
    pf_config_destroy(&config);
    if (st == PF_OK && !j->data[0])
        return fail(error, PF_USAGE, "name it with --data FILE.h5", "%.300s names no data set", path);
    return st;
}

static pf_status open_input(job *j, pf_error *error) {
    pf_status st = cli_open_model(&j->a, j->a.positional[0], true, &j->checkpoint, &j->context, error);
    if (st == PF_OK) st = find_data(j, error);
    if (st == PF_OK) st = pf_dataset_open(j->data, &j->set, error);
    if (st != PF_OK) return st;
    const char *was = pf_checkpoint_describe(j->checkpoint)->data_sha256;
    if (*was && strcmp(was, pf_dataset_describe(j->set)->sha256) != 0)
        return fail(error, PF_DATA, "name the set it was trained on with --data FILE.h5",
                    "%.400s is not the data set that the model was trained on", j->data);
    const int64_t count = cli_integer(&j->a, "count", 1024, 1, 1 << 22);
    pf_sampler_desc desc = {.context = j->context,
                            .checkpoint = j->checkpoint,
                            .weights = cli_text(&j->a, "weights", NULL),
                            .batch = count < 4096 ? count : 4096};
    return pf_sampler_create(&j->sampler, &desc, error);
}

/* ---- as a table ---- */

static const char *capital(const char *solver) {
    return strcmp(solver, "heun") == 0 ? "Heun" : "Euler";
}

static void print_head(const job *j) {
    const pf_sampler_info *i = pf_sampler_describe(j->sampler);
    const pf_error_analysis *f = &j->found;
    printf("%s, step %" PRId64 ", weights %s; %" PRId64 " noise points, standardised units\n", i->method,
           i->step, i->weights, f->count);
    printf(
        "error |g(x_1,1) - x_0|: mean %.4g, median %.4g, 90 %% within %.4g, largest %.4g; the same centre: "
        "%.4g %%\n",
        f->mean, f->median, f->upper, f->largest, 100 * f->same_mode);
}

static void print_tables(const job *j) {
    const pf_error_analysis *f = &j->found;
    puts("\ndiscrete: error <= eps1 + discretisation + eps2\n"
         "  path    steps       eps1  discretisation       eps2      bound      error  within");
    for (int s = 0; s < PF_ANALYSIS_SOLVERS; s++)
        for (int r = 0; r < f->row_count; r++) {
            const pf_discrete_row *row = &f->discrete[s].row[r];
            printf("  %-6s %6d  %9.4g  %14.4g  %9.4g  %9.4g  %9.4g  %5.1f %%\n",
                   capital(f->discrete[s].solver), row->steps, row->eps1, row->discretisation, row->eps2,
                   row->bound, f->mean, 100 * row->holds);
        }
    printf("  order of the discretisation:");
    for (int s = 0; s < PF_ANALYSIS_SOLVERS; s++)
        printf("%s %s %.3f", s ? "," : "", capital(f->discrete[s].solver), f->discrete[s].order);
    puts("\n\ncontinuous: error <= eps2 + eps3 + smoothness\n"
         "          steps       eps2            eps3  smoothness      bound      error  within");
    for (int r = 0; r < f->row_count; r++) {
        const pf_continuous_row *row = &f->continuous[r];
        printf("         %6d  %9.4g  %14.4g  %10.4g  %9.4g  %9.4g  %5.1f %%\n", row->steps, row->eps2,
               row->eps3, row->smoothness, row->bound, f->mean, 100 * row->holds);
    }
}

/* ---- as JSON ---- */

static void add_discrete(cJSON *list, const pf_error_analysis *f, const pf_discrete_analysis *d) {
    cJSON *o = cJSON_CreateObject(), *rows;
    cJSON_AddStringToObject(o, "solver", d->solver);
    cJSON_AddNumberToObject(o, "order", d->order);
    rows = cJSON_AddArrayToObject(o, "rows");
    for (int r = 0; r < f->row_count; r++) {
        const pf_discrete_row *row = &d->row[r];
        cJSON *one = cJSON_CreateObject();
        cJSON_AddNumberToObject(one, "steps", row->steps);
        cJSON_AddNumberToObject(one, "eps1", row->eps1);
        cJSON_AddNumberToObject(one, "discretisation", row->discretisation);
        cJSON_AddNumberToObject(one, "eps2", row->eps2);
        cJSON_AddNumberToObject(one, "bound", row->bound);
        cJSON_AddNumberToObject(one, "error", f->mean);
        cJSON_AddNumberToObject(one, "within", row->holds);
        cli_json_append(rows, one);
    }
    cli_json_append(list, o);
}

static void add_continuous(cJSON *rows, const pf_error_analysis *f, const pf_continuous_row *row) {
    cJSON *one = cJSON_CreateObject();
    cJSON_AddNumberToObject(one, "steps", row->steps);
    cJSON_AddNumberToObject(one, "eps2", row->eps2);
    cJSON_AddNumberToObject(one, "eps3", row->eps3);
    cJSON_AddNumberToObject(one, "smoothness", row->smoothness);
    cJSON_AddNumberToObject(one, "bound", row->bound);
    cJSON_AddNumberToObject(one, "error", f->mean);
    cJSON_AddNumberToObject(one, "within", row->holds);
    cli_json_append(rows, one);
}

static void print_json(const job *j) {
    const pf_sampler_info *i = pf_sampler_describe(j->sampler);
    const pf_error_analysis *f = &j->found;
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "method", i->method);
    cJSON_AddNumberToObject(o, "step", (double)i->step);
    cJSON_AddStringToObject(o, "weights", i->weights);
    cJSON_AddStringToObject(o, "data", j->data);
    cJSON_AddNumberToObject(o, "count", (double)f->count);
    cJSON_AddNumberToObject(o, "error_mean", f->mean);
    cJSON_AddNumberToObject(o, "error_median", f->median);
    cJSON_AddNumberToObject(o, "error_90_percent", f->upper);
    cJSON_AddNumberToObject(o, "error_largest", f->largest);
    cJSON_AddNumberToObject(o, "same_centre", f->same_mode);
    cJSON *discrete = cJSON_AddArrayToObject(o, "discrete");
    for (int s = 0; s < PF_ANALYSIS_SOLVERS; s++) add_discrete(discrete, f, &f->discrete[s]);
    cJSON *continuous = cJSON_AddArrayToObject(o, "continuous");
    for (int r = 0; r < f->row_count; r++) add_continuous(continuous, f, &f->continuous[r]);
    cli_json_print(o);
}

/* ---- as a plot ---- */

static bool ends_with(const char *text, const char *end) {
    const size_t n = strlen(text), m = strlen(end);
    return n > m && strcmp(text + n - m, end) == 0;
}

enum { CURVES = 8 };

static pf_status plot(const job *j, const char *path, pf_error *error) {
    static const char *const labels[CURVES] = {
        "error |g(x_1,1) - x_0|", "discrete bound, Euler", "eps1, Euler", "Euler |x~_0 - x_0|",
        "Heun |x~_0 - x_0|",      "continuous bound",      "eps3",        "|smoothness|"};
    const pf_error_analysis *f = &j->found;
    const pf_sampler_info *i = pf_sampler_describe(j->sampler);
    double k[PF_ANALYSIS_ROWS_MAX], y[CURVES][PF_ANALYSIS_ROWS_MAX];
    pf_curve curves[CURVES];
    char title[128];
    for (int r = 0; r < f->row_count; r++) {
        const pf_discrete_row *euler = &f->discrete[0].row[r], *heun = &f->discrete[1].row[r];
        const pf_continuous_row *c = &f->continuous[r];
        const int at = f->row_count - 1 - r; /* k rises */
        const double column[CURVES] = {
            f->mean,  euler->bound, euler->eps1,        euler->discretisation, heun->discretisation,
            c->bound, c->eps3,      fabs(c->smoothness)};
        k[at] = 1.0 / f->continuous[r].steps;
        for (int n = 0; n < CURVES; n++) y[n][at] = column[n];
    }
    for (int n = 0; n < CURVES; n++) /* a bound is a line, the term that makes most of it dots beside it */
        curves[n] = (pf_curve){.label = labels[n],
                               .x = k,
                               .y = y[n],
                               .count = (size_t)f->row_count,
                               .dashed = n == 0,
                               .dots = n == 2 || n == 6};
    snprintf(title, sizeof title, "%s, step %" PRId64 ": error and bounds, mean of %" PRId64 " points",
             i->method, i->step, f->count);
    const pf_plot p = {.title = title,
                       .x_label = "step size k",
                       .y_label = "distance",
                       .curves = curves,
                       .curve_count = CURVES,
                       .x_log = 1,
                       .y_log = 1};
    if (ends_with(path, ".svg")) return pf_plot_write(&p, path, error);
    pf_picture picture;
    pf_status st = pf_plot_picture(&p, &picture, error);
    if (st != PF_OK) return st;
    st = pf_draw_png_write(path, &picture, NULL, error);
    pf_draw_free(&picture);
    return st;
}

/* ---- the whole ---- */

static pf_status check_bounds(const pf_error_analysis *f, pf_error *error) {
    bool good = true;
    for (int r = 0; r < f->row_count; r++) {
        good = good && f->mean <= f->continuous[r].bound;
        for (int s = 0; s < PF_ANALYSIS_SOLVERS; s++) good = good && f->mean <= f->discrete[s].row[r].bound;
    }
    if (good) return PF_OK;
    return fail(error, PF_MISMATCH, "ask for more steps: --steps 64,128,256,512,1024",
                "the error is above %.400s", "a bound: the finest grid is too coarse for dg/dt");
}

static pf_status analyse(job *j, pf_error *error) {
    const char *path = cli_text(&j->a, "plot", NULL);
    const pf_error_analysis_desc desc = {.count = cli_integer(&j->a, "count", 1024, 1, 1 << 22),
                                         .seed = (uint64_t)cli_integer(&j->a, "seed", 1, 0, (int64_t)1 << 53),
                                         .steps = j->step_count ? j->steps : NULL,
                                         .step_count = j->step_count};
    pf_status st = open_input(j, error);
    if (st == PF_OK) st = pf_error_analyse(j->sampler, j->set, &desc, &j->found, error);
    if (st == PF_OK && path) st = plot(j, path, error);
    if (st != PF_OK) return st;
    if (cli_given(&j->a, "json")) {
        print_json(j);
    } else {
        print_head(j);
        print_tables(j);
    }
    return check_bounds(&j->found, error);
}

static int check(job *j) {
    cli_args *a = &j->a;
    double list[PF_ANALYSIS_ROWS_MAX];
    const char *path = cli_text(a, "plot", ".png");
    cli_integer(a, "count", 0, 1, 1 << 22);
    cli_integer(a, "seed", 0, 0, (int64_t)1 << 53);
    j->step_count = cli_list(a, "steps", list, PF_ANALYSIS_ROWS_MAX);
    if (a->failed) return CLI_USAGE;
    for (int i = 0; i < j->step_count; i++) {
        if (list[i] < 1 || list[i] > 4096 || list[i] != floor(list[i]))
            return cli_usage("whole numbers in 1 .. 4096, such as 32,64,128,256,512",
                             "analyze: --steps %s: %g is no number of steps", cli_text(a, "steps", ""),
                             list[i]);
        j->steps[i] = (int)list[i];
    }
    if (strcmp(path, ".png") != 0 && !ends_with(path, ".png") && !ends_with(path, ".svg"))
        return cli_usage("name the plot with the end .png or .svg", "analyze: --plot %s: of what format?",
                         path);
    return -1;
}

static int run(int argc, char **argv) {
    job j = {0};
    pf_error error = {0};
    int code = cli_parse(&cli_analyze, argc, argv, 1, 1, &j.a);
    if (code < 0) code = check(&j);
    if (code >= 0) return code;
    pf_status st = analyse(&j, &error);
    pf_sampler_destroy(&j.sampler);
    pf_checkpoint_close(&j.checkpoint);
    pf_dataset_close(&j.set);
    pf_context_destroy(&j.context);
    return st == PF_OK ? 0 : cli_fail(st, &error);
}
