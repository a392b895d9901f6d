/* SPDX-License-Identifier: MIT
 * Launch lists: planned once, replayed many times.
 *
 *   node 0: cl_kernel, arguments set      node 1: cl_kernel      node 2: call(state)      ...
 *   replay = one enqueue per node, in order, then a flush
 *
 * OpenCL kernels keep no reference to their arguments everywhere, so the node does. */
#include "runtime/objects.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

pf_status pf__list_create(pf_context *c, pf__list **out, pf_error *err) {
    pf__list *l = *out = calloc(1, sizeof *l);
    if (!l) return pf__fail_memory(err, "launch list", sizeof *l);
    l->context = c;
    c->objects++;
    return PF_OK;
}

static void clear_node(struct pf__node *n) {
    if (n->kernel) clReleaseKernel(n->kernel);
    for (int i = 0; i < n->buffer_count; i++) pf__buffer_release(&n->buffers[i]);
    pf__program_release(&n->program);
    free(n->buffers);
    free(n->entry);
    free(n->label);
}

void pf__list_destroy(pf__list **list) {
    if (!list || !*list) return;
    pf__list *l = *list;
    *list = NULL;
    pf__profile_forget(l);
    for (int i = 0; i < l->count; i++) {
        struct pf__node *n = &l->nodes[i];
        if (n->free_state) n->free_state(n->state);
        clear_node(n);
    }
    l->context->objects--;
    free(l->nodes);
    free(l);
}

int pf__list_count(const pf__list *l) {
    return l->count;
}

static pf_status reserve(pf__list *l, pf_error *err) {
    if (l->count < l->capacity) return PF_OK;
    int capacity = l->capacity ? 2 * l->capacity : 32;
    struct pf__node *grown = realloc(l->nodes, (size_t)capacity * sizeof *grown);
    if (!grown) return pf__fail_memory(err, "launch list", (size_t)capacity * sizeof *grown);
    l->nodes = grown;
    l->capacity = capacity;
    return PF_OK;
}

