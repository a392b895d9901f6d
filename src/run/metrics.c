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
        st = pf__fail(err, PF_SYSTEM, "%s: cannot append a line: %s", path, strerror(errno));
    if (file && fclose(file) != 0 && st == PF_OK)
        st = pf__fail(err, PF_SYSTEM, "%s: cannot append a line: %s", path, strerror(errno));
    if (st != PF_OK) pf__hint(err, st, "is the disk full, or the run folder gone or not writable?");
    free(path);
    return st;
}

/* A torn line, which a killed process has left, is after every step; its end is missing. */
static pf_status is_after(const char *line, size_t length, int64_t step, bool *after) {
    *after = true;
    if (length == 0 || line[length - 1] != '}') return PF_OK;
    cJSON *json = cJSON_ParseWithLength(line, length);
    if (!json) return PF_SYSTEM;
    const cJSON *number = cJSON_GetObjectItemCaseSensitive(json, "step");
    *after = !cJSON_IsNumber(number) || number->valuedouble > (double)step;
    cJSON_Delete(json);
    return PF_OK;
}

pf_status pf__metrics_rewind(const char *folder, int64_t step, pf_error *err) {
    char *path = pf__path_join(folder, "metrics.jsonl"), *text = NULL;
    size_t length;
    if (!path) return pf__fail_memory(err, folder, strlen(folder));
    pf__file_kind there;
    int64_t size;
    pf_status st = pf__file_look(path, &there, &size, err);
    if (st != PF_OK || there == PF__NOTHING) {
        free(path);
        return st;
    }
    st = pf__file_read(path, &text, &length, err);
    pf__text kept = {0};
    for (const char *line = text; st == PF_OK && *line;) {
        size_t n = strcspn(line, "\n");
        bool after;
        st = is_after(line, n, step, &after);
        if (st != PF_OK) {
            pf__fail(err, st, "%s: line at byte %td: memory is short, or the line is damaged", path,
                     line - text);
            pf__hint(err, st, "delete that line of the history, or make memory free");
        } else if (!after) {
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
