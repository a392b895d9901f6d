/* SPDX-License-Identifier: MIT
 * Walking over all datasets below a group. */
#include "data/h5_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 32     /* groups inside groups: a hard link to a parent would never end */
#define LINKS_MAX 100000 /* followed: two hard links to a parent make 2^DEPTH_MAX ways */

/* What the walk found, kept so that visit runs without the lock and may read. */
struct found {
    char **paths;
    pf__h5_info *infos;
    size_t count, capacity;
    size_t links; /* followed so far */
};

static pf_status found_add(struct found *found, const char *path, const pf__h5_info *info, pf_error *err) {
    if (found->count == found->capacity) {
        size_t capacity = found->capacity ? found->capacity * 2 : 32;
        char **paths = realloc(found->paths, capacity * sizeof *paths);
        if (paths) found->paths = paths;
        pf__h5_info *infos = realloc(found->infos, capacity * sizeof *infos);
        if (infos) found->infos = infos;
        if (!paths || !infos) return pf__fail_memory(err, "list of datasets", capacity * sizeof *infos);
        found->capacity = capacity;
    }
    char *copy = strdup(path);
    if (!copy) return pf__fail_memory(err, "list of datasets", strlen(path));
    found->paths[found->count] = copy;
    found->infos[found->count] = *info;
    found->count++;
    return PF_OK;
}

static pf_status walk(pf__h5 *f, const char *path, int depth, struct found *found, pf_error *err);

/* The names of a group's links. One pass over them: asking for one after the other takes the square of their
 * number, and libhdf5 1.10 frees what it never got when one of a dense group is damaged. */
struct names {
    char **list;
    size_t count, capacity, most;
    bool failed; /* out of memory */
};

static herr_t add_name(hid_t group, const char *name, const H5L_info_t *info, void *user) {
    struct names *n = user;
    (void)group;
    (void)info;
    if (n->count == n->most) return 1; /* the walk will say that there are too many */
    if (n->count == n->capacity) {
        size_t capacity = n->capacity ? 2 * n->capacity : 16;
        char **list = realloc(n->list, capacity * sizeof *list);
        n->failed = !list;
        if (!list) return 1;
        n->list = list;
        n->capacity = capacity;
    }
    n->list[n->count] = strdup(name);
    n->failed = !n->list[n->count];
    n->count += !n->failed;
    return n->failed;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static pf_status walk_child(pf__h5 *f, const char *path, const char *name, int depth, struct found *found,
                            pf_error *err) {
    size_t base = strcmp(path, "/") == 0 ? 0 : strlen(path), size = base + strlen(name) + 2;
    char *child = malloc(size);
    if (!child) return pf__fail_memory(err, path, size);
    snprintf(child, size, "%.*s/%s", (int)base, path, name);
    pf_status st = walk(f, child, depth + 1, found, err);
    free(child);
    return st;
}

static pf_status walk_group(pf__h5 *f, hid_t group, const char *path, int depth, struct found *found,
                            pf_error *err) {
    struct names names = {.most = LINKS_MAX - found->links + 1};
    hsize_t at = 0;
    pf_status st = PF_OK;
    if (H5Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, &at, add_name, &names) < 0)
        st = pf__h5_fail(f, err, "list", path);
    else if (names.failed)
        st = pf__fail_memory(err, path, names.count * sizeof *names.list);
    if (names.count > 1) qsort(names.list, names.count, sizeof *names.list, by_name);
    for (size_t i = 0; i < names.count && st == PF_OK; i++)
        st = walk_child(f, path, names.list[i], depth, found, err);
    pf__h5_free_texts(names.list, names.count);
    return st;
}

static pf_status walk(pf__h5 *f, const char *path, int depth, struct found *found, pf_error *err) {
    if (found->links++ == LINKS_MAX)
        return pf__hint(err,
                        pf__fail(err, PF_DATA, "%s: more than %d objects, or groups inside themselves",
                                 f->path, LINKS_MAX),
                        "datasets/FORMAT.md says what the file should hold");
    bool there;
    PF__TRY(pf__h5_exists_locked(f, path, &there, err));
    if (!there) return PF_OK; /* a link that leads nowhere */
    if (depth > DEPTH_MAX) return pf__fail(err, PF_DATA, "%s: %s: groups are nested too deep", f->path, path);
    hid_t object = H5Oopen(f->id, path, H5P_DEFAULT);
    if (object < 0) return pf__h5_fail(f, err, "open", path);
    pf_status st = PF_OK;
    H5I_type_t kind = H5Iget_type(object);
    if (kind < 0) {
        st = pf__h5_fail(f, err, "describe", path);
    } else if (depth == 0 && kind != H5I_GROUP) { /* visit may rely on a path below that of the group */
        st = pf__hint(err, pf__fail(err, PF_DATA, "%s: %s is not a group", f->path, path),
                      "datasets/FORMAT.md says what the file should hold");
    } else if (kind == H5I_DATASET) {
        pf__h5_info info = {0};
        pf_dtype dtype;
        hid_t type = H5Dget_type(object);
        int number = type < 0 ? -1 : pf__h5_dtype(type, &dtype);
        if (number < 0) {
            st = pf__h5_fail(f, err, "describe", path);
        } else if (number > 0) {
            st = pf__h5_inspect(f, path, object, true, &info, err);
            if (st == PF_OK) st = pf__h5_check_stored(f, path, object, &info, err);
            if (st == PF_OK) st = found_add(found, path, &info, err);
        }
        pf__h5_drop(type);
    } else if (kind == H5I_GROUP) {
        st = walk_group(f, object, path, depth, found, err);
    }
    pf__h5_drop(object);
    return st;
}

pf_status pf__h5_each(pf__h5 *f, const char *group, pf__h5_visit *visit, void *user, pf_error *err) {
    struct found found = {0};
    bool there;
    pf__h5_enter();
    pf_status st = pf__h5_exists_locked(f, group, &there, err);
    if (st == PF_OK)
        st = there ? walk(f, group, 0, &found, err)
                   : pf__fail(err, PF_DATA, "%s: %s is missing", f->path, group);
    pf__h5_leave();
    for (size_t i = 0; i < found.count && st == PF_OK; i++) st = visit(user, found.paths[i], &found.infos[i]);
    pf__h5_free_texts(found.paths, found.count);
    free(found.infos);
    return st;
}
