/* SPDX-License-Identifier: MIT
 * Device memory: counted references, counted bytes. */
#include "runtime/objects.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VECTOR_BYTES ((size_t)64)
#define SLACK_BYTES  ((size_t)256) /* what kernels may read past the end of a tensor: ops/lower.h */
#define MIB          (1024.0 * 1024.0)

/* Refuses before OpenCL is asked: many drivers accept anything and fail, or are killed, when it is touched.
 */
static pf_status check_fit(const pf_context *c, uint64_t bytes, const char *what, pf_error *err) {
    const pf_device_info *d = &c->info;
    uint64_t held = c->counts.bytes;
    pf_status st = PF_OK;
    if (d->allocation_bytes_max && bytes > d->allocation_bytes_max)
        st = pf__fail(err, PF_MEMORY, "%s: %.1f MiB are more than one allocation may have on '%s' (%.1f MiB)",
                      what, (double)bytes / MIB, d->name, (double)d->allocation_bytes_max / MIB);
    else if (d->memory_bytes && (held > d->memory_bytes || bytes > d->memory_bytes - held))
        st = pf__fail(err, PF_MEMORY, "%s: %.1f MiB beside the %.1f MiB held exceed the %.1f MiB of '%s'",
                      what, (double)bytes / MIB, (double)held / MIB, (double)d->memory_bytes / MIB, d->name);
    return st == PF_OK ? st : pf__hint(err, st, "use a smaller batch or a smaller model");
}

static pf_status fill(pf__buffer *b, size_t offset, size_t bytes, cl_uint word, pf_error *err) {
    cl_event event = NULL;
    cl_int code = clEnqueueFillBuffer(b->context->queue, b->memory, &word, sizeof word, offset, bytes, 0,
                                      NULL, pf__profile_event(b->context, &event));
    if (code == CL_SUCCESS)
        return pf__profile_push_transfer(b->context, PF__TRANSFER_FILL, event, bytes, err);
    return pf__opencl_fail(err, b->context, "clEnqueueFillBuffer", code, "in %s (%zu bytes at %zu)", b->what,
                           bytes, offset);
}

pf_status pf__buffer_create(pf_context *c, size_t bytes, const char *what, pf__buffer **out, pf_error *err) {
    assert(bytes > 0);
    *out = NULL;
    if (bytes > SIZE_MAX - VECTOR_BYTES - SLACK_BYTES) return pf__fail_memory(err, what, bytes);
    size_t held = (bytes + VECTOR_BYTES - 1) / VECTOR_BYTES * VECTOR_BYTES + SLACK_BYTES;
    PF__TRY(check_fit(c, held, what, err));
    pf__buffer *b = calloc(1, sizeof *b);
    if (!b) return pf__fail_memory(err, what, sizeof *b);
    *b = (pf__buffer){.context = c, .bytes = bytes, .held = held, .references = 1};
    snprintf(b->what, sizeof b->what, "%s", what);
    cl_int code;
    pf_status st;
    b->memory = clCreateBuffer(c->context, CL_MEM_READ_WRITE, held, NULL, &code);
    if (!b->memory) {
        st = pf__opencl_fail(err, c, "clCreateBuffer", code, "for %s (%zu bytes beside %llu held)", what,
                             held, (unsigned long long)c->counts.bytes);
        goto fail_memory;
    }
    st = fill(b, 0, held, 0, err);
    if (st != PF_OK) goto fail_fill;
    c->counts.allocations++;
    c->counts.bytes += held;
    if (c->counts.bytes > c->counts.bytes_peak) c->counts.bytes_peak = c->counts.bytes;
    c->objects++;
    *out = b;
    return PF_OK;

fail_fill:
    clReleaseMemObject(b->memory);
fail_memory:
    free(b);
    return st;
}

pf__buffer *pf__buffer_retain(pf__buffer *b) {
    assert(b->references > 0);
    b->references++;
    return b;
}

void pf__buffer_release(pf__buffer **buffer) {
    if (!buffer || !*buffer) return;
    pf__buffer *b = *buffer;
    *buffer = NULL;
    assert(b->references > 0);
    if (--b->references) return;
    b->context->counts.bytes -= b->held;
    b->context->objects--;
    clReleaseMemObject(b->memory);
    free(b);
}

size_t pf__buffer_bytes(const pf__buffer *b) {
    return b->bytes;
}

static pf_status check_range(const pf__buffer *b, const char *verb, size_t offset, size_t bytes,
                             pf_error *err) {
    if (offset <= b->bytes && bytes <= b->bytes - offset) return PF_OK;
    return pf__fail(err, PF_USAGE, "%s %s: %zu bytes at %zu lie outside its %zu bytes", verb, b->what, bytes,
                    offset, b->bytes);
}

