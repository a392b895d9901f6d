/* SPDX-License-Identifier: MIT
 * The program cache: what is kept, what is refused, and that nothing depends on it. */
#include "base/file.h"
#include "fixture.h"
#include "runtime/cache.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

void test_cache_suite(void);

#define SOURCE                                                                                             \
    "kernel void k(global float *y, uint y0) { size_t i = get_global_id(0); y[y0 + i] = sin(y[y0 + i]) * " \
    "F; }"
enum { COUNT = 64, PATH = 512 };

/* ---- a folder of its own for each test ---- */

static char folder[64];

static void enter(void) {
    snprintf(folder, sizeof folder, "/tmp/pf_cache_XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
}

/* The path of the only entry, "" where there is none; counts them. */
static int find_entry(char path[PATH]) {
    int count = 0;
    path[0] = 0;
    DIR *d = opendir(folder);
    CU_ASSERT_PTR_NOT_NULL_FATAL(d);
    for (const struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.') continue;
        snprintf(path, PATH, "%s/%s", folder, e->d_name);
        count++;
    }
    closedir(d);
    return count;
}

static void leave(void) {
    char path[PATH];
    while (find_entry(path)) unlink(path);
    CHECK_INT(rmdir(folder), 0);
}

static pf_context *open_with(const char *cache) {
    pf_context *c = NULL;
    pf_error err = {0};
    pf_context_desc desc = {.device = getenv("PF_DEVICE"), .cache = cache, .cache_always = true};
    CHECK_OK(pf_context_create(&c, &desc, &err), err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    return c;
}

/* ---- building and what the kernel then computes ---- */

static void compute(pf_context *c, pf__program *p, float y[COUNT]) {
    pf_error err = {0};
    pf__list *l = NULL;
    for (int i = 0; i < COUNT; i++) y[i] = 0.37f * (float)i - 11;
    pf__buffer *b = fixture_buffer(c, y, COUNT, "y");
    const pf__argument argument = {.kind = PF__ARGUMENT_BUFFER, .buffer = b};
    CHECK_OK(pf__list_create(c, &l, &err), err);
    CHECK_OK(pf__list_add(l,
                          &(pf__launch){.label = "k",
                                        .program = p,
                                        .kernel = "k",
                                        .dims = 1,
                                        .global = {COUNT},
                                        .local = {16},
                                        .arguments = &argument,
                                        .argument_count = 1},
                          &err),
             err);
    CHECK_OK(pf__list_replay(l, &err), err);
    CHECK_OK(pf__buffer_read(b, 0, y, COUNT * sizeof *y, &err), err);
    pf__list_destroy(&l);
    pf__buffer_release(&b);
}

/* Builds in a context of its own; 1 when the program came from the cache. */
static int build(const char *cache, const char *source, const char *options, float y[COUNT]) {
    pf_error err = {0};
    pf__program *p = NULL;
    pf_context *c = open_with(cache);
    CHECK_OK(pf__program_build(c, "test.cl", source, options, &p, &err), err);
    if (p) compute(c, p, y);
    pf_context_counts n = pf_context_count(c);
    CHECK_INT(n.programs_built + n.programs_loaded, 1);
    pf__program_release(&p);
    pf_context_destroy(&c);
    return (int)n.programs_loaded;
}

static void loads_what_it_built(void) {
    float first[COUNT], second[COUNT], other[COUNT];
    char path[PATH];
    enter();
    CHECK_INT(build(folder, SOURCE, "-DF=2.0f", first), 0);
    CHECK_INT(find_entry(path), 1);
    CHECK_INT(build(folder, SOURCE, "-DF=2.0f", second), 1);
    CHECK_INT(memcmp(first, second, sizeof first), 0);
    CHECK_NEAR(first[5], 2 * sin(0.37f * 5 - 11), 1e-6);
    CHECK_INT(build(folder, SOURCE, "-DF=3.0f", other), 0);
    CHECK_NEAR(other[5], 3 * sin(0.37f * 5 - 11), 1e-6);
    CHECK_INT(build(folder, SOURCE " ", "-DF=2.0f", other), 0);
    CHECK_INT(find_entry(path), 3);
    CHECK_INT(build(NULL, SOURCE, "-DF=2.0f", other), 0);
    CHECK_INT(build("", SOURCE, "-DF=2.0f", other), 0);
    CHECK_INT(find_entry(path), 3);
    leave();
}

static void keeps_no_failure(void) {
    char path[PATH];
    pf_error err = {0};
    pf__program *p = NULL;
    enter();
    pf_context *c = open_with(folder);
    CHECK_INT(pf__program_build(c, "broken.cl", "kernel void k(", NULL, &p, &err), PF_DEVICE);
    CHECK_INT(pf_context_count(c).programs_built, 0);
    pf_context_destroy(&c);
    CHECK_INT(find_entry(path), 0);
    leave();
}

/* ---- damage ---- */

enum damage { CUT, CUT_IN_HEADER, EMPTY, LONGER, MAGIC, FORMAT, LENGTH, PAYLOAD, LAST, FOREIGN, DAMAGES };

static void write_raw(const char *path, const void *bytes, size_t length) {
    FILE *file = fopen(path, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CHECK_INT(fwrite(bytes, 1, length, file), length);
    CHECK_INT(fclose(file), 0);
}

/* `foreign` is a good entry of another key. */
static void damage_entry(const char *path, enum damage kind, const char *foreign) {
    char *bytes = NULL;
    size_t length = 0;
    pf_error err = {0};
    CHECK_OK(pf__file_read(kind == FOREIGN ? foreign : path, &bytes, &length, &err), err);
    CU_ASSERT_FATAL(length > 64);
    char *grown = realloc(bytes, length + 2);
    CU_ASSERT_PTR_NOT_NULL_FATAL(grown);
    static const size_t place[DAMAGES] = {[MAGIC] = 3, [FORMAT] = 8, [LENGTH] = 33, [PAYLOAD] = 64 + 40};
    if (kind == LAST)
        grown[length - 1] ^= 1;
    else if (place[kind])
        grown[place[kind]] ^= 0x10;
    grown[length] = 7;
    write_raw(path, grown,
              kind == CUT             ? length / 2
              : kind == CUT_IN_HEADER ? 40
              : kind == EMPTY         ? 0
              : kind == LONGER        ? length + 1
                                      : length);
    free(grown);
}

static void refuses_damaged_entries(void) {
    float right[COUNT], y[COUNT];
    char path[PATH], kept[] = "/tmp/pf_cache_foreign_XXXXXX", *good = NULL, *now = NULL;
    size_t good_length = 0, now_length = 0;
    pf_error err = {0};
    int fd = mkstemp(kept);
    CU_ASSERT_FATAL(fd >= 0);
    close(fd);
    enter();
    build(folder, SOURCE, "-DF=5.0f", y);
    find_entry(path);
    CHECK_INT(rename(path, kept), 0);
    build(folder, SOURCE, "-DF=2.0f", right);
    CHECK_INT(find_entry(path), 1);
    CHECK_OK(pf__file_read(path, &good, &good_length, &err), err);
    for (int kind = 0; kind < DAMAGES; kind++) {
        memset(y, 0, sizeof y);
        damage_entry(path, (enum damage)kind, kept);
        CHECK_INT(build(folder, SOURCE, "-DF=2.0f", y), 0);
        CHECK_INT(memcmp(y, right, sizeof y), 0);
        CHECK_INT(build(folder, SOURCE, "-DF=2.0f", y), 1); /* made anew */
        CHECK_INT(memcmp(y, right, sizeof y), 0);
    }
    CHECK_OK(pf__file_read(path, &now, &now_length, &err), err);
    CU_ASSERT(now_length > 64);
    free(now);
    free(good);
    unlink(kept);
    leave();
}

/* Whole by its sums, and no program all the same: the driver is asked and declines. */
static void outlives_what_the_driver_refuses(void) {
    float right[COUNT], y[COUNT];
    char path[PATH];
    pf__cache_key key = {{0}};
    pf_error err = {0};
    pf_context *c = open_with(NULL);
    const bool fatal = fixture_dies_of_bad_binaries(c);
    pf_context_destroy(&c);
    if (fatal) return;
    enter();
    build(folder, SOURCE, "-DF=2.0f", right);
    find_entry(path);
    unsigned long long part[2] = {0};
    CHECK_INT(sscanf(strrchr(path, '/') + 1, "%16llx%16llx", &part[0], &part[1]), 2);
    for (int i = 0; i < 2; i++) key.part[i] = part[i];
    CHECK_OK(pf__cache_store(folder, key, "this is no program of any driver", 32, &err), err);
    CHECK_INT(build(folder, SOURCE, "-DF=2.0f", y), 0);
    CHECK_INT(memcmp(y, right, sizeof y), 0);
    CHECK_INT(build(folder, SOURCE, "-DF=2.0f", y), 1);
    leave();
}

/* Every single bit of an entry counts, and every length but the right one is wrong. */
static void checks_every_bit(void) {
    static const char payload[] = "a payload of forty bytes, or thereabouts";
    const char *const texts[] = {"source", "options"};
    pf__cache_key key = pf__cache_key_of(texts, 2);
    pf_error err = {0};
    char path[PATH], *file = NULL;
    const void *found = NULL;
    size_t length = 0, n = 0;
    int accepted = 0;
    enter();
    CHECK_OK(pf__cache_store(folder, key, payload, sizeof payload, &err), err);
    CHECK_INT(find_entry(path), 1);
    CHECK_OK(pf__file_read(path, &file, &length, &err), err);
    CU_ASSERT_FATAL(pf__cache_check(file, length, key, &found, &n));
    CHECK_INT(n, sizeof payload);
    CHECK_INT(memcmp(found, payload, sizeof payload), 0);
    for (size_t bit = 0; bit < 8 * length; bit++) {
        file[bit / 8] = (char)(file[bit / 8] ^ 1 << bit % 8);
        accepted += pf__cache_check(file, length, key, &found, &n);
        file[bit / 8] = (char)(file[bit / 8] ^ 1 << bit % 8);
    }
    for (size_t cut = 0; cut < length; cut++) accepted += pf__cache_check(file, cut, key, &found, &n);
    CHECK_INT(accepted, 0);
    free(file);
    leave();
}

static void tells_keys_apart(void) {
    const char *const a[] = {"ab", "c"}, *const b[] = {"a", "bc"}, *const d[] = {"abc"};
    pf__cache_key ka = pf__cache_key_of(a, 2), kb = pf__cache_key_of(b, 2), kd = pf__cache_key_of(d, 1),
                  again = pf__cache_key_of(a, 2);
    for (int i = 0; i < 2; i++) {
        CU_ASSERT(ka.part[i] != kb.part[i] && ka.part[i] != kd.part[i] && kb.part[i] != kd.part[i]);
        CU_ASSERT(ka.part[i] == again.part[i]);
    }
    CU_ASSERT(ka.part[0] != ka.part[1]);
}

/* ---- folders that are none ---- */

static void works_without_a_folder(void) {
    float right[COUNT], y[COUNT];
    char below[PATH], path[PATH];
    enter();
    build(NULL, SOURCE, "-DF=2.0f", right);
    snprintf(path, sizeof path, "%s/file", folder);
    write_raw(path, "x", 1);
    const char *const bad[] = {path, below, "/proc/pf-cannot-be-created", "/dev/null/cl"};
    snprintf(below, sizeof below, "%.400s/file/below", folder);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        for (int again = 0; again < 2; again++) {
            CHECK_INT(build(bad[i], SOURCE, "-DF=2.0f", y), 0);
            CHECK_INT(memcmp(y, right, sizeof y), 0);
        }
    leave();
}

/* The folder goes while the context is open: the program is built, and nothing more is kept. */
static void works_when_the_folder_vanishes(void) {
    float y[COUNT];
    pf_error err = {0};
    pf__program *p = NULL;
    enter();
    pf_context *c = open_with(folder);
    CHECK_INT(rmdir(folder), 0);
    for (int i = 0; i < 2; i++) {
        CHECK_OK(pf__program_build(c, "test.cl", SOURCE, "-DF=2.0f", &p, &err), err);
        if (p) compute(c, p, y);
        pf__program_release(&p);
    }
    CHECK_INT(pf_context_count(c).programs_built, 2);
    CHECK_INT(pf__file_exists(folder), 0);
    pf_context_destroy(&c);
}

static void creates_the_folder(void) {
    float y[COUNT];
    char path[PATH], middle[PATH];
    enter();
    snprintf(middle, sizeof middle, "%.400s/a", folder);
    snprintf(path, sizeof path, "%.400s/b", middle);
    CHECK_INT(build(path, SOURCE, "-DF=2.0f", y), 0);
    CHECK_INT(build(path, SOURCE, "-DF=2.0f", y), 1);
    pf_cache_usage usage = {0};
    pf_error err = {0};
    CHECK_OK(pf_cache_clear(path, &usage, &err), err);
    CHECK_INT(usage.programs, 1);
    CHECK_INT(rmdir(path), 0);
    CHECK_INT(rmdir(middle), 0);
    leave();
}

/* ---- several processes ---- */

/* Files only: a driver does not survive a fork. */
static int write_often(pf__cache_key key, char letter) {
    char payload[5000];
    memset(payload, letter, sizeof payload);
    for (int i = 0; i < 100; i++)
        if (pf__cache_store(folder, key, payload, sizeof payload - (size_t)i, NULL) != PF_OK) return 1;
    return 0;
}

/* 1: found whole; 0: absent; -1: found and mixed of two. */
static int read_once(pf__cache_key key) {
    size_t length = 0;
    char *payload = pf__cache_load(folder, key, &length);
    if (!payload) return 0;
    int good = length > 4900 && length <= 5000 && (payload[0] == 'a' || payload[0] == 'b') ? 1 : -1;
    for (size_t i = 0; i < length; i++)
        if (payload[i] != payload[0]) good = -1;
    free(payload);
    return good;
}

static void survives_two_writers(void) {
    const char *const text = "two writers";
    pf__cache_key key = pf__cache_key_of(&text, 1);
    char path[PATH];
    pid_t child[2];
    int status, mixed = 0;
    enter();
    for (int i = 0; i < 2; i++) {
        child[i] = fork();
        CU_ASSERT_FATAL(child[i] >= 0);
        if (child[i] == 0) _exit(write_often(key, (char)('a' + i)));
    }
    for (int left = 2; left > 0;) {
        mixed += read_once(key) < 0;
        while (left > 0 && waitpid(child[2 - left], &status, WNOHANG) > 0) {
            CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
            left--;
        }
    }
    CHECK_INT(mixed, 0);
    CHECK_INT(read_once(key), 1);
    CHECK_INT(find_entry(path), 1);
    leave();
}

/* ---- who keeps what ---- */

static void leaves_it_to_a_driver_that_keeps(void) {
    float y[COUNT];
    char path[PATH];
    pf_error err = {0};
    pf_context *c = NULL;
    pf__program *p = NULL;
    enter();
    pf_context_desc desc = {.device = getenv("PF_DEVICE"), .cache = folder};
    CHECK_OK(pf_context_create(&c, &desc, &err), err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    CHECK_OK(pf__program_build(c, "test.cl", SOURCE, "-DF=2.0f", &p, &err), err);
    if (p) compute(c, p, y);
    CU_ASSERT_STRING_EQUAL(pf_context_cache(c), folder); /* verdicts are kept in any case */
    CHECK_INT(find_entry(path), !pf_context_device(c)->keeps_programs);
    pf__program_release(&p);
    pf_context_destroy(&c);
    leave();
}

/* ---- room ---- */

static pf__cache_key numbered(int i) {
    char text[16];
    const char *const texts[] = {text};
    snprintf(text, sizeof text, "%d", i);
    return pf__cache_key_of(texts, 1);
}

static int holds(int i) {
    size_t length;
    void *payload = pf__cache_load(folder, numbered(i), &length);
    free(payload);
    return payload != NULL;
}

/* Entry i was used i seconds after the first. */
static void date_entry(int i) {
    char path[PATH];
    const pf__cache_key key = numbered(i);
    const struct timespec times[2] = {{.tv_sec = 1000 + i}, {.tv_sec = 1000 + i}};
    snprintf(path, sizeof path, "%s/%016llx%016llx.pfcl", folder, (unsigned long long)key.part[0],
             (unsigned long long)key.part[1]);
    CHECK_INT(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void drops_what_was_unused_longest(void) {
    enum { ENTRIES = 6, BYTES = 64 + 100 };
    char payload[100] = {1}, path[PATH];
    pf_error err = {0};
    pf_cache_usage usage;
    enter();
    for (int i = 0; i < ENTRIES; i++) {
        CHECK_OK(pf__cache_store(folder, numbered(i), payload, sizeof payload, &err), err);
        date_entry(i);
    }
    snprintf(path, sizeof path, "%s/notes.txt", folder);
    write_raw(path, payload, sizeof payload);
    char *verdict = pf__cache_verdict_path(folder, numbered(0));
    write_raw(verdict, payload, sizeof payload);
    pf__cache_trim(folder, ENTRIES * BYTES, numbered(5));
    CHECK_OK(pf_cache_show(folder, &usage, &err), err);
    CHECK_INT(usage.programs, ENTRIES);
    CHECK_INT(usage.verdicts, 1);
    CHECK_INT(holds(0), 1); /* which makes it the latest */
    pf__cache_trim(folder, 3 * BYTES + 1, numbered(1));
    const int kept[ENTRIES] = {1, 1, 0, 0, 0, 1}; /* 1 is spared, though the oldest */
    for (int i = 0; i < ENTRIES; i++) CHECK_INT(holds(i), kept[i]);
    pf__cache_trim(folder, 0, numbered(1));
    for (int i = 0; i < ENTRIES; i++) CHECK_INT(holds(i), i == 1);
    CHECK_INT(pf__file_exists(path), 1);
    CHECK_INT(pf__file_exists(verdict), 1);
    free(verdict);
    leave();
}

/* ---- showing and clearing ---- */

static void shows_and_clears_its_own(void) {
    const char *const text = "shown";
    pf__cache_key key = pf__cache_key_of(&text, 1);
    pf_cache_usage usage = {0};
    pf_error err = {0};
    char path[PATH], tmp[PATH + 16];
    enter();
    CHECK_OK(pf__cache_store(folder, key, "12345678", 8, &err), err);
    find_entry(path);
    snprintf(tmp, sizeof tmp, "%s.tmp.1.0", path); /* of a process that was killed */
    write_raw(tmp, "123", 3);
    snprintf(path, sizeof path, "%s/notes.txt", folder);
    write_raw(path, "mine", 4);
    CHECK_OK(pf_cache_show(folder, &usage, &err), err);
    CHECK_INT(usage.programs, 2);
    CHECK_INT(usage.bytes, 64 + 8 + 3);
    CHECK_OK(pf_cache_clear(folder, &usage, &err), err);
    CHECK_INT(usage.programs, 2);
    CHECK_OK(pf_cache_show(folder, &usage, &err), err);
    CHECK_INT(usage.programs, 0);
    CHECK_INT(pf__file_exists(path), 1);
    leave();
    CHECK_OK(pf_cache_show(folder, &usage, &err), err); /* gone by now */
    CHECK_INT(usage.programs, 0);
    CHECK_INT(pf_cache_show("/dev/null", &usage, &err), PF_SYSTEM);
    CHECK_CONTAINS(err.message, "/dev/null");
}

void test_cache_suite(void) {
    CU_pSuite s = CU_add_suite("cache", NULL, NULL);
    CU_add_test(s, "loads what it built", loads_what_it_built);
    CU_add_test(s, "keeps no failure", keeps_no_failure);
    CU_add_test(s, "refuses damaged entries", refuses_damaged_entries);
    CU_add_test(s, "outlives what the driver refuses", outlives_what_the_driver_refuses);
    CU_add_test(s, "checks every bit", checks_every_bit);
    CU_add_test(s, "tells keys apart", tells_keys_apart);
    CU_add_test(s, "works without a folder", works_without_a_folder);
    CU_add_test(s, "works when the folder vanishes", works_when_the_folder_vanishes);
    CU_add_test(s, "creates the folder", creates_the_folder);
    CU_add_test(s, "survives two writers", survives_two_writers);
    CU_add_test(s, "leaves it to a driver that keeps", leaves_it_to_a_driver_that_keeps);
    CU_add_test(s, "drops what was unused longest", drops_what_was_unused_longest);
    CU_add_test(s, "shows and clears its own", shows_and_clears_its_own);
}
