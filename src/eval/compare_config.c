/* SPDX-License-Identifier: MIT
 * The configuration of a comparison. [compare] has a table of options of its own. All other sections are a
 * training's; [compare.NAME] adds to them for one entry, where a key without a point is one of [method]. What
 * must be the same for all is refused there. */
#include "base/file.h"
#include "base/ini.h"
#include "eval/compare.h"
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTION "compare"

/* clang-format off */
static const pf__option options[] = {
    {SECTION, "methods", PF__OPTION_TEXT, NULL, 0, 0, "", NULL, NULL,
     "names separated by commas: methods, or names whose [compare.NAME] says method = ...; a teacher comes before its students", NULL},
    {SECTION, "data", PF__OPTION_TEXT, NULL, 0, 0, "8gaussians", NULL, NULL,
     "kinds of made sets, or files, separated by commas", NULL},
    {SECTION, "samples", PF__OPTION_INT, NULL, 2, 1 << 30, "65536", NULL, "samples", "training part of a made set", NULL},
    {SECTION, "seeds", PF__OPTION_LIST, NULL, 0, 0x1p53, "1", NULL, NULL, "of the trainings: each method once with each", NULL},
    {SECTION, "evaluations", PF__OPTION_LIST, NULL, 1, 100000, "1,2,4,8,50", NULL, NULL,
     "network evaluations per sample with which samples are drawn, where the method can", NULL},
    {SECTION, "count", PF__OPTION_INT, NULL, 2, 1 << 24, "16384", NULL, "samples", "drawn for each measurement", NULL},
    {SECTION, "slices", PF__OPTION_INT, NULL, 1, 100000, "128", NULL, NULL, "directions of sliced W2", NULL},
    {SECTION, "draws", PF__OPTION_CHOICE, "balanced|plain", 0, 0, "balanced", NULL, NULL,
     "balanced: chance has no part in the modes' shares: of training data and real draws of a made set, and by evenly spread "
     "noise of the models' samples in 2-D", NULL},
    {0},
};
/* clang-format on */

char *pf_compare_help(void) {
    pf__text text = {0};
    pf__option_help(options, &text);
    char *copy = text.failed ? NULL : strdup(pf__text_string(&text));
    pf__text_free(&text);
    return copy;
}

/* ---- reading pairs ---- */

typedef struct reader {
    pf_compare *c;
    const char *where, *folder;
    pf_error *err;
} reader;

static pf_status add_pair(pf_compare *c, const char *section, const char *name, const char *value,
                          const char *origin, const char *folder, pf_error *err) {
    pf__compare_pair *pairs = realloc(c->pairs, (c->pair_count + 1) * sizeof *pairs);
    if (!pairs) return pf__fail_memory(err, "configuration", sizeof *pairs);
    c->pairs = pairs;
    pf__compare_pair *p = &pairs[c->pair_count++];
    *p = (pf__compare_pair){strdup(section), strdup(name), strdup(value), strdup(origin),
                            folder ? strdup(folder) : NULL};
    if (p->section && p->name && p->value && p->origin && (p->folder || !folder)) return PF_OK;
    return pf__fail_memory(err, "configuration", strlen(value));
}

static pf_status take_pair(void *user, const char *section, const char *name, const char *value, int line) {
    reader *r = user;
    char origin[1200];
    snprintf(origin, sizeof origin, "%.1100s:%d", r->where, line);
    if (*section == '\0')
        return pf__hint(r->err,
                        pf__fail(r->err, PF_USAGE, "%s: %s stands before any [section]", origin, name),
                        "put a line such as [compare] above it");
    for (size_t i = 0; i < r->c->pair_count; i++) {
        const pf__compare_pair *p = &r->c->pairs[i];
        if (strcmp(p->section, section) != 0 || strcmp(p->name, name) != 0) continue;
        pf_status st = pf__fail(r->err, PF_USAGE, "%s: %s of [%s] is given a second time", origin, name,
                                section);
        return pf__hint(r->err, st, "the first is at %s: keep one of them", p->origin);
    }
    return add_pair(r->c, section, name, value, origin, r->folder, r->err);
}

