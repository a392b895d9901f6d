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
    bool profile;
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

/* A profiled launch in flight. A kernel has its own event in `end`; a call lies between two markers. */
struct pf__span {
    cl_event begin, end;
};
#define PF__REPLAYS_IN_FLIGHT 4 /* one more than the steps that the host runs ahead */

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
    struct pf__span spans[PF__REPLAYS_IN_FLIGHT];
    double seconds;
    uint64_t count;
};

struct pf__list {
    pf_context *context;
    struct pf__node *nodes;
    int count, capacity;
    uint64_t replays;
};

/** Makes room in the ring of spans for one more replay and says which entry is free. */
pf_status pf__profile_next(pf__list *l, int *entry, pf_error *err);
/** Releases what is in flight without reading it. */
void pf__profile_drop(struct pf__node *n);

/* ---- errors ---- */
/** "<call>: CL_NAME <detail> on '<device>'" with a hint for the usual cause. */
pf_status pf__opencl_fail(pf_error *err, const pf_context *c, const char *call, cl_int code,
                          const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
