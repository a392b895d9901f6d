/* SPDX-License-Identifier: MIT
 * metrics.jsonl: one JSON object a line, flushed, so that it survives a crash. */
#include "base/file.h"
#include "run/run.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pf__json_number(pf__text *t, const char *name, double value) {
    if (t->length > 1) pf__text_add(t, ",");
    if (isfinite(value))
        pf__text_format(t, "\"%s\":%.9g", name, value);
    else
        pf__text_format(t, "\"%s\":null", name);
}

pf_status pf__metrics_append(const char *folder, const char *line, pf_error *err) {
    char *path = pf__path_join(folder, "metrics.jsonl");
    if (!path) return pf__fail_memory(err, folder, strlen(folder));
    pf_status st = PF_OK;
    FILE *file = fopen(path, "a");
    if (!file || fprintf(file, "%s\n", line) < 0)
        st = pf__fail(err, PF_SYSTEM, "%s: %s", path, strerror(errno));
    if (file && fclose(file) != 0 && st == PF_OK)
        st = pf__fail(err, PF_SYSTEM, "%s: %s", path, strerror(errno));
    free(path);
    return st;
}

static bool is_after(const char *line, size_t length, int64_t step) {
    cJSON *json = cJSON_ParseWithLength(line, length);
    const cJSON *number = cJSON_GetObjectItemCaseSensitive(json, "step");
    bool after = !cJSON_IsNumber(number) ||
                 number->valuedouble > (double)step; /* a torn last line goes too */
    cJSON_Delete(json);
    return after;
}

pf_status pf__metrics_rewind(const char *folder, int64_t step, pf_error *err) {
    char *path = pf__path_join(folder, "metrics.jsonl"), *text = NULL;
    size_t length;
    if (!path) return pf__fail_memory(err, folder, strlen(folder));
    if (!pf__file_exists(path)) {
        free(path);
        return PF_OK;
    }
    pf_status st = pf__file_read(path, &text, &length, err);
    pf__text kept = {0};
    for (const char *line = text; st == PF_OK && *line;) {
        size_t n = strcspn(line, "\n");
        if (!is_after(line, n, step)) {
            pf__text_add_bytes(&kept, line, n);
            pf__text_add(&kept, "\n");
        }
        line += n + (line[n] == '\n');
    }
    if (st == PF_OK && kept.failed) st = pf__fail_memory(err, path, length);
    if (st == PF_OK && kept.length != length)
        st = pf__file_write(path, pf__text_string(&kept), kept.length, err);
    pf__text_free(&kept);
    free(text);
    free(path);
    return st;
}
