/* SPDX-License-Identifier: MIT
 * Checkpoints: what is written comes back, what is damaged is refused, the newest that verifies is taken. */
#include "base/file.h"
#include "data/h5.h"
#include "run/fixture.h"
#include "run/run.h"
#include <string.h>
#include <unistd.h>

/* 20 steps with a checkpoint every 10. Made once. */
static const char *run_folder(void) {
    static int made;
    const char *folder = test_path("checkpoints-run");
    if (made++) return folder;
    const char *pairs[] = {"train.save_every=10", NULL};
    pf_error error = {0};
    pf_config *config = test_config(test_moons(), pairs);
    CHECK_OK(test_train(folder, PF_FOLDER_NEW, config, 0, &error), error);
    pf_config_destroy(&config);
    return folder;
}

static void describes(void) {
    pf_error error = {0};
    pf_checkpoint *c = NULL;
    CHECK_OK(pf_checkpoint_open(run_folder(), &c, &error), error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    const pf_checkpoint_info *i = pf_checkpoint_describe(c);
    CHECK_INT(i->step, 20);
    CHECK_INT(i->samples_seen, 20 * 64);
    CHECK_INT(i->ema_count, 2);
    CU_ASSERT_STRING_EQUAL(i->ema[0], "0.9");
    CU_ASSERT_STRING_EQUAL(i->method, "meanflow");
    CHECK_INT(i->dim, 2);
    CU_ASSERT_EQUAL(strlen(i->data_sha256), 64);
    CHECK_CONTAINS(pf_checkpoint_config(c), "[train]");
    CU_ASSERT_PTR_NULL(strstr(pf_checkpoint_config(c), "moons.h5")); /* no paths */
    float *data = malloc((size_t)i->parameter_count * sizeof *data);
    int64_t sum = 0;
    for (int k = 0; k < i->tensor_count; k++) {
        pf_checkpoint_tensor t = pf_checkpoint_tensor_at(c, k);
        sum += t.count;
        CHECK_OK(pf_checkpoint_read(c, "model", t.path, data, &error), error);
        CHECK_OK(pf_checkpoint_read(c, "0.99", t.path, data, &error), error);
    }
    CHECK_INT(sum, i->parameter_count);
    CHECK_INT(pf_checkpoint_read(c, "0.5", pf_checkpoint_tensor_at(c, 0).path, data, &error), PF_DATA);
    free(data);
    pf_checkpoint_close(&c);
}

/* A copy of the newest checkpoint under another name, with one byte changed or cut short. */
static void damage(const char *to, long change, long keep) {
    pf_error error = {0};
    char *bytes;
    size_t length;
    char *from = pf__folder_checkpoint(run_folder(), 20);
    CHECK_OK(pf__file_read(from, &bytes, &length, &error), error);
    if (change >= 0) bytes[change % (long)length] ^= 0x10;
    if (keep >= 0) length = (size_t)keep;
    CHECK_OK(pf__file_write(to, bytes, length, &error), error);
    free(bytes);
    free(from);
}

static long size_of(const char *path) {
    char *bytes;
    size_t length = 0;
    if (pf__file_read(path, &bytes, &length, NULL) == PF_OK) free(bytes);
    return (long)length;
}

static void refuses_damaged(void) {
    pf_error error = {0};
    const char *copy = test_path("damaged.h5");
    damage(copy, -1, -1);
    CHECK_OK(pf__checkpoint_verify(copy, &error), error);
    long size = size_of(copy);
    damage(copy, -1, size / 2);
    CHECK_INT(pf__checkpoint_verify(copy, &error), PF_DATA);
    damage(copy, -1, 0);
    CHECK_INT(pf__checkpoint_verify(copy, &error), PF_DATA);
    damage(copy, -1, -1);
    CHECK_OK(pf__file_write(copy, "text\n", 5, &error), error);
    CHECK_INT(pf__checkpoint_verify(copy, &error), PF_DATA);
    CHECK_INT(pf__checkpoint_verify(test_moons(), &error), PF_DATA);
    CHECK_CONTAINS(error.message, "not a checkpoint");
    CHECK_INT(pf__checkpoint_verify(test_path("none.h5"), &error), PF_DATA);
}

/* A changed weight: found by the checksum of its chunk. */
static void refuses_changed_weights(void) {
    pf_error error = {0};
    const char *copy = test_path("changed.h5");
    pf_checkpoint *c = NULL;
    CHECK_OK(pf_checkpoint_open(run_folder(), &c, &error), error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    float weight[32 * 36];
    CHECK_OK(pf_checkpoint_read(c, "model", "hidden/0/weight", weight, &error), error);
    pf_checkpoint_close(&c);
    char *bytes;
    size_t length;
    char *from = pf__folder_checkpoint(run_folder(), 20);
    CHECK_OK(pf__file_read(from, &bytes, &length, &error), error);
    size_t at = 0;
    while (at + 64 < length && memcmp(bytes + at, weight, 64) != 0) at++;
    CU_ASSERT_FATAL(at + 64 < length);
    bytes[at] ^= 1;
    CHECK_OK(pf__file_write(copy, bytes, length, &error), error);
    CHECK_INT(pf__checkpoint_verify(copy, &error), PF_DATA);
    free(bytes);
    free(from);
}

/* A file whose content hash is right and that holds one dataset instead of a group. */
static void write_without_groups(const char *path, const char *name) {
    static const char *const texts[] = {"/config", "/plan/choices", "/data/sha256"};
    pf_error error = {0};
    pf__h5 *file = NULL;
    pf__content_hash hash = {0};
    pf_shape two = {.rank = 1, .dim = {2}};
    float x[2] = {1, 2};
    char text[17];
    CHECK_OK(pf__h5_create(path, &file, &error), error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CHECK_OK(pf__h5_write(file, name, PF_F32, &two, x, false, &error), error);
    pf__content_hash_add(&hash, name, x, sizeof x);
    if (strcmp(name, "/model") != 0) {
        CHECK_OK(pf__h5_write(file, "/model/w", PF_F32, &two, x, false, &error), error);
        pf__content_hash_add(&hash, "/model/w", x, sizeof x);
    }
    for (int i = 0; i < 3; i++) {
        CHECK_OK(pf__h5_write_text(file, texts[i], "", &error), error);
        pf__content_hash_add(&hash, texts[i], "", 0);
    }
    pf__content_hash_text(&hash, text);
    CHECK_OK(pf__h5_set_text(file, "/", "format", PF__CHECKPOINT_FORMAT, &error), error);
    CHECK_OK(pf__h5_set_int(file, "/", "format_version", PF__CHECKPOINT_VERSION, &error), error);
    CHECK_OK(pf__h5_set_text(file, "/", "content_hash", text, &error), error);
    CHECK_OK(pf__h5_close(&file, &error), error);
}

/* Found by tests/fuzz: the name of a tensor was looked for behind the end of "/model". */
static void refuses_datasets_for_groups(void) {
    static const char *const names[] = {"/model", "/ema"};
    pf_error error = {0};
    pf_checkpoint *c = NULL;
    for (int i = 0; i < 2; i++) {
        write_without_groups(test_path("no-groups.h5"), names[i]);
        CHECK_INT(pf_checkpoint_open(test_path("no-groups.h5"), &c, &error), PF_DATA);
        CHECK_CONTAINS(error.message, names[i]);
        CHECK_CONTAINS(error.message, "is not a group");
    }
}

static void takes_the_newest_that_verifies(void) {
    pf_error error = {0};
    pf_checkpoint *c = NULL;
    char *newest = pf__folder_checkpoint(run_folder(), 30);
    damage(newest, -1, 1000);
    CHECK_OK(pf_checkpoint_open(run_folder(), &c, &error), error);
    if (c) CHECK_INT(pf_checkpoint_describe(c)->step, 20);
    if (c) CHECK_CONTAINS(pf_checkpoint_describe(c)->passed_over, "step_00000030.h5");
    pf_checkpoint_close(&c);
    unlink(newest);
    free(newest);
    CHECK_INT(pf_checkpoint_open(test_path("."), &c, &error), PF_DATA);
    CHECK_CONTAINS(error.message, "no checkpoint");
}

void test_checkpoint_suite(void) {
    CU_pSuite s = CU_add_suite("run/checkpoint", NULL, NULL);
    CU_add_test(s, "description and tensors", describes);
    CU_add_test(s, "damaged files", refuses_damaged);
    CU_add_test(s, "a changed weight", refuses_changed_weights);
    CU_add_test(s, "datasets for groups", refuses_datasets_for_groups);
    CU_add_test(s, "the newest that verifies", takes_the_newest_that_verifies);
}
