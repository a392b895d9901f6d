/* SPDX-License-Identifier: MIT
 * The rows of DRIFT and DRIFT_DISTANCE. For the generated x_i and the targets y_j (negatives before
 * positives, of weight w_j, 1 for all but the extra negatives), with
 *
 *   K_ij = exp(-|x_i - y_j| / tau)   (Laplace)   or   exp(-|x_i - y_j|^2 / (2 tau^2))   (Gauss),
 *   K_ii = 0 where a sample is no negative of itself:
 *
 *   one-sided   V_i = sum_j+ w_j K_ij y_j / sum_j+ w_j K_ij  -  the same over the negatives
 *   two-sided   A_ij = w_j max(sqrt(K_ij / sum_l K_il * K_ij / sum_l K_lj), sqrt(floor))
 *               V_i = (sum_j- A_ij) sum_j+ A_ij y_j  -  (sum_j+ A_ij) sum_j- A_ij y_j
 *
 * Both leave V where it is when everything moves, and V is 0 where the negatives weigh nothing. Exponents are
 * taken relative to the nearest target, so that nothing underflows however far x is. */
#include "graph/build.h"
#include "ops/candidates.h"
#include "ops/drift_private.h"
#include "ops/rows.h"
#include <math.h>
#include <stdlib.h>

pf__drift pf__drift_of(const pf_graph *g, const pf__node *n) {
    const pf_value *in = pf__inputs(g, n);
    const uint32_t first = n->op == PF__OP_DRIFT ? 3 : 2;
    pf__drift d = {.x = in[0], .positive = in[1], .tau = first == 3 ? in[2] : 0};
    if (n->input_count > first) d.extra = in[first];
    if (n->input_count > first + 1) d.weight = in[first + 1];
    const pf_shape *x = &g->values[d.x].shape;
    d.groups = x->dim[0];
    d.x_count = x->dim[1];
    d.dim = x->dim[2];
    d.positive_count = g->values[d.positive].shape.dim[1];
    d.extra_count = d.extra ? g->values[d.extra].shape.dim[1] : 0;
    d.temperatures = d.tau ? g->values[d.tau].shape.dim[0] : 0;
    d.own_count = n->attr.kind & PF__DRIFT_OWN ? d.x_count : 0;
    d.negative_count = d.own_count + d.extra_count;
    d.two_sided = n->attr.kind & PF__DRIFT_TWO_SIDED;
    d.gauss = n->attr.kind & PF__DRIFT_GAUSS;
    d.masked = n->attr.kind & PF__DRIFT_MASKED;
    d.floor = n->attr.number;
    d.workspace_bytes = n->attr.a[0];
    return d;
}

/* ---- in double ---- */

/* The data of one group. */
typedef struct group {
    const pf__drift *d;
    const double *x, *positive, *extra, *weight;
    int64_t targets;
    double *energy;           /* [x_count, targets]: -log K at tau = 1; INFINITY where masked */
    double *least, *log_mass; /* [targets]: of a column: least energy, log sum exp((least - energy) scale) */
    double *a;                /* [targets] */
} group;

static const double *target(const group *p, int64_t j) {
    const pf__drift *d = p->d;
    if (j < d->own_count) return p->x + j * d->dim;
    if (j < d->negative_count) return p->extra + (j - d->own_count) * d->dim;
    return p->positive + (j - d->negative_count) * d->dim;
}

static double weight_of(const group *p, int64_t j) {
    const bool extra = j >= p->d->own_count && j < p->d->negative_count;
    return extra && p->weight ? p->weight[j - p->d->own_count] : 1;
}

static double square_distance(const group *p, int64_t i, int64_t j) {
    const double *a = p->x + i * p->d->dim, *b = target(p, j);
    double sum = 0;
    for (int64_t k = 0; k < p->d->dim; k++) sum += (a[k] - b[k]) * (a[k] - b[k]);
    return sum;
}

static void fill_energy(group *p) {
    for (int64_t i = 0; i < p->d->x_count; i++)
        for (int64_t j = 0; j < p->targets; j++) {
            const double square = square_distance(p, i, j);
            const bool self = p->d->masked && j == i && j < p->d->own_count;
            p->energy[i * p->targets + j] = self ? INFINITY : p->d->gauss ? 0.5 * square : sqrt(square);
        }
}

/* sum of a_j y_j over [first, last), added `factor` times to v. */
static void add_targets(const group *p, double factor, int64_t first, int64_t last, double *v) {
    for (int64_t j = first; j < last; j++) {
        const double *y = target(p, j);
        for (int64_t k = 0; k < p->d->dim; k++) v[k] += factor * p->a[j] * y[k];
    }
}

