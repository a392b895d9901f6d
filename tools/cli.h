/* SPDX-License-Identifier: MIT
 * What the commands share: the option table that parses and makes the help, messages, numbers. */
#ifndef PF_TOOLS_CLI_H
#define PF_TOOLS_CLI_H

#include "pushforward/pushforward.h"
#include <signal.h>
#include <stdbool.h>

typedef struct cli_option {
    const char *group;    /* heading in the help; NULL: as the one before */
    const char *name;     /* the long name; NULL ends the table */
    char letter;          /* or 0 */
    const char *argument; /* "FILE", or NULL for a switch */
    const char *help;
} cli_option;

typedef struct cli_command {
    const char *name;        /* "train", "data make" */
    const char *usage;       /* behind the name */
    const char *summary;     /* one line, for the list of commands */
    const char *purpose;     /* a paragraph */
    const char *examples[3]; /* without "pushforward "; NULL ends */
    const cli_option *options;
    int (*run)(int argc, char **argv);
} cli_command;

extern const cli_command cli_devices, cli_train, cli_sample, cli_info, cli_eval, cli_data, cli_report,
    cli_cache, cli_selftest, cli_compare, cli_explain, cli_analyze;

enum { CLI_PAIRS_MAX = 256, CLI_USAGE = 2, CLI_PATH_MAX = 4096 };

/** Parsed arguments; zero-initialise. */
typedef struct cli_args {
    const cli_command *command;
    int pair_count;
    const cli_option *option[CLI_PAIRS_MAX];
    const char *value[CLI_PAIRS_MAX]; /* "" for switches */
    char **positional;
    int positional_count;
    bool failed; /* a number was asked for and the text is none: a message has been printed */
} cli_args;

/** -1: go on. Anything else is the program's exit code (0 after --help). */
int cli_parse(const cli_command *command, int argc, char **argv, int positional_min, int positional_max,
              cli_args *out);
bool cli_given(const cli_args *a, const char *name);
/** The last value given, or fallback. */
const char *cli_text(const cli_args *a, const char *name, const char *fallback);
/** Value number i (0, 1, ...) given under a name, or NULL. */
const char *cli_each(const cli_args *a, const char *name, int i);
double cli_number(cli_args *a, const char *name, double fallback, double min, double max);
int64_t cli_integer(cli_args *a, const char *name, int64_t fallback, int64_t min, int64_t max);
/** Numbers separated by commas: their count, at most capacity. */
int cli_list(cli_args *a, const char *name, double *out, int capacity);

void cli_help(const cli_command *command);
/** Prints "pushforward: error: ..." and the hint; returns the exit code. */
int cli_fail(pf_status status, const pf_error *error);
/** A mistake in the command line: message and hint (may be NULL); returns CLI_USAGE. */
int cli_usage(const char *hint, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** The nearest of names (ended by NULL), or NULL when none is near. */
const char *cli_nearest(const char *word, const char *const *names);

/** The folder of the program cache: PF_CACHE, else below XDG_CACHE_HOME or ~/.cache. NULL: off. */
const char *cli_cache_folder(char *out, size_t size);
/** pf_checkpoint_open, with a notice when a folder's newest checkpoint is damaged and an older one is taken.
 */
pf_status cli_open_checkpoint(const char *path, pf_checkpoint **out, pf_error *error);
/** Opens the device of --device, else PF_DEVICE, else configured (may be NULL). quiet: errors only. What a
 * remembered self-test found wrong is avoided or warned of, except for train and selftest. */
pf_status cli_open_device(const cli_args *a, const char *configured, bool quiet, pf_context **out,
                          pf_error *error);

/** Opens the checkpoint while the drivers are being loaded, then the device. */
pf_status cli_open_model(const cli_args *a, const char *path, bool quiet, pf_checkpoint **checkpoint,
                         pf_context **context, pf_error *error);

/** Before training: the device's self-test, where none is remembered. PF_MISMATCH: do not train. */
pf_status cli_prove_device(pf_context *context, bool quiet, pf_error *error);

/** "12.3 k", "4.56 M": three digits. out [16]. */
const char *cli_si(double value, char out[16]);
/** "3.2 MiB". out [16]. */
const char *cli_bytes(double bytes, char out[16]);
/** "2 m 05 s". out [24]. */
const char *cli_duration(double seconds, char out[24]);
double cli_seconds(void);
bool cli_file_exists(const char *path);

/* ---- signals.c ---- */
/** What a handler has been told; for pf_run_desc. */
extern volatile sig_atomic_t cli_stop, cli_save;
/** From now on SIGINT, SIGTERM and SIGHUP ask for a stop, a second one ends the program; SIGUSR1 asks to
 * save. */
void cli_catch_signals(void);
/** After PF_INTERRUPTED: prints message and hint; returns the exit code. */
int cli_interrupted(const pf_error *error);

/* ---- json.c ---- */
struct cJSON;
/** Before anything makes JSON. */
void cli_json_begin(void);
/** The item is the array's from now on, or gone. */
void cli_json_append(struct cJSON *array, struct cJSON *item);
/** Prints the object and deletes it; prints nothing when memory was short for some of it. */
void cli_json_print(struct cJSON *object);
/** Memory was short: exit code 1 and a message. */
bool cli_json_lacked(void);

/* ---- reflow.c ---- */
int cli_data_reflow(int argc, char **argv);

/* ---- profile.c ---- */
void cli_profile(const pf_profile *profile, const pf_limits *limits);

/* ---- progress.c ---- */
typedef struct progress {
    bool quiet, terminal;
    double shown;      /* clock at the last line */
    double window[64]; /* clocks after recent steps, a ring */
    int64_t window_step[64];
    int window_count, window_next;
    double loss; /* smoothed over log lines; NaN before the first */
    bool line_open;
} progress;
void progress_begin(progress *p, bool quiet);
void progress_show(void *progress, const pf_progress *now);
void progress_end(progress *p);

#endif
