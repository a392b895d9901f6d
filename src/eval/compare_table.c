/* SPDX-License-Identifier: MIT
 * The comparison as tables of text: quality and cost of each method, means over seeds, for terminals and
 * pages. */
#include "eval/compare.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COST_COLUMNS = 6 };

/* ---- means over seeds ---- */

static const pf_compare_row *row_of(const pf_compare *c, int set, int seed, int e) {
    return &c->rows[(set * c->seed_count + seed) * c->entry_count + e];
}

/* A number of a row. */
typedef double part(const pf_compare_row *r, int q);

static double sliced(const pf_compare_row *r, int q) {
    return r->quality[q].sliced_w2;
}
static double within(const pf_compare_row *r, int q) {
    return *r->quality[q].solver && r->quality[q].modes.modes ? r->quality[q].modes.within : NAN;
}
static double covered(const pf_compare_row *r, int q) {
    return *r->quality[q].solver && r->quality[q].modes.modes ? (double)r->quality[q].modes.covered : NAN;
}
static double least_share(const pf_compare_row *r, int q) {
    return *r->quality[q].solver && r->quality[q].modes.modes ? r->quality[q].modes.least_share : NAN;
}
static double train_seconds(const pf_compare_row *r, int q) {
    (void)q;
    return r->train_seconds;
}
static double teacher_seconds(const pf_compare_row *r, int q) {
    (void)q;
    return r->teacher ? r->teacher_seconds : NAN;
}
static double step_ms(const pf_compare_row *r, int q) {
    (void)q;
    return r->step_seconds > 0 ? 1e3 * r->step_seconds : NAN;
}
static double memory_mib(const pf_compare_row *r, int q) {
    (void)q;
    return r->memory_bytes > 0 ? r->memory_bytes / 0x1p20 : NAN;
}

static int mean_of(const pf_compare *c, int set, int e, int q, part *of, double *mean, double *deviation) {
    double sum = 0, square = 0;
    int count = 0;
    for (int s = 0; s < c->seed_count; s++) {
        const pf_compare_row *r = row_of(c, set, s, e);
        const double value = r->done ? of(r, q) : NAN;
        if (!isfinite(value)) continue;
        sum += value;
        square += value * value;
        count++;
    }
    *mean = count ? sum / count : NAN;
    *deviation = count > 1 ? sqrt(fmax(0, square - sum * sum / count) / (count - 1)) : 0;
    return count;
}

int pf__compare_mean(const pf_compare *c, int set, int e, int q, double *mean, double *deviation) {
    return mean_of(c, set, e, q, sliced, mean, deviation);
}

static bool is_done(const pf_compare *c, int set, int e) {
    for (int s = 0; s < c->seed_count; s++)
        if (row_of(c, set, s, e)->done) return true;
    return false;
}

/* ---- cells ---- */

static char *cell(pf__compare_table *t, int row, int column) {
    return t->cell[row * t->columns + column];
}

static void set_text(pf__compare_table *t, int row, int column, const char *text) {
    snprintf(cell(t, row, column), PF__COMPARE_CELL, "%s", text);
}

/* Three digits, or places after the point where they are given; the spread over seeds where there are
 * several. */
static void set_mean(const pf_compare *c, pf__compare_table *t, int row, int column, int set, int e, int q,
                     part *of, int places) {
    double mean, deviation;
    const int count = mean_of(c, set, e, q, of, &mean, &deviation);
    if (!count)
        set_text(t, row, column, "-");
    else if (places >= 0 && count > 1)
        snprintf(cell(t, row, column), PF__COMPARE_CELL, "%.*f \xC2\xB1%.*f", places, mean, places,
                 deviation);
    else if (places >= 0)
        snprintf(cell(t, row, column), PF__COMPARE_CELL, "%.*f", places, mean);
    else
        snprintf(cell(t, row, column), PF__COMPARE_CELL, mean >= 99.5 ? "%.0f" : "%.3g", mean);
}

static pf_status reserve(pf__compare_table *t, int rows, int columns, pf_error *err) {
    *t = (pf__compare_table){.rows = rows, .columns = columns};
    const size_t n = (size_t)rows * (size_t)columns;
    t->cell = calloc(n, sizeof *t->cell);
    t->list = calloc(n, sizeof *t->list);
    if (!t->cell || !t->list) {
        pf__compare_table_free(t);
        return pf__fail_memory(err, "a table", n * sizeof *t->cell);
    }
    for (size_t i = 0; i < n; i++) t->list[i] = t->cell[i];
    return PF_OK;
}

void pf__compare_table_free(pf__compare_table *t) {
    free(t->cell);
    free(t->list);
    *t = (pf__compare_table){0};
}

static int count_done(const pf_compare *c, int set) {
    int done = 0;
    for (int e = 0; e < c->entry_count; e++) done += is_done(c, set, e);
    return done;
}

static void set_heading(const pf_compare *c, pf__compare_table *t) {
    static const char *const cost[COST_COLUMNS] = {"modes",     "within",  "train s",
                                                   "teacher s", "ms/step", "MiB"};
    set_text(t, 0, 0, "method");
    for (int q = 0; q < c->nfe_count; q++)
        snprintf(cell(t, 0, 1 + q), PF__COMPARE_CELL, q ? "at %d" : "W2 at %d", c->nfe[q]);
    for (int k = 0; k < COST_COLUMNS; k++) set_text(t, 0, 1 + c->nfe_count + k, cost[k]);
}

