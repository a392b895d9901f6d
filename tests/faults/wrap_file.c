/* SPDX-License-Identifier: MIT
 * Files, folders, archives, streams. What goes to stderr never fails: nobody could see it. */
#include "inject.h"
#include <archive.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <png.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <zlib.h>

#define FAILED(code, result) (errno = (code), (result))

/* What opens something, and what closes it: that happens even where it reports a failure. */
#define WRAP_OPEN(name, result, parameters, arguments, code)                                     \
    result __real_##name parameters;                                                             \
    result __wrap_##name parameters;                                                             \
    result __wrap_##name parameters {                                                            \
        if (pf_fault(FAULT_FILE, #name, __builtin_return_address(0))) return FAILED(code, NULL); \
        result made = __real_##name arguments;                                                   \
        if (made) pf_fault_hold(FAULT_FILE, 1);                                                  \
        return made;                                                                             \
    }
#define WRAP_CLOSE(name, type, code, failure)                                  \
    int __real_##name(type object);                                            \
    int __wrap_##name(type object);                                            \
    int __wrap_##name(type object) {                                           \
        bool fails = pf_fault(FAULT_FILE, #name, __builtin_return_address(0)); \
        int real = __real_##name(object);                                      \
        pf_fault_hold(FAULT_FILE, -1);                                         \
        return fails ? FAILED(code, failure) : real;                           \
    }

/* ---- descriptors ---- */
WRAP_BODY(open, int, (const char *path, int flags, ...)) {
    va_list more;
    va_start(more, flags);
    mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;
    va_end(more);
    if (pf_fault(FAULT_FILE, "open", __builtin_return_address(0)))
        return FAILED(flags & O_CREAT ? ENOSPC : EIO, -1);
    int fd = __real_open(path, flags, mode);
    if (fd >= 0) pf_fault_hold(FAULT_FILE, 1);
    return fd;
}
WRAP(read, FILE, ssize_t, (int fd, void *bytes, size_t n), (fd, bytes, n), FAILED(EIO, -1))

/* A disk fills in the middle of a write: half of it is there, the call says so or, for one byte, says no. */
WRAP_BODY(write, ssize_t, (int fd, const void *bytes, size_t n)) {
    if (!pf_fault(FAULT_FILE, "write", __builtin_return_address(0))) return __real_write(fd, bytes, n);
    if (n / 2 > 0 && __real_write(fd, bytes, n / 2) < 0) return -1;
    return FAILED(ENOSPC, -1);
}
WRAP_CLOSE(close, int, EIO, -1)
WRAP(fsync, FILE, int, (int fd), (fd), FAILED(EIO, -1))
WRAP(ftruncate, FILE, int, (int fd, off_t length), (fd, length), FAILED(EIO, -1))
WRAP(fstat, FILE, int, (int fd, struct stat *out), (fd, out), FAILED(EIO, -1))
WRAP_BODY(fcntl, int, (int fd, int command, ...)) {
    va_list more;
    va_start(more, command);
    void *argument = va_arg(more, void *);
    va_end(more);
    if (pf_fault(FAULT_FILE, "fcntl", __builtin_return_address(0))) return FAILED(ENOLCK, -1);
    return __real_fcntl(fd, command, argument);
}

/* ---- names ---- */
WRAP(stat, FILE, int, (const char *path, struct stat *out), (path, out), FAILED(EIO, -1))
WRAP(lstat, FILE, int, (const char *path, struct stat *out), (path, out), FAILED(EIO, -1))
WRAP(statvfs, FILE, int, (const char *path, struct statvfs *out), (path, out), FAILED(EIO, -1))
WRAP(utimensat, FILE, int, (int folder, const char *path, const struct timespec *times, int flags),
     (folder, path, times, flags), FAILED(EROFS, -1))
WRAP(access, FILE, int, (const char *path, int how), (path, how), FAILED(EIO, -1))
WRAP(rename, FILE, int, (const char *from, const char *to), (from, to), FAILED(EIO, -1))
WRAP(unlink, FILE, int, (const char *path), (path), FAILED(EIO, -1))
WRAP(mkdir, FILE, int, (const char *path, mode_t mode), (path, mode), FAILED(ENOSPC, -1))
WRAP(rmdir, FILE, int, (const char *path), (path), FAILED(EIO, -1))
WRAP_OPEN(opendir, DIR *, (const char *path), (path), EMFILE)
WRAP_CLOSE(closedir, DIR *, EIO, -1)
WRAP(readdir, FILE, struct dirent *, (DIR * folder), (folder), FAILED(EIO, NULL))
WRAP(getcwd, FILE, char *, (char *out, size_t size), (out, size), FAILED(ENOENT, NULL))
WRAP(gethostname, FILE, int, (char *out, size_t size), (out, size), FAILED(ENAMETOOLONG, -1))

/* ---- streams ---- */
static bool fails(FILE *stream, const char *symbol, const void *caller) {
    if (stream == stderr || !pf_fault(FAULT_FILE, symbol, caller)) return false;
    stream->_flags |= 0x20; /* glibc's: what ferror tells */
    errno = ENOSPC;
    return true;
}

#define WRAP_STREAM(name, result, parameters, arguments, stream, failure)      \
    result __real_##name parameters;                                           \
    result __wrap_##name parameters;                                           \
    result __wrap_##name parameters {                                          \
        if (fails(stream, #name, __builtin_return_address(0))) return failure; \
        return __real_##name arguments;                                        \
    }
WRAP_OPEN(fopen, FILE *, (const char *path, const char *mode), (path, mode), mode[0] == 'r' ? EIO : ENOSPC)
WRAP_STREAM(fread, size_t, (void *out, size_t size, size_t n, FILE *f), (out, size, n, f), f, 0)
WRAP_STREAM(fgets, char *, (char *out, int size, FILE *f), (out, size, f), f, NULL)
WRAP_STREAM(fwrite, size_t, (const void *from, size_t size, size_t n, FILE *f), (from, size, n, f), f, 0)
WRAP_STREAM(fputs, int, (const char *text, FILE *f), (text, f), f, EOF)
WRAP_STREAM(fputc, int, (int c, FILE *f), (c, f), f, EOF)
WRAP_STREAM(putc, int, (int c, FILE *f), (c, f), f, EOF)
WRAP_STREAM(puts, int, (const char *text), (text), stdout, EOF)
WRAP_STREAM(putchar, int, (int c), (c), stdout, EOF)
WRAP_STREAM(fflush, int, (FILE * f), (f), f, EOF)
WRAP_STREAM(vfprintf, int, (FILE * f, const char *format, va_list list), (f, format, list), f, -1)
WRAP_CLOSE(fclose, FILE *, ENOSPC, EOF)

WRAP_BODY(printf, int, (const char *format, ...)) {
    if (fails(stdout, "printf", __builtin_return_address(0))) return -1;
    va_list list;
    va_start(list, format);
    int n = __real_vfprintf(stdout, format, list);
    va_end(list);
    return n;
}
WRAP_BODY(fprintf, int, (FILE * f, const char *format, ...)) {
    if (fails(f, "fprintf", __builtin_return_address(0))) return -1;
    va_list list;
    va_start(list, format);
    int n = __real_vfprintf(f, format, list);
    va_end(list);
    return n;
}

/* ---- zlib and libarchive ---- */
WRAP_OPEN(gzopen, gzFile, (const char *path, const char *mode), (path, mode), EIO)
WRAP(gzread, FILE, int, (gzFile f, voidp out, unsigned n), (f, out, n), FAILED(EIO, -1))
WRAP_CLOSE(gzclose, gzFile, EIO, Z_ERRNO)
WRAP(archive_read_new, MEMORY, struct archive *, (void), (), FAILED(ENOMEM, NULL))
WRAP(archive_read_support_filter_gzip, MEMORY, int, (struct archive * a), (a), ARCHIVE_FATAL)
WRAP(archive_read_support_format_tar, MEMORY, int, (struct archive * a), (a), ARCHIVE_FATAL)
WRAP(archive_read_support_format_zip, MEMORY, int, (struct archive * a), (a), ARCHIVE_FATAL)
WRAP(archive_read_open_filename, FILE, int, (struct archive * a, const char *path, size_t block),
     (a, path, block), FAILED(EIO, ARCHIVE_FATAL))
WRAP(archive_read_next_header, FILE, int, (struct archive * a, struct archive_entry **out), (a, out),
     ARCHIVE_FATAL)
WRAP(archive_read_data, FILE, la_ssize_t, (struct archive * a, void *out, size_t n), (a, out, n),
     ARCHIVE_FATAL)

/* ---- libpng: reports by a jump ---- */
#define WRAP_PNG(name, parameters, arguments)                                                              \
    void __real_##name parameters;                                                                         \
    void __wrap_##name parameters;                                                                         \
    void __wrap_##name parameters {                                                                        \
        if (pf_fault(FAULT_FILE, #name, __builtin_return_address(0))) png_error(png, "failed on purpose"); \
        __real_##name arguments;                                                                           \
    }
WRAP_PNG(png_read_info, (png_structrp png, png_inforp info), (png, info))
WRAP_PNG(png_read_update_info, (png_structrp png, png_inforp info), (png, info))
WRAP_PNG(png_read_image, (png_structrp png, png_bytepp rows), (png, rows))
WRAP_PNG(png_read_end, (png_structrp png, png_inforp info), (png, info))
WRAP_PNG(png_write_info, (png_structrp png, png_const_inforp info), (png, info))
WRAP_PNG(png_write_image, (png_structrp png, png_bytepp rows), (png, rows))
WRAP_PNG(png_write_end, (png_structrp png, png_inforp info), (png, info))
WRAP_PNG(png_set_text, (png_const_structrp png, png_inforp info, png_const_textp text, int n),
         (png, info, text, n))
