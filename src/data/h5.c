/* SPDX-License-Identifier: MIT
 * HDF5: the lock, errors, files. The files h5*.c hold all HDF5 of the library.
 *
 * Every function of h5.h is a locked shell around a static one, between pf__h5_enter() and pf__h5_leave(). An
 * HDF5 call clears the error stack of the one before it, so a failure is turned into text (pf__h5_fail)
 * before anything is closed. Identifiers are given back with pf__h5_drop(). */
#include "data/h5_private.h"
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void pf__h5_enter(void) {
    pthread_mutex_lock(&lock);
    /* Before the first call: what could not be flushed to a full disk stays open, and HDF5 (1.10) crashes on
     * it when the process ends. We close what we open. */
    H5dont_atexit();
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

void pf__h5_leave(void) {
    pthread_mutex_unlock(&lock);
}

/* Keeps the error stack, which the call would clear: what has failed may still be asked for. */
void pf__h5_drop(hid_t id) {
    if (id < 0) return;
    hid_t stack = H5Eget_num(H5E_DEFAULT) > 0 ? H5Eget_current_stack() : -1;
    H5Idec_ref(id);
    if (stack >= 0) H5Eset_current_stack(stack);
}

/* ---- errors ---- */

struct reason {
    char text[512];
    char minor[128];
    bool found;
};

static herr_t innermost(unsigned n, const H5E_error2_t *entry, void *user) {
    (void)n;
    struct reason *reason = user;
    if (reason->found) return 0;
    snprintf(reason->text, sizeof reason->text, "%s", entry->desc ? entry->desc : "");
    if (H5Eget_msg(entry->min_num, NULL, reason->minor, sizeof reason->minor) < 0) reason->minor[0] = '\0';
    reason->found = true;
    return 0;
}

/* The innermost entry of the error stack in one line; the system's own words where HDF5 quotes them. */
static void read_reason(struct reason *reason) {
    memset(reason, 0, sizeof *reason);
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, innermost, reason);
    if (!reason->found) snprintf(reason->text, sizeof reason->text, "unknown error");
    const char *mark = "error message = '";
    char *quoted = strstr(reason->text, mark);
    if (!quoted) return;
    memmove(reason->text, quoted + strlen(mark), strlen(quoted + strlen(mark)) + 1);
    reason->text[strcspn(reason->text, "'")] = '\0';
}

pf_status pf__h5_fail(pf__h5 *f, pf_error *err, const char *doing, const char *object) {
    struct reason reason;
    read_reason(&reason);
    f->failed = true;
    pf_status st = pf__fail(err, f->writing ? PF_SYSTEM : PF_DATA, "%s: cannot %s %s: HDF5: %s%s%s%s",
                            f->path, doing, object, reason.text, reason.minor[0] ? " (" : "", reason.minor,
                            reason.minor[0] ? ")" : "");
    if (strstr(reason.text, "letcher"))
        return pf__hint(
            err, st, "the file is damaged: its stored checksum disagrees with its content; use another copy");
    if (f->writing) return pf__hint(err, st, "is the disk full, or the folder not writable?");
    return pf__hint(err, st, "is the file damaged? datasets/FORMAT.md says what it must hold");
}

/* ---- files ---- */

static pf_status file_new(const char *path, bool writing, pf__h5 **out, pf_error *err) {
    pf__h5 *f = calloc(1, sizeof *f);
    if (!f) return pf__fail_memory(err, "HDF5 file", sizeof *f);
    f->path = strdup(path);
    if (!f->path) {
        free(f);
        return pf__fail_memory(err, "HDF5 file name", strlen(path));
    }
    f->id = -1;
    f->writing = writing;
    *out = f;
    return PF_OK;
}

static void file_free(pf__h5 *f) {
    free(f->path);
    free(f);
}

/* Access properties: closing the file closes what is open in it. -1 on failure. */
static hid_t access_properties(bool creating, bool without_lock) {
    hid_t fapl = H5Pcreate(H5P_FILE_ACCESS);
    if (fapl < 0) return -1;
    if (H5Pset_fclose_degree(fapl, H5F_CLOSE_STRONG) < 0 ||
        (creating && H5Pset_libver_bounds(fapl, H5F_LIBVER_EARLIEST, H5F_LIBVER_V18) < 0) ||
        (without_lock && H5Pset_file_locking(fapl, 0, 1) < 0)) {
        pf__h5_drop(fapl);
        return -1;
    }
    return fapl;
}

static pf_status create_locked(pf__h5 *f, pf_error *err) {
    pf_status st = PF_OK;
    hid_t fcpl = H5Pcreate(H5P_FILE_CREATE), fapl = access_properties(true, false);
    if (fcpl >= 0 && fapl >= 0 && H5Pset_obj_track_times(fcpl, 0) >= 0)
        f->id = H5Fcreate(f->path, H5F_ACC_TRUNC, fcpl, fapl);
    if (f->id < 0) {
        st = pf__h5_fail(f, err, "create", "the file");
        st = pf__hint(err, st, "does the folder exist, may you write there, and is there room on the disk?");
    }
    pf__h5_drop(fapl);
    pf__h5_drop(fcpl);
    return st;
}

