/* SPDX-License-Identifier: MIT
 * What a method sees of a network: heads = net(x, k scalars per sample, label). */
#ifndef PF__NN_NET_H
#define PF__NN_NET_H

#include "base/config.h"
#include "nn/params.h"

/** Which noise goes with which sample. */
typedef enum pf__noise {
    PF__NOISE_INDEPENDENT, /* drawn on the device */
    PF__NOISE_TRANSPORT,   /* the same numbers, in the order that brings them nearest to the batch */
    PF__NOISE_STORED,      /* of the data set: what a model made the samples of */
} pf__noise;

/** What a method asks of the network, and of its training. */
typedef struct pf__needs {
    int condition_count; /* 0 drifting; 1 (t) flow, consistency; 2 (t, t-r) MeanFlow */
    int head_count;      /* 1; 2 with a velocity head */
    bool target;         /* theta-: a copy of the parameters that follows them at the step block's rate */
    bool teacher;        /* the velocity of another network, or an analytic one */
    pf__noise noise;     /* of the random leaf "noise" */
    bool by_class;       /* where the network knows classes: equal parts of a batch are of one class each */
    int64_t groups;      /* by_class: how many; 0: as many as there are classes */
    int64_t source;      /* numbers that the network makes a sample of; 0: as many as a sample has */
} pf__needs;

#define PF__CONDITIONS_MAX 8
#define PF__HEADS_MAX      2
#define PF__SAMPLE_MAX     (1 << 24) /* numbers in one sample */

typedef enum pf__mode { PF__MODE_TRAIN, PF__MODE_SAMPLE } pf__mode;

typedef struct pf__net pf__net;
struct pf__net {
    pf_shape sample; /* one sample, without B */
    pf_shape source; /* what the network reads for one: the sample's shape, or [needs.source] */
    int condition_count, class_count,
        head_count; /* class_count 0 = unconditional; label == class_count is the null class */
    /** x [B, source...], heads[i] [B, sample...] (i < head_count). group names whose parameters are read.
     * label [B] i32 or 0. Errors: sticky in g. */
    void (*apply)(const pf__net *net, pf_graph *g, pf__params *params, const char *group, pf_value x,
                  const pf_value *condition, pf_value label, pf__mode mode, pf_value *heads);
    /* model options, as resolved */
    int width, depth, embed;
    double head;
    bool residual, gate;
    const char *kind;
};

extern const pf__option pf__model_options[]; /* [model] kind, width, depth, ... */
/** Fills *net from [model] for samples of this shape. */
pf_status pf__net_create(pf__net *net, const pf__config *config, const pf_shape *sample, int class_count,
                         const pf__needs *needs, pf_error *err);

#endif
