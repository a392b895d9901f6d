/* SPDX-License-Identifier: MIT
 * The front of the arena: outputs that stay until the next replay, and the gaps between them, which are zero.
 */
#include "plan/compile.h"

#include <limits.h>
#include <stdlib.h>

enum { ALIGN_WORDS = 64 };

static int lower_first(const void *a, const void *b) {
    const pf__gap *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

/* The outputs of the front in order, in the shape of gaps; at least `count` of them fit into list. */
static int covered(const pf__compile *c, pf__gap *list) {
    int n = 0;
    for (int i = 0; i < c->desc->output_count; i++) {
        const pf__output *o = &c->desc->outputs[i];
        const uint64_t words = (uint64_t)pf_shape_count(&c->graph->values[o->value].shape);
        if (o->at_front) list[n++] = (pf__gap){o->offset, words};
    }
    qsort(list, (size_t)n, sizeof *list, lower_first);
    return n;
}

static pf_status check_output(const pf__compile *c, const pf__output *o, int number) {
    const pf__value *v = &c->graph->values[o->value];
    const char *wrong = NULL;
    if (o->buffer)
        wrong = "has a buffer of its own";
    else if (pf_dtype_bytes(v->dtype) != 4)
        wrong = "is not of 32-bit elements";
    else if (o->offset % ALIGN_WORDS != 0)
        wrong = "is not aligned to 64 elements";
    else if ((uint64_t)o->offset + (uint64_t)pf_shape_count(&v->shape) > c->desc->front_words)
        wrong = "is larger than it";
    if (!wrong) return PF_OK;
    return pf__fail(c->err, PF_USAGE, "plan '%s': output %d lies at the front of the arena but %s",
                    c->desc->name, number, wrong);
}

pf_status pf__compile_front(pf__compile *c) {
    const pf__plan_desc *d = c->desc;
    if (d->front_words == 0) return PF_OK;
    for (int i = 0; i < d->output_count; i++)
        if (d->outputs[i].at_front) PF__TRY(check_output(c, &d->outputs[i], i));
    const size_t most = (size_t)d->output_count + 1;
    c->gaps = calloc(most, sizeof *c->gaps);
    if (!c->gaps) return pf__fail_memory(c->err, "the gaps of an arena", most * sizeof *c->gaps);
    const int n = covered(c, c->gaps);
    uint64_t end = 0;
    for (int i = 0; i <= n; i++) { /* gap i lies before output i */
        const pf__gap next = i < n ? c->gaps[i] : (pf__gap){d->front_words, 0};
        if (next.first < end)
            return pf__fail(c->err, PF_USAGE, "plan '%s': two outputs overlap at the front of the arena",
                            d->name);
        if (next.first > end) c->gaps[c->gap_count++] = (pf__gap){end, next.first - end};
        end = next.first + next.words;
    }
    for (int i = 0; i < c->gap_count; i++) { /* nobody's, always */
        const uint64_t first = c->gaps[i].first / ALIGN_WORDS * ALIGN_WORDS;
        uint32_t id = 0;
        PF__TRY(pf__storage_new(c, c->gaps[i].first + c->gaps[i].words - first, 0, &id));
        pf__storage *s = &c->storages[id];
        s->pinned = true;
        s->offset = first;
        s->first = 0;
        s->last = INT_MAX;
    }
    return PF_OK;
}
