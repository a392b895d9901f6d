/* SPDX-License-Identifier: MIT
 * Files and folders over POSIX. A file appears under its name complete or not at all. */
#include "base/file.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STREAM_MAX ((size_t)64 << 20) /* bytes read from what is not a plain file */

static const char *hint_of(int code) {
    switch (code) {
    case ENOENT:
    case ENOTDIR:
        return "check the path: is there such a folder, and such a file in it?";
    case ENAMETOOLONG:
        return "choose a shorter name";
    case EISDIR:
        return "this is a folder: name a file";
    case EEXIST:
        return "a file of this name is in the way: name a folder";
    case EACCES:
    case EPERM:
    case EROFS:
        return "you have no right to do so there: choose another place, or change its permissions";
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return "make room on the disk, or choose another place";
    default:
        return "the system gives no more reasons than this";
    }
}

static pf_status fail_errno(pf_error *err, pf_status status, const char *doing, const char *path, int code) {
    char text[128];
    if (strerror_r(code, text, sizeof text) != 0) snprintf(text, sizeof text, "error %d", code);
    pf__fail(err, status, "%s: cannot %s: %s", path, doing, text);
    return pf__hint(err, status, "%s", hint_of(code));
}

pf_status pf__file_look(const char *path, pf__file_kind *kind, int64_t *size, pf_error *err) {
    struct stat info;
    *kind = PF__NOTHING;
    *size = 0;
    if (stat(path, &info) != 0) {
        int code = errno;
        return code == ENOENT || code == ENOTDIR ? PF_OK : fail_errno(err, PF_DATA, "look at", path, code);
    }
    *kind = S_ISREG(info.st_mode) ? PF__FILE : S_ISDIR(info.st_mode) ? PF__FOLDER : PF__OTHER;
    *size = (int64_t)info.st_size;
    return PF_OK;
}

bool pf__file_exists(const char *path) {
    struct stat info;
    return stat(path, &info) == 0;
}

bool pf__is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* Reads to the end whatever st_size says: pipes and /proc report 0, and what is no plain file may have no
 * end. Returns errno's value. */
static int read_all(int fd, size_t expected, size_t most, char **data, size_t *length) {
    size_t capacity = expected + 2, n = 0;
    char *bytes = malloc(capacity);
    while (bytes) {
        ssize_t got = read(fd, bytes + n, capacity - 1 - n);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            int code = errno;
            free(bytes);
            return code;
        }
        if (got == 0) {
            bytes[n] = '\0';
            *data = bytes;
            *length = n;
            return 0;
        }
        n += (size_t)got;
        if (n > most) {
            free(bytes);
            return EFBIG;
        }
        if (n + 1 == capacity) {
            char *more = realloc(bytes, capacity * 2);
            if (!more) free(bytes);
            bytes = more;
            capacity *= 2;
        }
    }
    return ENOMEM;
}

pf_status pf__file_read(const char *path, char **data, size_t *length, pf_error *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail_errno(err, PF_DATA, "open", path, errno);
    struct stat info;
    bool known = fstat(fd, &info) == 0;
    size_t expected = known && info.st_size > 0 ? (size_t)info.st_size : 4096;
    int code = read_all(fd, expected, known && S_ISREG(info.st_mode) ? SIZE_MAX : STREAM_MAX, data, length);
    close(fd);
    if (code == ENOMEM) return pf__fail_memory(err, path, expected);
    if (!code) return PF_OK;
    pf_status st = fail_errno(err, PF_DATA, "read", path, code);
    return code == EFBIG ? pf__hint(err, st, "it is a device or a pipe without an end: name a file") : st;
}

/* Returns 0 or errno. */
static int write_all(int fd, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t put = write(fd, bytes, length);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return errno;
        bytes += put;
        length -= (size_t)put;
    }
    return 0;
}

/* The name counts as written only once its folder is; some file systems cannot sync folders and say EINVAL.
 */
static int sync_folder_of(const char *path) {
    char *folder = pf__path_folder(path);
    if (!folder) return ENOMEM;
    int code = 0, fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(folder);
    if (fd < 0) return errno == EACCES ? 0 : errno; /* writable but not readable: nothing to sync through */
    if (fsync(fd) != 0 && errno != EINVAL && errno != ENOTSUP) code = errno;
    close(fd);
    return code;
}

