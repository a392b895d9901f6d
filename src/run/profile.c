/* SPDX-License-Identifier: MIT
 * Where a training step spends its time: the device's side from the launches' timings, the host's from a
 * stopwatch in the training loop. Only what a step enqueues is recorded, not logging, saving or previews. */
#include "run/run.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the host's side ---- */

/* The first steps of a run carry what drivers delay to them: compiling, touching memory. */
enum { LEFT_OUT = 2 };

void pf__watch_begin(pf_trainer *t, int64_t steps) {
    t->watch.skip = steps > LEFT_OUT ? LEFT_OUT : 0;
    t->watch.fresh = true;
}

pf_status pf__watch_enter(pf_trainer *t, pf_error *err) {
    pf__stopwatch *w = &t->watch;
    if (!pf__context_profiles(t->context) || w->skip > 0) return PF_OK;
    if (w->fresh) PF__TRY(pf__context_finish(t->context, err)); /* the steps left out */
    w->fresh = false;
    pf__context_record(t->context, true);
    return PF_OK;
}

void pf__watch_leave(pf_trainer *t, double ahead, double data, double host) {
    pf__stopwatch *w = &t->watch;
    pf__context_record(t->context, false);
    if (w->skip > 0) {
        w->skip--;
        return;
    }
    w->steps++;
    w->ahead += ahead;
    w->data += data;
    w->host += host;
}

void pf__watch_logged(pf_trainer *t, double seconds) {
    if (t->watch.skip == 0) t->watch.logging += seconds;
}

/* ---- families ---- */

/* By the words that labels begin with; others are families by themselves. */
static const char *const families[][2] = {
    {"matmul nn ", "products nn"},
    {"matmul nt ", "products nt"},
    {"matmul tn ", "products tn"},
    {"matmul tt ", "products tt"},
    {"matmul pack ", "packing"},
    {"matmul add ", "sums of slices"},
    {"map ", "pointwise"},
    {"row ", "rows"},
    {"sum ", "sums"},
    {"max ", "sums"},
    {"random ", "random"},
    {"drift ", "drift"},
    {"gather adjoint ", "gather sum"},
    {"gather ", "gather"},
};

static void family_of(const char *label, char *out, size_t size) {
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (strncmp(label, families[i][0], strlen(families[i][0])) == 0) {
            snprintf(out, size, "%s", families[i][1]);
            return;
        }
    size_t n = 0; /* the words before the first figure */
    while (label[n] && !isdigit((unsigned char)label[n])) n++;
    while (n > 0 && isspace((unsigned char)label[n - 1])) n--;
    snprintf(out, size, "%.*s", (int)n, label);
}

static bool is_product(const char *family) {
    return strncmp(family, "products", strlen("products")) == 0;
}

/* ---- the device's side ---- */

typedef struct tally {
    pf_profile *p;
    double steps;
} tally;

/* The row of that name; there is room for it. */
static pf_profile_row *row_of(pf_profile_row *rows, int *count, const char *name) {
    for (int i = 0; i < *count; i++)
        if (strcmp(rows[i].name, name) == 0) return &rows[i];
    pf_profile_row *r = &rows[(*count)++];
    snprintf(r->name, sizeof r->name, "%s", name);
    return r;
}

static void add(const tally *a, pf_profile_row *r, const pf__timing *t, bool product) {
    const double times = (double)t->count / a->steps;
    r->launches += times;
    r->seconds += t->seconds / a->steps;
    r->gap_seconds += t->gap / a->steps;
    r->flops += product ? t->flops * times : 0;
    r->bytes += t->bytes * times;
}

static pf_status add_plan(const tally *a, pf__plan *plan, const char *family, pf_error *err) {
    pf__timing *rows;
    int count;
    pf_profile *p = a->p;
    PF__TRY(pf__list_timings(pf__plan_list(plan), &rows, &count, err));
    for (int i = 0; i < count; i++) {
        char of[sizeof p->families->name], name[sizeof p->launches->name];
        snprintf(name, sizeof name, "%s", rows[i].label);
        if (family)
            snprintf(of, sizeof of, "%s", family);
        else
            family_of(rows[i].label, of, sizeof of);
        add(a, row_of(p->families, &p->family_count, of), &rows[i], is_product(of));
        add(a, row_of(p->launches, &p->launch_count, name), &rows[i], is_product(of));
        p->kernel_seconds += rows[i].seconds / a->steps;
        p->gap_seconds += rows[i].gap / a->steps;
    }
    free(rows);
    return PF_OK;
}

static pf_status add_transfers(const tally *a, pf_context *context, pf_error *err) {
    pf__timing rows[PF__TRANSFERS];
    pf_profile *p = a->p;
    PF__TRY(pf__context_timings(context, rows, err));
    for (int i = 0; i < PF__TRANSFERS; i++) {
        if (!rows[i].count) continue;
        add(a, row_of(p->families, &p->family_count, "transfers"), &rows[i], false);
        add(a, row_of(p->launches, &p->launch_count, rows[i].label), &rows[i], false);
        p->transfer_seconds += rows[i].seconds / a->steps;
        p->gap_seconds += rows[i].gap / a->steps;
    }
    return PF_OK;
}

static int by_seconds(const void *a, const void *b) {
    const double x = ((const pf_profile_row *)a)->seconds, y = ((const pf_profile_row *)b)->seconds;
    return (x < y) - (x > y);
}

static void add_host(const tally *a, const pf__stopwatch *w) {
    pf_profile *p = a->p;
    p->host_seconds = w->host / a->steps;
    p->ahead_seconds = w->ahead / a->steps;
    p->data_seconds = w->data / a->steps;
    p->logging_seconds = w->logging / a->steps;
    p->wall_seconds = p->host_seconds + p->ahead_seconds + p->data_seconds + p->logging_seconds;
}

pf_status pf_trainer_profile(pf_trainer *trainer, pf_profile *out, pf_error *error) {
    *out = (pf_profile){.steps = trainer->watch.steps};
    if (!pf__context_profiles(trainer->context))
        return pf__fail(error, PF_USAGE, "a profile needs a context created with profile");
    if (out->steps == 0) return PF_OK;
    const tally a = {out, (double)out->steps};
    const size_t most = (size_t)pf__list_count(pf__plan_list(trainer->loss)) +
                        (size_t)pf__list_count(pf__plan_list(trainer->optimiser)) + PF__TRANSFERS;
    out->families = calloc(most, sizeof *out->families);
    out->launches = calloc(most, sizeof *out->launches);
    pf_status st = out->families && out->launches
                       ? PF_OK
                       : pf__fail_memory(error, "a profile", most * sizeof *out->families);
    if (st == PF_OK) st = add_plan(&a, trainer->loss, NULL, error);
    if (st == PF_OK) st = add_plan(&a, trainer->optimiser, "optimiser", error);
    if (st == PF_OK) st = add_transfers(&a, trainer->context, error);
    if (st != PF_OK) {
        pf_profile_free(out);
        return st;
    }
    add_host(&a, &trainer->watch);
    trainer->watch = (pf__stopwatch){0};
    qsort(out->families, (size_t)out->family_count, sizeof *out->families, by_seconds);
    qsort(out->launches, (size_t)out->launch_count, sizeof *out->launches, by_seconds);
    return PF_OK;
}

void pf_profile_free(pf_profile *profile) {
    free(profile->families);
    free(profile->launches);
    *profile = (pf_profile){0};
}
