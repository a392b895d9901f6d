/* SPDX-License-Identifier: MIT
 * The training loop. Per step the host: waits for step n - 3, hands that step's batch back to the loader,
 * enqueues the new batch, the step block and two replays, and marks the queue. It reads from the device every
 * train.log_every steps only. */
#include "base/clock.h"
#include "base/file.h"
#include "run/run.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static pf_status enqueue(pf_trainer *t, pf_error *err) {
    const pf_dataset_info *data = pf_dataset_describe(t->dataset);
    int slot = (int)(t->step % PF__STEPS_AHEAD);
    PF__TRY(pf__watch_enter(t, err));
    const double begun = pf__seconds();
    PF__TRY(pf__context_wait(t->context, slot, err));
    const double there = pf__seconds();
    if (t->step - t->first_step >= PF__STEPS_AHEAD) pf__loader_release(t->loader);
    pf__batch batch;
    PF__TRY(pf__loader_next(t->loader, &batch, err));
    const double fed = pf__seconds();
    size_t rows = (size_t)t->options.batch;
    PF__TRY(pf__buffer_write(t->x, 0, batch.x, rows * (size_t)data->dim * pf_dtype_bytes(data->dtype), false,
                             err));
    if (t->model.net.class_count)
        PF__TRY(pf__buffer_write(t->y, 0, batch.y, rows * sizeof *batch.y, false, err));
    if (t->noise)
        PF__TRY(
            pf__buffer_write(t->noise, 0, batch.noise, rows * (size_t)data->dim * sizeof(float), false, err));

    uint32_t *words = t->words[t->step % PF__STEP_RING];
    pf__step_block block;
    pf__schedule_block(&t->options, t->step, &block);
    pf__schedule_method(t->model.method, t->config->raw, t->options.steps, t->step, &block);
    pf__step_pack(&block, words);
    PF__TRY(pf__buffer_write(t->block, 0, words, sizeof t->words[0], false, err));
    PF__TRY(pf__plan_replay(t->loss, err));
    PF__TRY(pf__plan_replay(t->optimiser, err));
    PF__TRY(pf__buffer_copy(t->bad_next, 0, t->bad, 0, sizeof(float), err));
    PF__TRY(pf__context_mark(t->context, slot, err));
    pf__watch_leave(t, there - begun, fed - there, pf__seconds() - fed);
    t->step++;
    return PF_OK;
}

static pf_status fail_bad(pf_trainer *t, int64_t step, pf_error *err) {
    pf_error dump = {0};
    bool dumped = t->folder.path && pf__trainer_dump(t, step, &dump) == PF_OK;
    pf__folder_log(&t->folder, "step %" PRId64 ": the gradient is not finite; stopped", step);
    pf_status st = pf__fail(err, PF_NAN, "step %" PRId64 ": the gradient is not finite (learning rate %.3g)",
                            step, pf__schedule_lr(&t->options, step));
    if (dumped)
        return pf__hint(err, st,
                        "lower train.lr or set train.clip; the batch of that step is in %s/debug_step.h5, "
                        "the last checkpoint is %s",
                        t->folder.path, t->checkpoint ? t->checkpoint : "none");
    return pf__hint(err, st, "lower train.lr or set train.clip%s%s",
                    dump.message[0] ? "; debug_step.h5: " : "", dump.message);
}

static pf_status write_metrics(pf_trainer *t, const double *mean, double good, double seconds,
                               pf_error *err) {
    double done = (double)(t->step - t->interval_step);
    pf__text line = {0};
    pf__text_add(&line, "{");
    pf__json_number(&line, "step", (double)t->step);
    pf__json_number(&line, "samples", (double)(t->step * t->options.batch));
    for (int i = 0; i < t->metric_count; i++) pf__json_number(&line, t->metric_name[i], mean[i]);
    pf__json_number(&line, "gradient_norm", mean[t->metric_count]);
    pf__json_number(&line, "lr", t->progress.lr);
    pf__json_number(&line, "skipped", done - good);
    pf__json_number(&line, "ms_per_step", 1e3 * seconds / done);
    pf__json_number(&line, "samples_per_second", done * (double)t->options.batch / seconds);
    pf__json_number(&line, "memory_bytes", (double)t->progress.memory_bytes);
    pf__json_number(&line, "seconds", t->seconds_before + t->progress.seconds);
    pf__text_add(&line, "}");
    pf_status st = line.failed ? pf__fail_memory(err, "metrics.jsonl", line.length)
                               : pf__metrics_append(t->folder.path, pf__text_string(&line), err);
    pf__text_free(&line);
    return st;
}

/* Reads the sums and the flag (waits for the device), and starts the next interval. */
static pf_status poll(pf_trainer *t, pf_error *err) {
    float sums[PF__METRICS_MAX + 3], bad = 0;
    double mean[PF__METRICS_MAX + 2];
    int n = t->metric_count + 1;
    if (t->step == t->interval_step) return PF_OK;
    PF__TRY(pf__buffer_read(t->sums, 0, sums, ((size_t)n + 1) * sizeof *sums, err));
    PF__TRY(pf__buffer_read(t->bad, 0, &bad, sizeof bad, err));
    double good = (double)sums[n], now = pf__seconds();
    if (bad != 0) return fail_bad(t, t->interval_step + (int64_t)good, err);
    for (int i = 0; i < n; i++) mean[i] = good > 0 ? (double)sums[i] / good : NAN;
    t->progress.loss = mean[0];
    t->progress.gradient_norm = mean[t->metric_count];
    t->progress.logged = true;
    t->progress.memory_bytes = pf_context_count(t->context).bytes;
    if (t->folder.path) PF__TRY(write_metrics(t, mean, good, now - t->interval_seconds, err));
    PF__TRY(pf__buffer_zero(t->sums, 0, ((size_t)n + 1) * sizeof *sums, err));
    t->interval_step = t->step;
    t->interval_seconds = now;
    return PF_OK;
}

