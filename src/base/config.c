/* SPDX-License-Identifier: MIT
 * The configuration: pairs as they were given, and the options of the tables, which resolve brings together.
 * Checking one value is in value.c, text from it in config_print.c. */
#include "base/config_private.h"
#include "base/file.h"
#include "base/ini.h"
#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

pf_status pf__config_create(pf__config **out, pf_error *err) {
    *out = calloc(1, sizeof **out);
    return *out ? PF_OK : pf__fail_memory(err, "configuration", sizeof **out);
}

static void free_pair(config_pair *p) {
    free(p->key);
    free(p->value);
    free(p->origin);
    free(p->folder);
}

void pf__config_destroy(pf__config **config) {
    pf__config *c = *config;
    if (!c) return;
    for (size_t i = 0; i < c->pair_count; i++) free_pair(&c->pairs[i]);
    for (size_t i = 0; i < c->option_count; i++) {
        free(c->options[i].key);
        free(c->options[i].value);
    }
    free(c->pairs);
    free(c->options);
    free(c);
    *config = NULL;
}

/* Makes room for one more of `size` bytes in a growing array; NULL when out of memory. */
static void *grow(void *array, size_t count, size_t size) {
    if (count > 0 && (count & (count - 1)) != 0) return array;
    return realloc(array, (count ? 2 * count : 1) * size);
}

/* Takes ownership of the four texts; any of them but folder being NULL means out of memory. */
static pf_status add_pair(pf__config *c, config_pair pair, pf_error *err) {
    config_pair *pairs = NULL;
    if (pair.key && pair.value && pair.origin) pairs = grow(c->pairs, c->pair_count, sizeof *pairs);
    if (!pairs) {
        free_pair(&pair);
        return pf__fail_memory(err, "configuration", sizeof pair);
    }
    c->pairs = pairs;
    c->pairs[c->pair_count++] = pair;
    return PF_OK;
}

static char *join_key(const char *section, const char *name) {
    size_t size = strlen(section) + strlen(name) + 2;
    char *key = malloc(size);
    if (key) snprintf(key, size, "%s.%s", section, name);
    return key;
}

typedef struct source {
    pf__config *config;
    const char *where, *folder;
    pf_error *err;
} source;

/* Two values of one key in one file: one of them is a mistake. */
static pf_status check_repeated(const source *s, const config_pair *pair, pf_error *err) {
    const pf__config *c = s->config;
    size_t n = strlen(s->where);
    for (size_t i = 0; i < c->pair_count && pair->key; i++) {
        const config_pair *p = &c->pairs[i];
        bool same_file = strncmp(p->origin, s->where, n) == 0 && p->origin[n] == ':';
        if (!same_file || strcmp(p->key, pair->key) != 0) continue;
        pf_status st = pf__fail(err, PF_USAGE, "%s: %s is given a second time", pair->origin, pair->key);
        return pf__hint(err, st, "the first is at %s: keep one of them", p->origin);
    }
    return PF_OK;
}

static pf_status take_pair(void *user, const char *section, const char *name, const char *value, int line) {
    const source *s = user;
    if (*section == '\0') {
        pf_status st = pf__fail(s->err, PF_USAGE, "%s:%d: %s stands before any [section]", s->where, line,
                                name);
        return pf__hint(s->err, st, "put a line such as [train] above it");
    }
    size_t size = strlen(s->where) + 16;
    config_pair pair = {.key = join_key(section, name), .value = strdup(value), .origin = malloc(size)};
    if (pair.origin) snprintf(pair.origin, size, "%s:%d", s->where, line);
    if (s->folder) pair.folder = strdup(s->folder);
    bool whole = pair.key && pair.value && pair.origin && (pair.folder || !s->folder);
    pf_status st = whole ? check_repeated(s, &pair, s->err) : pf__fail_memory(s->err, s->where, size);
    if (st != PF_OK) {
        free_pair(&pair);
        return st;
    }
    return add_pair(s->config, pair, s->err);
}