static pf_status read_file(pf_compare *c, pf_error *err) {
    char *text = NULL, *folder = pf__path_folder(c->path);
    size_t length;
    if (!folder) return pf__fail_memory(err, c->path, strlen(c->path));
    reader r = {c, c->path, folder, err};
    pf_status st = pf__file_read(c->path, &text, &length, err);
    if (st == PF_OK && strlen(text) != length)
        st = pf__hint(err, pf__fail(err, PF_DATA, "%s: not an INI file (it holds a zero byte)", c->path),
                      "a comparison's configuration is text, such as examples/compare-2d.ini");
    else if (st == PF_OK)
        st = pf__ini_parse(text, c->path, take_pair, &r, err);
    free(text);
    free(folder);
    return st;
}

/* "section.key=value", where the section is compare.NAME if it begins so. */
static pf_status take_assignment(pf_compare *c, const char *assignment, pf_error *err) {
    char section[128];
    const char *equals = strchr(assignment, '='),
               *dot = equals ? memchr(assignment, '.', (size_t)(equals - assignment)) : NULL;
    const char *second = dot && strncmp(assignment, SECTION ".", strlen(SECTION) + 1) == 0
                             ? memchr(dot + 1, '.', (size_t)(equals - dot - 1))
                             : NULL;
    if (second) dot = second;
    if (!dot || dot - assignment >= (long)sizeof section || strpbrk(assignment, "\r\n"))
        return pf__hint(err, pf__fail(err, PF_USAGE, "--set: '%s' is not section.key=value", assignment),
                        "write for example train.lr=1e-4, or compare.meanflow.ratio=0.75");
    snprintf(section, sizeof section, "%.*s", (int)(dot - assignment), assignment);
    char *name = strndup(dot + 1, (size_t)(equals - dot - 1));
    pf_status st = name ? add_pair(c, section, name, equals + 1, "--set", NULL, err)
                        : pf__fail_memory(err, "configuration", strlen(assignment));
    free(name);
    return st;
}

/* ---- names ---- */

/* The last pair of this name, or NULL. */
static const pf__compare_pair *find_pair(const pf_compare *c, const char *section, const char *name) {
    for (size_t i = c->pair_count; i-- > 0;)
        if (strcmp(c->pairs[i].section, section) == 0 && strcmp(c->pairs[i].name, name) == 0)
            return &c->pairs[i];
    return NULL;
}

static const pf__compare_pair *find_own(const pf_compare *c, int entry, const char *name) {
    char section[PF__COMPARE_NAME + 16];
    snprintf(section, sizeof section, SECTION ".%s", c->entry[entry].name);
    return find_pair(c, section, name);
}

static int find_entry(const pf_compare *c, const char *name) {
    for (int i = 0; i < c->entry_count; i++)
        if (strcmp(c->entry[i].name, name) == 0) return i;
    return -1;
}

/* The next word of a list separated by commas and blanks into word [size]: its whole length, 0 at the end. */
static size_t next_word(const char **rest, char *word, size_t size) {
    const char *p = *rest + strspn(*rest, ", \t");
    const size_t n = strcspn(p, ","), cut = n < size ? n : size - 1;
    memcpy(word, p, cut);
    word[cut] = '\0';
    for (size_t i = cut; i > 0 && isspace((unsigned char)word[i - 1]); i--) word[i - 1] = '\0';
    *rest = p + n;
    return n;
}

static bool is_name(const char *word) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    return *word && word[strspn(word, letters)] == '\0';
}

static pf_status refuse_list(const pf_compare *c, const char *key, const char *word, const char *what,
                             pf_error *err) {
    return pf__fail(err, PF_USAGE, "%s: %s: '%s' %s", pf__config_origin(c->options, key), key, word, what);
}

