/* SPDX-License-Identifier: MIT
 * A source: NumPy arrays, one of samples in an .npy file, or samples and labels in an .npz archive. */
#include "data/array.h"
#include "data/source.h"
#include "data/stream.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMBERS_MAX 64
#define BLOCK       4096

/* Samples and labels of one part. */
struct pair {
    char *x, *y; /* members of the archive; NULL: none, or the file itself */
    pf__array *samples, *labels;
    int64_t count, done;
};

struct npy_source {
    char *path;
    struct pair part[2]; /* by pf_split */
    int current;
    bool is_u8;
    int64_t dim;
    char *member[MEMBERS_MAX]; /* all arrays of the archive */
    int members;
};

static void free_state(void *state) {
    struct npy_source *m = state;
    for (int i = 0; i < 2; i++) {
        pf__array_close(&m->part[i].samples);
        pf__array_close(&m->part[i].labels);
    }
    for (int i = 0; i < m->members; i++) free(m->member[i]);
    free(m->path);
    free(m);
}

/* ---- shapes ---- */

static pf_status fail_rank(const pf__array *a, pf_error *err) {
    pf_status st = pf__fail(err, PF_DATA, "%s: %d dimensions; samples are [N, D], [N, H, W] or [N, H, W, C]",
                            pf__array_name(a), pf__array_shape(a)->rank);
    return pf__hint(err, st, "reshape the array before saving it");
}

static pf_status sample_of(const pf__array *a, pf_shape *sample, pf_error *err) {
    const pf_shape *shape = pf__array_shape(a);
    if (shape->rank < 1 || shape->rank > 4) return fail_rank(a, err);
    *sample = (pf_shape){.rank = shape->rank <= 2 ? 1 : 3, .dim = {1}};
    if (shape->rank == 3) sample->dim[2] = 1;
    for (int i = 1; i < shape->rank; i++) sample->dim[i - 1] = shape->dim[i];
    if (sample->rank == 3 && sample->dim[2] > 4 && sample->dim[0] <= 4) {
        pf_status st = pf__fail(err, PF_DATA, "%s: the channels come before the rows and columns",
                                pf__array_name(a));
        return pf__hint(err, st, "save x.transpose(0, 2, 3, 1)");
    }
    int64_t bytes = pf__array_is_u8(a) ? 1 : 4;
    if (pf_shape_count(sample) <= PF__SAMPLE_BYTES_MAX / bytes) return PF_OK;
    return pf__fail(err, PF_DATA, "%s: one sample of %" PRId64 " elements cannot be right", pf__array_name(a),
                    pf_shape_count(sample));
}

static pf_status open_samples(struct npy_source *m, struct pair *p, pf__source *s, pf_error *err) {
    pf_shape sample;
    PF__TRY(pf__array_open(m->path, p->x, &p->samples, err));
    PF__TRY(sample_of(p->samples, &sample, err));
    p->count = pf__array_shape(p->samples)->dim[0];
    bool first = p == &m->part[PF_TRAIN], is_u8 = pf__array_is_u8(p->samples);
    if (!first && (is_u8 != m->is_u8 || sample.rank != s->sample.rank ||
                   memcmp(sample.dim, s->sample.dim, (size_t)sample.rank * sizeof *sample.dim) != 0)) {
        pf_status st = pf__fail(err, PF_DATA, "%s: samples of another shape or type than those of %s",
                                pf__array_name(p->samples), pf__array_name(m->part[PF_TRAIN].samples));
        return pf__hint(err, st, "the two parts are not from the same set");
    }
    m->is_u8 = is_u8;
    m->dim = pf_shape_count(&sample);
    s->dtype = is_u8 ? PF_U8 : PF_F32;
    s->sample = sample;
    return PF_OK;
}

/* ---- labels ---- */

static pf_status check_label_shape(const pf__array *a, const struct pair *p, pf_error *err) {
    const pf_shape *shape = pf__array_shape(a);
    if (shape->rank == 0 || pf_shape_count(shape) != shape->dim[0]) {
        pf_status st = pf__fail(err, PF_DATA, "%s: labels are [N], this has %d dimensions", pf__array_name(a),
                                shape->rank);
        return pf__hint(err, st, "one-hot rows become numbers by y.argmax(1)");
    }
    if (shape->dim[0] == p->count) return PF_OK;
    pf_status st = pf__fail(err, PF_DATA, "%s: %" PRId64 " labels for the %" PRId64 " samples of %s",
                            pf__array_name(a), shape->dim[0], p->count, p->x);
    return pf__hint(err, st, "save as many labels as samples");
}

/* Reads all labels once for the number of classes, and opens them anew. The classes are those of the training
 * part. */
