/* SPDX-License-Identifier: MIT
 * A method: its options, what it needs of a network, a loss graph, and ONE evaluation of its sampler. A
 * method never sees a device, a file or a concrete network. */
#ifndef PF__METHODS_METHOD_H
#define PF__METHODS_METHOD_H

#include "nn/net.h"

#define PF__METRICS_MAX 12
typedef struct pf__metrics {
    const char *name[PF__METRICS_MAX]; /* static texts */
    pf_value value[PF__METRICS_MAX];   /* scalars */
    int count;
} pf__metrics;

typedef struct pf__method_ctx {
    pf_graph *g;
    const pf__config *config; /* method options are "method.<name>" */
    const pf__net *net;
    pf__params *params;
    const char *group;  /* "student" in training; an EMA copy's group in sampling */
    const char *target; /* loss: the group of theta-, where needs ask for one */
    int64_t batch;      /* B */
    pf_value data;      /* loss: a [B, sample...] f32, standardised */
    pf_value label;     /* [B] i32 or 0 */
    /* loss: the velocity v(x, t) that is taught, where needs ask for it: x [B, sample...], t [B], label as
     * above. Its parameters are nobody's to train. */
    pf_value (*teacher_velocity)(void *teacher, pf_graph *g, pf_value x, pf_value t, pf_value label);
    void *teacher;
    /* evaluate: */
    pf_value x;    /* the state [B, sample...] */
    pf_value t, r; /* scalars (rank 0): from time t to time r < t; a velocity looks at t only, which may be of
                      each sample, [B] */
} pf__method_ctx;

/** What a method changes from step to step beside the learning rate: scalars "step/..." of the step block. */
typedef struct pf__curriculum {
    double target; /* mu: decay of theta- */
    double levels; /* N(k): times of the grid */
    double gap;    /* q^-(stage + 1) of easy consistency tuning */
    double warmup; /* r: part of the tangent that counts */
} pf__curriculum;

/** What evaluate yields. */
typedef enum pf__evaluation {
    PF__EVALUATES_VELOCITY, /* dx/dt at (x, t): a host loop integrates it */
    PF__EVALUATES_MAP,      /* the state at time r: a host loop walks t_0 = 1 > ... > t_n = 0 */
} pf__evaluation;

/** What `pushforward explain` tells beside the options. Plain text for a terminal: lines of at most 96
 * characters, ended by line feeds but for the last. All four are wanted. */
typedef struct pf__explanation {
    const char *equations; /* what is learnt, and by which loss */
    const char *needs;     /* of training: teacher, theta-, derivatives, what is drawn */
    const char *sampling;  /* what samples take, and can take */
    const char *papers;    /* one a line: authors, title, year, arXiv */
} pf__explanation;

typedef struct pf__method {
    const char *name;          /* "flow", "meanflow" */
    const char *summary;       /* one line for help */
    const pf__option *options; /* section "method" */
    const pf__explanation *explanation;
    pf__evaluation evaluation;
    pf__needs (*needs)(const pf__config *config);
    /** Refuses combinations of options that the table cannot express. */
    pf_status (*check)(const pf__config *config, pf_error *err);
    /** Scalar loss, and named metrics beside it (the loss itself is not repeated there). Sticky errors in g.
     */
    void (*loss)(const pf__method_ctx *ctx, pf_value *loss, pf__metrics *metrics);
    void (*evaluate)(const pf__method_ctx *ctx, pf_value *out);
    /** What holds at update `step` of `steps`; NULL: nothing changes. */
    void (*schedule)(const pf__config *config, int64_t step, int64_t steps, pf__curriculum *out);
    /** The velocity of the network at (x, t), for reports and as a teacher: flow v(x,t), MeanFlow and Pixel
     * MeanFlow u(x,t,t). t is a scalar or [B]. NULL: the method knows none. */
    void (*velocity)(const pf__method_ctx *ctx, pf_value *out);
} pf__method;

extern const pf__method *const pf__methods[]; /* ended by NULL */
/** NULL when there is none of this name. */
const pf__method *pf__method_find(const char *name);
/** "did you mean 'flow'? There are: flow, ..." as the hint for a name that is none. */
pf_status pf__method_hint(const char *name, pf_status st, pf_error *err);
extern const pf__option pf__method_name_options[]; /* [method] name */

/* Random leaves: "noise" [B, sample...] normal, "time" [B] normal or uniform (t), "time/r" [B] (r),
 * "time/mask", "time/uniform", "time/uniform/r" [B] uniform (Pixel MeanFlow's); in sampling "noise/renew" [B,
 * sample...]. All can be bound for oracle fixtures. */

#endif