static pf_status find_methods(pf_compare *c, pf_error *err) {
    const char *key = SECTION ".methods", *rest = pf__config_text(c->options, key);
    char word[256];
    for (size_t n; (n = next_word(&rest, word, sizeof word)) > 0;) {
        if (n >= PF__COMPARE_NAME || !is_name(word))
            return pf__hint(err, refuse_list(c, key, word, "is no name", err),
                            "names have letters, digits, - and _, and are separated by commas");
        if (find_entry(c, word) >= 0)
            return pf__hint(err, refuse_list(c, key, word, "stands there twice", err),
                            "give the second another name, and method = %s under [" SECTION ".NAME]", word);
        if (c->entry_count == PF__COMPARE_ENTRIES)
            return pf__fail(err, PF_USAGE, "%s names more than %d", key, PF__COMPARE_ENTRIES);
        pf__compare_entry *e = &c->entry[c->entry_count++];
        *e = (pf__compare_entry){.teacher = -1};
        snprintf(e->name, sizeof e->name, "%.*s", PF__COMPARE_NAME - 1, word);
    }
    if (c->entry_count) return PF_OK;
    return pf__hint(err, pf__fail(err, PF_USAGE, "%s: " SECTION ".methods names nothing to compare", c->path),
                    "under [" SECTION "]: methods = flow, meanflow, consistency, drifting");
}

static pf_status fail_method(const pf_compare *c, int entry, const pf__compare_pair *given, pf_error *err) {
    const char *name = given ? given->value : c->entry[entry].name;
    pf_status st = given ? pf__fail(err, PF_USAGE, "%s: method = %s: there is no such method", given->origin,
                                    name)
                         : refuse_list(c, SECTION ".methods", name,
                                       "is no method, and has no section that says which", err);
    return pf__method_hint(name, st, err);
}

static pf_status find_teacher(pf_compare *c, int entry, pf_error *err) {
    pf__compare_entry *e = &c->entry[entry];
    const pf__compare_pair *p = find_own(c, entry, "teacher");
    if (!p) return PF_OK;
    e->analytic = strcmp(p->value, "analytic") == 0;
    if (e->analytic) return PF_OK;
    const int teacher = find_entry(c, p->value);
    if (teacher < 0)
        return pf__hint(
            err,
            pf__fail(err, PF_USAGE, "%s: teacher = %s: not one of " SECTION ".methods", p->origin, p->value),
            "a teacher is trained in the same comparison: name one of " SECTION ".methods");
    if (teacher >= entry)
        return pf__hint(
            err, pf__fail(err, PF_USAGE, "%s: teacher = %s comes after %s", p->origin, p->value, e->name),
            "put %s before %s in " SECTION ".methods", p->value, e->name);
    if (!c->entry[teacher].method->velocity)
        return pf__hint(err,
                        pf__fail(err, PF_USAGE, "%s: teacher = %s: %s knows no velocity to teach", p->origin,
                                 p->value, c->entry[teacher].method->name),
                        "take one of the method flow");
    e->teacher = teacher;
    return PF_OK;
}

static pf_status resolve_entries(pf_compare *c, pf_error *err) {
    for (int i = 0; i < c->entry_count; i++) {
        const pf__compare_pair *given = find_own(c, i, "method");
        c->entry[i].method = pf__method_find(given ? given->value : c->entry[i].name);
        if (!c->entry[i].method) return fail_method(c, i, given, err);
    }
    for (int i = 0; i < c->entry_count; i++) PF__TRY(find_teacher(c, i, err));
    return PF_OK;
}

/* ---- data ---- */

/* "dir/moons.h5" is called moons. */
static void name_of_file(const char *path, char name[PF__COMPARE_NAME]) {
    const char *slash = strrchr(path, '/');
    snprintf(name, PF__COMPARE_NAME, "%.*s", PF__COMPARE_NAME - 1, slash ? slash + 1 : path);
    char *dot = strrchr(name, '.');
    if (dot && dot > name) *dot = '\0';
    for (char *p = name; *p; p++)
        if (!isalnum((unsigned char)*p) && *p != '-' && *p != '_') *p = '-';
}

