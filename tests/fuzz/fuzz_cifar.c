/* SPDX-License-Identifier: MIT
 * CIFAR. The first byte says how: an archive as it is; files in a folder; a tar that is right as such. In the
 * latter two each part is a file: a byte for its name, one that fills it up to whole records, the content. */
#include "fuzz.h"

enum { PARTS = 4, NAMES = 13, RECORD = 3073, TAR = 512 };
static const char *const names[NAMES] = {
    "data_batch_1.bin", "data_batch_2.bin",    "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin",
    "test_batch.bin",   "train.bin",           "test.bin",         "batches.meta.txt", "fine_label_names.txt",
    "data_batch_1",     "../data_batch_1.bin", "readme.html"};

struct member {
    const char *name;
    size_t size;
    uint8_t *data; /* malloc */
};

static struct member take_member(fuzz_part p) {
    uint8_t name = fuzz_byte(&p), fill = fuzz_byte(&p);
    size_t record = RECORD + (fill >> 1 & 1), size = p.size;
    if (fill & 1) size = (p.size / record + 1) * record * (1 + (fill >> 2 & 3));
    struct member m = {.name = names[name % NAMES], .size = size, .data = calloc(size + 1, 1)};
    if (m.data && p.size) memcpy(m.data, p.data, p.size);
    return m;
}

static void make_header(uint8_t h[TAR], const struct member *m) {
    unsigned sum = 0;
    memset(h, 0, TAR);
    snprintf((char *)h, 100, "cifar/%s", m->name);
    snprintf((char *)h + 100, 8, "%07o", 0644u);
    snprintf((char *)h + 124, 12, "%011zo", m->size);
    snprintf((char *)h + 136, 12, "%011o", 0u);
    memset(h + 148, ' ', 8);
    h[156] = '0';
    memcpy(h + 257, "ustar\00000", 8);
    for (int i = 0; i < TAR; i++) sum += h[i];
    snprintf((char *)h + 148, 8, "%06o", sum);
}

static void write_tar(const struct member *m, int count) {
    char path[FUZZ_PATH];
    uint8_t header[TAR];
    static const uint8_t zero[2 * TAR];
    FILE *file = fopen(fuzz_path(path, "cifar.tar.gz"), "wb");
    if (!file) exit(1);
    for (int i = 0; i < count; i++) {
        make_header(header, &m[i]);
        fwrite(header, 1, TAR, file);
        fwrite(m[i].data, 1, m[i].size, file);
        fwrite(zero, 1, (TAR - m[i].size % TAR) % TAR, file);
    }
    fwrite(zero, 1, sizeof zero, file);
    fclose(file);
}

static void write_folder(const struct member *m, int count) {
    char name[64];
    fuzz_make_folder("cifar");
    for (int i = 0; i < NAMES; i++) {
        snprintf(name, sizeof name, "cifar/%s", names[i]);
        fuzz_remove(name);
    }
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "cifar/%s", m[i].name);
        fuzz_write(name, m[i].data, m[i].size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[FUZZ_PATH];
    fuzz_part all = {data, size}, part[PARTS];
    struct member member[PARTS] = {0};
    uint8_t how = fuzz_byte(&all) % 4;
    if (how == 0) {
        fuzz_write("cifar.tar.gz", all.data, all.size);
    } else {
        int count = fuzz_split(all.data, all.size, part, PARTS);
        for (int i = 0; i < count; i++) member[i] = take_member(part[i]);
        if (how == 1)
            write_folder(member, count);
        else
            write_tar(member, count);
        for (int i = 0; i < count; i++) free(member[i].data);
    }
    fuzz_source(fuzz_path(path, how == 1 ? "cifar" : "cifar.tar.gz"), pf__source_cifar,
                fuzz_hash(data, size));
    return 0;
}
