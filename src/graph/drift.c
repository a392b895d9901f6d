/* SPDX-License-Identifier: MIT
 * The drifting field and the mean of its distances: checks and nodes.
 *
 *   DRIFT           inputs x, positive, tau [, extra [, weight]]   attr.kind = pf__drift_kind, attr.number =
 * floor, attr.a[0] = bytes of workspace DRIFT_DISTANCE  inputs x, positive [, extra [, weight]] likewise */
#include "graph/build.h"

#define WORKSPACE_BYTES (64ll << 20)

/* False unless v is f32 [G, anything, D] like x. */
static bool is_set(pf_graph *g, const char *what, const char *name, pf_value x, pf_value v) {
    const pf_shape *a = &g->values[x].shape, *b = &g->values[v].shape;
    if (v && g->values[v].dtype == PF_F32 && b->rank == 3 && b->dim[0] == a->dim[0] &&
        b->dim[2] == a->dim[2] && b->dim[1] > 0)
        return true;
    char first[PF__DESCRIBE_MAX], second[PF__DESCRIBE_MAX];
    pf__graph_fail(g, PF_SHAPE, "%s: %s %s does not go with x %s: both are [groups, count, D] f32", what,
                   name, pf__describe(g, v, first), pf__describe(g, x, second));
    return false;
}

static bool is_weight(pf_graph *g, const char *what, pf_value extra, pf_value weight) {
    if (!weight) return true;
    const pf_shape *a = extra ? &g->values[extra].shape : NULL, *b = &g->values[weight].shape;
    if (a && g->values[weight].dtype == PF_F32 && b->rank == 2 && b->dim[0] == a->dim[0] &&
        b->dim[1] == a->dim[1])
        return true;
    char text[PF__DESCRIBE_MAX];
    pf__graph_fail(g, PF_SHAPE, "%s: the weight %s is not one number for each extra negative", what,
                   pf__describe(g, weight, text));
    return false;
}

static bool agrees(pf_graph *g, const char *what, pf_value x, pf_value positive, pf_value extra,
                   pf_value weight, const pf_drift_options *o) {
    const pf_value all[4] = {x, positive, extra, weight};
    if (!pf__usable(g, what, all, 4) || !is_set(g, what, "x", x, x)) return false;
    if (!is_set(g, what, "positive", x, positive)) return false;
    if (extra && !is_set(g, what, "extra", x, extra)) return false;
    if (!is_weight(g, what, extra, weight)) return false;
    if (extra || o->own == PF_DRIFT_OWN_ALL) return true;
    if (o->own == PF_DRIFT_OWN_OTHERS && g->values[x].shape.dim[1] > 1) return true;
    pf__graph_fail(g, PF_USAGE, "%s: there are no negatives: %lld generated in a group, no extra ones", what,
                   (long long)g->values[x].shape.dim[1]);
    return false;
}

static pf__attr attributes(const pf_drift_options *o) {
    pf__attr attr = {.number = o->floor};
    attr.kind = (o->form == PF_DRIFT_TWO_SIDED ? PF__DRIFT_TWO_SIDED : 0) |
                (o->kernel == PF_DRIFT_GAUSS ? PF__DRIFT_GAUSS : 0) |
                (o->own != PF_DRIFT_OWN_NONE ? PF__DRIFT_OWN : 0) |
                (o->own == PF_DRIFT_OWN_OTHERS ? PF__DRIFT_MASKED : 0);
    attr.a[0] = o->workspace_bytes ? (int64_t)o->workspace_bytes : WORKSPACE_BYTES;
    return attr;
}

pf_value pf_drift(pf_graph *g, pf_value x, pf_value positive, pf_value extra, pf_value weight, pf_value tau,
                  const pf_drift_options *options) {
    const pf_drift_options o = options ? *options : (pf_drift_options){0};
    if (!agrees(g, "drift", x, positive, extra, weight, &o) || !pf__usable(g, "drift", &tau, 1)) return 0;
    char text[PF__DESCRIBE_MAX];
    if (!tau || g->values[tau].dtype != PF_F32 || g->values[tau].shape.rank != 1)
        return pf__graph_fail(g, PF_SHAPE, "drift: the temperatures are %s, not [T] f32",
                              pf__describe(g, tau, text));
    if (!(o.floor >= 0 && o.floor <= 1))
        return pf__graph_fail(g, PF_USAGE, "drift: the floor %g is not in [0, 1]", o.floor);
    const pf_shape *s = &g->values[x].shape;
    const pf_shape shape = {.rank = 4, .dim = {g->values[tau].shape.dim[0], s->dim[0], s->dim[1], s->dim[2]}};
    const pf__attr attr = attributes(&o);
    const pf_value in[5] = {x, positive, tau, extra, weight};
    return pf__emit(g, PF__OP_DRIFT, in, extra ? weight ? 5 : 4 : 3, &attr, PF_F32, &shape);
}

pf_value pf_drift_distance(pf_graph *g, pf_value x, pf_value positive, pf_value extra, pf_value weight,
                           const pf_drift_options *options) {
    pf_drift_options o = options ? *options : (pf_drift_options){0};
    if (o.own == PF_DRIFT_OWN_OTHERS) o.own = PF_DRIFT_OWN_ALL; /* a sample's distance to itself is 0 */
    o.form = PF_DRIFT_ONE_SIDED;
    o.kernel = PF_DRIFT_LAPLACE;
    o.floor = 0;
    if (!agrees(g, "drift_distance", x, positive, extra, weight, &o)) return 0;
    const pf_shape *s = &g->values[x].shape;
    const pf_shape shape = {.rank = 2, .dim = {s->dim[0], s->dim[1]}};
    const pf__attr attr = attributes(&o);
    const pf_value in[4] = {x, positive, extra, weight};
    return pf__emit(g, PF__OP_DRIFT_DISTANCE, in, extra ? weight ? 4 : 3 : 2, &attr, PF_F32, &shape);
}

pf_value pf__drift_rebuild(pf_graph *g, const pf__node *n, const pf_value *in) {
    const int kind = n->attr.kind;
    const pf_drift_options o = {
        .form = kind & PF__DRIFT_TWO_SIDED ? PF_DRIFT_TWO_SIDED : PF_DRIFT_ONE_SIDED,
        .kernel = kind & PF__DRIFT_GAUSS ? PF_DRIFT_GAUSS : PF_DRIFT_LAPLACE,
        .own = kind & PF__DRIFT_MASKED ? PF_DRIFT_OWN_OTHERS
               : kind & PF__DRIFT_OWN  ? PF_DRIFT_OWN_ALL
                                       : PF_DRIFT_OWN_NONE,
        .floor = n->attr.number,
        .workspace_bytes = (uint64_t)n->attr.a[0],
    };
    const uint32_t first = n->op == PF__OP_DRIFT ? 3 : 2;
    const pf_value extra = n->input_count > first ? in[first] : 0,
                   weight = n->input_count > first + 1 ? in[first + 1] : 0;
    if (n->op == PF__OP_DRIFT) return pf_drift(g, in[0], in[1], extra, weight, in[2], &o);
    return pf_drift_distance(g, in[0], in[1], extra, weight, &o);
}
