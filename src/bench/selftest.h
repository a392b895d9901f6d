/* SPDX-License-Identifier: MIT
 * The rows of the self-test. */
#ifndef PF__BENCH_SELFTEST_H
#define PF__BENCH_SELFTEST_H

#include "bench/trial.h"
#include "pushforward/bench.h"

typedef enum pf__selftest_when {
    PF__SELFTEST_ALWAYS,
    PF__SELFTEST_FULL, /* not in a quick run */
    PF__SELFTEST_QUICK /* stands in a quick run for several rows of a full one */
} pf__selftest_when;

typedef struct pf__selftest_group {
    const char *name;
    void (*build)(pf__trial *t, bool quick);
    double tolerance;
    const char *candidate; /* for products */
    pf__selftest_when when;
} pf__selftest_group;

extern const pf__selftest_group pf__selftest_groups[]; /* ends with name NULL */

/** The published answer of Philox4x32-10 to key and counter zero, from the device's kernel. */
pf_status pf__selftest_philox(pf_context *context, pf__finding *out, pf_error *err);

/** Fills in the date, and writes the verdict into the context's cache folder where there is one. */
void pf__verdict_store(pf_context *context, pf_selftest_result *result);
/** False, and *out all zeros, unless the bytes (followed by a NUL) are a whole and undamaged verdict. */
bool pf__verdict_parse(const char *data, size_t length, pf_selftest_result *out);

#endif
