/* SPDX-License-Identifier: MIT
 * pushforward data reflow: noise and what a model makes of it, as a data set. */
#include "cli.h"
#include <stdio.h>

static const cli_option options[] = {
    {"Pairs", "count", 'n', "N", "how many (20000)"},
    {NULL, "seed", 's', "N", "of the noise (1)"},
    {"Model", "weights", 'w', "NAME", "as for sample"},
    {NULL, "nfe", 0, "N", "as for sample"},
    {NULL, "solver", 0, "NAME", "as for sample; dopri5 is exact to its tolerances"},
    {NULL, "rtol", 0, "X", "as for sample"},
    {NULL, "atol", 0, "X", "as for sample"},
    {NULL, "batch", 'b', "N", "samples at a time (sample.batch)"},
    {NULL, "device", 0, "DEVICE", "as for train"},
    {"Output", "force", 'f', NULL, "overwrite an existing file"},
    {0},
};

static const cli_command command = {
    .name = "data reflow",
    .usage = "RUN|CHECKPOINT.h5 OUT.h5 [OPTION ...]",
    .purpose = "Draws samples from a trained model and stores each with the noise that it was made of "
               "(/train/noise). A flow\n"
               "trained on such pairs, with method.pairing = stored, has straighter paths and needs fewer "
               "steps: reflow, or the\n"
               "2-rectified flow. Classes come in turn.",
    .examples = {"data reflow run-flow pairs.h5 -n 50000 --solver dopri5",
                 "train examples/2d-flow.ini --data pairs.h5 --set method.pairing=stored --out run-reflow"},
    .options = options,
};

typedef struct job {
    cli_args a;
    pf_context *context;
    pf_checkpoint *checkpoint;
    pf_sampler *sampler;
} job;

static pf_status make(job *j, const pf_sampler_desc *asked, const pf_reflow_desc *desc, pf_error *error) {
    pf_sampler_desc full = *asked;
    pf_status st = cli_open_model(&j->a, j->a.positional[0], true, &j->checkpoint, &j->context, error);
    if (st != PF_OK) return st;
    full.context = j->context;
    full.checkpoint = j->checkpoint;
    st = pf_sampler_create(&j->sampler, &full, error);
    return st == PF_OK ? pf_sampler_reflow(j->sampler, j->a.positional[1], desc, error) : st;
}

int cli_data_reflow(int argc, char **argv) {
    job j = {0};
    cli_args *a = &j.a;
    pf_error error = {0};
    int code = cli_parse(&command, argc, argv, 2, 2, a);
    if (code >= 0) return code;
    const pf_sampler_desc sampler = {
        .weights = cli_text(a, "weights", NULL),
        .nfe = (int)cli_integer(a, "nfe", 0, 1, 100000),
        .solver = cli_text(a, "solver", NULL),
        .rtol = cli_number(a, "rtol", 0, 1e-6, 1),
        .atol = cli_number(a, "atol", 0, 1e-7, 1e6),
        .batch = cli_integer(a, "batch", 0, 1, 1 << 24),
    };
    const pf_reflow_desc desc = {.count = cli_integer(a, "count", 0, 2, (int64_t)1 << 32),
                                 .seed = (uint64_t)cli_integer(a, "seed", 0, 0, (int64_t)1 << 53)};
    if (a->failed) return CLI_USAGE;
    if (!cli_given(a, "force") && cli_file_exists(a->positional[1]))
        return cli_usage("overwrite it with --force, or name another file", "%s exists", a->positional[1]);
    pf_status st = make(&j, &sampler, &desc, &error);
    pf_sampler_destroy(&j.sampler);
    pf_checkpoint_close(&j.checkpoint);
    pf_context_destroy(&j.context);
    return st == PF_OK ? 0 : cli_fail(st, &error);
}
