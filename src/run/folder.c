/* SPDX-License-Identifier: MIT
 * The run folder: made, refused when it holds another run, locked, pruned. */
#include "base/clock.h"
#include "base/file.h"
#include "run/run.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *join(const char *folder, const char *name, pf_error *err) {
    char *path = pf__path_join(folder, name);
    if (!path) pf__fail_memory(err, folder, strlen(folder));
    return path;
}

/* A lock by fcntl ends with its process, however that ends; the number is for people. */
static pf_status take_lock(pf__folder *f, pf_error *err) {
    char *path = join(f->path, ".lock", err);
    if (!path) return PF_MEMORY;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    f->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    pf_status st = PF_OK;
    if (f->lock < 0) {
        st = pf__fail(err, PF_SYSTEM, "%s: %s", path, strerror(errno));
    } else if (fcntl(f->lock, F_SETLK, &lock) != 0 && (errno == EACCES || errno == EAGAIN)) {
        char who[32] = "";
        ssize_t n = read(f->lock, who, sizeof who - 1);
        who[n > 0 ? n : 0] = '\0';
        who[strcspn(who, "\n")] = '\0';
        st = pf__hint(
            err,
            pf__fail(err, PF_USAGE, "%s: process %s is training in this folder", f->path, *who ? who : "?"),
            "choose another folder with --out, or end that process");
    } else { /* a file system without locks is no reason not to train */
        char who[32];
        int n = snprintf(who, sizeof who, "%ld\n", (long)getpid());
        if (ftruncate(f->lock, 0) != 0 || write(f->lock, who, (size_t)n) != n)
            st = pf__fail(err, PF_SYSTEM, "%s: %s", path, strerror(errno));
    }
    if (st != PF_OK && f->lock >= 0) {
        close(f->lock);
        f->lock = -1;
    }
    free(path);
    return st;
}

static bool is_empty(const char *path) {
    DIR *dir = opendir(path);
    if (!dir) return true;
    bool empty = true;
    for (struct dirent *e; (e = readdir(dir)) != NULL;)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 && strcmp(e->d_name, ".lock") != 0)
            empty = false;
    closedir(dir);
    return empty;
}

/* Removes the plain files of folder/name whose names start and end so. */
static void remove_files(const char *folder, const char *name, const char *start, const char *end) {
    char *path = pf__path_join(folder, name);
    DIR *dir = path ? opendir(path) : NULL;
    for (struct dirent *e; dir && (e = readdir(dir)) != NULL;) {
        size_t length = strlen(e->d_name), tail = strlen(end);
        if (strncmp(e->d_name, start, strlen(start)) != 0 || length < tail ||
            strcmp(e->d_name + length - tail, end) != 0)
            continue;
        char *file = pf__path_join(path, e->d_name);
        if (file) unlink(file);
        free(file);
    }
    if (dir) closedir(dir);
    free(path);
}

/* Only what a run writes is removed: a folder given by mistake loses nothing else. */
static void clear(const char *folder) {
    static const char *const files[] = {"config.ini", "metrics.jsonl", "log.txt", "report.html",
                                        "debug_step.h5"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *path = pf__path_join(folder, files[i]);
        if (path) unlink(path);
        free(path);
    }
    remove_files(folder, "checkpoints", "step_", ".h5");
    remove_files(folder, "checkpoints", "step_", ".h5.tmp");
    remove_files(folder, "samples", "step_", ".png");
}

static pf_status make_parts(const char *folder, pf_error *err) {
    static const char *const parts[] = {"checkpoints", "samples"};
    for (int i = 0; i < 2; i++) {
        char *path = join(folder, parts[i], err);
        if (!path) return PF_MEMORY;
        pf_status st = pf__folder_create(path, err);
        free(path);
        if (st != PF_OK) return st;
    }
    return PF_OK;
}

