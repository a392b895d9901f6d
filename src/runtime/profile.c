/* SPDX-License-Identifier: MIT
 * What the launches of a list took, by OpenCL events. Each node has a ring of spans in flight, so that
 * reading them does not hold up a host that runs a few steps ahead. */
#include "runtime/objects.h"
#include <stdlib.h>

static void drop_span(struct pf__span *s) {
    if (s->begin) clReleaseEvent(s->begin);
    if (s->end) clReleaseEvent(s->end);
    *s = (struct pf__span){NULL, NULL};
}

void pf__profile_drop(struct pf__node *n) {
    for (int i = 0; i < PF__REPLAYS_IN_FLIGHT; i++) drop_span(&n->spans[i]);
}

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

/* Adds a span to its node's sum and empties it. A driver that does not time markers leaves calls uncounted.
 */
static pf_status collect(pf_context *c, struct pf__node *n, struct pf__span *s, pf_error *err) {
    if (!s->end) {
        drop_span(s); /* a replay that failed half-way */
        return PF_OK;
    }
    cl_ulong begin = 0, end = 0;
    const char *call = "clWaitForEvents";
    cl_int code = wait_for(c, s->end);
    if (code == CL_SUCCESS) {
        call = "clGetEventProfilingInfo";
        code = s->begin ? event_time(s->begin, CL_PROFILING_COMMAND_END, &begin)
                        : event_time(s->end, CL_PROFILING_COMMAND_START, &begin);
        if (code == CL_SUCCESS) code = event_time(s->end, CL_PROFILING_COMMAND_END, &end);
    }
    bool untimed_marker = s->begin && code == CL_PROFILING_INFO_NOT_AVAILABLE;
    drop_span(s);
    if (code != CL_SUCCESS && !untimed_marker)
        return pf__opencl_fail(err, c, call, code, "at '%s'", n->label);
    if (code == CL_SUCCESS && end >= begin) {
        n->seconds += (double)(end - begin) * 1e-9;
        n->count++;
    }
    return PF_OK;
}

pf_status pf__profile_next(pf__list *l, int *entry, pf_error *err) {
    *entry = (int)(l->replays++ % PF__REPLAYS_IN_FLIGHT);
    for (int i = 0; i < l->count; i++)
        PF__TRY(collect(l->context, &l->nodes[i], &l->nodes[i].spans[*entry], err));
    return PF_OK;
}

pf_status pf__list_timings(pf__list *l, pf__timing **rows, int *count, pf_error *err) {
    *rows = NULL;
    *count = 0;
    if (!l->context->profile) return pf__fail(err, PF_USAGE, "timings need a context created with profile");
    if (l->count <= 0) return PF_OK;
    for (int i = 0; i < l->count; i++)
        for (int k = 0; k < PF__REPLAYS_IN_FLIGHT; k++)
            PF__TRY(collect(l->context, &l->nodes[i], &l->nodes[i].spans[k], err));
    pf__timing *out = calloc((size_t)l->count, sizeof *out);
    if (!out) return pf__fail_memory(err, "timings", (size_t)l->count * sizeof *out);
    for (int i = 0; i < l->count; i++) {
        struct pf__node *n = &l->nodes[i];
        out[i] = (pf__timing){n->label, n->seconds, n->count, n->flops, n->bytes};
        n->seconds = 0;
        n->count = 0;
    }
    *rows = out;
    *count = l->count;
    return PF_OK;
}
