/* SPDX-License-Identifier: MIT
 * A fuzz target without libFuzzer: all files of a folder of seeds, then mutations of them, the same ones
 * every time. Keeps the targets alive in every build; tools/fuzz is what searches. fuzz_NOUN SEED-FOLDER
 * [MUTATIONS] fuzz_NOUN FILE                       one input */
#include "fuzz.h"
#include <dirent.h>
#include <sys/stat.h>

enum { SEEDS_MAX = 256, INPUT_MAX = 1 << 16 };

struct seed {
    char *name;
    uint8_t *data;
    size_t size;
};

struct seeds {
    struct seed seed[SEEDS_MAX];
    int count;
};

static uint64_t state = 0x9E3779B97F4A7C15u; /* of xorshift64* */

static uint32_t draw(uint32_t below) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)((state * 0x2545F4914F6CDD1Du) >> 32) % below;
}

/* ---- seeds ---- */

static void read_seed(struct seed *s, const char *path) {
    FILE *file = fopen(path, "rb");
    s->data = malloc(INPUT_MAX);
    if (!file || !s->data) {
        fprintf(stderr, "%s: cannot read\n", path);
        exit(1);
    }
    s->size = fread(s->data, 1, INPUT_MAX, file);
    fclose(file);
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const struct seed *)a)->name, ((const struct seed *)b)->name);
}

static void read_folder(struct seeds *all, const char *folder) {
    DIR *dir = opendir(folder);
    if (!dir) {
        fprintf(stderr, "%s: no such folder\n", folder);
        exit(1);
    }
    for (struct dirent *e; (e = readdir(dir)) != NULL && all->count < SEEDS_MAX;)
        if (e->d_name[0] != '.') all->seed[all->count++].name = strdup(e->d_name);
    closedir(dir);
    qsort(all->seed, (size_t)all->count, sizeof *all->seed, by_name);
    for (int i = 0; i < all->count; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", folder, all->seed[i].name);
        read_seed(&all->seed[i], path);
    }
}

/* ---- mutations ---- */

struct input {
    uint8_t data[INPUT_MAX];
    size_t size;
};

/* Replaces `out` bytes at `at` by `in` bytes of from (NULL: zero). */
static void splice(struct input *m, size_t at, size_t out, const uint8_t *from, size_t in) {
    if (m->size - out + in > INPUT_MAX) return;
    memmove(m->data + at + in, m->data + at + out, m->size - at - out);
    if (from) memmove(m->data + at, from, in);
    if (!from) memset(m->data + at, 0, in);
    m->size = m->size - out + in;
}

static void mutate(struct input *m, const struct seeds *all) {
    static const uint8_t edge[] = {0, 1, 0x7F, 0x80, 0xFF, 0xFE, '0', '9', '-', '\n', '.', 'e'};
    const struct seed *other = &all->seed[draw((uint32_t)all->count)];
    size_t at = draw((uint32_t)m->size + 1), rest = m->size - at,
           length = rest ? 1 + draw((uint32_t)(rest < 64 ? rest : 64)) : 0;
    switch (draw(8)) {
    case 0:
        if (rest) m->data[at] ^= (uint8_t)(1 << draw(8));
        break;
    case 1:
        if (rest) m->data[at] = edge[draw(sizeof edge)];
        break;
    case 2:
        if (rest) m->data[at] = (uint8_t)draw(256);
        break;
    case 3:
        for (size_t i = 0; i < 8 && i < rest; i++) m->data[at + i] = edge[draw(6)];
        break;
    case 4:
        splice(m, at, length, NULL, 0);
        break;
    case 5:
        splice(m, at, 0, NULL, 1 + draw(32));
        break;
    case 6:
        m->size = at;
        break;
    default:
        if (other->size) {
            size_t from = draw((uint32_t)other->size), n = 1 + draw((uint32_t)(other->size - from));
            splice(m, at, n < rest ? n : rest, other->data + from, n);
        }
    }
}

/* In a block of exactly its size, so that a sanitizer sees the byte after it. */
static void call(const uint8_t *data, size_t size) {
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy) exit(1);
    if (size) memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

int main(int argc, char **argv) {
    static struct seeds all;
    static struct input input;
    struct stat info;
    if (argc < 2 || stat(argv[1], &info) != 0) {
        fprintf(stderr, "usage: %s SEED-FOLDER [MUTATIONS], or FILE\n", argv[0]);
        return 2;
    }
    if (S_ISDIR(info.st_mode)) {
        read_folder(&all, argv[1]);
    } else {
        all.seed[all.count++].name = strdup(argv[1]);
        read_seed(&all.seed[0], argv[1]);
    }
    long mutations = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
    for (int i = 0; i < all.count; i++) call(all.seed[i].data, all.seed[i].size);
    for (long i = 0; i < mutations && all.count; i++) {
        const struct seed *s = &all.seed[(uint32_t)i % (uint32_t)all.count];
        memcpy(input.data, s->data, input.size = s->size);
        for (uint32_t n = 1 + draw(6); n > 0; n--) mutate(&input, &all);
        call(input.data, input.size);
    }
    printf("%d seeds, %ld mutations\n", all.count, mutations);
    for (int i = 0; i < all.count; i++) {
        free(all.seed[i].name);
        free(all.seed[i].data);
    }
    return all.count == 0;
}
