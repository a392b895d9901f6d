/* SPDX-License-Identifier: MIT
 * The matrix product by CLBlast, and the only caller of CLBlast.
 *
 * Traps of CLBlast (seen in 1.5.3):
 * - The strided-batched product is wrong, with status 0, where it takes its indirect path, all sizes are
 * multiples of the tile, and an operand lies at an offset or has a padded stride: its kernel is told neither.
 * So it is called with dense operands that begin at 0 of a buffer or sub-buffer; where the device's alignment
 * forbids the sub-buffer, one product at a time is called.
 * - An operand at an offset costs a copy, even in a plain product: sub-buffers there, too.
 * - A row-major call transposes C where the device's parameters say GEMMK = 0 (nearly all do). The same
 * product as column-major C' = op(B)' op(A)' does not.
 * - It knows nothing of CPUs: its own parameters reach a few percent of the peak there. */
#include "ops/matmul_private.h"
#include "runtime/native.h"
#include <clblast_c.h>
#include <pthread.h>
#include <stdlib.h>

/* A tensor as CLBlast sees it. Sub-buffers are kept as long as the tensor lies where it lay. */
typedef struct operand {
    size_t count; /* floats, of the whole batch */
    cl_mem parent, sub;
    uint32_t place; /* of sub in parent */
    cl_mem mem;     /* for the call: sub or the buffer */
    size_t offset;
} operand;

typedef struct state {
    pf__product p;
    operand x[3]; /* A, B, C */
} state;

static void forget(operand *x) {
    pf__native_release(&x->sub);
}

static void free_state(void *pointer) {
    state *s = pointer;
    for (int i = 0; i < 3; i++) forget(&s->x[i]);
    free(s);
}

static pf_status locate(operand *x, const pf_device_info *device, const pf__place *place, pf_error *err) {
    const cl_mem parent = pf__native_buffer(place->buffer);
    const size_t bytes = (size_t)place->offset * sizeof(float), align = device->base_align_bytes;
    x->mem = parent;
    x->offset = place->offset;
    if (place->offset == 0 || align == 0 || bytes % align != 0) return PF_OK;
    if (!x->sub || x->parent != parent || x->place != place->offset) {
        forget(x);
        PF__TRY(pf__native_sub_buffer(place->buffer, bytes, x->count * sizeof(float), &x->sub, err));
        x->parent = parent; /* a sub-buffer keeps its parent alive, so the handle stays its own */
        x->place = place->offset;
    }
    x->mem = x->sub;
    x->offset = 0;
    return PF_OK;
}

static pf_status check(CLBlastStatusCode code, const char *what, const pf__product *p, pf_error *err) {
    if (code == CLBlastSuccess) return PF_OK;
    const bool memory = code == CLBlastOpenCLOutOfResources || code == CLBlastOpenCLOutOfHostMemory ||
                        code == CLBlastTempBufferAllocFailure;
    pf_status st = pf__fail(err, memory ? PF_MEMORY : PF_DEVICE, "%s: status %d (%s) in %s", what, (int)code,
                            pf__native_error_name((cl_int)code), p->label);
    return pf__hint(err, st, "runtime.matmul = generic does without CLBlast");
}

static CLBlastTranspose transposed(bool is) {
    return is ? CLBlastTransposeYes : CLBlastTransposeNo;
}

