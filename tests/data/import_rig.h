/* SPDX-License-Identifier: MIT
 * What the tests of importers share: importing a source into a scratch file, and what a refusal must look
 * like. */
#ifndef PF_TESTS_DATA_IMPORT_RIG_H
#define PF_TESTS_DATA_IMPORT_RIG_H

#include "data/h5.h"
#include "pushforward/dataset.h"
#include "scratch.h"
#include <archive.h>
#include <archive_entry.h>

typedef struct rig {
    char source[512], out[512], said[600];
    pf_error err;
    pf_dataset *set; /* after rig_import */
    const pf_dataset_info *info;
} rig;

static inline void rig_begin(rig *r, const char *name) {
    memset(r, 0, sizeof *r);
    scratch(r->source, name);
    scratch(r->out, "imported.h5");
}

static inline void rig_end(rig *r) {
    pf_dataset_close(&r->set);
    unlink(r->source);
    unlink(r->out);
}

static inline void rig_keep(void *user, const char *line) {
    rig *r = user;
    size_t n = strlen(r->said);
    snprintf(r->said + n, sizeof r->said - n, "%s\n", line);
}

static inline pf_status rig_run(rig *r, double fraction) {
    r->said[0] = '\0';
    pf_dataset_close(&r->set);
    return pf_dataset_import(r->out, &(pf_import_desc){.source = r->source, .test_fraction = fraction},
                             rig_keep, r, &r->err);
}

/** Imports, checks the file, leaves it open. */
static inline void rig_import(rig *r, double fraction) {
    CHECK_OK(rig_run(r, fraction), r->err);
    CHECK_OK(pf_dataset_check(r->out, NULL, NULL, &r->err), r->err);
    CHECK_OK(pf_dataset_open(r->out, &r->set, &r->err), r->err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r->set);
    r->info = pf_dataset_describe(r->set);
}

static inline void rig_read(rig *r, pf_split split, int64_t row, float *x, int32_t *y) {
    CHECK_OK(pf_dataset_read(r->set, split, row, 1, x, y, &r->err), r->err);
}

/** The file names `count` classes, and class `at` so. */
static inline void rig_class_name(rig *r, int count, int at, const char *name) {
    char **names = NULL;
    int got = 0;
    pf__h5 *h5 = NULL;
    CHECK_OK(pf__h5_open(r->out, &h5, &r->err), r->err);
    if (!h5) return;
    CHECK_OK(pf__h5_read_texts(h5, "/class_names", &names, &got, &r->err), r->err);
    CHECK_INT(got, count);
    if (at < got) CU_ASSERT_STRING_EQUAL(names[at], name);
    for (int i = 0; i < got; i++) free(names[i]);
    free(names);
    pf__h5_close(&h5, NULL);
}

/** PF_DATA with this in its message and hint, and no file. */
static inline void rig_refused(rig *r, const char *message, const char *hint) {
    char temporary[600];
    CHECK_INT(rig_run(r, 0), PF_DATA);
    CHECK_CONTAINS(r->err.message, message);
    CHECK_CONTAINS(r->err.hint, hint);
    snprintf(temporary, sizeof temporary, "%s.tmp.%ld", r->out, (long)getpid());
    CU_ASSERT_NOT_EQUAL(access(r->out, F_OK), 0);
    CU_ASSERT_NOT_EQUAL(access(temporary, F_OK), 0);
}

typedef struct rig_member {
    const char *name;
    const void *bytes;
    size_t length;
} rig_member;

/** A zip (deflated or stored) or a tar.gz of these files; the list ends with a name of NULL. */
static inline void rig_archive(const char *path, bool zip, bool compressed, const rig_member *member) {
    struct archive *a = archive_write_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(a);
    if (zip) {
        archive_write_set_format_zip(a);
        if (compressed)
            archive_write_zip_set_compression_deflate(a);
        else
            archive_write_zip_set_compression_store(a);
    } else {
        archive_write_set_format_ustar(a);
        if (compressed) archive_write_add_filter_gzip(a);
    }
    CHECK_INT(archive_write_open_filename(a, path), ARCHIVE_OK);
    for (; member->name; member++) {
        struct archive_entry *e = archive_entry_new();
        archive_entry_set_pathname(e, member->name);
        archive_entry_set_size(e, (la_int64_t)member->length);
        archive_entry_set_filetype(e, AE_IFREG);
        archive_entry_set_perm(e, 0644);
        CHECK_INT(archive_write_header(a, e), ARCHIVE_OK);
        CHECK_INT(archive_write_data(a, member->bytes, member->length), (long long)member->length);
        archive_entry_free(e);
    }
    CHECK_INT(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
}

#endif