/* Opens a new file beside path; *name is the caller's to free. Returns the descriptor, or -1 with errno. */
static int open_beside(const char *path, char **name) {
    size_t size = strlen(path) + 48;
    char *text = malloc(size);
    if (!text) return errno = ENOMEM, -1;
    for (int attempt = 0; attempt < 1000; attempt++) {
        snprintf(text, size, "%s.tmp.%ld.%d", path, (long)getpid(), attempt);
        int fd = open(text, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0) {
            *name = text;
            return fd;
        }
        if (errno != EEXIST) break;
    }
    int code = errno;
    free(text);
    errno = code;
    return -1;
}

pf_status pf__file_write(const char *path, const void *data, size_t length, pf_error *err) {
    char *name = NULL;
    int fd = open_beside(path, &name);
    if (fd < 0) return fail_errno(err, PF_SYSTEM, "create", path, errno);
    int code = write_all(fd, data, length);
    if (!code && fsync(fd) != 0 && errno != EINVAL) code = errno;
    if (close(fd) != 0 && !code) code = errno;
    if (!code && rename(name, path) != 0) code = errno;
    if (code)
        unlink(name);
    else
        code = sync_folder_of(path);
    free(name);
    return code ? fail_errno(err, PF_SYSTEM, "write", path, code) : PF_OK;
}

pf_status pf__file_commit(const char *tmp, const char *path, pf_error *err) {
    int fd = open(tmp, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail_errno(err, PF_SYSTEM, "open", tmp, errno);
    int code = fsync(fd) != 0 && errno != EINVAL ? errno : 0;
    close(fd);
    if (!code && rename(tmp, path) != 0) code = errno;
    if (!code) code = sync_folder_of(path);
    return code ? fail_errno(err, PF_SYSTEM, "write", path, code) : PF_OK;
}

pf_status pf__folder_each(const char *path, pf__folder_visitor *each, void *user, pf_error *err) {
    DIR *dir = opendir(path);
    if (!dir && errno == ENOENT) return PF_OK;
    if (!dir) return fail_errno(err, PF_SYSTEM, "list the folder", path, errno);
    pf_status st = PF_OK;
    while (st == PF_OK) {
        errno = 0; /* else the end and a failure are told alike */
        const struct dirent *e = readdir(dir);
        if (!e && errno) st = fail_errno(err, PF_SYSTEM, "list the folder to its end", path, errno);
        if (!e) break;
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) st = each(user, e->d_name, err);
    }
    closedir(dir);
    return st;
}

pf_status pf__folder_create(const char *path, pf_error *err) {
    size_t length = strlen(path);
    char *part = malloc(length + 1);
    if (!part) return pf__fail_memory(err, path, length + 1);
    memcpy(part, path, length + 1);
    int code = 0;
    for (size_t i = 1; i <= length && !code; i++) {
        if (path[i] != '/' && path[i] != '\0') continue;
        part[i] = '\0';
        int failed = mkdir(part, 0777) != 0 ? errno : 0;
        if (failed && !pf__is_folder(part)) code = failed;
        part[i] = path[i];
    }
    free(part);
    return code ? fail_errno(err, PF_SYSTEM, "create the folder", path, code) : PF_OK;
}

char *pf__path_join(const char *a, const char *b) {
    size_t na = b[0] == '/' ? 0 : strlen(a), nb = strlen(b);
    char *path = malloc(na + nb + 2);
    if (!path) return NULL;
    memcpy(path, a, na);
    if (na > 0 && a[na - 1] != '/') path[na++] = '/';
    memcpy(path + na, b, nb + 1);
    return path;
}

char *pf__path_folder(const char *path) {
    const char *slash = strrchr(path, '/');
    size_t length = !slash ? 1 : slash == path ? 1 : (size_t)(slash - path);
    char *folder = malloc(length + 1);
    if (!folder) return NULL;
    memcpy(folder, slash ? path : ".", length);
    folder[length] = '\0';
    return folder;
}
