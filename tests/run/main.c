/* SPDX-License-Identifier: MIT
 * Tests of src/run. */
#include "run/fixture.h"

void test_config_suite(void);
void test_schedule_suite(void);
void test_scaling_suite(void);
void test_solver_suite(void);
void test_dopri5_suite(void);
void test_files_suite(void);
void test_optimiser_suite(void);
void test_checkpoint_suite(void);
void test_trainer_suite(void);
void test_streaming_suite(void);
void test_sampler_suite(void);
void test_backends_suite(void);
void test_drifting_suite(void);
void test_profile_suite(void);
void test_teacher_suite(void);
void test_paired_suite(void);
void test_reflow_suite(void);
void test_average_suite(void);
void test_guidance_suite(void);
void test_velocity_suite(void);

int main(void) {
    if (CU_initialize_registry() != CUE_SUCCESS) return 1;
    test_config_suite();
    test_schedule_suite();
    test_scaling_suite();
    test_solver_suite();
    test_dopri5_suite();
    test_files_suite();
    test_optimiser_suite();
    test_checkpoint_suite();
    test_trainer_suite();
    test_streaming_suite();
    test_sampler_suite();
    test_backends_suite();
    test_drifting_suite();
    test_profile_suite();
    test_teacher_suite();
    test_paired_suite();
    test_reflow_suite();
    test_average_suite();
    test_guidance_suite();
    test_velocity_suite();
    int failed = check_run();
    test_context_close();
    test_folder_remove();
    return failed;
}
