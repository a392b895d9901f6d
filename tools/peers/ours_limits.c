/* SPDX-License-Identifier: MIT
 * What the device can do at most (bench.h), again whenever it is asked. */
#include "ours.h"
#include <stdio.h>

int ours_limits(pf_context *context) {
    pf_error error = {0};
    pf_limits limits;
    int ignored;
    do {
        if (pf_limits_measure(context, &limits, &error) != PF_OK) return ours_fail(&error);
        printf("{\"gflops\":%.4g,\"triad_gbs\":%.4g,\"launch_us\":%.4g}\n", 1e-9 * limits.flops,
               1e-9 * limits.bytes, 1e6 * limits.launch_seconds);
    } while (ours_next(&ignored));
    return 0;
}
