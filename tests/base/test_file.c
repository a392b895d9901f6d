/* SPDX-License-Identifier: MIT
 * Files appear complete or not at all, nothing is left beside them, and failures name the path. */
#include "base/file.h"
#include "check.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char root[64];

static int make_root(void) {
    strcpy(root, "/tmp/pf-test-XXXXXX");
    return mkdtemp(root) == NULL;
}

static int remove_root(void) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

static int count_entries(const char *folder) {
    int count = 0;
    DIR *d = opendir(folder);
    if (!d) return -1;
    for (struct dirent *e; (e = readdir(d));) count += e->d_name[0] != '.';
    closedir(d);
    return count;
}

static void test_write_and_read(void) {
    pf_error err = {0};
    char *path = pf__path_join(root, "a.bin"), *data = NULL;
    size_t length = 0;
    CHECK_OK(pf__file_write(path, "one\0two", 7, &err), err);
    CHECK_OK(pf__file_write(path, "x\0y", 3, &err), err); /* replaces */
    CHECK_OK(pf__file_read(path, &data, &length, &err), err);
    CHECK_INT(length, 3);
    CU_ASSERT(data && memcmp(data, "x\0y", 4) == 0);
    free(data);
    CHECK_INT(count_entries(root), 1);
    struct stat info;
    CHECK_INT(stat(path, &info), 0);
    mode_t mask = umask(0);
    umask(mask);
    CHECK_INT(info.st_mode & 0777, 0666 & ~mask);
    CHECK_OK(pf__file_write(path, "", 0, &err), err);
    CHECK_OK(pf__file_read(path, &data, &length, &err), err);
    CHECK_INT(length, 0);
    CU_ASSERT_STRING_EQUAL(data, "");
    free(data);
    free(path);
}

static void test_big(void) {
    pf_error err = {0};
    size_t size = 3000001, length = 0;
    char *bytes = malloc(size), *back = NULL, *path = pf__path_join(root, "big");
    for (size_t i = 0; i < size; i++) bytes[i] = (char)(i * 7 / 3);
    CHECK_OK(pf__file_write(path, bytes, size, &err), err);
    CHECK_OK(pf__file_read(path, &back, &length, &err), err);
    CHECK_INT(length, size);
    CU_ASSERT(back && length == size && memcmp(back, bytes, size) == 0);
    free(bytes);
    CHECK_OK(pf__file_read("/proc/self/status", &bytes, &length, &err), err); /* its st_size is 0 */
    CU_ASSERT(length > 100);
    free(back);
    free(path);
    free(bytes);
}

static void test_commit(void) {
    pf_error err = {0};
    char *tmp = pf__path_join(root, "c.tmp"), *path = pf__path_join(root, "c");
    CHECK_INT(pf__file_commit(tmp, path, &err), PF_SYSTEM);
    CHECK_CONTAINS(err.message, tmp);
    CHECK_OK(pf__file_write(tmp, "new", 3, &err), err);
    CHECK_OK(pf__file_write(path, "old", 3, &err), err);
    CHECK_OK(pf__file_commit(tmp, path, &err), err);
    CU_ASSERT_FALSE(pf__file_exists(tmp));
    char *data = NULL;
    size_t length;
    CHECK_OK(pf__file_read(path, &data, &length, &err), err);
    CU_ASSERT_STRING_EQUAL(data, "new");
    free(data);
    free(tmp);
    free(path);
}

static void test_failures(void) {
    pf_error err = {0};
    char *data = NULL, *missing = pf__path_join(root, "no/such/file");
    size_t length;
    CHECK_INT(pf__file_read(missing, &data, &length, &err), PF_DATA);
    CHECK_CONTAINS(err.message, missing);
    CHECK_CONTAINS(err.message, "No such file");
    CHECK_INT(pf__file_read(root, &data, &length, &err), PF_DATA); /* a folder */
    CHECK_CONTAINS(err.message, "directory");
    CHECK_INT(pf__file_write(missing, "x", 1, &err), PF_SYSTEM);
    CHECK_INT(pf__file_write("/proc/x", "x", 1, NULL), PF_SYSTEM);
    /* Where the name is taken by a folder, the rename fails: the temporary file must go. */
    char *folder = pf__path_join(root, "taken");
    CHECK_OK(pf__folder_create(folder, &err), err);
    int before = count_entries(root);
    CHECK_INT(pf__file_write(folder, "x", 1, &err), PF_SYSTEM);
    CHECK_CONTAINS(err.message, folder);
    CHECK_INT(count_entries(root), before);
    free(folder);
    free(missing);
}