static void describe_size(char *out, size_t size, const size_t *n, cl_uint dims) {
    size_t used = 0;
    out[0] = 0;
    for (cl_uint i = 0; i < dims && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%zu", i ? "x" : "", n[i]);
}

static pf_status fail_launch(const pf_context *c, const struct pf__node *n, const char *call, cl_int code,
                             pf_error *err) {
    char global[64], local[64] = "of the driver's choice";
    describe_size(global, sizeof global, n->global, n->dims);
    if (n->local[0]) describe_size(local, sizeof local, n->local, n->dims);
    return pf__opencl_fail(err, c, call, code, "in %s, '%s' (global %s, local %s)", n->entry, n->label,
                           global, local);
}

static pf_status check_geometry(const pf__launch *launch, pf_error *err) {
    if (launch->dims < 1 || launch->dims > 3)
        return pf__fail(err, PF_USAGE, "'%s': %d dimensions, not 1 to 3", launch->label, launch->dims);
    for (int i = 0; i < launch->dims; i++) {
        size_t global = launch->global[i], local = launch->local[i];
        if (global == 0)
            return pf__fail(err, PF_USAGE, "'%s': the global size of dimension %d is 0", launch->label, i);
        if (launch->local[0] && (local == 0 || global % local))
            return pf__fail(err, PF_USAGE,
                            "'%s': dimension %d has %zu items, which groups of %zu do not fill",
                            launch->label, i, global, local);
    }
    return PF_OK;
}

/* A driver may allow this kernel smaller groups than the device's limit says. Where the kernel does not fix
 * their size they are halved until they fit, which keeps them divisors of the global size. */
static pf_status fit_group(const pf_context *c, struct pf__node *n, pf_error *err) {
    size_t wish = 1, group_max = 0, fixed[3] = {0};
    for (cl_uint i = 0; i < n->dims; i++) wish *= n->local[i];
    cl_int code = clGetKernelWorkGroupInfo(n->kernel, c->device, CL_KERNEL_WORK_GROUP_SIZE, sizeof group_max,
                                           &group_max, NULL);
    if (c->info.work_group_max && (!group_max || group_max > c->info.work_group_max))
        group_max = c->info.work_group_max; /* some drivers repeat what the kernel asks for */
    if (code == CL_SUCCESS && (!n->local[0] || !group_max || wish <= group_max)) return PF_OK;
    if (code == CL_SUCCESS)
        code = clGetKernelWorkGroupInfo(n->kernel, c->device, CL_KERNEL_COMPILE_WORK_GROUP_SIZE, sizeof fixed,
                                        fixed, NULL);
    if (code != CL_SUCCESS) return fail_launch(c, n, "clGetKernelWorkGroupInfo", code, err);
    if (fixed[0])
        return pf__fail(err, PF_DEVICE,
                        "%s, '%s': a work-group of %zu exceeds the %zu that it may have on '%s'", n->entry,
                        n->label, wish, group_max, c->info.name);
    for (size_t group = wish; group > group_max;) {
        size_t *widest = &n->local[0];
        for (cl_uint i = 1; i < n->dims; i++)
            if (n->local[i] > *widest) widest = &n->local[i];
        group /= *widest;
        *widest = *widest % 2 ? 1 : *widest / 2;
        group *= *widest;
    }
    return PF_OK;
}

static pf_status check_local_memory(const pf_context *c, const struct pf__node *n, pf_error *err) {
    cl_ulong local_bytes = 0;
    cl_int code = clGetKernelWorkGroupInfo(n->kernel, c->device, CL_KERNEL_LOCAL_MEM_SIZE, sizeof local_bytes,
                                           &local_bytes, NULL);
    if (code != CL_SUCCESS) return fail_launch(c, n, "clGetKernelWorkGroupInfo", code, err);
    if (c->info.local_bytes && local_bytes > c->info.local_bytes)
        return pf__fail(err, PF_DEVICE, "%s, '%s': %llu bytes of local memory exceed the %llu of '%s'",
                        n->entry, n->label, (unsigned long long)local_bytes,
                        (unsigned long long)c->info.local_bytes, c->info.name);
    return PF_OK;
}

static cl_int set_argument(struct pf__node *n, cl_uint *index, const pf__argument *a) {
    cl_int code = CL_INVALID_ARG_VALUE;
    switch (a->kind) {
    case PF__ARGUMENT_U32:
        return clSetKernelArg(n->kernel, (*index)++, sizeof a->u32, &a->u32);
    case PF__ARGUMENT_F32:
        return clSetKernelArg(n->kernel, (*index)++, sizeof a->f32, &a->f32);
    case PF__ARGUMENT_BUFFER:
        if (!a->buffer) return CL_INVALID_MEM_OBJECT;
        code = clSetKernelArg(n->kernel, (*index)++, sizeof a->buffer->memory, &a->buffer->memory);
        if (code != CL_SUCCESS) return code;
        n->buffers[n->buffer_count++] = pf__buffer_retain(a->buffer);
        return clSetKernelArg(n->kernel, (*index)++, sizeof a->offset, &a->offset);
    }
    return code;
}

static pf_status set_arguments(const pf_context *c, struct pf__node *n, const pf__launch *launch,
                               pf_error *err) {
    cl_uint given = 0, takes = 0, index = 0;
    for (int i = 0; i < launch->argument_count; i++)
        given += launch->arguments[i].kind == PF__ARGUMENT_BUFFER ? 2 : 1;
    cl_int code = clGetKernelInfo(n->kernel, CL_KERNEL_NUM_ARGS, sizeof takes, &takes, NULL);
    if (code != CL_SUCCESS) return fail_launch(c, n, "clGetKernelInfo", code, err);
    if (given != takes)
        return pf__fail(err, PF_USAGE,
                        "%s, '%s': the kernel takes %u arguments, %u are given (a buffer gives two)",
                        n->entry, n->label, (unsigned)takes, (unsigned)given);
    for (int i = 0; i < launch->argument_count; i++) {
        code = set_argument(n, &index, &launch->arguments[i]);
        if (code != CL_SUCCESS)
            return pf__opencl_fail(err, c, "clSetKernelArg", code, "in %s, '%s' (argument %d)", n->entry,
                                   n->label, i);
    }
    return PF_OK;
}

static pf_status fill_kernel(const pf_context *c, struct pf__node *n, const pf__launch *launch,
                             pf_error *err) {
    n->label = strdup(launch->label);
    n->entry = strdup(launch->kernel);
    n->buffers = calloc((size_t)launch->argument_count + 1, sizeof *n->buffers);
    if (!n->label || !n->entry || !n->buffers) return pf__fail_memory(err, launch->label, sizeof *n);
    n->program = pf__program_retain(launch->program);
    n->dims = (cl_uint)launch->dims;
    n->flops = launch->flops;
    n->bytes = launch->bytes;
    for (int i = 0; i < launch->dims; i++) {
        n->global[i] = launch->global[i];
        n->local[i] = launch->local[0] ? launch->local[i] : 0;
    }
    cl_int code;
    n->kernel = clCreateKernel(n->program->program, n->entry, &code);
    if (!n->kernel)
        return pf__opencl_fail(err, c, "clCreateKernel", code, "for %s of %s", n->entry, n->program->what);
    PF__TRY(fit_group(c, n, err));
    PF__TRY(check_local_memory(c, n, err));
    return set_arguments(c, n, launch, err);
}

pf_status pf__list_add(pf__list *l, const pf__launch *launch, pf_error *err) {
    assert(launch->label);
    assert(launch->program && launch->kernel);
    PF__TRY(check_geometry(launch, err));
    PF__TRY(reserve(l, err));
    struct pf__node node = {0};
    pf_status st = fill_kernel(l->context, &node, launch, err);
    if (st != PF_OK) {
        clear_node(&node);
        return st;
    }
    l->nodes[l->count++] = node;
    return PF_OK;
}

pf_status pf__list_add_call(pf__list *l, const char *label, pf__list_call *call, void *state,
                            void (*free_state)(void *), double flops, double bytes, pf_error *err) {
    assert(label);
    assert(call);
    PF__TRY(reserve(l, err));
    char *copy = strdup(label);
    if (!copy) return pf__fail_memory(err, label, strlen(label) + 1);
    l->nodes[l->count++] = (struct pf__node){.label = copy,
                                             .flops = flops,
                                             .bytes = bytes,
                                             .call = call,
                                             .state = state,
                                             .free_state = free_state};
    return PF_OK;
}

static pf_status run_kernel(pf_context *c, struct pf__node *n, cl_event *event, pf_error *err) {
    cl_int code = clEnqueueNDRangeKernel(c->queue, n->kernel, n->dims, NULL, n->global,
                                         n->local[0] ? n->local : NULL, 0, NULL, event);
    return code == CL_SUCCESS ? PF_OK : fail_launch(c, n, "clEnqueueNDRangeKernel", code, err);
}

static pf_status mark(pf_context *c, const struct pf__node *n, cl_event *event, pf_error *err) {
    cl_int code = clEnqueueMarkerWithWaitList(c->queue, 0, NULL, event);
    if (code == CL_SUCCESS) return PF_OK;
    return pf__opencl_fail(err, c, "clEnqueueMarkerWithWaitList", code, "at '%s'", n->label);
}

static pf_status run_call(pf_context *c, struct pf__node *n, struct pf__span *span, pf_error *err) {
    if (!pf__profile_event(c, &span->begin)) return n->call(n->state, c, err);
    PF__TRY(mark(c, n, &span->begin, err));
    pf_status st = n->call(n->state, c, err);
    if (st == PF_OK) st = mark(c, n, &span->end, err);
    if (st != PF_OK) clReleaseEvent(span->begin);
    return st;
}

static pf_status run_node(pf__list *l, int i, pf_error *err) {
    pf_context *c = l->context;
    struct pf__node *n = &l->nodes[i];
    struct pf__span span = {.list = l, .index = i};
    PF__TRY(n->kernel ? run_kernel(c, n, pf__profile_event(c, &span.end), err) : run_call(c, n, &span, err));
    c->counts.launches++;
    return pf__profile_push(c, span, err);
}

pf_status pf__list_replay(pf__list *l, pf_error *err) {
    pf_context *c = l->context;
    for (int i = 0; i < l->count; i++) PF__TRY(run_node(l, i, err));
    cl_int code = clFlush(c->queue);
    return code == CL_SUCCESS ? PF_OK
                              : pf__opencl_fail(err, c, "clFlush", code, "after %d launches", l->count);
}
