/* SPDX-License-Identifier: MIT
 * Remembered verdicts of the self-test. The first byte asks for a right sum behind the rest, so that
 * mutations get past it. */
#include "base/hash.h"
#include "bench/selftest.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_part all = {data, size};
    const bool mend = fuzz_byte(&all) & 1;
    char *text = malloc(all.size + 32);
    size_t length = all.size;
    pf_selftest_result found;
    static const pf_selftest_result none;
    if (!text) return 0;
    if (length) memcpy(text, all.data, length);
    if (mend)
        length += (size_t)snprintf(text + length, 32, "sum: %016llx\n",
                                   (unsigned long long)pf__hash64(text, length, 0));
    text[length] = '\0';
    if (pf__verdict_parse(text, length, &found)) {
        FUZZ_CHECK(found.remembered);
        FUZZ_CHECK(strlen(found.avoid) < sizeof found.avoid && strlen(found.basic) < sizeof found.basic);
    } else {
        FUZZ_CHECK(memcmp(&found, &none, sizeof none) == 0);
    }
    free(text);
    return 0;
}
