/* SPDX-License-Identifier: MIT
 * Exact Wasserstein-2 between two sets of equal size: the assignment of least cost, by column reduction and
 * shortest augmenting paths (Jonker & Volgenant 1987, without their row reduction, which need not end in
 * floating point). */
#include "base/error.h"
#include "pushforward/eval.h"
#include <math.h>
#include <stdlib.h>

typedef struct assignment {
    int n;
    const float *cost; /* [n, n]: of row i to column j */
    double *price;     /* of columns: cost - price >= 0, and 0 where assigned */
    double *distance;  /* of columns from the free row */
    int *row, *column; /* of a column, of a row; -1 = free */
    int *before;       /* the row before a column on the shortest path to it */
    int *order; /* columns: [0, done) are final, [done, reached) next at the same distance, then the others */
} assignment;

static double reduced(const assignment *a, int i, int j) {
    return (double)a->cost[(size_t)i * (size_t)a->n + (size_t)j] - a->price[j];
}

/* Each column's price is its least cost; the row that has it takes the column when it has none. */
static void reduce_columns(assignment *a) {
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

static void swap_order(assignment *a, int x, int y) {
    const int j = a->order[x];
    a->order[x] = a->order[y];
    a->order[y] = j;
}

/* Moves the columns at the least distance behind `done` to [done, *reached); returns that distance. */
static double nearest_columns(assignment *a, int done, int *reached) {
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
static int shortest_path(assignment *a, int free_row, int *done, double *least) {
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

static void augment(assignment *a, int free_row) {
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

static double square_distance(const float *x, const float *y, int64_t dim) {
    double sum = 0;
    for (int64_t k = 0; k < dim; k++) sum += ((double)x[k] - (double)y[k]) * ((double)x[k] - (double)y[k]);
    return sum;
}

pf_status pf_exact_w2(const float *x, const float *y, int64_t count, int64_t dim, double *out,
                      pf_error *error) {
    if (count < 1 || count > PF_EXACT_W2_MAX || dim < 1)
        return pf__fail(error, PF_USAGE, "exact W2 of %lld samples of %lld numbers (at most %d samples)",
                        (long long)count, (long long)dim, PF_EXACT_W2_MAX);
    const size_t n = (size_t)count;
    float *cost = malloc(n * n * sizeof *cost);
    double *reals = malloc(2 * n * sizeof *reals), sum = 0;
    int *integers = malloc(4 * n * sizeof *integers);
    pf_status st = PF_OK;
    if (!cost || !reals || !integers) {
        st = pf__fail_memory(error, "an assignment", n * n * sizeof *cost);
        goto done;
    }
    assignment a = {(int)n,          cost, reals, reals + n, integers, integers + n, integers + 2 * n,
                    integers + 3 * n};
    for (size_t i = 0; i < n * n; i++)
        cost[i] = (float)square_distance(x + (int64_t)(i / n) * dim, y + (int64_t)(i % n) * dim, dim);
    reduce_columns(&a);
    for (int i = 0; i < a.n; i++)
        if (a.column[i] < 0) augment(&a, i);
    for (int i = 0; i < a.n; i++) sum += square_distance(x + i * dim, y + a.column[i] * dim, dim);
    *out = sqrt(sum / (double)count);
done:
    free(cost);
    free(reals);
    free(integers);
    return st;
}
