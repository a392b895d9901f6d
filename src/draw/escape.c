/* SPDX-License-Identifier: MIT
 * Texts made safe for markup. */
#include "draw/escape.h"

/* The length of the UTF-8 character at p, or 0 when there is none. */
static size_t utf8_length(const unsigned char *p) {
    size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xC2 && p[0] < 0xE0 ? 2 : (p[0] & 0xF0) == 0xE0 ? 3 : 0;
    if (p[0] >= 0xF0 && p[0] < 0xF5) n = 4;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xC0) != 0x80) return 0;
    if (n >= 3) {
        unsigned second = p[1];
        int bad = (p[0] == 0xE0 && second < 0xA0) ||
                  (p[0] == 0xED && second > 0x9F) || /* too long; surrogates */
                  (p[0] == 0xF0 && second < 0x90) || (p[0] == 0xF4 && second > 0x8F) ||
                  (p[0] == 0xEF && second == 0xBF && p[2] > 0xBD); /* U+FFFE and U+FFFF */
        if (bad) return 0;
    }
    return n;
}

void pf__escape(pf__text *out, const char *text) {
    const unsigned char *p = (const unsigned char *)(text ? text : "");
    while (*p) {
        size_t n = utf8_length(p);
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
