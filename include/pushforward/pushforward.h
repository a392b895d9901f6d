/* SPDX-License-Identifier: MIT
 * pushforward: one-step generative models on any OpenCL device. This header brings everything in.
 *
 *     pf_error error;
 *     pf_context *context = NULL;
 *     pf_config *config = NULL;
 *     pf_trainer *trainer = NULL;
 *     pf_status st = pf_context_create(&context, &(pf_context_desc){.device = "cpu"}, &error);
 *     if (!st) st = pf_dataset_make("moons.h5", &(pf_make_desc){.kind = "moons"}, &error);
 *     if (!st) st = pf_config_create(&config, &error);
 *     if (!st) st = pf_config_set(config, "data.path=moons.h5", "here", &error);
 *     if (!st) st = pf_config_resolve(config, &error);
 *     pf_trainer_desc run = {.context = context, .config = config, .folder = "run"};
 *     if (!st) st = pf_trainer_create(&trainer, &run, &error);
 *     if (!st) st = pf_trainer_run(trainer, &(pf_run_desc){0}, &error);
 *     if (st) fprintf(stderr, "%s\nhint: %s\n", error.message, error.hint);
 *     pf_trainer_destroy(&trainer);
 *     pf_config_destroy(&config);
 *     pf_context_destroy(&context);
 *
 * Conventions: t = 0 is data and t = 1 is noise; arrays are row-major, images NHWC; the library never prints
 * and never exits. */
#ifndef PUSHFORWARD_PUSHFORWARD_H
#define PUSHFORWARD_PUSHFORWARD_H

#include "pushforward/bench.h"
#include "pushforward/checkpoint.h"
#include "pushforward/compare.h"
#include "pushforward/config.h"
#include "pushforward/context.h"
#include "pushforward/dataset.h"
#include "pushforward/draw.h"
#include "pushforward/eval.h"
#include "pushforward/graph.h"
#include "pushforward/sampler.h"
#include "pushforward/status.h"
#include "pushforward/tensor.h"
#include "pushforward/trainer.h"
#include "pushforward/version.h"

#endif
