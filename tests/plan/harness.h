/* SPDX-License-Identifier: MIT
 * Runs a graph on the device and in the interpreter with the same data, and compares. */
#ifndef PF_TESTS_PLAN_HARNESS_H
#define PF_TESTS_PLAN_HARNESS_H

#include "plan/plan.h"

/** The context of the test program; PF_DEVICE and PF_TEST_MATMUL are heeded. With PF_TEST_WIDTH the device
 * counts as a CPU with vectors of so many floats: a simulator of any type runs the kernels that a CPU would
 * get. */
pf_context *test_context(void);
void test_context_close(void);
const char *test_matmul(void);
/** PF_TEST_SMALL is set: few shapes, and small ones, for slow checkers. */
bool test_small(void);

/** The largest relative error of any output, ||device - interpreter|| / max(||interpreter||, 1e-6 sqrt(n));
 * NAN when something failed. Leaves get random data: f32 normal, integers small and non-negative (below
 * `index_limit`). */
double compare_on_device(const pf_graph *g, const pf_value *outputs, int count, int index_limit);

/** As above with given data for some leaves (by name, "group:path", or stream), and the report of the plan.
 */
double compare_with(const pf_graph *g, const pf_value *outputs, int count, int index_limit,
                    const pf_binding *given, int given_count, const char *matmul, pf__plan_report *report);

/** Uniform in [0, 1), from a test's own little generator. */
double test_uniform(uint64_t *state);
int test_int(uint64_t *state, int low, int high);
double test_normal(uint64_t *state);

#endif
