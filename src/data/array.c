/* SPDX-License-Identifier: MIT
 * NumPy's format: six magic bytes, two of version, the length of the head, a Python dictionary, the elements.
 */
#include "data/array.h"
#include "data/source.h"
#include "data/stream.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define HEAD_MAX  65536 /* bytes of the dictionary; NumPy itself warns above 10000 */
#define RAW_BYTES 65536

struct pf__array {
    pf__stream *stream;
    pf_shape shape;
    char kind; /* as NumPy: f i u b */
    int bytes; /* of an element */
    bool big;  /* big-endian */
    int64_t done;
    unsigned char raw[RAW_BYTES];
};

/* ---- the head ---- */

static pf_status fail_head(const pf__array *a, const char *what, pf_error *err) {
    pf_status st = pf__fail(err, PF_DATA, "%s: the head of the array is damaged: %s", pf__array_name(a),
                            what);
    return pf__hint(err, st, "write it again with numpy.save");
}

/* What follows 'key': in the dictionary, or NULL. */
static const char *find_value(const char *head, const char *key) {
    size_t n = strlen(key);
    for (const char *p = strstr(head, key); p; p = strstr(p + 1, key)) {
        if (p == head || (p[-1] != '\'' && p[-1] != '"') || p[n] != p[-1]) continue;
        const char *value = p + n + 1;
        value += strspn(value, " ");
        if (*value == ':') return value + 1 + strspn(value + 1, " ");
    }
    return NULL;
}

static pf_status fail_type(const pf__array *a, const char *text, pf_error *err) {
    char type[24] = "";
    size_t n = 0;
    for (; n + 1 < sizeof type && text[n] > ' ' && text[n] < 127 && text[n] != ','; n++) type[n] = text[n];
    type[n] = '\0';
    pf_status st = pf__fail(err, PF_DATA, "%s: elements of type %s are not imported", pf__array_name(a),
                            type);
    return pf__hint(err, st, "float16 to float64, bool and integers are; convert with x.astype('float32')");
}

static pf_status parse_type(pf__array *a, const char *head, pf_error *err) {
    const char *text = find_value(head, "descr");
    if (!text) return fail_head(a, "it has no 'descr'", err);
    if (*text != '\'' && *text != '"') return fail_type(a, "record", err);
    const char *p = text + 1;
    a->big = *p == '>';
    if (*p && strchr("<>|=", *p)) p++;
    a->kind = *p ? *p++ : ' ';
    a->bytes = *p >= '1' && *p <= '8' ? *p++ - '0' : 0;
    bool sizes = a->bytes == 1 || a->bytes == 2 || a->bytes == 4 || a->bytes == 8;
    bool known = a->kind == 'f'                       ? sizes && a->bytes > 1
                 : (a->kind == 'i' || a->kind == 'u') ? sizes
                                                      : a->kind == 'b' && a->bytes == 1;
    return known && *p == *text ? PF_OK : fail_type(a, text, err);
}

static pf_status parse_order(const pf__array *a, const char *head, pf_error *err) {
    const char *text = find_value(head, "fortran_order");
    if (!text) return fail_head(a, "it has no 'fortran_order'", err);
    if (strncmp(text, "False", 5) == 0) return PF_OK;
    if (strncmp(text, "True", 4) != 0) return fail_head(a, "'fortran_order' is neither True nor False", err);
    pf_status st = pf__fail(err, PF_DATA, "%s: the array is in Fortran order", pf__array_name(a));
    return pf__hint(err, st, "save it as numpy.ascontiguousarray(x)");
}

