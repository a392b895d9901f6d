/* SPDX-License-Identifier: MIT
 * pushforward train: configuration, progress, summary. */
#include "cli.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int run(int argc, char **argv);

static const cli_option options[] = {
    {"Run", "data", 'd', "FILE", "the data set; short for --set data.path=FILE"},
    {NULL, "out", 'o', "RUN", "the run folder (run)"},
    {NULL, "resume", 'r', "RUN",
     "continue a run folder from its newest checkpoint, or from a checkpoint file"},
    {NULL, "force", 'f', NULL, "overwrite the run that the folder holds"},
    {NULL, "device", 0, "DEVICE",
     "0:1, gpu, cpu, name=TEXT (PF_DEVICE, else the first GPU, else the first device)"},
    {"Configuration", "set", 's', "KEY=VALUE",
     "any key, e.g. train.ema=0.999,0.9999; may be repeated; see pushforward help config"},
    {NULL, "method", 'm', "NAME", "short for --set method.name=NAME"},
    {NULL, "steps", 'n', "N", "short for --set train.steps=N"},
    {NULL, "batch", 'b', "N", "short for --set train.batch=N"},
    {NULL, "lr", 0, "RATE", "short for --set train.lr=RATE"},
    {NULL, "seed", 0, "N", "short for --set train.seed=N"},
    {NULL, "max-time", 0, "TIME", "save and stop after a time such as 90, 30m or 3h55m"},
    {"Information", "print-config", 0, NULL,
     "print the configuration with the origin of every value, and stop"},
    {NULL, "dry-run", 0, NULL, "build everything, print parameters, memory plan and launches, and stop"},
    {NULL, "profile", 0, NULL,
     "time every launch (slower); at the end print where a step's time goes, beside the device's limits"},
    {NULL, "no-eval", 0, NULL, "skip the held-out flow-matching error at the end"},
    {NULL, "quiet", 'q', NULL, "errors and the result only"},
    {0},
};

const cli_command cli_train = {
    .name = "train",
    .usage = "[CONFIG.ini] [OPTION ...]",
    .summary = "train a model",
    .purpose = "Trains a model and writes a run folder: config.ini metrics.jsonl log.txt checkpoints/ "
               "samples/ report.html.\n"
               "Ctrl-C finishes the step, saves and prints the command that continues; a second Ctrl-C "
               "leaves at once.\n"
               "SIGUSR1 saves and goes on.",
    .examples = {"train --data 8gaussians.h5 --out run",
                 "train examples/mnist-meanflow.ini --data mnist.h5 --out run --steps 4000",
                 "train --resume run"},
    .options = options,
    .run = run,
};

/* ---- configuration ---- */

/* "90", "30m", "3h55m", "1d" to seconds; -1 when it is none. */
static double parse_time(const char *text) {
    double sum = 0;
    while (*text) {
        char *end;
        double value = strtod(text, &end);
        if (end == text || value < 0) return -1;
        const char *unit = *end ? strchr("smhd", *end) : "s";
        if (!unit) return -1;
        sum += value * (*unit == 'm' ? 60 : *unit == 'h' ? 3600 : *unit == 'd' ? 86400 : 1);
        text = *end ? end + 1 : end;
    }
    return sum;
}

static pf_status set_pair(pf_config *config, const char *key, const char *value, const char *origin,
                          pf_error *error) {
    size_t size = strlen(key) + strlen(value) + 2;
    char *pair = malloc(size);
    if (!pair) return PF_MEMORY;
    snprintf(pair, size, "%s=%s", key, value);
    pf_status st = pf_config_set(config, pair, origin, error);
    free(pair);
    return st;
}

static pf_status set_options(pf_config *config, const cli_args *a, pf_error *error) {
    static const char *const pairs[][3] = {
        {"data", "data.path", "--data"},     {"method", "method.name", "--method"},
        {"steps", "train.steps", "--steps"}, {"batch", "train.batch", "--batch"},
        {"lr", "train.lr", "--lr"},          {"seed", "train.seed", "--seed"}};
    pf_status st = PF_OK;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs && st == PF_OK; i++)
        if (cli_given(a, pairs[i][0]))
            st = set_pair(config, pairs[i][1], cli_text(a, pairs[i][0], ""), pairs[i][2], error);
    const char *time = cli_text(a, "max-time", NULL);
    if (time && st == PF_OK) {
        char seconds[32];
        snprintf(seconds, sizeof seconds, "%.6g", parse_time(time));
        st = set_pair(config, "train.max_time", seconds, "--max-time", error);
    }
    const char *assignment;
    for (int i = 0; st == PF_OK && (assignment = cli_each(a, "set", i)) != NULL; i++)
        st = pf_config_set(config, assignment, "--set", error);
    return st;
}

