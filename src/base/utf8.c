/* SPDX-License-Identifier: MIT
 * UTF-8. */
#include "base/utf8.h"
#include <stdio.h>
#include <string.h>

size_t pf__utf8_length(const char *text) {
    const unsigned char *p = (const unsigned char *)text;
    size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xC2 && p[0] < 0xE0 ? 2 : (p[0] & 0xF0) == 0xE0 ? 3 : 0;
    if (p[0] >= 0xF0 && p[0] < 0xF5) n = 4;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xC0) != 0x80) return 0;
    if (n >= 3) {
        unsigned second = p[1];
        bool bad = (p[0] == 0xE0 && second < 0xA0) ||
                   (p[0] == 0xED && second > 0x9F) || /* too long; surrogates */
                   (p[0] == 0xF0 && second < 0x90) || (p[0] == 0xF4 && second > 0x8F) ||
                   (p[0] == 0xEF && second == 0xBF && p[2] > 0xBD); /* U+FFFE and U+FFFF */
        if (bad) return 0;
    }
    return n;
}

bool pf__utf8_is(const char *text) {
    while (*text) {
        size_t n = pf__utf8_length(text);
        if (n == 0) return false;
        text += n;
    }
    return true;
}

void pf__utf8_escape(char *out, size_t size, const char *text) {
    size_t used = 0;
    while (*text) {
        size_t n = pf__utf8_length(text);
        bool plain = n > 1 || (n == 1 && *text >= 0x20 && *text != 0x7F);
        if (used + (plain ? n : 4) + 1 > size) break;
        if (plain)
            memcpy(out + used, text, n);
        else
            snprintf(out + used, 5, "\\x%02x", (unsigned char)*text);
        used += plain ? n : 4;
        text += plain ? n : 1;
    }
    if (size > 0) out[used] = '\0';
}
