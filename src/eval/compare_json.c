/* SPDX-License-Identifier: MIT
 * The comparison as JSON, every row by itself and means over seeds. */
#include "eval/compare.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* "name":"text", the text as JSON has it. */
static void add_string(pf__text *t, const char *name, const char *text) {
    pf__text_format(t, "%s\"%s\":\"", t->length && t->data[t->length - 1] == '{' ? "" : ",", name);
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p == '"' || *p == '\\')
            pf__text_format(t, "\\%c", *p);
        else if (*p < 0x20)
            pf__text_format(t, "\\u%04x", *p);
        else
            pf__text_add_bytes(t, (const char *)p, 1);
    }
    pf__text_add(t, "\"");
}

static void add_quality(pf__text *t, const pf_compare_quality *q) {
    pf__text_format(t, "{\"nfe\":%d", q->nfe);
    add_string(t, "solver", q->solver);
    pf__json_number(t, "sliced_w2", q->sliced_w2);
    if (q->modes.modes) {
        pf__json_number(t, "modes_covered", q->modes.covered);
        pf__json_number(t, "modes_within", q->modes.within);
        pf__json_number(t, "modes_kl", q->modes.kl);
        pf__json_number(t, "modes_least_share", q->modes.least_share);
    }
    pf__json_number(t, "seconds", q->seconds);
    pf__text_add(t, "}");
}

static void add_row(pf__text *t, const pf_compare_row *r) {
    bool first = true;
    pf__text_add(t, "{");
    add_string(t, "name", r->name);
    add_string(t, "method", r->method);
    if (r->teacher) add_string(t, "teacher", r->teacher);
    pf__json_number(t, "seed", (double)r->seed);
    add_string(t, "folder", r->folder);
    pf__json_number(t, "steps", (double)r->steps);
    pf__json_number(t, "batch", (double)r->batch);
    pf__json_number(t, "train_seconds", r->train_seconds);
    pf__json_number(t, "teacher_seconds", r->teacher_seconds);
    pf__json_number(t, "step_seconds", r->step_seconds);
    pf__json_number(t, "memory_bytes", r->memory_bytes);
    pf__json_number(t, "parameters", (double)r->parameter_count);
    pf__text_add(t, ",\"quality\":[");
    for (int q = 0; q < r->quality_count; q++) {
        if (!*r->quality[q].solver) continue;
        if (!first) pf__text_add(t, ",");
        add_quality(t, &r->quality[q]);
        first = false;
    }
    pf__text_add(t, "]}");
}

static void add_means(pf__text *t, const pf_compare *c, int set) {
    bool first = true;
    for (int e = 0; e < c->entry_count; e++)
        for (int q = 0; q < c->nfe_count; q++) {
            double mean, deviation;
            const int seeds = pf__compare_mean(c, set, e, q, &mean, &deviation);
            if (!seeds) continue;
            pf__text_add(t, first ? "\n{" : ",\n{");
            add_string(t, "name", c->entry[e].name);
            pf__json_number(t, "nfe", c->nfe[q]);
            pf__json_number(t, "seeds", seeds);
            pf__json_number(t, "sliced_w2", mean);
            pf__json_number(t, "sliced_w2_deviation", deviation);
            pf__text_add(t, "}");
            first = false;
        }
}

static void add_set(pf__text *t, const pf_compare *c, int set) {
    const pf__draws *d = &c->set[set].draws;
    bool first = true;
    pf__text_add(t, "{");
    add_string(t, "name", c->set[set].name);
    pf__json_number(t, "count", (double)d->count);
    pf__json_number(t, "modes", d->modes);
    pf__json_number(t, "deviation", d->deviation);
    pf__json_number(t, "floor", d->pairs ? d->floor : NAN);
    pf__json_number(t, "floor_pairs", d->pairs);
    pf__text_add(t, ",\n\"runs\":[");
    for (int i = 0; i < c->row_count; i++) {
        if (pf__compare_set_of(c, i) != set || !c->rows[i].done) continue;
        pf__text_add(t, first ? "\n" : ",\n");
        add_row(t, &c->rows[i]);
        first = false;
    }
    pf__text_add(t, "],\n\"means\":[");
    add_means(t, c, set);
    pf__text_add(t, "]}");
}

char *pf_compare_json(const pf_compare *compare) {
    pf__text t = {0};
    pf__text_add(&t, "{\"schema_version\":1");
    add_string(&t, "version", pf_version());
    add_string(&t, "device", compare->device.name);
    add_string(&t, "driver", compare->device.driver);
    add_string(&t, "draws", compare->balanced ? "balanced" : "plain");
    pf__json_number(&t, "slices", compare->slices);
    pf__text_add(&t, ",\n\"data\":[");
    for (int s = 0; s < compare->set_count; s++) {
        pf__text_add(&t, s ? ",\n" : "\n");
        add_set(&t, compare, s);
    }
    pf__text_add(&t, "]}\n");
    char *copy = t.failed ? NULL : strdup(pf__text_string(&t));
    pf__text_free(&t);
    return copy;
}
