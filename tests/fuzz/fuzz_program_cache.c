/* SPDX-License-Identifier: MIT
 * Entries of the program cache. The first byte asks whether length and sums are made right, so that mutations
 * get past them. */
#include "base/hash.h"
#include "fuzz.h"
#include "runtime/cache.h"
#include <unistd.h>

enum { HEADER = 64 };

static void put64(uint8_t *out, uint64_t value) {
    for (int i = 0; i < 8; i++) out[i] = (uint8_t)(value >> 8 * i);
}

/* Bits of how: 0 length, 1 sum of the payload, 2 key, 3 sum of the head. */
static void mend(uint8_t *file, size_t size, uint8_t how, pf__cache_key key) {
    if (size < HEADER) return;
    if (how & 1) put64(file + 32, size - HEADER);
    if (how & 2) put64(file + 40, pf__hash64(file + HEADER, size - HEADER, 0));
    if (how & 4) put64(file + 16, key.part[0]);
    if (how & 4) put64(file + 24, key.part[1]);
    if (how & 8) put64(file + 48, pf__hash64(file, 48, 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *texts[] = {"source", "device"};
    fuzz_part all = {data, size};
    uint8_t how = fuzz_byte(&all);
    pf__cache_key key = pf__cache_key_of(texts, 2);
    uint8_t *file = malloc(all.size + (all.size == 0));
    char name[64], path[FUZZ_PATH], folder[FUZZ_PATH];
    if (!file) return 0;
    if (all.size) memcpy(file, all.data, all.size);
    mend(file, all.size, how, key);
    const void *payload = NULL;
    size_t length = 0, loaded = 0;
    bool good = pf__cache_check(file, all.size, key, &payload, &length);
    if (good)
        FUZZ_CHECK((const uint8_t *)payload == file + HEADER && length > 0 && length == all.size - HEADER);
    fuzz_make_folder("cache");
    snprintf(name, sizeof name, "cache/%016llx%016llx.pfcl", (unsigned long long)key.part[0],
             (unsigned long long)key.part[1]);
    fuzz_write(name, file, all.size);
    void *kept = pf__cache_load(fuzz_path(folder, "cache"), key, &loaded);
    FUZZ_CHECK((kept != NULL) == good);
    if (good) FUZZ_CHECK(loaded == length && memcmp(kept, payload, length) == 0);
    FUZZ_CHECK((access(fuzz_path(path, name), F_OK) == 0) == good);
    free(kept);
    free(file);
    return 0;
}
