/* SPDX-License-Identifier: MIT
 * A source: a table of numbers, one sample a line, plain or gzip. Read twice: once to verify and count, once
 * to copy. */
#include "base/text.h"
#include "data/source.h"
#include "data/stream.h"
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LINE_MAX_BYTES ((size_t)64 << 20)
#define READ_BYTES     65536
#define VALUE_MAX      3.4028234663852886e38 /* of f32 */

struct csv_source {
    char *path;
    pf__stream *stream;
    char block[READ_BYTES];
    int64_t at, filled; /* in block */
    char *line;
    size_t capacity;
    int64_t number; /* of the line, from 1 */
    char separator;
    bool has_header, has_labels;
    int64_t columns;
};

static void free_state(void *state) {
    struct csv_source *m = state;
    pf__stream_close(&m->stream);
    free(m->line);
    free(m->path);
    free(m);
}

/* ---- lines ---- */

static pf_status put(struct csv_source *m, size_t length, char c, pf_error *err) {
    if (length + 1 >= m->capacity) {
        size_t capacity = m->capacity ? 2 * m->capacity : 4096;
        if (capacity > LINE_MAX_BYTES) {
            pf_status st = pf__fail(err, PF_DATA, "%s: line %" PRId64 " is longer than %zu MiB", m->path,
                                    m->number, LINE_MAX_BYTES >> 20);
            return pf__hint(err, st, "is this a table, with one sample a line?");
        }
        char *line = realloc(m->line, capacity);
        if (!line) return pf__fail_memory(err, "line of a table", capacity);
        m->line = line;
        m->capacity = capacity;
    }
    m->line[length] = c;
    return PF_OK;
}

/* The next line without its end; *more false after the last one. */
static pf_status next_line(struct csv_source *m, bool *more, pf_error *err) {
    size_t length = 0;
    m->number++;
    for (;;) {
        if (m->at == m->filled) {
            m->at = 0;
            PF__TRY(pf__stream_read(m->stream, m->block, READ_BYTES, &m->filled, err));
            if (m->filled == 0) break;
        }
        char c = m->block[m->at++];
        if (c == '\n') {
            *more = true;
            PF__TRY(put(m, length, '\0', err));
            if (length > 0 && m->line[length - 1] == '\r') m->line[length - 1] = '\0';
            return PF_OK;
        }
        if (c == '\0') {
            pf_status st = pf__fail(err, PF_DATA, "%s: line %" PRId64 " holds a zero byte", m->path,
                                    m->number);
            return pf__hint(err, st, "this is no text file, or one in UTF-16; save it as UTF-8");
        }
        PF__TRY(put(m, length++, c, err));
    }
    *more = length > 0;
    return put(m, length, '\0', err);
}

/* The next line that is not blank. */
static pf_status next_row(struct csv_source *m, bool *more, pf_error *err) {
    do {
        PF__TRY(next_line(m, more, err));
    } while (*more && m->line[strspn(m->line, " \t")] == '\0');
    if (*more && m->number == 1 && strncmp(m->line, "\xef\xbb\xbf", 3) == 0)
        memmove(m->line, m->line + 3, strlen(m->line + 3) + 1);
    return PF_OK;
}

static pf_status rewind_table(struct csv_source *m, pf_error *err) {
    pf__stream_close(&m->stream);
    m->at = m->filled = m->number = 0;
    return pf__stream_open(m->path, NULL, &m->stream, err);
}

/* ---- cells ---- */

/* Cuts the next cell off *rest, without spaces and quotes around it; *rest becomes NULL with the last one. */
static char *next_cell(const struct csv_source *m, char **rest) {
    char *cell = *rest, *end = strchr(cell, m->separator);
    *rest = end ? end + 1 : NULL;
    if (!end) end = cell + strlen(cell);
    while (cell < end && isspace((unsigned char)*cell)) cell++;
    while (end > cell && isspace((unsigned char)end[-1])) end--;
    if (end - cell >= 2 && *cell == '"' && end[-1] == '"') {
        cell++;
        end--;
    }
    *end = '\0';
    return cell;
}

/* What a broken table may look like to its owner. */
static const char *advice(const char *cell) {
    if (*cell == '\0') return "every cell needs a number: fill it in, or remove the line";
    if (strcasecmp(cell, "nan") == 0 || strcasecmp(cell, "na") == 0 || strcasecmp(cell, "null") == 0)
        return "missing values are not imported: fill them in, or remove the line";
    if (strchr(cell, ',')) return "write numbers with a decimal point";
    if (strpbrk(cell, " \t")) return "separate columns by comma, semicolon or tab";
    return "only the first line may hold names; classes are numbered from 0";
}

static pf_status fail_cell(const struct csv_source *m, int64_t column, const char *cell, const char *what,
                           pf_error *err) {
    pf_status st = pf__fail(err, PF_DATA, "%s: line %" PRId64 ", column %" PRId64 ": '%.40s' %s", m->path,
                            m->number, column, cell, what);
    return pf__hint(err, st, "%s", advice(cell));
}

