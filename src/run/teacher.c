/* SPDX-License-Identifier: MIT
 * The teacher: a velocity that a method distils. It is another run's checkpoint, its network and weights,
 * which may have another size than the student but must see the same samples: shape, classes,
 * standardisation. Or it is analytic: that of the data set's own law, whose numbers take the place of
 * weights. */
#include "run/run.h"
#include "run/velocity.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pf__teacher {
    pf_checkpoint *checkpoint; /* closed once its weights are loaded */
    pf_config *config;         /* of the checkpoint */
    pf__model model;           /* analytic: its params alone */
    pf__velocity *known;       /* analytic; else NULL */
    pf__buffer *weights;
    char name[32], identity[64], path[1024];
};

/* ---- what it must agree with ---- */

static pf_status check_method(const pf__teacher *t, pf_error *err) {
    if (t->model.method->velocity) return PF_OK;
    return pf__hint(err,
                    pf__fail(err, PF_DATA, "%s: trained with the method %s, which knows no velocity to teach",
                             t->path, t->model.method->name),
                    "train a teacher with: pushforward train --method flow --out teacher");
}

static void print_shape(const pf_shape *shape, char text[128]) {
    int used = snprintf(text, 128, "[");
    for (int i = 0; i < shape->rank && used < 120; i++)
        used += snprintf(text + used, (size_t)(128 - used), "%s%lld", i ? "," : "", (long long)shape->dim[i]);
    snprintf(text + used, (size_t)(128 - used), "]");
}

static pf_status check_samples(const pf__teacher *t, const pf_dataset_info *data, int class_count,
                               pf_error *err) {
    const pf_checkpoint_info *c = pf_checkpoint_describe(t->checkpoint);
    char mine[128], theirs[128];
    print_shape(&data->sample, mine);
    print_shape(&c->sample, theirs);
    if (strcmp(mine, theirs) != 0)
        return pf__hint(err,
                        pf__fail(err, PF_DATA, "%s: the teacher's samples are %s, those of the data set %s",
                                 t->path, theirs, mine),
                        "the teacher must be trained on the same data set");
    if (c->class_count == class_count) return PF_OK;
    return pf__hint(err,
                    pf__fail(err, PF_DATA, "%s: the teacher knows %d classes, the student %d", t->path,
                             c->class_count, class_count),
                    "train both with the same data.labels");
}

static pf_status check_labels(const pf__teacher *t, const pf__config *config, pf_error *err) {
    const pf__config *theirs = t->model.config;
    if (pf__config_real(config, "data.label_drop") <= 0 || pf__config_real(theirs, "data.label_drop") > 0)
        return PF_OK;
    return pf__hint(err,
                    pf__fail(err, PF_USAGE,
                             "%s: data.label_drop asks the teacher for samples without labels, which %s "
                             "never learnt (its data.label_drop is 0)",
                             pf__config_origin(config, "data.label_drop"), t->path),
                    "train the teacher with data.label_drop = 0.1 too, or leave it out here");
}

static pf_status check_scaling(const pf__teacher *t, const pf__scaling *s, pf_error *err) {
    const double *mean, *deviation;
    int64_t count;
    pf_checkpoint_scaling(t->checkpoint, &mean, &deviation, &count);
    bool same = count == s->count;
    for (int64_t i = 0; same && i < count; i++)
        same = fabs(mean[i] - s->mean[i]) <= 1e-6 * s->deviation[i] &&
               fabs(deviation[i] - s->deviation[i]) <= 1e-6 * s->deviation[i];
    if (same) return PF_OK;
    return pf__hint(err,
                    pf__fail(err, PF_DATA,
                             "%s: the teacher's data was standardised otherwise (mean %.6g, deviation %.6g; "
                             "here %.6g, %.6g)",
                             t->path, mean[0], deviation[0], s->mean[0], s->deviation[0]),
                    "use the data set and the data.standardize that the teacher was trained with");
}

/* ---- opening and loading ---- */

static pf_status assemble(pf__teacher *t, const pf__config *config, const pf_dataset_info *data,
                          const pf__scaling *scaling, int class_count, pf_error *err) {
    PF__TRY(pf_checkpoint_open(pf__config_text(config, "method.teacher"), &t->checkpoint, err));
    const pf_checkpoint_info *c = pf_checkpoint_describe(t->checkpoint);
    snprintf(t->path, sizeof t->path, "%s", c->path);
    PF__TRY(pf_config_create(&t->config, err));
    PF__TRY(pf_config_read_text(t->config, pf_checkpoint_config(t->checkpoint), t->path, err));
    PF__TRY(pf_config_resolve(t->config, err));
    PF__TRY(pf__model_create(&t->model, t->config, &c->sample, c->class_count, err));
    PF__TRY(check_method(t, err));
    PF__TRY(check_samples(t, data, class_count, err));
    PF__TRY(check_labels(t, config, err));
    PF__TRY(check_scaling(t, scaling, err));
    PF__TRY(pf__checkpoint_weights(c, pf__config_text(config, "method.teacher_weights"), t->name, err));
    if (strcmp(t->name, "initial") == 0)
        return pf__hint(err, pf__fail(err, PF_USAGE, "method.teacher_weights = initial teaches nothing"),
                        "leave it out for the longest average");
    snprintf(t->identity, sizeof t->identity, "%s %s", pf__checkpoint_hash(t->checkpoint), t->name);
    return PF_OK;
}

