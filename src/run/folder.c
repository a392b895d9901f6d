/* SPDX-License-Identifier: MIT
 * The run folder: made, refused when it holds another run, locked, rid of what a killed process left. */
#include "base/clock.h"
#include "base/file.h"
#include "run/run.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *join(const char *folder, const char *name, pf_error *err) {
    char *path = pf__path_join(folder, name);
    if (!path) pf__fail_memory(err, folder, strlen(folder));
    return path;
}

/* False when the file has been removed, or replaced, since it was opened. */
static bool is_file_at(int fd, const char *path) {
    struct stat open_one, named;
    return fstat(fd, &open_one) == 0 && stat(path, &named) == 0 && open_one.st_dev == named.st_dev &&
           open_one.st_ino == named.st_ino;
}

static pf_status fail_locked(const pf__folder *f, pf_error *err) {
    char who[32] = "";
    ssize_t n = read(f->lock, who, sizeof who - 1);
    who[n > 0 ? n : 0] = '\0';
    who[strcspn(who, "\n")] = '\0';
    pf_status st = pf__fail(err, PF_USAGE, "%s: process %s is training in this folder", f->path,
                            *who ? who : "?");
    return pf__hint(err, st, "choose another folder with --out, or end that process");
}

/* Opens and locks the file. *again: the process that held the lock has removed the file meanwhile. */
static pf_status lock_file(pf__folder *f, const char *path, bool *again, pf_error *err) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    *again = false;
    f->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (f->lock < 0) {
        int code = errno;
        pf_status st = pf__fail(err, PF_SYSTEM, "%s: cannot create: %s", path, strerror(code));
        return pf__hint(err, st, "may you write in this folder? Name another with --out");
    }
    /* a file system without locks is no reason not to train */
    if (fcntl(f->lock, F_SETLK, &lock) != 0 && (errno == EACCES || errno == EAGAIN))
        return fail_locked(f, err);
    *again = !is_file_at(f->lock, path);
    if (*again) return PF_OK;
    char who[32];
    int n = snprintf(who, sizeof who, "%ld\n", (long)getpid());
    if (ftruncate(f->lock, 0) == 0 && write(f->lock, who, (size_t)n) == n) return PF_OK;
    pf_status st = pf__fail(err, PF_SYSTEM, "%s: cannot write: %s", path, strerror(errno));
    return pf__hint(err, st, "is the disk full?");
}

/* A lock by fcntl ends with its process, however that ends; the number is for people. */
static pf_status take_lock(pf__folder *f, pf_error *err) {
    char *path = join(f->path, ".lock", err);
    if (!path) return PF_MEMORY;
    bool again = true;
    pf_status st = PF_OK;
    for (int i = 0; again && i < 100 && st == PF_OK; i++) {
        st = lock_file(f, path, &again, err);
        if (f->lock >= 0 && (again || st != PF_OK)) {
            close(f->lock);
            f->lock = -1;
        }
    }
    if (st == PF_OK && again)
        st = pf__fail(err, PF_SYSTEM, "%s: other processes lock this folder again and again", f->path);
    free(path);
    return st;
}

static pf_status is_foreign(void *user, const char *name, pf_error *err) {
    (void)err;
    if (strcmp(name, ".lock") != 0) *(bool *)user = true;
    return PF_OK;
}

static pf_status check_empty(const char *path, pf_error *err) {
    bool filled = false;
    if (!pf__is_folder(path)) return PF_OK; /* creating it will say why it cannot be */
    pf_status st = pf__folder_each(path, is_foreign, &filled, err);
    if (st != PF_OK) return pf__hint(err, st, "may you read it? Name another with --out");
    if (!filled) return PF_OK;
    return pf__hint(err, pf__fail(err, PF_USAGE, "%s: the folder is not empty", path),
                    "continue it with --resume %s, overwrite it with --force, or choose another with --out",
                    path);
}

