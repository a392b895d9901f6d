/* SPDX-License-Identifier: MIT
 * Run folders, metrics.jsonl, .npy and files of samples. */
#include "base/file.h"
#include "run/fixture.h"
#include "run/run.h"
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void write_text(const char *path, const char *text) {
    pf_error error = {0};
    CHECK_OK(pf__file_write(path, text, strlen(text), &error), error);
}

static char *read_text(const char *path) {
    char *text = NULL;
    size_t length;
    pf_error error = {0};
    CHECK_OK(pf__file_read(path, &text, &length, &error), error);
    return text ? text : strdup("");
}

static void folder_is_refused_or_cleared(void) {
    pf_error error = {0};
    pf__folder f;
    const char *path = test_path("folder");
    CHECK_OK(pf__folder_open(&f, path, PF_FOLDER_NEW, &error), error);
    pf__folder_close(&f);
    CU_ASSERT_FALSE(pf__is_folder(path)); /* nothing began */
    CHECK_OK(pf__folder_open(&f, path, PF_FOLDER_NEW, &error), error);
    CHECK_OK(pf__folder_begin(&f, PF_FOLDER_NEW, &error), error);
    pf__folder_close(&f);
    CHECK_INT(pf__folder_open(&f, path, PF_FOLDER_NEW, &error), PF_USAGE);
    CHECK_CONTAINS(error.message, "not empty");
    CHECK_CONTAINS(error.hint, "--resume");
    write_text(test_path("folder/metrics.jsonl"), "{}\n");
    write_text(test_path("folder/mine.txt"), "keep\n");
    write_text(test_path("folder/checkpoints/step_00000001.h5"), "x");
    CHECK_OK(pf__folder_open(&f, path, PF_FOLDER_FORCE, &error), error);
    CU_ASSERT_TRUE(pf__file_exists(test_path("folder/metrics.jsonl"))); /* until the new run begins */
    CHECK_OK(pf__folder_begin(&f, PF_FOLDER_FORCE, &error), error);
    pf__folder_close(&f);
    CU_ASSERT_FALSE(pf__file_exists(test_path("folder/metrics.jsonl")));
    CU_ASSERT_FALSE(pf__file_exists(test_path("folder/checkpoints/step_00000001.h5")));
    CU_ASSERT_TRUE(pf__file_exists(test_path("folder/mine.txt")));
    CHECK_INT(pf__folder_open(&f, test_path("nowhere"), PF_FOLDER_RESUME, &error), PF_USAGE);
}

static void checkpoints_are_listed_and_pruned(void) {
    pf_error error = {0};
    const char *folder = test_path("prune");
    CHECK_OK(pf__folder_create(test_path("prune/checkpoints"), &error), error);
    write_text(test_path("prune/checkpoints/step_00000010.h5"), "x");
    write_text(test_path("prune/checkpoints/step_00000002.h5"), "x");
    write_text(test_path("prune/checkpoints/step_00000020.h5.tmp"), "x");
    write_text(test_path("prune/checkpoints/notes.txt"), "x");
    char **paths;
    int count;
    CHECK_OK(pf__folder_checkpoints(folder, &paths, &count, &error), error);
    CHECK_INT(count, 2);
    if (count == 2) CHECK_CONTAINS(paths[1], "step_00000010.h5");
    pf__folder_free_paths(paths, count);
    pf__folder_prune(folder, 1, 0);
    CU_ASSERT_FALSE(pf__file_exists(test_path("prune/checkpoints/step_00000002.h5")));
    CU_ASSERT_TRUE(pf__file_exists(test_path("prune/checkpoints/step_00000010.h5")));
}

static void touch(const char *folder, const char *name) {
    char path[600];
    snprintf(path, sizeof path, "%s/checkpoints/%s", folder, name);
    write_text(path, "x");
}

static void check_there(const char *folder, const char *names, bool there) {
    char copy[512], path[600], *state = NULL;
    snprintf(copy, sizeof copy, "%s", names);
    for (char *name = strtok_r(copy, " ", &state); name; name = strtok_r(NULL, " ", &state)) {
        snprintf(path, sizeof path, "%s/checkpoints/%s", folder, name);
        if (pf__file_exists(path) != there) fprintf(stderr, "%s: there: %d\n", path, !there);
        CU_ASSERT_EQUAL(pf__file_exists(path), there);
    }
}

static void every_nth_checkpoint_stays(void) {
    pf_error error = {0};
    const char *folder = test_path("every");
    CHECK_OK(pf__folder_create(test_path("every/checkpoints"), &error), error);
    touch(folder, "step_00000010.h5");
    touch(folder, "step_00000015.h5");
    touch(folder, "step_00000020.h5");
    touch(folder, "step_99999995.h5");
    touch(folder, "step_100000000.h5"); /* the newest, though not the last by name */
    pf__folder_prune(folder, 0, 10);
    check_there(folder, "step_00000015.h5", true);
    pf__folder_prune(folder, 1, 20);
    check_there(folder, "step_00000010.h5 step_00000015.h5 step_99999995.h5", false);
    check_there(folder, "step_00000020.h5 step_100000000.h5", true);
    pf__folder_prune(folder, 1, 0);
    check_there(folder, "step_00000020.h5", false);
    check_there(folder, "step_100000000.h5", true);
}

