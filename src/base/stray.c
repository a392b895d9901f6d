/* SPDX-License-Identifier: MIT
 * What killed processes were writing: path.tmp.PID, perhaps with a further number. */
#include "base/file.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The process that writes beside `base` under this name; 0 when it is no such name. */
static pid_t writer_of(const char *name, const char *base) {
    size_t n = strlen(base);
    if (strncmp(name, base, n) != 0 || strncmp(name + n, ".tmp.", 5) != 0) return 0;
    char *end;
    long pid = strtol(name + n + 5, &end, 10);
    return pid > 0 && end[strspn(end, ".0123456789")] == '\0' ? (pid_t)pid : 0;
}

/* The process is gone, and so it was some seconds ago: numbers of another machine's processes say nothing. */
static bool is_stray(const char *path, pid_t pid) {
    struct stat info;
    return kill(pid, 0) != 0 && errno == ESRCH && lstat(path, &info) == 0 && S_ISREG(info.st_mode) &&
           info.st_mtime + 10 < time(NULL);
}

typedef struct search {
    const char *folder, *base;
} search;

static pf_status remove_stray(void *user, const char *name, pf_error *err) {
    const search *s = user;
    (void)err;
    pid_t pid = writer_of(name, s->base);
    char *path = pid ? pf__path_join(s->folder, name) : NULL;
    if (path && is_stray(path, pid)) unlink(path);
    free(path);
    return PF_OK;
}

void pf__file_remove_strays(const char *path) {
    const char *slash = strrchr(path, '/');
    char *folder = pf__path_folder(path);
    if (folder) pf__folder_each(folder, remove_stray, &(search){folder, slash ? slash + 1 : path}, NULL);
    free(folder);
}