/* "8/8" with the fewest evaluations. */
static void set_modes(const pf_compare *c, pf__compare_table *t, int row, int column, int set, int e, int q) {
    double mean, deviation;
    const int modes = c->set[set].draws.modes;
    if (!modes || !mean_of(c, set, e, q, covered, &mean, &deviation))
        set_text(t, row, column, "-");
    else
        snprintf(cell(t, row, column), PF__COMPARE_CELL, mean == floor(mean) ? "%.0f/%d" : "%.1f/%d", mean,
                 modes);
}

pf_status pf__compare_table_make(const pf_compare *c, int set, pf__compare_table *t, pf_error *err) {
    const int at = 1 + c->nfe_count;
    PF__TRY(reserve(t, 2 + count_done(c, set), at + COST_COLUMNS, err));
    set_heading(c, t);
    set_text(t, 1, 0, "floor");
    if (c->set[set].draws.pairs) snprintf(cell(t, 1, 1), PF__COMPARE_CELL, "%.4f", c->set[set].draws.floor);
    for (int k = c->set[set].draws.pairs ? 2 : 1; k < t->columns; k++) set_text(t, 1, k, "");
    for (int e = 0, row = 2; e < c->entry_count; e++) {
        if (!is_done(c, set, e)) continue;
        set_text(t, row, 0, c->entry[e].name);
        for (int q = 0; q < c->nfe_count; q++) set_mean(c, t, row, 1 + q, set, e, q, sliced, 4);
        set_modes(c, t, row, at, set, e, 0);
        set_mean(c, t, row, at + 1, set, e, 0, within, 3);
        set_mean(c, t, row, at + 2, set, e, 0, train_seconds, -1);
        set_mean(c, t, row, at + 3, set, e, 0, teacher_seconds, -1);
        set_mean(c, t, row, at + 4, set, e, 0, step_ms, -1);
        set_mean(c, t, row, at + 5, set, e, 0, memory_mib, -1);
        row++;
    }
    return PF_OK;
}

pf_status pf__compare_table_modes(const pf_compare *c, int set, pf__compare_table *t, pf_error *err) {
    PF__TRY(reserve(t, 1 + count_done(c, set), 1 + 2 * c->nfe_count, err));
    set_text(t, 0, 0, "method");
    for (int q = 0; q < c->nfe_count; q++) {
        snprintf(cell(t, 0, 1 + 2 * q), PF__COMPARE_CELL, q ? "at %d" : "within at %d", c->nfe[q]);
        snprintf(cell(t, 0, 2 + 2 * q), PF__COMPARE_CELL, q ? "least" : "least share");
    }
    for (int e = 0, row = 1; e < c->entry_count; e++) {
        if (!is_done(c, set, e)) continue;
        set_text(t, row, 0, c->entry[e].name);
        for (int q = 0; q < c->nfe_count; q++) {
            set_mean(c, t, row, 1 + 2 * q, set, e, q, within, 3);
            set_mean(c, t, row, 2 + 2 * q, set, e, q, least_share, 3);
        }
        row++;
    }
    return PF_OK;
}

/* ---- text ---- */

void pf__compare_caption(const pf_compare *c, int set, pf__text *out) {
    const pf__draws *d = &c->set[set].draws;
    pf__text_format(out,
                    "sliced W2 (%d directions) between %lld samples and as many real ones, by network "
                    "evaluations per sample",
                    c->slices, (long long)d->count);
    pf__text_format(out, "; in units of the data, whose deviation is %.3g", d->deviation);
    if (d->pairs)
        pf__text_format(out, "; floor: mean of %d pairs of real sets%s", d->pairs,
                        d->balanced ? ", balanced" : "");
}

/* Columns on a terminal: bytes that begin a character. */
static int width_of(const char *text) {
    int width = 0;
    for (; *text; text++) width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

static void add_cells(const pf__compare_table *t, pf__text *out) {
    int width[PF__COMPARE_COLUMNS] = {0};
    for (int i = 0; i < t->rows * t->columns; i++) {
        const int w = width_of(t->list[i]);
        if (w > width[i % t->columns]) width[i % t->columns] = w;
    }
    for (int i = 0; i < t->rows; i++) {
        pf__text line = {0};
        for (int k = 0; k < t->columns; k++) {
            const char *text = t->list[i * t->columns + k];
            const int pad = width[k] - width_of(text);
            if (k == 0)
                pf__text_format(&line, "%s%*s", text, pad, "");
            else
                pf__text_format(&line, "  %*s%s", pad, "", text);
        }
        while (line.length && line.data[line.length - 1] == ' ') line.data[--line.length] = '\0';
        pf__text_format(out, "%s\n", pf__text_string(&line));
        out->failed |= line.failed;
        pf__text_free(&line);
    }
}

char *pf_compare_text(const pf_compare *compare) {
    pf__text text = {0};
    for (int s = 0; s < compare->set_count; s++) {
        pf__compare_table table;
        if (!count_done(compare, s)) continue;
        if (pf__compare_table_make(compare, s, &table, NULL) != PF_OK) {
            pf__text_free(&text);
            return NULL;
        }
        pf__text_format(&text, "%s%s: ", text.length ? "\n" : "", compare->set[s].name);
        pf__compare_caption(compare, s, &text);
        pf__text_add(&text, "\n\n");
        add_cells(&table, &text);
        pf__compare_table_free(&table);
    }
    char *copy = text.failed ? NULL : strdup(pf__text_string(&text));
    pf__text_free(&text);
    return copy;
}