static pf_status parse_shape(pf__array *a, const char *head, pf_error *err) {
    const char *p = find_value(head, "shape");
    if (!p || *p != '(') return fail_head(a, "it has no 'shape'", err);
    int64_t total = 1;
    for (p += 1 + strspn(p + 1, " "); *p != ')';) {
        char *end;
        if (*p < '0' || *p > '9') return fail_head(a, "'shape' is no tuple of numbers", err);
        long long dim = strtoll(p, &end, 10); /* clamped when too long, and then refused below */
        if (a->shape.rank == PF_RANK_MAX) return fail_head(a, "more than 8 dimensions", err);
        if (dim == 0) {
            pf_status st = pf__fail(err, PF_DATA, "%s: the array is empty: dimension %d is 0",
                                    pf__array_name(a), a->shape.rank);
            return pf__hint(err, st, "an array of samples has at least one");
        }
        if (dim > PF__SOURCE_COUNT_MAX / total)
            return pf__hint(err,
                            pf__fail(err, PF_DATA, "%s: size %lld of dimension %d cannot be right",
                                     pf__array_name(a), dim, a->shape.rank),
                            "the file is damaged; write or copy it again");
        total *= dim;
        a->shape.dim[a->shape.rank++] = dim;
        p = end + strspn(end, " L,");
    }
    return PF_OK;
}

static pf_status fail_magic(const pf__array *a, pf_error *err) {
    pf_status st = pf__fail(err, PF_DATA, "%s: not a NumPy array of version 1, 2 or 3", pf__array_name(a));
    return pf__hint(err, st, "write it with numpy.save or numpy.savez");
}

/* *length: bytes of the file up to the first element. */
static pf_status read_head(pf__array *a, int64_t *length, pf_error *err) {
    unsigned char magic[12];
    PF__TRY(pf__stream_take(a->stream, magic, 10, err));
    if (memcmp(magic, "\x93NUMPY", 6) != 0 || magic[6] < 1 || magic[6] > 3 || magic[7] != 0)
        return fail_magic(a, err);
    int64_t size = magic[8] | magic[9] << 8;
    *length = 10;
    if (magic[6] > 1) {
        PF__TRY(pf__stream_take(a->stream, magic + 10, 2, err));
        size |= (int64_t)magic[10] << 16 | (int64_t)magic[11] << 24;
        *length = 12;
    }
    *length += size;
    if (size > HEAD_MAX) return fail_head(a, "it is longer than 64 KiB", err);
    char *head = malloc((size_t)size + 1);
    if (!head) return pf__fail_memory(err, pf__array_name(a), (unsigned long long)size);
    pf_status st = pf__stream_take(a->stream, head, size, err);
    head[st == PF_OK ? size : 0] = '\0';
    if (st == PF_OK) st = parse_type(a, head, err);
    if (st == PF_OK) st = parse_order(a, head, err);
    if (st == PF_OK) st = parse_shape(a, head, err);
    free(head);
    return st;
}

/* A plain file shows at once whether it holds what its head promises. */
static pf_status check_size(const pf__array *a, const char *path, int64_t head, pf_error *err) {
    struct stat info;
    if (pf__ends_with(path, ".gz") || stat(path, &info) != 0) return PF_OK;
    int64_t expected = head + pf_shape_count(&a->shape) * a->bytes;
    if (info.st_size == expected) return PF_OK;
    pf_status st = pf__fail(err, PF_DATA, "%s: %s: %" PRId64 " bytes, its head tells of %" PRId64, path,
                            info.st_size < expected ? "truncated" : "too long", (int64_t)info.st_size,
                            expected);
    return pf__hint(err, st, "the file is incomplete or damaged; write or copy it again");
}

pf_status pf__array_open(const char *path, const char *member, pf__array **out, pf_error *err) {
    int64_t head = 0;
    *out = NULL;
    pf__array *a = calloc(1, sizeof *a);
    if (!a) return pf__fail_memory(err, path, sizeof *a);
    pf_status st = pf__stream_open(path, member, &a->stream, err);
    if (st == PF_OK) st = read_head(a, &head, err);
    if (st == PF_OK && !member) st = check_size(a, path, head, err);
    if (st != PF_OK) {
        pf__array_close(&a);
        return st;
    }
    *out = a;
    return PF_OK;
}