enum { IN_RUN, IN_CHECKPOINTS, IN_SAMPLES, PARTS };
static const char *const parts[PARTS] = {"", "checkpoints", "samples"};

/* The first `length` bytes of name are that of a file which runs write there. */
static bool is_ours(int part, const char *name, size_t length) {
    static const char *const files[] = {"config.ini", "metrics.jsonl", "log.txt", "report.html",
                                        "debug_step.h5"};
    for (size_t i = 0; part == IN_RUN && i < sizeof files / sizeof *files; i++)
        if (strlen(files[i]) == length && memcmp(files[i], name, length) == 0) return true;
    if (part == IN_RUN || strncmp(name, "step_", 5) != 0) return false;
    size_t n = 5 + strspn(name + 5, "0123456789");
    const char *end = part == IN_CHECKPOINTS ? ".h5" : ".png";
    return n > 5 && length == n + strlen(end) && memcmp(name + n, end, strlen(end)) == 0;
}

/* A file of ours that was being written: its name, .tmp, and the numbers that make it unique. */
static bool is_temporary(int part, const char *name) {
    const char *mark = strstr(name, ".tmp");
    return mark && mark[4 + strspn(mark + 4, ".0123456789")] == '\0' &&
           is_ours(part, name, (size_t)(mark - name));
}

/* Those, and what is finished or set aside. */
static bool is_any(int part, const char *name) {
    size_t length = strlen(name), cut = length > 4 && strcmp(name + length - 4, ".old") == 0 ? 4 : 0;
    return is_ours(part, name, length - cut) || is_temporary(part, name);
}

typedef struct removal {
    int part;
    const char *folder;
    bool (*is_such)(int part, const char *name);
} removal;

static pf_status remove_file(void *user, const char *name, pf_error *err) {
    const removal *r = user;
    (void)err;
    char *file = r->is_such(r->part, name) ? pf__path_join(r->folder, name) : NULL;
    if (file) unlink(file);
    free(file);
    return PF_OK;
}

/* Removes the run's files whose names are such. A folder given by mistake loses nothing else. */
static void remove_files(const char *folder, bool (*is_such)(int part, const char *name)) {
    for (int i = 0; i < PARTS; i++) {
        char *path = pf__path_join(folder, parts[i]);
        if (path) pf__folder_each(path, remove_file, &(removal){i, path, is_such}, NULL); /* else it stays */
        free(path);
    }
}

static pf_status make_parts(const char *folder, pf_error *err) {
    for (int i = IN_CHECKPOINTS; i < PARTS; i++) {
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
    pf__file_kind there = PF__FOLDER;
    int64_t size;
    if (how == PF_FOLDER_RESUME) PF__TRY(pf__file_look(path, &there, &size, err));
    if (there != PF__FOLDER)
        return pf__hint(err, pf__fail(err, PF_USAGE, "%s: there is no such run folder to resume", path),
                        "--resume takes the folder that --out named");
    if (how == PF_FOLDER_NEW) PF__TRY(check_empty(path, err));
    f->created = !pf__is_folder(path);
    PF__TRY(pf__folder_create(path, err));
    f->path = strdup(path);
    pf_status st = f->path ? take_lock(f, err) : pf__fail_memory(err, path, strlen(path));
    if (st != PF_OK) pf__folder_close(f);
    return st;
}

pf_status pf__folder_begin(pf__folder *f, pf_run_folder how, pf_error *err) {
    f->created = false;
    remove_files(f->path, how == PF_FOLDER_FORCE ? is_any : is_temporary);
    return make_parts(f->path, err);
}

void pf__folder_close(pf__folder *f) {
    if (f->path && f->lock >= 0) {
        char *path = pf__path_join(f->path, ".lock");
        if (path && is_file_at(f->lock, path)) unlink(path);
        free(path);
        close(f->lock);
        if (f->created) rmdir(f->path);
    }
    free(f->path);
    *f = (pf__folder){.lock = -1};
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
