/* SPDX-License-Identifier: MIT */
#ifndef PF__BASE_CLOCK_H
#define PF__BASE_CLOCK_H

/** Monotonic seconds. */
double pf__seconds(void);
/** The time now as "2026-11-22T20:27:00Z" (UTC). */
void pf__utc_now(char out[32]);

#endif
