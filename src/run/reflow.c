/* SPDX-License-Identifier: MIT
 * Pairs for reflow (Liu et al. 2023): noise and what a trained model makes of it, as a data set. Trained on
 * these pairs (method.pairing = stored) the paths of a flow do not cross, and become straight. */
#include "data/dataset_private.h"
#include "run/run.h"
#include <stdio.h>
#include <stdlib.h>

#define COUNT_MAX ((int64_t)1 << 32)

/* Rows at a time, all of them the sampler's whole batches. */
static int64_t block_rows(const pf_sampler_info *i, int64_t count) {
    int64_t rows = pf__block_rows(i->dim * (int64_t)sizeof(float)) / i->batch * i->batch;
    if (rows < i->batch) rows = i->batch;
    return rows < count ? rows : count;
}

static pf_status fill(pf__writer *w, pf_sampler *sampler, uint64_t seed, int64_t count, pf_error *err) {
    const pf_sampler_info *i = pf_sampler_describe(sampler);
    const int64_t block = block_rows(i, count);
    const size_t bytes = (size_t)(block * i->dim) * sizeof(float);
    float *noise = malloc(bytes), *x = malloc(bytes);
    int32_t *label = malloc((size_t)block * sizeof *label);
    pf_status st = noise && x && label ? PF_OK : pf__fail_memory(err, "pairs", 2 * bytes);
    for (int64_t first = 0; first < count && st == PF_OK; first += block) {
        const int64_t rows = count - first < block ? count - first : block;
        for (int64_t k = 0; k < rows && i->class_count; k++)
            label[k] = (int32_t)((first + k) % i->class_count);
        pf_sampler_noise(sampler, seed, (uint64_t)first, rows, noise);
        pf_sampler_renew(sampler, seed, (uint64_t)first);
        st = pf_sampler_run(sampler, noise, i->class_count ? label : NULL, rows, x, err);
        if (st == PF_OK) st = pf__writer_add(w, PF_TRAIN, rows, x, i->class_count ? label : NULL, err);
        if (st == PF_OK) st = pf__writer_add_noise(w, rows, noise, err);
    }
    free(label);
    free(x);
    free(noise);
    return st;
}

static void describe(const pf_sampler_info *i, uint64_t seed, char text[256]) {
    char how[96];
    if (i->nfe)
        snprintf(how, sizeof how, "%d evaluations of %s", i->nfe, i->solver);
    else
        snprintf(how, sizeof how, "%s at rtol %.3g, atol %.3g", i->solver, i->rtol, i->atol);
    snprintf(text, 256, "reflow: %s step %lld, weights %s, %s, seed %llu", i->method, (long long)i->step,
             i->weights, how, (unsigned long long)seed);
}

pf_status pf_sampler_reflow(pf_sampler *sampler, const char *path, const pf_reflow_desc *desc,
                            pf_error *error) {
    const pf_sampler_info *i = pf_sampler_describe(sampler);
    const int64_t count = desc && desc->count ? desc->count : 20000;
    const uint64_t seed = desc && desc->seed ? desc->seed : 1;
    char source[256];
    if (count < 2 || count > COUNT_MAX)
        return pf__hint(error, pf__fail(error, PF_USAGE, "%lld pairs cannot be made", (long long)count),
                        "from 2 to 2^32; training wants tens of thousands");
    if (i->noise_dim != i->dim)
        return pf__hint(
            error,
            pf__fail(error, PF_USAGE,
                     "the model makes a sample of %lld numbers of %lld of noise: no pairs of equal size",
                     (long long)i->dim, (long long)i->noise_dim),
            "train it without method.noise");
    describe(i, seed, source);
    pf__dataset_head head = {.dtype = PF_F32,
                             .sample = i->sample,
                             .train_count = count,
                             .class_count = i->class_count,
                             .scale_factor = 1,
                             .source = source,
                             .license = "unknown",
                             .noise = true};
    pf__writer *w = NULL;
    PF__TRY(pf__writer_open(path, &head, &w, error));
    pf_status st = fill(w, sampler, seed, count, error);
    if (st == PF_OK) return pf__writer_finish(w, error);
    pf__writer_abandon(w);
    return st;
}
