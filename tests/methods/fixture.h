/* SPDX-License-Identifier: MIT
 * The oracle fixtures of tests/oracle/ as objects: everything needed to build the graphs of a fixture and to
 * compare what they yield, in the interpreter or on a device. */
#ifndef PF_TESTS_METHODS_FIXTURE_H
#define PF_TESTS_METHODS_FIXTURE_H

#include "methods/method.h"

#define FIXTURE_TENSORS_MAX 48
#define FIXTURE_NAME_MAX    64

typedef struct fixture_tensor {
    char name[FIXTURE_NAME_MAX];
    pf_shape shape;
    int64_t count;
    double *data;
} fixture_tensor;

typedef struct fixture {
    char name[FIXTURE_NAME_MAX];
    const pf__method *method;
    pf__config *config, *teacher_config; /* the teacher's [model], NULL without */
    pf__net net, teacher;
    pf__params params, teacher_params; /* filled by the first build */
    int64_t batch;
    /* what goes in: "data", "label", the step block's scalars and random streams by name; parameters as
     * "student:<path>" and by their group */
    fixture_tensor given[FIXTURE_TENSORS_MAX];
    int given_count;
    /* what must come out */
    double loss;
    char metric_name[PF__METRICS_MAX][FIXTURE_NAME_MAX];
    double metric[PF__METRICS_MAX];
    int metric_count;
    fixture_tensor gradient[FIXTURE_TENSORS_MAX]; /* by path */
    int gradient_count;
    double t, r;                       /* of the sampler; its state is the noise */
    fixture_tensor evaluate, velocity; /* velocity.count 0: the method knows none */
} fixture;

/** The fixtures' names ("flow-uniform", ...), ended by NULL. */
extern const char *const fixture_names[];

/** Reads tests/oracle/<name>.json. fixture_free also after a failure. */
pf_status fixture_load(fixture *f, const char *name, pf_error *err);
void fixture_free(fixture *f);

/** The given tensor of this name, or NULL. */
const fixture_tensor *fixture_given(const fixture *f, const char *name);

/** Appends the training loss to g. gradient[i] belongs to f->gradient[i]; metrics and gradient may be NULL.
 */
pf_status fixture_build_loss(fixture *f, pf_graph *g, pf_value *loss, pf__metrics *metrics,
                             pf_value *gradient, pf_error *err);
/** Appends evaluate and velocity (0 where the method knows none) to g. They read the inputs "x" (bound to the
 * noise), "step/t" and "step/r".
 */
pf_status fixture_build_sampler(fixture *f, pf_graph *g, pf_value *evaluate, pf_value *velocity,
                                pf_error *err);

/** ||got - expected|| / ||expected||; the norm of got where expected is zero. */
double fixture_distance(const double *got, const double *expected, int64_t count);

#endif
