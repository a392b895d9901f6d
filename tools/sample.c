/* SPDX-License-Identifier: MIT
 * pushforward sample: draw from a trained model. */
#include "cli.h"
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int run(int argc, char **argv);

static const cli_option options[] = {
    {"Samples", "count", 'n', "N", "how many (sample.count of the run)"},
    {NULL, "seed", 's', "N", "of the noise (sample.seed); sample i depends on seed and i only"},
    {NULL, "first", 0, "I", "number of the first sample (0)"},
    {NULL, "noise", 0, "FILE", "take the noise from a .npy file, or from /noise of an HDF5 file"},
    {NULL, "class", 'c', "LIST", "labels, repeated in turn (0, 1, ... for conditional models)"},
    {"Model", "weights", 'w', "NAME", "an averaging rate such as 0.999, none, or initial (the longest rate)"},
    {NULL, "ema", 0, "NAME", "the same as --weights"},
    {NULL, "nfe", 0, "N", "network evaluations per sample (sample.nfe)"},
    {NULL, "solver", 0, "NAME", "euler, midpoint, heun, rk4 or dopri5, for methods that learn a velocity"},
    {NULL, "rtol", 0, "X", "dopri5: a step's error is at most atol + rtol |x| (sample.rtol)"},
    {NULL, "atol", 0, "X", "dopri5: the absolute part, in units of the data's deviation (sample.atol)"},
    {NULL, "guidance", 0, "W",
     "flow with data.label_drop: v + W (v with label - v); 1 is none (sample.guidance)"},
    {NULL, "batch", 'b', "N", "samples at a time (sample.batch)"},
    {NULL, "device", 0, "DEVICE", "as for train"},
    {"Output", "out", 'o', "FILE", ".png, .h5 or .npy (samples.png)"},
    {NULL, "keep-noise", 0, NULL, ".h5: store the noise beside the samples"},
    {NULL, "json", 'j', NULL, "describe what was made as JSON"},
    {NULL, "quiet", 'q', NULL, "errors only"},
    {0},
};

const cli_command cli_sample = {
    .name = "sample",
    .usage = "RUN|CHECKPOINT.h5 [OPTION ...]",
    .summary = "draw samples from a trained model",
    .purpose = "Draws samples from the newest checkpoint of a run folder, or from a checkpoint file. The "
               "same command gives the\n"
               "same samples. Methods that learn a map (meanflow) need one network evaluation.",
    .examples = {"sample run -n 64 -o grid.png", "sample run -n 4096 --seed 7 --keep-noise -o samples.h5",
                 "sample flow --solver dopri5 --rtol 1e-4 -o exact.png"},
    .options = options,
    .run = run,
};

typedef struct job {
    cli_args a;
    pf_context *context;
    pf_checkpoint *checkpoint;
    pf_sampler *sampler;
    pf_samples samples;
    uint64_t seed, first;
    const char *out;
} job;

static pf_status make_noise(job *j, pf_error *error) {
    const pf_sampler_info *i = pf_sampler_describe(j->sampler);
    const char *file = cli_text(&j->a, "noise", NULL);
    pf_samples *s = &j->samples;
    int64_t count = cli_integer(&j->a, "count", 0, 1, 1 << 28);
    if (file) {
        pf_status st = pf_samples_read(file, "/noise", s, error);
        if (st != PF_OK) return st;
        if (s->dim != i->noise_dim) {
            snprintf(error->message, sizeof error->message,
                     "%s: noise of %" PRId64 " numbers a sample, the model has %" PRId64, file, s->dim,
                     i->noise_dim);
            snprintf(error->hint, sizeof error->hint, "the array must be [count, %" PRId64 "]%s",
                     i->noise_dim, i->noise_dim == i->dim ? " or [count, sample's shape]" : "");
            return PF_DATA;
        }
        s->noise = s->x;
        s->x = NULL;
        if (count && count < s->count) s->count = count;
    } else {
        s->count = count ? count : i->count;
    }
    s->dim = i->dim;
    s->noise_dim = i->noise_dim;
    s->sample = i->sample;
    s->x = malloc((size_t)(s->count * s->dim) * sizeof *s->x);
    if (!s->noise) {
        s->noise = malloc((size_t)(s->count * s->noise_dim) * sizeof *s->noise);
        if (s->noise) pf_sampler_noise(j->sampler, j->seed, j->first, s->count, s->noise);
    }
    return s->x && s->noise ? PF_OK : PF_MEMORY;
}

