/* SPDX-License-Identifier: MIT
 * Limits of memory: control groups of both versions, and the process's own. */
#include "base/memory.h"
#include "check.h"
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[512];

static void write_limit(const char *folder, const char *name, const char *text) {
    char path[900];
    snprintf(path, sizeof path, "%s%s", root, folder);
    for (char *p = path + strlen(root) + 1; *p; p++)
        if (*p == '/') {
            *p = '\0';
            mkdir(path, 0777);
            *p = '/';
        }
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s%s/%s", root, folder, name);
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs(text, file);
    fclose(file);
}

static int begin(void) {
    snprintf(root, sizeof root, "%s/test_memory_XXXXXX", PF_BINARY_DIR);
    return mkdtemp(root) == NULL;
}

static int end(void) {
    char command[600];
    snprintf(command, sizeof command, "rm -r '%s'", root);
    return system(command);
}

static void control_groups(void) {
    write_limit("/user.slice/run.scope", "memory.max", "1073741824\n");
    write_limit("/user.slice", "memory.max", "max\n");
    write_limit("/tight", "memory.max", "536870912\n");
    write_limit("/tight/inner", "memory.max", "max\n");
    write_limit("/memory/box", "memory.limit_in_bytes", "268435456\n");
    write_limit("/memory", "memory.limit_in_bytes", "9223372036854771712\n");
    CU_ASSERT_EQUAL(pf__memory_cgroup("0::/user.slice/run.scope\n", root), 1073741824u);
    CU_ASSERT_EQUAL(pf__memory_cgroup("0::/user.slice", root), UINT64_MAX);
    CU_ASSERT_EQUAL(pf__memory_cgroup("0::/tight/inner\n", root), 536870912u); /* the parent's limit holds */
    CU_ASSERT_EQUAL(pf__memory_cgroup("0::/\n", root), UINT64_MAX);
    CU_ASSERT_EQUAL(pf__memory_cgroup("5:cpu,memory:/box\n1:name=systemd:/\n0::/\n", root), 268435456u);
    /* a container does not see its host's folders: the root's limit is its own */
    CU_ASSERT_EQUAL(pf__memory_cgroup("5:memory:/docker/0123\n", root), 9223372036854771712u);
    CU_ASSERT_EQUAL(pf__memory_cgroup("5:memory_not:/box\nnonsense\n::\n", root), UINT64_MAX);
    CU_ASSERT_EQUAL(pf__memory_cgroup("", root), UINT64_MAX);
}

static void own_limit(void) {
    pf__memory_limit before = pf__memory_limit_get();
    CU_ASSERT(before.bytes > 1 << 20);
    CU_ASSERT_PTR_NOT_NULL(before.by);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* whose shadow is above any limit */
    struct rlimit old, low;
    getrlimit(RLIMIT_AS, &old);
    low = old;
    low.rlim_cur = before.bytes - 4096;
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_AS, &low), 0);
    pf__memory_limit after = pf__memory_limit_get();
    setrlimit(RLIMIT_AS, &old);
    CU_ASSERT_EQUAL(after.bytes, before.bytes - 4096);
    CHECK_CONTAINS(after.by, "ulimit -v");
#endif
}

void test_memory_suite(void) {
    CU_pSuite s = CU_add_suite("base/memory", begin, end);
    CU_add_test(s, "control groups", control_groups);
    CU_add_test(s, "own limit", own_limit);
}
