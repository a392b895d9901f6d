/* SPDX-License-Identifier: MIT
 * The command line: parsing by one option table per command, help from the same table, messages. */
#include "cli.h"
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static const cli_option help_option = {NULL, "help", 'h', NULL, "this text"};

/* ---- messages ---- */

/* For the messages that say all there is to say. */
static const char *general_hint(pf_status status) {
    switch (status) {
    case PF_USAGE:
    case PF_SHAPE:
        return "pushforward help, and --help behind a command, tell how it is meant";
    case PF_DATA:
        return "pushforward info FILE tells what a file is, pushforward data check FILE what is wrong with "
               "it";
    case PF_MEMORY:
        return "end other programs, or ask for less: a smaller batch, model or count";
    case PF_DEVICE:
        return "pushforward selftest tries the device; is its driver up to date?";
    default:
        return "is this a fault of pushforward? Please report it with the command and this message";
    }
}

int cli_fail(pf_status status, const pf_error *error) {
    fprintf(stderr, "pushforward: error: %s\n", error->message[0] ? error->message : pf_status_text(status));
    fprintf(stderr, "hint: %s\n", error->hint[0] ? error->hint : general_hint(status));
    return pf_status_exit_code(status);
}

int cli_usage(const char *hint, const char *format, ...) {
    va_list arguments;
    fputs("pushforward: error: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    if (hint) fprintf(stderr, "hint: %s\n", hint);
    return CLI_USAGE;
}

static int edit_distance(const char *a, const char *b) {
    enum { LONGEST = 64 };
    int row[LONGEST + 1], n = (int)strlen(a), m = (int)strlen(b);
    if (n > LONGEST || m > LONGEST) return LONGEST;
    for (int j = 0; j <= m; j++) row[j] = j;
    for (int i = 1; i <= n; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= m; j++) {
            int change = diagonal + (a[i - 1] != b[j - 1]), best = row[j] < row[j - 1] ? row[j] : row[j - 1];
            diagonal = row[j];
            row[j] = best + 1 < change ? best + 1 : change;
        }
    }
    return row[m];
}

const char *cli_nearest(const char *word, const char *const *names) {
    const char *best = NULL;
    int least = (int)strlen(word) / 2 + 1;
    for (; *names; names++) {
        int distance = edit_distance(word, *names);
        if (distance >= least) continue;
        least = distance;
        best = *names;
    }
    return best;
}

/* ---- help ---- */

static void print_option(const cli_option *o) {
    char left[64];
    int n = o->letter ? snprintf(left, sizeof left, "-%c, --%s", o->letter, o->name)
                      : snprintf(left, sizeof left, "    --%s", o->name);
    if (o->argument && n > 0 && n < (int)sizeof left)
        snprintf(left + n, sizeof left - (size_t)n, " %s", o->argument);
    printf("  %-28s %s\n", left, o->help);
}

void cli_help(const cli_command *c) {
    printf("Usage: pushforward %s %s\n\n%s\n\nExamples:\n", c->name, c->usage, c->purpose);
    for (int i = 0; i < 3 && c->examples[i]; i++) printf("  pushforward %s\n", c->examples[i]);
    for (const cli_option *o = c->options; o->name; o++) {
        if (o->group) printf("\n%s:\n", o->group);
        print_option(o);
    }
    print_option(&help_option);
}

/* ---- parsing ---- */

static int count_options(const cli_command *c) {
    int n = 0;
    while (c->options[n].name) n++;
    return n;
}

static int fail_unknown(const cli_command *c, const char *word) {
    const char *names[64];
    int n = 0;
    for (const cli_option *o = c->options; o->name && n < 62; o++) names[n++] = o->name;
    names[n++] = help_option.name;
    names[n] = NULL;
    char bare[64], hint[160];
    snprintf(bare, sizeof bare, "%.*s", (int)strcspn(word + (word[1] == '-' ? 2 : 1), "="),
             word + (word[1] == '-' ? 2 : 1));
    const char *near = word[1] == '-' ? cli_nearest(bare, names) : NULL;
    if (near)
        snprintf(hint, sizeof hint, "did you mean --%s?", near);
    else
        snprintf(hint, sizeof hint, "pushforward %s --help lists the options", c->name);
    return cli_usage(hint, "%s: unknown option %s", c->name, word);
}

static int fail_count(const cli_command *c, int given, int max) {
    char hint[256];
    snprintf(hint, sizeof hint, "usage: pushforward %s %s", c->name, c->usage);
    return cli_usage(hint, given > max ? "%s: too many arguments" : "%s: an argument is missing", c->name);
}

static int fail_empty(const cli_command *c) {
    char hint[256];
    snprintf(hint, sizeof hint, "usage: pushforward %s %s", c->name, c->usage);
    return cli_usage(hint, "%s: an argument is empty", c->name);
}

/* getopt's tables from ours. letters [2 * count + 6]. */
static void make_tables(const cli_command *c, struct option *list, char *letters) {
    int n = count_options(c);
    *letters++ = ':';
    for (int i = 0; i <= n; i++) {
        const cli_option *o = i < n ? &c->options[i] : &help_option;
        list[i] = (struct option){o->name, o->argument ? required_argument : no_argument, NULL, 256 + i};
        if (!o->letter) continue;
        *letters++ = o->letter;
        if (o->argument) *letters++ = ':';
    }
    *letters = '\0';
    list[n + 1] = (struct option){0};
}

static const cli_option *option_of(const cli_command *c, int code) {
    int n = count_options(c);
    if (code >= 256) return code - 256 < n ? &c->options[code - 256] : &help_option;
    for (int i = 0; i < n; i++)
        if (c->options[i].letter == code) return &c->options[i];
    return &help_option;
}

