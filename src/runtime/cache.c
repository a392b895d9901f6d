/* SPDX-License-Identifier: MIT
 * The program cache on disk. An entry is one file, <32 hex digits of the key>.pfcl, whose modification time
 * is that of its last use:
 *
 *   byte 0   "PFCLPROG"
 *        8   format number
 *       16   key (2 numbers)
 *       32   length of the payload
 *       40   XXH64 of the payload
 *       48   XXH64 of bytes 0..47
 *       56   0
 *       64   payload: what the driver gave
 *
 * Numbers are 64 bits, little-endian. Drivers crash on binaries that were cut or altered, so nothing reaches
 * one that length and sums do not vouch for. Every failure means the same: compile. */
#include "runtime/cache.h"
#include "base/file.h"
#include "base/hash.h"
#include "pushforward/context.h"
#include "pushforward/version.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC          "PFCLPROG"
#define FORMAT         1
#define HEADER         64
#define PAYLOAD_MAX    ((size_t)256 << 20) /* no program is near it: a larger file is not ours */
#define SUFFIX         ".pfcl"
#define KEY_DIGITS     32
#define VERDICT_PREFIX "selftest-"
#define VERDICT_SUFFIX ".txt"

pf__cache_key pf__cache_key_of(const char *const *texts, int count) {
    pf__cache_key key = {{FORMAT, ~(uint64_t)FORMAT}};
    for (int i = -1; i < count; i++) {
        const char *text = i < 0 ? PF_VERSION_STRING : texts[i];
        size_t length = strlen(text) + 1; /* with the NUL, which keeps neighbours apart */
        for (int k = 0; k < 2; k++) key.part[k] = pf__hash64(text, length, key.part[k]);
    }
    return key;
}

/* ---- one entry ---- */

static void put64(unsigned char *out, uint64_t value) {
    for (int i = 0; i < 8; i++) out[i] = (unsigned char)(value >> 8 * i);
}

static void make_header(unsigned char *h, pf__cache_key key, const void *payload, size_t length) {
    memset(h, 0, HEADER);
    memcpy(h, MAGIC, 8);
    put64(h + 8, FORMAT);
    put64(h + 16, key.part[0]);
    put64(h + 24, key.part[1]);
    put64(h + 32, length);
    put64(h + 40, pf__hash64(payload, length, 0));
    put64(h + 48, pf__hash64(h, 48, 0));
}

bool pf__cache_check(const void *file, size_t length, pf__cache_key key, const void **payload,
                     size_t *payload_length) {
    const unsigned char *bytes = file;
    if (length <= HEADER) return false;
    unsigned char expected[HEADER];
    make_header(expected, key, bytes + HEADER, length - HEADER);
    if (memcmp(expected, bytes, HEADER) != 0) return false;
    *payload = bytes + HEADER;
    *payload_length = length - HEADER;
    return true;
}

/* malloc; NULL when out of memory. */
static char *named_path(const char *folder, const char *prefix, pf__cache_key key, const char *suffix) {
    char name[64];
    snprintf(name, sizeof name, "%s%016llx%016llx%s", prefix, (unsigned long long)key.part[0],
             (unsigned long long)key.part[1], suffix);
    return pf__path_join(folder, name);
}

static char *path_of(const char *folder, pf__cache_key key) {
    return named_path(folder, "", key, SUFFIX);
}

char *pf__cache_verdict_path(const char *folder, pf__cache_key key) {
    return named_path(folder, VERDICT_PREFIX, key, VERDICT_SUFFIX);
}

void *pf__cache_load(const char *folder, pf__cache_key key, size_t *length) {
    char *path = path_of(folder, key), *file = NULL;
    struct stat status;
    size_t size = 0, n = 0;
    const void *payload;
    bool good = false;
    if (!path) return NULL;
    if (stat(path, &status) != 0) goto done;
    if (S_ISREG(status.st_mode) && (uintmax_t)status.st_size <= HEADER + PAYLOAD_MAX &&
        pf__file_read(path, &file, &size, NULL) == PF_OK)
        good = pf__cache_check(file, size, key, &payload, &n);
    if (good) {
        memmove(file, payload, *length = n);
        utimensat(AT_FDCWD, path, NULL, 0); /* used now: see pf__cache_trim */
    } else {
        unlink(path);
    }
done:
    free(path);
    if (good) return file;
    free(file);
    return NULL;
}

pf_status pf__cache_store(const char *folder, pf__cache_key key, const void *payload, size_t length,
                          pf_error *err) {
    if (length == 0 || length > PAYLOAD_MAX)
        return pf__fail(err, PF_SYSTEM, "a program of %zu bytes is not kept", length);
    char *path = path_of(folder, key);
    unsigned char *file = malloc(HEADER + length);
    pf_status st;
    if (path && file) {
        memcpy(file + HEADER, payload, length);
        make_header(file, key, payload, length);
        st = pf__file_write(path, file, HEADER + length, err);
    } else {
        st = pf__fail_memory(err, "program cache", HEADER + length);
    }
    free(file);
    free(path);
    return st;
}

void pf__cache_drop(const char *folder, pf__cache_key key) {
    char *path = path_of(folder, key);
    if (path) unlink(path);
    free(path);
}

