/* SPDX-License-Identifier: MIT
 * Tables of numbers, plain or gzip. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[FUZZ_PATH];
    fuzz_write("table.csv", data, size);
    fuzz_source(fuzz_path(path, "table.csv"), pf__source_csv, fuzz_hash(data, size));
    return 0;
}
