/* SPDX-License-Identifier: MIT
 * pushforward report: one HTML page about one or several runs. */
#include "cli.h"
#include <stdio.h>

static int run(int argc, char **argv);

static const cli_option options[] = {
    {"Output", "out", 'o', "FILE", "the page (report.html)"},
    {NULL, "title", 't', "TEXT", "its title (pushforward)"},
    {NULL, "quiet", 'q', NULL, "errors only"},
    {0},
};

const cli_command cli_report = {
    .name = "report",
    .usage = "RUN [RUN ...] [OPTION ...]",
    .summary = "write one HTML page about several runs",
    .purpose =
        "Puts the curves, up to five pictures of samples (train.sample_every), configurations and\n"
        "measurements of runs on one page, a single file that needs no network. Measurements are what\n"
        "`pushforward eval RUN --json > RUN/eval.json` leaves.",
    .examples = {"report run", "report run-a run-b --title 'two rates' -o rates.html"},
    .options = options,
    .run = run,
};

static int run(int argc, char **argv) {
    cli_args a = {0};
    pf_error error = {0};
    const int code = cli_parse(&cli_report, argc, argv, 1, 64, &a);
    if (code >= 0) return code;
    const char *path = cli_text(&a, "out", "report.html");
    pf_status st = pf_report_write(path, cli_text(&a, "title", "pushforward"),
                                   (const char *const *)a.positional, a.positional_count, &error);
    if (st != PF_OK) return cli_fail(st, &error);
    if (!cli_given(&a, "quiet")) puts(path);
    return 0;
}
