/* SPDX-License-Identifier: MIT
 * The verdict of a self-test on disk: one line "name: value" for each member, then a sum over the lines
 * before. A file that is not exactly so counts as absent. */
#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "bench/selftest.h"
#include "plan/fused_text.h"
#include "runtime/cache.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HEAD      "pushforward self-test, format 1\n"
#define BYTES_MAX 8192

/* Over everything that the device's results can depend on. malloc; NULL when nothing is remembered. */
static char *path_of(pf_context *c) {
    const char *folder = pf_context_cache(c);
    const pf_device_info *d = pf_context_device(c);
    uint64_t kernels;
    char numbers[96];
    if (!folder || pf__kernel_hash(&kernels, NULL) != PF_OK) return NULL;
    snprintf(numbers, sizeof numbers, "%016llx %d %u %zu", (unsigned long long)kernels, (int)d->type,
             d->vector_width, d->work_group_max);
    const char *const texts[] = {HEAD,
                                 d->name,
                                 d->vendor,
                                 d->driver,
                                 d->version,
                                 d->platform,
                                 pf__context_platform_version(c),
                                 numbers,
                                 pf__prelude_text()};
    return pf__cache_verdict_path(folder, pf__cache_key_of(texts, sizeof texts / sizeof *texts));
}

static void print_sum(pf__text *t) {
    const uint64_t sum = pf__hash64(pf__text_string(t), t->length, 0);
    pf__text_format(t, "sum: %016llx\n", (unsigned long long)sum);
}

/* One line each: a driver's message may have several. */
static void print_line(pf__text *t, const char *name, const char *value) {
    pf__text_format(t, "%s: ", name);
    for (; *value; value++) pf__text_add_bytes(t, *value == '\n' ? " " : value, 1);
    pf__text_add(t, "\n");
}

static void print_verdict(pf__text *t, const pf_selftest_result *r, const pf_device_info *d) {
    pf__text_add(t, HEAD);
    print_line(t, "device", d->name);
    print_line(t, "driver", d->driver);
    print_line(t, "platform", d->platform);
    print_line(t, "date", r->date);
    print_line(t, "amount", r->quick ? "quick" : "full");
    pf__text_format(t, "rows: %d %d %d\nseconds: %.1f\n", r->rows, r->wrong, r->failed, r->seconds);
    print_line(t, "avoid", r->avoid);
    print_line(t, "optional", r->optional);
    print_line(t, "basic", r->basic);
    print_sum(t);
}

void pf__verdict_store(pf_context *context, pf_selftest_result *result) {
    pf__text text = {0};
    struct tm now;
    const time_t seconds = time(NULL);
    if (gmtime_r(&seconds, &now)) strftime(result->date, sizeof result->date, "%Y-%m-%dT%H:%M:%SZ", &now);
    char *path = path_of(context);
    print_verdict(&text, result, pf_context_device(context));
    if (path && !text.failed) pf__file_write(path, pf__text_string(&text), text.length, NULL);
    pf__text_free(&text);
    free(path);
}

/* The value of a line, which must be the next one; at: moves behind it. */
static bool take_line(const char **at, const char *name, char *out, size_t size) {
    const size_t n = strlen(name), length = strcspn(*at, "\n");
    if (strncmp(*at, name, n) != 0 || strncmp(*at + n, ": ", 2) != 0 || (*at)[length] != '\n') return false;
    if (length < n + 2 || length - n - 2 >= size) return false;
    memcpy(out, *at + n + 2, length - n - 2);
    out[length - n - 2] = '\0';
    *at += length + 1;
    return true;
}

bool pf__verdict_parse(const char *data, size_t length, pf_selftest_result *out) {
    enum { SUM = sizeof "sum: 0123456789abcdef\n" - 1 };
    const char *at = data;
    char skipped[256], amount[8], rows[64], sum[SUM + 1];
    *out = (pf_selftest_result){0};
    if (length > BYTES_MAX || length < sizeof HEAD - 1 + SUM || strlen(data) != length) return false;
    const uint64_t found = pf__hash64(data, length - SUM, 0);
    snprintf(sum, sizeof sum, "sum: %016llx\n", (unsigned long long)found);
    if (strcmp(data + length - SUM, sum) != 0 || strncmp(at, HEAD, sizeof HEAD - 1) != 0) return false;
    at += sizeof HEAD - 1;
    pf_selftest_result r = {.remembered = true};
    const bool good = take_line(&at, "device", skipped, sizeof skipped) &&
                      take_line(&at, "driver", skipped, sizeof skipped) &&
                      take_line(&at, "platform", skipped, sizeof skipped) &&
                      take_line(&at, "date", r.date, sizeof r.date) &&
                      take_line(&at, "amount", amount, sizeof amount) &&
                      take_line(&at, "rows", rows, sizeof rows) &&
                      sscanf(rows, "%d %d %d", &r.rows, &r.wrong, &r.failed) == 3 &&
                      take_line(&at, "seconds", rows, sizeof rows) && pf__parse_real(rows, &r.seconds) &&
                      take_line(&at, "avoid", r.avoid, sizeof r.avoid) &&
                      take_line(&at, "optional", r.optional, sizeof r.optional) &&
                      take_line(&at, "basic", r.basic, sizeof r.basic);
    r.quick = strcmp(amount, "quick") == 0;
    if (good) *out = r;
    return good;
}

bool pf_selftest_recall(pf_context *context, pf_selftest_result *result) {
    char *path = path_of(context), *data = NULL;
    size_t length = 0;
    *result = (pf_selftest_result){0};
    const bool good = path && pf__file_read(path, &data, &length, NULL) == PF_OK &&
                      pf__verdict_parse(data, length, result);
    free(data);
    free(path);
    return good;
}
