/* SPDX-License-Identifier: MIT
 * The only folder that calls OpenCL: context, buffers, programs, launch lists. The others see these types.
 *
 * One in-order queue computes. A launch list owns one kernel object per launch, its arguments set once;
 * replaying it is a loop of enqueues. A list keeps references to the buffers it names. */
#ifndef PF__RUNTIME_RUNTIME_H
#define PF__RUNTIME_RUNTIME_H

#include "base/error.h"
#include "pushforward/context.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void pf__log(const pf_context *c, pf_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** True when `candidate` is in the list of pf_context_avoid. */
bool pf__context_avoids(const pf_context *c, const char *candidate);
/** The version of the platform, which names its compiler; "" without a cache. */
const char *pf__context_platform_version(const pf_context *c);
/** Whether programs built from now on are kept; returns what was so far. Nothing is kept without a cache. */
bool pf__context_keep(pf_context *c, bool keep);
/** Waits for all work in flight (counted as blocking). */
pf_status pf__context_finish(pf_context *c, pf_error *err);

/* ---- buffers: counted references ---- */
typedef struct pf__buffer pf__buffer;

/** bytes > 0; rounded up to whole 64-byte vectors plus 256 bytes of slack, so that vector loads may run over
 * the end. Zeroed. `what` names it in messages. PF_MEMORY when it exceeds the device's largest allocation,
 * with the figures. */
pf_status pf__buffer_create(pf_context *c, size_t bytes, const char *what, pf__buffer **out, pf_error *err);
pf__buffer *pf__buffer_retain(pf__buffer *b);
void pf__buffer_release(pf__buffer **b);
size_t pf__buffer_bytes(const pf__buffer *b);
/** Non-blocking on the queue when wait is false: host must stay as it is until the queue has passed. */
pf_status pf__buffer_write(pf__buffer *b, size_t offset, const void *host, size_t bytes, bool wait,
                           pf_error *err);
/** Blocking. */
pf_status pf__buffer_read(pf__buffer *b, size_t offset, void *host, size_t bytes, pf_error *err);
/** Non-blocking on the queue; offset and bytes are multiples of 4. */
pf_status pf__buffer_zero(pf__buffer *b, size_t offset, size_t bytes, pf_error *err);
pf_status pf__buffer_fill(pf__buffer *b, size_t offset, size_t bytes, uint32_t word, pf_error *err);
pf_status pf__buffer_copy(pf__buffer *from, size_t from_offset, pf__buffer *to, size_t to_offset,
                          size_t bytes, pf_error *err);

/* ---- programs ---- */
typedef struct pf__program pf__program;

/** The text of a file of cl/ ("matmul.cl"): embedded, or from the folder PF_KERNEL_DIR. malloc,
 * NUL-terminated; the caller frees. */
pf_status pf__kernel_source(const char *name, char **text, pf_error *err);
/** Over all kernel sources, in the order of their names' table. */
pf_status pf__kernel_hash(uint64_t *out, pf_error *err);
/** Builds OpenCL C. On failure the message holds the first error lines of the log. Always passes
 * -cl-std=CL1.2. */
pf_status pf__program_build(pf_context *c, const char *what, const char *source, const char *options,
                            pf__program **out, pf_error *err);
pf__program *pf__program_retain(pf__program *p);
void pf__program_release(pf__program **p);

/* ---- launch lists ---- */
typedef struct pf__list pf__list;

typedef enum pf__argument_kind { PF__ARGUMENT_BUFFER, PF__ARGUMENT_U32, PF__ARGUMENT_F32 } pf__argument_kind;
/** A BUFFER argument becomes two kernel arguments: the buffer and `uint` element offset. */
typedef struct pf__argument {
    pf__argument_kind kind;
    pf__buffer *buffer;
    uint32_t offset; /* in elements of the kernel's own pointer type */
    uint32_t u32;
    float f32;
} pf__argument;

typedef struct pf__launch {
    const char *label; /* copied: "matmul nn 1024x256x256"; profiles add up by the words before the figures */
    pf__program *program;
    const char *kernel; /* entry point */
    int dims;
    /* local[0] == 0: the driver's choice. Else a wish, made smaller where the driver allows this kernel less:
     * one that counts on its size says reqd_work_group_size, and then is refused. */
    size_t global[3], local[3];
    const pf__argument *arguments;
    int argument_count;
    double flops, bytes; /* useful work, for profiles */
} pf__launch;

typedef pf_status pf__list_call(void *state, pf_context *c, pf_error *err);

pf_status pf__list_create(pf_context *c, pf__list **out, pf_error *err);
void pf__list_destroy(pf__list **l);
pf_status pf__list_add(pf__list *l, const pf__launch *launch, pf_error *err);
/** A library call that enqueues on the context's queue by itself. free_state(state) runs when the list is
 * destroyed. */
pf_status pf__list_add_call(pf__list *l, const char *label, pf__list_call *call, void *state,
                            void (*free_state)(void *), double flops, double bytes, pf_error *err);
int pf__list_count(const pf__list *l);
/** Enqueues everything and flushes. Never waits, never allocates. */
pf_status pf__list_replay(pf__list *l, pf_error *err);

/* ---- profiles ---- */
typedef struct pf__timing {
    const char *label;
    double seconds; /* sum over what was recorded */
    double gap;     /* likewise, how long the queue stood idle before it; not where the host had waited */
    uint64_t count;
    double flops, bytes; /* of one launch, of the average transfer */
} pf__timing;
/** Whether the context was made to time launches. */
bool pf__context_profiles(const pf_context *c);
/** With a profiling context: commands are recorded from now on, or not (as in the beginning). */
void pf__context_record(pf_context *c, bool on);
/** With a profiling context: what was recorded of a list since the last call (waits). One row per launch, in
 * order. *rows: malloc, labels belong to the list. */
pf_status pf__list_timings(pf__list *l, pf__timing **rows, int *count, pf_error *err);
/** Transfers outside lists, those that wait left out. */
typedef enum pf__transfer {
    PF__TRANSFER_WRITE,
    PF__TRANSFER_COPY,
    PF__TRANSFER_FILL,
    PF__TRANSFERS
} pf__transfer;
/** Likewise of the transfers. */
pf_status pf__context_timings(pf_context *c, pf__timing rows[PF__TRANSFERS], pf_error *err);

/* ---- keeping the host at most n steps ahead ---- */
/** Marks the end of everything enqueued so far under slot (0..7), replacing its earlier mark. */
pf_status pf__context_mark(pf_context *c, int slot, pf_error *err);
/** Waits for the mark of the slot; at once when there is none. Counted (blocking and paced) only if it had to
 * wait. */
pf_status pf__context_wait(pf_context *c, int slot, pf_error *err);

#endif
