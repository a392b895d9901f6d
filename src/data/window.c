/* SPDX-License-Identifier: MIT
 * A window of the training part in memory. */
#include "data/window.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#define PIECE_BYTES     ((int64_t)1 << 20) /* of samples read at a time: no batch waits long for it */
#define PIECE_RUNS      256
#define PIECE_EXCHANGES 65536

static int64_t row_bytes(const pf_dataset *dataset) {
    const pf_dataset_info *info = pf_dataset_describe(dataset);
    return info->dim * (int64_t)pf_dtype_bytes(info->dtype);
}

static bool labelled(const pf_dataset *dataset) {
    return pf_dataset_describe(dataset)->class_count > 0;
}

static int64_t noise_bytes(const pf_dataset *dataset) {
    return pf_dataset_describe(dataset)->dim * (int64_t)sizeof(float);
}

int64_t pf__window_bytes(const pf__order *o, const pf_dataset *dataset, bool noise) {
    int64_t row = row_bytes(dataset) + (labelled(dataset) ? 4 : 0) + (noise ? noise_bytes(dataset) : 0) + 4;
    return pf__order_rows_max(o) * row + pf__order_blocks_max(o) * 4;
}

pf_status pf__window_create(pf__window *w, const pf__order *o, pf_dataset *dataset, bool noise,
                            const pf__window *whole, pf_error *err) {
    size_t rows = (size_t)pf__order_rows_max(o);
    *w = (pf__window){.borrowed = whole != NULL};
    w->row = malloc(rows * sizeof *w->row);
    w->block = malloc((size_t)pf__order_blocks_max(o) * sizeof *w->block);
    w->x = whole ? whole->x : malloc(rows * (size_t)row_bytes(dataset));
    if (labelled(dataset)) w->y = whole ? whole->y : malloc(rows * sizeof *w->y);
    if (noise) w->noise = whole ? whole->noise : malloc(rows * (size_t)noise_bytes(dataset));
    if (w->row && w->block && w->x && (w->y || !labelled(dataset)) && (w->noise || !noise)) return PF_OK;
    pf__window_free(w);
    return pf__fail_memory(err, "a window of the training part",
                           (unsigned long long)pf__window_bytes(o, dataset, noise));
}

void pf__window_free(pf__window *w) {
    free(w->row);
    free(w->block);
    if (!w->borrowed) {
        free(w->x);
        free(w->y);
        free(w->noise);
    }
    *w = (pf__window){0};
}

void pf__window_begin(pf__window *w, const pf__order *o, pf__span span) {
    w->span = span;
    w->block_count = pf__order_blocks(o, &span, w->block);
    if (w->borrowed)
        w->x_done = w->y_done = w->noise_done = w->block_count;
    else if (o->windows > 1)
        w->x_done = w->y_done = w->noise_done = 0;
    w->unmixed = span.rows;
}

bool pf__window_ready(const pf__window *w) {
    return w->x_done == w->block_count && (!w->y || w->y_done == w->block_count) &&
           (!w->noise || w->noise_done == w->block_count) && w->unmixed == 0;
}

/* The next blocks of a window from `done` on as runs of neighbours, of rows_most rows or a single block. */
static int next_runs(const pf__window *w, const pf__order *o, int64_t *done, int64_t rows_most,
                     pf__h5_run *runs, int64_t *rows) {
    int n = 0;
    for (*rows = 0; *done < w->block_count; ++*done) {
        int64_t first = w->block[*done] * o->block_rows;
        int64_t count = first + o->block_rows <= o->count ? o->block_rows : o->count - first;
        bool neighbour = n > 0 && runs[n - 1].first + runs[n - 1].count == first;
        if (*rows > 0 && (*rows + count > rows_most || (!neighbour && n == PIECE_RUNS))) break;
        if (neighbour)
            runs[n - 1].count += count;
        else
            runs[n++] = (pf__h5_run){first, count};
        *rows += count;
    }
    return n;
}

static pf_status check_finite(pf_dataset *dataset, const char *part, const float *x, const pf__h5_run *runs,
                              int n, pf_error *err) {
    int64_t dim = pf_dataset_describe(dataset)->dim;
    for (int r = 0; r < n; x += runs[r++].count * dim)
        for (int64_t i = 0; i < runs[r].count * dim; i++) {
            if (isfinite(x[i])) continue;
            pf_status st = pf__fail(err, PF_DATA, "%s: %s: sample %" PRId64 " has a value that is not finite",
                                    pf__dataset_name(dataset), part, runs[r].first + i / dim);
            return pf__hint(err, st, "'pushforward data check' lists all of them");
        }
    return PF_OK;
}

static pf_status read_x(pf__window *w, const pf__order *o, pf_dataset *dataset, pf_error *err) {
    const pf_dataset_info *info = pf_dataset_describe(dataset);
    pf__h5_run runs[PIECE_RUNS];
    int64_t rows, bytes = row_bytes(dataset), done = w->x_done;
    char *to = w->x + done * o->block_rows * bytes;
    int n = next_runs(w, o, &done, PIECE_BYTES / bytes, runs, &rows);
    PF__TRY(pf__h5_read_runs(pf__dataset_file(dataset), pf__dataset_path_x(PF_TRAIN), info->dtype, runs, n,
                             to, err));
    if (info->dtype == PF_F32)
        PF__TRY(check_finite(dataset, pf__dataset_path_x(PF_TRAIN), (const float *)(const void *)to, runs, n,
                             err));
    w->x_done = done;
    return PF_OK;
}

static pf_status read_y(pf__window *w, const pf__order *o, pf_dataset *dataset, pf_error *err) {
    pf__h5_run runs[PIECE_RUNS];
    int64_t rows, done = w->y_done;
    int32_t *to = w->y + done * o->block_rows;
    int n = next_runs(w, o, &done, PIECE_BYTES / (int64_t)sizeof *to, runs, &rows);
    PF__TRY(
        pf__h5_read_runs(pf__dataset_file(dataset), pf__dataset_path_y(PF_TRAIN), PF_I32, runs, n, to, err));
    w->y_done = done;
    return PF_OK;
}

static pf_status read_noise(pf__window *w, const pf__order *o, pf_dataset *dataset, pf_error *err) {
    pf__h5_run runs[PIECE_RUNS];
    int64_t rows, bytes = noise_bytes(dataset), done = w->noise_done;
    float *to = w->noise + done * o->block_rows * pf_dataset_describe(dataset)->dim;
    int n = next_runs(w, o, &done, PIECE_BYTES / bytes, runs, &rows);
    PF__TRY(pf__h5_read_runs(pf__dataset_file(dataset), pf__dataset_path_noise(), PF_F32, runs, n, to, err));
    PF__TRY(check_finite(dataset, pf__dataset_path_noise(), to, runs, n, err));
    w->noise_done = done;
    return PF_OK;
}

pf_status pf__window_work(pf__window *w, const pf__order *o, pf_dataset *dataset, pf_error *err) {
    if (w->x_done < w->block_count) return read_x(w, o, dataset, err);
    if (w->y && w->y_done < w->block_count) return read_y(w, o, dataset, err);
    if (w->noise && w->noise_done < w->block_count) return read_noise(w, o, dataset, err);
    w->unmixed = pf__order_shuffle(o, &w->span, w->row, w->unmixed, PIECE_EXCHANGES);
    return PF_OK;
}
