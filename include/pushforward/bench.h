/* SPDX-License-Identifier: MIT
 * What a device is worth: whether it computes rightly. */
#ifndef PUSHFORWARD_BENCH_H
#define PUSHFORWARD_BENCH_H

#include "pushforward/context.h"

typedef enum pf_selftest_state {
    PF_SELFTEST_OK,
    PF_SELFTEST_WRONG, /* ran, and differs from the reference */
    PF_SELFTEST_FAILED /* did not run: detail says why */
} pf_selftest_state;

/** One row of the self-test: a group of operations. Texts are valid within the call that reports the row. */
typedef struct pf_selftest_row {
    const char *name; /* "scalar functions", "products by clblast" */
    const char
        *candidate; /* the way of multiplying matrices under test: "cpu", "clblast", "generic"; else NULL */
    const char *worst;  /* the result with the largest error, "" when there is none */
    const char *detail; /* why a row failed; else "" */
    pf_selftest_state state;
    int checks;   /* results compared */
    double error; /* the largest relative error ||device - reference|| / ||reference||; NaN where a value is
                     none */
    double tolerance; /* 0: exact */
    double seconds;
} pf_selftest_row;

typedef struct pf_selftest_desc {
    bool quick; /* fewer shapes; of the products only what the device would use, and the generic kernel */
    void (*report)(void *user, const pf_selftest_row *row); /* called once per row as it ends; may be NULL */
    void *user;
} pf_selftest_desc;

typedef struct pf_selftest_result {
    int rows, wrong, failed;
    double seconds;
} pf_selftest_result;

/** Runs the operation table on the device and compares it with the double-precision interpreter on the same
 * data. desc and result may be NULL. PF_MISMATCH when a row is wrong (the message has the figures); otherwise
 * the status of the first row that failed. All rows run in any case. */
PF_API pf_status pf_selftest_run(pf_context *context, const pf_selftest_desc *desc,
                                 pf_selftest_result *result, pf_error *error);

#endif
