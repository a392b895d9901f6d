/* SPDX-License-Identifier: MIT
 * Data sets and checkpoints as the program uses them, and the tables of good ones. */
#include "use.h"
#include "base/file.h"
#include "data/h5.h"
#include "data/law.h"
#include "data/loader.h"
#include "pushforward/config.h"
#include "run/run.h"

#define HASH_MARK "feedbeeffeedbeef" /* where the content hash of a checkpoint goes */
enum { FLOATS_MOST = 1 << 20, LOADED_MOST = 1 << 14 };

/* ---- data sets ---- */

#define NUMBERS(path, kind, first, rank, ...) \
    { path, NULL, RECIPE_##kind, rank, {__VA_ARGS__}, NULL, first }
#define SCALAR(path, attribute, kind, first) \
    { path, attribute, RECIPE_##kind, 0, {0}, NULL, first }
#define TEXT(path, attribute, text) \
    { path, attribute, RECIPE_TEXT, 0, {0}, text, 0 }

const recipe_member use_dataset_table[] = {
    NUMBERS("/train/x", F32, 0.5, 2, 6, 2),
    NUMBERS("/train/y", I32, 0, 1, 6),
    NUMBERS("/train/noise", F32, -0.5, 2, 6, 2),
    NUMBERS("/test/x", F32, 0.25, 2, 3, 2),
    NUMBERS("/test/y", I32, 0, 1, 3),
    {"/class_names", NULL, RECIPE_TEXT, 1, {6}, "name", 0},
    TEXT("/", "format", "pushforward-dataset"),
    SCALAR("/", "format_version", I32, 1),
    TEXT("/", "source", "somewhere"),
    TEXT("/", "license", "none"),
    TEXT("/", "sha256", "00"),
    SCALAR("/train/x", "scale_factor", F64, 2),
    SCALAR("/train/x", "add_offset", F64, 1),
    SCALAR("/test/x", "scale_factor", F64, 2),
    SCALAR("/test/x", "add_offset", F64, 1),
    TEXT("/train/x", "layout", "ND"),
    NUMBERS("/law/mean", F64, 0.5, 2, 3, 2),
    NUMBERS("/law/covariance", F64, 1, 2, 2, 2),
};
const int use_dataset_count = sizeof use_dataset_table / sizeof *use_dataset_table;

static void check_info(const pf_dataset_info *i) {
    FUZZ_CHECK(i->dtype == PF_U8 || i->dtype == PF_F32);
    FUZZ_CHECK(i->train_count >= 1 && i->test_count >= 0 && i->class_count >= 0);
    FUZZ_CHECK(i->sample.rank == 1 || i->sample.rank == 3);
    FUZZ_CHECK(i->dim >= 1 && i->dim <= PF__SAMPLE_BYTES_MAX);
}

static void read_rows(pf_dataset *set, const pf_dataset_info *info, pf_split split, int64_t total) {
    int64_t count = total < 4 ? total : 4;
    pf_error err = {0};
    if (count * info->dim > FLOATS_MOST) return;
    float *x = malloc((size_t)(count * info->dim) * sizeof *x + (count == 0));
    int32_t *y = malloc((size_t)count * sizeof *y + (count == 0));
    for (int i = 0; x && y && i < 2; i++) {
        pf_status st = pf_dataset_read(set, split, i ? total - count : 0, count, x,
                                       info->class_count ? y : NULL, &err);
        FUZZ_CHECK(st == PF_OK || err.message[0]);
    }
    free(y);
    free(x);
}

/* Some batches through the loader, in whole or in windows: each is what the file has for its step. */
static void load(pf_dataset *set, const pf_dataset_info *info) {
    enum { BATCH = 3, STEPS = 3 };
    pf__loader *loader = NULL;
    pf_error err = {0};
    pf__loader_desc desc = {
        .batch = BATCH, .seed = 1, .window_bytes = info->train_count % 2 ? 0 : 64, .stored = info->has_noise};
    size_t row = (size_t)info->dim * pf_dtype_bytes(info->dtype);
    if (info->train_count * info->dim > LOADED_MOST) return;
    pf_status st = pf__loader_create(set, &desc, &loader, &err);
    void *x = malloc(BATCH * row);
    float *noise = malloc(BATCH * (size_t)info->dim * sizeof *noise);
    int32_t y[BATCH];
    for (int i = 0; x && noise && st == PF_OK && i < STEPS; i++) {
        pf__batch b;
        st = pf__loader_next(loader, &b, &err);
        if (st != PF_OK) break;
        if (pf__loader_gather(loader, b.step, x, info->class_count ? y : NULL, &err) == PF_OK) {
            FUZZ_CHECK(memcmp(x, b.x, BATCH * row) == 0);
            FUZZ_CHECK(!info->class_count || memcmp(y, b.y, sizeof y) == 0);
        }
        if (info->has_noise && pf__loader_gather_noise(loader, b.step, noise, &err) == PF_OK)
            FUZZ_CHECK(memcmp(noise, b.noise, BATCH * (size_t)info->dim * sizeof *noise) == 0);
        pf__loader_release(loader);
    }
    FUZZ_CHECK(st == PF_OK || err.message[0]);
    free(noise);
    free(x);
    pf__loader_destroy(&loader);
}

void use_dataset(const char *path) {
    pf_dataset *set = NULL;
    pf_error err = {0};
    pf_status st = pf_dataset_open(path, &set, &err);
    FUZZ_CHECK(st == PF_OK || err.message[0]);
    if (st == PF_OK) {
        const pf_dataset_info *info = pf_dataset_describe(set);
        check_info(info);
        read_rows(set, info, PF_TRAIN, info->train_count);
        read_rows(set, info, PF_TEST, info->test_count);
        load(set, info);
        pf__law law = {0};
        FUZZ_CHECK(pf__law_read(&law, set, &err) == PF_OK || (err.message[0] && !law.mean));
        pf__law_free(&law);
    }
    pf_dataset_close(&set);
    FUZZ_CHECK(pf_dataset_check(path, NULL, NULL, &err) != PF_OK || st == PF_OK);
}

/* ---- checkpoints ---- */

#define GROUP(group)                                                                                   \
    NUMBERS(group "/hidden/0/weight", F32, 1, 2, 5, 2), NUMBERS(group "/hidden/0/bias", F32, 1, 1, 2), \
        NUMBERS(group "/head/0/weight", F32, 1, 2, 2, 2), NUMBERS(group "/head/0/bias", F32, 1, 1, 2)

const recipe_member use_checkpoint_table[] = {
    GROUP("/model"),
    GROUP("/ema/0.9"),
    GROUP("/optimizer/m"),
    SCALAR("/data/position", NULL, F64, 640),
    NUMBERS("/data/mean", F64, 0, 1, 2),
    NUMBERS("/data/deviation", F64, 1, 1, 2),
    NUMBERS("/data/sample_shape", I32, 2, 1, 1),
    SCALAR("/data/scale_factor", NULL, F64, 1),
    SCALAR("/data/add_offset", NULL, F64, 0),
    SCALAR("/data/is_u8", NULL, F64, 0),
    SCALAR("/data/class_count", NULL, F64, 0),
    TEXT("/data/sha256", NULL, "00"),
    SCALAR("/train/step", NULL, F64, 10),
    SCALAR("/train/samples_seen", NULL, F64, 640),
    SCALAR("/rng/seed", NULL, F64, 1),
    SCALAR("/rng/first_sample", NULL, F64, 640),
    TEXT("/plan/choices", NULL, "matmul = generic"),
    TEXT("/config", NULL,
         "[method]\nname = flow\n[model]\nwidth = 2\ndepth = 1\nembed = 2\n[train]\nema = 0.9\nbatch = 64\n"),
    TEXT("/provenance/created", NULL, "2026-01-01T00:00:00Z"),
    TEXT("/provenance/version", NULL, "0.1.0"),
    TEXT("/provenance/device", NULL, "device"),
    SCALAR("/provenance/seconds", NULL, F64, 3),
    TEXT("/", "format", PF__CHECKPOINT_FORMAT),
    SCALAR("/", "format_version", I32, PF__CHECKPOINT_VERSION),
    TEXT("/", "method", "flow"),
    TEXT("/", "model", "mlp"),
    TEXT("/", "content_hash", HASH_MARK),
};
const int use_checkpoint_count = sizeof use_checkpoint_table / sizeof *use_checkpoint_table;

typedef struct hasher {
    pf__h5 *file;
    pf__content_hash hash;
} hasher;

static pf_status hash_dataset(void *user, const char *path, const pf__h5_info *info) {
    hasher *h = user;
    if (strncmp(path, "/provenance/", 12) == 0) return PF_OK;
    size_t bytes = (size_t)pf_shape_count(&info->shape) * pf_dtype_bytes(info->dtype);
    if (bytes > 1 << 22) return PF_DATA;
    void *data = malloc(bytes + 1);
    pf_status st = data ? pf__h5_read(h->file, path, info->dtype, data, NULL) : PF_MEMORY;
    if (st == PF_OK) pf__content_hash_add(&h->hash, path, data, bytes);
    free(data);
    return st;
}

static pf_status hash_texts(hasher *h) {
    static const char *const paths[] = {"/config", "/plan/choices", "/data/sha256"};
    for (int i = 0; i < 3; i++) {
        char *text = NULL;
        PF__TRY(pf__h5_read_text(h->file, paths[i], &text, NULL));
        pf__content_hash_add(&h->hash, paths[i], text, strlen(text));
        free(text);
    }
    return PF_OK;
}

/* In the place of the text that stands for it; texts of variable length have no checksum. */
static void state_hash(const char *path, const pf__content_hash *hash) {
    char text[17], *bytes = NULL;
    size_t length = 0;
    pf__content_hash_text(hash, text);
    if (pf__file_read(path, &bytes, &length, NULL) != PF_OK) return;
    for (size_t i = 0; i + 16 <= length; i++)
        if (bytes[i] == HASH_MARK[0] && memcmp(bytes + i, HASH_MARK, 16) == 0) memcpy(bytes + i, text, 16);
    FILE *file = fopen(path, "wb");
    if (file) {
        fwrite(bytes, 1, length, file);
        fclose(file);
    }
    free(bytes);
}

void use_write_checkpoint(const char *path, fuzz_part edits) {
    hasher h = {0};
    bool wrong = edits.size > 0 && edits.data[0] & 0x80;
    recipe_write(path, use_checkpoint_table, use_checkpoint_count, edits);
    if (wrong || pf__h5_open(path, &h.file, NULL) != PF_OK) return;
    pf_status st = pf__h5_each(h.file, "/", hash_dataset, &h, NULL);
    if (st == PF_OK) st = hash_texts(&h);
    pf__h5_close(&h.file, NULL);
    if (st == PF_OK) state_hash(path, &h.hash);
}

static void read_tensors(pf_checkpoint *c, const pf_checkpoint_info *info) {
    pf_error err = {0};
    for (int i = 0; i < info->tensor_count; i++) {
        pf_checkpoint_tensor t = pf_checkpoint_tensor_at(c, i);
        FUZZ_CHECK(t.path && t.count >= 0);
        if (t.count > FLOATS_MOST) continue;
        float *x = malloc((size_t)t.count * sizeof *x + (t.count == 0));
        FUZZ_CHECK(!x || pf_checkpoint_read(c, "model", t.path, x, &err) == PF_OK || err.message[0]);
        free(x);
    }
}

/* As the sampler and a resumed trainer do, up to the device. */
static pf_status load_network(pf_checkpoint *c, pf_config *config, pf__model *m, pf__loss *loss,
                              pf_error *err) {
    static const char *const groups[] = {"/model", "/optimizer/m", "/ema/0.9"};
    const pf_checkpoint_info *info = pf_checkpoint_describe(c);
    pf__scaling scaling = {.count = 1};
    pf_dataset_info data = {.dtype = PF_F32, .sample = info->sample, .dim = info->dim};
    pf__loss_desc desc = {.model = m, .data = &data, .scaling = &scaling, .batch = 2};
    PF__TRY(pf__model_create(m, config, &info->sample, info->class_count, err));
    PF__TRY(pf__loss_build(loss, &desc, err));
    if (m->params.flat_count > FLOATS_MOST) return PF_OK;
    float *flat = malloc(m->params.flat_count * sizeof *flat + 1);
    pf_status st = PF_OK;
    for (int i = 0; flat && i < 3 && st == PF_OK; i++)
        st = pf__checkpoint_read_flat(c, groups[i], &m->params, flat, err);
    free(flat);
    return st;
}

static void use_config(pf_checkpoint *c) {
    pf_config *config = NULL;
    pf_error err = {0};
    pf__model model = {0};
    pf__loss loss = {0};
    FUZZ_CHECK(pf_checkpoint_config(c));
    FUZZ_CHECK(pf_config_create(&config, &err) == PF_OK);
    pf_status st = pf_config_read_text(config, pf_checkpoint_config(c), "checkpoint", &err);
    if (st == PF_OK) st = pf_config_resolve(config, &err);
    if (st == PF_OK) st = load_network(c, config, &model, &loss, &err);
    FUZZ_CHECK(st == PF_OK || err.message[0]);
    pf__loss_free(&loss);
    pf__model_free(&model);
    pf_config_destroy(&config);
}

void use_checkpoint(const char *path) {
    pf_checkpoint *c = NULL;
    pf_error err = {0};
    pf_status st = pf_checkpoint_open(path, &c, &err);
    FUZZ_CHECK(st == PF_OK || err.message[0]);
    if (st != PF_OK) return;
    const pf_checkpoint_info *info = pf_checkpoint_describe(c);
    const double *mean, *deviation;
    int64_t count;
    pf_checkpoint_scaling(c, &mean, &deviation, &count);
    FUZZ_CHECK(count >= 1 && mean && deviation);
    FUZZ_CHECK(info->dim >= 1 && info->step >= 0 && info->class_count >= 0);
    FUZZ_CHECK(info->ema_count >= 0 && info->ema_count <= PF_EMA_MAX);
    read_tensors(c, info);
    use_config(c);
    pf_checkpoint_close(&c);
}