/* a_j = w_j K_ij over [first, last), K relative to the nearest target of weight. Returns their sum. */
static double one_side(const group *p, const double *energy, double scale, int64_t first, int64_t last) {
    double least = INFINITY, sum = 0;
    for (int64_t j = first; j < last; j++)
        if (weight_of(p, j) > 0) least = fmin(least, energy[j]);
    for (int64_t j = first; j < last; j++) {
        const double w = weight_of(p, j);
        p->a[j] = w > 0 && !isinf(energy[j]) ? w * exp((least - energy[j]) * scale) : 0;
        sum += p->a[j];
    }
    return sum;
}

static void field_one_sided(const group *p, int64_t i, double scale, double *v) {
    const int64_t split = p->d->negative_count;
    const double *energy = p->energy + i * p->targets;
    const double negative = one_side(p, energy, scale, 0, split);
    const double positive = one_side(p, energy, scale, split, p->targets);
    if (negative == 0 || positive == 0) return;
    add_targets(p, 1 / positive, split, p->targets, v);
    add_targets(p, -1 / negative, 0, split, v);
}

/* log of the sum of exp((least - energy) scale) over count energies `step` apart. */
static double log_mass(const double *energy, int64_t count, int64_t step, double scale, double *least) {
    double sum = 0;
    *least = INFINITY;
    for (int64_t l = 0; l < count; l++) *least = fmin(*least, energy[l * step]);
    if (isinf(*least)) *least = 0; /* a column that is masked all over: its exponentials are zero */
    for (int64_t l = 0; l < count; l++) sum += exp((*least - energy[l * step]) * scale);
    return sum > 0 ? log(sum) : 0;
}

static void field_two_sided(const group *p, int64_t i, double scale, double *v) {
    const int64_t split = p->d->negative_count;
    const double *energy = p->energy + i * p->targets;
    double least, mass = log_mass(energy, p->targets, 1, scale, &least), side[2] = {0, 0};
    for (int64_t j = 0; j < p->targets; j++) {
        const double both = scale * ((energy[j] - least) + (energy[j] - p->least[j])) + mass + p->log_mass[j];
        p->a[j] = weight_of(p, j) * fmax(exp(-0.5 * both), sqrt(p->d->floor));
        side[j >= split] += p->a[j];
    }
    add_targets(p, side[0], split, p->targets, v);
    add_targets(p, -side[1], 0, split, v);
}

/* v [x_count, dim] of one temperature. */
static void field(group *p, double tau, double *v) {
    const double scale = p->d->gauss ? 1 / (tau * tau) : 1 / tau;
    for (int64_t k = 0; k < p->d->x_count * p->d->dim; k++) v[k] = 0;
    for (int64_t j = 0; p->d->two_sided && j < p->targets; j++)
        p->log_mass[j] = log_mass(p->energy + j, p->d->x_count, p->targets, scale, &p->least[j]);
    for (int64_t i = 0; i < p->d->x_count; i++) {
        double *vi = v + i * p->d->dim;
        if (p->d->two_sided)
            field_two_sided(p, i, scale, vi);
        else
            field_one_sided(p, i, scale, vi);
    }
}

static group group_at(const pf__drift *d, const double *x, const double *positive, const double *extra,
                      const double *weight, int64_t at) {
    return (group){
        .d = d,
        .x = x + at * d->x_count * d->dim,
        .positive = positive + at * d->positive_count * d->dim,
        .extra = extra ? extra + at * d->extra_count * d->dim : NULL,
        .weight = weight ? weight + at * d->extra_count : NULL,
        .targets = d->negative_count + d->positive_count,
    };
}

static void drift_interpret(const pf_graph *g, const pf__node *n, const double *const *x, double *const *y) {
    const pf__drift d = pf__drift_of(g, n);
    const int64_t targets = d.negative_count + d.positive_count, size = d.x_count * d.dim;
    double *room = malloc((size_t)((d.x_count + 3) * targets) * sizeof *room);
    for (int64_t i = 0; !room && i < d.temperatures * d.groups * size; i++) y[0][i] = NAN; /* out of memory */
    for (int64_t at = 0; room && at < d.groups; at++) {
        group p = group_at(&d, x[0], x[1], d.extra ? x[3] : NULL, d.weight ? x[4] : NULL, at);
        p.energy = room;
        p.least = room + d.x_count * targets;
        p.log_mass = p.least + targets;
        p.a = p.log_mass + targets;
        fill_energy(&p);
        for (int64_t t = 0; t < d.temperatures; t++) field(&p, x[2][t], y[0] + (t * d.groups + at) * size);
    }
    free(room);
}

