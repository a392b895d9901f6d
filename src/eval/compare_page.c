/* SPDX-License-Identifier: MIT
 * The page of a comparison: for each data set the table, the curves of quality over evaluations, and pictures
 * side by side; made from the rows and the pictures of the folder. */
#include "base/file.h"
#include "eval/compare.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLOURS = 8, CURVES = COLOURS + PF__COMPARE_ENTRIES + 1 };

static bool is_done(const pf_compare *c, int set, int e) {
    double mean, deviation;
    for (int q = 0; q < c->nfe_count; q++)
        if (pf__compare_mean(c, set, e, q, &mean, &deviation)) return true;
    return false;
}

/* ---- words and tables ---- */

static void add_introduction(pf_page *page, const pf_compare *c) {
    const pf_compare_row *r = &c->rows[0];
    const double seen = (double)(r->steps * r->batch);
    pf__text t = {0};
    pf__text_format(&t, "Each method trained the same network (%s, width %s, depth %s) on the same data, ",
                    pf_config_get(c->common, "model.kind"), pf_config_get(c->common, "model.width"),
                    pf_config_get(c->common, "model.depth"));
    pf__text_format(&t, "%.3g %s samples, with ", seen >= 1e6 ? 1e-6 * seen : 1e-3 * seen,
                    seen >= 1e6 ? "million" : "thousand");
    if (c->seed_count == 1)
        pf__text_format(&t, "seed %llu", (unsigned long long)c->seed[0]);
    else
        pf__text_format(&t, "%d seeds (\xC2\xB1 is their standard deviation)", c->seed_count);
    pf__text_format(&t, ", on %s. Samples were drawn with the averaged weights.", c->device.name);
    pf_page_text(page, pf__text_string(&t));
    pf__text_free(&t);
}

static pf_status add_tables(pf_page *page, const pf_compare *c, int set, pf_error *err) {
    pf__compare_table table;
    pf__text caption = {0};
    PF__TRY(pf__compare_table_make(c, set, &table, err));
    pf__compare_caption(c, set, &caption);
    if (c->set[set].draws.modes)
        pf__text_format(&caption, "; modes reached, and the share of samples within the radius of 99 %% of "
                                  "their mode, with the fewest "
                                  "evaluations");
    pf__text_add(&caption, "; train s: seconds of training, beside those of its teacher");
    pf_page_table(page, table.list, table.rows, table.columns, pf__text_string(&caption));
    pf__text_free(&caption);
    pf__compare_table_free(&table);
    return PF_OK;
}

static pf_status add_modes(pf_page *page, const pf_compare *c, int set, pf_error *err) {
    pf__compare_table table;
    if (!c->set[set].draws.modes) return PF_OK;
    PF__TRY(pf__compare_table_modes(c, set, &table, err));
    pf_page_heading(page, 2, "Modes");
    pf_page_table(
        page, table.list, table.rows, table.columns,
        "By evaluations per sample: share of samples within the radius of 99 % of their mode, and the "
        "least share of a mode over its due");
    pf__compare_table_free(&table);
    return PF_OK;
}

/* ---- curves ---- */

/* A line for each method, and its dots, which are as many curves later as there are colours. */
static pf_status add_curves(pf_page *page, const pf_compare *c, int set, pf_error *err) {
    const size_t n = (size_t)c->nfe_count;
    double *numbers = calloc((size_t)(c->entry_count + 2) * n, sizeof *numbers), deviation;
    pf_curve *curves = calloc(CURVES, sizeof *curves);
    if (!numbers || !curves) {
        free(numbers);
        free(curves);
        return pf__fail_memory(err, "curves", (unsigned long long)n * sizeof *numbers);
    }
    double *at = numbers, *y = at + n;
    int lines = 0;
    for (size_t q = 0; q < n; q++) at[q] = c->nfe[q];
    for (int e = 0; e < c->entry_count; e++) {
        if (!is_done(c, set, e)) continue;
        for (size_t q = 0; q < n; q++) pf__compare_mean(c, set, e, (int)q, &y[q], &deviation);
        curves[lines++] = (pf_curve){.label = c->entry[e].name, .x = at, .y = y, .count = n};
        y += n;
    }
    const bool dots = lines < COLOURS;
    int count = lines;
    if (c->set[set].draws.pairs) {
        for (size_t q = 0; q < n; q++) y[q] = c->set[set].draws.floor;
        curves[count++] = (pf_curve){.label = "floor", .x = at, .y = y, .count = n, .dashed = 1};
    }
    for (int i = 0; dots && i < lines; i++) {
        curves[COLOURS + i] = curves[i];
        curves[COLOURS + i].label = NULL;
        curves[COLOURS + i].dots = 1;
    }
    pf_plot plot = {.x_label = "network evaluations per sample",
                    .y_label = "sliced W2",
                    .curves = curves,
                    .curve_count = dots ? COLOURS + lines : count,
                    .x_log = 1,
                    .y_log = 1,
                    .height = 380};
    pf_status st = pf_page_plot(page, &plot, err);
    free(numbers);
    free(curves);
    return st;
}

/* ---- pictures ---- */

