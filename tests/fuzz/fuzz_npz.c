/* SPDX-License-Identifier: MIT
 * NumPy archives. An input that begins as a zip does is one; otherwise its parts become the members of a zip
 * that is right as such, so that mutations reach the arrays. */
#include "fuzz.h"
#include <zlib.h>

enum { MEMBERS = 4 };

struct bytes {
    uint8_t *data;
    size_t length;
};

static void put(struct bytes *b, const void *data, size_t size) {
    if (size) memcpy(b->data + b->length, data, size);
    b->length += size;
}

static void put_number(struct bytes *b, uint32_t value, int bytes) {
    for (int i = 0; i < bytes; i++) b->data[b->length++] = (uint8_t)(value >> 8 * i);
}

/* What the local and the central header share, from "version needed" to "length of the extra field". */
static void put_common(struct bytes *b, const fuzz_part *p, const char *name) {
    put_number(b, 20, 2);
    put_number(b, 0, 4); /* flags; stored */
    put_number(b, 0x00210000, 4);
    put_number(b, (uint32_t)crc32(0, p->data, (unsigned)p->size), 4);
    put_number(b, (uint32_t)p->size, 4);
    put_number(b, (uint32_t)p->size, 4);
    put_number(b, (uint32_t)strlen(name), 2);
    put_number(b, 0, 2);
}

/* A zip of stored members; malloc. */
static struct bytes make_zip(const fuzz_part *part, const char *const *name, int count) {
    uint32_t at[MEMBERS];
    size_t total = 64;
    for (int i = 0; i < count; i++) total += part[i].size + 128;
    struct bytes b = {.data = malloc(total)};
    for (int i = 0; b.data && i < count; i++) {
        at[i] = (uint32_t)b.length;
        put(&b, "PK\3\4", 4);
        put_common(&b, &part[i], name[i]);
        put(&b, name[i], strlen(name[i]));
        put(&b, part[i].data, part[i].size);
    }
    uint32_t start = (uint32_t)b.length;
    for (int i = 0; b.data && i < count; i++) {
        put(&b, "PK\1\2", 4);
        put_number(&b, 20, 2);
        put_common(&b, &part[i], name[i]);
        for (int k = 0; k < 5; k++) put_number(&b, 0, 2); /* comment, disk, attributes */
        put_number(&b, at[i], 4);
        put(&b, name[i], strlen(name[i]));
    }
    uint32_t size = (uint32_t)b.length - start;
    if (!b.data) return b;
    put(&b, "PK\5\6", 4);
    put_number(&b, 0, 4);
    put_number(&b, (uint32_t)count, 2);
    put_number(&b, (uint32_t)count, 2);
    put_number(&b, size, 4);
    put_number(&b, start, 4);
    put_number(&b, 0, 2);
    return b;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const two[] = {"x.npy", "y.npy", "z.npy", "x.npy"}, *const four[] = {
                                                                               "x_train.npy", "y_train.npy",
                                                                               "x_test.npy", "y_test.npy"};
    char path[FUZZ_PATH];
    fuzz_part part[MEMBERS];
    if (size >= 2 && memcmp(data, "PK", 2) == 0) {
        fuzz_write("set.npz", data, size);
    } else {
        int count = fuzz_split(data, size, part, MEMBERS);
        struct bytes zip = make_zip(part, count < 3 ? two : four, count);
        if (!zip.data) return 0;
        fuzz_write("set.npz", zip.data, zip.length);
        free(zip.data);
    }
    fuzz_source(fuzz_path(path, "set.npz"), pf__source_npz, fuzz_hash(data, size));
    return 0;
}
