/* SPDX-License-Identifier: MIT
 * report.html of a run folder, made from its files alone: curves of metrics.jsonl, pictures, the
 * configuration. */
#include "base/file.h"
#include "pushforward/draw.h"
#include "run/run.h"
#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The lines of metrics.jsonl, parsed. */
typedef struct lines {
    cJSON **list;
    size_t count;
} lines;

static void free_lines(lines *l) {
    for (size_t i = 0; i < l->count; i++) cJSON_Delete(l->list[i]);
    free(l->list);
}

static pf_status read_lines(const char *folder, lines *out, pf_error *err) {
    *out = (lines){0};
    char *path = pf__path_join(folder, "metrics.jsonl"), *text = NULL;
    size_t length;
    if (!path) return pf__fail_memory(err, folder, strlen(folder));
    pf_status st = pf__file_read(path, &text, &length, err);
    free(path);
    if (st != PF_OK) return st;
    size_t room = 1;
    for (const char *p = text; *p; p++) room += *p == '\n';
    out->list = calloc(room, sizeof *out->list);
    for (const char *p = text; st == PF_OK && out->list && *p;) {
        size_t n = strcspn(p, "\n");
        cJSON *json = cJSON_ParseWithLength(p, n);
        if (!json && n > 0 && p[n - 1] == '}') /* no torn line: it should be readable */
            st = pf__fail(err, PF_SYSTEM,
                          "%s/metrics.jsonl: line at byte %td: memory is short, or it is damaged", folder,
                          p - text);
        if (cJSON_IsObject(json)) /* elements of an array have no names */
            out->list[out->count++] = json;
        else
            cJSON_Delete(json);
        p += n + (p[n] == '\n');
    }
    free(text);
    if (!out->list) st = pf__fail_memory(err, "metrics.jsonl", length);
    if (st != PF_OK) {
        free_lines(out);
        *out = (lines){0};
    }
    return st;
}

static double number(const cJSON *json, const char *name) {
    const cJSON *n = cJSON_GetObjectItemCaseSensitive(json, name);
    return cJSON_IsNumber(n) ? n->valuedouble : NAN;
}

static bool is_positive(const double *y, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (isfinite(y[i]) && y[i] <= 0) return false;
    return true;
}

static pf_status add_curve(pf_page *page, const lines *l, const char *name, pf_error *err) {
    double *xy = malloc(2 * l->count * sizeof *xy);
    if (!xy) return pf__fail_memory(err, name, l->count * 16);
    for (size_t i = 0; i < l->count; i++) {
        xy[i] = number(l->list[i], "step");
        xy[l->count + i] = number(l->list[i], name);
    }
    pf_curve curve = {.x = xy, .y = xy + l->count, .count = l->count};
    pf_plot plot = {
        .title = name, .x_label = "step", .curves = &curve, .curve_count = 1, .width = 480, .height = 280};
    plot.y_log = is_positive(xy + l->count, l->count);
    pf_status st = pf_page_plot(page, &plot, err);
    free(xy);
    return st;
}

static pf_status add_curves(pf_page *page, const lines *l, pf_error *err) {
    static const char *const plain[] = {
        "step", "samples", "lr", "skipped", "ms_per_step", "samples_per_second", "memory_bytes", "seconds"};
    pf_page_row_begin(page);
    pf_status st = PF_OK;
    const cJSON *last = l->count ? l->list[l->count - 1] : NULL;
    for (const cJSON *e = last ? last->child : NULL; e && st == PF_OK; e = e->next) {
        bool curve = true;
        for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
            curve = curve && strcmp(e->string, plain[i]) != 0;
        if (curve) st = add_curve(page, l, e->string, err);
    }
    pf_page_row_end(page);
    return st;
}

static void add_table(pf_page *page, const lines *l) {
    static const char *const names[][2] = {{"step", "steps"},
                                           {"samples", "samples seen"},
                                           {"loss", "loss (last interval)"},
                                           {"fm_error", "flow-matching error (last interval)"},
                                           {"ms_per_step", "milliseconds a step"},
                                           {"samples_per_second", "samples a second"},
                                           {"seconds", "seconds of training"}};
    enum { ROWS = sizeof names / sizeof *names };
    char text[ROWS][32];
    const char *cells[2 * (ROWS + 1)] = {"", "value"};
    int rows = 1;
    for (int i = 0; i < ROWS && l->count; i++) {
        double value = number(l->list[l->count - 1], names[i][0]);
        if (!isfinite(value)) continue;
        snprintf(text[i], sizeof text[i], value == floor(value) ? "%.0f" : "%.4g", value);
        cells[2 * rows] = names[i][1];
        cells[2 * rows + 1] = text[i];
        rows++;
    }
    pf_page_table(page, cells, rows, 2, NULL);
}

#define PICTURES_MAX 5 /* on a page; of a run that has more, evenly many steps apart */

/* Those of samples/ that training wrote. */
typedef struct pictures {
    char **name; /* malloc each */
    size_t count, room;
} pictures;

static void free_pictures(pictures *p) {
    for (size_t i = 0; i < p->count; i++) free(p->name[i]);
    free(p->name);
}

