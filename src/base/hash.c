/* SPDX-License-Identifier: MIT
 * Hashes: XXH64 of xxHash and SHA-256 of libmd. */
#include "base/hash.h"
#include <sha2.h>
#include <stdlib.h>
#include <xxhash.h>

uint64_t pf__hash64(const void *bytes, size_t length, uint64_t seed) {
    return XXH64(bytes, length, seed);
}

struct pf__sha256 {
    SHA2_CTX context;
};

pf__sha256 *pf__sha256_begin(void) {
    pf__sha256 *s = malloc(sizeof *s);
    if (s) SHA256Init(&s->context);
    return s;
}

void pf__sha256_add(pf__sha256 *s, const void *bytes, size_t length) {
    if (s && length > 0) SHA256Update(&s->context, bytes, length);
}

void pf__sha256_end(pf__sha256 *s, char hex[65]) {
    if (!s) {
        if (hex) hex[0] = '\0';
        return;
    }
    if (hex) {
        uint8_t digest[SHA256_DIGEST_LENGTH];
        SHA256Final(digest, &s->context);
        for (int i = 0; i < SHA256_DIGEST_LENGTH; i++) {
            hex[2 * i] = "0123456789abcdef"[digest[i] >> 4];
            hex[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
        }
        hex[64] = '\0';
    }
    free(s);
}
