/* SPDX-License-Identifier: MIT
 * The self-test: group after group on the device against the interpreter, a row for each, a verdict. */
#include "bench/selftest.h"
#include "base/clock.h"
#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct session {
    pf_context *context;
    pf_selftest_desc desc;
    pf_selftest_result result;
    pf_error first; /* of the first basic row that did not run, or else of the first optional one */
    bool first_is_basic;
    pf__text wrong, basic, optional, unsteady;
} session;

static pf_status run_group(const session *s, const pf__selftest_group *group, const char *candidate,
                           pf__finding *found, pf_error *err) {
    pf__trial trial = {0};
    PF__TRY(pf_graph_create(&trial.graph, err));
    group->build(&trial, s->desc.quick);
    pf_status st = pf__trial_run(&trial, s->context, candidate, found, err);
    pf_graph_destroy(&trial.graph);
    return st;
}

/* The generic product is what remains when all others are avoided. */
static bool is_optional(const char *candidate) {
    return candidate && strcmp(candidate, "generic") != 0;
}

static void list(pf__text *out, const char *name) {
    pf__text_format(out, "%s%s", out->length ? ", " : "", name);
}

static void avoid(session *s, const char *candidate) {
    char *all = s->result.avoid;
    const size_t used = strlen(all);
    if (!strstr(all, candidate))
        snprintf(all + used, sizeof s->result.avoid - used, "%s%s", used ? "," : "", candidate);
}

static void describe_row(pf__text *out, const pf_selftest_row *row) {
    list(out, row->name);
    if (row->state == PF_SELFTEST_WRONG)
        pf__text_format(out, " (%s: %.2g, tolerance %.2g)", row->worst, row->error, row->tolerance);
    else
        pf__text_format(out, " (did not run: %.120s)", row->detail);
}

static void take_bad_row(session *s, const pf_selftest_row *row, const pf_error *err) {
    const bool optional = is_optional(row->candidate);
    if (optional) avoid(s, row->candidate);
    describe_row(optional ? &s->optional : &s->basic, row);
    if (row->state == PF_SELFTEST_WRONG) {
        s->result.wrong++;
        describe_row(&s->wrong, row);
        return;
    }
    if (s->result.failed++ == 0 || (!optional && !s->first_is_basic)) {
        s->first = *err;
        s->first_is_basic = !optional;
    }
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
    s->result.rows++;
    if (row.state != PF_SELFTEST_OK) take_bad_row(s, &row, err);
    if (s->desc.report) s->desc.report(s->desc.user, &row);
}

/* A bad row that used an optional candidate by the device's choice is tried once more without it: whose fault
 * is it? */
static void group_row(session *s, const pf__selftest_group *group, const char *candidate) {
    const double began = pf__seconds();
    pf__finding found = {0};
    pf_error err = {0};
    char name[96];
    const pf_status st = run_group(s, group, candidate, &found, &err);
    if (st == PF_OK && !found.applies) return;
    const char *used = candidate ? candidate : found.optional[0] ? found.optional : NULL;
    if (st == PF_OK && !found.repeats && is_optional(used))
        pf__finding_take(&found, "two runs, other bits", 1);
    else if (st == PF_OK && !found.repeats)
        list(&s->unsteady, group->name);
    const bool doubtful = !candidate && used && !(st == PF_OK && found.error <= group->tolerance);
    snprintf(name, sizeof name, "%s%s%s", group->name, used && !group->candidate ? " by " : "",
             used && !group->candidate ? used : "");
    const pf_selftest_row row = {.name = name, .candidate = used, .tolerance = group->tolerance};
    finish_row(s, row, &found, st, &err, began);
    if (doubtful) group_row(s, group, "generic");
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

static void run_rows(session *s) {
    const pf__selftest_when other = s->desc.quick ? PF__SELFTEST_FULL : PF__SELFTEST_QUICK;
    for (const pf__selftest_group *group = pf__selftest_groups; group->name; group++)
        if (group->when != other) group_row(s, group, group->candidate);
    philox_row(s);
    repeat_row(s);
}

/* The programs serve this once: they are not kept. */
pf_status pf_selftest_run(pf_context *context, const pf_selftest_desc *desc, pf_selftest_result *result,
                          pf_error *error) {
    session s = {.context = context, .desc = desc ? *desc : (pf_selftest_desc){0}};
    char avoided[sizeof s.result.avoid];
    const double began = pf__seconds();
    const bool keep = pf__context_keep(context, false);
    snprintf(avoided, sizeof avoided, "%s", pf_context_avoided(context));
    pf_context_avoid(context, NULL, NULL);
    s.result.quick = s.desc.quick;
    run_rows(&s);
    pf_context_avoid(context, avoided, NULL);
    pf__context_keep(context, keep);
    s.result.seconds = pf__seconds() - began;
    snprintf(s.result.basic, sizeof s.result.basic, "%s", pf__text_string(&s.basic));
    snprintf(s.result.optional, sizeof s.result.optional, "%s", pf__text_string(&s.optional));
    const bool cut = s.wrong.failed || s.basic.failed || s.optional.failed || s.unsteady.failed;
    if (!s.first_is_basic && !cut) pf__verdict_store(context, &s.result);
    if (result) *result = s.result;
    const pf_status st = cut ? pf__fail_memory(error, "the self-test's findings", s.basic.length)
                             : verdict(&s, error);
    pf__text_free(&s.wrong);
    pf__text_free(&s.basic);
    pf__text_free(&s.optional);
    pf__text_free(&s.unsteady);
    return st;
}

pf_status pf_selftest_require(pf_context *context, const pf_selftest_desc *desc, pf_selftest_result *result,
                              pf_error *error) {
    static const pf_selftest_desc quick = {.quick = true};
    pf_selftest_result own, *r = result ? result : &own;
    pf_error err = {0};
    pf_status st = PF_OK;
    if (!pf_selftest_recall(context, r)) st = pf_selftest_run(context, desc ? desc : &quick, r, &err);
    PF__TRY(pf_context_avoid(context, r->avoid, error));
    if (!r->basic[0]) return PF_OK;
    if (st == PF_OK || st == PF_MISMATCH)
        st = pf__fail(error, PF_MISMATCH, "the device %s computes wrongly: %s",
                      pf_context_device(context)->name, r->basic);
    else if (error)
        *error = err;
    return pf__hint(error, st,
                    "update the driver, or choose another device; pushforward selftest tests again, "
                    "runtime.selftest = off trains nevertheless");
}