void pf__array_close(pf__array **array) {
    if (!array || !*array) return;
    pf__stream_close(&(*array)->stream);
    free(*array);
    *array = NULL;
}

const char *pf__array_name(const pf__array *array) {
    return pf__stream_name(array->stream);
}

const pf_shape *pf__array_shape(const pf__array *array) {
    return &array->shape;
}

bool pf__array_is_u8(const pf__array *array) {
    return array->kind == 'u' && array->bytes == 1;
}

/* ---- elements ---- */

static double from_half(uint64_t bits) {
    int exponent = (int)(bits >> 10 & 31), fraction = (int)(bits & 1023);
    double value = exponent == 31  ? (fraction ? NAN : INFINITY)
                   : exponent == 0 ? ldexp(fraction, -24)
                                   : ldexp(1024 + fraction, exponent - 25);
    return bits >> 15 ? -value : value;
}

static double element(const pf__array *a, const unsigned char *p) {
    uint64_t bits = 0;
    for (int i = 0; i < a->bytes; i++) bits |= (uint64_t)p[a->big ? a->bytes - 1 - i : i] << (8 * i);
    if (a->kind == 'f' && a->bytes == 8) {
        double value;
        memcpy(&value, &bits, sizeof value);
        return value;
    }
    if (a->kind == 'f' && a->bytes == 4) {
        float value;
        uint32_t low = (uint32_t)bits;
        memcpy(&value, &low, sizeof value);
        return (double)value;
    }
    if (a->kind == 'f') return from_half(bits);
    uint64_t sign = (uint64_t)1 << (8 * a->bytes - 1);
    if (a->kind == 'i' && (bits & sign)) return -(double)(~bits & (sign - 1)) - 1.0; /* -(~b) - 1 = b - 2^n */
    return (double)bits;
}

/* The next elements, as many as fit into raw. */
static pf_status read_some(pf__array *a, int64_t count, int64_t *got, pf_error *err) {
    *got = RAW_BYTES / a->bytes < count ? RAW_BYTES / a->bytes : count;
    return pf__stream_take(a->stream, a->raw, *got * a->bytes, err);
}

pf_status pf__array_read_u8(pf__array *array, int64_t count, uint8_t *x, pf_error *err) {
    return pf__stream_take(array->stream, x, count, err);
}

pf_status pf__array_read_f32(pf__array *array, int64_t count, float *x, pf_error *err) {
    int64_t part = 0;
    for (int64_t done = 0; done < count; done += part) {
        PF__TRY(read_some(array, count - done, &part, err));
        for (int64_t i = 0; i < part; i++) {
            double value = element(array, array->raw + i * array->bytes);
            x[done + i] = fabs(value) > 3.4028234663852886e38
                              ? copysignf(INFINITY, (float)copysign(1.0, value))
                              : (float)value;
        }
    }
    return PF_OK;
}

static pf_status fail_label(const pf__array *a, int64_t at, double value, pf_error *err) {
    pf_status st = pf__fail(err, PF_DATA,
                            "%s: element %" PRId64 " is %g, a label is a whole number in 0 .. %d",
                            pf__array_name(a), at, value, PF__SOURCE_LABEL_MAX);
    return pf__hint(err, st, "number the classes from 0; one-hot rows become numbers by y.argmax(1)");
}

pf_status pf__array_read_labels(pf__array *array, int64_t count, int32_t *y, pf_error *err) {
    int64_t part = 0;
    for (int64_t done = 0; done < count; done += part) {
        PF__TRY(read_some(array, count - done, &part, err));
        for (int64_t i = 0; i < part; i++) {
            double value = element(array, array->raw + i * array->bytes);
            if (!(value >= 0 && value <= PF__SOURCE_LABEL_MAX) || floor(value) != value)
                return fail_label(array, array->done + i, value, err);
            y[done + i] = (int32_t)value;
        }
        array->done += part;
    }
    return PF_OK;
}

pf_status pf__array_end(pf__array *array, pf_error *err) {
    return pf__stream_end(array->stream, err);
}
