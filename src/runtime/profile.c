/* SPDX-License-Identifier: MIT
 * What launches and transfers took, by OpenCL events, and how long the queue stood idle before each.
 *
 *   queue:  [write] gap [kernel 0] gap [kernel 1] ...      one span of the ring for each, in this order
 *   taken ─▶ spans in flight ─▶ pushed                     the oldest is read when the ring is full, or all
 * of them when somebody asks
 *
 * The ring holds many steps, so that reading it does not hold up a host that runs a few steps ahead. */
#include "runtime/objects.h"
#include <assert.h>
#include <stdlib.h>

enum { SPANS = 4096 };

typedef struct sum {
    double seconds, gap, bytes;
    uint64_t count;
} sum;

struct pf__profile {
    bool on;
    bool adrift; /* something that was not recorded is in the queue, or the host has waited, since the last
                  * span
                  */
    uint64_t pushed, taken;
    cl_ulong last_end; /* of the span taken last, in ns */
    sum transfers[PF__TRANSFERS];
    struct pf__span spans[SPANS];
};

pf_status pf__profile_create(pf_context *c, pf_error *err) {
    c->profile = calloc(1, sizeof *c->profile);
    if (!c->profile) return pf__fail_memory(err, "the profile", sizeof *c->profile);
    c->profile->adrift = true;
    return PF_OK;
}

static void drop_span(struct pf__span *s) {
    if (s->begin) clReleaseEvent(s->begin);
    if (s->end) clReleaseEvent(s->end);
    *s = (struct pf__span){0};
}

void pf__profile_destroy(pf_context *c) {
    struct pf__profile *p = c->profile;
    if (!p) return;
    while (p->taken < p->pushed) drop_span(&p->spans[p->taken++ % SPANS]);
    free(p);
    c->profile = NULL;
}

void pf__profile_forget(pf__list *l) {
    struct pf__profile *p = l->context->profile;
    if (!p) return;
    for (uint64_t i = p->taken; i < p->pushed; i++)
        if (p->spans[i % SPANS].list == l) p->spans[i % SPANS].list = NULL;
}

bool pf__context_profiles(const pf_context *c) {
    return c->profile != NULL;
}

void pf__context_record(pf_context *c, bool on) {
    if (c->profile) c->profile->on = on;
}

cl_event *pf__profile_event(pf_context *c, cl_event *event) {
    if (!c->profile) return NULL;
    if (c->profile->on) return event;
    c->profile->adrift = true;
    return NULL;
}

void pf__profile_waited(pf_context *c) {
    if (c->profile) c->profile->adrift = true;
}

/* ---- reading ---- */

static cl_int wait_for(pf_context *c, cl_event event) {
    cl_int state = CL_QUEUED;
    cl_int code = clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, NULL);
    if (code != CL_SUCCESS) return code;
    if (state <= CL_COMPLETE) return state;
    c->counts.blocking++;
    return clWaitForEvents(1, &event);
}

static cl_int event_time(cl_event event, cl_profiling_info what, cl_ulong *ns) {
    return clGetEventProfilingInfo(event, what, sizeof *ns, ns, NULL);
}

static void add(sum *to, const struct pf__span *s, cl_ulong begin, cl_ulong end, cl_ulong last_end) {
    to->seconds += (double)(end - begin) * 1e-9;
    if (!s->adrift && begin > last_end) to->gap += (double)(begin - last_end) * 1e-9;
    to->bytes += s->bytes;
    to->count++;
}

static const char *name_of(const struct pf__span *s) {
    return s->list && !s->is_transfer ? s->list->nodes[s->index].label : "a transfer";
}

static void account(struct pf__profile *p, const struct pf__span *s, cl_ulong begin, cl_ulong end) {
    if (s->is_transfer) {
        add(&p->transfers[s->index], s, begin, end, p->last_end);
    } else if (s->list) {
        struct pf__node *n = &s->list->nodes[s->index];
        sum of = {n->seconds, n->gap, 0, n->count};
        add(&of, s, begin, end, p->last_end);
        n->seconds = of.seconds;
        n->gap = of.gap;
        n->count = of.count;
    }
    p->last_end = end;
}