static pf_status add_set(pf_compare *c, const char *word, const char *folder, pf_error *err) {
    if (c->set_count == PF__COMPARE_SETS)
        return pf__fail(err, PF_USAGE, SECTION ".data names more than %d", PF__COMPARE_SETS);
    pf__compare_set *s = &c->set[c->set_count];
    *s = (pf__compare_set){.made = !strpbrk(word, "./")};
    if (s->made) {
        char file[PF__COMPARE_NAME + 16];
        int dim;
        PF__TRY(pf_dataset_kind(&(pf_make_desc){.kind = word, .noise = -1}, &dim, NULL, NULL, err));
        snprintf(s->name, sizeof s->name, "%.*s", PF__COMPARE_NAME - 1, word);
        snprintf(file, sizeof file, "data/%s.h5", s->name);
        s->path = pf__path_join(c->folder, file);
    } else {
        name_of_file(word, s->name);
        s->path = folder ? pf__path_join(folder, word) : strdup(word);
    }
    if (!s->path) return pf__fail_memory(err, word, strlen(word));
    c->set_count++;
    for (int i = 0; i + 1 < c->set_count; i++)
        if (strcmp(c->set[i].name, s->name) == 0)
            return pf__hint(err, pf__fail(err, PF_USAGE, SECTION ".data names %s twice", s->name),
                            "leave one of them out");
    return PF_OK;
}

static pf_status find_data(pf_compare *c, pf_error *err) {
    const char *rest = pf__config_text(c->options, SECTION ".data");
    const pf__compare_pair *p = find_pair(c, SECTION, "data");
    char word[1024];
    for (size_t n; (n = next_word(&rest, word, sizeof word)) > 0;) {
        if (n >= sizeof word) return pf__fail(err, PF_USAGE, SECTION ".data: a path is too long");
        PF__TRY(add_set(c, word, p ? p->folder : NULL, err));
    }
    if (c->set_count) return PF_OK;
    return pf__hint(err, pf__fail(err, PF_USAGE, "%s: " SECTION ".data names no data set", c->path),
                    "under [" SECTION "]: data = 8gaussians, or a file");
}

/* ---- numbers ---- */

static int compare_int(const void *a, const void *b) {
    return (*(const int *)a > *(const int *)b) - (*(const int *)a < *(const int *)b);
}

static pf_status whole_list(const pf_compare *c, const char *key, double *out, int most, int *count,
                            pf_error *err) {
    const char *origin = pf__config_origin(c->options, key);
    pf_status st = PF_OK;
    *count = pf__config_list(c->options, key, out, most);
    if (*count < 1 || *count > most) {
        st = pf__fail(err, PF_USAGE, "%s: %s has %d numbers, not 1 to %d", origin, key, *count, most);
        return pf__hint(err, st, "for example: %s=1,2", key);
    }
    for (int i = 0; st == PF_OK && i < *count; i++) {
        if (out[i] != floor(out[i])) {
            st = pf__fail(err, PF_USAGE, "%s: %s: %g is not a whole number", origin, key, out[i]);
            st = pf__hint(err, st, "for example: %s=1,2", key);
        }
        for (int k = 0; st == PF_OK && k < i; k++) {
            if (out[k] != out[i]) continue;
            st = pf__fail(err, PF_USAGE, "%s: %s has %g twice", origin, key, out[i]);
            st = pf__hint(err, st, "leave one of them out");
        }
    }
    return st;
}

static pf_status read_numbers(pf_compare *c, pf_error *err) {
    double list[PF__COMPARE_SEEDS];
    PF__TRY(whole_list(c, SECTION ".seeds", list, PF__COMPARE_SEEDS, &c->seed_count, err));
    for (int i = 0; i < c->seed_count; i++) c->seed[i] = (uint64_t)list[i];
    PF__TRY(whole_list(c, SECTION ".evaluations", list, PF_COMPARE_NFE_MAX, &c->nfe_count, err));
    for (int i = 0; i < c->nfe_count; i++) c->nfe[i] = (int)list[i];
    qsort(c->nfe, (size_t)c->nfe_count, sizeof *c->nfe, compare_int);
    c->count = pf__config_int(c->options, SECTION ".count");
    c->slices = (int)pf__config_int(c->options, SECTION ".slices");
    c->balanced = strcmp(pf__config_text(c->options, SECTION ".draws"), "balanced") == 0;
    return PF_OK;
}

