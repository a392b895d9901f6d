/* SPDX-License-Identifier: MIT
 * INI text and the configuration that comes of it. What resolves can be printed, and that text is the same
 * configuration: a run keeps it, a checkpoint too. */
#include "fuzz.h"
#include "pushforward/config.h"

static void check_again(const pf_config *config) {
    pf_config *again = NULL;
    pf_error err = {0};
    char *first = pf_config_print(config, false), *second;
    FUZZ_CHECK(first && pf_config_create(&again, &err) == PF_OK);
    FUZZ_CHECK(pf_config_read_text(again, first, "printed", &err) == PF_OK);
    FUZZ_CHECK(pf_config_resolve(again, &err) == PF_OK);
    second = pf_config_print(again, false);
    FUZZ_CHECK(second && strcmp(first, second) == 0);
    free(first);
    free(second);
    pf_config_destroy(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[FUZZ_PATH];
    pf_config *config = NULL;
    pf_error err = {0};
    fuzz_write("config.ini", data, size);
    FUZZ_CHECK(pf_config_create(&config, &err) == PF_OK);
    pf_status st = pf_config_read(config, fuzz_path(path, "config.ini"), &err);
    if (st == PF_OK) st = pf_config_resolve(config, &err);
    FUZZ_CHECK(st == PF_OK || err.message[0]);
    if (st == PF_OK) check_again(config);
    pf_config_destroy(&config);
    return 0;
}
