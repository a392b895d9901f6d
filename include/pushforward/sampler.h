/* SPDX-License-Identifier: MIT
 * Sampling: a checkpoint's network, noise in, samples out.
 *
 *     pf_sampler *sampler;
 *     pf_sampler_create(&sampler, &(pf_sampler_desc){.context = context, .checkpoint = checkpoint}, &error);
 *     float *noise = malloc(...), *x = malloc(...);   // [64, noise_dim], [64, dim]: mostly the same
 *     pf_sampler_noise(sampler, 0, 0, 64, noise);
 *     pf_sampler_run(sampler, noise, NULL, 64, x, &error);
 *
 * Time: t = 0 is data, t = 1 is noise. The noise of sample i depends on (seed, i) and nothing else: not on
 * the batch, not on the device. */
#ifndef PUSHFORWARD_SAMPLER_H
#define PUSHFORWARD_SAMPLER_H

#include "pushforward/checkpoint.h"
#include "pushforward/context.h"

typedef struct pf_sampler pf_sampler;

typedef struct pf_sampler_desc {
    pf_context *context;       /* must outlive the sampler */
    pf_checkpoint *checkpoint; /* read during creation only */
    /* An EMA rate, "none" = the parameters as trained, "initial" = those before training; NULL or "" =
     * sample.ema of the checkpoint's configuration, and where that is unset the longest rate. */
    const char *weights;
    int nfe;            /* network evaluations per sample; 0 = sample.nfe; none with dopri5 */
    const char *solver; /* euler midpoint heun rk4 dopri5; NULL or "" = sample.solver; none for maps */
    double rtol, atol; /* dopri5: a step's error is at most atol + rtol |x|, as root mean square over a sample
                          in standardised units; 0 = sample.rtol, sample.atol */
    int64_t batch;     /* samples at a time; 0 = sample.batch */
    /* w of classifier-free guidance (Ho, Salimans 2022, arXiv 2207.12598), for methods that learn a velocity:
     * samples with a label follow v(x, t) + w (v(x, t | label) - v(x, t)), two passes through the network an
     * evaluation. 1 = none, 0 = sample.guidance. */
    double guidance;
} pf_sampler_desc;

/** PF_USAGE for weights that the checkpoint lacks, for nfe that is no multiple of the solver's evaluations a
 * step, for guidance of a model that learnt nothing without labels, and for what does not go together. */
PF_API pf_status pf_sampler_create(pf_sampler **out, const pf_sampler_desc *desc, pf_error *error);
/** Accepts NULL and a pointer to NULL. */
PF_API void pf_sampler_destroy(pf_sampler **sampler);

typedef struct pf_sampler_info {
    int64_t dim, batch, step;
    int64_t noise_dim; /* numbers of noise that make a sample: dim, but for drifting with method.noise */
    pf_shape sample;
    int class_count;
    int nfe;                     /* 0: dopri5 finds out (pf_sampler_count) */
    char method[32], solver[16]; /* solver "map" where the method learns one */
    double rtol, atol;           /* of dopri5 */
    bool knows_velocity;         /* pf_sampler_velocity answers */
    bool paired;                 /* trained on pairs of sample and noise (ot, reflow): the flow-matching error
                                    with any noise is not its loss */
    char weights[32];            /* "none", "initial" or the EMA rate in use */
    uint64_t seed;               /* sample.seed */
    int64_t count;               /* sample.count */
    bool is_u8;
    double scale_factor, add_offset;
    double guidance; /* w, of sampling, or which the map has learnt (method.omega / (1 - method.kappa): then
                        its velocity is not that of the data); 1 = none */
} pf_sampler_info;
PF_API const pf_sampler_info *pf_sampler_describe(const pf_sampler *sampler);

/** Standard normal noise of samples first .. first + count - 1.  noise [count, noise_dim] f32,
 * written. */
PF_API void pf_sampler_noise(const pf_sampler *sampler, uint64_t seed, uint64_t first, int64_t count,
                             float *noise);
/** Methods that draw fresh noise between evaluations (consistency) draw it for samples first, first + 1, ...
 * of this seed in every run from now on. Before: sample.seed and 0. */
PF_API void pf_sampler_renew(pf_sampler *sampler, uint64_t seed, uint64_t first);
/** noise [count, noise_dim] f32, read.  label [count] i32 or NULL (the null class); ignored by unconditional
 * networks. x [count, dim] f32, written: values as in the data set (not standardised); x may equal noise
 * where noise_dim is dim. */
PF_API pf_status pf_sampler_run(pf_sampler *sampler, const float *noise, const int32_t *label, int64_t count,
                                float *x, pf_error *error);
typedef struct pf_sampler_counts {
    double nfe;              /* network evaluations per sample, the mean */
    int nfe_least, nfe_most; /* of a sample */
} pf_sampler_counts;
/** What the last pf_sampler_run took. With dopri5 each sample has steps of its own, which depend on no other
 * sample; a batch is evaluated until its last sample is there. */
PF_API pf_sampler_counts pf_sampler_count(const pf_sampler *sampler);
typedef struct pf_reflow_desc {
    int64_t count; /* pairs; 0 = 20000 */
    uint64_t seed; /* of the noise; 0 = 1 */
} pf_reflow_desc;
/** Writes a data set of pairs: what the sampler makes of noise (/train/x; classes in turn), and that noise
 * (/train/noise). A flow trained on it with method.pairing = stored has straighter paths (reflow). desc may
 * be NULL. */
PF_API pf_status pf_sampler_reflow(pf_sampler *sampler, const char *path, const pf_reflow_desc *desc,
                                   pf_error *error);
/** The network's velocity at (x, t), in standardised units: flow v(x,t), MeanFlow u(x,t,t); PF_USAGE where
 * the method knows none. desc.guidance does not touch it. x [count, dim] f32, read, standardised.  label as
 * above.  v [count, dim] f32, written. */
PF_API pf_status pf_sampler_velocity(pf_sampler *sampler, const float *x, double t, const int32_t *label,
                                     int64_t count, float *v, pf_error *error);
/** values to standardised units, in place.  x [count, dim] f32. */
PF_API void pf_sampler_standardise(const pf_sampler *sampler, int64_t count, float *x);

/* ---- files of samples ---- */
typedef struct pf_samples {
    int64_t count, dim;
    int64_t noise_dim; /* 0: dim */
    pf_shape sample;
    float *x;         /* [count, dim] f32 values */
    float *noise;     /* [count, noise_dim] or NULL */
    int32_t *label;   /* [count] or NULL */
    char header[512]; /* what made them: method, step, weights, nfe, seed */
} pf_samples;
/** By the name's end: .h5 (/x, /noise, /label, attribute "made_by"), .npy (x alone), .png (a grid of images,
 * or a picture of points). is_u8, scale_factor and add_offset tell how values become bytes in a picture. */
PF_API pf_status pf_samples_write(const char *path, const pf_samples *samples, bool is_u8,
                                  double scale_factor, double add_offset, pf_error *error);
/** Reads an array of samples: .npy (f4 or f8), or HDF5 (the data set `name`, such as "/x" or "/noise"). Ends
 * with pf_samples_free. */
PF_API pf_status pf_samples_read(const char *path, const char *name, pf_samples *out, pf_error *error);
PF_API void pf_samples_free(pf_samples *samples);

#endif
