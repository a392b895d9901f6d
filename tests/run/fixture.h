/* SPDX-License-Identifier: MIT
 * What the tests of run/ and eval/ share: a device, a folder that goes away, a small data set, a small
 * configuration. */
#ifndef PF_TESTS_RUN_FIXTURE_H
#define PF_TESTS_RUN_FIXTURE_H

#include "check.h"
#include "pushforward/pushforward.h"

/** One context for the whole program. */
pf_context *test_context(void);
void test_context_close(void);

/** A path inside the program's own folder, which test_folder_remove removes. Static ring of 8. */
const char *test_path(const char *name);
void test_folder_remove(void);

/** A made set, written once per name. */
const char *test_set(const char *name, const pf_make_desc *desc);
/** 512 moons, 64 of them for testing. */
const char *test_moons(void);

/** A resolved configuration: a small MeanFlow network on `data` and further pairs ("train.steps=20"), ended
 * by NULL. */
pf_config *test_config(const char *data, const char *const *pairs);
/** Trains into a new folder; the status of pf_trainer_run. */
pf_status test_train(const char *folder, pf_run_folder open, const pf_config *config, int64_t stop_after,
                     pf_error *error);

#endif
