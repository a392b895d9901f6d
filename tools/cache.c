/* SPDX-License-Identifier: MIT
 * pushforward cache: the compiled kernels kept from one start to the next. */
#include "cli.h"
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

static int run(int argc, char **argv);

static const cli_option options[] = {
    {"Output", "json", 'j', NULL, "as JSON"},
    {0},
};

const cli_command cli_cache = {
    .name = "cache",
    .usage = "show|clear [--json]",
    .summary = "show or clear the compiled kernels and self-test verdicts kept on disk",
    .purpose = "Kernels are compiled for the device once and kept in a folder, so that the next start takes "
               "a fraction of\n"
               "the time; so is the verdict of a device's self-test. The folder is PF_CACHE, else\n"
               "$XDG_CACHE_HOME/pushforward/cl, else ~/.cache/pushforward/cl. Drivers that keep compiled "
               "kernels by\n"
               "themselves (PoCL, NVIDIA) are left to it, unless PF_CACHE names a folder or is \"on\". "
               "PF_CACHE=off keeps\n"
               "nothing. Beyond 256 MiB the kernels unused for the longest time go. Clearing is always "
               "safe.",
    .examples = {"cache show", "cache clear"},
    .options = options,
    .run = run,
};

static void print_text(const char *folder, const pf_cache_usage *usage, bool cleared) {
    char size[16];
    if (!folder) {
        puts("the program cache is off");
        return;
    }
    char limit[16];
    printf("%s%s: %llu program%s, %llu self-test%s, %s of at most %s\n", cleared ? "cleared " : "", folder,
           (unsigned long long)usage->programs, usage->programs == 1 ? "" : "s",
           (unsigned long long)usage->verdicts, usage->verdicts == 1 ? "" : "s",
           cli_bytes((double)usage->bytes, size), cli_bytes((double)PF_CACHE_BYTES_MAX, limit));
}

static void print_json(const char *folder, const pf_cache_usage *usage, bool cleared) {
    cJSON *o = cJSON_CreateObject();
    if (folder)
        cJSON_AddStringToObject(o, "folder", folder);
    else
        cJSON_AddNullToObject(o, "folder");
    cJSON_AddBoolToObject(o, "cleared", cleared);
    cJSON_AddNumberToObject(o, "programs", (double)usage->programs);
    cJSON_AddNumberToObject(o, "verdicts", (double)usage->verdicts);
    cJSON_AddNumberToObject(o, "bytes", (double)usage->bytes);
    cJSON_AddNumberToObject(o, "bytes_max", (double)PF_CACHE_BYTES_MAX);
    cli_json_print(o);
}

static int run(int argc, char **argv) {
    cli_args a;
    int code = cli_parse(&cli_cache, argc, argv, 1, 1, &a);
    if (code >= 0) return code;
    const char *what = a.positional[0];
    bool clear = strcmp(what, "clear") == 0;
    if (!clear && strcmp(what, "show") != 0)
        return cli_usage("pushforward cache show, or pushforward cache clear", "cache: unknown action '%s'",
                         what);
    char path[CLI_PATH_MAX];
    const char *folder = cli_cache_folder(path, sizeof path);
    pf_cache_usage usage = {0};
    pf_error error = {0};
    pf_status st = !folder ? PF_OK
                   : clear ? pf_cache_clear(folder, &usage, &error)
                           : pf_cache_show(folder, &usage, &error);
    if (st != PF_OK) return cli_fail(st, &error);
    (cli_given(&a, "json") ? print_json : print_text)(folder, &usage, clear && folder);
    return 0;
}
