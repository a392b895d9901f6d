/* SPDX-License-Identifier: MIT
 * JSON that the program prints. cJSON leaves out what it has no memory for, so its allocations are ours: an
 * object that lacks something is not printed, and main says why. */
#include "cli.h"
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>

static bool lacked;

static void *take(size_t bytes) {
    void *memory = malloc(bytes);
    if (!memory) lacked = true;
    return memory;
}

void cli_json_begin(void) {
    cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = take, .free_fn = free});
}

void cli_json_append(struct cJSON *array, struct cJSON *item) {
    if (!cJSON_AddItemToArray(array, item)) cJSON_Delete(item);
}

void cli_json_print(struct cJSON *object) {
    char *text = lacked ? NULL : cJSON_Print(object);
    if (text)
        puts(text);
    else
        lacked = true;
    cJSON_free(text);
    cJSON_Delete(object);
}

bool cli_json_lacked(void) {
    return lacked;
}
