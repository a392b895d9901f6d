/* SPDX-License-Identifier: MIT
 * How an operation becomes launches. A candidate sees symbolic operands only (values and workspaces); the
 * plan decides where they lie and sets the arguments afterwards. */
#ifndef PF__OPS_LOWER_H
#define PF__OPS_LOWER_H

#include "graph/op.h"
#include "runtime/runtime.h"

/** Where a tensor lies: a buffer and an offset in elements. */
typedef struct pf__place {
    pf__buffer *buffer;
    uint32_t offset;
} pf__place;

typedef enum pf__operand_kind {
    PF__OPERAND_READ,
    PF__OPERAND_WRITE,
    PF__OPERAND_UPDATE,
    PF__OPERAND_U32,
    PF__OPERAND_F32
} pf__operand_kind;

/** A kernel operand. READ, WRITE, UPDATE (read and written): a value of the graph, or a workspace; becomes
 * (pointer, uint offset). */
typedef struct pf__operand {
    pf__operand_kind kind;
    bool workspace; /* id is a workspace's, not a value's */
    uint32_t id;
    uint32_t u32;
    float f32;
    bool elementwise; /* of a generated kernel: element i of the domain reads or writes element i, so that a
                         result may take the place of an operand */
} pf__operand;

/** The workspace id of the step block: a uint buffer; words 0,1 = seed low, high; 2,3 = first sample low,
 * high. Read only. */
#define PF__STEP_BLOCK 0xffffffffu

static inline pf__operand pf__read(pf_value v) {
    return (pf__operand){.kind = PF__OPERAND_READ, .id = v};
}
static inline pf__operand pf__write(pf_value v) {
    return (pf__operand){.kind = PF__OPERAND_WRITE, .id = v};
}
static inline pf__operand pf__workspace_read(uint32_t w) {
    return (pf__operand){.kind = PF__OPERAND_READ, .workspace = true, .id = w};
}
static inline pf__operand pf__workspace_write(uint32_t w) {
    return (pf__operand){.kind = PF__OPERAND_WRITE, .workspace = true, .id = w};
}
static inline pf__operand pf__u32(uint32_t x) {
    return (pf__operand){.kind = PF__OPERAND_U32, .u32 = x};
}
static inline pf__operand pf__f32(float x) {
    return (pf__operand){.kind = PF__OPERAND_F32, .f32 = x};
}

typedef struct pf__step_desc {
    const char *label;   /* copied */
    const char *file;    /* a file of cl/ ("matmul.cl") or NULL when `source` is given */
    const char *source;  /* OpenCL C text of the kernel (generated), copied; NULL with `file` */
    const char *defines; /* "#define MR 8\n#define V 16\n": put before the text, undefined after it; copied;
                            or NULL */
    /* The kernel's entry point is written as the macro KERNEL in the text; the plan defines it, one name per
     * distinct (file or source, defines). */
    int dims;
    size_t global[3], local[3];
    const pf__operand *operands; /* copied */
    int operand_count;
    double flops, bytes;
} pf__step_desc;

/** A library call: places[i] is where operand i lies (buffers only). state is freed by free_state with the
 * plan. */
typedef pf_status pf__library_call(void *state, pf_context *c, const pf__place *places, pf_error *err);

typedef struct pf__lowering pf__lowering;
struct pf__lowering {
    pf_context *context;
    const pf_device_info *device;
    const pf_graph *graph;
    pf_error *err;
    const char *matmul; /* "auto" | "cpu" | "clblast" | "generic": runtime.matmul */
    /** A kernel launch appended to the plan. */
    pf_status (*kernel)(pf__lowering *l, const pf__step_desc *d);
    /** A library call appended to the plan; its operands are READ, WRITE or UPDATE. */
    pf_status (*call)(pf__lowering *l, const char *label, pf__library_call *call, void *state,
                      void (*free_state)(void *), const pf__operand *operands, int operand_count,
                      double flops, double bytes);
    /** A scratch tensor of `count` floats, alive from its first to its last use among the steps. Returns its
     * id. */
    pf_status (*workspace)(pf__lowering *l, uint64_t count, uint32_t *id);
};

struct pf__candidate {
    const char *name;
    bool (*supports)(const pf__lowering *l, const pf__node *n);
    pf_status (*lower)(pf__lowering *l, const pf__node *n);
    /** Two nodes at once that share their right operand, such as a value and its tangent; NULL, or false: one
     * by one. */
    bool (*pairs)(const pf__lowering *l, const pf__node *n, const pf__node *twin);
    pf_status (*lower_pair)(pf__lowering *l, const pf__node *n, const pf__node *twin);
};

/* Guarantees of the plan towards kernels:
 * - every operand of a candidate is dense and row-major, of its value's shape (views have been made dense
 * before);
 * - every tensor is allocated up to a whole multiple of 16 floats and starts at a multiple of 64 floats, and
 * reading up to 64 floats past the end of any tensor stays inside the buffer; *writing* past a tensor's own
 * rounded-up 16 floats is not allowed;
 * - operands of one launch never overlap except where UPDATE says so. */

#endif
