/* SPDX-License-Identifier: MIT
 * IDX: one part is a lone file; up to four are images and labels of both parts, in a folder. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"idx/train-images-idx3-ubyte", "idx/train-labels-idx1-ubyte",
                                        "idx/t10k-images-idx3-ubyte", "idx/t10k-labels-idx1-ubyte"};
    fuzz_part part[4];
    char path[FUZZ_PATH];
    int count = fuzz_split(data, size, part, 4);
    fuzz_make_folder("idx");
    for (int i = 0; i < 4; i++) {
        if (i < count && (count == 1 || part[i].size))
            fuzz_write(names[i], part[i].data, part[i].size);
        else
            fuzz_remove(names[i]);
    }
    fuzz_source(fuzz_path(path, count == 1 ? names[0] : "idx"), pf__source_idx, fuzz_hash(data, size));
    return 0;
}
