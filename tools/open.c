/* SPDX-License-Identifier: MIT
 * What a command works with, opened: a device, a checkpoint, or both. */
#include "cli.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void log_line(void *user, pf_log_level level, const char *line) {
    const bool *quiet = user;
    if (level == PF_LOG_ERROR || (level == PF_LOG_NOTICE && !*quiet))
        fprintf(stderr, "pushforward: %s\n", line);
}

const char *cli_cache_folder(char *out, size_t size) {
    const char *folder = getenv("PF_CACHE"), *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int length = -1;
    if (folder && *folder && strcmp(folder, "on") != 0)
        length = strcmp(folder, "off") == 0 ? -1 : snprintf(out, size, "%s", folder);
    else if (base && *base == '/') /* a relative one is to be ignored, says its specification */
        length = snprintf(out, size, "%s/pushforward/cl", base);
    else if (home && *home)
        length = snprintf(out, size, "%s/.cache/pushforward/cl", home);
    return length > 0 && (size_t)length < size ? out : NULL;
}

static void say_avoided(const pf_selftest_result *found) {
    if (found->avoid[0])
        fprintf(stderr,
                "pushforward: matrices are multiplied without %s here; the self-test of %s found: %s\n",
                found->avoid, found->date, found->optional);
}

static void heed_verdict(pf_context *context, bool quiet) {
    pf_selftest_result found;
    if (!pf_selftest_recall(context, &found)) return;
    pf_context_avoid(context, found.avoid, NULL);
    if (found.basic[0])
        fprintf(stderr, "pushforward: warning: this device failed its self-test of %s: %s\n", found.date,
                found.basic);
    if (!quiet) say_avoided(&found);
}

pf_status cli_prove_device(pf_context *context, bool quiet, pf_error *error) {
    const pf_device_info *device = pf_context_device(context);
    pf_selftest_result found;
    if (pf_selftest_recall(context, &found)) {
        pf_status st = pf_selftest_require(context, NULL, &found, error);
        if (!quiet && st == PF_OK) say_avoided(&found);
        return st;
    }
    if (!pf_context_cache(context)) { /* it would run before every training */
        if (!quiet)
            fputs("pushforward: this device is not tested before training, as no cache would remember it; "
                  "pushforward selftest does\n",
                  stderr);
        return PF_OK;
    }
    if (!quiet)
        fprintf(stderr, "pushforward: first training on %s (driver %s): self-test ... ", device->name,
                device->driver);
    pf_status st = pf_selftest_require(context, NULL, &found, error);
    char time[24];
    if (!quiet) fprintf(stderr, "%s, %s\n", st == PF_OK ? "good" : "bad", cli_duration(found.seconds, time));
    if (!quiet && st == PF_OK) say_avoided(&found);
    return st;
}

/* PF_WIDTH: kernels for other vectors than the device's, to test them. What is no number is refused as 1 is.
 */
static uint32_t wished_width(void) {
    const char *text = getenv("PF_WIDTH");
    char *end = NULL;
    const unsigned long width = text && *text ? strtoul(text, &end, 10) : 0;
    return (end && *end) || width > UINT32_MAX ? 1 : (uint32_t)width;
}

pf_status cli_open_device(const cli_args *a, const char *configured, bool quiet, pf_context **out,
                          pf_error *error) {
    static bool quiet_flag; /* outlives the context */
    quiet_flag = quiet;
    const char *device = cli_text(a, "device", NULL);
    if (!device) device = getenv("PF_DEVICE");
    if (!device || !*device) device = configured;
    char cache[CLI_PATH_MAX];
    const char *wish = getenv("PF_CACHE");
    pf_context_desc desc = {.device = device,
                            .log = log_line,
                            .log_user = &quiet_flag,
                            .profile = cli_given(a, "profile"),
                            .cache = cli_cache_folder(cache, sizeof cache),
                            .cache_always = wish && *wish,
                            .vector_width = wished_width()};
    pf_status st = pf_context_create(out, &desc, error);
    const bool tests = a->command == &cli_train || a->command == &cli_compare ||
                       a->command == &cli_selftest; /* for itself */
    if (st == PF_OK && !tests) heed_verdict(*out, quiet);
    return st;
}

pf_status cli_open_checkpoint(const char *path, pf_checkpoint **out, pf_error *error) {
    pf_status st = pf_checkpoint_open(path, out, error);
    const pf_checkpoint_info *i = st == PF_OK ? pf_checkpoint_describe(*out) : NULL;
    if (i && *i->passed_over)
        fprintf(stderr, "pushforward: %s\npushforward: taking %s in its place\n", i->passed_over, i->path);
    return st;
}

/* ---- both ---- */

static void *load_drivers(void *unused) {
    pf_device_load_drivers();
    return unused;
}

pf_status cli_open_model(const cli_args *a, const char *path, bool quiet, pf_checkpoint **checkpoint,
                         pf_context **context, pf_error *error) {
    pthread_t thread;
    const bool aside = pthread_create(&thread, NULL, load_drivers, NULL) == 0;
    pf_status st = cli_open_checkpoint(path, checkpoint, error);
    if (aside) pthread_join(thread, NULL);
    return st == PF_OK ? cli_open_device(a, NULL, quiet, context, error) : st;
}