static pf_status add_name(void *user, const char *name, pf_error *err) {
    pictures *p = user;
    size_t n = strlen(name);
    if (strncmp(name, "step_", 5) != 0 || n < 4 || n > 200 || strcmp(name + n - 4, ".png") != 0) return PF_OK;
    if (p->count == p->room) {
        const size_t room = p->room ? 2 * p->room : 64;
        char **more = realloc(p->name, room * sizeof *more);
        if (!more) return pf__fail_memory(err, name, room * sizeof *more);
        p->name = more;
        p->room = room;
    }
    p->name[p->count] = strdup(name);
    return p->name[p->count] ? (p->count++, PF_OK) : pf__fail_memory(err, name, n + 1);
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static pf_status find_pictures(const char *folder, pictures *p, pf_error *err) {
    *p = (pictures){0};
    char *path = pf__path_join(folder, "samples");
    if (!path) return pf__fail_memory(err, folder, strlen(folder));
    pf_status st = pf__folder_each(path, add_name, p, err);
    if (p->count) qsort(p->name, p->count, sizeof *p->name, by_name);
    free(path);
    return st;
}

static pf_status add_picture(pf_page *page, const char *folder, const char *name, pf_error *err) {
    char inner[300], caption[300];
    snprintf(inner, sizeof inner, "samples/%s", name);
    snprintf(caption, sizeof caption, "samples at step %ld", strtol(name + 5, NULL, 10));
    char *path = pf__path_join(folder, inner);
    if (!path) return pf__fail_memory(err, inner, strlen(inner));
    pf_picture picture;
    pf_status st = pf_draw_png_read(path, 0, &picture, err);
    if (st == PF_OK) {
        st = pf_page_picture(page, &picture, caption, err);
        pf_draw_free(&picture);
    }
    free(path);
    return st;
}

static pf_status add_pictures(pf_page *page, const char *folder, int level, pf_error *err) {
    pictures p;
    pf_status st = find_pictures(folder, &p, err);
    if (st == PF_OK && p.count) {
        const size_t shown = p.count < PICTURES_MAX ? p.count : PICTURES_MAX;
        pf_page_heading(page, level, "Samples");
        pf_page_row_begin(page);
        for (size_t i = 0; i < shown && st == PF_OK; i++)
            st = add_picture(page, folder, p.name[shown > 1 ? i * (p.count - 1) / (shown - 1) : 0], err);
        pf_page_row_end(page);
    }
    free_pictures(&p);
    return st;
}

static pf_status add_config(pf_page *page, const char *folder, int level, pf_error *err) {
    char *path = pf__path_join(folder, "config.ini"), *text = NULL;
    size_t length;
    pf_status st = path ? pf__file_read(path, &text, &length, err)
                        : pf__fail_memory(err, folder, strlen(folder));
    if (st == PF_OK) {
        pf_page_heading(page, level, "Configuration");
        pf_page_code(page, text);
    }
    free(text);
    free(path);
    return st;
}

/* The numbers of eval.json, where `pushforward eval --json` has left one. */
static pf_status add_numbers(pf_page *page, const char *folder, pf_error *err) {
    char *path = pf__path_join(folder, "eval.json"), *text = NULL;
    size_t length;
    if (!path) return pf__fail_memory(err, folder, strlen(folder));
    pf__file_kind there;
    int64_t size;
    pf_status st = pf__file_look(path, &there, &size, err);
    if (there != PF__NOTHING) st = pf__file_read(path, &text, &length, err);
    free(path);
    if (!text) return st;
    cJSON *json = cJSON_Parse(text);
    free(text);
    enum { MOST = 40 };
    char number_text[MOST][32];
    const char *cells[2 * (MOST + 1)] = {"measured", "value"};
    int rows = 1;
    for (const cJSON *e = cJSON_IsObject(json) ? json->child : NULL; e && rows <= MOST; e = e->next) {
        if (!cJSON_IsNumber(e)) continue;
        snprintf(number_text[rows - 1], sizeof number_text[0], "%.4g", e->valuedouble);
        cells[2 * rows] = e->string;
        cells[2 * rows + 1] = number_text[rows - 1];
        rows++;
    }
    if (rows > 1) pf_page_table(page, cells, rows, 2, NULL);
    cJSON_Delete(json);
    return PF_OK;
}

/* level: of its headings */
static pf_status add_run(pf_page *page, const char *folder, int level, pf_error *err) {
    lines l;
    PF__TRY(read_lines(folder, &l, err));
    add_table(page, &l);
    pf_status st = add_numbers(page, folder, err);
    if (st == PF_OK) st = add_pictures(page, folder, level, err);
    if (st == PF_OK) {
        pf_page_heading(page, level, "Curves");
        st = add_curves(page, &l, err);
    }
    if (st == PF_OK) st = add_config(page, folder, level, err);
    free_lines(&l);
    return st;
}

static const char *name_of(const char *folder) {
    const char *slash = strrchr(folder, '/');
    return slash && slash[1] ? slash + 1 : folder;
}

pf_status pf_report_write(const char *path, const char *title, const char *const *folders, int count,
                          pf_error *error) {
    pf_page *page = NULL;
    pf_status st = pf_page_create(title, &page, error);
    for (int i = 0; i < count && st == PF_OK; i++) {
        if (count > 1) pf_page_heading(page, 2, name_of(folders[i]));
        st = add_run(page, folders[i], count > 1 ? 3 : 2, error);
    }
    if (st == PF_OK) st = pf_page_write(page, path, error);
    pf_page_destroy(&page);
    return st;
}

pf_status pf_run_report(const char *folder, pf_error *error) {
    char title[256];
    snprintf(title, sizeof title, "Run %s", name_of(folder));
    char *path = pf__path_join(folder, "report.html");
    if (!path) return pf__fail_memory(error, folder, strlen(folder));
    pf_status st = pf_report_write(path, title, &folder, 1, error);
    free(path);
    return st;
}
