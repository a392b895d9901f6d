/* SPDX-License-Identifier: MIT
 * What a device is worth: whether it computes rightly, and how fast it can be. Before training on a device:
 *
 *     pf_selftest_result found;
 *     pf_status st = pf_selftest_require(context, NULL, &found, &error);
 *
 * runs a self-test of a few seconds where none is remembered for this device, driver and library, and makes
 * the context do without what the device gets wrong. */
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
    const char *name;      /* "scalar functions", "products by clblast" */
    const char *candidate; /* the way of multiplying matrices that the row used: "cpu", "clblast", "generic";
                              NULL where it used none or the device knows only one */
    const char *worst;     /* the result with the largest error, "" when there is none */
    const char *detail;    /* why a row failed; else "" */
    pf_selftest_state state;
    int checks;   /* results compared */
    double error; /* the largest relative error ||device - reference|| / ||reference||; NaN where a value is
                     none */
    double tolerance; /* 0: exact */
    double seconds;
} pf_selftest_row;

typedef struct pf_selftest_desc {
    bool quick; /* a few seconds, compiling included: fewer shapes, and of the optional ways of multiplying
                   matrices only the device's own choice */
    void (*report)(void *user, const pf_selftest_row *row); /* called once per row as it ends; may be NULL */
    void *user;
} pf_selftest_desc;

/** The verdict on a device. */
typedef struct pf_selftest_result {
    int rows, wrong, failed;
    double seconds;
    bool quick;
    bool remembered; /* from an earlier run, not this one */
    char date[24];   /* of the run, "2026-11-22T23:59:59Z" */
    char avoid[64]; /* optional ways of computing with a bad row, for pf_context_avoid: "cpu"; "" when none */
    char optional[400]; /* their rows, with the figures */
    char basic[400];    /* the bad rows of what has no other way, with the figures; "" when the device can be
                           used */
} pf_selftest_result;

/** Runs the operation table on the device and compares it with the double-precision interpreter on the same
 * data. desc and result may be NULL. PF_MISMATCH when a row is wrong (the message has the figures); otherwise
 * the status of the first row that failed. All rows run in any case, and whatever the context avoids is
 * tested too. The verdict is remembered in the context's cache folder, unless a basic row did not run. */
PF_API pf_status pf_selftest_run(pf_context *context, const pf_selftest_desc *desc,
                                 pf_selftest_result *result, pf_error *error);

/** True when a verdict is remembered for the context's device, driver, platform, this library and its kernels
 * (or those of PF_KERNEL_DIR). *result is all zeros otherwise. */
PF_API bool pf_selftest_recall(pf_context *context, pf_selftest_result *result);

/** The verdict that is remembered, else that of a run as desc says (NULL: a quick one). Makes the context
 * avoid result->avoid, which is no failure: tell the user, training may be slower. PF_MISMATCH, or the status
 * of the row that did not run, when something basic is bad: do not train. A context without a cache folder
 * remembers nothing: each call runs. result may be NULL. */
PF_API pf_status pf_selftest_require(pf_context *context, const pf_selftest_desc *desc,
                                     pf_selftest_result *result, pf_error *error);

/** What a device does at most, measured with kernels of ours. */
typedef struct pf_limits {
    double flops; /* per second: multiply-adds in registers, each two operations */
    double bytes; /* per second: the triad a = b + s c on vectors of 64 MiB (less on a small device) */
    double launch_seconds; /* of a kernel that does next to nothing, among many */
    double seconds;        /* that measuring took */
} pf_limits;

/** Takes less than a second on an idle device, and 192 MiB of its memory meanwhile. */
PF_API pf_status pf_limits_measure(pf_context *context, pf_limits *out, pf_error *error);

#endif