pf_status pf__config_read(pf__config *c, const char *path, pf_error *err) {
    char *text, *folder = pf__path_folder(path);
    size_t length;
    if (!folder) return pf__fail_memory(err, path, strlen(path));
    pf_status st = pf__file_read(path, &text, &length, err);
    if (st == PF_OK) {
        source s = {c, path, folder, err};
        if (strlen(text) != length)
            st = pf__hint(err, pf__fail(err, PF_DATA, "%s: not an INI file (it holds a zero byte)", path),
                          "a configuration is text; a checkpoint is given to --resume, a data set to --data");
        else
            st = pf__ini_parse(text, path, take_pair, &s, err);
        free(text);
    }
    free(folder);
    return st;
}

pf_status pf__config_read_text(pf__config *c, const char *text, const char *where, pf_error *err) {
    source s = {c, where, NULL, err};
    return pf__ini_parse(text, where, take_pair, &s, err);
}

/* A copy of from[0..to) without blanks at both ends. */
static char *trimmed(const char *from, const char *to) {
    while (from < to && isspace((unsigned char)*from)) from++;
    while (to > from && isspace((unsigned char)to[-1])) to--;
    return strndup(from, (size_t)(to - from));
}

pf_status pf__config_set(pf__config *c, const char *assignment, const char *origin, pf_error *err) {
    const char *equals = strchr(assignment, '=');
    const char *dot = equals ? memchr(assignment, '.', (size_t)(equals - assignment)) : NULL;
    if (!dot) {
        pf_status st = pf__fail(err, PF_USAGE, "%s: '%s' is not section.key=value", origin, assignment);
        return pf__hint(err, st, "write for example train.lr=1e-4");
    }
    const char *end = equals + 1 + strlen(equals + 1);
    bool comment = equals[1] == ';' || strpbrk(equals, "\r\n") || strstr(equals, " ;") ||
                   strstr(equals, "\t;");
    if (comment) /* the copy that a run keeps is INI text: the value would not come back */
        return pf__hint(
            err,
            pf__fail(err, PF_USAGE, "%s: '%s' holds a line break or a ';' after a blank", origin, assignment),
            "the copy that a run keeps could not hold it: leave it out");
    config_pair pair = {
        .key = trimmed(assignment, equals), .value = trimmed(equals + 1, end), .origin = strdup(origin)};
    return add_pair(c, pair, err);
}

pf_status pf__config_add(pf__config *c, const char *key, const char *value, const char *origin,
                         const char *folder, pf_error *err) {
    config_pair pair = {.key = strdup(key), .value = strdup(value), .origin = strdup(origin)};
    if (folder && pair.key && !(pair.folder = strdup(folder))) {
        free(pair.key);
        pair.key = NULL;
    }
    return add_pair(c, pair, err);
}

const char *pf__config_peek(const pf__config *c, const char *key, const char *fallback) {
    for (size_t i = c->pair_count; i-- > 0;)
        if (strcmp(c->pairs[i].key, key) == 0) return c->pairs[i].value;
    return fallback;
}

config_option *pf__config_find(const pf__config *c, const char *key) {
    for (size_t i = 0; i < c->option_count; i++)
        if (strcmp(c->options[i].key, key) == 0) return &c->options[i];
    return NULL;
}

pf_status pf__config_add_table(pf__config *c, const pf__option *table, pf_error *err) {
    for (const pf__option *o = table; o->name; o++) {
        char *key = join_key(o->section, o->name);
        if (!key) return pf__fail_memory(err, "configuration", strlen(o->name));
        assert(!pf__config_find(c, key));
        config_option *options = grow(c->options, c->option_count, sizeof *options);
        if (!options) {
            free(key);
            return pf__fail_memory(err, "configuration", sizeof *options);
        }
        c->options = options;
        c->options[c->option_count++] = (config_option){.key = key, .option = o, .origin = "default"};
    }
    return PF_OK;
}

/* The known key nearest to an unknown one: the same name elsewhere, else the smallest edit distance. */
static const char *nearest_key(const pf__config *c, const char *key) {
    const char *name = strchr(key, '.');
    for (size_t i = 0; i < c->option_count && name; i++)
        if (strcmp(c->options[i].option->name, name + 1) == 0) return c->options[i].key;
    const char **keys = calloc(c->option_count + 1, sizeof *keys);
    if (!keys) return NULL;
    for (size_t i = 0; i < c->option_count; i++) keys[i] = c->options[i].key;
    const char *best = pf__nearest(key, keys, c->option_count);
    free(keys);
    return best;
}

