/* SPDX-License-Identifier: MIT
 * Stage by stage: tasks over one domain become one kernel; operations with candidates are lowered by the
 * first that supports them. */
#include "graph/build.h"
#include "plan/compile.h"
#include "plan/fused_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Limits of one generated kernel: its arguments, and its registers (compilers slow down sharply once they
 * spill). */
enum { MOST_ACCESSES = 28, MOST_INSTRS = 220, MOST_REDUCTIONS = 24 };

bool pf__compile_held(void *user, pf_value v, pf_value *base) {
    pf__compile *c = user;
    const pf_value a = pf__alias(c->graph, v);
    if (!c->kept[a] || c->in_group[a]) return false;
    *base = a;
    return true;
}

static bool is_store(const pf__task *t) {
    return t->kind == PF__TASK_STORE || t->kind == PF__TASK_ZERO;
}

/* Whether the last vector of a row runs into the next row, which another work-item may be writing. */
static bool rows_touch(const pf__fused *f) {
    enum { WIDEST = 16 };
    pf__loops loops;
    pf__fused_loops(f, &loops);
    return loops.count > 1 && loops.list[loops.vector].size % WIDEST != 0;
}

/* Whether element i of the domain touches element i of the tensor and no other. */
static bool elementwise(const pf__fused *f, const pf__access *a) {
    int64_t dense[PF_RANK_MAX] = {0};
    pf__dense_strides(&f->domain, dense);
    if (a->offset != 0 || rows_touch(f)) return false;
    for (int j = 0; j < f->domain.rank; j++)
        if (f->domain.dim[j] != 1 && a->stride[j] != dense[j]) return false;
    return true;
}

/* Loads name values; from here on operands name storages. */
static void name_storages(pf__compile *c, pf__fused *f) {
    for (int i = 0; i < f->load_count; i++) {
        pf__access *a = &f->loads[i];
        a->operand.id = c->storage_of[a->operand.id] - 1;
        c->storages[a->operand.id].tail |= rows_touch(f);
        a->operand.elementwise = elementwise(f, a);
    }
    for (int i = 0; i < f->store_count; i++) f->stores[i].operand.elementwise = elementwise(f, &f->stores[i]);
}

static void label_of(const pf__fused *f, char *label, size_t size) {
    int n = snprintf(label, size, "%s ",
                     f->kind == PF__FUSED_POINTWISE ? "map"
                     : f->kind == PF__FUSED_ROW     ? "row"
                     : f->kind == PF__FUSED_SUM     ? "sum"
                                                    : "max");
    for (int j = 0; j < f->domain.rank && n < (int)size - 24; j++)
        n += snprintf(label + n, size - (size_t)n, "%s%lld", j ? "x" : "", (long long)f->domain.dim[j]);
    if (f->domain.rank == 0) n += snprintf(label + n, size - (size_t)n, "1");
    if (f->kind != PF__FUSED_POINTWISE)
        n += snprintf(label + n, size - (size_t)n, " over %d..%d", f->reduce_first, f->reduce_last - 1);
    snprintf(label + n, size - (size_t)n, " (%d in, %d out)", f->load_count, f->store_count);
}

/* ---- groups ---- */

static pf__fused fused_for(const pf__compile *c, const pf__members *m) {
    const pf__task *lead = &c->tasks[m->list[0]];
    const int family = pf__compile_family(c, lead);
    bool rows = false;
    for (int i = 0; i < m->count; i++) {
        const pf__task *t = &c->tasks[m->list[i]];
        rows = rows || (family && (!is_store(t) || !pf__shape_equal(&t->domain, &lead->domain)));
    }
    pf__fused f = {.kind = PF__FUSED_ROW};
    if (rows) {
        const pf__family *k = &c->families[family - 1];
        if (k->sums) f.kind = PF__FUSED_SUM;
        f.domain = k->domain;
        f.reduce_first = k->sums ? k->reduce_first : k->rows;
        f.reduce_last = k->sums ? k->reduce_last : f.domain.rank;
        return f;
    }
    f.kind = lead->kind == PF__TASK_SUM   ? PF__FUSED_SUM
             : lead->kind == PF__TASK_MAX ? PF__FUSED_MAX
                                          : PF__FUSED_POINTWISE;
    f.domain = lead->domain;
    f.reduce_first = lead->reduce_first;
    f.reduce_last = lead->reduce_last;
    return f;
}

