/* SPDX-License-Identifier: MIT
 * What we read of JSON: a run folder's metrics.jsonl and eval.json, for a report and for a resumed run.
 * Parts: metrics.jsonl, eval.json, config.ini, a picture. */
#include "fuzz.h"
#include "pushforward/trainer.h"
#include "run/run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"run/metrics.jsonl", "run/eval.json", "run/config.ini",
                                        "run/samples/step_00000001.png"};
    fuzz_part part[4];
    char path[FUZZ_PATH];
    pf_error err = {0};
    int count = fuzz_split(data, size, part, 4);
    fuzz_make_folder("run");
    fuzz_make_folder("run/samples");
    for (int i = 0; i < 4; i++) {
        if (i < count)
            fuzz_write(names[i], part[i].data, part[i].size);
        else if (i == 2)
            fuzz_write(names[i], "[train]\n", 8);
        else
            fuzz_remove(names[i]);
    }
    fuzz_path(path, "run");
    FUZZ_CHECK(pf_run_report(path, &err) == PF_OK || err.message[0]);
    FUZZ_CHECK(pf__metrics_rewind(path, 5, &err) == PF_OK || err.message[0]);
    FUZZ_CHECK(pf__metrics_rewind(path, 0, &err) == PF_OK || err.message[0]);
    return 0;
}
