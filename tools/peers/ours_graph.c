/* SPDX-License-Identifier: MIT
 * Single graphs as our side: one product, or one chain of pointwise work forward, reverse and dual. */
#include "base/clock.h"
#include "base/philox.h"
#include "graph/graph.h"
#include "ours.h"
#include "run/run.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A buffer of random numbers of [-1, 1) for a leaf. */
static pf_status fill(pf_context *context, const pf__value *v, uint64_t seed, pf__buffer **out,
                      pf_error *error) {
    const size_t count = (size_t)pf_shape_count(&v->shape);
    float *x = malloc(count * sizeof *x);
    if (!x) return pf__fail_memory(error, "a leaf", count * sizeof *x);
    for (size_t i = 0; i < count; i++)
        x[i] = (float)(2.0 * pf__random_uniform(seed, 0, i >> 16, (uint32_t)(i & 0xffff)) - 1.0);
    pf_status st = pf__buffer_create(context, count * sizeof *x, "a leaf", out, error);
    if (st == PF_OK) st = pf__buffer_write(*out, 0, x, count * sizeof *x, true, error);
    free(x);
    return st;
}

static pf_status bind_leaves(pf_context *context, const pf_graph *g, pf__binds *binds, pf_error *error) {
    for (uint32_t i = 1; i < g->node_count; i++) {
        const pf__node *n = &g->nodes[i];
        if (n->op != PF__OP_INPUT) continue;
        pf__buffer *buffer = NULL;
        PF__TRY(fill(context, &g->values[n->first_output], i, &buffer, error));
        pf__binds_add(binds, n->attr.name, buffer, 0);
    }
    return PF_OK;
}

/* The mean of the first output, so that peers can see that they do the same work. */
static pf_status describe(pf__plan *plan, const pf_graph *g, pf_value v, pf_error *error) {
    const size_t count = (size_t)pf_shape_count(&g->values[v].shape);
    const pf__place at = pf__plan_place(plan, 0);
    const pf__plan_report r = pf__plan_describe(plan);
    float *x = malloc(count * sizeof *x);
    if (!x) return pf__fail_memory(error, "a result", count * sizeof *x);
    double sum = 0;
    pf_status st = pf__buffer_read(at.buffer, at.offset * sizeof *x, x, count * sizeof *x, error);
    for (size_t i = 0; i < count; i++) sum += (double)x[i];
    if (st == PF_OK)
        printf("{\"launches\":%d,\"kernels\":%d,\"flops\":%.17g,\"mean\":%.9g}\n", r.launches, r.kernels,
               r.flops, sum / (double)count);
    free(x);
    return st;
}

int ours_serve(pf_context *context, pf_graph *g, const pf_value *outputs, int count, const char *matmul) {
    pf_error error = {0};
    pf__binds binds = {0};
    pf__output list[16] = {{0}};
    pf__plan *plan = NULL;
    int repetitions;
    for (int i = 0; i < count; i++) list[i].value = outputs[i];
    pf_status st = pf_graph_check(g, &error);
    if (st == PF_OK) st = bind_leaves(context, g, &binds, &error);
    pf__plan_desc desc = {.name = "peer",
                          .context = context,
                          .graph = g,
                          .outputs = list,
                          .output_count = count,
                          .binds = binds.list,
                          .bind_count = binds.count,
                          .matmul = matmul};
    if (st == PF_OK) st = pf__plan_create(&plan, &desc, &error);
    if (st == PF_OK) st = pf__plan_replay(plan, &error);
    if (st == PF_OK) st = pf__context_finish(context, &error);
    if (st == PF_OK) st = describe(plan, g, outputs[0], &error);
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
    const int m = atoi(argv[1]), n = atoi(argv[2]), k = atoi(argv[3]);
    const bool ta = argv[0][0] == 't', tb = argv[0][1] == 't';
    pf_error error = {0};
    pf_graph *g = NULL;
    if (pf_graph_create(&g, &error) != PF_OK) return ours_fail(&error);
    pf_value a = pf_input(g, "a", PF_F32, ta ? pf_shape_of(2, k, m) : pf_shape_of(2, m, k));
    pf_value b = pf_input(g, "b", PF_F32, tb ? pf_shape_of(2, n, k) : pf_shape_of(2, k, n));
    pf_value c = pf_matmul(g, a, b, ta, tb);
    int code = ours_serve(context, g, &c, 1, argv[4]);
    pf_graph_destroy(&g);
    return code;
}

