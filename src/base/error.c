/* SPDX-License-Identifier: MIT
 * Filling a pf_error. Texts are formatted aside first, so that a message may quote the one it replaces. */
#include "base/error.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* One line each: control characters (a path may hold them) become spaces. */
static void copy_line(char *to, const char *from) {
    for (; *from; from++, to++) *to = (unsigned char)*from < 0x20 || *from == 0x7f ? ' ' : *from;
    *to = '\0';
}

pf_status pf__fail(pf_error *err, pf_status status, const char *format, ...) {
    if (!err) return status;
    char text[sizeof err->message];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (n < 0) memcpy(text, "?", 2);
    err->status = status;
    copy_line(err->message, text);
    err->hint[0] = '\0';
    return status;
}

pf_status pf__hint(pf_error *err, pf_status status, const char *format, ...) {
    if (!err || status == PF_OK) return status;
    char text[sizeof err->hint];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    copy_line(err->hint, n < 0 ? "" : text);
    return status;
}

pf_status pf__fail_memory(pf_error *err, const char *what, unsigned long long bytes) {
    return pf__fail(err, PF_MEMORY, "out of memory: %s (%llu bytes)", what, bytes);
}
