/* SPDX-License-Identifier: MIT
 * The structs behind the runtime's types, shared by the files of this folder and by nobody else. */
#ifndef PF__RUNTIME_OBJECTS_H
#define PF__RUNTIME_OBJECTS_H

#include "runtime/cache.h"
#include "runtime/native.h"
#include "runtime/runtime.h"

/* ---- devices that were found ---- */
struct pf__found {
    cl_platform_id platform;
    cl_device_id device;
    const char *obstacle; /* why it cannot be used ("has no compiler"), or NULL */
    pf_device_info info;
};

struct pf__discovery {
    struct pf__found *devices;
    int count;
    char empty[256]; /* the platforms that have no device: "'Clover', 'rusticl'" */
};

/** Finds nothing without failing; fails only when memory runs out. */
pf_status pf__discover(struct pf__discovery *out, pf_error *err);
void pf__discovery_clear(struct pf__discovery *d);
/** PF_SYSTEM when the device's driver is known to end the process for lack of a folder to compile in. */
pf_status pf__driver_check(const pf_device_info *info, pf_error *err);
/** Only widths that the kernels are written for. A GPU's lanes are work-items: beyond float4 it gains
 * nothing. */
uint32_t pf__vector_width(uint32_t reported, pf_device_type type);
/** "GPU" and the like. */
const char *pf__device_type_name(pf_device_type type);
/** The device that selector means (see pf_context_desc); *out points into d. */
pf_status pf__select(const struct pf__discovery *d, const char *selector, const struct pf__found **out,
                     pf_error *err);

/* ---- the objects ---- */
#define PF__MARKS 8

struct pf_context {
    pf_device_info info;
    cl_device_id device;
    cl_context context;
    cl_command_queue queue; /* in order */
    char *cache;            /* folder of built programs and verdicts, or NULL */
    bool keeps;             /* built programs in that folder */
    char avoided[64];       /* see pf_context_avoid */
    char platform_version[256];
    struct pf__profile *profile; /* NULL: launches are not timed */
    void (*log)(void *user, pf_log_level level, const char *line);
    void *log_user;
    pf_context_counts counts;
    cl_event marks[PF__MARKS];
    int objects; /* buffers, programs and lists alive */
};

struct pf__buffer {
    pf_context *context;
    cl_mem memory;
    size_t bytes; /* as asked for */
    size_t held;  /* as allocated */
    int references;
    char what[64];
};

struct pf__program {
    pf_context *context;
    cl_program program;
    int references;
    char what[64];
};

/* A recorded command in flight. A kernel and a transfer have their own event in `end`; a call lies between
 * two markers. */
struct pf__span {
    cl_event begin, end;
    pf__list *list; /* NULL: a transfer, or a list that is gone */
    int index;      /* of the node, or the pf__transfer */
    bool is_transfer;
    bool adrift; /* what came before it in the queue is not known: no gap is counted */
    double bytes;
};

struct pf__node {
    char *label;
    double flops, bytes;
    /* a kernel */
    cl_kernel kernel; /* NULL: a call */
    char *entry;
    pf__program *program;
    pf__buffer **buffers;
    int buffer_count;
    cl_uint dims;
    size_t global[3], local[3];
    /* a call */
    pf__list_call *call;
    void *state;
    void (*free_state)(void *);
    /* profile since the last pf__list_timings */
    double seconds, gap;
    uint64_t count;
};

struct pf__list {
    pf_context *context;
    struct pf__node *nodes;
    int count, capacity;
};

/* ---- profile.c ---- */
pf_status pf__profile_create(pf_context *c, pf_error *err);
/** Releases what is in flight without reading it. */
void pf__profile_destroy(pf_context *c);
/** What is in flight of a list that goes away is nobody's. */
void pf__profile_forget(pf__list *l);
/** Where the event of the next command goes: `event`, or NULL while nothing is recorded. */
cl_event *pf__profile_event(pf_context *c, cl_event *event);
/** The host has waited for the queue: that it is idle now is no gap. */
void pf__profile_waited(pf_context *c);
/** Takes over the events of a command just enqueued; end == NULL: it was not recorded. */
pf_status pf__profile_push(pf_context *c, struct pf__span span, pf_error *err);
pf_status pf__profile_push_transfer(pf_context *c, pf__transfer kind, cl_event event, size_t bytes,
                                    pf_error *err);

/* ---- errors ---- */
/** "<call>: CL_NAME <detail> on '<device>'" with a hint for the usual cause. */
pf_status pf__opencl_fail(pf_error *err, const pf_context *c, const char *call, cl_int code,
                          const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
