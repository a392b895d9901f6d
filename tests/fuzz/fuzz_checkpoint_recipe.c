/* SPDX-License-Identifier: MIT
 * Checkpoints made after a recipe: right as HDF5 and in their content hash, wrong as checkpoints. */
#include "use.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[FUZZ_PATH];
    fuzz_path(path, "checkpoint.h5");
    use_write_checkpoint(path, (fuzz_part){data, size});
    use_checkpoint(path);
    return 0;
}