/* ---- a row's configuration ---- */

/* What a comparison says elsewhere, or keeps the same for all. */
static pf_status refuse_pair(const pf__compare_pair *p, const char *key, bool own, pf_error *err) {
    static const char *const elsewhere[][2] = {
        {"method.name", SECTION ".methods names the methods"},
        {"method.teacher", "teacher = NAME names another of " SECTION ".methods"},
        {"data.path", SECTION ".data names the data"},
        {"train.seed", SECTION ".seeds names the seeds"}};
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
        if (strcmp(key, elsewhere[i][0]) == 0)
            return pf__hint(err,
                            pf__fail(err, PF_USAGE, "%s: %s has no place in a comparison", p->origin, key),
                            "%s", elsewhere[i][1]);
    if (own && (strncmp(key, "model.", 6) == 0 || strncmp(key, "data.", 5) == 0))
        return pf__hint(
            err,
            pf__fail(err, PF_USAGE, "%s: %s is the same for all methods of a comparison", p->origin, key),
            "set it in [%.*s], for all", (int)strcspn(key, "."), key);
    if (!own && strncmp(key, "method.", 7) == 0)
        return pf__hint(err, pf__fail(err, PF_USAGE, "%s: %s is of one method", p->origin, key),
                        "set it in its own section, such as [" SECTION ".meanflow]");
    return PF_OK;
}

static pf_status add_to(pf_config *config, const pf__compare_pair *p, const char *section, const char *name,
                        bool own, pf_error *err) {
    pf__text key = {0};
    pf__text_format(&key, *section ? "%s.%s" : "%s%s", section, name);
    pf_status st = key.failed ? pf__fail_memory(err, "configuration", strlen(name))
                              : refuse_pair(p, pf__text_string(&key), own, err);
    if (st == PF_OK)
        st = pf__config_add(config->raw, pf__text_string(&key), p->value, p->origin, p->folder, err);
    pf__text_free(&key);
    return st;
}

/* [compare] and [compare.NAME], not [comparison]. */
static bool is_ours(const char *section) {
    const size_t n = strlen(SECTION);
    return strncmp(section, SECTION, n) == 0 && (section[n] == '\0' || section[n] == '.');
}

/* Pairs for all come first, so that an entry's own win. */
static pf_status add_pairs(const pf_compare *c, int entry, pf_config *config, pf_error *err) {
    char section[PF__COMPARE_NAME + 16];
    snprintf(section, sizeof section, SECTION ".%s", c->entry[entry].name);
    for (size_t i = 0; i < c->pair_count; i++) {
        const pf__compare_pair *p = &c->pairs[i];
        if (!is_ours(p->section)) PF__TRY(add_to(config, p, p->section, p->name, false, err));
    }
    for (size_t i = 0; i < c->pair_count; i++) {
        const pf__compare_pair *p = &c->pairs[i];
        const bool other = strcmp(p->section, section) != 0 || strcmp(p->name, "method") == 0 ||
                           strcmp(p->name, "teacher") == 0;
        if (!other) PF__TRY(add_to(config, p, strchr(p->name, '.') ? "" : "method", p->name, true, err));
    }
    return PF_OK;
}

