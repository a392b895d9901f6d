/* SPDX-License-Identifier: MIT
 * The bytes of a checkpoint. Most mutations end in libhdf5; fuzz_checkpoint_recipe.c gets past it. */
#include "use.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[FUZZ_PATH];
    fuzz_write("checkpoint.h5", data, size);
    use_checkpoint(fuzz_path(path, "checkpoint.h5"));
    return 0;
}
