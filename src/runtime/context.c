/* SPDX-License-Identifier: MIT
 * One device opened for work: its OpenCL context and its one in-order queue. */
#include "base/file.h"
#include "runtime/objects.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pf_status open_queue(pf_context *c, cl_platform_id platform, pf_error *err) {
    const cl_context_properties properties[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)platform, 0};
    cl_int code;
    c->context = clCreateContext(properties, 1, &c->device, NULL, NULL, &code);
    if (!c->context) return pf__opencl_fail(err, c, "clCreateContext", code, "%s", "");
    /* The older call: the newer one never returns on some implementations. */
    c->queue = clCreateCommandQueue(c->context, c->device, c->profile ? CL_QUEUE_PROFILING_ENABLE : 0, &code);
    if (c->queue) return PF_OK;
    clReleaseContext(c->context);
    return pf__opencl_fail(err, c, "clCreateCommandQueue", code, "%s", "");
}

/* Without a platform's version, which names its compiler, nothing would say when a program is out of date. */
static void open_cache(pf_context *c, cl_platform_id platform, const char *folder, bool always) {
    pf_error err = {0};
    if (!folder || !folder[0]) return;
    if (clGetPlatformInfo(platform, CL_PLATFORM_VERSION, sizeof c->platform_version - 1, c->platform_version,
                          NULL) != CL_SUCCESS)
        pf__fail(&err, PF_DEVICE, "the platform does not tell its version");
    else if (pf__folder_create(folder, &err) == PF_OK && access(folder, W_OK | X_OK) != 0)
        pf__fail(&err, PF_SYSTEM, "%s: cannot write", folder);
    if (!err.message[0]) c->cache = strdup(folder);
    if (!c->cache) pf__log(c, PF_LOG_DEBUG, "programs are not kept: %s", err.message);
    c->keeps = c->cache && (always || !c->info.keeps_programs);
}

pf_status pf_context_create(pf_context **out, const pf_context_desc *desc, pf_error *error) {
    static const pf_context_desc defaults;
    if (!desc) desc = &defaults;
    *out = NULL;
    const uint32_t width = desc->vector_width;
    if (width && width != 4 && width != 8 && width != 16)
        return pf__fail(error, PF_USAGE,
                        "vectors of %u floats: kernels are written for 4, 8 and 16 (PF_WIDTH)",
                        (unsigned)width);
    struct pf__discovery d;
    const struct pf__found *found;
    PF__TRY(pf__discover(&d, error));
    pf_status st = pf__select(&d, desc->device, &found, error);
    if (st == PF_OK) st = pf__driver_check(&found->info, error);
    if (st != PF_OK) goto fail_select;
    pf_context *c = calloc(1, sizeof *c);
    if (!c) {
        st = pf__fail_memory(error, "context", sizeof *c);
        goto fail_select;
    }
    c->info = found->info;
    if (width) c->info.vector_width = pf__vector_width(width, c->info.type);
    c->device = found->device;
    c->log = desc->log;
    c->log_user = desc->log_user;
    if (desc->profile) st = pf__profile_create(c, error);
    if (st == PF_OK) st = open_queue(c, found->platform, error);
    if (st != PF_OK) goto fail_queue;
    open_cache(c, found->platform, desc->cache, desc->cache_always);
    pf__log(c, PF_LOG_INFO, "device %d:%d '%s' (%s, driver %s)", c->info.platform_index, c->info.device_index,
            c->info.name, pf__device_type_name(c->info.type), c->info.driver);
    pf__discovery_clear(&d);
    *out = c;
    return PF_OK;

fail_queue:
    pf__profile_destroy(c);
    free(c);
fail_select:
    pf__discovery_clear(&d);
    return st;
}

void pf_context_destroy(pf_context **context) {
    if (!context || !*context) return;
    pf_context *c = *context;
    pf__context_finish(c, NULL);
    if (c->objects) pf__log(c, PF_LOG_ERROR, "%d objects outlive their context", c->objects);
    for (int i = 0; i < PF__MARKS; i++)
        if (c->marks[i]) clReleaseEvent(c->marks[i]);
    pf__profile_destroy(c);
    clReleaseCommandQueue(c->queue);
    clReleaseContext(c->context);
    free(c->cache);
    free(c);
    *context = NULL;
}

const pf_device_info *pf_context_device(const pf_context *context) {
    return &context->info;
}

pf_status pf_context_avoid(pf_context *context, const char *candidates, pf_error *error) {
    const size_t length = candidates ? strlen(candidates) : 0;
    if (length >= sizeof context->avoided)
        return pf__fail(error, PF_USAGE, "the list of %zu bytes of what to avoid is too long", length);
    memcpy(context->avoided, candidates ? candidates : "", length + 1);
    return PF_OK;
}

const char *pf_context_avoided(const pf_context *context) {
    return context->avoided;
}

bool pf__context_avoids(const pf_context *c, const char *candidate) {
    const size_t length = strlen(candidate);
    for (const char *at = c->avoided; *at; at += at[strcspn(at, ",")] ? strcspn(at, ",") + 1 : strlen(at))
        if (strcspn(at, ",") == length && strncmp(at, candidate, length) == 0) return true;
    return false;
}

const char *pf_context_cache(const pf_context *context) {
    return context->cache;
}

const char *pf__context_platform_version(const pf_context *c) {
    return c->platform_version;
}

bool pf__context_keep(pf_context *c, bool keep) {
    const bool before = c->keeps;
    c->keeps = keep && c->cache;
    return before;
}

pf_context_counts pf_context_count(const pf_context *context) {
    return context->counts;
}

void pf__log(const pf_context *c, pf_log_level level, const char *format, ...) {
    if (!c->log) return;
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    c->log(c->log_user, level, line);
}

/* By an event of its own too: some drivers' clFinish (Rusticl 22.3) leaves out what was flushed before. */
pf_status pf__context_finish(pf_context *c, pf_error *err) {
    c->counts.blocking++;
    pf__profile_waited(c);
    cl_event end = NULL;
    const char *call = "clEnqueueMarkerWithWaitList";
    cl_int code = clEnqueueMarkerWithWaitList(c->queue, 0, NULL, &end);
    if (code == CL_SUCCESS) {
        call = "clWaitForEvents";
        code = clWaitForEvents(1, &end);
        clReleaseEvent(end);
    }
    cl_int finished = clFinish(c->queue);
    if (code == CL_SUCCESS) {
        call = "clFinish";
        code = finished;
    }
    return code == CL_SUCCESS ? PF_OK : pf__opencl_fail(err, c, call, code, "%s", "");
}

cl_command_queue *pf__native_queue(pf_context *c) {
    return &c->queue;
}

cl_context pf__native_context(pf_context *c) {
    return c->context;
}

cl_device_id pf__native_device(pf_context *c) {
    return c->device;
}
