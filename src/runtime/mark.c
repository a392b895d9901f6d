/* SPDX-License-Identifier: MIT
 * Marks in the queue, by which the host stays at most a few steps ahead of the device. */
#include "runtime/objects.h"
#include <assert.h>

pf_status pf__context_mark(pf_context *c, int slot, pf_error *err) {
    assert(slot >= 0);
    assert(slot < PF__MARKS);
    cl_event event;
    cl_int code = clEnqueueMarkerWithWaitList(c->queue, 0, NULL, &event);
    if (code != CL_SUCCESS)
        return pf__opencl_fail(err, c, "clEnqueueMarkerWithWaitList", code, "for slot %d", slot);
    if (c->marks[slot]) clReleaseEvent(c->marks[slot]);
    c->marks[slot] = event;
    code = clFlush(c->queue); /* else the mark may never be seen as passed without a wait */
    return code == CL_SUCCESS ? PF_OK : pf__opencl_fail(err, c, "clFlush", code, "at mark %d", slot);
}

pf_status pf__context_wait(pf_context *c, int slot, pf_error *err) {
    assert(slot >= 0);
    assert(slot < PF__MARKS);
    cl_event event = c->marks[slot];
    if (!event) return PF_OK;
    c->marks[slot] = NULL;
    const char *call = "clGetEventInfo";
    cl_int state = CL_QUEUED;
    cl_int code = clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, NULL);
    if (code == CL_SUCCESS && state > CL_COMPLETE) {
        c->counts.blocking++;
        c->counts.paced++;
        call = "clWaitForEvents";
        code = clWaitForEvents(1, &event);
    } else if (code == CL_SUCCESS) {
        code = state; /* complete, or how it failed */
    }
    clReleaseEvent(event);
    return code == CL_SUCCESS ? PF_OK : pf__opencl_fail(err, c, call, code, "waiting for mark %d", slot);
}
