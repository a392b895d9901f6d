/* SPDX-License-Identifier: MIT
 * pushforward devices: what OpenCL offers on this machine. */
#include "cli.h"
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>

static int run(int argc, char **argv);

static const cli_option options[] = {
    {"Output", "json", 'j', NULL, "every field, as JSON"},
    {0},
};

const cli_command cli_devices = {
    .name = "devices",
    .usage = "[--json]",
    .summary = "list the OpenCL devices of this machine",
    .purpose =
        "Lists every OpenCL device of every platform. The first column is what --device, PF_DEVICE and\n"
        "runtime.device take; so do gpu, cpu and name=TEXT.",
    .examples = {"devices", "devices --json"},
    .options = options,
    .run = run,
};

static const char *type_name(pf_device_type type) {
    static const char *const names[] = {"other", "cpu", "gpu", "accelerator"};
    return names[type];
}

static void print_text(const pf_device_info *d) {
    char memory[16], largest[16];
    printf("%d:%d  %-11s  %s\n", d->platform_index, d->device_index, type_name(d->type), d->name);
    printf("     %s, %s, driver %s\n", d->platform, d->version, d->driver);
    printf("     %u compute units at %u MHz, %s memory (%s at a time), vectors of %u%s%s\n", d->compute_units,
           d->clock_mhz, cli_bytes((double)d->memory_bytes, memory),
           cli_bytes((double)d->allocation_bytes_max, largest), d->vector_width, d->fp64 ? ", fp64" : "",
           d->fp16 ? ", fp16" : "");
}

static cJSON *to_json(const pf_device_info *d) {
    cJSON *o = cJSON_CreateObject();
    char id[32];
    snprintf(id, sizeof id, "%d:%d", d->platform_index, d->device_index);
    cJSON_AddStringToObject(o, "id", id);
    cJSON_AddStringToObject(o, "type", type_name(d->type));
    cJSON_AddStringToObject(o, "platform", d->platform);
    cJSON_AddStringToObject(o, "name", d->name);
    cJSON_AddStringToObject(o, "vendor", d->vendor);
    cJSON_AddStringToObject(o, "driver", d->driver);
    cJSON_AddStringToObject(o, "version", d->version);
    cJSON_AddStringToObject(o, "c_version", d->c_version);
    cJSON_AddNumberToObject(o, "compute_units", d->compute_units);
    cJSON_AddNumberToObject(o, "clock_mhz", d->clock_mhz);
    cJSON_AddNumberToObject(o, "memory_bytes", (double)d->memory_bytes);
    cJSON_AddNumberToObject(o, "allocation_bytes_max", (double)d->allocation_bytes_max);
    cJSON_AddNumberToObject(o, "local_bytes", (double)d->local_bytes);
    cJSON_AddBoolToObject(o, "local_is_dedicated", d->local_is_dedicated);
    cJSON_AddNumberToObject(o, "work_group_max", (double)d->work_group_max);
    cJSON_AddNumberToObject(o, "iterations_max", d->iterations_max);
    cJSON_AddNumberToObject(o, "base_align_bytes", d->base_align_bytes);
    cJSON_AddNumberToObject(o, "vector_width", d->vector_width);
    cJSON_AddBoolToObject(o, "fp64", d->fp64);
    cJSON_AddBoolToObject(o, "fp16", d->fp16);
    cJSON_AddBoolToObject(o, "unified_memory", d->unified_memory);
    cJSON_AddBoolToObject(o, "little_endian", d->little_endian);
    cJSON_AddBoolToObject(o, "has_compiler", d->has_compiler);
    cJSON_AddBoolToObject(o, "keeps_programs", d->keeps_programs);
    return o;
}

static void print_json(const pf_device_info *list, int count) {
    cJSON *array = cJSON_CreateArray();
    for (int i = 0; i < count; i++) cli_json_append(array, to_json(&list[i]));
    cli_json_print(array);
}

static int run(int argc, char **argv) {
    cli_args a;
    int code = cli_parse(&cli_devices, argc, argv, 0, 0, &a);
    if (code >= 0) return code;
    pf_device_info *list = NULL;
    int count = 0;
    pf_error error = {0};
    pf_context *opened = NULL;
    pf_status st = pf_device_list(&list, &count, &error);
    if (st == PF_OK && count == 0) { /* opening one says why, and names the platforms without devices */
        st = pf_context_create(&opened, NULL, &error);
        count = st == PF_OK; /* or it has come meanwhile */
    }
    const pf_device_info *devices = opened ? pf_context_device(opened) : list;
    if (cli_given(&a, "json") && (st == PF_OK || st == PF_NO_DEVICE))
        print_json(devices, count);
    else if (st == PF_OK)
        for (int i = 0; i < count; i++) print_text(&devices[i]);
    pf_context_destroy(&opened);
    free(list);
    return st == PF_OK ? 0 : cli_fail(st, &error);
}