static bool is_every(int64_t step, int64_t every) {
    return every > 0 && step % every == 0;
}

static pf_status save(pf_trainer *t, pf_error *err) {
    if (t->saved_step == t->step) return PF_OK;
    pf_status st = pf_trainer_save(t, err);
    return st == PF_NAN ? poll(t, err) : st; /* which knows the step and keeps its batch */
}

static pf_status after_step(pf_trainer *t, const pf_run_desc *d, pf_error *err) {
    const pf__train_options *o = &t->options;
    t->progress.logged = false;
    t->progress.step = t->step;
    t->progress.seconds = pf__seconds() - t->run_seconds;
    t->progress.lr = pf__schedule_lr(o, t->step - 1);
    bool last = t->step == o->steps;
    if (last || is_every(t->step, o->log_every)) {
        PF__TRY(poll(t, err));
        pf__watch_logged(t, pf__seconds() - t->run_seconds - t->progress.seconds);
    }
    if (last || is_every(t->step, o->save_every) || (d->save && *d->save)) {
        if (d->save) *d->save = 0;
        PF__TRY(save(t, err));
    }
    if (last || is_every(t->step, o->sample_every)) PF__TRY(pf__trainer_preview(t, err));
    if (d->progress) d->progress(d->user, &t->progress);
    t->progress.first = false;
    return PF_OK;
}

static const char *reason_to_stop(const pf_trainer *t, const pf_run_desc *d, int64_t done) {
    if (d->stop && *d->stop) return "interrupted";
    if (d->stop_after > 0 && done >= d->stop_after) return "stopped as asked";
    if (t->options.max_seconds > 0 && pf__seconds() - t->run_seconds >= t->options.max_seconds)
        return "train.max_time is over";
    return NULL;
}

static pf_status stop(pf_trainer *t, const char *why, pf_error *err) {
    PF__TRY(poll(t, err)); /* a bad step comes first */
    PF__TRY(save(t, err));
    pf__folder_log(&t->folder, "%s at step %" PRId64, why, t->step);
    pf_status st = pf__fail(err, PF_INTERRUPTED, "%s at step %" PRId64 " of %" PRId64 "; saved %s", why,
                            t->step, t->options.steps, pf_trainer_checkpoint(t));
    return pf__hint(err, st, "continue with: pushforward train --resume %s", t->folder.path);
}

static pf_status run(pf_trainer *t, const pf_run_desc *desc, pf_error *err) {
    int64_t begin = t->step;
    t->run_seconds = t->interval_seconds = pf__seconds();
    t->progress = (pf_progress){.steps = t->options.steps,
                                .batch = t->options.batch,
                                .loss = NAN,
                                .gradient_norm = NAN,
                                .first = true,
                                .memory_bytes = pf_context_count(t->context).bytes};
    if (begin == 0 && t->options.sample_every > 0) PF__TRY(pf__trainer_preview(t, err)); /* where it starts */
    pf__watch_begin(t, t->options.steps - t->step);
    while (t->step < t->options.steps) {
        PF__TRY(enqueue(t, err));
        PF__TRY(after_step(t, desc, err));
        const char *why = t->step < t->options.steps ? reason_to_stop(t, desc, t->step - begin) : NULL;
        if (why) return stop(t, why, err);
    }
    pf__folder_log(&t->folder, "done: step %" PRId64, t->step);
    return PF_OK;
}

/* The system or the device failed: keep what was trained if that works, and say how to go on. */
static pf_status rescue(pf_trainer *t, pf_status st, pf_error *err) {
    bool system = st == PF_SYSTEM || st == PF_MEMORY || st == PF_DATA;
    if ((!system && st != PF_DEVICE) || !t->folder.path) return st;
    if (system && !t->save_failed && t->saved_step != t->step && pf_trainer_save(t, NULL) == PF_OK)
        pf__folder_log(&t->folder, "stopped by a failure at step %" PRId64, t->step);
    char why[192] = "";
    size_t n = err ? strlen(err->hint) : 0;
    if (n) snprintf(why, sizeof why, "%.188s%s ", err->hint, err->hint[n - 1] == '?' ? "" : ";");
    if (!t->checkpoint || !pf__file_exists(t->checkpoint))
        return pf__hint(err, st, "%sno checkpoint of this run is left", why);
    return pf__hint(err, st, "%spushforward train --resume %s goes on from %s", why, t->folder.path,
                    t->checkpoint);
}

pf_status pf_trainer_run(pf_trainer *trainer, const pf_run_desc *desc, pf_error *error) {
    if (!trainer->loader) return pf__fail(error, PF_USAGE, "a trainer without a run folder does not train");
    pf_status st = rescue(trainer, run(trainer, desc, error), error);
    trainer->seconds_before += pf__seconds() - trainer->run_seconds;
    trainer->run_seconds = 0;
    return st;
}
