/* SPDX-License-Identifier: MIT
 * Texts made safe for markup. */
#include "draw/escape.h"
#include "base/utf8.h"

void pf__escape(pf__text *out, const char *text) {
    const unsigned char *p = (const unsigned char *)(text ? text : "");
    while (*p) {
        size_t n = pf__utf8_length((const char *)p);
        switch (*p) {
        case '&':
            pf__text_add(out, "&amp;");
            break;
        case '<':
            pf__text_add(out, "&lt;");
            break;
        case '>':
            pf__text_add(out, "&gt;");
            break;
        case '"':
            pf__text_add(out, "&quot;");
            break;
        case '\'':
            pf__text_add(out, "&#39;");
            break;
        default:
            if (n == 0)
                pf__text_add(out, "\xEF\xBF\xBD");
            else if ((*p >= 0x20 && *p != 0x7F) || *p == '\n' || *p == '\t')
                pf__text_add_bytes(out, (const char *)p, n);
        }
        p += n ? n : 1;
    }
}
