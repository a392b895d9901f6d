/* SPDX-License-Identifier: MIT
 * The suites of this folder. */
#ifndef PF_TESTS_OPS_SUITES_H
#define PF_TESTS_OPS_SUITES_H

void test_matmul_suite(void);
void test_random_suite(void);
void test_gather_suite(void);
void test_drift_suite(void);

#endif
