/* SPDX-License-Identifier: MIT
 * The loader thread.
 *
 *     file --pieces--> next window --swap--> present window --rows--> slot[made % slots]
 *
 *     thread:  makes a batch when a slot is free, else reads a piece of the next window      made   so far
 *     caller:  next        -> slot[taken % slots]                                            taken  handed
 * out release     -> the oldest slot is free again                                  freed  given back
 *
 * freed <= taken <= made <= freed + slots. The counts and the failure change under the lock; a slot's memory
 * belongs to the thread while it is free and to the caller after; windows and order are the thread's alone.
 */
#include "data/loader.h"
#include "base/memory.h"
#include "data/classes.h"
#include "data/pairing.h"
#include "data/window.h"
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MAX   64
#define BLOCK_BYTES ((int64_t)256 << 10)
#define BLOCKS_MIN  16 /* of a window */

struct slot {
    void *x;
    int32_t *y;
    float *noise;
};

struct pf__loader {
    pf_dataset *dataset;
    int64_t batch, row_bytes, first_step, groups;
    bool labelled, stored, by_class;
    pf__pairing *pairing; /* or NULL; the thread's */
    pf__classes classes;  /* where there are groups; the thread's */
    uint32_t *group;      /* [batch] rows, likewise */
    pf__order order;
    pf__window window[2]; /* the present one is window[at], the next one the other */
    int at;
    struct slot slot[SLOTS_MAX];
    int slots;

    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t change;
    int64_t made, taken, freed;
    bool stop, running;
    pf_status failure; /* no batch after `made` can be made, for this reason */
    pf_error reason;
};

/* ---- the thread ---- */

static pf_status finish_window(pf__loader *l, pf__window *w, pf_error *err) {
    while (!pf__window_ready(w)) PF__TRY(pf__window_work(w, &l->order, l->dataset, err));
    return PF_OK;
}

/* The next window becomes the present one, and the one after it is begun. */
static pf_status advance(pf__loader *l, pf_error *err) {
    pf__window *old = &l->window[l->at], *now = &l->window[!l->at];
    PF__TRY(finish_window(l, now, err));
    pf__window_begin(old, &l->order, pf__order_next(&l->order, &now->span));
    l->at = !l->at;
    return PF_OK;
}

static int64_t noise_bytes(const pf__loader *l) {
    return pf_dataset_describe(l->dataset)->dim * (int64_t)sizeof(float);
}

static void copy_row(const pf__loader *l, const pf__window *w, size_t row, const struct slot *to, int64_t b) {
    size_t bytes = (size_t)l->row_bytes, noise = (size_t)noise_bytes(l);
    memcpy((char *)to->x + (size_t)b * bytes, w->x + row * bytes, bytes);
    if (to->y && w->y) to->y[b] = w->y[row];
    if (w->noise) memcpy((char *)to->noise + (size_t)b * noise, (char *)w->noise + row * noise, noise);
}

/* The rows of a step whose groups are of one class each. */
static void group_rows(pf__classes *c, int64_t groups, int64_t step, uint32_t *row) {
    for (int64_t k = 0; k < groups; k++) pf__classes_rows(c, step * groups + k, row + k * c->group);
}

/* The batch of a step; it may span windows and epochs. */
static pf_status fill(pf__loader *l, int64_t step, const struct slot *slot, pf_error *err) {
    if (l->groups) group_rows(&l->classes, l->groups, step, l->group);
    for (int64_t b = 0; b < l->batch; b++) {
        if (l->groups) {
            copy_row(l, &l->window[l->at], l->group[b], slot, b);
            continue;
        }
        int64_t position = step * l->batch + b;
        const pf__span *span = &l->window[l->at].span;
        if (position == span->first + span->rows) PF__TRY(advance(l, err));
        const pf__window *w = &l->window[l->at];
        copy_row(l, w, w->row[position - w->span.first], slot, b);
    }
    if (l->pairing) pf__pairing_make(l->pairing, step, slot->x, l->by_class ? slot->y : NULL, slot->noise);
    return PF_OK;
}

/* One batch, or else one piece of the next window. A piece that fails says nothing yet: batches before it are
 * good, and whoever needs the window tries again and fails again. */
