/* SPDX-License-Identifier: MIT
 * Walking over all datasets below a group. */
#include "data/h5_private.h"
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

/* Child i of an open group: its path, then the walk goes on there. */
static pf_status walk_child(pf__h5 *f, hid_t group, const char *path, hsize_t i, int depth,
                            struct found *found, pf_error *err) {
    ssize_t length = H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, NULL, 0, H5P_DEFAULT);
    if (length < 0) return pf__h5_fail(f, err, "list", path);
    size_t base = strcmp(path, "/") == 0 ? 0 : strlen(path), size = base + (size_t)length + 2;
    char *child = malloc(size);
    if (!child) return pf__fail_memory(err, path, size);
    memcpy(child, path, base);
    child[base] = '/';
    pf_status st = PF_OK;
    if (H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, child + base + 1, (size_t)length + 1,
                           H5P_DEFAULT) < 0)
        st = pf__h5_fail(f, err, "list", path);
    else
        st = walk(f, child, depth + 1, found, err);
    free(child);
    return st;
}

static pf_status walk(pf__h5 *f, const char *path, int depth, struct found *found, pf_error *err) {
    bool there;
    PF__TRY(pf__h5_exists_locked(f, path, &there, err));
    if (!there) return PF_OK; /* a link that leads nowhere */
    if (depth > DEPTH_MAX) return pf__fail(err, PF_DATA, "%s: %s: groups are nested too deep", f->path, path);
    if (found->links++ == LINKS_MAX)
        return pf__hint(err,
                        pf__fail(err, PF_DATA, "%s: more than %d objects, or groups inside themselves",
                                 f->path, LINKS_MAX),
                        "datasets/FORMAT.md says what the file should hold");
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
        H5G_info_t group;
        if (H5Gget_info(object, &group) < 0) st = pf__h5_fail(f, err, "list", path);
        for (hsize_t i = 0; st == PF_OK && i < group.nlinks; i++)
            st = walk_child(f, object, path, i, depth, found, err);
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
