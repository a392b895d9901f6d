/* SPDX-License-Identifier: MIT
 * How much memory this process may come to use. */
#include "base/memory.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static uint64_t least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* A file that holds one number; UINT64_MAX for "max", or when it cannot be read. */
static uint64_t read_number(const char *path) {
    char text[64] = "", *end;
    FILE *file = fopen(path, "r");
    if (!file) return UINT64_MAX;
    char *got = fgets(text, sizeof text, file);
    fclose(file);
    unsigned long long value = got ? strtoull(text, &end, 10) : 0;
    return got && end != text ? (uint64_t)value : UINT64_MAX;
}

/* The least limit in the folders root/path, and above it up to root. A path of the host's may not exist
 * within a container: then only the upper ones count. */
static uint64_t walk(const char *root, const char *path, const char *name) {
    char folder[4096], file[4352];
    uint64_t limit = UINT64_MAX;
    int length = snprintf(folder, sizeof folder, "%s%s", root, path);
    if (length < 0 || (size_t)length >= sizeof folder) return UINT64_MAX;
    for (;;) {
        snprintf(file, sizeof file, "%s/%s", folder, name);
        limit = least(limit, read_number(file));
        char *slash = strrchr(folder, '/');
        if (!slash || (size_t)(slash - folder) < strlen(root)) return limit;
        *slash = '\0';
    }
}

static int lists(const char *controllers, const char *name) {
    size_t n = strlen(name);
    for (const char *c = controllers; *c; c += *c == ',') {
        size_t length = strcspn(c, ",");
        if (length == n && strncmp(c, name, n) == 0) return 1;
        c += length;
    }
    return 0;
}

uint64_t pf__memory_cgroup(const char *membership, const char *root) {
    char line[4096], old[4096];
    uint64_t limit = UINT64_MAX;
    snprintf(old, sizeof old, "%s/memory", root);
    while (*membership) { /* "0::/path" is version 2, "4:memory:/path" version 1 */
        size_t length = strcspn(membership, "\n");
        snprintf(line, sizeof line, "%.*s", (int)(length < sizeof line ? length : sizeof line - 1),
                 membership);
        membership += length + (membership[length] == '\n');
        char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!path) continue;
        *controllers++ = *path++ = '\0';
        if (!*controllers)
            limit = least(limit, walk(root, path, "memory.max"));
        else if (lists(controllers, "memory"))
            limit = least(limit, walk(old, path, "memory.limit_in_bytes"));
    }
    return limit;
}

static uint64_t cgroup(void) {
    char text[8192];
    FILE *file = fopen("/proc/self/cgroup", "r");
    if (!file) return UINT64_MAX;
    size_t got = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[got] = '\0';
    return pf__memory_cgroup(text, "/sys/fs/cgroup");
}

static uint64_t own(int resource) {
    struct rlimit r;
    return getrlimit(resource, &r) == 0 && r.rlim_cur != RLIM_INFINITY ? (uint64_t)r.rlim_cur : UINT64_MAX;
}

pf__memory_limit pf__memory_limit_get(void) {
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    const struct {
        uint64_t bytes;
        const char *by;
    } limits[] = {
        {pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : UINT64_MAX, "this machine has"},
        {cgroup(), "the control group (container, systemd) allows"},
        {own(RLIMIT_AS), "ulimit -v allows"},
        {own(RLIMIT_DATA), "ulimit -d allows"},
    };
    pf__memory_limit limit = {UINT64_MAX, "this machine has"};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        if (limits[i].bytes < limit.bytes) limit = (pf__memory_limit){limits[i].bytes, limits[i].by};
    if (limit.bytes == UINT64_MAX) limit.bytes = 0;
    return limit;
}
