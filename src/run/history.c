/* SPDX-License-Identifier: MIT
 * The checkpoints of a run folder: listed by step, those that need not stay removed, those that a run goes
 * back behind set aside. */
#include "base/file.h"
#include "run/run.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *pf__folder_checkpoint(const char *folder, int64_t step) {
    char name[64];
    snprintf(name, sizeof name, "checkpoints/step_%08" PRId64 ".h5", step);
    return pf__path_join(folder, name);
}

static bool is_checkpoint_name(const char *name) {
    size_t length = strlen(name);
    return strncmp(name, "step_", 5) == 0 && length > 8 && strspn(name + 5, "0123456789") == length - 8 &&
           strcmp(name + length - 3, ".h5") == 0;
}

static int64_t step_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return strtoll((slash ? slash + 1 : path) + strlen("step_"), NULL, 10);
}

/* Not by name: from step 10^8 on the numbers are longer. */
static int by_step(const void *a, const void *b) {
    int64_t x = step_of(*(char *const *)a), y = step_of(*(char *const *)b);
    return (x > y) - (x < y);
}

typedef struct list {
    const char *folder;
    char ***paths;
    int *count;
} list;

static pf_status add_checkpoint(void *user, const char *name, pf_error *err) {
    const list *l = user;
    if (!is_checkpoint_name(name)) return PF_OK;
    char **paths = realloc(*l->paths, ((size_t)*l->count + 1) * sizeof *paths);
    if (paths) *l->paths = paths;
    char *copy = paths ? pf__path_join(l->folder, name) : NULL;
    if (!copy) return pf__fail_memory(err, l->folder, strlen(l->folder));
    paths[(*l->count)++] = copy;
    return PF_OK;
}

pf_status pf__folder_checkpoints(const char *folder, char ***paths, int *count, pf_error *err) {
    *paths = NULL;
    *count = 0;
    char *inner = pf__path_join(folder, "checkpoints");
    if (!inner) return pf__fail_memory(err, folder, strlen(folder));
    list l = {pf__is_folder(inner) ? inner : folder, paths, count};
    pf_status st = pf__folder_each(l.folder, add_checkpoint, &l, err);
    free(inner);
    if (st == PF_OK && *count > 0) qsort(*paths, (size_t)*count, sizeof **paths, by_step);
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

void pf__folder_prune(const char *folder, int64_t keep_last, int64_t keep_every) {
    char **paths;
    int count;
    if (keep_last <= 0 || pf__folder_checkpoints(folder, &paths, &count, NULL) != PF_OK) return;
    for (int i = 0; i + keep_last < count; i++)
        if (keep_every <= 0 || step_of(paths[i]) % keep_every != 0) unlink(paths[i]);
    pf__folder_free_paths(paths, count);
}

/* Else a later resume would take one of them for the newest. */
int pf__folder_set_aside(const char *folder, int64_t step) {
    char **paths;
    int count, aside = 0;
    if (pf__folder_checkpoints(folder, &paths, &count, NULL) != PF_OK) return 0;
    for (int i = 0; i < count; i++) {
        size_t size = strlen(paths[i]) + 8;
        char *old = step_of(paths[i]) > step ? malloc(size) : NULL;
        if (!old) continue;
        snprintf(old, size, "%s.old", paths[i]);
        aside += rename(paths[i], old) == 0;
        free(old);
    }
    pf__folder_free_paths(paths, count);
    return aside;
}
