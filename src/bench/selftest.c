/* SPDX-License-Identifier: MIT
 * The self-test: group after group on the device against the interpreter, a row for each, a verdict. */
#include "bench/selftest.h"
#include "base/clock.h"
#include "base/text.h"
#include "pushforward/bench.h"
#include <math.h>
#include <stdio.h>

typedef struct session {
    pf_context *context;
    pf_selftest_desc desc;
    pf_selftest_result result;
    pf_error first; /* of a row that failed */
    pf__text wrong, unsteady;
} session;

static pf_status run_group(const session *s, const pf__selftest_group *group, pf__finding *found,
                           pf_error *err) {
    pf__trial trial = {0};
    PF__TRY(pf_graph_create(&trial.graph, err));
    group->build(&trial, s->desc.quick);
    pf_status st = pf__trial_run(&trial, s->context, group->candidate, found, err);
    pf_graph_destroy(&trial.graph);
    return st;
}

static void list(pf__text *out, const char *name) {
    pf__text_format(out, "%s%s", out->length ? ", " : "", name);
}

static void count(session *s, const pf_selftest_row *row, const pf_error *err) {
    s->result.rows++;
    if (row->state == PF_SELFTEST_WRONG) {
        s->result.wrong++;
        list(&s->wrong, row->name);
        pf__text_format(&s->wrong, " (%s: %.2g, tolerance %.2g)", row->worst, row->error, row->tolerance);
    } else if (row->state == PF_SELFTEST_FAILED) {
        if (s->result.failed++ == 0) s->first = *err;
    }
    if (s->desc.report) s->desc.report(s->desc.user, row);
}

static void finish_row(session *s, pf_selftest_row row, const pf__finding *found, pf_status st,
                       const pf_error *err, double began) {
    row.seconds = pf__seconds() - began;
    row.worst = found->worst ? found->worst : "";
    row.detail = st == PF_OK ? "" : err->message;
    row.checks = found->checks;
    row.error = st == PF_OK ? found->error : NAN;
    row.state = st != PF_OK                     ? PF_SELFTEST_FAILED
                : found->error <= row.tolerance ? PF_SELFTEST_OK
                                                : PF_SELFTEST_WRONG;
    count(s, &row, err);
}

static void group_row(session *s, const pf__selftest_group *group) {
    const double began = pf__seconds();
    pf__finding found = {0};
    pf_error err = {0};
    const pf_status st = run_group(s, group, &found, &err);
    if (st == PF_OK && !found.applies) return;
    if (st == PF_OK && !found.repeats) list(&s->unsteady, group->name);
    const pf_selftest_row row = {
        .name = group->name, .candidate = group->candidate, .tolerance = group->tolerance};
    finish_row(s, row, &found, st, &err, began);
}

static void philox_row(session *s) {
    const double began = pf__seconds();
    pf__finding found = {0};
    pf_error err = {0};
    const pf_status st = pf__selftest_philox(s->context, &found, &err);
    finish_row(s, (pf_selftest_row){.name = "random: published bits"}, &found, st, &err, began);
}

/* Every row replayed its plan twice. */
static void repeat_row(session *s) {
    const char *unsteady = pf__text_string(&s->unsteady);
    pf__finding found = {0};
    pf__finding_take(&found, unsteady, *unsteady ? 1 : 0);
    finish_row(s, (pf_selftest_row){.name = "two runs, equal bits"}, &found, PF_OK, &(pf_error){0},
               pf__seconds());
}

static pf_status verdict(const session *s, pf_error *err) {
    const char *device = pf_context_device(s->context)->name;
    if (s->result.wrong) {
        pf_status st = pf__fail(err, PF_MISMATCH, "the device %s computes wrongly: %s", device,
                                pf__text_string(&s->wrong));
        return pf__hint(err, st, "update the driver, or choose another device with --device");
    }
    if (!s->result.failed) return PF_OK;
    pf_status st = pf__fail(err, s->first.status, "%d of %d rows of the self-test did not run on %s: %s",
                            s->result.failed, s->result.rows, device, s->first.message);
    return pf__hint(err, st, "%s", s->first.hint);
}

pf_status pf_selftest_run(pf_context *context, const pf_selftest_desc *desc, pf_selftest_result *result,
                          pf_error *error) {
    session s = {.context = context, .desc = desc ? *desc : (pf_selftest_desc){0}};
    const double began = pf__seconds();
    const pf__selftest_when other = s.desc.quick ? PF__SELFTEST_FULL : PF__SELFTEST_QUICK;
    for (const pf__selftest_group *group = pf__selftest_groups; group->name; group++)
        if (group->when != other) group_row(&s, group);
    philox_row(&s);
    repeat_row(&s);
    s.result.seconds = pf__seconds() - began;
    if (result) *result = s.result;
    const pf_status st = verdict(&s, error);
    pf__text_free(&s.wrong);
    pf__text_free(&s.unsteady);
    return st;
}
