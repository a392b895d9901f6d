/* SPDX-License-Identifier: MIT
 * Single graphs as our side: one product, or one chain of pointwise work forward, reverse and dual. */
#include "base/clock.h"
#include "graph/graph.h"
#include "ours.h"
#include "run/run.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

pf_status ours_read(pf_context *context, const char *folder, const char *name, size_t count, pf__buffer **out,
                    pf_error *error) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s.f32", folder, name);
    float *x = malloc(count * sizeof *x);
    FILE *f = x ? fopen(path, "rb") : NULL;
    pf_status st = f && fread(x, sizeof *x, count, f) == count
                       ? PF_OK
                       : pf__fail(error, PF_SYSTEM, "%s: cannot read %zu numbers", path, count);
    if (f) fclose(f);
    if (st == PF_OK) st = pf__buffer_create(context, count * sizeof *x, name, out, error);
    if (st == PF_OK) st = pf__buffer_write(*out, 0, x, count * sizeof *x, true, error);
    free(x);
    return st;
}

pf_status ours_write(const char *folder, int i, pf__buffer *buffer, size_t offset, size_t count,
                     pf_error *error) {
    char path[1024];
    snprintf(path, sizeof path, "%s/out%d.f32", folder, i);
    float *x = malloc(count * sizeof *x);
    if (!x) return pf__fail_memory(error, path, count * sizeof *x);
    pf_status st = pf__buffer_read(buffer, offset * sizeof *x, x, count * sizeof *x, error);
    FILE *f = st == PF_OK ? fopen(path, "wb") : NULL;
    bool good = f && fwrite(x, sizeof *x, count, f) == count;
    if (f) good = fclose(f) == 0 && good;
    free(x);
    if (st == PF_OK && !good) st = pf__fail(error, PF_SYSTEM, "%s: cannot write", path);
    return st;
}

static pf_status bind_leaves(pf_context *context, const char *folder, const pf_graph *g, pf__binds *binds,
                             pf_error *error) {
    for (uint32_t i = 1; i < g->node_count; i++) {
        const pf__node *n = &g->nodes[i];
        if (n->op != PF__OP_INPUT) continue;
        pf__buffer *buffer = NULL;
        const size_t count = (size_t)pf_shape_count(&g->values[n->first_output].shape);
        PF__TRY(ours_read(context, folder, n->attr.name, count, &buffer, error));
        pf__binds_add(binds, n->attr.name, buffer, 0);
    }
    return PF_OK;
}

static pf__buffer *buffer_of(const pf__binds *binds, const char *name) {
    for (int i = 0; name && i < binds->count; i++)
        if (strcmp(binds->list[i].name, name) == 0) return binds->list[i].buffer;
    return NULL;
}

static pf_status compile(pf_context *context, const ours_work *w, const pf__binds *binds, pf__plan **plan,
                         pf_error *error) {
    pf__output list[sizeof w->outputs / sizeof *w->outputs] = {{0}};
    for (int i = 0; i < w->count; i++)
        list[i] = (pf__output){.value = w->outputs[i], .buffer = buffer_of(binds, w->in_place[i])};
    const pf__plan_desc desc = {.name = "peer",
                                .context = context,
                                .graph = w->g,
                                .outputs = list,
                                .output_count = w->count,
                                .binds = binds->list,
                                .bind_count = binds->count,
                                .matmul = w->matmul};
    return pf__plan_create(plan, &desc, error);
}

/* Runs once, so that peers can compare results before anything is timed. */
static pf_status show(const char *folder, const ours_work *w, pf__plan *plan, pf_error *error) {
    PF__TRY(pf__plan_replay(plan, error));
    for (int i = 0; i < w->count; i++) {
        const pf__place at = pf__plan_place(plan, i);
        const size_t count = (size_t)pf_shape_count(&w->g->values[w->outputs[i]].shape);
        PF__TRY(ours_write(folder, i, at.buffer, at.offset, count, error));
    }
    const pf__plan_report r = pf__plan_describe(plan);
    printf("{\"launches\":%d,\"kernels\":%d,\"flops\":%.17g,\"outputs\":%d}\n", r.launches, r.kernels,
           r.flops, w->count);
    return PF_OK;
}

int ours_serve(pf_context *context, const char *folder, const ours_work *w) {
    pf_error error = {0};
    pf__binds binds = {0};
    pf__plan *plan = NULL;
    int repetitions;
    pf_status st = pf_graph_check(w->g, &error);
    if (st == PF_OK) st = bind_leaves(context, folder, w->g, &binds, &error);
    if (st == PF_OK) st = compile(context, w, &binds, &plan, &error);
    if (st == PF_OK) st = show(folder, w, plan, &error);
    while (st == PF_OK && ours_next(&repetitions)) {
        const double begun = pf__seconds();
        for (int i = 0; i < repetitions && st == PF_OK; i++) st = pf__plan_replay(plan, &error);
        if (st == PF_OK) st = pf__context_finish(context, &error);
        printf("%.9g\n", pf__seconds() - begun);
    }
    pf__plan_destroy(&plan);
    for (int i = 0; i < binds.count; i++) pf__buffer_release(&binds.list[i].buffer);
    pf__binds_free(&binds);
    return st == PF_OK ? 0 : ours_fail(&error);
}