/* Reads the oldest span. A driver that does not time markers leaves calls uncounted. */
static pf_status take(pf_context *c, pf_error *err) {
    struct pf__profile *p = c->profile;
    struct pf__span s = p->spans[p->taken % SPANS];
    cl_ulong begin = 0, end = 0;
    const char *call = "clWaitForEvents";
    cl_int code = wait_for(c, s.end);
    if (code == CL_SUCCESS) {
        call = "clGetEventProfilingInfo";
        code = s.begin ? event_time(s.begin, CL_PROFILING_COMMAND_END, &begin)
                       : event_time(s.end, CL_PROFILING_COMMAND_START, &begin);
        if (code == CL_SUCCESS) code = event_time(s.end, CL_PROFILING_COMMAND_END, &end);
    }
    const bool untimed_marker = s.begin && code == CL_PROFILING_INFO_NOT_AVAILABLE;
    drop_span(&p->spans[p->taken++ % SPANS]);
    if (code != CL_SUCCESS && !untimed_marker)
        return pf__opencl_fail(err, c, call, code, "at '%s'", name_of(&s));
    if (code == CL_SUCCESS && end >= begin) account(p, &s, begin, end);
    return PF_OK;
}

pf_status pf__profile_push(pf_context *c, struct pf__span span, pf_error *err) {
    struct pf__profile *p = c->profile;
    if (!span.end) return PF_OK; /* not recorded */
    assert(p);
    pf_status st = p->pushed - p->taken == SPANS ? take(c, err) : PF_OK;
    if (st != PF_OK) {
        drop_span(&span);
        return st;
    }
    span.adrift = p->adrift;
    p->adrift = false;
    p->spans[p->pushed++ % SPANS] = span;
    return PF_OK;
}

pf_status pf__profile_push_transfer(pf_context *c, pf__transfer kind, cl_event event, size_t bytes,
                                    pf_error *err) {
    return pf__profile_push(
        c, (struct pf__span){.end = event, .is_transfer = true, .index = (int)kind, .bytes = (double)bytes},
        err);
}

static pf_status take_all(pf_context *c, pf_error *err) {
    if (!c->profile) return pf__fail(err, PF_USAGE, "timings need a context created with profile");
    while (c->profile->taken < c->profile->pushed) PF__TRY(take(c, err));
    return PF_OK;
}

pf_status pf__list_timings(pf__list *l, pf__timing **rows, int *count, pf_error *err) {
    *rows = NULL;
    *count = 0;
    PF__TRY(take_all(l->context, err));
    if (l->count <= 0) return PF_OK;
    pf__timing *out = calloc((size_t)l->count, sizeof *out);
    if (!out) return pf__fail_memory(err, "timings", (size_t)l->count * sizeof *out);
    for (int i = 0; i < l->count; i++) {
        struct pf__node *n = &l->nodes[i];
        out[i] = (pf__timing){n->label, n->seconds, n->gap, n->count, n->flops, n->bytes};
        n->seconds = n->gap = 0;
        n->count = 0;
    }
    *rows = out;
    *count = l->count;
    return PF_OK;
}

pf_status pf__context_timings(pf_context *c, pf__timing rows[PF__TRANSFERS], pf_error *err) {
    static const char *const labels[PF__TRANSFERS] = {"write", "copy", "fill"};
    for (int i = 0; i < PF__TRANSFERS; i++) rows[i] = (pf__timing){.label = labels[i]};
    PF__TRY(take_all(c, err));
    for (int i = 0; i < PF__TRANSFERS; i++) {
        sum *s = &c->profile->transfers[i];
        rows[i] = (pf__timing){labels[i], s->seconds, s->gap,
                               s->count,  0,          s->count ? s->bytes / (double)s->count : 0};
        *s = (sum){0};
    }
    return PF_OK;
}