/* "--steps N: short for ...": the hint where its value is refused. */
static void option_line(const cli_option *o, char out[256]) {
    snprintf(out, 256, "--%s %s: %s", o->name, o->argument ? o->argument : "", o->help);
}

/* The argument that getopt_long stumbled over. */
static const char *culprit(char **argv, char *buffer) {
    if (optopt > 0 && optopt < 256) {
        snprintf(buffer, 3, "-%c", optopt);
        return buffer;
    }
    return argv[optind - 1];
}

int cli_parse(const cli_command *command, int argc, char **argv, int positional_min, int positional_max,
              cli_args *out) {
    enum { OPTIONS_MAX = 64 };
    struct option list[OPTIONS_MAX];
    char letters[2 * OPTIONS_MAX + 6], buffer[3], line[256];
    *out = (cli_args){.command = command};
    make_tables(command, list, letters);
    opterr = 0;
    optind = 1;
    for (int code; (code = getopt_long(argc, argv, letters, list, NULL)) != -1;) {
        if (code == '?') return fail_unknown(command, culprit(argv, buffer));
        if (code == ':') {
            option_line(option_of(command, optopt), line);
            return cli_usage(line, "%s: option %s needs a value", command->name, argv[optind - 1]);
        }
        const cli_option *o = option_of(command, code);
        if (o == &help_option) {
            cli_help(command);
            return 0;
        }
        if (optarg && !*optarg) {
            option_line(o, line);
            return cli_usage(line, "%s: the value of --%s is empty", command->name, o->name);
        }
        if (out->pair_count == CLI_PAIRS_MAX) return cli_usage(NULL, "%s: too many options", command->name);
        out->option[out->pair_count] = o;
        out->value[out->pair_count++] = optarg ? optarg : "";
    }
    out->positional = argv + optind;
    out->positional_count = argc - optind;
    if (out->positional_count < positional_min || out->positional_count > positional_max)
        return fail_count(command, out->positional_count, positional_max);
    for (int i = 0; i < out->positional_count; i++)
        if (!*out->positional[i]) return fail_empty(command);
    return -1;
}

const char *cli_each(const cli_args *a, const char *name, int i) {
    for (int k = 0; k < a->pair_count; k++)
        if (strcmp(a->option[k]->name, name) == 0 && i-- == 0) return a->value[k];
    return NULL;
}

const char *cli_text(const cli_args *a, const char *name, const char *fallback) {
    for (int k = a->pair_count; k-- > 0;)
        if (strcmp(a->option[k]->name, name) == 0) return a->value[k];
    return fallback;
}

bool cli_given(const cli_args *a, const char *name) {
    return cli_text(a, name, NULL) != NULL;
}

static void refuse_value(cli_args *a, const char *name, const char *what) {
    char hint[256] = "";
    for (const cli_option *o = a->command->options; o->name; o++)
        if (strcmp(o->name, name) == 0) option_line(o, hint);
    if (!a->failed) cli_usage(hint, "%s: --%s %s: %s", a->command->name, name, cli_text(a, name, ""), what);
    a->failed = true;
}

double cli_number(cli_args *a, const char *name, double fallback, double min, double max) {
    const char *text = cli_text(a, name, NULL);
    if (!text) return fallback;
    char *end;
    double value = strtod(text, &end);
    if (end != text && *end == '\0' && value >= min && value <= max) return value;
    char what[96];
    snprintf(what, sizeof what, "not a number in [%.10g, %.10g]", min, max);
    refuse_value(a, name, what);
    return fallback;
}

int64_t cli_integer(cli_args *a, const char *name, int64_t fallback, int64_t min, int64_t max) {
    double value = cli_number(a, name, (double)fallback, (double)min, (double)max);
    if (value == floor(value)) return cli_given(a, name) ? (int64_t)value : fallback;
    refuse_value(a, name, "not a whole number");
    return fallback;
}

int cli_list(cli_args *a, const char *name, double *out, int capacity) {
    int count = 0;
    for (const char *p = cli_text(a, name, ""); *p;) {
        char *end;
        double value = strtod(p, &end);
        if (end == p || (*end && *end != ',') || count == capacity) {
            char what[96];
            snprintf(what, sizeof what, "not a list of at most %d numbers separated by commas", capacity);
            refuse_value(a, name, what);
            return 0;
        }
        out[count++] = value;
        p = *end ? end + 1 : end;
    }
    return count;
}

/* ---- numbers ---- */

const char *cli_si(double value, char out[16]) {
    static const char *const unit[] = {"", " k", " M", " G", " T"};
    int i = 0;
    for (; fabs(value) >= 999.5 && i < 4; i++) value /= 1000;
    snprintf(out, 16, i == 0 && value == floor(value) ? "%.0f%s" : "%.3g%s", value, unit[i]);
    return out;
}

const char *cli_bytes(double bytes, char out[16]) {
    static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    int i = 0;
    for (; bytes >= 999.5 && i < 4; i++) bytes /= 1024;
    snprintf(out, 16, "%.3g %s", bytes, unit[i]);
    return out;
}

const char *cli_duration(double seconds, char out[24]) {
    long s = seconds < 0 ? 0 : (long)(seconds + 0.5);
    if (seconds < 10)
        snprintf(out, 24, "%.1f s", seconds);
    else if (s < 60)
        snprintf(out, 24, "%ld s", s);
    else if (s < 3600)
        snprintf(out, 24, "%ld m %02ld s", s / 60, s % 60);
    else
        snprintf(out, 24, "%ld h %02ld m", s / 3600, s / 60 % 60);
    return out;
}

double cli_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* What cannot be told counts as there: it is not to be overwritten. */
bool cli_file_exists(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 || (errno != ENOENT && errno != ENOTDIR);
}
