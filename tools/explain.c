/* SPDX-License-Identifier: MIT
 * pushforward explain: what a method is. */
#include "cli.h"
#include <stdio.h>
#include <stdlib.h>

static int run(int argc, char **argv);

static const cli_option options[] = {
    {"Choice", "list", 'l', NULL, "the methods, one a line"},
    {0},
};

const cli_command cli_explain = {
    .name = "explain",
    .usage = "METHOD | --list",
    .summary = "tell what a method is: equations, options, papers",
    .purpose =
        "Prints what a method learns and by which loss, what its training needs, what its samples take, the "
        "papers, and\n"
        "its options with their ranges and defaults.",
    .examples = {"explain meanflow", "explain --list"},
    .options = options,
    .run = run,
};

static int run(int argc, char **argv) {
    cli_args a;
    char *text = NULL;
    pf_error error = {0};
    int code = cli_parse(&cli_explain, argc, argv, 0, 1, &a);
    if (code >= 0) return code;
    const bool list = cli_given(&a, "list");
    if (list == (a.positional_count == 1))
        return cli_usage(
            "pushforward explain --list names the methods; pushforward explain meanflow explains one",
            list ? "explain: --list and a method exclude each other" : "explain: no method is named");
    for (int i = 0; list && pf_method_name(i); i++)
        printf("%-14s %s\n", pf_method_name(i), pf_method_summary(i));
    if (list) return 0;
    const pf_status st = pf_method_explain(a.positional[0], &text, &error);
    if (st != PF_OK) return cli_fail(st, &error);
    fputs(text, stdout);
    free(text);
    return 0;
}
