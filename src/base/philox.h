/* SPDX-License-Identifier: MIT
 * Philox4x32-10 (Salmon et al., SC'11), the only source of randomness.
 *
 * Layout, the same on host and device: key = seed (low, high); counter = (block, stream, sample low, sample
 * high). A random tensor of shape [B, rest...] has in row i the numbers of sample = first + i; element e of
 * the row is word e % 4 of block e / 4. So a sample's numbers depend on (seed, stream, sample index) and
 * nothing else. */
#ifndef PF__BASE_PHILOX_H
#define PF__BASE_PHILOX_H

#include <stdint.h>

void pf__philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/** The 32-bit stream number of a name such as "noise", "time", "init/hidden/0/weight" (xxHash32 of the name,
 * seed 0). */
uint32_t pf__stream(const char *name);

/** Word e of the row of `sample`, as bits. */
uint32_t pf__random_bits(uint64_t seed, uint32_t stream, uint64_t sample, uint32_t e);
/** ((bits >> 8) + 0.5) * 2^-24: in (0, 1), never 0 or 1. */
double pf__random_uniform(uint64_t seed, uint32_t stream, uint64_t sample, uint32_t e);
/** Box-Muller on the pairs (word 0, word 1) and (word 2, word 3) of a block: r = sqrt(-2 log u_even);
 *  the even element is r cos(2 pi u_odd), the odd one r sin(2 pi u_odd). In double. */
double pf__random_normal(uint64_t seed, uint32_t stream, uint64_t sample, uint32_t e);

#endif