static void distance_interpret(const pf_graph *g, const pf__node *n, const double *const *x,
                               double *const *y) {
    const pf__drift d = pf__drift_of(g, n);
    for (int64_t at = 0; at < d.groups; at++) {
        const group p = group_at(&d, x[0], x[1], d.extra ? x[2] : NULL, d.weight ? x[3] : NULL, at);
        for (int64_t i = 0; i < d.x_count; i++) {
            double sum = 0;
            for (int64_t j = 0; j < p.targets; j++) sum += weight_of(&p, j) * sqrt(square_distance(&p, i, j));
            y[0][at * d.x_count + i] = sum;
        }
    }
}

/* ---- in smaller operations, for derivatives ---- */

#define FAR 1e30 /* an energy that no sample has */

static pf_value number(pf_graph *g, double value) {
    return pf_constant(g, value, pf_shape_of(0));
}

/* [G,P,D] */
static pf_value all_targets(pf_graph *g, const pf__drift *d) {
    pf_value part[3];
    int parts = 0;
    if (d->own_count) part[parts++] = d->x;
    if (d->extra) part[parts++] = d->extra;
    part[parts++] = d->positive;
    return parts > 1 ? pf_concat(g, part, parts, 1) : part[0];
}

/* [G,1,P], or 0 where every target counts once. */
static pf_value all_weights(pf_graph *g, const pf__drift *d) {
    if (!d->weight) return 0;
    const int groups = (int)d->groups;
    pf_value part[3];
    int parts = 0;
    if (d->own_count) part[parts++] = pf_constant(g, 1, pf_shape_of(2, groups, (int)d->own_count));
    part[parts++] = d->weight;
    part[parts++] = pf_constant(g, 1, pf_shape_of(2, groups, (int)d->positive_count));
    const int64_t all = d->negative_count + d->positive_count;
    return pf_reshape(g, pf_concat(g, part, parts, 1), pf_shape_of(3, groups, 1, (int)all));
}

/* [G,N,P]: |x - y|^2, or |x - y| with the derivative 0 where it is 0. */
static pf_value distances(pf_graph *g, const pf__drift *d, pf_value targets, bool square) {
    const int groups = (int)d->groups, all = (int)(d->negative_count + d->positive_count);
    pf_value a = pf_reshape(g, d->x, pf_shape_of(4, groups, (int)d->x_count, 1, (int)d->dim));
    pf_value b = pf_reshape(g, targets, pf_shape_of(4, groups, 1, all, (int)d->dim));
    pf_value sum = pf_sum(g, pf_square(g, pf_sub(g, a, b)), 1u << 3, false);
    if (square) return sum;
    pf_value apart = pf_less(g, number(g, 0), sum);
    return pf_select(g, apart, pf_sqrt(g, pf_select(g, apart, sum, number(g, 1))), number(g, 0));
}

/* [1,N,P]: 1 where the target is x itself and masked. */
static pf_value itself(pf_graph *g, const pf__drift *d) {
    const pf_shape shape = pf_shape_of(3, 1, (int)d->x_count, (int)(d->negative_count + d->positive_count));
    if (!d->masked) return pf_constant(g, 0, shape);
    return pf_equal(g, pf_iota(g, PF_F32, shape, 1), pf_iota(g, PF_F32, shape, 2));
}

/* What both forms start from. */
typedef struct apart {
    pf_value targets, weight, itself, energy; /* [G,P,D], [G,1,P] or 0, [1,N,P], [G,N,P] */
} apart;

static apart take_apart(pf_graph *g, const pf__drift *d) {
    apart p = {.targets = all_targets(g, d), .weight = all_weights(g, d), .itself = itself(g, d)};
    p.energy = distances(g, d, p.targets, d->gauss);
    if (d->gauss) p.energy = pf_mul_number(g, p.energy, 0.5);
    return p;
}

/* exp(l - max of its row) by axis, 0 where x meets itself. */
static pf_value relative(pf_graph *g, pf_value l, pf_value largest, pf_value self) {
    pf_value e = pf_exp(g, pf_min(g, pf_sub(g, l, largest), number(g, 60)));
    return pf_select(g, self, number(g, 0), e);
}

/* The mean of targets [first, last) by w K, and in *some whether any has weight: [G,N,D], [G,N,1]. */
static pf_value mean_of(pf_graph *g, const apart *p, pf_value l, int64_t first, int64_t last,
                        pf_value *some) {
    pf_value side = pf_slice_axis(g, l, 2, first, last), self = pf_slice_axis(g, p->itself, 2, first, last);
    pf_value w = p->weight ? pf_slice_axis(g, p->weight, 2, first, last) : number(g, 1);
    pf_value counted = pf_select(g, pf_less(g, number(g, 0), w), side, number(g, -FAR));
    pf_value k = pf_mul(g, relative(g, side, pf_row_max(g, counted, 1u << 2, true), self), w);
    pf_value sum = pf_sum(g, k, 1u << 2, true);
    *some = pf_less(g, number(g, 0), sum);
    pf_value mean = pf_matmul(g, k, pf_slice_axis(g, p->targets, 1, first, last), false, false);
    return pf_div(g, mean, pf_select(g, *some, sum, number(g, 1)));
}

