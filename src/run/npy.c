/* SPDX-License-Identifier: MIT
 * NumPy's .npy files, version 1.0: six magic bytes, two of version, a header length, a Python dictionary, the
 * data. */
#include "base/file.h"
#include "run/run.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char magic[8] = {'\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0};

pf_status pf__npy_write(const char *path, const pf_shape *shape, const float *data, pf_error *err) {
    pf__text t = {0};
    pf__text_add_bytes(&t, magic, sizeof magic);
    pf__text_add_bytes(&t, "\0\0", 2);
    pf__text_add(&t, "{'descr': '<f4', 'fortran_order': False, 'shape': (");
    for (int i = 0; i < shape->rank; i++) pf__text_format(&t, "%" PRId64 ",", shape->dim[i]);
    pf__text_add(&t, "), }");
    while ((t.length + 1) % 64 != 0 && !t.failed) pf__text_add(&t, " ");
    pf__text_add(&t, "\n");
    size_t header = t.length - 10;
    if (!t.failed) {
        t.data[8] = (char)(header & 255);
        t.data[9] = (char)(header >> 8);
    }
    pf__text_add_bytes(&t, (const char *)data, (size_t)pf_shape_count(shape) * sizeof *data);
    pf_status st = t.failed ? pf__fail_memory(err, path, t.length)
                            : pf__file_write(path, t.data, t.length, err);
    pf__text_free(&t);
    return st;
}

static pf_status parse_shape(const char *header, pf_shape *shape) {
    const char *p = strstr(header, "'shape':");
    p = p ? strchr(p, '(') : NULL;
    if (!p) return PF_DATA;
    *shape = (pf_shape){0};
    int64_t count = 1;
    for (p++; *p && *p != ')';) {
        char *end;
        long long dim = strtoll(p, &end, 10);
        if (end == p || dim < 0 || shape->rank == PF_RANK_MAX || (dim > 0 && count > (INT64_MAX / 16) / dim))
            return PF_DATA;
        count *= dim;
        shape->dim[shape->rank++] = dim;
        p = end + strspn(end, ", L");
    }
    return *p == ')' ? PF_OK : PF_DATA;
}

static pf_status convert(const char *path, const char *bytes, size_t length, pf_shape *shape, float **data,
                         pf_error *err) {
    if (length < 10 || memcmp(bytes, magic, 7) != 0 || bytes[6] != 1)
        return pf__fail(err, PF_DATA, "%s: not a .npy file of version 1", path);
    size_t start = 10 + (size_t)(unsigned char)bytes[8] + ((size_t)(unsigned char)bytes[9] << 8);
    char *header = start <= length ? strndup(bytes + 10, start - 10) : NULL;
    if (!header) return pf__fail(err, PF_DATA, "%s: truncated", path);
    bool wide = strstr(header, "'<f8'") != NULL;
    bool known = (wide || strstr(header, "'<f4'")) && strstr(header, "'fortran_order': False") &&
                 parse_shape(header, shape) == PF_OK;
    free(header);
    if (!known) return pf__fail(err, PF_DATA, "%s: not an array of <f4 or <f8 in C order", path);
    size_t count = (size_t)pf_shape_count(shape), element = wide ? 8 : 4;
    if ((length - start) / element < count) return pf__fail(err, PF_DATA, "%s: truncated", path);
    *data = malloc(count * sizeof **data + 1);
    if (!*data) return pf__fail_memory(err, path, count * sizeof **data);
    for (size_t i = 0; i < count; i++) {
        double value;
        memcpy(wide ? (void *)&value : (void *)(*data + i), bytes + start + i * element, element);
        if (wide) (*data)[i] = (float)value;
    }
    return PF_OK;
}

pf_status pf__npy_read(const char *path, pf_shape *shape, float **data, pf_error *err) {
    char *bytes;
    size_t length;
    *data = NULL;
    PF__TRY(pf__file_read(path, &bytes, &length, err));
    pf_status st = convert(path, bytes, length, shape, data, err);
    free(bytes);
    return st;
}
