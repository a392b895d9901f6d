/* SPDX-License-Identifier: MIT
 * The loader thread, over the training part in memory.
 *
 *     thread:  order(step) -> gather rows -> slot[made % slots]      made    batches gathered so far
 *     caller:  next        -> slot[taken % slots]                    taken   handed out
 *              release     -> the oldest slot is free again          freed   given back
 *
 * freed <= taken <= made <= freed + slots. The counts change under the lock; a slot's memory belongs to the
 * thread while it is free and to the caller after. */
#include "data/loader.h"
#include "base/philox.h"
#include "data/dataset_private.h"
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MAX 64

/* The order of one epoch, kept until another is asked for. */
struct order {
    uint32_t *row; /* [count] */
    int64_t epoch; /* -1: none yet */
};

struct slot {
    void *x;
    int32_t *y;
};

struct pf__loader {
    int64_t batch, count, row_bytes, first_step;
    uint64_t seed;
    uint32_t stream;
    char *x;                   /* [count, dim] as stored */
    int32_t *y;                /* [count] or NULL */
    struct order ahead, aside; /* the thread's; pf__loader_gather's */
    struct slot slot[SLOTS_MAX];
    int slots;

    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t change;
    int64_t made, taken, freed;
    bool stop, running;
};

/* Fisher-Yates by the words of row `epoch` of the stream; the product takes a word to 0 .. i without
 * division. */
static void shuffle(const pf__loader *l, int64_t epoch, struct order *order) {
    for (int64_t i = 0; i < l->count; i++) order->row[i] = (uint32_t)i;
    for (int64_t i = l->count - 1; i > 0; i--) {
        uint64_t bits = pf__random_bits(l->seed, l->stream, (uint64_t)epoch, (uint32_t)i);
        int64_t k = (int64_t)((bits * (uint64_t)(i + 1)) >> 32);
        uint32_t row = order->row[i];
        order->row[i] = order->row[k];
        order->row[k] = row;
    }
    order->epoch = epoch;
}

/* The batch of a step; it may span epochs. */
static void gather(const pf__loader *l, int64_t step, struct order *order, void *x, int32_t *y) {
    for (int64_t b = 0; b < l->batch; b++) {
        int64_t position = step * l->batch + b, epoch = position / l->count;
        if (epoch != order->epoch) shuffle(l, epoch, order);
        size_t row = order->row[position - epoch * l->count];
        memcpy((char *)x + b * l->row_bytes, l->x + row * (size_t)l->row_bytes, (size_t)l->row_bytes);
        if (y && l->y) y[b] = l->y[row];
    }
}

