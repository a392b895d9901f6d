/* SPDX-License-Identifier: MIT
 * pushforward selftest: does this device compute rightly? */
#include "cli.h"
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>

static int run(int argc, char **argv);

static const cli_option options[] = {
    {"Device", "device", 0, "DEVICE", "0:1, gpu, cpu, name=TEXT; see pushforward devices"},
    {"Amount", "quick", 0, NULL, "as before a first training: fewer shapes, and fewer ways of multiplying"},
    {"Output", "json", 'j', NULL, "the rows as JSON"},
    {NULL, "quiet", 'q', NULL, "errors only"},
    {0},
};

const cli_command cli_selftest = {
    .name = "selftest",
    .usage = "[OPTION ...]",
    .summary = "compare what the device computes with a reference",
    .purpose =
        "Runs every operation on the device and in double precision on the host, with the same data,\n"
        "and compares. Errors are relative: ||device - reference|| / ||reference||. Exit code 0 when\n"
        "all are within their tolerances, 6 when one is not.\n"
        "\n"
        "The verdict is remembered per device, driver and version (pushforward cache). Where there is none,\n"
        "pushforward train makes a quick self-test first: it refuses to train where something basic is\n"
        "wrong, and does without an optional way of multiplying matrices that is. runtime.selftest = off\n"
        "leaves that out.",
    .examples = {"selftest", "selftest --device gpu", "selftest --quick --json"},
    .options = options,
    .run = run,
};

typedef struct table {
    bool quiet;
    cJSON *rows; /* NULL: print lines */
    int printed;
} table;

static const char *const states[] = {"ok", "wrong", "failed"};

static void add_number(cJSON *object, const char *name, double value) {
    if (isfinite(value))
        cJSON_AddNumberToObject(object, name, value);
    else
        cJSON_AddNullToObject(object, name);
}

static void add_json(cJSON *rows, const pf_selftest_row *row) {
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "name", row->name);
    if (row->candidate) cJSON_AddStringToObject(o, "candidate", row->candidate);
    cJSON_AddStringToObject(o, "state", states[row->state]);
    add_number(o, "error", row->error);
    add_number(o, "tolerance", row->tolerance);
    cJSON_AddNumberToObject(o, "checks", row->checks);
    cJSON_AddStringToObject(o, "worst", row->worst);
    cJSON_AddStringToObject(o, "detail", row->detail);
    cJSON_AddNumberToObject(o, "seconds", row->seconds);
    cli_json_append(rows, o);
}

static void print_row(table *t, const pf_selftest_row *row) {
    char error[16] = "-", tolerance[16] = "exact";
    if (t->printed++ == 0)
        printf("%-32s %6s %9s %10s %8s  %s\n", "row", "checks", "error", "tolerance", "seconds", "state");
    if (row->state != PF_SELFTEST_FAILED) snprintf(error, sizeof error, "%.1e", row->error);
    if (row->tolerance > 0) snprintf(tolerance, sizeof tolerance, "%.0e", row->tolerance);
    printf("%-32s %6d %9s %10s %8.2f  %s", row->name, row->checks, error, tolerance, row->seconds,
           states[row->state]);
    if (row->state != PF_SELFTEST_OK)
        printf(" (%s)", row->state == PF_SELFTEST_WRONG ? row->worst : row->detail);
    putchar('\n');
    fflush(stdout);
}

static void report(void *user, const pf_selftest_row *row) {
    table *t = user;
    if (t->rows)
        add_json(t->rows, row);
    else if (!t->quiet)
        print_row(t, row);
}

static void print_json(table *t, const pf_device_info *device, const pf_selftest_result *result) {
    cJSON *all = cJSON_CreateObject();
    cJSON_AddStringToObject(all, "device", device->name);
    cJSON_AddStringToObject(all, "platform", device->platform);
    cJSON_AddStringToObject(all, "driver", device->driver);
    cJSON_AddNumberToObject(all, "wrong", result->wrong);
    cJSON_AddNumberToObject(all, "failed", result->failed);
    cJSON_AddNumberToObject(all, "seconds", result->seconds);
    cJSON_AddStringToObject(all, "avoid", result->avoid);
    cJSON_AddBoolToObject(all, "usable", !result->basic[0]);
    if (!cJSON_AddItemToObject(all, "rows", t->rows)) cJSON_Delete(t->rows);
    cli_json_print(all);
}

static int run(int argc, char **argv) {
    cli_args a = {0};
    pf_error error = {0};
    pf_context *context = NULL;
    pf_selftest_result result = {0};
    const int code = cli_parse(&cli_selftest, argc, argv, 0, 0, &a);
    if (code >= 0) return code;
    table t = {.quiet = cli_given(&a, "quiet")};
    pf_status st = cli_open_device(&a, NULL, t.quiet, &context, &error);
    if (st != PF_OK) return cli_fail(st, &error);
    if (cli_given(&a, "json")) t.rows = cJSON_CreateArray();
    const pf_selftest_desc desc = {.quick = cli_given(&a, "quick"), .report = report, .user = &t};
    st = pf_selftest_run(context, &desc, &result, &error);
    const pf_device_info *device = pf_context_device(context);
    if (t.rows)
        print_json(&t, device, &result);
    else if (!t.quiet && st == PF_OK)
        printf("All %d rows are good on %s (%.1f s).\n", result.rows, device->name, result.seconds);
    else if (!t.quiet)
        printf("Of %d rows %d are wrong and %d failed on %s (%.1f s).\n", result.rows, result.wrong,
               result.failed, device->name, result.seconds);
    pf_context_destroy(&context);
    return st == PF_OK ? 0 : cli_fail(st, &error);
}
