/* SPDX-License-Identifier: MIT
 * What the fuzz targets share. */
#include "fuzz.h"
#include "data/dataset_private.h"
#include <sys/stat.h>
#include <unistd.h>

/* ---- files ---- */

static char folder[FUZZ_PATH / 2];

static void remove_folder(void) {
    char command[FUZZ_PATH];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    if (system(command) != 0) fprintf(stderr, "%s stays\n", folder);
}

const char *fuzz_folder(void) {
    if (folder[0]) return folder;
    const char *given = getenv("PF_FUZZ_FOLDER");
    const char *base = given ? given : access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(folder, sizeof folder, "%s/pf-fuzz-XXXXXX", base);
    if (!mkdtemp(folder)) {
        fprintf(stderr, "%s: cannot make a folder\n", folder);
        exit(1);
    }
    atexit(remove_folder);
    return folder;
}

const char *fuzz_path(char out[FUZZ_PATH], const char *name) {
    snprintf(out, FUZZ_PATH, "%s/%s", fuzz_folder(), name);
    return out;
}

void fuzz_write(const char *name, const void *data, size_t size) {
    char path[FUZZ_PATH];
    FILE *file = fopen(fuzz_path(path, name), "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0) {
        fprintf(stderr, "%s: cannot write\n", path);
        exit(1);
    }
}

void fuzz_remove(const char *name) {
    char path[FUZZ_PATH];
    unlink(fuzz_path(path, name));
}

void fuzz_make_folder(const char *name) {
    char path[FUZZ_PATH];
    mkdir(fuzz_path(path, name), 0755);
}

/* ---- inputs of several parts ---- */

static const uint8_t *find_mark(const uint8_t *data, size_t size) {
    const size_t mark = strlen(FUZZ_MARK);
    for (size_t i = 0; i + mark <= size; i++)
        if (memcmp(data + i, FUZZ_MARK, mark) == 0) return data + i;
    return NULL;
}

int fuzz_split(const uint8_t *data, size_t size, fuzz_part *part, int most) {
    int count = 0;
    while (count < most - 1) {
        const uint8_t *mark = find_mark(data, size);
        if (!mark) break;
        part[count++] = (fuzz_part){data, (size_t)(mark - data)};
        size -= (size_t)(mark - data) + strlen(FUZZ_MARK);
        data = mark + strlen(FUZZ_MARK);
    }
    part[count++] = (fuzz_part){data, size};
    return count;
}

uint8_t fuzz_byte(fuzz_part *part) {
    if (part->size == 0) return 0;
    part->size--;
    return *part->data++;
}

uint32_t fuzz_hash(const uint8_t *data, size_t size) {
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < size; i++) hash = (hash ^ data[i]) * 16777619u;
    return hash ^ hash >> 15;
}

/* ---- importing ---- */

/* As copy_part of import.c, without the file. */
static pf_status drain_part(pf__source *s, int64_t count, pf_error *err) {
    int64_t row = pf_shape_count(&s->sample) * (int64_t)pf_dtype_bytes(s->dtype), block = pf__block_rows(row);
    if (block > count) block = count;
    void *x = malloc((size_t)(block * row));
    int32_t *y = malloc((size_t)block * sizeof *y);
    pf_status st = x && y ? PF_OK : PF_MEMORY;
    for (int64_t done = 0; done < count && st == PF_OK; done += block) {
        int64_t rows = count - done < block ? count - done : block;
        st = s->rows(s->state, rows, x, s->class_count ? y : NULL, err);
    }
    free(y);
    free(x);
    return st;
}

static pf_status drain(pf__source *s, pf_error *err) {
    FUZZ_CHECK(s->train >= 1 && s->test >= 0 && s->train <= PF__SOURCE_COUNT_MAX);
    FUZZ_CHECK(s->dtype == PF_U8 || s->dtype == PF_F32);
    FUZZ_CHECK(s->sample.rank == 1 || s->sample.rank == 3);
    int64_t bytes = (int64_t)pf_dtype_bytes(s->dtype);
    for (int i = 0; i < s->sample.rank; i++) {
        FUZZ_CHECK(s->sample.dim[i] >= 1 && s->sample.dim[i] <= PF__SAMPLE_BYTES_MAX);
        bytes *= s->sample.dim[i];
    }
    FUZZ_CHECK(bytes <= PF__SAMPLE_BYTES_MAX);
    FUZZ_CHECK(s->class_count >= 0 && s->class_count <= PF__SOURCE_LABEL_MAX + 1);
    for (int i = 0; s->class_names && i < s->class_count; i++) FUZZ_CHECK(s->class_names[i]);
    pf_status st = drain_part(s, s->train, err);
    if (st == PF_OK && s->test) st = drain_part(s, s->test, err);
    if (st == PF_OK && s->end) st = s->end(s->state, err);
    return st;
}

/* What an import has written is free of faults. */
static void import(const char *path, pf_status expected) {
    pf_error err = {0};
    char out[FUZZ_PATH];
    pf_dataset *set = NULL;
    fuzz_path(out, "imported.h5");
    pf_status st = pf_dataset_import(out, &(pf_import_desc){.source = path}, NULL, NULL, &err);
    if (st != PF_OK) {
        FUZZ_CHECK(err.message[0] && access(out, F_OK) != 0);
        return;
    }
    FUZZ_CHECK(expected == PF_OK);
    FUZZ_CHECK(pf_dataset_check(out, NULL, NULL, &err) == PF_OK);
    FUZZ_CHECK(pf_dataset_open(out, &set, &err) == PF_OK);
    pf_dataset_close(&set);
    unlink(out);
}

void fuzz_source(const char *path, pf_status (*open)(const char *path, pf__source *s, pf_error *err),
                 uint32_t hash) {
    pf_error err = {0};
    pf__source source = {0};
    pf_status st = open(path, &source, &err);
    if (st == PF_OK) st = drain(&source, &err);
    FUZZ_CHECK(st == PF_OK || err.message[0]);
    pf__source_free(&source);
    if (hash % 8 == 0) import(path, st);
}