static void *work(void *argument) {
    pf__loader *l = argument;
    pthread_mutex_lock(&l->lock);
    for (;;) {
        while (!l->stop && l->made - l->freed == l->slots) pthread_cond_wait(&l->change, &l->lock);
        if (l->stop) break;
        int64_t made = l->made;
        pthread_mutex_unlock(&l->lock);
        struct slot *slot = &l->slot[made % l->slots];
        gather(l, l->first_step + made, &l->ahead, slot->x, slot->y);
        pthread_mutex_lock(&l->lock);
        l->made++;
        pthread_cond_broadcast(&l->change);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* ---- creation ---- */

static pf_status check_finite(const pf__loader *l, const pf_dataset_info *info, pf_error *err) {
    if (info->dtype != PF_F32) return PF_OK;
    const float *x = (const float *)(const void *)l->x;
    for (int64_t i = 0; i < l->count * info->dim; i++)
        if (!isfinite(x[i])) {
            pf_status st = pf__fail(
                err, PF_DATA, "/train/x: sample %" PRId64 " has a value that is not finite", i / info->dim);
            return pf__hint(err, st, "'pushforward data check' lists all of them");
        }
    return PF_OK;
}

static pf_status load(pf__loader *l, pf_dataset *dataset, pf_error *err) {
    const pf_dataset_info *info = pf_dataset_describe(dataset);
    l->x = malloc((size_t)(l->count * l->row_bytes));
    if (!l->x)
        return pf__fail_memory(err, "training part in memory", (unsigned long long)(l->count * l->row_bytes));
    if (info->class_count > 0 && !(l->y = malloc((size_t)l->count * sizeof *l->y)))
        return pf__fail_memory(err, "training labels", (unsigned long long)l->count * sizeof *l->y);
    PF__TRY(pf__dataset_read_raw(dataset, PF_TRAIN, 0, l->count, l->x, l->y, err));
    return check_finite(l, info, err);
}

static pf_status allocate(pf__loader *l, pf_error *err) {
    l->ahead.row = malloc((size_t)l->count * sizeof *l->ahead.row);
    l->aside.row = malloc((size_t)l->count * sizeof *l->aside.row);
    bool good = l->ahead.row && l->aside.row;
    for (int i = 0; i < l->slots && good; i++) {
        l->slot[i].x = malloc((size_t)(l->batch * l->row_bytes));
        if (l->y) l->slot[i].y = malloc((size_t)l->batch * sizeof(int32_t));
        good = l->slot[i].x && (!l->y || l->slot[i].y);
    }
    return good ? PF_OK
                : pf__fail_memory(err, "batches", (unsigned long long)(l->slots * l->batch * l->row_bytes));
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
    if (desc->batch < 1 || desc->first_step < 0 || desc->slots < 0 || desc->slots > SLOTS_MAX)
        return pf__fail(err, PF_USAGE,
                        "loader: batch %" PRId64 ", first step %" PRId64 " or %d slots cannot be",
                        desc->batch, desc->first_step, desc->slots);
    if (info->train_count > UINT32_MAX)
        return pf__fail(err, PF_USAGE, "loader: %" PRId64 " training samples are more than it can shuffle",
                        info->train_count);
    pf__loader *l = calloc(1, sizeof *l);
    if (!l) return pf__fail_memory(err, "loader", sizeof *l);
    l->batch = desc->batch;
    l->seed = desc->seed;
    l->stream = pf__stream("shuffle");
    l->first_step = desc->first_step;
    l->slots = desc->slots ? desc->slots : 4;
    l->count = info->train_count;
    l->row_bytes = info->dim * (int64_t)pf_dtype_bytes(info->dtype);
    l->ahead.epoch = l->aside.epoch = -1;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->change, NULL);
    pf_status st = load(l, dataset, err);
    if (st == PF_OK) st = allocate(l, err);
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
    }
    free(l->ahead.row);
    free(l->aside.row);
    free(l->y);
    free(l->x);
    free(l);
}

/* ---- use ---- */

pf_status pf__loader_next(pf__loader *l, pf__batch *batch, pf_error *err) {
    pthread_mutex_lock(&l->lock);
    if (l->taken - l->freed == l->slots) { /* waiting would never end */
        pthread_mutex_unlock(&l->lock);
        return pf__fail(err, PF_USAGE, "loader: all %d batches are in use, none has been released", l->slots);
    }
    while (l->made == l->taken) pthread_cond_wait(&l->change, &l->lock);
    int64_t taken = l->taken++;
    pthread_mutex_unlock(&l->lock);
    const struct slot *slot = &l->slot[taken % l->slots];
    *batch = (pf__batch){.x = slot->x, .y = slot->y, .step = l->first_step + taken};
    return PF_OK;
}

void pf__loader_release(pf__loader *l) {
    pthread_mutex_lock(&l->lock);
    assert(l->freed < l->taken);
    l->freed++;
    pthread_cond_broadcast(&l->change);
    pthread_mutex_unlock(&l->lock);
}

pf_status pf__loader_gather(pf__loader *l, int64_t step, void *x, int32_t *y, pf_error *err) {
    if (step < 0) return pf__fail(err, PF_USAGE, "loader: there is no step %" PRId64, step);
    gather(l, step, &l->aside, x, y);
    return PF_OK;
}
