/* SPDX-License-Identifier: MIT
 * Data sets made after a recipe: right as HDF5, wrong as data sets. */
#include "use.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[FUZZ_PATH];
    fuzz_path(path, "dataset.h5");
    recipe_write(path, use_dataset_table, use_dataset_count, (fuzz_part){data, size});
    use_dataset(path);
    return 0;
}