/* C' = op(B)' op(A)', column-major: rows and columns change places, the stored bytes are the same. */
static pf_status products(state *s, cl_command_queue *queue, pf_error *err) {
    const pf__product *p = &s->p;
    const operand *a = &s->x[0], *b = &s->x[1], *c = &s->x[2];
    const size_t lda = p->transpose_a ? p->m : p->k, ldb = p->transpose_b ? p->k : p->n, ldc = p->n;
    const size_t a_step = (size_t)p->m * p->k, b_step = (size_t)p->k * p->n, c_step = (size_t)p->m * p->n;
    const CLBlastTranspose ta = transposed(p->transpose_a), tb = transposed(p->transpose_b);
    if (p->batch > 1 && a->offset == 0 && b->offset == 0 && c->offset == 0) {
        CLBlastStatusCode code = CLBlastSgemmStridedBatched(
            CLBlastLayoutColMajor, tb, ta, p->n, p->m, p->k, 1.0f, b->mem, 0, ldb, b_step, a->mem, 0, lda,
            a_step, 0.0f, c->mem, 0, ldc, c_step, p->batch, queue, NULL);
        return check(code, "CLBlastSgemmStridedBatched", p, err);
    }
    for (size_t i = 0; i < p->batch; i++) {
        CLBlastStatusCode code = CLBlastSgemm(CLBlastLayoutColMajor, tb, ta, p->n, p->m, p->k, 1.0f, b->mem,
                                              b->offset + i * b_step, ldb, a->mem, a->offset + i * a_step,
                                              lda, 0.0f, c->mem, c->offset + i * c_step, ldc, queue, NULL);
        PF__TRY(check(code, "CLBlastSgemm", p, err));
    }
    return PF_OK;
}

static pf_status call(void *pointer, pf_context *c, const pf__place *places, pf_error *err) {
    state *s = pointer;
    for (int i = 0; i < 3; i++) PF__TRY(locate(&s->x[i], pf_context_device(c), &places[i], err));
    return products(s, pf__native_queue(c), err);
}

/* Parameters for CPUs: work-groups of one item, a register tile of 16 x 8 in float8, nothing in local memory,
 * and never the direct kernel. CLBlast keeps them per process and device, so they are set once per device,
 * under a lock. */
static pf_status tune_for_cpu(pf_context *c, pf_error *err) {
    static const char *xgemm_names[] = {"GEMMK", "KREG", "KWG", "KWI", "MDIMA", "MDIMC", "MWG", "NDIMB",
                                        "NDIMC", "NWG",  "SA",  "SB",  "STRM",  "STRN",  "VWM", "VWN"};
    static const size_t xgemm[] = {0, 1, 32, 2, 1, 1, 16, 1, 1, 8, 0, 0, 0, 0, 8, 1};
    static const char *routine_names[] = {"XGEMM_MIN_INDIRECT_SIZE"};
    static const size_t routine[] = {0};
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static cl_device_id done[16];
    static size_t done_count;

    const cl_device_id device = pf__native_device(c);
    CLBlastStatusCode code = CLBlastSuccess;
    pthread_mutex_lock(&lock);
    size_t at = 0;
    while (at < done_count && done[at] != device) at++;
    if (at == done_count && at < sizeof done / sizeof *done) {
        code = CLBlastOverrideParameters(device, "Xgemm", CLBlastPrecisionSingle, 16, xgemm_names, xgemm);
        if (code == CLBlastSuccess)
            code = CLBlastOverrideParameters(device, "GemmRoutine", CLBlastPrecisionSingle, 1, routine_names,
                                             routine);
        if (code == CLBlastSuccess) done[done_count++] = device;
    }
    pthread_mutex_unlock(&lock);
    if (code == CLBlastSuccess) return PF_OK;
    return pf__fail(err, PF_DEVICE, "CLBlastOverrideParameters: status %d on %s", (int)code,
                    pf_context_device(c)->name);
}

bool pf__matmul_clblast_supports(const pf__lowering *l, const pf__node *n) {
    (void)n;
    return l->device->has_compiler;
}

pf_status pf__matmul_clblast(pf__lowering *l, const pf__node *n) {
    if (l->device->type == PF_DEVICE_CPU) PF__TRY(tune_for_cpu(l->context, l->err));
    state *s = calloc(1, sizeof *s);
    if (!s) return pf__fail_memory(l->err, "a CLBlast call", sizeof *s);
    s->p = pf__product_of(l->graph, n);
    s->x[0].count = (size_t)s->p.batch * s->p.m * s->p.k;
    s->x[1].count = (size_t)s->p.batch * s->p.k * s->p.n;
    s->x[2].count = (size_t)s->p.batch * s->p.m * s->p.n;
    const pf__operand operands[] = {pf__read(s->p.a), pf__read(s->p.b), pf__write(s->p.c)};
    return l->call(l, s->p.label, call, s, free_state, operands, 3, s->p.flops, s->p.bytes);
}