static pf_status add_picture(pf_page *page, char *path, const char *caption, pf_error *err) {
    pf_picture picture;
    if (!path) return pf__fail_memory(err, "a picture", 0);
    pf_status st = pf_draw_png_read(path, 0, &picture, err);
    free(path);
    if (st != PF_OK) return st;
    st = pf_page_picture(page, &picture, caption, err);
    pf_draw_free(&picture);
    return st;
}

/* The first row of an entry that is done, or NULL. */
static const pf_compare_row *first_of(const pf_compare *c, int set, int e) {
    for (int s = 0; s < c->seed_count; s++) {
        const pf_compare_row *r = &c->rows[(set * c->seed_count + s) * c->entry_count + e];
        if (r->done) return r;
    }
    return NULL;
}

/* Real draws, and beside them what each method draws with the fewest evaluations. */
static pf_status add_first_pictures(pf_page *page, const pf_compare *c, int set, pf_error *err) {
    char caption[128];
    snprintf(caption, sizeof caption, "%d network evaluation%s", c->nfe[0], c->nfe[0] == 1 ? "" : "s");
    pf_page_heading(page, 2, caption);
    pf_page_row_begin(page);
    pf_status st = add_picture(page, pf__compare_data_picture_path(c, &c->set[set]), "real", err);
    for (int e = 0; e < c->entry_count && st == PF_OK; e++) {
        const pf_compare_row *r = first_of(c, set, e);
        if (!r || !*r->quality[0].solver) continue;
        snprintf(caption, sizeof caption, "%s: %.4f", r->name, r->quality[0].sliced_w2);
        st = add_picture(page, pf__compare_picture_path(c, r, c->nfe[0]), caption, err);
    }
    pf_page_row_end(page);
    return st;
}

static pf_status add_more_pictures(pf_page *page, const pf_compare *c, int set, pf_error *err) {
    char caption[128];
    for (int e = 0; e < c->entry_count; e++) {
        const pf_compare_row *r = first_of(c, set, e);
        int more = 0;
        for (int q = 1; r && q < c->nfe_count; q++) more += *r->quality[q].solver != '\0';
        if (!more) continue;
        pf_page_heading(page, 3, r->name);
        pf_page_row_begin(page);
        pf_status st = PF_OK;
        for (int q = 0; q < c->nfe_count && st == PF_OK; q++) {
            const pf_compare_quality *k = &r->quality[q];
            const bool map = strcmp(k->solver, "map") == 0;
            if (!*k->solver) continue;
            snprintf(caption, sizeof caption, "%d%s%s: %.4f", k->nfe, map ? "" : ", ", map ? "" : k->solver,
                     k->sliced_w2);
            st = add_picture(page, pf__compare_picture_path(c, r, k->nfe), caption, err);
        }
        pf_page_row_end(page);
        PF__TRY(st);
    }
    return PF_OK;
}

/* ---- the page ---- */

static pf_status add_set(pf_page *page, const pf_compare *c, int set, pf_error *err) {
    bool any = false;
    for (int e = 0; e < c->entry_count; e++) any = any || is_done(c, set, e);
    if (!any) return PF_OK;
    pf_page_heading(page, 1, c->set[set].name);
    PF__TRY(add_tables(page, c, set, err));
    PF__TRY(add_curves(page, c, set, err));
    PF__TRY(add_first_pictures(page, c, set, err));
    if (c->nfe_count > 1) {
        pf_page_heading(page, 2, "More network evaluations");
        PF__TRY(add_more_pictures(page, c, set, err));
    }
    return add_modes(page, c, set, err);
}

/* As it was read, of all entries. */
static pf_status add_configuration(pf_page *page, const pf_compare *c, pf_error *err) {
    pf__text t = {0};
    for (size_t i = 0; i < c->pair_count; i++) {
        const pf__compare_pair *p = &c->pairs[i];
        if (i == 0 || strcmp(p->section, c->pairs[i - 1].section) != 0)
            pf__text_format(&t, "%s[%s]\n", i ? "\n" : "", p->section);
        pf__text_format(&t, "%s = %s\n", p->name, p->value);
    }
    pf_page_heading(page, 1, "Configuration");
    pf_page_code(page, pf__text_string(&t));
    const bool failed = t.failed;
    pf__text_free(&t);
    return failed ? pf__fail_memory(err, "configuration", 0) : PF_OK;
}

pf_status pf__compare_page(const pf_compare *c, const char *path, pf_error *err) {
    pf_page *page = NULL;
    char title[128], *json = pf_compare_json(c);
    snprintf(title, sizeof title, "One network, one budget, %d method%s", c->entry_count,
             c->entry_count == 1 ? "" : "s");
    pf_status st = json ? pf_page_create(title, &page, err) : pf__fail_memory(err, "comparison", 0);
    if (st == PF_OK) add_introduction(page, c);
    for (int s = 0; s < c->set_count && st == PF_OK; s++) st = add_set(page, c, s, err);
    if (st == PF_OK) st = add_configuration(page, c, err);
    if (st == PF_OK) pf_page_data(page, "comparison", json);
    if (st == PF_OK) st = pf_page_write(page, path, err);
    pf_page_destroy(&page);
    free(json);
    return st;
}