static void later_checkpoints_are_set_aside(void) {
    pf_error error = {0};
    const char *folder = test_path("aside");
    CHECK_OK(pf__folder_create(test_path("aside/checkpoints"), &error), error);
    touch(folder, "step_00000010.h5");
    touch(folder, "step_00000020.h5");
    touch(folder, "step_00000030.h5");
    CHECK_INT(pf__folder_set_aside(folder, 30), 0);
    CHECK_INT(pf__folder_set_aside(folder, 10), 2);
    check_there(folder, "step_00000010.h5 step_00000020.h5.old step_00000030.h5.old", true);
    check_there(folder, "step_00000020.h5 step_00000030.h5", false);
}

/* What a killed process was writing goes when the next run begins; what only looks like it stays. */
static void temporaries_are_removed(void) {
    static const char *const ours[] = {"config.ini.tmp.12.0", "metrics.jsonl.tmp.7.3",
                                       "checkpoints/step_00000020.h5.tmp",
                                       "samples/step_00000020.png.tmp.12.0"};
    static const char *const others[] = {"mine.tmp", "config.ini.tmp.old", "checkpoints/mine.h5.tmp",
                                         "checkpoints/step_00000020.h5", "samples/step_x.png.tmp.1.0"};
    enum { OURS = sizeof ours / sizeof *ours, OTHERS = sizeof others / sizeof *others };
    pf_error error = {0};
    pf__folder f;
    char path[600];
    const char *folder = test_path("stray");
    CHECK_OK(pf__folder_create(test_path("stray/checkpoints"), &error), error);
    CHECK_OK(pf__folder_create(test_path("stray/samples"), &error), error);
    for (int i = 0; i < OURS + OTHERS; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, i < OURS ? ours[i] : others[i - OURS]);
        write_text(path, "x");
    }
    CHECK_OK(pf__folder_open(&f, folder, PF_FOLDER_RESUME, &error), error);
    CHECK_OK(pf__folder_begin(&f, PF_FOLDER_RESUME, &error), error);
    pf__folder_close(&f);
    for (int i = 0; i < OURS + OTHERS; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, i < OURS ? ours[i] : others[i - OURS]);
        if (pf__file_exists(path) != (i >= OURS)) fprintf(stderr, "%s is wrongly there or gone\n", path);
        CU_ASSERT_EQUAL(pf__file_exists(path), i >= OURS);
    }
}

/* Closing must not take away the lock of a process that made the folder anew. */
static void another_ones_lock_stays(void) {
    pf_error error = {0};
    pf__folder f;
    CHECK_OK(pf__folder_open(&f, test_path("lock"), PF_FOLDER_NEW, &error), error);
    CU_ASSERT_EQUAL(unlink(test_path("lock/.lock")), 0);
    write_text(test_path("lock/.lock"), "1\n");
    pf__folder_close(&f);
    CU_ASSERT_TRUE(pf__file_exists(test_path("lock/.lock")));
}

static void metrics_are_rewound(void) {
    pf_error error = {0};
    const char *folder = test_path("metrics");
    CHECK_OK(pf__folder_create(folder, &error), error);
    CHECK_OK(pf__metrics_rewind(folder, 5, &error), error); /* no file: nothing to do */
    CHECK_OK(pf__metrics_append(folder, "{\"step\":5,\"loss\":1}", &error), error);
    CHECK_OK(pf__metrics_append(folder, "{\"step\":10,\"loss\":null}", &error), error);
    CHECK_OK(pf__metrics_append(folder, "{\"step\":1", &error), error); /* torn */
    CHECK_OK(pf__metrics_rewind(folder, 9, &error), error);
    char *text = read_text(test_path("metrics/metrics.jsonl"));
    CU_ASSERT_STRING_EQUAL(text, "{\"step\":5,\"loss\":1}\n");
    free(text);
    pf__text line = {0};
    pf__text_add(&line, "{");
    pf__json_number(&line, "a", 0.5);
    pf__json_number(&line, "b", NAN);
    CU_ASSERT_STRING_EQUAL(pf__text_string(&line), "{\"a\":0.5,\"b\":null");
    pf__text_free(&line);
}

/* Found by tests/fuzz: elements of an array have no names. */
static void report_takes_any_json(void) {
    pf_error error = {0};
    const char *folder = test_path("any-json");
    CHECK_OK(pf__folder_create(folder, &error), error);
    write_text(test_path("any-json/metrics.jsonl"), "{\"step\":5,\"loss\":1}\n7\n[1,2]\n");
    write_text(test_path("any-json/eval.json"), "[3]");
    write_text(test_path("any-json/config.ini"), "[train]\n");
    CHECK_OK(pf_run_report(folder, &error), error);
    char *html = read_text(test_path("any-json/report.html"));
    CHECK_CONTAINS(html, "loss");
    free(html);
}

