/* SPDX-License-Identifier: MIT
 * The two transforms. Both look at the nodes that exist when they begin; x cuts the graph: what lies before
 * an x counts as constant.
 *
 *     jvp   forward over the nodes:   dx ──▶ tangent of every value that depends on x ──▶ dy
 *     vjp   backward over the nodes:  ybar ──▶ cotangent of every value between x and y ──▶ xbar
 *
 * Rules append nodes in the same graph language, so the transforms apply to their own results. */
#include "graph/build.h"
#include "graph/op.h"
#include <stdlib.h>

typedef struct sweep {
    pf_graph *g;
    uint32_t node_count;
    bool *needed;     /* [nodes] between the beginning and y */
    bool *is_x;       /* [values] */
    bool *depends;    /* [values] on an x (vjp) */
    pf_value *seed;   /* [values] tangents or cotangents, 0 = zero */
    pf_value *inputs; /* [most inputs of a node], seeds of one node */
    pf_value *links;  /* likewise, its inputs */
    pf_value *outputs;
} sweep;

static void sweep_end(sweep *s) {
    free(s->needed);
    free(s->is_x);
    free(s->depends);
    free(s->seed);
    free(s->inputs);
    free(s->links);
    free(s->outputs);
}

static pf_status sweep_begin(sweep *s, pf_graph *g, const pf_value *y, int ny, const pf_value *x, int nx) {
    uint32_t inputs = 1, outputs = 1;
    for (uint32_t n = 0; n < g->node_count; n++) {
        if (g->nodes[n].input_count > inputs) inputs = g->nodes[n].input_count;
        if (g->nodes[n].output_count > outputs) outputs = g->nodes[n].output_count;
    }
    *s = (sweep){.g = g, .node_count = g->node_count};
    s->needed = pf__needed(g, y, ny);
    s->is_x = calloc(g->value_count, sizeof *s->is_x);
    s->depends = calloc(g->value_count, sizeof *s->depends);
    s->seed = calloc(g->value_count, sizeof *s->seed);
    s->inputs = calloc(inputs, sizeof *s->inputs);
    s->links = calloc(inputs, sizeof *s->links);
    s->outputs = calloc(2 * (size_t)outputs, sizeof *s->outputs); /* of jvp: replacements, then tangents */
    if (!s->needed || !s->is_x || !s->depends || !s->seed || !s->inputs || !s->links || !s->outputs) {
        pf__graph_fail(g, PF_MEMORY, "out of memory: the derivative of a graph of %u nodes", g->node_count);
        return g->error.status;
    }
    for (int j = 0; j < nx; j++)
        if (x[j]) s->is_x[x[j]] = true;
    return PF_OK;
}

/* A tangent has the shape and type of its primal. */
static bool seed_fits(pf_graph *g, const char *what, pf_value primal, pf_value seed) {
    if (seed == 0) return true;
    char first[PF__DESCRIBE_MAX], second[PF__DESCRIBE_MAX];
    const pf__value *p = &g->values[primal], *t = &g->values[seed];
    if (primal && p->dtype == t->dtype && pf__shape_equal(&p->shape, &t->shape)) return true;
    pf__graph_fail(g, PF_SHAPE, "%s: the value is %s, its derivative %s", what,
                   pf__describe(g, primal, first), pf__describe(g, seed, second));
    return false;
}

/* Constants are folded and shared, so nothing can be said of a derivative by one. */
static bool is_variable(pf_graph *g, const char *what, pf_value x) {
    double number;
    if (!pf__is_constant(g, x, &number)) return true;
    pf__graph_fail(g, PF_USAGE, "%s: a derivative with respect to the constant %g", what, number);
    pf__hint(&g->error, PF_USAGE, "make it an input (pf_input)");
    return false;
}

/* ---- forward ---- */

static pf_status push_tangents(sweep *s, uint32_t index) {
    pf_graph *g = s->g;
    pf__node n = g->nodes[index];
    bool any = false;
    for (uint32_t i = 0; i < n.input_count; i++) {
        s->inputs[i] = s->seed[pf__inputs(g, &n)[i]];
        any = any || s->inputs[i];
    }
    if (!any) return PF_OK;
    pf_value *y = s->outputs, *dy = s->outputs + n.output_count;
    for (uint32_t o = 0; o < n.output_count; o++) {
        y[o] = n.first_output + o;
        dy[o] = 0;
    }
    PF__TRY(pf__ops[n.op]->jvp(g, &n, s->inputs, y, dy));
    for (uint32_t o = 0; o < n.output_count; o++)
        if (!s->is_x[n.first_output + o]) s->seed[n.first_output + o] = dy[o];
    return g->error.status;
}

