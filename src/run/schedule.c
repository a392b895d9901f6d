/* SPDX-License-Identifier: MIT
 * What changes from step to step: learning rate, bias corrections, EMA decays. */
#include "run/run.h"
#include <math.h>

double pf__schedule_lr(const pf__train_options *o, int64_t step) {
    if (step < o->warmup) return o->lr * (double)(step + 1) / (double)o->warmup;
    if (!o->cosine) return o->lr;
    int64_t rest = o->steps - o->warmup, done = step - o->warmup;
    if (rest < 1 || done >= rest) return 0;
    return o->lr * 0.5 * (1 + cos(acos(-1) * (double)done / (double)rest));
}

double pf__schedule_ema(const pf__train_options *o, int i, int64_t step) {
    double ramp = (1 + (double)step) / (10 + (double)step);
    return o->ema_ramp ? fmin(o->ema[i], ramp) : o->ema[i];
}

void pf__schedule_block(const pf__train_options *o, int64_t step, pf__step_block *block) {
    double update = (double)step + 1;
    *block = (pf__step_block){
        .seed = o->seed,
        .first_sample = (uint64_t)step * (uint64_t)o->batch,
        .step = (uint32_t)step,
        .lr = (float)pf__schedule_lr(o, step),
        .bias1 = (float)(1 / (1 - pow(o->beta1, update))),
        .bias2 = (float)(1 / (1 - pow(o->beta2, update))),
    };
    float *ema[PF_EMA_MAX] = {&block->ema0, &block->ema1, &block->ema2, &block->ema3};
    for (int i = 0; i < o->ema_count; i++) *ema[i] = (float)pf__schedule_ema(o, i, step);
}

void pf__schedule_method(const pf__method *method, const pf__config *config, int64_t steps, int64_t step,
                         pf__step_block *block) {
    pf__curriculum now = {.warmup = 1};
    if (method->schedule) method->schedule(config, step, steps, &now);
    block->target = (float)now.target;
    block->levels = (float)now.levels;
    block->gap = (float)now.gap;
    block->warmup = (float)now.warmup;
}