pf_status pf__folder_open(pf__folder *f, const char *path, pf_run_folder how, pf_error *err) {
    *f = (pf__folder){.lock = -1};
    if (how == PF_FOLDER_RESUME && !pf__is_folder(path))
        return pf__hint(err, pf__fail(err, PF_USAGE, "%s: there is no such run folder to resume", path),
                        "--resume takes the folder that --out named");
    if (how == PF_FOLDER_NEW && !is_empty(path))
        return pf__hint(
            err, pf__fail(err, PF_USAGE, "%s: the folder is not empty", path),
            "continue it with --resume %s, overwrite it with --force, or choose another with --out", path);
    f->created = !pf__is_folder(path);
    PF__TRY(pf__folder_create(path, err));
    f->path = strdup(path);
    pf_status st = f->path ? take_lock(f, err) : pf__fail_memory(err, path, strlen(path));
    if (st != PF_OK) pf__folder_close(f);
    return st;
}

pf_status pf__folder_begin(pf__folder *f, pf_run_folder how, pf_error *err) {
    f->created = false;
    if (how == PF_FOLDER_FORCE) clear(f->path);
    return make_parts(f->path, err);
}

void pf__folder_close(pf__folder *f) {
    if (f->path && f->lock >= 0) {
        char *path = pf__path_join(f->path, ".lock");
        if (path) unlink(path);
        free(path);
        close(f->lock);
        if (f->created) rmdir(f->path);
    }
    free(f->path);
    *f = (pf__folder){.lock = -1};
}

char *pf__folder_checkpoint(const char *folder, int64_t step) {
    char name[64];
    snprintf(name, sizeof name, "checkpoints/step_%08" PRId64 ".h5", step);
    return pf__path_join(folder, name);
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_checkpoint_name(const char *name) {
    size_t length = strlen(name);
    return strncmp(name, "step_", 5) == 0 && length > 8 && strspn(name + 5, "0123456789") == length - 8 &&
           strcmp(name + length - 3, ".h5") == 0;
}

static pf_status list_folder(const char *path, char ***paths, int *count, pf_error *err) {
    DIR *dir = opendir(path);
    if (!dir) return PF_OK;
    pf_status st = PF_OK;
    for (struct dirent *e; st == PF_OK && (e = readdir(dir)) != NULL;) {
        if (!is_checkpoint_name(e->d_name)) continue;
        char **list = realloc(*paths, ((size_t)*count + 1) * sizeof *list);
        if (list) *paths = list;
        char *copy = list ? pf__path_join(path, e->d_name) : NULL;
        if (copy)
            list[(*count)++] = copy;
        else
            st = pf__fail_memory(err, path, strlen(path));
    }
    closedir(dir);
    return st;
}

pf_status pf__folder_checkpoints(const char *folder, char ***paths, int *count, pf_error *err) {
    *paths = NULL;
    *count = 0;
    char *inner = join(folder, "checkpoints", err);
    if (!inner) return PF_MEMORY;
    pf_status st = list_folder(pf__is_folder(inner) ? inner : folder, paths, count, err);
    free(inner);
    if (st == PF_OK && *count > 0) qsort(*paths, (size_t)*count, sizeof **paths, by_name);
    if (st != PF_OK) {
        pf__folder_free_paths(*paths, *count);
        *paths = NULL;
        *count = 0;
    }
    return st;
}

void pf__folder_free_paths(char **paths, int count) {
    for (int i = 0; i < count; i++) free(paths[i]);
    free(paths);
}

void pf__folder_prune(const char *folder, int64_t keep) {
    char **paths;
    int count;
    if (keep <= 0 || pf__folder_checkpoints(folder, &paths, &count, NULL) != PF_OK) return;
    for (int i = 0; i + keep < count; i++) unlink(paths[i]);
    pf__folder_free_paths(paths, count);
}

void pf__folder_log(const pf__folder *f, const char *format, ...) {
    char *path = f->path ? pf__path_join(f->path, "log.txt") : NULL;
    FILE *file = path ? fopen(path, "a") : NULL;
    free(path);
    if (!file) return; /* the log is a comfort: a full disk shows itself at the next checkpoint */
    char now[32];
    pf__utc_now(now);
    fprintf(file, "%s ", now);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(file, format, arguments);
    va_end(arguments);
    fputc('\n', file);
    fclose(file);
}
