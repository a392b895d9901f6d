/* SPDX-License-Identifier: MIT
 * pushforward info: what a checkpoint, a run folder or a data set holds. */
#include "cli.h"
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int run(int argc, char **argv);

static const cli_option options[] = {
    {"Output", "json", 'j', NULL, "as JSON"},
    {NULL, "config", 0, NULL, "of a checkpoint: print its configuration only"},
    {NULL, "tensors", 0, NULL, "of a checkpoint: list every tensor"},
    {0},
};

const cli_command cli_info = {
    .name = "info",
    .usage = "FILE.h5|RUN [OPTION ...]",
    .summary = "describe a checkpoint, a run folder or a data set",
    .purpose = "Describes a checkpoint (a run folder: its newest that verifies) or a data set.",
    .examples = {"info run", "info mnist.h5 --json"},
    .options = options,
    .run = run,
};

static void add_shape(cJSON *o, const char *name, const pf_shape *shape) {
    cJSON *array = cJSON_AddArrayToObject(o, name);
    for (int i = 0; i < shape->rank; i++) cli_json_append(array, cJSON_CreateNumber((double)shape->dim[i]));
}

static const char *shape_text(const pf_shape *shape, char out[96]) {
    size_t n = 0;
    out[0] = '\0';
    for (int i = 0; i < shape->rank && n < 80; i++)
        n += (size_t)snprintf(out + n, 96 - n, "%s%lld", i ? "x" : "", (long long)shape->dim[i]);
    return out;
}

static void print_and_free(cJSON *o) {
    cli_json_print(o);
}

/* ---- data sets ---- */

static void dataset_json(const char *path, const pf_dataset_info *i) {
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "kind", "dataset");
    cJSON_AddStringToObject(o, "path", path);
    add_shape(o, "sample_shape", &i->sample);
    cJSON_AddStringToObject(o, "dtype", pf_dtype_name(i->dtype));
    cJSON_AddNumberToObject(o, "train_count", (double)i->train_count);
    cJSON_AddNumberToObject(o, "test_count", (double)i->test_count);
    cJSON_AddNumberToObject(o, "class_count", i->class_count);
    cJSON_AddNumberToObject(o, "scale_factor", i->scale_factor);
    cJSON_AddNumberToObject(o, "add_offset", i->add_offset);
    cJSON_AddStringToObject(o, "source", i->source);
    cJSON_AddStringToObject(o, "license", i->license);
    cJSON_AddStringToObject(o, "sha256", i->sha256);
    print_and_free(o);
}

static void dataset_text(const char *path, const pf_dataset_info *i) {
    char shape[96];
    printf("%s: data set, format %d\n", path, i->format_version);
    printf("  samples     %lld training, %lld test, each %s %s\n", (long long)i->train_count,
           (long long)i->test_count, shape_text(&i->sample, shape), pf_dtype_name(i->dtype));
    printf("  values      raw * %.9g + %.9g\n", i->scale_factor, i->add_offset);
    if (i->class_count) printf("  classes     %d\n", i->class_count);
    printf("  source      %s\n  license     %s\n  sha256      %s\n", i->source, i->license, i->sha256);
}

/* ---- checkpoints ---- */

static void checkpoint_json(const pf_checkpoint *c) {
    const pf_checkpoint_info *i = pf_checkpoint_describe(c);
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "kind", "checkpoint");
    cJSON_AddStringToObject(o, "path", i->path);
    cJSON_AddStringToObject(o, "method", i->method);
    cJSON_AddStringToObject(o, "model", i->model);
    cJSON_AddNumberToObject(o, "step", (double)i->step);
    cJSON_AddNumberToObject(o, "samples_seen", (double)i->samples_seen);
    cJSON_AddNumberToObject(o, "parameter_count", (double)i->parameter_count);
    cJSON *ema = cJSON_AddArrayToObject(o, "ema");
    for (int k = 0; k < i->ema_count; k++) cli_json_append(ema, cJSON_CreateString(i->ema[k]));
    add_shape(o, "sample_shape", &i->sample);
    cJSON_AddNumberToObject(o, "class_count", i->class_count);
    cJSON_AddStringToObject(o, "data_sha256", i->data_sha256);
    cJSON_AddStringToObject(o, "created", i->created);
    cJSON_AddStringToObject(o, "version", i->version);
    cJSON_AddStringToObject(o, "device", i->device);
    cJSON_AddStringToObject(o, "driver", i->driver);
    cJSON_AddStringToObject(o, "host", i->host);
    cJSON_AddNumberToObject(o, "seconds", i->seconds);
    cJSON_AddStringToObject(o, "config", pf_checkpoint_config(c));
    print_and_free(o);
}

static void checkpoint_text(const pf_checkpoint *c, bool tensors) {
    const pf_checkpoint_info *i = pf_checkpoint_describe(c);
    char shape[96], count[16], time[24];
    printf("%s: checkpoint, verified\n", i->path);
    printf("  method      %s, network %s, %s parameters in %d tensors\n", i->method, i->model,
           cli_si((double)i->parameter_count, count), i->tensor_count);
    printf("  trained     %lld steps, %s samples, %s\n", (long long)i->step,
           cli_si((double)i->samples_seen, count), cli_duration(i->seconds, time));
    printf("  weights     none, initial");
    for (int k = 0; k < i->ema_count; k++) printf(", %s", i->ema[k]);
    printf("\n  samples     %s", shape_text(&i->sample, shape));
    if (i->class_count) printf(", %d classes", i->class_count);
    printf("\n  written     %s by %s on %s (%s)\n", i->created, i->version, i->device, i->host);
    for (int k = 0; tensors && k < i->tensor_count; k++) {
        pf_checkpoint_tensor t = pf_checkpoint_tensor_at(c, k);
        printf("  %-32s %s\n", t.path, shape_text(&t.shape, shape));
    }
}

static int describe_checkpoint(const cli_args *a, const pf_checkpoint *c) {
    if (cli_given(a, "config"))
        fputs(pf_checkpoint_config(c), stdout);
    else if (cli_given(a, "json"))
        checkpoint_json(c);
    else
        checkpoint_text(c, cli_given(a, "tensors"));
    return 0;
}

static int run(int argc, char **argv) {
    cli_args a;
    int code = cli_parse(&cli_info, argc, argv, 1, 1, &a);
    if (code >= 0) return code;
    const char *path = a.positional[0];
    pf_error error = {0}, other = {0};
    pf_dataset *set = NULL;
    if (pf_dataset_open(path, &set, &other) == PF_OK) {
        (cli_given(&a, "json") ? dataset_json : dataset_text)(path, pf_dataset_describe(set));
        pf_dataset_close(&set);
        return 0;
    }
    pf_checkpoint *c = NULL;
    pf_status st = cli_open_checkpoint(path, &c, &error);
    if (st != PF_OK) return cli_fail(st, &error);
    code = describe_checkpoint(&a, c);
    pf_checkpoint_close(&c);
    return code;
}