static pf_status add_own(const pf_compare *c, int row, pf_config *config, pf_error *err) {
    const pf__compare_entry *e = &c->entry[pf__compare_entry_of(c, row)];
    const pf__compare_pair *teacher = find_own(c, pf__compare_entry_of(c, row), "teacher");
    char seed[32];
    snprintf(seed, sizeof seed, "%" PRIu64, c->rows[row].seed);
    PF__TRY(pf__config_add(config->raw, "method.name", e->method->name, SECTION ".methods", NULL, err));
    PF__TRY(pf__config_add(config->raw, "data.path", c->set[pf__compare_set_of(c, row)].path, SECTION ".data",
                           NULL, err));
    PF__TRY(pf__config_add(config->raw, "train.seed", seed, SECTION ".seeds", NULL, err));
    if (e->analytic)
        return pf__config_add(config->raw, "method.teacher", "analytic", teacher->origin, NULL, err);
    if (e->teacher < 0) return PF_OK;
    const pf_compare_row *taught = &c->rows[row - pf__compare_entry_of(c, row) + e->teacher];
    return pf__config_add(config->raw, "method.teacher", taught->folder, teacher->origin, NULL, err);
}

pf_status pf__compare_config(const pf_compare *c, int row, pf_config **out, pf_error *err) {
    PF__TRY(pf_config_create(out, err));
    pf_status st = add_pairs(c, pf__compare_entry_of(c, row), *out, err);
    if (st == PF_OK) st = add_own(c, row, *out, err);
    if (st == PF_OK) st = pf_config_resolve(*out, err);
    if (st != PF_OK) pf_config_destroy(out);
    return st;
}

const char *pf__compare_solver(const pf_config *config, int nfe) {
    const pf__method *m = config->method;
    if (m->evaluation == PF__EVALUATES_MAP)
        return nfe == 1 || m->needs(config->raw).condition_count > 0 ? "map" : NULL;
    const pf__solver *s = pf__solver_find(pf__config_text(config->raw, "sample.solver"));
    if (!s || s->adaptive) s = pf__solver_find("heun");
    return nfe % s->stages == 0 ? s->name : "euler";
}

/* ---- everything ---- */

/* A section that is of nothing is a mistake, but for a file's when --set has chosen some of its methods. */
static pf_status check_sections(const pf_compare *c, pf_error *err) {
    const size_t n = strlen(SECTION ".");
    const bool some = strcmp(pf__config_origin(c->options, SECTION ".methods"), "--set") == 0;
    for (size_t i = 0; i < c->pair_count; i++) {
        const pf__compare_pair *p = &c->pairs[i];
        if (strncmp(p->section, SECTION ".", n) != 0 || find_entry(c, p->section + n) >= 0) continue;
        if (some && strcmp(p->origin, "--set") != 0) continue;
        const char *names[PF__COMPARE_ENTRIES];
        for (int k = 0; k < c->entry_count; k++) names[k] = c->entry[k].name;
        const char *near = pf__nearest(p->section + n, names, (size_t)c->entry_count);
        pf_status st = pf__fail(err, PF_USAGE, "%s: [%s]: " SECTION ".methods does not name it", p->origin,
                                p->section);
        return near ? pf__hint(err, st, "did you mean [" SECTION ".%s]?", near)
                    : pf__hint(err, st, "add it to " SECTION ".methods, or leave the section out");
    }
    return PF_OK;
}

static pf_status read_options(pf_compare *c, pf_error *err) {
    PF__TRY(pf__config_create(&c->options, err));
    PF__TRY(pf__config_add_table(c->options, options, err));
    for (size_t i = 0; i < c->pair_count; i++) {
        const pf__compare_pair *p = &c->pairs[i];
        char key[256];
        if (strcmp(p->section, SECTION) != 0) continue;
        snprintf(key, sizeof key, SECTION ".%.200s", p->name);
        PF__TRY(pf__config_add(c->options, key, p->value, p->origin, p->folder, err));
    }
    return pf__config_resolve(c->options, err);
}

pf_status pf__compare_read(pf_compare *c, const pf_compare_desc *desc, pf_error *err) {
    PF__TRY(read_file(c, err));
    for (int i = 0; desc->set && desc->set[i]; i++) PF__TRY(take_assignment(c, desc->set[i], err));
    PF__TRY(read_options(c, err));
    PF__TRY(read_numbers(c, err));
    PF__TRY(find_methods(c, err));
    PF__TRY(check_sections(c, err));
    PF__TRY(resolve_entries(c, err));
    return find_data(c, err);
}