static pf_value decompose_one_sided(pf_graph *g, const pf__drift *d, const apart *p, pf_value l) {
    const int64_t split = d->negative_count, all = split + d->positive_count;
    pf_value some, others;
    pf_value negative = mean_of(g, p, l, 0, split, &some), positive = mean_of(g, p, l, split, all, &others);
    some = pf_mul(g, some, others);
    return pf_select(g, some, pf_sub(g, positive, negative), number(g, 0));
}

static pf_value decompose_two_sided(pf_graph *g, const pf__drift *d, const apart *p, pf_value l) {
    const int64_t split = d->negative_count, all = split + d->positive_count;
    pf_value l_of[2], sum[2], side[2], moved[2];
    for (int axis = 1; axis < 3; axis++) {
        pf_value largest = pf_row_max(g, l, 1u << axis, true);
        pf_value mass = pf_sum(g, relative(g, l, largest, p->itself), 1u << axis, true);
        l_of[axis - 1] = pf_sub(g, l, largest);
        sum[axis - 1] = pf_select(g, pf_less(g, number(g, 0), mass), mass, number(g, 1));
    }
    pf_value a = pf_exp(g, pf_mul_number(g, pf_add(g, l_of[0], l_of[1]), 0.5));
    a = pf_select(g, p->itself, number(g, 0), a);
    a = pf_div(g, a, pf_mul(g, pf_sqrt(g, sum[0]), pf_sqrt(g, sum[1])));
    if (d->floor > 0) a = pf_max(g, a, number(g, sqrt(d->floor)));
    if (p->weight) a = pf_mul(g, a, p->weight);
    for (int k = 0; k < 2; k++) {
        const int64_t first = k ? split : 0, last = k ? all : split;
        pf_value part = pf_slice_axis(g, a, 2, first, last);
        side[k] = pf_sum(g, part, 1u << 2, true);
        moved[k] = pf_matmul(g, part, pf_slice_axis(g, p->targets, 1, first, last), false, false);
    }
    return pf_sub(g, pf_mul(g, side[0], moved[1]), pf_mul(g, side[1], moved[0]));
}

static pf_status drift_decompose(pf_graph *g, const pf__node *n, pf_value *y) {
    enum { MOST = 64 };
    const pf__drift d = pf__drift_of(g, n);
    const pf_shape out = pf_shape_of(4, 1, (int)d.groups, (int)d.x_count, (int)d.dim);
    pf_value field_of[MOST];
    if (d.temperatures > MOST) {
        pf__graph_fail(g, PF_USAGE, "drift: derivatives go up to %d temperatures, not %lld", (int)MOST,
                       (long long)d.temperatures);
        return g->error.status;
    }
    const apart p = take_apart(g, &d);
    for (int t = 0; t < (int)d.temperatures; t++) {
        pf_value tau = pf_reshape(g, pf_slice_axis(g, d.tau, 0, t, t + 1), pf_shape_of(0));
        pf_value scale = pf_recip(g, d.gauss ? pf_square(g, tau) : tau);
        pf_value l = pf_neg(g, pf_mul(g, p.energy, scale));
        l = pf_select(g, p.itself, number(g, -FAR), l);
        pf_value v = d.two_sided ? decompose_two_sided(g, &d, &p, l) : decompose_one_sided(g, &d, &p, l);
        field_of[t] = pf_reshape(g, v, out);
    }
    y[0] = d.temperatures > 1 ? pf_concat(g, field_of, (int)d.temperatures, 0) : field_of[0];
    return g->error.status;
}

static pf_status distance_decompose(pf_graph *g, const pf__node *n, pf_value *y) {
    const pf__drift d = pf__drift_of(g, n);
    pf_value u = distances(g, &d, all_targets(g, &d), false), w = all_weights(g, &d);
    y[0] = pf_sum(g, w ? pf_mul(g, u, w) : u, 1u << 2, false);
    return g->error.status;
}

const struct pf__op pf__row_DRIFT = {.name = "drift",
                                     PF__DECOMPOSE,
                                     .decompose = drift_decompose,
                                     .interpret = drift_interpret,
                                     .candidates = pf__drift_candidates};
const struct pf__op pf__row_DRIFT_DISTANCE = {.name = "drift_distance",
                                              PF__DECOMPOSE,
                                              .decompose = distance_decompose,
                                              .interpret = distance_interpret,
                                              .candidates = pf__drift_distance_candidates};
