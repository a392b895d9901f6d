/* SPDX-License-Identifier: MIT
 * INI text through libinih. We hand it one line per call of its reader, so its line count is ours. It cuts
 * lines at 200 characters: of a longer one it gets "name = .", and the value is kept here.
 * Lines are handed over without their leading blanks: an indented pair is a pair, never a continuation. */
#include "base/ini.h"
#include "base/text.h"
#include <ctype.h>
#include <ini.h>
#include <stdbool.h>
#include <string.h>

enum { SECTION_MAX = 49 }; /* inih cuts section names here */

typedef struct reader {
    const char *next; /* the text not yet read */
    const char *where;
    int line;         /* the number of the line last handed over */
    bool is_long;     /* that line's value is in `value` */
    pf__text value;   /* the value of a line too long for inih */
    pf_status status; /* the first failure, of ours or of the callback */
    int failed_line;
    pf__ini_pair *pair;
    void *user;
    pf_error *err;
} reader;

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static pf_status fail_line(reader *r, const char *what) {
    r->failed_line = r->line;
    r->status = pf__fail(r->err, PF_USAGE, "%s:%d: %s", r->where, r->line, what);
    return pf__hint(r->err, r->status, "for example: [train] on one line, steps = 2000 on the next");
}

/* Where a comment in a line begins (a ';' after a blank), or its end. */
static const char *find_comment(const char *from, const char *end) {
    for (const char *p = from + 1; p < end; p++)
        if (*p == ';' && is_blank(p[-1])) return p;
    return end;
}

static char *hand_over(char *buffer, size_t length) {
    buffer[length] = '\n';
    buffer[length + 1] = '\0';
    return buffer;
}

/* Keeps the value of an over-long pair and hands inih "name=.". */
static char *take_long_pair(reader *r, const char *start, const char *end, char *buffer, size_t room) {
    const char *equals = start, *last = find_comment(start, end);
    while (equals < last && *equals != '=' && *equals != ':') equals++;
    size_t name = (size_t)(equals - start);
    if (equals == last || name + 2 > room)
        return fail_line(r, equals == last ? "a line is [section], name = value or ; comment"
                                           : "the name before '=' is too long"),
               NULL;
    const char *first = equals + 1;
    while (first < last && is_blank(*first)) first++;
    while (last > first && is_blank(last[-1])) last--;
    pf__text_clear(&r->value);
    pf__text_add_bytes(&r->value, first, (size_t)(last - first));
    r->is_long = true;
    memcpy(buffer, start, name);
    memcpy(buffer + name, "=.", 2);
    return hand_over(buffer, name + 2);
}

/* inih's reader: like fgets, one whole line per call. */
static char *read_line(char *buffer, int size, void *stream) {
    reader *r = stream;
    if (r->status != PF_OK || *r->next == '\0' || size < 8) return NULL;
    const char *start = r->next, *end = start + strcspn(start, "\n");
    r->next = *end ? end + 1 : end;
    r->line++;
    r->is_long = false;
    while (start < end && is_blank(*start)) start++;
    while (end > start && is_blank(end[-1])) end--;
    size_t length = (size_t)(end - start), room = (size_t)size - 2;
    if (start < end && (*start == ';' || *start == '#')) length = 0;
    if (length > 0 && *start == '[') {
        const char *close = memchr(start, ']', length);
        if (close && close - start - 1 > SECTION_MAX)
            return fail_line(r, "the section's name is too long"), NULL;
        if (close) length = (size_t)(close - start + 1);
    }
    if (length > room) return take_long_pair(r, start, end, buffer, room);
    memcpy(buffer, start, length);
    return hand_over(buffer, length);
}

static int take_pair(void *user, const char *section, const char *name, const char *value) {
    reader *r = user;
    if (r->status != PF_OK) return 0;
    if (*name == '\0') return fail_line(r, "a name is missing before '='"), 0;
    if (r->value.failed) {
        r->status = pf__fail_memory(r->err, r->where, r->value.length);
    } else {
        r->status = r->pair(r->user, section, name, r->is_long ? pf__text_string(&r->value) : value, r->line);
    }
    if (r->status != PF_OK) r->failed_line = r->line;
    return r->status == PF_OK;
}

pf_status pf__ini_parse(const char *text, const char *where, pf__ini_pair *pair, void *user, pf_error *err) {
    reader r = {.where = where, .pair = pair, .user = user, .err = err};
    r.next = strncmp(text, "\xEF\xBB\xBF", 3) == 0 ? text + 3 : text;
    int bad = ini_parse_stream(read_line, &r, take_pair, &r);
    pf__text_free(&r.value);
    if (bad < 0) return pf__fail_memory(err, where, 0);
    if (bad > 0 && (r.status == PF_OK || bad < r.failed_line)) {
        r.line = bad; /* inih reads on after a line it cannot parse; the first one is what counts */
        return fail_line(&r, "a line is [section], name = value or ; comment");
    }
    return r.status;
}