static pf_status fail_columns(const struct csv_source *m, int64_t got, pf_error *err) {
    pf_status st = pf__fail(
        err, PF_DATA, "%s: line %" PRId64 " has %s%" PRId64 " columns, the lines before %" PRId64, m->path,
        m->number, got > m->columns ? "more than " : "", got > m->columns ? m->columns : got, m->columns);
    return pf__hint(err, st, "every line needs the same number of columns");
}

static pf_status parse_label(const struct csv_source *m, const char *cell, double value, int32_t *y,
                             pf_error *err) {
    if (!(value >= 0 && value <= PF__SOURCE_LABEL_MAX) || floor(value) != value)
        return fail_cell(m, m->columns, cell, "is no label: a whole number in 0 .. 65535", err);
    *y = (int32_t)value;
    return PF_OK;
}

/* The row in m->line: its numbers into x (NULL: only verified) and its label into y. */
static pf_status parse_row(struct csv_source *m, float *x, int32_t *y, pf_error *err) {
    char *rest = m->line;
    int64_t column = 0;
    while (rest) {
        double value;
        char *cell = next_cell(m, &rest);
        if (++column > m->columns) return fail_columns(m, column, err);
        if (!pf__parse_real(cell, &value)) return fail_cell(m, column, cell, "is not a number", err);
        if (m->has_labels && column == m->columns) {
            PF__TRY(parse_label(m, cell, value, y, err));
            continue;
        }
        if (!(fabs(value) <= VALUE_MAX)) return fail_cell(m, column, cell, "is not finite as f32", err);
        if (x) x[column - 1] = (float)value;
    }
    return column == m->columns ? PF_OK : fail_columns(m, column, err);
}

/* ---- the head ---- */

static bool is_label_name(const char *name) {
    return strcasecmp(name, "label") == 0 || strcasecmp(name, "y") == 0 || strcasecmp(name, "class") == 0;
}

static pf_status parse_head(struct csv_source *m, pf_error *err) {
    bool more;
    PF__TRY(next_row(m, &more, err));
    if (!more) {
        pf_status st = pf__fail(err, PF_DATA, "%s: the table is empty", m->path);
        return pf__hint(err, st,
                        "one sample a line is expected, numbers separated by comma, semicolon or tab");
    }
    m->separator = strchr(m->line, ';') ? ';' : strchr(m->line, '\t') ? '\t' : ',';
    char *rest = m->line + strspn(m->line, "# "), *cell = rest; /* numpy.savetxt puts # before the names */
    int64_t numbers = 0;
    while (rest) {
        double value;
        cell = next_cell(m, &rest);
        m->columns++;
        numbers += pf__parse_real(cell, &value);
    }
    m->has_header = numbers == 0;
    m->has_labels = m->has_header && is_label_name(cell);
    if (m->columns - m->has_labels >= 1 && m->columns <= PF__SAMPLE_BYTES_MAX / 4) return PF_OK;
    pf_status st = pf__fail(err, PF_DATA, "%s: labels, but no column of numbers", m->path);
    return pf__hint(err, st, "the column of labels is the last of several");
}

/* Verifies every cell; counts samples and classes. */
static pf_status scan(struct csv_source *m, pf__source *s, pf_error *err) {
    PF__TRY(parse_head(m, err));
    if (!m->has_header) PF__TRY(rewind_table(m, err));
    for (;;) {
        bool more;
        int32_t y = -1;
        PF__TRY(next_row(m, &more, err));
        if (!more) break;
        PF__TRY(parse_row(m, NULL, &y, err));
        if (y >= s->class_count) s->class_count = y + 1;
        s->train++;
    }
    if (s->train > 0) return PF_OK;
    pf_status st = pf__fail(err, PF_DATA, "%s: a line of names, but no samples", m->path);
    return pf__hint(err, st, "one sample a line is expected below the names");
}

/* ---- the source ---- */

static pf_status rows(void *state, int64_t count, void *x, int32_t *y, pf_error *err) {
    struct csv_source *m = state;
    int64_t dim = m->columns - m->has_labels;
    for (int64_t i = 0; i < count; i++) {
        bool more;
        PF__TRY(next_row(m, &more, err));
        if (!more) return pf__fail(err, PF_DATA, "%s: changed while it was read", m->path);
        PF__TRY(parse_row(m, (float *)x + i * dim, y ? y + i : NULL, err));
    }
    return PF_OK;
}

pf_status pf__source_csv(const char *path, pf__source *s, pf_error *err) {
    struct csv_source *m = calloc(1, sizeof *m);
    if (!m) return pf__fail_memory(err, path, sizeof *m);
    s->state = m;
    s->rows = rows;
    s->free = free_state;
    if (!(m->path = strdup(path))) return pf__fail_memory(err, path, strlen(path));
    PF__TRY(rewind_table(m, err));
    PF__TRY(scan(m, s, err));
    s->dtype = PF_F32;
    s->sample = (pf_shape){.rank = 1, .dim = {m->columns - m->has_labels}};
    snprintf(s->name, sizeof s->name, "table: %s", pf__base_name(path));
    PF__TRY(rewind_table(m, err));
    bool more;
    return m->has_header ? next_row(m, &more, err) : PF_OK;
}