/* Whether the task reduces columns in a row kernel: later members may use its numbers. */
static bool makes_row_numbers(const pf__fused *f, const pf__task *t) {
    return f->kind == PF__FUSED_ROW && !is_store(t) && t->reduce_last == t->domain.rank;
}

/* The register of a task's result, or of what its reduction is over. */
static int add_task(pf__compile *c, pf__fused *f, const pf__task *t) {
    const bool row = makes_row_numbers(f, t);
    if (t->kind == PF__TASK_ZERO) return pf__fused_number(f, 0.0);
    return pf__fused_add(f, c->graph, row ? t->whole : t->compute, &t->map, pf__compile_held, c,
                         row || t->root);
}

/* How often the members load each value. */
static void count_uses(pf__compile *c, const pf__members *m) {
    memset(c->group_uses, 0, c->graph->value_count * sizeof *c->group_uses);
    for (int i = 0; i < m->count; i++) {
        const pf__task *t = &c->tasks[m->list[i]];
        for (int k = 0; k < t->load_count; k++) c->group_uses[t->loads[k]]++;
    }
}

/* Whether nothing but the group needs the task's result: it stays in registers. */
static bool is_private(const pf__compile *c, const pf__task *t) {
    return t->whole && c->uses[t->whole] > 0 && c->uses[t->whole] == c->group_uses[t->whole];
}

/* Builds the kernel of the members, as many of the first as the limits allow; how many. */
static int build_group(pf__compile *c, const pf__members *m, pf__fused *f, bool limits) {
    int taken = 0, reductions = 0;
    *f = fused_for(c, m);
    count_uses(c, m);
    for (; taken < m->count; taken++) {
        const pf__task *t = &c->tasks[m->list[taken]];
        const int loads = f->load_count, instrs = f->instr_count, stores = f->store_count;
        const int r = add_task(c, f, t);
        const bool in_row = is_store(t) || makes_row_numbers(f, t); /* later members may use it */
        if (!in_row || !is_private(c, t))
            pf__fused_store(f, (pf__operand){.kind = PF__OPERAND_WRITE, .id = t->storage}, t->dtype,
                            t->stride, t->offset, r);
        if (limits && taken &&
            (f->load_count + f->store_count > MOST_ACCESSES || f->instr_count > MOST_INSTRS ||
             (reductions += !is_store(t)) > MOST_REDUCTIONS)) {
            f->store_count = stores; /* does not fit any more: leave it to the next kernel */
            f->load_count = loads;
            f->instr_count = instrs;
            break;
        }
        if (t->whole && in_row) c->in_group[t->whole] = 1;
    }
    for (int i = 0; i < m->count; i++) c->in_group[c->tasks[m->list[i]].whole] = 0;
    return taken;
}

/* Takes the first of the tasks in order and every later one that fits, as far as the limits allow, and lowers
 * them as one kernel. */
static pf_status lower_group(pf__compile *c, const int *order, int count) {
    pf__fused f = {.kind = PF__FUSED_POINTWISE};
    pf__members m = {calloc((size_t)count, sizeof *m.list), 0};
    if (!m.list) return pf__fail_memory(c->err, "a kernel's tasks", (size_t)count * sizeof *m.list);
    for (int i = 0; i < count; i++)
        if (!c->tasks[order[i]].done && pf__compile_together(c, &c->tasks[order[0]], &c->tasks[order[i]]))
            m.list[m.count++] = order[i];
    const int taken = build_group(c, &m, &f, true);
    if (taken < m.count) { /* what is private to fewer tasks? */
        pf__fused_free(&f);
        m.count = taken;
        build_group(c, &m, &f, false);
    }
    for (int i = 0; i < m.count; i++) c->tasks[m.list[i]].done = true;
    free(m.list);
    char label[128];
    name_storages(c, &f);
    label_of(&f, label, sizeof label);
    pf_status st = pf__fused_lower(&f, &c->lowering, label);
    pf__fused_free(&f);
    return st;
}

static void note_product(pf__compile *c, const pf__candidate *k, int first) {
    for (int i = first; i < c->step_count; i++) c->flops += c->steps[i].flops;
    if (c->step_count > first)
        pf__text_format(&c->choices, "%s = %s\n", c->steps[c->step_count - 1].label, k->name);
}

