/* SPDX-License-Identifier: MIT
 * The assignment of least cost, by column reduction and shortest augmenting paths (Jonker & Volgenant 1987,
 * without their row reduction, which need not end in floating point; bounded, it did not help in the plane).
 */
#include "base/assignment.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>

struct pf__assignment {
    int n, n_max;
    const float *cost; /* [n, n] */
    double *price;     /* of columns: cost - price >= 0, and 0 where assigned */
    double *distance;  /* of columns from the free row */
    int *row, *column; /* of a column, of a row; -1 = free */
    int *before;       /* the row before a column on the shortest path to it */
    int *order; /* columns: [0, done) are final, [done, reached) next at the same distance, then the others */
};

static double reduced(const pf__assignment *a, int i, int j) {
    return (double)a->cost[(size_t)i * (size_t)a->n + (size_t)j] - a->price[j];
}

/* Each column's price is its least cost; the row that has it takes the column when it has none. */
static void reduce_columns(pf__assignment *a) {
    for (int i = 0; i < a->n; i++) a->column[i] = -1;
    for (int j = 0; j < a->n; j++) {
        int least = 0;
        a->price[j] = 0;
        for (int i = 1; i < a->n; i++)
            if (reduced(a, i, j) < reduced(a, least, j)) least = i;
        a->price[j] = reduced(a, least, j);
        a->row[j] = a->column[least] < 0 ? least : -1;
        if (a->column[least] < 0) a->column[least] = j;
    }
}

static void swap_order(pf__assignment *a, int x, int y) {
    const int j = a->order[x];
    a->order[x] = a->order[y];
    a->order[y] = j;
}

/* Moves the columns at the least distance behind `done` to [done, *reached); returns that distance. */
static double nearest_columns(pf__assignment *a, int done, int *reached) {
    double least = INFINITY;
    for (int k = done; k < a->n; k++) {
        const double d = a->distance[a->order[k]];
        if (d > least) continue;
        if (d < least) *reached = done;
        least = d;
        swap_order(a, k, (*reached)++);
    }
    return least;
}

/* The free column at the end of a shortest path from a free row. *done columns are final, at less than
 * *least. */
static int shortest_path(pf__assignment *a, int free_row, int *done, double *least) {
    int low = 0, reached = 0;
    for (int j = 0; j < a->n; j++) {
        a->distance[j] = reduced(a, free_row, j);
        a->before[j] = free_row;
        a->order[j] = j;
    }
    for (;;) {
        if (low == reached) {
            *done = low;
            *least = nearest_columns(a, low, &reached);
            for (int k = low; k < reached; k++)
                if (a->row[a->order[k]] < 0) return a->order[k];
        }
        const int j = a->order[low++], i = a->row[j];
        const double base = *least - reduced(a, i, j);
        for (int k = reached; k < a->n; k++) {
            const int next = a->order[k];
            const double d = base + reduced(a, i, next);
            if (d >= a->distance[next]) continue;
            a->distance[next] = d;
            a->before[next] = i;
            if (d > *least) continue;
            if (a->row[next] < 0) return next;
            swap_order(a, k, reached++);
        }
    }
}

static void augment(pf__assignment *a, int free_row) {
    int done = 0, i;
    double least = 0;
    int j = shortest_path(a, free_row, &done, &least);
    for (int k = 0; k < done; k++) a->price[a->order[k]] += a->distance[a->order[k]] - least;
    do {
        i = a->before[j];
        a->row[j] = i;
        const int next = a->column[i];
        a->column[i] = j;
        j = next;
    } while (i != free_row);
}

pf_status pf__assignment_create(pf__assignment **out, int n_max, pf_error *err) {
    assert(n_max > 0);
    const size_t n = (size_t)n_max;
    *out = NULL;
    pf__assignment *a = calloc(1, sizeof *a);
    if (!a) return pf__fail_memory(err, "an assignment", sizeof *a);
    a->n_max = n_max;
    a->price = malloc(2 * n * sizeof *a->price);
    a->row = malloc(4 * n * sizeof *a->row);
    if (!a->price || !a->row) {
        pf__assignment_destroy(&a);
        return pf__fail_memory(err, "an assignment", n * 32);
    }
    a->distance = a->price + n;
    a->column = a->row + n;
    a->before = a->column + n;
    a->order = a->before + n;
    *out = a;
    return PF_OK;
}

void pf__assignment_destroy(pf__assignment **assignment) {
    pf__assignment *a = *assignment;
    if (!a) return;
    free(a->price);
    free(a->row);
    free(a);
    *assignment = NULL;
}

const int *pf__assignment_solve(pf__assignment *a, int n, const float *cost) {
    assert(n > 0 && n <= a->n_max);
    a->n = n;
    a->cost = cost;
    reduce_columns(a);
    for (int i = 0; i < n; i++)
        if (a->column[i] < 0) augment(a, i);
    return a->column;
}