/* ---- the folder ---- */

typedef enum kind { NOT_OURS, PROGRAM, VERDICT } kind;

/* Entries, and the unfinished files of them. */
static kind kind_of(const char *name) {
    const bool verdict = strncmp(name, VERDICT_PREFIX, strlen(VERDICT_PREFIX)) == 0;
    const char *digits = verdict ? name + strlen(VERDICT_PREFIX) : name;
    const char *suffix = verdict ? VERDICT_SUFFIX : SUFFIX,
               *rest = digits + strspn(digits, "0123456789abcdef");
    if (rest - digits != KEY_DIGITS || strncmp(rest, suffix, strlen(suffix)) != 0) return NOT_OURS;
    rest += strlen(suffix);
    if (*rest && strncmp(rest, ".tmp.", 5) != 0) return NOT_OURS;
    return verdict ? VERDICT : PROGRAM;
}

typedef pf_status visitor(void *user, kind k, const char *path, const struct stat *status, pf_error *err);

typedef struct visit {
    const char *folder;
    visitor *each;
    void *user;
} visit;

static pf_status visit_name(void *user, const char *name, pf_error *err) {
    const visit *v = user;
    const kind k = kind_of(name);
    if (!k) return PF_OK;
    struct stat status;
    char *path = pf__path_join(v->folder, name);
    pf_status st = PF_OK;
    if (!path)
        st = pf__fail_memory(err, v->folder, strlen(v->folder));
    else if (lstat(path, &status) != 0)
        st = errno == ENOENT ? PF_OK : pf__fail(err, PF_SYSTEM, "%s: cannot look at it", path);
    else if (S_ISREG(status.st_mode))
        st = v->each(v->user, k, path, &status, err);
    free(path);
    return st;
}

static pf_status visit_all(const char *folder, visitor *each, void *user, pf_error *err) {
    return pf__folder_each(folder, visit_name, &(visit){folder, each, user}, err);
}

static pf_status count_file(void *user, kind k, const char *path, const struct stat *status, pf_error *err) {
    pf_cache_usage *usage = user;
    (void)path;
    (void)err;
    ++*(k == VERDICT ? &usage->verdicts : &usage->programs);
    usage->bytes += (uint64_t)status->st_size;
    return PF_OK;
}

static pf_status delete_file(void *user, kind k, const char *path, const struct stat *status, pf_error *err) {
    if (unlink(path) != 0 && errno != ENOENT)
        return pf__hint(err, pf__fail(err, PF_SYSTEM, "%s: cannot delete", path),
                        "see that you may write in its folder");
    return count_file(user, k, path, status, err);
}

pf_status pf_cache_show(const char *folder, pf_cache_usage *usage, pf_error *error) {
    *usage = (pf_cache_usage){0};
    return visit_all(folder, count_file, usage, error);
}

pf_status pf_cache_clear(const char *folder, pf_cache_usage *removed, pf_error *error) {
    *removed = (pf_cache_usage){0};
    return visit_all(folder, delete_file, removed, error);
}

/* ---- room ---- */

struct used {
    char *path;
    struct timespec when; /* the modification time, which loading renews */
    uint64_t bytes;
};

struct listing {
    struct used *files;
    size_t count, capacity;
    uint64_t bytes;
};

static pf_status list_program(void *user, kind k, const char *path, const struct stat *status,
                              pf_error *err) {
    struct listing *l = user;
    if (k != PROGRAM) return PF_OK;
    if (l->count == l->capacity) {
        const size_t wanted = l->capacity ? 2 * l->capacity : 64;
        struct used *grown = realloc(l->files, wanted * sizeof *grown);
        if (!grown) return pf__fail_memory(err, "program cache", wanted * sizeof *grown);
        l->files = grown;
        l->capacity = wanted;
    }
    char *copy = strdup(path);
    if (!copy) return pf__fail_memory(err, "program cache", strlen(path));
    l->files[l->count++] = (struct used){copy, status->st_mtim, (uint64_t)status->st_size};
    l->bytes += (uint64_t)status->st_size;
    return PF_OK;
}

static int by_age(const void *a, const void *b) {
    const struct used *x = a, *y = b;
    if (x->when.tv_sec != y->when.tv_sec) return x->when.tv_sec < y->when.tv_sec ? -1 : 1;
    if (x->when.tv_nsec != y->when.tv_nsec) return x->when.tv_nsec < y->when.tv_nsec ? -1 : 1;
    return strcmp(x->path, y->path);
}

void pf__cache_trim(const char *folder, uint64_t most, pf__cache_key key) {
    struct listing l = {0};
    char *spared = path_of(folder, key);
    if (spared && visit_all(folder, list_program, &l, NULL) == PF_OK && l.bytes > most) {
        qsort(l.files, l.count, sizeof *l.files, by_age);
        for (size_t i = 0; i < l.count && l.bytes > most; i++)
            if (strcmp(l.files[i].path, spared) != 0 && unlink(l.files[i].path) == 0)
                l.bytes -= l.files[i].bytes;
    }
    for (size_t i = 0; i < l.count; i++) free(l.files[i].path);
    free(l.files);
    free(spared);
}