pf_status pf__h5_create(const char *path, pf__h5 **out, pf_error *err) {
    *out = NULL;
    pf__h5 *f = NULL;
    PF__TRY(file_new(path, true, &f, err));
    pf__h5_enter();
    pf_status st = create_locked(f, err);
    pf__h5_leave();
    if (st != PF_OK) {
        file_free(f);
        return st;
    }
    *out = f;
    return PF_OK;
}

/* What can be said about a file before HDF5 sees it. */
static pf_status look(const char *path, pf_error *err) {
    struct stat info;
    if (stat(path, &info) != 0) {
        pf_status st = pf__fail(err, PF_DATA, "%s: %s", path,
                                errno == ENOENT ? "missing: there is no such file" : "cannot be opened");
        return pf__hint(err, st, "check the path");
    }
    if (S_ISDIR(info.st_mode)) {
        pf_status st = pf__fail(err, PF_DATA, "%s: not an HDF5 file: it is a folder", path);
        return pf__hint(
            err, st,
            "name a file inside it; a folder of IDX files is imported with 'pushforward data import'");
    }
    if (info.st_size == 0) {
        pf_status st = pf__fail(err, PF_DATA, "%s: not an HDF5 file: it is empty", path);
        return pf__hint(err, st, "a writer was probably stopped; make the file again");
    }
    return PF_OK;
}

static bool is_lock(const struct reason *reason) {
    if (strstr(reason->text, "sblock")) return false; /* a superblock: the file is truncated */
    return strstr(reason->text, "lock") != NULL || strstr(reason->minor, "lock") != NULL;
}

static pf_status fail_open(pf__h5 *f, pf_error *err) {
    struct reason reason;
    read_reason(&reason);
    if (is_lock(&reason)) { /* even without locking: the environment has the last word */
        pf_status st = pf__fail(err, PF_DATA, "%s: cannot open: the file cannot be locked: %s", f->path,
                                reason.text);
        return pf__hint(
            err, st,
            "another program holds it, or the file system has no locks; unset HDF5_USE_FILE_LOCKING");
    }
    if (strstr(reason.text, "truncated")) {
        pf_status st = pf__fail(err, PF_DATA, "%s: truncated: HDF5: %s", f->path, reason.text);
        return pf__hint(err, st, "the file is incomplete (a stopped copy or writer); copy or make it again");
    }
    pf_status st = pf__fail(err, PF_DATA, "%s: cannot open: HDF5: %s", f->path, reason.text);
    return pf__hint(err, st,
                    "the file may be damaged, unreadable for you, or being written by another program");
}

static pf_status open_locked(pf__h5 *f, pf_error *err) {
    htri_t is = H5Fis_hdf5(f->path);
    if (is == 0) {
        pf_status st = pf__fail(err, PF_DATA, "%s: not an HDF5 file", f->path);
        return pf__hint(err, st,
                        "a data set is made by 'pushforward data make' or 'pushforward data import'; "
                        "datasets/FORMAT.md describes it");
    }
    for (int attempt = 0; attempt < 2 && f->id < 0; attempt++) {
        hid_t fapl = access_properties(false, attempt == 1);
        if (fapl < 0) return pf__h5_fail(f, err, "prepare", "opening");
        f->id = H5Fopen(f->path, H5F_ACC_RDONLY, fapl);
        if (f->id < 0) {
            struct reason reason;
            read_reason(&reason);
            if (attempt == 1 || !is_lock(&reason)) {
                pf_status st = fail_open(f, err);
                pf__h5_drop(fapl);
                return st;
            }
        }
        pf__h5_drop(fapl);
    }
    return PF_OK;
}

pf_status pf__h5_open(const char *path, pf__h5 **out, pf_error *err) {
    *out = NULL;
    PF__TRY(look(path, err));
    pf__h5 *f = NULL;
    PF__TRY(file_new(path, false, &f, err));
    pf__h5_enter();
    pf_status st = open_locked(f, err);
    pf__h5_leave();
    if (st != PF_OK) {
        file_free(f);
        return st;
    }
    *out = f;
    return PF_OK;
}

pf_status pf__h5_close(pf__h5 **file, pf_error *err) {
    if (!file || !*file) return PF_OK;
    pf__h5 *f = *file;
    *file = NULL;
    pf__h5_enter();
    assert(f->failed ||
           H5Fget_obj_count(f->id, H5F_OBJ_ALL | H5F_OBJ_LOCAL) == 1); /* else an identifier leaked above */
    pf_status st = H5Fclose(f->id) < 0 ? pf__h5_fail(f, err, "close", "the file") : PF_OK;
    pf__h5_leave();
    file_free(f);
    return st;
}
