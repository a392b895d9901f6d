/* SPDX-License-Identifier: MIT
 * Philox4x32-10 on the host; cl/ has the same arithmetic for the device. */
#include "base/philox.h"
#include <math.h>
#include <string.h>
#include <xxhash.h>

void pf__philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0;
        uint64_t p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u; /* golden ratio and sqrt(3) - 1: the Weyl steps of the key */
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

uint32_t pf__stream(const char *name) {
    return XXH32(name, strlen(name), 0);
}

static void block(uint64_t seed, uint32_t stream, uint64_t sample, uint32_t e, uint32_t out[4]) {
    uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    uint32_t counter[4] = {e / 4, stream, (uint32_t)sample, (uint32_t)(sample >> 32)};
    pf__philox(counter, key, out);
}

static double uniform(uint32_t bits) {
    return ((double)(bits >> 8) + 0.5) * 0x1p-24;
}

uint32_t pf__random_bits(uint64_t seed, uint32_t stream, uint64_t sample, uint32_t e) {
    uint32_t words[4];
    block(seed, stream, sample, e, words);
    return words[e % 4];
}

double pf__random_uniform(uint64_t seed, uint32_t stream, uint64_t sample, uint32_t e) {
    return uniform(pf__random_bits(seed, stream, sample, e));
}

double pf__random_normal(uint64_t seed, uint32_t stream, uint64_t sample, uint32_t e) {
    uint32_t words[4];
    block(seed, stream, sample, e, words);
    uint32_t even = e % 4 & 2u;
    double radius = sqrt(-2.0 * log(uniform(words[even])));
    double angle = 6.283185307179586476925 * uniform(words[even + 1]);
    return e & 1u ? radius * sin(angle) : radius * cos(angle);
}