static pf_status assemble_analytic(pf__teacher *t, const pf__config *config, pf_dataset *set,
                                   const pf__scaling *s, int class_count, pf_error *err) {
    char hash[17];
    const char *weights = pf__config_text(config, "method.teacher_weights");
    snprintf(t->path, sizeof t->path, "analytic");
    if (*weights)
        return pf__hint(err,
                        pf__fail(err, PF_USAGE,
                                 "%s: method.teacher_weights = %s: an analytic teacher has none",
                                 pf__config_origin(config, "method.teacher_weights"), weights),
                        "leave it out");
    if (class_count)
        return pf__hint(err,
                        pf__fail(err, PF_USAGE,
                                 "%s: method.teacher = analytic knows the velocity of the whole "
                                 "set, not of each of its %d classes",
                                 pf__config_origin(config, "method.teacher"), class_count),
                        "set data.labels = false");
    pf_status st = pf__velocity_create(&t->known, set, s->mean, s->deviation, s->count, err);
    if (st != PF_OK) return st;
    pf__velocity_hash(t->known, hash);
    snprintf(t->identity, sizeof t->identity, "analytic %s", hash);
    return PF_OK;
}

pf_status pf__teacher_open(pf__teacher **out, const pf__config *config, pf_dataset *set,
                           const pf__scaling *scaling, int class_count, pf_error *err) {
    *out = NULL;
    const char *asks = pf__config_has(config, "method.velocity") ? "method.velocity" : "method.form";
    if (!*pf__config_text(config, "method.teacher"))
        return pf__hint(
            err,
            pf__fail(err, PF_USAGE, "%s: %s = %s needs a teacher, and none is given",
                     pf__config_origin(config, asks), asks, pf__config_text(config, asks)),
            "set method.teacher = RUN, a run folder or checkpoint of the method flow, or analytic "
            "for a set of Gaussians");
    pf__teacher *t = calloc(1, sizeof *t);
    if (!t) return pf__fail_memory(err, "teacher", sizeof *t);
    pf_status st = pf__config_is_word(config, "method.teacher")
                       ? assemble_analytic(t, config, set, scaling, class_count, err)
                       : assemble(t, config, pf_dataset_describe(set), scaling, class_count, err);
    if (st != PF_OK) {
        pf__teacher_close(&t);
        return st;
    }
    *out = t;
    return PF_OK;
}

void pf__teacher_close(pf__teacher **teacher) {
    pf__teacher *t = *teacher;
    if (!t) return;
    pf_checkpoint_close(&t->checkpoint);
    pf__buffer_release(&t->weights);
    pf__velocity_free(&t->known);
    pf__model_free(&t->model);
    pf_config_destroy(&t->config);
    free(t);
    *teacher = NULL;
}

pf_status pf__teacher_load(pf__teacher *t, pf_context *context, pf_error *err) {
    const pf__params *params = &t->model.params;
    size_t bytes = (size_t)params->flat_count * sizeof(float);
    char group[64];
    snprintf(group, sizeof group, strcmp(t->name, "none") == 0 ? "/model" : "/ema/%s", t->name);
    float *flat = malloc(bytes);
    if (!flat) return pf__fail_memory(err, "parameters of the teacher", bytes);
    pf_status st = PF_OK;
    if (t->known)
        pf__velocity_values(t->known, params, flat);
    else
        st = pf__checkpoint_read_flat(t->checkpoint, group, params, flat, err);
    if (st == PF_OK) st = pf__buffer_create(context, bytes, "parameters of the teacher", &t->weights, err);
    if (st == PF_OK) st = pf__buffer_write(t->weights, 0, flat, bytes, true, err);
    free(flat);
    pf_checkpoint_close(&t->checkpoint);
    return st;
}

void pf__teacher_bind(const pf__teacher *t, pf__binds *binds) {
    pf__binds_add_group(binds, &t->model.params, PF__TEACHER, t->weights);
}

/* ---- what it is ---- */

pf_value pf__teacher_velocity(void *teacher, pf_graph *g, pf_value x, pf_value t, pf_value label) {
    pf__teacher *self = teacher;
    pf__model *m = &self->model;
    if (self->known) return pf__velocity_graph(self->known, g, &m->params, PF__TEACHER, x, t);
    pf__method_ctx ctx = {
        .g = g,
        .config = m->config,
        .net = &m->net,
        .params = &m->params,
        .group = PF__TEACHER,
        .batch = pf_value_shape(g, x).dim[0],
        .label = label,
        .x = x,
        .t = t,
    };
    pf_value v = 0;
    m->method->velocity(&ctx, &v);
    return v;
}

const char *pf__teacher_identity(const pf__teacher *t) {
    return t ? t->identity : "analytic";
}

const char *pf__teacher_path(const pf__teacher *t) {
    return t ? t->path : "";
}
