/* SPDX-License-Identifier: MIT
 * Training in this process: resuming, the guard against not-a-number, what a step may do. */
#include "base/file.h"
#include "run/fixture.h"
#include "run/run.h"
#include <string.h>

/* Every tensor and the state of two checkpoints, by the hash over all content but /provenance. */
static void check_same(const char *a, const char *b, int64_t step) {
    pf_error error = {0};
    char *path[2] = {pf__folder_checkpoint(a, step), pf__folder_checkpoint(b, step)};
    char command[1400];
    CHECK_OK(pf__checkpoint_verify(path[0], &error), error);
    snprintf(command, sizeof command, "h5diff -q --exclude-path /provenance '%s' '%s'", path[0], path[1]);
    CHECK_INT(system(command), 0);
    free(path[0]);
    free(path[1]);
}

static void resumed_equals_uninterrupted(void) {
    static const char *const sets[][3] = {{"method.name=meanflow", "train.on_nan=skip", NULL},
                                          {"method.name=flow", "train.weight_decay=0.01", NULL}};
    pf_error error = {0};
    for (int i = 0; i < 2; i++) {
        pf_config *config = test_config(test_moons(), sets[i]);
        const char *whole = test_path(i ? "whole-flow" : "whole"),
                   *parts = test_path(i ? "parts-flow" : "parts");
        CHECK_OK(test_train(whole, PF_FOLDER_NEW, config, 0, &error), error);
        CHECK_INT(test_train(parts, PF_FOLDER_NEW, config, 7, &error), PF_INTERRUPTED);
        CHECK_CONTAINS(error.hint, "--resume");
        CHECK_INT(test_train(parts, PF_FOLDER_RESUME, config, 6, &error), PF_INTERRUPTED);
        CHECK_OK(test_train(parts, PF_FOLDER_RESUME, config, 0, &error), error);
        check_same(whole, parts, 20);
        pf_config_destroy(&config);
    }
}

static void images_and_labels(void) {
    const char *strokes = test_set(
        "strokes.h5", &(pf_make_desc){.kind = "strokes", .train = 200, .test = 20, .noise = -1, .size = 8});
    const char *pairs[] = {"data.labels=true", "train.sample_every=1", "train.ema=0.5", NULL};
    pf_error error = {0};
    pf_config *config = test_config(strokes, pairs);
    CHECK_OK(test_train(test_path("images"), PF_FOLDER_NEW, config, 0, &error), error);
    CU_ASSERT_TRUE(pf__file_exists(test_path("images/samples/step_00000000.png")));
    CU_ASSERT_TRUE(pf__file_exists(test_path("images/samples/step_00000020.png")));
    CHECK_OK(pf_run_report(test_path("images"), &error), error);
    char *html;
    size_t length;
    CHECK_OK(pf__file_read(test_path("images/report.html"), &html, &length, &error), error);
    for (int step = 0; html && step <= 20; step++) { /* five of 21 pictures */
        char caption[40];
        snprintf(caption, sizeof caption, "samples at step %d<", step);
        CU_ASSERT_EQUAL(strstr(html, caption) != NULL, step % 5 == 0);
    }
    free(html);
    pf_config_destroy(&config);
}

static void not_a_number_stops(void) {
    const char *pairs[] = {"train.lr=1e30", "train.clip=0", "train.save_every=1", "train.keep_last=0", NULL};
    pf_error error = {0};
    pf_config *config = test_config(test_moons(), pairs);
    const char *folder = test_path("nan");
    CHECK_INT(test_train(folder, PF_FOLDER_NEW, config, 0, &error), PF_NAN);
    CHECK_CONTAINS(error.message, "not finite");
    CU_ASSERT_TRUE(pf__file_exists(test_path("nan/debug_step.h5")));
    char **paths;
    int count;
    CHECK_OK(pf__folder_checkpoints(folder, &paths, &count, &error), error);
    CU_ASSERT(count < 20); /* none after the bad step */
    for (int i = 0; i < count; i++) CHECK_OK(pf__checkpoint_verify(paths[i], &error), error);
    pf__folder_free_paths(paths, count);
    pf_config_destroy(&config);
}

static void not_a_number_is_skipped(void) {
    const char *pairs[] = {"train.lr=1e30", "train.clip=0", "train.on_nan=skip", NULL};
    pf_error error = {0};
    pf_config *config = test_config(test_moons(), pairs);
    CHECK_OK(test_train(test_path("skip"), PF_FOLDER_NEW, config, 0, &error), error);
    char *text;
    size_t length;
    CHECK_OK(pf__file_read(test_path("skip/metrics.jsonl"), &text, &length, &error), error);
    CHECK_CONTAINS(text, "\"skipped\":5");
    free(text);
    pf_config_destroy(&config);
}

