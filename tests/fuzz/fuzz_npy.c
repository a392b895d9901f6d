/* SPDX-License-Identifier: MIT
 * NumPy arrays in files of their own: what is imported, and what --noise reads. */
#include "fuzz.h"
#include "run/run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[FUZZ_PATH];
    pf_shape shape;
    float *noise = NULL;
    pf_error err = {0};
    fuzz_write("array.npy", data, size);
    fuzz_path(path, "array.npy");
    fuzz_source(path, pf__source_npy, fuzz_hash(data, size));
    if (pf__npy_read(path, &shape, &noise, &err) == PF_OK)
        for (int64_t i = 0; i < pf_shape_count(&shape); i++) noise[i] += 1;
    else
        FUZZ_CHECK(err.message[0] && !noise);
    free(noise);
    return 0;
}