/* twin: another node that could be lowered with it, or NULL; *together says whether it was. */
static pf_status lower_node(pf__compile *c, const pf__node *n, const pf__node *twin, bool *together) {
    const pf__candidate *k = pf__ops[n->op]->candidates;
    const int first = c->step_count;
    for (; k && k->name; k++) {
        const bool last_resort = !k[1].name;
        if (!last_resort && pf__context_avoids(c->desc->context, k->name)) continue;
        if (!k->supports(&c->lowering, n)) continue;
        *together = twin && k->pairs && k->supports(&c->lowering, twin) && k->pairs(&c->lowering, n, twin);
        PF__TRY(*together ? k->lower_pair(&c->lowering, n, twin) : k->lower(&c->lowering, n));
        if (n->op == PF__OP_MATMUL) note_product(c, k, first);
        return PF_OK;
    }
    pf_status st = pf__fail(c->err, PF_USAGE, "plan '%s': no kernel of %s supports this shape on this device",
                            c->desc->name, pf__ops[n->op]->name);
    return pf__hint(c->err, st,
                    "use a smaller batch or a narrower network: kernels count elements in 32 bits");
}

typedef struct pf__item {
    int stage;
    pf_value order;
    int task;      /* or -1 */
    uint32_t node; /* 0: lowered with an earlier one */
} pf__item;

static int compare_items(const void *a, const void *b) {
    const pf__item *x = a, *y = b;
    if (x->stage != y->stage) return x->stage < y->stage ? -1 : 1;
    if ((x->task < 0) != (y->task < 0)) return x->task < 0 ? -1 : 1;
    if (x->order != y->order) return x->order < y->order ? -1 : 1;
    return x->task < y->task ? -1 : x->task > y->task;
}

static bool has_candidates(const pf__compile *c, const pf__node *n) {
    const pf_value v = n->first_output;
    if (n->op == PF__OP_RANDOM) return !c->storages[c->storage_of[v] - 1].leaf;
    return pf__by_hand(n);
}

/* The next product of this stage with the same right operand, or NULL: the dual batch of a value and its
 * tangent. */
static pf__item *twin_of(const pf__compile *c, pf__item *items, int count, int at) {
    const pf_graph *g = c->graph;
    const pf__node *n = &g->nodes[items[at].node];
    for (int i = at + 1; i < count && items[i].stage == items[at].stage; i++) {
        if (items[i].task >= 0 || items[i].node == 0) continue;
        const pf__node *m = &g->nodes[items[i].node];
        if (n->op != PF__OP_MATMUL || m->op != PF__OP_MATMUL) continue;
        if (pf__inputs(g, n)[1] == pf__inputs(g, m)[1] && n->attr.transpose_a == m->attr.transpose_a &&
            n->attr.transpose_b == m->attr.transpose_b)
            return &items[i];
    }
    return NULL;
}

static pf_status lower_items(pf__compile *c, pf__item *items, int count, int *order) {
    for (int i = 0; i < count;) {
        if (items[i].task < 0) {
            pf__item *twin = items[i].node ? twin_of(c, items, count, i) : NULL;
            bool together = false;
            if (items[i].node)
                PF__TRY(lower_node(c, &c->graph->nodes[items[i].node],
                                   twin ? &c->graph->nodes[twin->node] : NULL, &together));
            if (together) twin->node = 0;
            i++;
            continue;
        }
        int end = i;
        while (end < count && items[end].task >= 0 && items[end].stage == items[i].stage) {
            order[end - i] = items[end].task;
            end++;
        }
        for (int k = 0; k < end - i; k++)
            if (!c->tasks[order[k]].done) PF__TRY(lower_group(c, order + k, end - i - k));
        i = end;
    }
    return PF_OK;
}

pf_status pf__compile_groups(pf__compile *c) {
    const pf_graph *g = c->graph;
    const size_t most = (size_t)c->task_count + g->node_count;
    pf__item *items = calloc(most, sizeof *items);
    int *order = calloc(most, sizeof *order);
    int count = 0;
    pf_status st = PF_MEMORY;
    if (!items || !order) goto done;
    for (uint32_t i = 1; i < g->node_count; i++) {
        const pf__node *n = &g->nodes[i];
        if (c->needed[i] && c->kept[n->first_output] && has_candidates(c, n))
            items[count++] = (pf__item){c->stage[n->first_output], n->first_output, -1, i};
    }
    for (int i = 0; i < c->task_count; i++)
        items[count++] = (pf__item){c->tasks[i].stage, c->tasks[i].order, i, 0};
    qsort(items, (size_t)count, sizeof *items, compare_items);
    st = lower_items(c, items, count, order);
done:
    if (!items || !order) st = pf__fail_memory(c->err, "a plan's order", most * sizeof *items);
    free(items);
    free(order);
    return st;
}