static pf_status make_labels(job *j, pf_error *error) {
    const pf_sampler_info *i = pf_sampler_describe(j->sampler);
    double list[256];
    int count = cli_list(&j->a, "class", list, 256);
    for (int k = 0; k < count; k++) {
        if (list[k] >= 0 && list[k] < i->class_count && list[k] == (int)list[k]) continue;
        snprintf(error->message, sizeof error->message, "%s: --class %g: %s", j->a.positional[0], list[k],
                 i->class_count ? "the model has no such class" : "the model was trained without classes");
        if (i->class_count)
            snprintf(error->hint, sizeof error->hint, "its classes are 0 .. %d", i->class_count - 1);
        else
            snprintf(error->hint, sizeof error->hint,
                     "leave --class out, or train with --set data.labels=true");
        return PF_USAGE;
    }
    if (!i->class_count) return PF_OK;
    j->samples.label = malloc((size_t)j->samples.count * sizeof *j->samples.label);
    if (!j->samples.label) return PF_MEMORY;
    for (int64_t k = 0; k < j->samples.count; k++)
        j->samples.label[k] = count ? (int32_t)list[k % count] : (int32_t)(k % i->class_count);
    return PF_OK;
}

static void describe_work(const pf_sampler_info *i, pf_sampler_counts c, char out[160]) {
    const char *of = strcmp(i->solver, "map") == 0 ? "" : " of ", *solver = *of ? i->solver : "";
    if (i->nfe)
        snprintf(out, 160, "%d evaluation%s%s%s", i->nfe, i->nfe == 1 ? "" : "s", of, solver);
    else
        snprintf(out, 160, "%.4g evaluations (%d to %d)%s%s at rtol %.3g, atol %.3g", c.nfe, c.nfe_least,
                 c.nfe_most, of, solver, i->rtol, i->atol);
}

static void describe(job *j) {
    const pf_sampler_info *i = pf_sampler_describe(j->sampler);
    const char *file = cli_text(&j->a, "noise", NULL);
    bool ema = strcmp(i->weights, "none") != 0 && strcmp(i->weights, "initial") != 0;
    bool map = strcmp(i->solver, "map") == 0;
    char origin[160], work[160], guidance[48] = "";
    if (file)
        snprintf(origin, sizeof origin, "noise of %.120s", file);
    else
        snprintf(origin, sizeof origin, "seed %" PRIu64, j->seed);
    if (i->guidance != 1)
        snprintf(guidance, sizeof guidance, ", guidance %.4g%s", i->guidance, map ? " as learnt" : "");
    describe_work(i, pf_sampler_count(j->sampler), work);
    snprintf(j->samples.header, sizeof j->samples.header, "%s step %" PRId64 ", weights %s%s, %s%s, %s",
             i->method, i->step, ema ? "ema " : "", i->weights, work, guidance, origin);
}

static void print_json(const job *j, double seconds) {
    const pf_sampler_info *i = pf_sampler_describe(j->sampler);
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "out", j->out);
    cJSON_AddStringToObject(o, "method", i->method);
    cJSON_AddNumberToObject(o, "step", (double)i->step);
    cJSON_AddStringToObject(o, "weights", i->weights);
    const pf_sampler_counts c = pf_sampler_count(j->sampler);
    cJSON_AddNumberToObject(o, "nfe", c.nfe);
    if (!i->nfe) {
        cJSON_AddNumberToObject(o, "nfe_least", c.nfe_least);
        cJSON_AddNumberToObject(o, "nfe_most", c.nfe_most);
        cJSON_AddNumberToObject(o, "rtol", i->rtol);
        cJSON_AddNumberToObject(o, "atol", i->atol);
    }
    cJSON_AddStringToObject(o, "solver", i->solver);
    if (i->guidance != 1) cJSON_AddNumberToObject(o, "guidance", i->guidance);
    cJSON_AddNumberToObject(o, "count", (double)j->samples.count);
    cJSON_AddNumberToObject(o, "dim", (double)j->samples.dim);
    cJSON_AddNumberToObject(o, "seed", (double)j->seed);
    cJSON_AddNumberToObject(o, "seconds", seconds);
    cli_json_print(o);
}

