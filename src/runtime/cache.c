/* SPDX-License-Identifier: MIT
 * The program cache on disk. An entry is one file, <32 hex digits of the key>.pfcl:
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
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC       "PFCLPROG"
#define FORMAT      1
#define HEADER      64
#define PAYLOAD_MAX ((size_t)256 << 20) /* no program is near it: a larger file is not ours */
#define SUFFIX      ".pfcl"
#define KEY_DIGITS  32

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
static char *path_of(const char *folder, pf__cache_key key) {
    char name[KEY_DIGITS + sizeof SUFFIX];
    snprintf(name, sizeof name, "%016llx%016llx" SUFFIX, (unsigned long long)key.part[0],
             (unsigned long long)key.part[1]);
    return pf__path_join(folder, name);
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
    if (good)
        memmove(file, payload, *length = n);
    else
        unlink(path);
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

/* An entry, or the unfinished file of one. */
static bool is_ours(const char *name) {
    const char *rest = name + strspn(name, "0123456789abcdef");
    if (rest - name != KEY_DIGITS || strncmp(rest, SUFFIX, strlen(SUFFIX)) != 0) return false;
    rest += strlen(SUFFIX);
    return *rest == 0 || strncmp(rest, ".tmp.", 5) == 0;
}

/* Counts what is ours; deletes it where `clear`. */
static pf_status visit(const char *folder, bool clear, pf_cache_usage *out, pf_error *err) {
    *out = (pf_cache_usage){0};
    DIR *d = opendir(folder);
    if (!d && errno == ENOENT) return PF_OK;
    if (!d) return pf__fail(err, PF_SYSTEM, "%s: cannot list the folder", folder);
    pf_status st = PF_OK;
    for (const struct dirent *e; st == PF_OK && (e = readdir(d));) {
        struct stat status;
        if (!is_ours(e->d_name)) continue;
        char *path = pf__path_join(folder, e->d_name);
        if (!path) {
            st = pf__fail_memory(err, folder, strlen(folder));
        } else if (lstat(path, &status) == 0 && S_ISREG(status.st_mode)) {
            if (clear && unlink(path) != 0 && errno != ENOENT)
                st = pf__fail(err, PF_SYSTEM, "%s: cannot delete", path);
            out->programs += st == PF_OK;
            out->bytes += st == PF_OK ? (uint64_t)status.st_size : 0;
        }
        free(path);
    }
    closedir(d);
    return st;
}

pf_status pf_cache_show(const char *folder, pf_cache_usage *usage, pf_error *error) {
    return visit(folder, false, usage, error);
}

pf_status pf_cache_clear(const char *folder, pf_cache_usage *removed, pf_error *error) {
    return visit(folder, true, removed, error);
}