static pf_status fail_unknown(const pf__config *c, const config_pair *pair, pf_error *err) {
    pf_status st = pf__fail(err, PF_USAGE, "%s: unknown key %s", pair->origin, pair->key);
    const char *near = nearest_key(c, pair->key);
    if (near) return pf__hint(err, st, "did you mean '%s'?", near);
    pf__text known = {0};
    size_t section = strcspn(pair->key, ".") + 1;
    for (size_t i = 0; i < c->option_count; i++)
        if (strncmp(c->options[i].key, pair->key, section) == 0)
            pf__text_format(&known, " %s", c->options[i].option->name);
    if (known.length > 0)
        st = pf__hint(err, st, "[%.*s] has:%s", (int)section - 1, pair->key, pf__text_string(&known));
    else
        st = pf__hint(err, st, "there is no section [%.*s] in this configuration", (int)section - 1,
                      pair->key);
    pf__text_free(&known);
    return st;
}

static pf_status take_value(config_option *o, const char *value, const config_pair *pair, pf_error *err) {
    bool from_file = o->option->type == PF__OPTION_PATH && pair && pair->folder && *value &&
                     strcmp(pair->folder, ".") != 0 && !pf__value_is_choice(o->option, value);
    free(o->value);
    o->value = from_file ? pf__path_join(pair->folder, value) : strdup(value);
    o->origin = pair ? pair->origin : "default";
    if (!o->value) return pf__fail_memory(err, o->key, strlen(value));
    return pf__value_check(o, err);
}

pf_status pf__config_resolve(pf__config *c, pf_error *err) {
    for (size_t i = 0; i < c->option_count; i++)
        PF__TRY(take_value(&c->options[i], c->options[i].option->initial, NULL, err));
    for (size_t i = 0; i < c->pair_count; i++) {
        config_option *o = pf__config_find(c, c->pairs[i].key);
        if (!o) return fail_unknown(c, &c->pairs[i], err);
        PF__TRY(take_value(o, c->pairs[i].value, &c->pairs[i], err));
    }
    c->resolved = true;
    return PF_OK;
}

/* A key without an option or before resolve is a programmer's error. */
static const config_option *get(const pf__config *c, const char *key) {
    assert(c->resolved);
    const config_option *o = pf__config_find(c, key);
    assert(o);
    return o;
}

int64_t pf__config_int(const pf__config *c, const char *key) {
    const config_option *o = get(c, key);
    assert(o->option->type == PF__OPTION_INT);
    return o->integer;
}

double pf__config_real(const pf__config *c, const char *key) {
    const config_option *o = get(c, key);
    assert(o->option->type == PF__OPTION_REAL || o->option->type == PF__OPTION_INT);
    return o->option->type == PF__OPTION_INT ? (double)o->integer : o->real;
}

bool pf__config_bool(const pf__config *c, const char *key) {
    const config_option *o = get(c, key);
    assert(o->option->type == PF__OPTION_BOOL);
    return o->integer != 0;
}

const char *pf__config_text(const pf__config *c, const char *key) {
    return get(c, key)->value;
}

int pf__config_list(const pf__config *c, const char *key, double *out, int capacity) {
    const config_option *o = get(c, key);
    assert(o->option->type == PF__OPTION_LIST);
    int count = 0;
    const char *rest = o->value;
    for (double value; pf__value_next(&rest, &value) > 0; count++)
        if (count < capacity) out[count] = value;
    return count;
}

const char *pf__config_origin(const pf__config *c, const char *key) {
    return get(c, key)->origin;
}

bool pf__config_is_word(const pf__config *c, const char *key) {
    const config_option *o = get(c, key);
    return pf__value_is_choice(o->option, o->value);
}

bool pf__config_has(const pf__config *c, const char *key) {
    return pf__config_find(c, key) != NULL;
}