static void npy_round_trip(void) {
    pf_error error = {0};
    pf_shape shape = {.rank = 3, .dim = {2, 3, 1}}, got;
    float data[6] = {1, -2, 0.5f, 1e-30f, 3e30f, 0}, *read = NULL;
    const char *path = test_path("array.npy");
    CHECK_OK(pf__npy_write(path, &shape, data, &error), error);
    CHECK_OK(pf__npy_read(path, &got, &read, &error), error);
    CHECK_INT(got.rank, 3);
    CHECK_INT(got.dim[1], 3);
    CU_ASSERT(read && memcmp(read, data, sizeof data) == 0);
    free(read);
    struct stat status;
    CU_ASSERT_EQUAL(stat(path, &status), 0);
    CHECK_INT((status.st_size - (off_t)sizeof data) % 64, 0); /* NumPy's alignment of the data */
    write_text(path, "\x93NUMPY");
    CHECK_INT(pf__npy_read(path, &got, &read, &error), PF_DATA);
}

static void samples_round_trip(void) {
    pf_error error = {0};
    float x[8] = {0, 1, 2, 3, 4, 5, 6, 7}, noise[8] = {7, 6, 5, 4, 3, 2, 1, 0};
    int32_t label[4] = {0, 1, 2, 3};
    pf_samples s = {.count = 4,
                    .dim = 2,
                    .sample = {.rank = 1, .dim = {2}},
                    .x = x,
                    .noise = noise,
                    .label = label,
                    .header = "by hand"},
               got;
    CHECK_OK(pf_samples_write(test_path("s.h5"), &s, false, 1, 0, &error), error);
    CHECK_OK(pf_samples_read(test_path("s.h5"), "/noise", &got, &error), error);
    CHECK_INT(got.count, 4);
    CHECK_INT(got.dim, 2);
    CU_ASSERT(got.x && memcmp(got.x, noise, sizeof noise) == 0);
    CU_ASSERT_STRING_EQUAL(got.header, "by hand");
    pf_samples_free(&got);
    CHECK_OK(pf_samples_write(test_path("s.npy"), &s, false, 1, 0, &error), error);
    CHECK_OK(pf_samples_read(test_path("s.npy"), "/x", &got, &error), error);
    CU_ASSERT(got.x && memcmp(got.x, x, sizeof x) == 0);
    pf_samples_free(&got);
    CHECK_INT(pf_samples_write(test_path("s.jpg"), &s, false, 1, 0, &error), PF_USAGE);
    CHECK_CONTAINS(error.hint, ".png");
}

static void pictures(void) {
    pf_error error = {0};
    float x[2 * 64];
    for (int i = 0; i < 128; i++) x[i] = (float)i / 64 - 1;
    pf_samples points = {.count = 64, .dim = 2, .sample = {.rank = 1, .dim = {2}}, .x = x};
    pf_samples numbers = {.count = 128, .dim = 1, .sample = {.rank = 1, .dim = {1}}, .x = x};
    pf_samples images = {.count = 2, .dim = 64, .sample = {.rank = 3, .dim = {8, 8, 1}}, .x = x};
    CHECK_OK(pf_samples_write(test_path("points.png"), &points, false, 1, 0, &error), error);
    CHECK_OK(pf_samples_write(test_path("numbers.png"), &numbers, false, 1, 0, &error), error);
    CHECK_OK(pf_samples_write(test_path("images.png"), &images, true, 1 / 127.5, -1, &error), error);
    pf_picture picture;
    CHECK_OK(pf_draw_png_read(test_path("images.png"), 0, &picture, &error), error);
    CHECK_INT(picture.channels, 1);
    pf_draw_free(&picture);
}

void test_files_suite(void) {
    CU_pSuite s = CU_add_suite("run/files", NULL, NULL);
    CU_add_test(s, "run folders", folder_is_refused_or_cleared);
    CU_add_test(s, "lists of checkpoints", checkpoints_are_listed_and_pruned);
    CU_add_test(s, "keep_every", every_nth_checkpoint_stays);
    CU_add_test(s, "going back", later_checkpoints_are_set_aside);
    CU_add_test(s, "temporaries", temporaries_are_removed);
    CU_add_test(s, "another one's lock", another_ones_lock_stays);
    CU_add_test(s, "metrics.jsonl", metrics_are_rewound);
    CU_add_test(s, "a report of any JSON", report_takes_any_json);
    CU_add_test(s, ".npy", npy_round_trip);
    CU_add_test(s, "files of samples", samples_round_trip);
    CU_add_test(s, "pictures", pictures);
}
