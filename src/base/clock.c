/* SPDX-License-Identifier: MIT
 * Clocks: monotonic seconds for durations, UTC text for people. */
#include "base/clock.h"
#include <stdio.h>
#include <time.h>

double pf__seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void pf__utc_now(char out[32]) {
    time_t now = time(NULL);
    struct tm utc;
    out[0] = '\0';
    if (gmtime_r(&now, &utc)) strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &utc);
}