static void steps_neither_allocate_nor_wait(void) {
    const char *pairs[] = {"train.log_every=1000", "train.save_every=0", "train.steps=200", NULL};
    pf_error error = {0};
    pf_config *config = test_config(test_moons(), pairs);
    pf_trainer *t = NULL;
    CHECK_OK(
        pf_trainer_create(
            &t, &(pf_trainer_desc){.context = test_context(), .config = config, .folder = test_path("count")},
            &error),
        error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    /* 9 steps and what stopping costs, twice: the difference is 80 steps and nothing else */
    pf_context_counts c[3];
    c[0] = pf_context_count(test_context());
    CHECK_INT(pf_trainer_run(t, &(pf_run_desc){.stop_after = 10}, &error), PF_INTERRUPTED);
    c[1] = pf_context_count(test_context());
    CHECK_INT(pf_trainer_run(t, &(pf_run_desc){.stop_after = 90}, &error), PF_INTERRUPTED);
    c[2] = pf_context_count(test_context());
    uint64_t launches = (uint64_t)pf_trainer_describe(t).launches;
    CU_ASSERT_EQUAL(c[1].launches - c[0].launches, 10 * launches);
    CU_ASSERT_EQUAL(c[2].launches - c[1].launches, 90 * launches);
    CU_ASSERT_EQUAL(c[2].allocations, c[0].allocations);
    /* but for the wait for step n - 3, at most one a step */
    uint64_t paced[2] = {c[1].paced - c[0].paced, c[2].paced - c[1].paced};
    CU_ASSERT(paced[0] <= 10 && paced[1] <= 90);
    CU_ASSERT_EQUAL(c[2].blocking - c[1].blocking - paced[1], c[1].blocking - c[0].blocking - paced[0]);
    pf_trainer_destroy(&t);
    pf_config_destroy(&config);
}

/* A step reads nothing in the plans' arenas that it did not write: filled with NaN before each, they change
 * nothing. */
static void arenas_carry_nothing_over(void) {
    const char *pairs[] = {"method.name=meanflow", "train.ema=0.9", NULL};
    const char *whole = test_path("clean"), *poisoned = test_path("poisoned");
    pf_error error = {0};
    pf_config *config = test_config(test_moons(), pairs);
    pf_trainer *t = NULL;
    CHECK_OK(test_train(whole, PF_FOLDER_NEW, config, 0, &error), error);
    CHECK_OK(
        pf_trainer_create(
            &t, &(pf_trainer_desc){.context = test_context(), .config = config, .folder = poisoned}, &error),
        error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    pf_status st = PF_INTERRUPTED;
    for (int step = 1; st == PF_INTERRUPTED && step <= 20; step++) {
        CHECK_OK(pf__plan_poison(t->loss, &error), error);
        CHECK_OK(pf__plan_poison(t->optimiser, &error), error);
        st = pf_trainer_run(t, &(pf_run_desc){.stop_after = step}, &error);
    }
    if (st != PF_INTERRUPTED) CHECK_OK(st, error);
    pf_trainer_destroy(&t);
    check_same(whole, poisoned, 20);
    pf_config_destroy(&config);
}

/* Tensors end before a multiple of 64 floats: what lies between stays zero, or it would count in the norm. */
static void gaps_stay_zero(void) {
    pf_error error = {0};
    const char *pairs[] = {"model.width=33", NULL};
    pf_config *config = test_config(test_moons(), pairs);
    pf_trainer *t = NULL;
    CHECK_OK(pf_trainer_create(
                 &t,
                 &(pf_trainer_desc){.context = test_context(), .config = config, .folder = test_path("gaps")},
                 &error),
             error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    CHECK_OK(pf_trainer_run(t, &(pf_run_desc){0}, &error), error);
    const pf__params *params = &t->model.params;
    float *grads = malloc(params->flat_count * sizeof *grads);
    CHECK_OK(pf__buffer_read(t->grads, 0, grads, params->flat_count * sizeof *grads, &error), error);
    for (int i = 0; i < params->count; i++) { /* what is left after wiping the tensors is the gaps */
        memset(grads + params->list[i].offset, 0, (size_t)params->list[i].count * sizeof *grads);
        memset(t->host + params->list[i].offset, 0, (size_t)params->list[i].count * sizeof *grads);
    }
    int dirty = 0;
    for (uint32_t i = 0; i < params->flat_count; i++) dirty += grads[i] != 0 || t->host[i] != 0;
    CHECK_INT(dirty, 0);
    free(grads);
    pf_trainer_destroy(&t);
    pf_config_destroy(&config);
}

static void check_resume_refused(const char *data, const char *pair, pf_status want, const char *message) {
    pf_error error = {0};
    const char *pairs[] = {pair, NULL};
    pf_config *config = test_config(data, pairs);
    CHECK_INT(test_train(test_path("whole"), PF_FOLDER_RESUME, config, 0, &error), want);
    CHECK_CONTAINS(error.message, message);
    pf_config_destroy(&config);
}

static void refuses_another_model(void) {
    const char *other = test_set(
        "other.h5", &(pf_make_desc){.kind = "moons", .train = 512, .test = 64, .noise = -1, .seed = 9});
    check_resume_refused(test_moons(), "model.width=16", PF_DATA, "shape");
    check_resume_refused(test_moons(), "method.name=flow", PF_USAGE, "method");
    check_resume_refused(test_moons(), "train.batch=32", PF_USAGE, "batch");
    check_resume_refused(other, "train.batch=64", PF_DATA, "another data set");
}

/* keep_every in a run; and going back to an earlier checkpoint sets the later ones aside. */
static void checkpoints_are_kept(void) {
    pf_error error = {0};
    const char *pairs[] = {"train.save_every=2", "train.keep_last=1", "train.keep_every=8", NULL};
    pf_config *config = test_config(test_moons(), pairs);
    const char *folder = test_path("kept");
    CHECK_OK(test_train(folder, PF_FOLDER_NEW, config, 0, &error), error);
    char **paths;
    int count;
    CHECK_OK(pf__folder_checkpoints(folder, &paths, &count, &error), error);
    CHECK_INT(count, 3); /* 8, 16 and 20 */
    pf_trainer *t = NULL;
    pf_trainer_desc desc = {.context = test_context(),
                            .config = config,
                            .folder = folder,
                            .open = PF_FOLDER_RESUME,
                            .checkpoint = count == 3 ? paths[0] : NULL};
    CHECK_OK(pf_trainer_create(&t, &desc, &error), error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    CHECK_INT(pf_trainer_describe(t).step, 8);
    pf_trainer_destroy(&t);
    CU_ASSERT_TRUE(pf__file_exists(test_path("kept/checkpoints/step_00000008.h5")));
    CU_ASSERT_TRUE(pf__file_exists(test_path("kept/checkpoints/step_00000020.h5.old")));
    CU_ASSERT_FALSE(pf__file_exists(test_path("kept/checkpoints/step_00000020.h5")));
    pf__folder_free_paths(paths, count);
    pf_config_destroy(&config);
}

/* The folder goes away in the middle: the training stops and says what is left. */
static void a_folder_goes_away(void) {
    pf_error error = {0};
    pf_config *config = test_config(test_moons(), NULL);
    pf_trainer *t = NULL;
    pf_trainer_desc desc = {.context = test_context(), .config = config, .folder = test_path("away")};
    CHECK_OK(pf_trainer_create(&t, &desc, &error), error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    CHECK_INT(pf_trainer_run(t, &(pf_run_desc){.stop_after = 2}, &error), PF_INTERRUPTED);
    CU_ASSERT_EQUAL(rename(test_path("away"), test_path("moved")), 0);
    CHECK_INT(pf_trainer_run(t, &(pf_run_desc){0}, &error), PF_SYSTEM);
    CHECK_CONTAINS(error.message, "metrics.jsonl");
    CHECK_CONTAINS(error.hint, "no checkpoint of this run is left");
    CU_ASSERT_FALSE(pf__file_exists(test_path("away")));
    CHECK_OK(pf__checkpoint_verify(test_path("moved/checkpoints/step_00000002.h5"), &error), error);
    pf_trainer_destroy(&t);
    pf_config_destroy(&config);
}

static void a_folder_is_locked(void) {
    pf_error error = {0};
    pf_config *config = test_config(test_moons(), NULL);
    pf_trainer *t = NULL;
    CHECK_INT(test_train(test_path("whole"), PF_FOLDER_NEW, config, 0, &error), PF_USAGE);
    CHECK_CONTAINS(error.message, "not empty");
    CHECK_INT(test_train(test_path("never"), PF_FOLDER_RESUME, config, 0, &error), PF_USAGE);
    /* a dry run writes nothing and does not train */
    CHECK_OK(pf_trainer_create(&t, &(pf_trainer_desc){.context = test_context(), .config = config}, &error),
             error);
    CHECK_INT(pf_trainer_run(t, &(pf_run_desc){0}, &error), PF_USAGE);
    CHECK_INT(pf_trainer_save(t, &error), PF_USAGE);
    CU_ASSERT(pf_trainer_describe(t).total_bytes > 0);
    pf_trainer_destroy(&t);
    pf_config_destroy(&config);
}

void test_trainer_suite(void) {
    CU_pSuite s = CU_add_suite("run/trainer", NULL, NULL);
    CU_add_test(s, "resumed = uninterrupted", resumed_equals_uninterrupted);
    CU_add_test(s, "images, labels, pictures, report", images_and_labels);
    CU_add_test(s, "not a number: stop", not_a_number_stops);
    CU_add_test(s, "not a number: skip", not_a_number_is_skipped);
    CU_add_test(s, "steps neither allocate nor wait", steps_neither_allocate_nor_wait);
    CU_add_test(s, "arenas carry nothing over", arenas_carry_nothing_over);
    CU_add_test(s, "gaps of the flat vectors", gaps_stay_zero);
    CU_add_test(s, "another model's checkpoint", refuses_another_model);
    CU_add_test(s, "folders", a_folder_is_locked);
    CU_add_test(s, "which checkpoints stay", checkpoints_are_kept);
    CU_add_test(s, "a folder that goes away", a_folder_goes_away);
}