static pf_status open_labels(struct npy_source *m, struct pair *p, pf__source *s, pf_error *err) {
    int32_t y[BLOCK];
    PF__TRY(pf__array_open(m->path, p->y, &p->labels, err));
    PF__TRY(check_label_shape(p->labels, p, err));
    bool train = p == &m->part[PF_TRAIN];
    for (int64_t done = 0; train && done < p->count; done += BLOCK) {
        int64_t part = p->count - done < BLOCK ? p->count - done : BLOCK;
        PF__TRY(pf__array_read_labels(p->labels, part, y, err));
        for (int64_t i = 0; i < part; i++)
            if (y[i] >= s->class_count) s->class_count = y[i] + 1;
    }
    if (!train) return PF_OK;
    PF__TRY(pf__array_end(p->labels, err));
    pf__array_close(&p->labels);
    return pf__array_open(m->path, p->y, &p->labels, err);
}

/* ---- the source ---- */

static pf_status rows(void *state, int64_t count, void *x, int32_t *y, pf_error *err) {
    struct npy_source *m = state;
    if (m->part[m->current].done == m->part[m->current].count) m->current = PF_TEST;
    struct pair *p = &m->part[m->current];
    p->done += count;
    PF__TRY(m->is_u8 ? pf__array_read_u8(p->samples, count * m->dim, x, err)
                     : pf__array_read_f32(p->samples, count * m->dim, x, err));
    return y ? pf__array_read_labels(p->labels, count, y, err) : PF_OK;
}

static pf_status end(void *state, pf_error *err) {
    struct npy_source *m = state;
    for (int i = 0; i < 2; i++) {
        if (m->part[i].samples) PF__TRY(pf__array_end(m->part[i].samples, err));
        if (m->part[i].labels) PF__TRY(pf__array_end(m->part[i].labels, err));
    }
    return PF_OK;
}

static pf_status begin(const char *path, pf__source *s, struct npy_source **out, pf_error *err) {
    struct npy_source *m = *out = calloc(1, sizeof *m);
    if (!m) return pf__fail_memory(err, path, sizeof *m);
    s->state = m;
    s->rows = rows;
    s->end = end;
    s->free = free_state;
    m->path = strdup(path);
    snprintf(s->name, sizeof s->name, "NumPy: %s", pf__base_name(path));
    return m->path ? PF_OK : pf__fail_memory(err, path, strlen(path));
}

pf_status pf__source_npy(const char *path, pf__source *s, pf_error *err) {
    struct npy_source *m;
    PF__TRY(begin(path, s, &m, err));
    PF__TRY(open_samples(m, &m->part[PF_TRAIN], s, err));
    s->train = m->part[PF_TRAIN].count;
    return PF_OK;
}

/* ---- archives ---- */

static pf_status add_member(void *user, const char *name, int64_t size, pf_error *err) {
    struct npy_source *m = user;
    (void)size;
    if (!pf__ends_with(name, ".npy")) return PF_OK;
    if (m->members == MEMBERS_MAX)
        return pf__fail(err, PF_DATA, "%s: more than %d arrays", m->path, MEMBERS_MAX);
    m->member[m->members] = strdup(name);
    if (!m->member[m->members]) return pf__fail_memory(err, name, strlen(name));
    m->members++;
    return PF_OK;
}

static char *member(const struct npy_source *m, const char *name) {
    for (int i = 0; i < m->members; i++)
        if (strcmp(m->member[i], name) == 0) return m->member[i];
    return NULL;
}

static pf_status choose_members(struct npy_source *m, pf_error *err) {
    struct pair *train = &m->part[PF_TRAIN], *test = &m->part[PF_TEST];
    train->x = member(m, "x.npy");
    train->y = member(m, "y.npy");
    if (!train->x && member(m, "x_train.npy")) {
        train->x = member(m, "x_train.npy");
        train->y = member(m, "y_train.npy");
        test->x = member(m, "x_test.npy");
        test->y = member(m, "y_test.npy");
    }
    if (!train->x && m->members == 1) {
        train->x = m->member[0];
        train->y = NULL;
    }
    if (!train->x) {
        pf_status st = pf__fail(err, PF_DATA, "%s: %d arrays, and none is called x", m->path, m->members);
        return pf__hint(err, st,
                        "numpy.savez(file, x=samples, y=labels), or x_train, y_train, x_test, y_test");
    }
    if (!test->x || (train->y != NULL) == (test->y != NULL)) return PF_OK;
    pf_status st = pf__fail(err, PF_DATA, "%s: only one of the two parts has labels", m->path);
    return pf__hint(err, st, "save y_train and y_test, or neither");
}

pf_status pf__source_npz(const char *path, pf__source *s, pf_error *err) {
    struct npy_source *m;
    PF__TRY(begin(path, s, &m, err));
    PF__TRY(pf__archive_list(path, add_member, m, err));
    PF__TRY(choose_members(m, err));
    for (int i = 0; i < 2; i++) {
        if (!m->part[i].x) continue;
        PF__TRY(open_samples(m, &m->part[i], s, err));
        if (m->part[i].y) PF__TRY(open_labels(m, &m->part[i], s, err));
    }
    s->train = m->part[PF_TRAIN].count;
    s->test = m->part[PF_TEST].count;
    return PF_OK;
}
