/* SPDX-License-Identifier: MIT
 * What killed processes were writing: path.tmp.PID, perhaps with a further number. */
#include "base/file.h"
#include <dirent.h>
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

void pf__file_remove_strays(const char *path) {
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    char *folder = pf__path_folder(path);
    DIR *dir = folder ? opendir(folder) : NULL;
    for (struct dirent *e; dir && (e = readdir(dir)) != NULL;) {
        pid_t pid = writer_of(e->d_name, base);
        char *name = pid ? pf__path_join(folder, e->d_name) : NULL;
        if (name && is_stray(name, pid)) unlink(name);
        free(name);
    }
    if (dir) closedir(dir);
    free(folder);
}