/* ---- pointwise work ---- */

static pf_value layer_norm(pf_graph *g, pf_value x, pf_value gain, pf_value shift) {
    pf_value centred = pf_sub(g, x, pf_mean(g, x, 2, true));
    pf_value variance = pf_mean(g, pf_square(g, centred), 2, true);
    pf_value y = pf_mul(g, centred, pf_rsqrt(g, pf_add_number(g, variance, 1e-5)));
    return pf_add(g, pf_mul(g, y, gain), shift);
}

/* y of x [rows, columns] and what else the work reads; *x[0..*nx) are the variables of its derivatives. */
static pf_value work(pf_graph *g, const char *name, int rows, int columns, pf_value *x, int *nx) {
    const pf_shape all = pf_shape_of(2, rows, columns), row = pf_shape_of(2, 1, columns);
    x[0] = pf_input(g, "x", PF_F32, all);
    *nx = 1;
    if (strcmp(name, "silu") == 0) return pf_silu(g, x[0]);
    if (strcmp(name, "gelu") == 0) return pf_gelu(g, x[0]);
    x[1] = pf_input(g, "gate", PF_F32, row);
    x[2] = pf_input(g, strcmp(name, "norm") == 0 ? "shift" : "y", PF_F32,
                    strcmp(name, "norm") == 0 ? row : all);
    *nx = 3;
    if (strcmp(name, "norm") == 0) return layer_norm(g, x[0], x[1], x[2]);
    return pf_add(g, x[0], pf_mul(g, x[1], x[2])); /* "residual" */
}

static int derive(pf_graph *g, const char *mode, pf_value *y, const pf_value *x, int nx, pf_value *outputs) {
    pf_shape shape = pf_value_shape(g, *y);
    if (strcmp(mode, "reverse") == 0) {
        pf_value bar = pf_input(g, "bar", PF_F32, shape);
        pf_vjp(g, y, &bar, 1, x, nx, outputs);
        return nx;
    }
    outputs[0] = *y;
    if (strcmp(mode, "forward") == 0) return 1;
    pf_value tangent = pf_input(g, "tangent", PF_F32, shape);
    pf_jvp(g, &outputs[0], 1, x, &tangent, 1, &outputs[1]);
    return 2;
}

/* AdamW and an average of the parameters, [rows * columns] numbers. */
static int optimiser(pf_graph *g, int count, pf_value *outputs) {
    const pf_shape flat = pf_shape_of(1, count);
    pf_value p = pf_input(g, "p", PF_F32, flat), d = pf_input(g, "g", PF_F32, flat),
             ema = pf_input(g, "e", PF_F32, flat);
    pf_value m = pf_input(g, "m", PF_F32, flat), v = pf_abs(g, pf_input(g, "v", PF_F32, flat));
    m = pf_add(g, pf_mul_number(g, m, 0.9), pf_mul_number(g, d, 0.1));
    v = pf_add(g, pf_mul_number(g, v, 0.999), pf_mul_number(g, pf_square(g, d), 0.001));
    pf_value update = pf_div(g, pf_mul_number(g, m, 10.0),
                             pf_add_number(g, pf_sqrt(g, pf_mul_number(g, v, 1000.0)), 1e-8));
    p = pf_sub(g, pf_mul_number(g, p, 1.0 - 1e-5), pf_mul_number(g, update, 1e-3));
    outputs[0] = p;
    outputs[1] = m;
    outputs[2] = v;
    outputs[3] = pf_add(g, pf_mul_number(g, ema, 0.999), pf_mul_number(g, p, 0.001));
    return 4;
}

int ours_pointwise(pf_context *context, char **argv) {
    const int rows = atoi(argv[2]), columns = atoi(argv[3]);
    pf_error error = {0};
    pf_graph *g = NULL;
    pf_value outputs[16], x[3], y;
    int count, nx;
    if (pf_graph_create(&g, &error) != PF_OK) return ours_fail(&error);
    if (strcmp(argv[0], "adamw") == 0) {
        count = optimiser(g, rows * columns, outputs);
    } else {
        y = work(g, argv[0], rows, columns, x, &nx);
        count = derive(g, argv[1], &y, x, nx, outputs);
    }
    pf__simplify(g, outputs, count);
    int code = ours_serve(context, g, outputs, count, NULL);
    pf_graph_destroy(&g);
    return code;
}