pf_status pf__buffer_write(pf__buffer *b, size_t offset, const void *host, size_t bytes, bool wait,
                           pf_error *err) {
    PF__TRY(check_range(b, "write to", offset, bytes, err));
    if (bytes == 0) return PF_OK;
    if (wait) {
        b->context->counts.blocking++;
        pf__profile_waited(b->context);
    }
    cl_event event = NULL;
    cl_int code = clEnqueueWriteBuffer(b->context->queue, b->memory, wait ? CL_TRUE : CL_FALSE, offset, bytes,
                                       host, 0, NULL, wait ? NULL : pf__profile_event(b->context, &event));
    if (code == CL_SUCCESS)
        return pf__profile_push_transfer(b->context, PF__TRANSFER_WRITE, event, bytes, err);
    return pf__opencl_fail(err, b->context, "clEnqueueWriteBuffer", code, "to %s (%zu bytes at %zu)", b->what,
                           bytes, offset);
}

pf_status pf__buffer_read(pf__buffer *b, size_t offset, void *host, size_t bytes, pf_error *err) {
    PF__TRY(check_range(b, "read from", offset, bytes, err));
    if (bytes == 0) return PF_OK;
    b->context->counts.blocking++;
    pf__profile_waited(b->context);
    cl_int code = clEnqueueReadBuffer(b->context->queue, b->memory, CL_TRUE, offset, bytes, host, 0, NULL,
                                      NULL);
    if (code == CL_SUCCESS) return PF_OK;
    return pf__opencl_fail(err, b->context, "clEnqueueReadBuffer", code, "from %s (%zu bytes at %zu)",
                           b->what, bytes, offset);
}

pf_status pf__buffer_fill(pf__buffer *b, size_t offset, size_t bytes, uint32_t word, pf_error *err) {
    PF__TRY(check_range(b, "fill", offset, bytes, err));
    if (offset % 4 || bytes % 4)
        return pf__fail(err, PF_USAGE, "fill %s: %zu bytes at %zu are not whole words", b->what, bytes,
                        offset);
    return bytes ? fill(b, offset, bytes, word, err) : PF_OK;
}

pf_status pf__buffer_zero(pf__buffer *b, size_t offset, size_t bytes, pf_error *err) {
    return pf__buffer_fill(b, offset, bytes, 0, err);
}

pf_status pf__buffer_copy(pf__buffer *from, size_t from_offset, pf__buffer *to, size_t to_offset,
                          size_t bytes, pf_error *err) {
    PF__TRY(check_range(from, "copy from", from_offset, bytes, err));
    PF__TRY(check_range(to, "copy to", to_offset, bytes, err));
    if (bytes == 0) return PF_OK;
    cl_event event = NULL;
    cl_int code = clEnqueueCopyBuffer(from->context->queue, from->memory, to->memory, from_offset, to_offset,
                                      bytes, 0, NULL, pf__profile_event(from->context, &event));
    if (code == CL_SUCCESS)
        return pf__profile_push_transfer(from->context, PF__TRANSFER_COPY, event, bytes, err);
    return pf__opencl_fail(err, from->context, "clEnqueueCopyBuffer", code, "from %s to %s (%zu bytes)",
                           from->what, to->what, bytes);
}

cl_mem pf__native_buffer(pf__buffer *b) {
    return b->memory;
}

pf_status pf__native_sub_buffer(pf__buffer *b, size_t offset, size_t bytes, cl_mem *out, pf_error *err) {
    *out = NULL;
    if (bytes == 0 || offset > b->held || bytes > b->held - offset)
        return pf__fail(err, PF_USAGE, "part of %s: %zu bytes at %zu lie outside its %zu bytes", b->what,
                        bytes, offset, b->bytes);
    uint32_t align = b->context->info.base_align_bytes;
    if (align && offset % align)
        return pf__fail(err, PF_USAGE, "part of %s: %zu is not a multiple of the alignment %u of '%s'",
                        b->what, offset, (unsigned)align, b->context->info.name);
    const cl_buffer_region region = {offset, bytes};
    cl_int code;
    *out = clCreateSubBuffer(b->memory, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
    if (*out) return PF_OK;
    return pf__opencl_fail(err, b->context, "clCreateSubBuffer", code, "of %s (%zu bytes at %zu)", b->what,
                           bytes, offset);
}

void pf__native_release(cl_mem *memory) {
    if (*memory) clReleaseMemObject(*memory);
    *memory = NULL;
}