int ours_product(pf_context *context, char **argv) {
    const int m = atoi(argv[2]), n = atoi(argv[3]), k = atoi(argv[4]);
    const bool ta = argv[1][0] == 't', tb = argv[1][1] == 't';
    pf_error error = {0};
    ours_work w = {.count = 1, .matmul = argv[5]};
    if (pf_graph_create(&w.g, &error) != PF_OK) return ours_fail(&error);
    pf_value a = pf_input(w.g, "a", PF_F32, ta ? pf_shape_of(2, k, m) : pf_shape_of(2, m, k));
    pf_value b = pf_input(w.g, "b", PF_F32, tb ? pf_shape_of(2, n, k) : pf_shape_of(2, k, n));
    w.outputs[0] = pf_matmul(w.g, a, b, ta, tb);
    int code = ours_serve(context, argv[0], &w);
    pf_graph_destroy(&w.g);
    return code;
}

/* ---- pointwise work ---- */

static pf_value layer_norm(pf_graph *g, pf_value x, pf_value gain, pf_value shift) {
    pf_value centred = pf_sub(g, x, pf_mean(g, x, 2, true));
    pf_value variance = pf_mean(g, pf_square(g, centred), 2, true);
    pf_value y = pf_mul(g, centred, pf_rsqrt(g, pf_add_number(g, variance, 1e-5)));
    return pf_add(g, pf_mul(g, y, gain), shift);
}

typedef struct job {
    const char *name, *mode;
    pf_shape all, row;
    pf_value x, gate, y; /* "x"; "gate" and "y" (or "shift") where the work has them */
} job;

static pf_value forward(pf_graph *g, job *j) {
    const bool norm = strcmp(j->name, "norm") == 0;
    j->x = pf_input(g, "x", PF_F32, j->all);
    if (strcmp(j->name, "silu") == 0) return pf_silu(g, j->x);
    if (strcmp(j->name, "gelu") == 0) return pf_gelu(g, j->x);
    j->gate = pf_input(g, "gate", PF_F32, j->row);
    j->y = pf_input(g, norm ? "shift" : "y", PF_F32, norm ? j->row : j->all);
    if (norm) return layer_norm(g, j->x, j->gate, j->y);
    return pf_add(g, j->x, pf_mul(g, j->gate, j->y)); /* "residual" */
}

/* reverse: of all variables, but of a residual's gate and branch alone: the other cotangent is the result's
 * itself. dual: along x, and along the branch where there is one. */
static void derive(ours_work *w, const job *j, pf_value y) {
    const bool residual = strcmp(j->name, "residual") == 0;
    pf_graph *g = w->g;
    if (strcmp(j->mode, "reverse") == 0) {
        const pf_value bar = pf_input(g, "bar", PF_F32, j->all), x[] = {j->x, j->gate, j->y};
        const int first = residual ? 1 : 0;
        w->count = (j->gate ? 3 : 1) - first;
        pf_vjp(g, &y, &bar, 1, x + first, w->count, w->outputs);
        return;
    }
    w->outputs[0] = y;
    w->count = 1;
    if (strcmp(j->mode, "forward") == 0) return;
    const pf_value x[] = {j->x, j->y};
    pf_value tangent[2] = {pf_input(g, "tangent", PF_F32, j->all)};
    if (residual) tangent[1] = pf_input(g, "tangent_y", PF_F32, j->all);
    pf_jvp(g, &w->outputs[0], 1, x, tangent, residual ? 2 : 1, &w->outputs[1]);
    w->count = 2;
}

/* AdamW and an average of the parameters, in place. */
static void optimiser(ours_work *w, int count) {
    static const char *const names[] = {"p", "m", "v", "e"};
    pf_graph *g = w->g;
    const pf_shape flat = pf_shape_of(1, count);
    pf_value p = pf_input(g, "p", PF_F32, flat), d = pf_input(g, "g", PF_F32, flat),
             m = pf_input(g, "m", PF_F32, flat), v = pf_input(g, "v", PF_F32, flat),
             e = pf_input(g, "e", PF_F32, flat);
    m = pf_add(g, pf_mul_number(g, m, 0.9), pf_mul_number(g, d, 0.1));
    v = pf_add(g, pf_mul_number(g, v, 0.999), pf_mul_number(g, pf_square(g, d), 0.001));
    pf_value update = pf_div(g, pf_mul_number(g, m, 10.0),
                             pf_add_number(g, pf_sqrt(g, pf_mul_number(g, v, 1000.0)), 1e-8));
    p = pf_sub(g, pf_mul_number(g, p, 1.0 - 1e-5), pf_mul_number(g, update, 1e-3));
    e = pf_add(g, pf_mul_number(g, e, 0.999), pf_mul_number(g, p, 0.001));
    const pf_value outputs[] = {p, m, v, e};
    w->count = 4;
    for (int i = 0; i < w->count; i++) {
        w->outputs[i] = outputs[i];
        w->in_place[i] = names[i];
    }
}

int ours_pointwise(pf_context *context, char **argv) {
    const int rows = atoi(argv[3]), columns = atoi(argv[4]);
    job j = {argv[1], argv[2], pf_shape_of(2, rows, columns), pf_shape_of(2, 1, columns), 0, 0, 0};
    pf_error error = {0};
    ours_work w = {0};
    if (pf_graph_create(&w.g, &error) != PF_OK) return ours_fail(&error);
    if (strcmp(j.name, "adamw") == 0)
        optimiser(&w, rows * columns);
    else
        derive(&w, &j, forward(w.g, &j));
    pf__simplify(w.g, w.outputs, w.count);
    int code = ours_serve(context, argv[0], &w);
    pf_graph_destroy(&w.g);
    return code;
}
