/* SPDX-License-Identifier: MIT
 * The order of the samples by class. */
#include "data/classes.h"
#include "base/philox.h"
#include "data/order.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Samples of each class into number [class_count], and the classes that have any. */
static pf_status count_rows(const int32_t *y, int64_t rows, int32_t class_count, int64_t *number,
                            int32_t *present, pf_error *err) {
    *present = 0;
    for (int64_t i = 0; i < rows; i++) {
        if (y[i] < 0 || y[i] >= class_count)
            return pf__hint(err,
                            pf__fail(err, PF_DATA,
                                     "/train/y: label %" PRId32 " of sample %" PRId64 " is none of %" PRId32
                                     " classes",
                                     y[i], i, class_count),
                            "'pushforward data check' lists all of them");
        *present += number[y[i]]++ == 0;
    }
    return PF_OK;
}

static pf_status reserve(pf__classes *c, int64_t rows, pf_error *err) {
    const size_t n = (size_t)c->count;
    c->turn = malloc(n * sizeof *c->turn);
    c->first = malloc((n + 1) * sizeof *c->first);
    c->epoch = malloc(n * sizeof *c->epoch);
    c->row = malloc((size_t)rows * sizeof *c->row);
    c->mixed = malloc((size_t)rows * sizeof *c->mixed);
    return c->turn && c->first && c->epoch && c->row && c->mixed
               ? PF_OK
               : pf__fail_memory(err, "order of the classes", (unsigned long long)rows * 2 * sizeof *c->row);
}

/* number [class_count] samples of each class, which become the places where their next rows go. */
static void sort(pf__classes *c, const int32_t *y, int64_t rows, int32_t class_count, int64_t *number) {
    int32_t k = 0;
    int64_t first = 0;
    for (int32_t i = 0; i < class_count; i++) {
        const int64_t n = number[i];
        number[i] = first;
        if (n) c->first[k++] = first;
        first += n;
    }
    c->first[k] = first;
    for (int64_t i = 0; i < rows; i++) c->row[number[y[i]]++] = (uint32_t)i;
    for (int32_t i = 0; i < c->count; i++) c->epoch[i] = -1;
}

pf_status pf__classes_create(pf__classes *c, uint64_t seed, int64_t group, const int32_t *y, int64_t rows,
                             int32_t class_count, pf_error *err) {
    *c = (pf__classes){.seed = seed, .group = group, .round = -1};
    int64_t *number = calloc((size_t)class_count, sizeof *number);
    if (!number)
        return pf__fail_memory(err, "order of the classes", (unsigned long long)class_count * sizeof *number);
    pf_status st = count_rows(y, rows, class_count, number, &c->count, err);
    if (st == PF_OK) st = reserve(c, rows, err);
    if (st == PF_OK) sort(c, y, rows, class_count, number);
    free(number);
    if (st != PF_OK) pf__classes_free(c);
    return st;
}

void pf__classes_free(pf__classes *c) {
    free(c->turn);
    free(c->first);
    free(c->epoch);
    free(c->row);
    free(c->mixed);
    *c = (pf__classes){0};
}

static void shuffle(uint64_t seed, const char *stream, int64_t sample, uint32_t *list, int64_t count) {
    pf__order_permute(seed, pf__stream(stream), (uint64_t)sample, list, count, count);
}

void pf__classes_rows(pf__classes *c, int64_t n, uint32_t *row) {
    const int64_t round = n / c->count;
    if (c->round != round) {
        for (int32_t i = 0; i < c->count; i++) c->turn[i] = (uint32_t)i;
        shuffle(c->seed, "shuffle/turn", round, c->turn, c->count);
        c->round = round;
    }
    const uint32_t k = c->turn[n % c->count];
    const int64_t first = c->first[k], rows = c->first[k + 1] - first;
    for (int64_t i = 0; i < c->group; i++) {
        const int64_t position = round * c->group + i, epoch = position / rows;
        if (c->epoch[k] != epoch) {
            memcpy(c->mixed + first, c->row + first, (size_t)rows * sizeof *c->row);
            shuffle(c->seed, "shuffle/class", epoch * c->count + k, c->mixed + first, rows);
            c->epoch[k] = epoch;
        }
        row[i] = c->mixed[first + position % rows];
    }
}

int64_t pf__classes_bytes(const pf__classes *c) {
    if (!c->count) return 0;
    return c->first[c->count] * 8 + c->count * 20 + 8;
}
