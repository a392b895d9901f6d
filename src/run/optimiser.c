/* SPDX-License-Identifier: MIT
 * AdamW over the flat vectors, as a graph (Loshchilov & Hutter 2019, algorithm 2, with the learning rate in
 * place of their schedule multiplier; bias corrections come from the step block):
 *
 *   n2 = sum g^2                     good = n2 is finite and no step before was bad
 *   g' = g min(1, clip / sqrt(n2))   m' = b1 m + (1 - b1) g'        v' = b2 v + (1 - b2) g'^2
 *   p' = p - lr (bias1 m' / (sqrt(bias2 v') + eps) + decay p)
 *   e' = e + (1 - d) (p' - e)  for each EMA copy, and for theta-
 *
 * Where the step is not good every old value is kept. With on_nan = skip a bad step is forgotten at once. */
#include "run/run.h"
#include <math.h>
#include <stdio.h>

#define NORM2_MAX 3.0e38 /* comparisons with a NaN are false, so one test catches both */

typedef struct update {
    pf_graph *g;
    const pf__optimiser_desc *d;
    pf_shape flat, one;
    pf_value good, norm, n2;
    pf__binds binds;
    pf__output output[PF_EMA_MAX + 8];
    int output_count;
} update;

static pf_value bound(update *u, const char *name, pf_shape shape, pf__buffer *buffer) {
    pf__binds_add(&u->binds, name, buffer, 0);
    return pf_input(u->g, name, PF_F32, shape);
}

static void emit(update *u, pf_value value, pf__buffer *buffer) {
    u->output[u->output_count++] = (pf__output){.value = value, .buffer = buffer};
}

static pf_value step_scalar(update *u, const char *name) {
    return pf_input(u->g, name, PF_F32, pf_shape_of(0));
}

static pf_value keep_or(update *u, pf_value fresh, pf_value old) {
    return pf_select(u->g, pf_broadcast(u->g, u->good, pf_value_shape(u->g, old)), fresh, old);
}

/* sqrt(n2), good, and the sticky flag. */
static void guard(update *u, pf_value gradient) {
    pf_graph *g = u->g;
    u->n2 = pf_reshape(g, pf_sum_all(g, pf_square(g, gradient)), u->one);
    pf_value finite = pf_less_equal(g, u->n2, pf_constant(g, NORM2_MAX, u->one));
    pf_value bad = bound(u, "bad", u->one, u->d->bad);
    pf_value one = pf_constant(g, 1.0, u->one);
    u->good = pf_mul(g, finite, pf_sub(g, one, bad));
    u->norm = pf_sqrt(g, u->n2);
    emit(u, u->d->options->skip_nan ? pf_mul_number(g, bad, 1.0) : pf_max(g, bad, pf_sub(g, one, finite)),
         u->d->bad_next);
}

static pf_value clipped(update *u, pf_value gradient) {
    pf_graph *g = u->g;
    double clip = u->d->options->clip;
    if (clip <= 0) return gradient;
    pf_value least = pf_constant(g, 1e-30, u->one), one = pf_constant(g, 1.0, u->one);
    pf_value ratio = pf_div(g, pf_constant(g, clip, u->one), pf_max(g, u->norm, least));
    return pf_mul(g, gradient, pf_broadcast(g, pf_min(g, ratio, one), u->flat));
}

/* decay * old + (1 - decay) * fresh */
static pf_value blend(pf_graph *g, pf_value old, pf_value fresh, double decay) {
    return pf_add(g, pf_mul_number(g, old, decay), pf_mul_number(g, fresh, 1 - decay));
}

/* p' before the guard's choice. */
static pf_value adamw(update *u, pf_value gradient, pf_value p) {
    pf_graph *g = u->g;
    const pf__train_options *o = u->d->options;
    pf_value m = bound(u, "m", u->flat, u->d->m), v = bound(u, "v", u->flat, u->d->v);
    pf_value m2 = blend(g, m, gradient, o->beta1), v2 = blend(g, v, pf_square(g, gradient), o->beta2);
    pf_value root = pf_sqrt(g, pf_mul(g, v2, step_scalar(u, "step/bias2")));
    pf_value direction = pf_div(g, pf_mul(g, m2, step_scalar(u, "step/bias1")),
                                pf_add_number(g, root, o->eps));
    if (o->weight_decay > 0) direction = pf_add(g, direction, pf_mul_number(g, p, o->weight_decay));
    emit(u, keep_or(u, m2, m), u->d->m);
    emit(u, keep_or(u, v2, v), u->d->v);
    return pf_sub(g, p, pf_mul(g, direction, step_scalar(u, "step/lr")));
}

static void follow(update *u, pf_value fresh, const char *name, const char *decay, pf__buffer *buffer) {
    pf_graph *g = u->g;
    pf_value e = bound(u, name, u->flat, buffer);
    pf_value rest = pf_sub(g, pf_constant(g, 1.0, pf_shape_of(0)), step_scalar(u, decay));
    emit(u, keep_or(u, pf_add(g, e, pf_mul(g, rest, pf_sub(g, fresh, e))), e), buffer);
}

static void average(update *u, pf_value fresh) {
    char name[32], decay[32];
    for (int i = 0; i < u->d->options->ema_count; i++) {
        snprintf(name, sizeof name, "ema/%d", i);
        snprintf(decay, sizeof decay, "step/ema%d", i);
        follow(u, fresh, name, decay, u->d->ema[i]);
    }
    if (u->d->target) follow(u, fresh, "target", "step/target", u->d->target);
}

/* sums += [metrics, norm, 1] in good steps. */
static void accumulate(update *u) {
    pf_graph *g = u->g;
    int n = u->d->metric_count;
    pf_value parts[3] = {bound(u, "metrics", pf_shape_of(1, n), u->d->metrics), u->norm,
                         pf_constant(g, 1.0, u->one)};
    pf_value now = pf_concat(g, parts, 3, 0);
    pf_value sums = bound(u, "sums", pf_shape_of(1, n + 2), u->d->sums);
    emit(u, keep_or(u, pf_add(g, sums, now), sums), u->d->sums);
}

static pf_status compile(update *u, pf__plan **out, pf_error *err) {
    PF__TRY(pf_graph_check(u->g, err));
    if (u->binds.failed) return pf__fail_memory(err, "bindings", sizeof(pf__bind));
    pf__plan_desc desc = {
        .name = "optimiser",
        .context = u->d->context,
        .graph = u->g,
        .outputs = u->output,
        .output_count = u->output_count,
        .binds = u->binds.list,
        .bind_count = u->binds.count,
        .step_block = u->d->step_block,
    };
    return pf__plan_create(out, &desc, err);
}

pf_status pf__optimiser_create(pf__plan **out, const pf__optimiser_desc *d, pf_error *err) {
    update u = {.d = d, .flat = pf_shape_of(1, (int)d->flat_count), .one = pf_shape_of(1, 1)};
    *out = NULL;
    PF__TRY(pf_graph_create(&u.g, err));
    pf_value gradient = bound(&u, "grads", u.flat, d->grads);
    pf_value p = bound(&u, "params", u.flat, d->params);
    guard(&u, gradient);
    pf_value fresh = adamw(&u, clipped(&u, gradient), p);
    emit(&u, keep_or(&u, fresh, p), d->params);
    average(&u, fresh);
    accumulate(&u);
    pf_status st = compile(&u, out, err);
    pf__binds_free(&u.binds);
    pf_graph_destroy(&u.g);
    return st;
}
