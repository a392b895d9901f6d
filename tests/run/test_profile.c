/* SPDX-License-Identifier: MIT
 * The profile of a training adds up: launches, operations, seconds, on the device's side and the host's. */
#include "run/fixture.h"
#include "run/run.h"
#include <string.h>

void test_profile_suite(void);

static const char *const known[] = {"products nn", "products nt",    "products tn", "packing",    "pointwise",
                                    "rows",        "sums of slices", "sums",        "random",     "gather",
                                    "gather sum",  "optimiser",      "transfers",   "products tt"};

static bool is_known(const char *name) {
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(name, known[i]) == 0) return true;
    return false;
}

static const pf_profile_row *find(const pf_profile *p, const char *family) {
    for (int i = 0; i < p->family_count; i++)
        if (strcmp(p->families[i].name, family) == 0) return &p->families[i];
    return NULL;
}

static pf_profile_row total(const pf_profile_row *rows, int count) {
    pf_profile_row t = {0};
    for (int i = 0; i < count; i++) {
        t.launches += rows[i].launches;
        t.seconds += rows[i].seconds;
        t.gap_seconds += rows[i].gap_seconds;
        t.flops += rows[i].flops;
        t.bytes += rows[i].bytes;
        if (i > 0) CU_ASSERT(rows[i].seconds <= rows[i - 1].seconds);
    }
    return t;
}

static void check_sums(const pf_profile *p, const pf_trainer_info *info) {
    const pf_profile_row families = total(p->families, p->family_count),
                         launches = total(p->launches, p->launch_count);
    const pf_profile_row *transfers = find(p, "transfers"), *optimiser = find(p, "optimiser");
    CU_ASSERT_PTR_NOT_NULL_FATAL(transfers);
    CU_ASSERT_PTR_NOT_NULL_FATAL(optimiser);
    for (int i = 0; i < p->family_count; i++) {
        if (!is_known(p->families[i].name)) fprintf(stderr, "family '%s'\n", p->families[i].name);
        CU_ASSERT(is_known(p->families[i].name));
    }
    CHECK_NEAR(families.launches, info->launches + transfers->launches, 1e-9);
    CHECK_NEAR(transfers->launches, 3, 1e-9); /* batch, step block, flag */
    CHECK_NEAR(launches.launches, families.launches, 1e-9);
    CHECK_NEAR(families.seconds, p->kernel_seconds + p->transfer_seconds, 1e-9);
    CHECK_NEAR(launches.seconds, families.seconds, 1e-9);
    CHECK_NEAR(families.gap_seconds, p->gap_seconds, 1e-9);
    CHECK_NEAR(families.flops, info->flops, 1e-9);
    CU_ASSERT(launches.bytes > 0);
    CHECK_NEAR(launches.bytes, families.bytes, 1e-9);
    CU_ASSERT(p->kernel_seconds > 0 && p->transfer_seconds >= 0 && p->gap_seconds >= 0);
    CU_ASSERT(p->host_seconds > 0 && p->ahead_seconds >= 0 && p->data_seconds >= 0);
    CHECK_NEAR(p->wall_seconds, p->host_seconds + p->ahead_seconds + p->data_seconds + p->logging_seconds,
               1e-9);
    /* the device works on these steps while the host's clock runs, but for what is enqueued before it looks
     */
    CU_ASSERT(p->kernel_seconds + p->transfer_seconds + p->gap_seconds < 1.2 * p->wall_seconds + 1e-3);
}

static void profiles_a_training(void) {
    const char *pairs[] = {"method.name=meanflow", "train.steps=32",       "train.log_every=10",
                           "train.save_every=11",  "train.sample_every=7", NULL};
    pf_error error = {0};
    pf_context *context = NULL;
    pf_trainer *t = NULL;
    pf_profile profile = {0};
    pf_config *config = test_config(test_moons(), pairs);
    CHECK_OK(pf_context_create(&context, &(pf_context_desc){.device = getenv("PF_DEVICE"), .profile = true},
                               &error),
             error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(context);
    pf_trainer_desc desc = {.context = context, .config = config, .folder = test_path("profiled")};
    CHECK_OK(pf_trainer_create(&t, &desc, &error), error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    CHECK_OK(pf_trainer_profile(t, &profile, &error), error);
    CHECK_INT(profile.steps, 0);
    CHECK_INT(pf_trainer_run(t, &(pf_run_desc){.stop_after = 12}, &error), PF_INTERRUPTED);
    CHECK_OK(pf_trainer_run(t, &(pf_run_desc){0}, &error), error);
    CHECK_OK(pf_trainer_profile(t, &profile, &error), error);
    CHECK_INT(profile.steps, 28); /* without the first two of either run */
    const pf_trainer_info info = pf_trainer_describe(t);
    check_sums(&profile, &info);
    CU_ASSERT(info.launches_unfused > info.launches);
    CU_ASSERT(info.arena_bound_bytes <= info.arena_bytes);
    CU_ASSERT(info.arena_bytes < info.arena_sum_bytes);
    CU_ASSERT(info.arena_sum_bytes < info.arena_unfused_bytes);
    pf_profile_free(&profile);
    CHECK_INT(profile.family_count, 0);
    pf_profile_free(&profile);
    pf_trainer_destroy(&t);
    pf_context_destroy(&context);
    pf_config_destroy(&config);
}

static void needs_a_profiling_context(void) {
    pf_error error = {0};
    pf_trainer *t = NULL;
    pf_profile profile = {0};
    pf_config *config = test_config(test_moons(), NULL);
    CHECK_OK(pf_trainer_create(&t, &(pf_trainer_desc){.context = test_context(), .config = config}, &error),
             error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    CHECK_INT(pf_trainer_profile(t, &profile, &error), PF_USAGE);
    CHECK_CONTAINS(error.message, "profile");
    pf_trainer_destroy(&t);
    pf_config_destroy(&config);
}

void test_profile_suite(void) {
    CU_pSuite s = CU_add_suite("run/profile", NULL, NULL);
    CU_add_test(s, "profiles a training", profiles_a_training);
    CU_add_test(s, "needs a profiling context", needs_a_profiling_context);
}
