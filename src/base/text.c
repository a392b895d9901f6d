/* SPDX-License-Identifier: MIT
 * A growing text. Numbers are written in the C locale, whatever the embedding program has chosen: what we
 * make (OpenCL C, JSON, SVG) needs the decimal point. */
#include "base/text.h"
#include <ctype.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int reserve(pf__text *t, size_t more) {
    if (t->failed) return 0;
    if (more > SIZE_MAX / 4 - t->length) return t->failed = 1, 0;
    size_t need = t->length + more + 1, capacity = t->capacity ? t->capacity : 64;
    if (need <= t->capacity) return 1;
    while (capacity < need) capacity *= 2;
    char *data = realloc(t->data, capacity);
    if (!data) return t->failed = 1, 0;
    t->data = data;
    t->capacity = capacity;
    return 1;
}

void pf__text_add(pf__text *t, const char *string) {
    pf__text_add_bytes(t, string, strlen(string));
}

void pf__text_add_bytes(pf__text *t, const char *bytes, size_t length) {
    if (!reserve(t, length)) return;
    memcpy(t->data + t->length, bytes, length);
    t->length += length;
    t->data[t->length] = '\0';
}

/* A locale with a decimal point, where the thread's has none; what was there before is put back. */
struct point {
    locale_t c, old;
};

static bool enter_point(struct point *p) {
    *p = (struct point){0};
    if (strcmp(nl_langinfo(RADIXCHAR), ".") == 0) return true;
    p->c = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    if (p->c) p->old = uselocale(p->c);
    return p->c != (locale_t)0;
}

static void leave_point(const struct point *p) {
    if (!p->c) return;
    uselocale(p->old);
    freelocale(p->c);
}

void pf__text_format(pf__text *t, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    pf__text_format_list(t, format, arguments);
    va_end(arguments);
}

void pf__text_format_list(pf__text *t, const char *format, va_list arguments) {
    struct point point;
    if (!enter_point(&point)) {
        t->failed = 1;
        return;
    }
    va_list again;
    va_copy(again, arguments);
    size_t room = t->capacity - t->length;
    int n = vsnprintf(room ? t->data + t->length : NULL, room, format, arguments);
    if (n < 0) {
        t->failed = 1;
    } else if ((size_t)n >= room && reserve(t, (size_t)n)) {
        room = t->capacity - t->length;
        vsnprintf(t->data + t->length, room, format, again);
    }
    if (n >= 0 && !t->failed) t->length += (size_t)n;
    if (t->data) t->data[t->length] = '\0';
    va_end(again);
    leave_point(&point);
}

const char *pf__text_string(const pf__text *t) {
    return t->data ? t->data : "";
}

void pf__text_clear(pf__text *t) {
    t->length = 0;
    if (t->data) t->data[0] = '\0';
}

void pf__text_free(pf__text *t) {
    free(t->data);
    memset(t, 0, sizeof *t);
}

int pf__parse_real(const char *string, double *out) {
    struct point point;
    char *end;
    if (!enter_point(&point)) return 0;
    errno = 0;
    double value = strtod(string, &end);
    int good = end != string && !(errno == ERANGE && (value > 1 || value < -1));
    leave_point(&point);
    while (isspace((unsigned char)*end)) end++;
    if (good && *end == '\0') *out = value;
    return good && *end == '\0';
}

enum { WORD_MAX = 95 };

/* Edit distance with swaps of neighbours; letters that differ in case only count as equal. */
static size_t distance(const char *a, size_t na, const char *b, size_t nb) {
    size_t rows[3][WORD_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *now = rows[2];
    for (size_t j = 0; j <= nb; j++) last[j] = j;
    for (size_t i = 1; i <= na; i++) {
        now[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);
            size_t best = last[j - 1] + (x != y);
            if (last[j] + 1 < best) best = last[j] + 1;
            if (now[j - 1] + 1 < best) best = now[j - 1] + 1;
            int swapped = i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
                          y == tolower((unsigned char)a[i - 2]);
            if (swapped && before[j - 2] + 1 < best) best = before[j - 2] + 1;
            now[j] = best;
        }
        size_t *old = before;
        before = last;
        last = now;
        now = old;
    }
    return last[nb];
}

const char *pf__nearest(const char *word, const char *const *names, size_t count) {
    size_t length = strlen(word), limit = length < 3 ? 1 : 1 + length / 4;
    const char *best = NULL;
    if (length > WORD_MAX) return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t n = strlen(names[i]);
        if (n > WORD_MAX) continue;
        size_t d = distance(word, length, names[i], n);
        if (d > limit || (best && d == limit)) continue;
        best = names[i];
        limit = d;
    }
    return best;
}