static void test_folders(void) {
    pf_error err = {0};
    char *deep = pf__path_join(root, "d/e//f/"), *file = pf__path_join(root, "plain");
    CHECK_OK(pf__folder_create(deep, &err), err);
    CHECK_OK(pf__folder_create(deep, &err), err);
    CU_ASSERT(pf__is_folder(deep));
    CHECK_OK(pf__file_write(file, "x", 1, &err), err);
    CU_ASSERT(pf__file_exists(file) && !pf__is_folder(file));
    char *below = pf__path_join(file, "g");
    CHECK_INT(pf__folder_create(below, &err), PF_SYSTEM);
    CHECK_CONTAINS(err.message, below);
    free(below);
    free(deep);
    free(file);
}

/* Counts; fails where the third is called for. */
static pf_status count_to_three(void *user, const char *name, pf_error *err) {
    CU_ASSERT(name[0] != '.');
    return ++*(int *)user == 3 ? pf__fail(err, PF_DATA, "%s is the third", name) : PF_OK;
}

static void test_each(void) {
    pf_error err = {0};
    char *folder = pf__path_join(root, "each"), *inner = pf__path_join(folder, "inner"),
         *file = pf__path_join(folder, "file"), *third = pf__path_join(folder, "third");
    int n = 0;
    CHECK_OK(pf__folder_each(folder, count_to_three, &n, &err), err); /* not there: nothing in it */
    CHECK_OK(pf__folder_create(inner, &err), err);
    CHECK_OK(pf__file_write(file, "x", 1, &err), err);
    CHECK_OK(pf__folder_each(folder, count_to_three, &n, &err), err);
    CHECK_INT(n, 2);
    n = 0;
    CHECK_OK(pf__file_write(third, "x", 1, &err), err);
    CHECK_INT(pf__folder_each(folder, count_to_three, &n, &err), PF_DATA);
    CHECK_CONTAINS(err.message, "is the third");
    CHECK_INT(pf__folder_each(file, count_to_three, &n, &err), PF_SYSTEM);
    CHECK_CONTAINS(err.message, "cannot list the folder");
    free(folder);
    free(inner);
    free(file);
    free(third);
}

static void check_join(const char *a, const char *b, const char *want) {
    char *got = pf__path_join(a, b);
    CU_ASSERT_STRING_EQUAL(got, want);
    free(got);
}

static void check_folder(const char *path, const char *want) {
    char *got = pf__path_folder(path);
    CU_ASSERT_STRING_EQUAL(got, want);
    free(got);
}

static void test_paths(void) {
    check_join("a", "b/c", "a/b/c");
    check_join("a/", "b", "a/b");
    check_join("a", "/b", "/b");
    check_join("", "b", "b");
    check_folder("a/b/c", "a/b");
    check_folder("c", ".");
    check_folder("/c", "/");
}

static void put(const char *name, bool old) {
    pf_error err = {0};
    CHECK_OK(pf__file_write(name, "x", 1, &err), err);
    const struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    if (old) CU_ASSERT_EQUAL(utimensat(AT_FDCWD, name, times, 0), 0);
}

/* Only what a process that is gone was writing beside this very file goes. */
static void test_strays(void) {
    char path[600], gone[700], here[700], fresh[700], other[700];
    pid_t child = fork();
    if (child == 0) _exit(0);
    CU_ASSERT_EQUAL(waitpid(child, NULL, 0), child);
    snprintf(path, sizeof path, "%s/set.h5", root);
    snprintf(gone, sizeof gone, "%s.tmp.%ld", path, (long)child);
    snprintf(fresh, sizeof fresh, "%s.tmp.%ld.1", path, (long)child);
    snprintf(here, sizeof here, "%s.tmp.%ld", path, (long)getpid());
    snprintf(other, sizeof other, "%s.tmp.%ld.old", path, (long)child);
    put(gone, true);
    put(fresh, false);
    put(here, true);
    put(other, true);
    pf__file_remove_strays(path);
    CU_ASSERT_FALSE(pf__file_exists(gone));
    CU_ASSERT_TRUE(pf__file_exists(fresh));
    CU_ASSERT_TRUE(pf__file_exists(here));
    CU_ASSERT_TRUE(pf__file_exists(other));
    unlink(fresh);
    unlink(here);
    unlink(other);
}

void test_file_suite(void) {
    CU_pSuite s = CU_add_suite("file", make_root, remove_root);
    CU_add_test(s, "write and read", test_write_and_read);
    CU_add_test(s, "big", test_big);
    CU_add_test(s, "commit", test_commit);
    CU_add_test(s, "failures", test_failures);
    CU_add_test(s, "folders", test_folders);
    CU_add_test(s, "what lies in a folder", test_each);
    CU_add_test(s, "paths", test_paths);
    CU_add_test(s, "strays", test_strays);
}