pf_status pf_jvp(pf_graph *g, pf_value *y, int ny, const pf_value *x, const pf_value *dx, int nx,
                 pf_value *dy) {
    for (int i = 0; i < ny; i++) dy[i] = 0;
    if (!pf__usable(g, "jvp", y, ny) || !pf__usable(g, "jvp", x, nx) || !pf__usable(g, "jvp", dx, nx))
        return g->error.status;
    for (int j = 0; j < nx; j++)
        if (!seed_fits(g, "jvp", x[j], dx[j]) || (dx[j] && !is_variable(g, "jvp", x[j])))
            return g->error.status;
    sweep s;
    pf_status st = sweep_begin(&s, g, y, ny, x, nx);
    for (int j = 0; j < nx && !st; j++) {
        if (dx[j]) s.seed[x[j]] = pf_add(g, s.seed[x[j]], dx[j]);
    }
    for (uint32_t n = 1; n < s.node_count && !st; n++)
        if (s.needed[n]) st = push_tangents(&s, n);
    for (int i = 0; i < ny && !st; i++)
        if (y[i]) dy[i] = s.seed[y[i]];
    sweep_end(&s);
    return st ? st : g->error.status;
}

/* ---- backward ---- */

static void mark_dependent(sweep *s) {
    const pf_graph *g = s->g;
    for (uint32_t index = 1; index < s->node_count; index++) {
        const pf__node *n = &g->nodes[index];
        bool any = false;
        for (uint32_t i = 0; i < n->input_count; i++) any = any || s->depends[pf__inputs(g, n)[i]];
        for (uint32_t o = 0; o < n->output_count; o++) {
            pf_value v = n->first_output + o;
            s->depends[v] = any || s->is_x[v];
        }
    }
}

static pf_status pull_cotangents(sweep *s, uint32_t index) {
    pf_graph *g = s->g;
    pf__node n = g->nodes[index];
    bool any_output = false, any_input = false;
    for (uint32_t o = 0; o < n.output_count; o++) {
        pf_value v = n.first_output + o;
        s->outputs[o] = s->is_x[v] ? 0 : s->seed[v];
        any_output = any_output || s->outputs[o];
    }
    for (uint32_t i = 0; i < n.input_count; i++) {
        s->links[i] = pf__inputs(g, &n)[i];
        s->inputs[i] = 0;
        any_input = any_input || s->depends[s->links[i]];
    }
    if (!any_output || !any_input) return PF_OK;
    PF__TRY(pf__ops[n.op]->vjp(g, &n, s->outputs, s->inputs));
    for (uint32_t i = 0; i < n.input_count; i++) {
        pf_value *seed = &s->seed[s->links[i]];
        if (s->inputs[i] && s->depends[s->links[i]]) *seed = pf_add(g, *seed, s->inputs[i]);
    }
    return g->error.status;
}

pf_status pf_vjp(pf_graph *g, const pf_value *y, const pf_value *ybar, int ny, const pf_value *x, int nx,
                 pf_value *xbar) {
    for (int j = 0; j < nx; j++) xbar[j] = 0;
    if (!pf__usable(g, "vjp", y, ny) || !pf__usable(g, "vjp", ybar, ny) || !pf__usable(g, "vjp", x, nx))
        return g->error.status;
    for (int j = 0; j < nx; j++)
        if (!is_variable(g, "vjp", x[j])) return g->error.status;
    for (int i = 0; i < ny; i++)
        if (y[i] && !seed_fits(g, "vjp", y[i], ybar[i])) return g->error.status;
    sweep s;
    pf_status st = sweep_begin(&s, g, y, ny, x, nx);
    if (!st) mark_dependent(&s);
    for (int i = 0; i < ny && !st; i++)
        if (y[i] && ybar[i]) s.seed[y[i]] = pf_add(g, s.seed[y[i]], ybar[i]);
    for (uint32_t n = s.node_count; n-- > 1 && !st;)
        if (s.needed[n]) st = pull_cotangents(&s, n);
    for (int j = 0; j < nx && !st; j++)
        if (x[j]) xbar[j] = s.seed[x[j]];
    sweep_end(&s);
    return st ? st : g->error.status;
}
