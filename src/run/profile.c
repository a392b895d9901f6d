/* SPDX-License-Identifier: MIT
 * Where a training step spends its time: launches by their share, as text. */
#include "run/run.h"
#include <stdlib.h>
#include <string.h>

static int by_seconds(const void *a, const void *b) {
    double x = ((const pf__timing *)a)->seconds, y = ((const pf__timing *)b)->seconds;
    return (x < y) - (x > y);
}

static void print_row(pf__text *t, const pf__timing *r, double total) {
    double mean = r->count ? r->seconds / (double)r->count : 0;
    pf__text_format(t, "%6.1f %%  %9.1f us", total > 0 ? 100 * r->seconds / total : 0, 1e6 * mean);
    if (r->flops > 0 && mean > 0)
        pf__text_format(t, "  %8.2f Gflop/s", 1e-9 * r->flops / mean);
    else if (mean > 0)
        pf__text_format(t, "  %8.2f Gbyte/s", 1e-9 * r->bytes / mean);
    pf__text_format(t, "  %s\n", r->label);
}

/* Appends the rows of one plan to list. */
static pf_status collect(pf__plan *plan, pf__timing **list, int *count, pf_error *err) {
    pf__timing *rows;
    int n;
    PF__TRY(pf__list_timings(pf__plan_list(plan), &rows, &n, err));
    pf__timing *all = realloc(*list, ((size_t)*count + (size_t)n + 1) * sizeof *all);
    if (all) {
        if (n > 0) memcpy(all + *count, rows, (size_t)n * sizeof *rows);
        *list = all;
        *count += n;
    }
    free(rows);
    return all ? PF_OK : pf__fail_memory(err, "timings", (size_t)n * sizeof *all);
}

pf_status pf_trainer_profile(pf_trainer *trainer, char **text, pf_error *error) {
    pf__timing *rows = NULL;
    pf__text t = {0};
    int count = 0;
    double total = 0;
    *text = NULL;
    pf_status st = collect(trainer->loss, &rows, &count, error);
    if (st == PF_OK) st = collect(trainer->optimiser, &rows, &count, error);
    if (st == PF_OK) {
        for (int i = 0; i < count; i++) total += rows[i].seconds;
        if (count > 0) qsort(rows, (size_t)count, sizeof *rows, by_seconds);
        pf__text_format(&t, "on the device: %.3g ms a step\n",
                        count > 0 && rows[0].count ? 1e3 * total / (double)rows[0].count : 0);
        for (int i = 0; i < count; i++) print_row(&t, &rows[i], total);
        *text = t.failed ? NULL : strdup(pf__text_string(&t));
        if (!*text) st = pf__fail_memory(error, "timings", t.length);
    }
    pf__text_free(&t);
    free(rows);
    return st;
}
