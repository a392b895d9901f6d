/* SPDX-License-Identifier: MIT
 * The bytes of a data set. Most mutations end in libhdf5; fuzz_dataset_recipe.c gets past it. */
#include "use.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[FUZZ_PATH];
    fuzz_write("dataset.h5", data, size);
    use_dataset(fuzz_path(path, "dataset.h5"));
    return 0;
}