enum { FOLDER_MAX = 900 }; /* with the name of a checkpoint it fits into pf_checkpoint_info */

/* Where a training is written, and what it continues. */
typedef struct target {
    char folder[1024];
    const char *checkpoint; /* a file, or NULL */
    pf_run_folder open;
} target;

static bool ends_with(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* Cuts the last part off a path: "a/b" to "a", "b" to ".". */
static void cut(char *path) {
    char *slash = strrchr(path, '/');
    if (slash == path)
        path[1] = '\0';
    else if (slash)
        *slash = '\0';
    else
        strcpy(path, ".");
}

/* What --resume does not go together with, or NULL. */
static const char *check_resume(const cli_args *a, const char **hint) {
    *hint = "--resume names the folder already";
    if (cli_given(a, "out")) return "train: --resume and --out exclude each other";
    *hint = "--resume keeps what the folder holds";
    if (cli_given(a, "force")) return "train: --resume and --force exclude each other";
    *hint = "another method is another training: start it with --out";
    if (cli_given(a, "method")) return "train: --resume and --method exclude each other";
    *hint = "it reads config.ini of the run folder; change values with --set";
    return a->positional_count ? "train: --resume takes no configuration file" : NULL;
}

static int choose_target(const cli_args *a, target *t) {
    const char *hint;
    const char *resume = cli_text(a, "resume", NULL);
    const char *path = resume ? resume : cli_text(a, "out", "run");
    *t = (target){.open = cli_given(a, "force") ? PF_FOLDER_FORCE : PF_FOLDER_NEW};
    if (strlen(path) > FOLDER_MAX)
        return cli_usage("choose a shorter path, or change into its folder first",
                         "train: the path of the run folder is longer than %d bytes", FOLDER_MAX);
    snprintf(t->folder, sizeof t->folder - 8, "%s", path);
    size_t n = strlen(t->folder);
    while (n > 1 && t->folder[n - 1] == '/') t->folder[--n] = '\0';
    if (!resume) return -1;
    const char *mistake = check_resume(a, &hint);
    if (mistake) return cli_usage(hint, "%s", mistake);
    t->open = PF_FOLDER_RESUME;
    if (!ends_with(t->folder, ".h5")) return -1;
    t->checkpoint = resume;
    cut(t->folder); /* the file, then checkpoints/ */
    if (ends_with(t->folder, "checkpoints"))
        cut(t->folder);
    else if (strcmp(t->folder, ".") == 0)
        strcpy(t->folder, "..");
    return -1;
}

static pf_status load_config(const cli_args *a, const target *t, pf_config **out, pf_error *error) {
    pf_status st = pf_config_create(out, error);
    if (st == PF_OK && t->open == PF_FOLDER_RESUME) {
        char path[1088];
        snprintf(path, sizeof path, "%s/config.ini", t->folder);
        st = pf_config_read(*out, path, error);
        if (st != PF_OK && !cli_file_exists(path))
            snprintf(error->hint, sizeof error->hint,
                     "--resume takes the run folder that --out named, or a checkpoint in it");
    } else if (st == PF_OK && a->positional_count) {
        st = pf_config_read(*out, a->positional[0], error);
    }
    if (st == PF_OK) st = set_options(*out, a, error);
    return st == PF_OK ? pf_config_resolve(*out, error) : st;
}

/* ---- what is printed ---- */

static void print_row(const char *what, uint64_t bytes) {
    char text[16];
    printf("  %-34s %10s\n", what, cli_bytes((double)bytes, text));
}

static void print_plan(const pf_trainer *trainer, const pf_config *config) {
    pf_trainer_info i = pf_trainer_describe(trainer);
    char *text = pf_config_print(config, true), *launches = pf_trainer_launches(trainer), flops[16];
    printf("%s\n", text ? text : "");
    printf("data: %lld training and %lld test samples of %lld numbers\n", (long long)i.train_count,
           (long long)i.test_count, (long long)i.dim);
    printf("parameters: %lld\n", (long long)i.parameter_count);
    printf("memory on the device:\n");
    print_row("parameters", i.parameter_bytes);
    print_row("first and second moments", i.moment_bytes);
    print_row("averaged copies", i.ema_bytes);
    print_row("gradients, activations, workspace", i.arena_bytes);
    print_row("  (at least: alive at one launch)", i.arena_bound_bytes);
    print_row("  (without sharing)", i.arena_sum_bytes);
    print_row("  (every value of the graphs)", i.arena_unfused_bytes);
    print_row("batch", i.batch_bytes);
    print_row("other", i.other_bytes);
    print_row("total", i.total_bytes);
    print_row("the device has", i.device_bytes);
    printf("launches per step: %d before fusion, %d after; %s flop in products\n", i.launches_unfused,
           i.launches, cli_si(i.flops, flops));
    if (launches) fputs(launches, stdout);
    free(launches);
    free(text);
}

static void announce(const pf_trainer *trainer, const pf_config *config, pf_context *context,
                     const char *folder) {
    pf_trainer_info i = pf_trainer_describe(trainer);
    char count[16], memory[16];
    fprintf(stderr,
            "%s on %s: %s parameters, %lld steps of %lld samples, %d launches a step, %s; writing %s\n",
            pf_config_get(config, "method.name"), pf_context_device(context)->name,
            cli_si((double)i.parameter_count, count), (long long)i.steps, (long long)i.batch, i.launches,
            cli_bytes((double)i.total_bytes, memory), folder);
    if (i.step) fprintf(stderr, "resuming at step %lld\n", (long long)i.step);
}

/* The held-out error of the last checkpoint beside the best affine predictor's. */
static pf_status print_fm_error(pf_context *context, const char *checkpoint, const char *data,
                                pf_error *error) {
    pf_checkpoint *c = NULL;
    pf_sampler *s = NULL;
    pf_dataset *set = NULL;
    pf_fm_error result = {0};
    pf_status st = pf_checkpoint_open(checkpoint, &c, error);
    if (st == PF_OK)
        st = pf_sampler_create(&s, &(pf_sampler_desc){.context = context, .checkpoint = c}, error);
    if (st == PF_OK) st = pf_dataset_open(data, &set, error);
    const pf_sampler_info *i = st == PF_OK ? pf_sampler_describe(s) : NULL;
    /* a map that has learnt guidance has another velocity than the data */
    bool other = i && i->guidance != 1 && strcmp(i->solver, "map") == 0;
    if (i && i->knows_velocity && !i->paired && !other && pf_dataset_describe(set)->test_count > 0) {
        st = pf_flow_matching_error(s, set, NULL, &result, error);
        if (st == PF_OK)
            printf("held-out flow-matching error %.5g (best affine predictor %.5g) with weights %s%s\n",
                   result.model, result.affine,
                   strcmp(pf_sampler_describe(s)->weights, "none") == 0 ? "" : "ema ",
                   pf_sampler_describe(s)->weights);
    }
    pf_dataset_close(&set);
    pf_sampler_destroy(&s);
    pf_checkpoint_close(&c);
    return st;
}

typedef struct summary {
    progress line;
    pf_progress last;
} summary;

static void on_step(void *user, const pf_progress *now) {
    summary *s = user;
    s->last = *now;
    progress_show(&s->line, now);
}

static void print_summary(const summary *s, const pf_trainer *trainer, const char *folder) {
    char time[24], rate[16];
    pf_trainer_info i = pf_trainer_describe(trainer);
    if (s->last.seconds > 0) {
        double samples = (double)(s->last.batch) * (double)s->last.step / s->last.seconds;
        printf("step %lld of %lld in %s", (long long)i.step, (long long)i.steps,
               cli_duration(s->last.seconds, time));
        if (i.step == s->last.step) printf(", %s samples/s", cli_si(samples, rate));
        printf(", loss %.5g\n", s->last.loss);
    } else {
        printf("step %lld of %lld: nothing left to do\n", (long long)i.step, (long long)i.steps);
    }
    printf("checkpoint %s\nreport %s/report.html\n", pf_trainer_checkpoint(trainer), folder);
}

/* ---- running ---- */

static pf_status print_profile(pf_context *context, pf_trainer *trainer, pf_error *error) {
    pf_profile profile = {0};
    pf_limits limits = {0};
    pf_status st = pf_trainer_profile(trainer, &profile, error);
    if (st == PF_OK) st = pf_limits_measure(context, &limits, error);
    if (st == PF_OK) cli_profile(&profile, &limits);
    pf_profile_free(&profile);
    return st;
}

static int train(pf_context *context, pf_trainer *trainer, const pf_config *config, const cli_args *a,
                 const char *folder) {
    pf_error error = {0}, report = {0};
    bool quiet = cli_given(a, "quiet");
    summary s = {0};
    progress_begin(&s.line, quiet);
    if (!quiet) announce(trainer, config, context, folder);
    pf_run_desc desc = {.stop = &cli_stop, .save = &cli_save, .progress = on_step, .user = &s};
    pf_status st = pf_trainer_run(trainer, &desc, &error);
    progress_end(&s.line);
    pf_status reported = pf_run_report(folder, &report);
    if (st == PF_INTERRUPTED) return cli_interrupted(&error);
    if (st != PF_OK) return cli_fail(st, &error);
    print_summary(&s, trainer, folder);
    if (reported != PF_OK) return cli_fail(reported, &report);
    if (cli_given(a, "profile")) st = print_profile(context, trainer, &error);
    fflush(stdout);
    if (st == PF_OK && cli_given(a, "no-eval")) return 0;
    if (st == PF_OK)
        st = print_fm_error(context, pf_trainer_checkpoint(trainer), pf_config_get(config, "data.path"),
                            &error);
    return st == PF_OK ? 0 : cli_fail(st, &error);
}

/* A data set that cannot be opened is told at once, not after the seconds of a self-test. */
static pf_status prove_device(pf_context *context, const pf_config *config, bool quiet, pf_error *error) {
    const char *data = pf_config_get(config, "data.path");
    pf_selftest_result known;
    pf_dataset *set = NULL;
    if (strcmp(pf_config_get(config, "runtime.selftest"), "off") == 0) return PF_OK;
    if (!pf_selftest_recall(context, &known)) {
        if (!*data) return PF_OK; /* the trainer refuses */
        pf_status st = pf_dataset_open(data, &set, error);
        pf_dataset_close(&set);
        if (st != PF_OK) return st;
    }
    return cli_prove_device(context, quiet, error);
}

static int with_device(const cli_args *a, const target *t, const pf_config *config) {
    pf_error error = {0};
    pf_context *context = NULL;
    pf_trainer *trainer = NULL;
    bool dry = cli_given(a, "dry-run");
    int code = 0;
    pf_status st = cli_open_device(a, pf_config_get(config, "runtime.device"), cli_given(a, "quiet"),
                                   &context, &error);
    pf_trainer_desc desc = {.context = context,
                            .config = config,
                            .folder = dry ? NULL : t->folder,
                            .open = t->open,
                            .checkpoint = t->checkpoint};
    if (st == PF_OK && !dry) st = prove_device(context, config, cli_given(a, "quiet"), &error);
    if (!dry) cli_catch_signals();
    if (st == PF_OK) st = pf_trainer_create(&trainer, &desc, &error);
    if (st != PF_OK)
        code = cli_fail(st, &error);
    else if (dry)
        print_plan(trainer, config);
    else
        code = train(context, trainer, config, a, t->folder);
    pf_trainer_destroy(&trainer);
    pf_context_destroy(&context);
    return code;
}

static int run(int argc, char **argv) {
    cli_args a;
    target t;
    pf_error error = {0};
    pf_config *config = NULL;
    int code = cli_parse(&cli_train, argc, argv, 0, 1, &a);
    const char *time = code < 0 ? cli_text(&a, "max-time", NULL) : NULL;
    if (time && parse_time(time) < 0)
        return cli_usage("such as 90 (seconds), 30m, 3h55m or 1d", "train: --max-time %s: not a time", time);
    if (code < 0) code = choose_target(&a, &t);
    if (code >= 0) return code;
    pf_status st = load_config(&a, &t, &config, &error);
    if (st != PF_OK) {
        code = cli_fail(st, &error);
    } else if (cli_given(&a, "print-config")) {
        char *text = pf_config_print(config, true);
        if (text) fputs(text, stdout);
        code = text
                   ? 0
                   : cli_fail(PF_MEMORY, &(pf_error){.message = "out of memory: the configuration to print"});
        free(text);
    } else {
        code = with_device(&a, &t, config);
    }
    pf_config_destroy(&config);
    return code;
}