static pf_status draw(job *j, pf_error *error) {
    const pf_sampler_info *i = pf_sampler_describe(j->sampler);
    pf_samples *s = &j->samples;
    pf_status st = make_noise(j, error);
    if (st == PF_OK) st = make_labels(j, error);
    if (st != PF_OK) return st;
    pf_sampler_renew(j->sampler, j->seed, j->first);
    double begin = cli_seconds();
    st = pf_sampler_run(j->sampler, s->noise, s->label, s->count, s->x, error);
    double seconds = cli_seconds() - begin;
    if (st == PF_OK) describe(j);
    pf_samples kept = *s;
    if (!cli_given(&j->a, "keep-noise")) kept.noise = NULL;
    if (st == PF_OK) st = pf_samples_write(j->out, &kept, i->is_u8, i->scale_factor, i->add_offset, error);
    if (st != PF_OK) return st;
    char time[24];
    if (cli_given(&j->a, "json"))
        print_json(j, seconds);
    else if (!cli_given(&j->a, "quiet"))
        printf("%s: %" PRId64 " samples in %s; %s\n", j->out, s->count, cli_duration(seconds, time),
               s->header);
    return PF_OK;
}

static pf_status open_and_draw(job *j, pf_error *error) {
    cli_args *a = &j->a;
    pf_status st = cli_open_model(a, a->positional[0], cli_given(a, "quiet"), &j->checkpoint, &j->context,
                                  error);
    if (st != PF_OK) return st;
    pf_sampler_desc desc = {
        .context = j->context,
        .checkpoint = j->checkpoint,
        .weights = cli_text(a, "weights", cli_text(a, "ema", NULL)),
        .nfe = (int)cli_integer(a, "nfe", 0, 1, 100000),
        .solver = cli_text(a, "solver", NULL),
        .rtol = cli_number(a, "rtol", 0, 1e-6, 1),
        .atol = cli_number(a, "atol", 0, 1e-7, 1e6),
        .batch = cli_integer(a, "batch", 0, 1, 1 << 24),
        .guidance = cli_number(a, "guidance", 0, 1e-3, 100),
    };
    st = pf_sampler_create(&j->sampler, &desc, error);
    if (st != PF_OK) return st;
    j->seed = (uint64_t)cli_integer(a, "seed", (int64_t)pf_sampler_describe(j->sampler)->seed, 0,
                                    (int64_t)1 << 53);
    return draw(j, error);
}

/* Everything that can be wrong in the command line, before anything is opened. */
static int check(job *j) {
    cli_args *a = &j->a;
    double labels[256];
    cli_integer(a, "count", 0, 1, 1 << 28);
    cli_integer(a, "nfe", 0, 1, 100000);
    cli_integer(a, "batch", 0, 1, 1 << 24);
    cli_number(a, "rtol", 0, 1e-6, 1);
    cli_number(a, "atol", 0, 1e-7, 1e6);
    cli_number(a, "guidance", 0, 1e-3, 100);
    cli_integer(a, "seed", 0, 0, (int64_t)1 << 53);
    cli_list(a, "class", labels, 256);
    j->first = (uint64_t)cli_integer(a, "first", 0, 0, (int64_t)1 << 53);
    j->out = cli_text(a, "out", "samples.png");
    size_t n = strlen(j->out);
    bool h5 = n > 3 && strcmp(j->out + n - 3, ".h5") == 0;
    if (!h5 && cli_given(a, "keep-noise") && !a->failed)
        return cli_usage("name the output with -o samples.h5", "sample: --keep-noise needs an HDF5 file");
    return a->failed ? CLI_USAGE : -1;
}

static int run(int argc, char **argv) {
    job j = {0};
    pf_error error = {0};
    int code = cli_parse(&cli_sample, argc, argv, 1, 1, &j.a);
    if (code < 0) code = check(&j);
    if (code >= 0) return code;
    pf_status st = open_and_draw(&j, &error);
    pf_samples_free(&j.samples);
    pf_sampler_destroy(&j.sampler);
    pf_checkpoint_close(&j.checkpoint);
    pf_context_destroy(&j.context);
    return st == PF_OK ? 0 : cli_fail(st, &error);
}
