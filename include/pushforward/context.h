/* SPDX-License-Identifier: MIT
 * Devices, and the context: one OpenCL device opened for work. Every other object that computes hangs from a
 * context and must be destroyed before it. Two contexts on two devices coexist; one context belongs to one
 * thread. */
#ifndef PUSHFORWARD_CONTEXT_H
#define PUSHFORWARD_CONTEXT_H

#include "pushforward/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum pf_device_type {
    PF_DEVICE_OTHER,
    PF_DEVICE_CPU,
    PF_DEVICE_GPU,
    PF_DEVICE_ACCELERATOR
} pf_device_type;

/** What is known of a device: asked once, printed by `pushforward devices`, stored beside results. A number
 * that the driver does not report is 0. */
typedef struct pf_device_info {
    int platform_index, device_index; /* as in `clinfo -l`; "0:1" selects platform 0, device 1 */
    char platform[128], name[128], vendor[128], driver[128], version[64], c_version[64];
    pf_device_type type;
    uint32_t compute_units, clock_mhz;
    uint64_t memory_bytes, allocation_bytes_max, local_bytes;
    bool local_is_dedicated;
    size_t work_group_max;
    uint32_t iterations_max; /* of all loops of one work-item together, behind which its driver ends them; 0:
                                no end */
    uint32_t base_align_bytes;
    uint32_t vector_width; /* native width for float: 16, 8, 4 or 1 */
    bool fp64, fp16, unified_memory, little_endian, has_compiler;
    bool keeps_programs; /* the driver keeps what it compiled on disk by itself */
} pf_device_info;

/** Lists every device of every platform; platforms that are empty or broken are skipped.
 *  *out: malloc, the caller frees with free(); NULL when *count is 0 (which is PF_OK). */
PF_API pf_status pf_device_list(pf_device_info **out, int *count, pf_error *error);

/** Loads every OpenCL driver, as the first call into OpenCL does, which takes tens of milliseconds: for a
 * thread that has nothing else to do while another one reads files. Not needed; what fails here fails again,
 * with a message, where a device is asked for. */
PF_API void pf_device_load_drivers(void);

typedef struct pf_context pf_context;

typedef enum pf_log_level { PF_LOG_ERROR, PF_LOG_NOTICE, PF_LOG_INFO, PF_LOG_DEBUG } pf_log_level;

typedef struct pf_context_desc {
    const char *device; /* "0:1", "gpu", "cpu", "accelerator", "name=TEXT" (part of the name, any case); NULL
                           or "": the first GPU, else the first device */
    void (*log)(void *user, pf_log_level level, const char *line); /* NULL: silent */
    void *log_user;
    bool profile;      /* time every launch by events: slower, see `pushforward train --profile` */
    const char *cache; /* folder that keeps built programs and self-test verdicts from one start to the next,
                          created if need be; NULL or "": none. Where it cannot be written, all goes on as
                          without it */
    bool cache_always; /* keep built programs even where the driver does so itself (keeps_programs): PoCL
                          compiles every kernel twice for that */
    uint32_t
        vector_width; /* 0: the device's; 4, 8 or 16: the kernels for vectors so wide, wherever they run */
} pf_context_desc;

/** Opens a device. PF_NO_DEVICE when none fits: the message lists what there is, the hint says what to
 * install. */
PF_API pf_status pf_context_create(pf_context **out, const pf_context_desc *desc, pf_error *error);
/** Accepts NULL and a pointer to NULL. Waits for work in flight. */
PF_API void pf_context_destroy(pf_context **context);
/** Valid as long as the context. */
PF_API const pf_device_info *pf_context_device(const pf_context *context);

/** The folder that keeps programs and verdicts; NULL when there is none, or it cannot be written. */
PF_API const char *pf_context_cache(const pf_context *context);
/** Plans made on this context from now on do without these ways of computing, wherever an operation has
 * another: names separated by commas, such as "cpu,clblast" for matrix products; NULL or "": use all.
 * Replaces the earlier list. pf_selftest_require says which a device gets wrong. PF_USAGE when the list is
 * too long. */
PF_API pf_status pf_context_avoid(pf_context *context, const char *candidates, pf_error *error);
/** The list, "" when empty; valid until the next pf_context_avoid. */
PF_API const char *pf_context_avoided(const pf_context *context);

typedef struct pf_context_counts {
    uint64_t launches;                        /* kernels and library calls enqueued */
    uint64_t blocking;                        /* calls that waited for the device */
    uint64_t paced;                           /* of them, to stay at most a few steps ahead of it */
    uint64_t allocations;                     /* device buffers created */
    uint64_t bytes, bytes_peak;               /* device memory held by buffers of this context */
    uint64_t programs_built, programs_loaded; /* compiled from source; taken from the program cache */
} pf_context_counts;
PF_API pf_context_counts pf_context_count(const pf_context *context);

/** A program cache that grows beyond this loses the programs that were not used for the longest time. */
#define PF_CACHE_BYTES_MAX ((uint64_t)256 << 20)

/** What a program cache holds. */
typedef struct pf_cache_usage {
    uint64_t programs; /* files */
    uint64_t verdicts; /* of self-tests: files */
    uint64_t bytes;
} pf_cache_usage;
/** A folder that does not exist holds nothing. PF_SYSTEM when it cannot be listed. */
PF_API pf_status pf_cache_show(const char *folder, pf_cache_usage *usage, pf_error *error);
/** Deletes every program and verdict of the cache, of whatever device and version, and no other file. Safe
 * while others use it: they compile. */
PF_API pf_status pf_cache_clear(const char *folder, pf_cache_usage *removed, pf_error *error);

#endif