static void *work(void *argument) {
    pf__loader *l = argument;
    bool stuck = false;
    pthread_mutex_lock(&l->lock);
    while (!l->stop && l->failure == PF_OK) {
        pf__window *next = &l->window[!l->at];
        bool full = l->made - l->freed == l->slots;
        if (full && (stuck || pf__window_ready(next))) {
            pthread_cond_wait(&l->change, &l->lock);
            continue;
        }
        int64_t made = l->made;
        pthread_mutex_unlock(&l->lock);
        pf_error error = {0};
        pf_status st = PF_OK;
        if (full)
            stuck = pf__window_work(next, &l->order, l->dataset, &error) != PF_OK;
        else
            st = fill(l, l->first_step + made, &l->slot[made % l->slots], &error);
        pthread_mutex_lock(&l->lock);
        if (full) continue;
        stuck = false;
        if (st == PF_OK) l->made++;
        if (st != PF_OK) l->reason = error;
        l->failure = st;
        pthread_cond_broadcast(&l->change);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* ---- creation ---- */

/* About BLOCK_BYTES, or less so that a window has BLOCKS_MIN; but whole chunks, so that each is read once. */
static pf_status find_block_rows(const pf__loader *l, int64_t window_rows, int64_t *rows, pf_error *err) {
    int64_t chunk = 0, target = BLOCK_BYTES / l->row_bytes;
    if (target > window_rows / BLOCKS_MIN) target = window_rows / BLOCKS_MIN;
    if (target < 1) target = 1;
    PF__TRY(pf__h5_chunk_rows(pf__dataset_file(l->dataset), pf__dataset_path_x(PF_TRAIN), &chunk, err));
    *rows = chunk == 0 ? target : chunk >= target ? chunk : target / chunk * chunk;
    return PF_OK;
}

/* What a row takes in a window: sample, label, noise, its place in the order, and in that of its class. */
static int64_t held_bytes(const pf_dataset_info *info, const pf__loader_desc *desc) {
    return info->dim * ((int64_t)pf_dtype_bytes(info->dtype) + (desc->stored ? 4 : 0)) +
           (info->class_count > 0 ? 4 : 0) + 4 + (desc->groups ? 8 : 0);
}

/* Whether the noise that is asked for can be had. */
static pf_status check_noise(const pf_dataset *dataset, const pf__loader_desc *desc, pf_error *err) {
    if (desc->stored && !pf_dataset_describe(dataset)->has_noise)
        return pf__hint(err, pf__fail(err, PF_DATA, "%s: no /train/noise", pf__dataset_name(dataset)),
                        "a set with the noise beside its samples is made from a flow run: pushforward data "
                        "reflow RUN OUT.h5");
    return desc->transport ? pf__pairing_check(desc->batch, err) : PF_OK;
}

static pf_status check_desc(const pf_dataset_info *info, const pf__loader_desc *desc, pf_error *err) {
    if (desc->batch < 1 || desc->first_step < 0 || desc->slots < 0 || desc->slots > SLOTS_MAX ||
        desc->window_bytes < 0 || desc->block_rows < 0)
        return pf__fail(err, PF_USAGE,
                        "loader: batch %" PRId64 ", first step %" PRId64 ", %d slots, window of %" PRId64
                        " bytes or blocks of %" PRId64 " rows cannot be",
                        desc->batch, desc->first_step, desc->slots, desc->window_bytes, desc->block_rows);
    if (desc->window_bytes || info->train_count <= UINT32_MAX) return PF_OK;
    pf_status st = pf__fail(err, PF_USAGE, "%" PRId64 " training samples are too many for a full shuffle",
                            info->train_count);
    return pf__hint(err, st, "--set data.shuffle=window");
}

static pf_status check_groups(const pf_dataset_info *info, const pf__loader_desc *desc, pf_error *err) {
    if (!desc->groups) return PF_OK;
    if (!info->class_count || desc->groups < 0 || desc->batch % desc->groups)
        return pf__hint(err,
                        pf__fail(err, PF_USAGE,
                                 "train.batch = %" PRId64 " does not make %" PRId64
                                 " equal groups of one class each",
                                 desc->batch, desc->groups),
                        "a multiple of %" PRId64 " does", desc->groups);
    if (!desc->window_bytes ||
        (double)info->train_count * (double)held_bytes(info, desc) <= (double)desc->window_bytes)
        return PF_OK;
    return pf__hint(err,
                    pf__fail(err, PF_USAGE,
                             "batches of groups of one class each are not made from windows of a data set"),
                    "--set data.shuffle=full");
}

pf_status pf__loader_check(pf_dataset *dataset, const pf__loader_desc *desc, pf_error *err) {
    const pf_dataset_info *info = pf_dataset_describe(dataset);
    const double mib = 0x1p20;
    PF__TRY(check_desc(info, desc, err));
    PF__TRY(check_groups(info, desc, err));
    PF__TRY(check_noise(dataset, desc, err));
    pf__memory_limit limit = {desc->memory_bytes, "this process may use"};
    if (limit.bytes == 0) limit = pf__memory_limit_get();
    double whole = (double)info->train_count * (double)held_bytes(info, desc),
           two = 2 * (double)desc->window_bytes, all = (double)limit.bytes, share = 0.75 * all;
    bool windows = desc->window_bytes && whole > (double)desc->window_bytes;
    if (limit.bytes == 0 || (windows ? two : whole) <= share) return PF_OK;
    pf_status st =
        windows ? pf__fail(err, PF_MEMORY,
                           "two windows of %.0f MiB are more than three quarters of the %.0f MiB that %s",
                           two / 2 / mib, all / mib, limit.by)
                : pf__fail(err, PF_MEMORY,
                           "%s: the training part takes %.0f MiB in memory, more than three quarters of "
                           "the %.0f MiB that %s",
                           pf__dataset_name(dataset), whole / mib, all / mib, limit.by);
    if (desc->window_bytes == 0)
        return pf__hint(err, st, "--set data.shuffle=window reads it while training");
    return pf__hint(err, st, "--set data.window=%.0f", share / 2 / mib < 1 ? 1 : floor(share / 2 / mib));
}

static pf_status order(pf__loader *l, const pf__loader_desc *desc, pf_error *err) {
    const pf_dataset_info *info = pf_dataset_describe(l->dataset);
    int64_t block = desc->block_rows, rows = info->train_count;
    if (desc->window_bytes) rows = desc->window_bytes / held_bytes(info, desc);
    if (rows < 1) rows = 1;
    if (!block) PF__TRY(find_block_rows(l, rows, &block, err));
    return pf__order_create(&l->order, desc->seed, info->train_count, block, rows, err);
}

static int64_t slot_bytes(const pf__loader *l) {
    bool noisy = l->stored || l->pairing;
    return l->batch * (l->row_bytes + (l->labelled ? 4 : 0) + (noisy ? noise_bytes(l) : 0));
}

static pf_status allocate(pf__loader *l, pf_error *err) {
    const pf__window *whole = l->order.windows == 1 ? &l->window[0] : NULL;
    PF__TRY(pf__window_create(&l->window[0], &l->order, l->dataset, l->stored, NULL, err));
    PF__TRY(pf__window_create(&l->window[1], &l->order, l->dataset, l->stored, whole, err));
    bool good = true, noisy = l->stored || l->pairing;
    for (int i = 0; i < l->slots && good; i++) {
        struct slot *s = &l->slot[i];
        s->x = malloc((size_t)(l->batch * l->row_bytes));
        if (l->labelled) s->y = malloc((size_t)l->batch * sizeof(int32_t));
        if (noisy) s->noise = malloc((size_t)(l->batch * noise_bytes(l)));
        good = s->x && (!l->labelled || s->y) && (!noisy || s->noise);
    }
    return good ? PF_OK : pf__fail_memory(err, "batches", (unsigned long long)(l->slots * slot_bytes(l)));
}

static pf_status pair(pf__loader *l, const pf__loader_desc *desc, pf_error *err) {
    const pf_dataset_info *info = pf_dataset_describe(l->dataset);
    if (!desc->transport) return PF_OK;
    pf__pairing_desc pairing = {.batch = l->batch,
                                .dim = info->dim,
                                .dtype = info->dtype,
                                .seed = desc->seed,
                                .scale = desc->scale,
                                .shift = desc->shift,
                                .affine = desc->affine};
    return pf__pairing_create(&l->pairing, &pairing, err);
}

/* The window of the first step is read here, so that most of what can be wrong is told before training. */
static pf_status read_first(pf__loader *l, pf_error *err) {
    pf__window *now = &l->window[0];
    pf__window_begin(now, &l->order, pf__order_find(&l->order, l->first_step * l->batch));
    PF__TRY(finish_window(l, now, err));
    pf__window_begin(&l->window[1], &l->order, pf__order_next(&l->order, &now->span));
    return PF_OK;
}

static pf_status classify(const pf__loader *l, pf__classes *out, pf_error *err) {
    return pf__classes_create(out, l->order.seed, l->batch / l->groups, l->window[0].y, l->order.count,
                              pf_dataset_describe(l->dataset)->class_count, err);
}

/* By class, when everything is in memory. */
static pf_status group(pf__loader *l, pf_error *err) {
    if (!l->groups) return PF_OK;
    assert(l->order.windows == 1);
    l->group = malloc((size_t)l->batch * sizeof *l->group);
    if (!l->group)
        return pf__fail_memory(err, "rows of a batch", (unsigned long long)l->batch * sizeof *l->group);
    return classify(l, &l->classes, err);
}

/* The thread takes no signals: an interrupt is for the thread that trains. */
static pf_status start(pf__loader *l, pf_error *err) {
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    l->running = pthread_create(&l->thread, NULL, work, l) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return l->running ? PF_OK : pf__fail(err, PF_SYSTEM, "cannot start the loader thread");
}

pf_status pf__loader_create(pf_dataset *dataset, const pf__loader_desc *desc, pf__loader **out,
                            pf_error *err) {
    const pf_dataset_info *info = pf_dataset_describe(dataset);
    *out = NULL;
    PF__TRY(pf__loader_check(dataset, desc, err));
    pf__loader *l = calloc(1, sizeof *l);
    if (!l) return pf__fail_memory(err, "loader", sizeof *l);
    l->dataset = dataset;
    l->batch = desc->batch;
    l->first_step = desc->first_step;
    l->slots = desc->slots ? desc->slots : 4;
    l->row_bytes = info->dim * (int64_t)pf_dtype_bytes(info->dtype);
    l->labelled = info->class_count > 0;
    l->stored = desc->stored;
    l->by_class = desc->by_class;
    l->groups = desc->groups;
    if (pthread_mutex_init(&l->lock, NULL) != 0 || pthread_cond_init(&l->change, NULL) != 0) {
        free(l); /* Linux has nothing to give back here */
        return pf__fail(err, PF_SYSTEM, "cannot make the loader's lock");
    }
    pf_status st = order(l, desc, err);
    if (st == PF_OK) st = pair(l, desc, err);
    if (st == PF_OK) st = allocate(l, err);
    if (st == PF_OK) st = read_first(l, err);
    if (st == PF_OK) st = group(l, err);
    if (st == PF_OK) st = start(l, err);
    if (st != PF_OK) {
        pf__loader_destroy(&l);
        return st;
    }
    *out = l;
    return PF_OK;
}

void pf__loader_destroy(pf__loader **loader) {
    if (!loader || !*loader) return;
    pf__loader *l = *loader;
    *loader = NULL;
    if (l->running) {
        pthread_mutex_lock(&l->lock);
        l->stop = true;
        pthread_cond_broadcast(&l->change);
        pthread_mutex_unlock(&l->lock);
        pthread_join(l->thread, NULL);
    }
    pthread_cond_destroy(&l->change);
    pthread_mutex_destroy(&l->lock);
    for (int i = 0; i < l->slots; i++) {
        free(l->slot[i].x);
        free(l->slot[i].y);
        free(l->slot[i].noise);
    }
    pf__pairing_destroy(&l->pairing);
    pf__classes_free(&l->classes);
    free(l->group);
    pf__window_free(&l->window[1]);
    pf__window_free(&l->window[0]);
    pf__order_free(&l->order);
    free(l);
}

/* ---- use ---- */

pf_status pf__loader_next(pf__loader *l, pf__batch *batch, pf_error *err) {
    pthread_mutex_lock(&l->lock);
    if (l->taken - l->freed == l->slots) { /* waiting would never end */
        pthread_mutex_unlock(&l->lock);
        return pf__fail(err, PF_USAGE, "loader: all %d batches are in use, none has been released", l->slots);
    }
    while (l->made == l->taken && l->failure == PF_OK) pthread_cond_wait(&l->change, &l->lock);
    if (l->made == l->taken) {
        pf_status failure = l->failure;
        if (err) *err = l->reason;
        pthread_mutex_unlock(&l->lock);
        return failure;
    }
    int64_t taken = l->taken++;
    pthread_mutex_unlock(&l->lock);
    const struct slot *slot = &l->slot[taken % l->slots];
    *batch = (pf__batch){.x = slot->x, .y = slot->y, .noise = slot->noise, .step = l->first_step + taken};
    return PF_OK;
}

void pf__loader_release(pf__loader *l) {
    pthread_mutex_lock(&l->lock);
    assert(l->freed < l->taken);
    l->freed++;
    pthread_cond_broadcast(&l->change);
    pthread_mutex_unlock(&l->lock);
}

/* The window of a step beside the thread's: its order, and its rows one by one from the file. */
struct aside {
    pf__order order;
    pf__span span;
    uint32_t *row, *block;
};

static void aside_find(struct aside *a, int64_t position) {
    a->span = pf__order_find(&a->order, position);
    pf__order_blocks(&a->order, &a->span, a->block);
    pf__order_shuffle(&a->order, &a->span, a->row, a->span.rows, a->span.rows);
}

/* noise: of the file; NULL without, as x and y. */
static pf_status one_row(pf__loader *l, int64_t row, int64_t b, void *x, int32_t *y, float *noise,
                         pf_error *err) {
    PF__TRY(pf__dataset_read_raw(l->dataset, PF_TRAIN, row, 1, x ? (char *)x + b * l->row_bytes : NULL,
                                 y ? y + b : NULL, err));
    if (!noise) return PF_OK;
    return pf__dataset_read_noise(l->dataset, row, 1, noise + b * pf_dataset_describe(l->dataset)->dim, err);
}

static pf_status aside_rows(pf__loader *l, struct aside *a, int64_t step, void *x, int32_t *y, float *noise,
                            pf_error *err) {
    for (int64_t b = 0; b < l->batch; b++) {
        int64_t position = step * l->batch + b;
        if (b == 0 || position == a->span.first + a->span.rows) aside_find(a, position);
        int64_t i = a->row[position - a->span.first], rows = a->order.block_rows;
        PF__TRY(one_row(l, a->block[i / rows] * rows + i % rows, b, x, y, noise, err));
    }
    return PF_OK;
}

static pf_status gather_groups(pf__loader *l, int64_t step, void *x, int32_t *y, float *noise,
                               pf_error *err) {
    pf__classes aside; /* the thread is at work with the other one */
    uint32_t *row = malloc((size_t)l->batch * sizeof *row);
    if (!row) return pf__fail_memory(err, "rows of a batch", (unsigned long long)l->batch * sizeof *row);
    pf_status st = classify(l, &aside, err);
    if (st == PF_OK) {
        group_rows(&aside, l->groups, step, row);
        for (int64_t b = 0; b < l->batch && st == PF_OK; b++) st = one_row(l, row[b], b, x, y, noise, err);
        pf__classes_free(&aside);
    }
    free(row);
    return st;
}

static pf_status gather(pf__loader *l, int64_t step, void *x, int32_t *y, float *noise, pf_error *err) {
    const pf__order *o = &l->order;
    if (step < 0) return pf__fail(err, PF_USAGE, "loader: there is no step %" PRId64, step);
    if (l->groups) return gather_groups(l, step, x, y, noise, err);
    struct aside a = {0}; /* of equal numbers follows an equal order */
    pf_status st = pf__order_create(&a.order, o->seed, o->count, o->block_rows, pf__order_rows_max(o), err);
    if (st == PF_OK) {
        a.row = malloc((size_t)pf__order_rows_max(o) * sizeof *a.row);
        a.block = malloc((size_t)pf__order_blocks_max(o) * sizeof *a.block);
        st = a.row && a.block ? aside_rows(l, &a, step, x, y, noise, err)
                              : pf__fail_memory(err, "order of a batch", (unsigned long long)o->count);
    }
    free(a.row);
    free(a.block);
    pf__order_free(&a.order);
    return st;
}

pf_status pf__loader_gather(pf__loader *l, int64_t step, void *x, int32_t *y, pf_error *err) {
    return gather(l, step, x, y, NULL, err);
}

pf_status pf__loader_gather_noise(pf__loader *l, int64_t step, float *noise, pf_error *err) {
    assert(l->stored || l->pairing);
    if (l->stored) return gather(l, step, NULL, NULL, noise, err);
    pf__pairing *aside = NULL; /* the thread is at work with the other one */
    void *x = malloc((size_t)(l->batch * l->row_bytes));
    int32_t *y = malloc((size_t)l->batch * sizeof *y);
    pf_status st = x && y ? pf__pairing_create(&aside, pf__pairing_describe(l->pairing), err)
                          : pf__fail_memory(err, "a batch", (unsigned long long)(l->batch * l->row_bytes));
    if (st == PF_OK) st = gather(l, step, x, l->by_class ? y : NULL, NULL, err);
    if (st == PF_OK) pf__pairing_make(aside, step, x, l->by_class ? y : NULL, noise);
    pf__pairing_destroy(&aside);
    free(y);
    free(x);
    return st;
}

int64_t pf__loader_bytes(const pf__loader *l) {
    int64_t windows = 0;
    for (int i = 0; i < 2; i++) windows += pf__window_bytes(&l->order, l->dataset, l->stored);
    if (l->window[1].borrowed)
        windows -= pf__order_rows_max(&l->order) *
                   (l->row_bytes + (l->labelled ? 4 : 0) + (l->stored ? noise_bytes(l) : 0));
    return windows + l->order.blocks * 4 + l->slots * slot_bytes(l) + pf__classes_bytes(&l->classes) +
           (l->group ? l->batch * 4 : 0) + (l->pairing ? pf__pairing_bytes(l->pairing) : 0);
}

int64_t pf__loader_block_rows(const pf__loader *l) {
    return l->order.block_rows;
}
