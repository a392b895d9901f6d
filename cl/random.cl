/* SPDX-License-Identifier: MIT
 * Random leaves: Philox4x32-10 (Salmon et al., SC'11), laid out as on the host. OpenCL C 1.2. One kernel,
 * named KERNEL.
 *
 *   key = seed (low, high); counter = (block, stream, sample low, sample high), sample = first + row;
 *   element e of a row is word e % 4 of block e / 4.
 *
 *   parameter | meaning                                          | legal values
 *   V         | Philox blocks computed at once                   | 4, 8, 16
 *   one of    |
 *   NORMAL    | Box-Muller on words (0, 1) and (2, 3)            |
 *   UNIFORM   | (bits / 256 + 1/2) / 2^24, in (0, 1)             |
 *   BITS      | the words                                        |
 *   D_1       | rows of one element (else any D)                 | defined or not
 *
 * The blocks of all rows are numbered on, V of them (which may lie in several rows) are computed at once. */

#define JOIN_(a, b) a##b
#define JOIN(a, b)  JOIN_(a, b)
#define VEC         JOIN(float, V)
#define INT         JOIN(int, V)
#define UINT        JOIN(uint, V)
#define AS_VEC      JOIN(as_float, V)
#define AS_INT      JOIN(as_int, V)
#define TO_VEC      JOIN(convert_float, V)
#define STORE       JOIN(vstore, V)
#define NAMED(name) JOIN(KERNEL, name)
#if V == 16
#define LANES (UINT)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
#elif V == 8
#define LANES (UINT)(0, 1, 2, 3, 4, 5, 6, 7)
#else
#define LANES (UINT)(0, 1, 2, 3)
#endif
#ifdef BITS
#define OUT uint
#else
#define OUT float
#endif
#define OUT_VEC    JOIN(OUT, V)
#define AS_OUT_VEC JOIN(as_, OUT_VEC)
#if V == 16
#define PAIRS ulong8
#elif V == 8
#define PAIRS ulong4
#else
#define PAIRS ulong2
#endif
#define AS_PAIRS JOIN(as_, PAIRS)
/* Stores words 0 to 3 of the blocks in the lo or hi lanes, block by block. */
#define INTERLEAVE(side, to)             \
    {                                    \
        OUT_VEC left, right;             \
        PAIRS all;                       \
        left.even = y0.side;             \
        left.odd = y1.side;              \
        right.even = y2.side;            \
        right.odd = y3.side;             \
        all.even = AS_PAIRS(left).lo;    \
        all.odd = AS_PAIRS(right).lo;    \
        STORE(AS_OUT_VEC(all), 0, (to)); \
        all.even = AS_PAIRS(left).hi;    \
        all.odd = AS_PAIRS(right).hi;    \
        STORE(AS_OUT_VEC(all), 1, (to)); \
    }

void NAMED(_philox)(UINT *x0, UINT *x1, UINT *x2, UINT *x3, uint k0, uint k1) {
    UINT c0 = *x0, c1 = *x1, c2 = *x2, c3 = *x3;
    for (int round = 0; round < 10; round++) {
        const UINT h0 = mul_hi((UINT)(0xD2511F53u), c0), l0 = 0xD2511F53u * c0;
        const UINT h1 = mul_hi((UINT)(0xCD9E8D57u), c2), l1 = 0xCD9E8D57u * c2;
        c0 = h1 ^ c1 ^ k0;
        c1 = l1;
        c2 = h0 ^ c3 ^ k1;
        c3 = l0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    *x0 = c0;
    *x1 = c1;
    *x2 = c2;
    *x3 = c3;
}

#ifdef UNIFORM
/* The topmost numbers would round to 1. */
VEC NAMED(_uniform)(UINT bits) {
    return min(TO_VEC(bits >> 8) * 0x1p-24f + 0x1p-25f, (VEC)(0x1.fffffep-1f));
}
#endif

#ifdef NORMAL
/* sqrt(-2 log u). 1 - u is exact where u is near 1, and there the logarithm is taken of it. */
VEC NAMED(_radius)(UINT bits) {
    const UINT x = bits >> 8, y = ~bits >> 8;
    const VEC low = TO_VEC(x) * 0x1p-24f + 0x1p-25f, rest = TO_VEC(y) * 0x1p-24f + 0x1p-25f;
    const VEC u = select(1.0f - rest, low, x < (UINT)(1u << 23));
    /* u = 2^e (1 + f), 1 + f in [sqrt(1/2), sqrt 2) */
    const INT e = (AS_INT(u) - 0x3f3504f3) >> 23;
    const VEC f = select(AS_VEC(AS_INT(u) - (e << 23)) - 1.0f, -rest, e == 0), z = f * f, n = TO_VEC(e);
    VEC p = (VEC)(7.0376836292e-2f); /* log(1 + f) by Cephes' polynomial */
    p = p * f - 1.1514610310e-1f;
    p = p * f + 1.1676998740e-1f;
    p = p * f - 1.2420140846e-1f;
    p = p * f + 1.4249322787e-1f;
    p = p * f - 1.6668057665e-1f;
    p = p * f + 2.0000714765e-1f;
    p = p * f - 2.4999993993e-1f;
    p = p * f + 3.3333331174e-1f;
    VEC log_u = f * z * p - n * 2.12194440e-4f;
    log_u = f + (log_u - 0.5f * z) + n * 0.693359375f;
    return sqrt(-2.0f * log_u);
}

/* cos and sin of 2 pi u, reduced to an eighth of a turn in integers: exactly. */
void NAMED(_turn)(UINT bits, VEC *cosine, VEC *sine) {
    const UINT t = (bits >> 8) * 2 + 1; /* u 2^25 */
    const UINT quarter = (t + (1u << 22)) >> 23;
    const VEC x = TO_VEC(AS_INT(t - (quarter << 23))) * (6.28318530718f * 0x1p-25f), z = x * x;
    VEC s = z * -1.9515295891e-4f + 8.3321608736e-3f;
    s = s * z - 1.6666654611e-1f;
    s = s * z * x + x;
    VEC c = z * 2.443315711809948e-5f - 1.388731625493765e-3f;
    c = c * z + 4.166664568298827e-2f;
    c = c * z * z - 0.5f * z + 1.0f;
    const INT odd = (quarter & 1u) != 0u;
    const VEC real = select(c, s, odd), imaginary = select(s, c, odd);
    *cosine = AS_VEC(AS_INT(real) ^ AS_INT(((quarter + 1u) & 2u) << 30));
    *sine = AS_VEC(AS_INT(imaginary) ^ AS_INT((quarter & 2u) << 30));
}
#endif

/* out [rows, D]; step: words 0, 1 the seed, 2, 3 the first sample, low words first. per_row = ceil(D / 4)
 * blocks. An item owns `chunk` blocks, a multiple of V. */
kernel void KERNEL(const global uint *restrict step, uint step_offset, global OUT *restrict out,
                   uint out_offset, uint stream, uint rows, uint D, uint per_row, uint chunk) {
    const uint blocks = rows * per_row, q0 = (uint)get_global_id(0) * chunk;
    if (q0 >= blocks) return;
    const uint q1 = min(q0 + chunk, blocks);
    const uint seed_low = step[step_offset], seed_high = step[step_offset + 1];
    const uint first_low = step[step_offset + 2], first_high = step[step_offset + 3];
    const uint wrap = V / per_row, turn = V - wrap * per_row;
    UINT row = (q0 + LANES) / per_row, block = (q0 + LANES) - row * per_row;
    OUT part[4 * V];
#ifndef D_1
    uint at_row[V], at_block[V];
#endif
    out += out_offset;
    for (uint q = q0; q < q1; q += V) {
        UINT x0 = block, x1 = (UINT)(stream), x2 = first_low + row, x3;
        x3 = first_high + select((UINT)(0), (UINT)(1), x2 < (UINT)(first_low));
        NAMED(_philox)(&x0, &x1, &x2, &x3, seed_low, seed_high);
#ifdef BITS
        const UINT y0 = x0, y1 = x1, y2 = x2, y3 = x3;
#elif defined UNIFORM
        const VEC y0 = NAMED(_uniform)(x0), y1 = NAMED(_uniform)(x1), y2 = NAMED(_uniform)(x2),
                  y3 = NAMED(_uniform)(x3);
#elif defined D_1
        VEC y0, unused;
        NAMED(_turn)(x1, &y0, &unused);
        y0 *= NAMED(_radius)(x0);
#else
        VEC y0, y1, y2, y3;
        NAMED(_turn)(x1, &y0, &y1);
        NAMED(_turn)(x3, &y2, &y3);
        const VEC radius_0 = NAMED(_radius)(x0), radius_2 = NAMED(_radius)(x2);
        y0 *= radius_0;
        y1 *= radius_0;
        y2 *= radius_2;
        y3 *= radius_2;
#endif
#ifdef D_1
        if (q + V <= q1) {
            STORE(y0, 0, out + q);
        } else {
            STORE(y0, 0, part);
            for (uint l = 0; q + l < q1; l++) out[q + l] = part[l];
        }
#else
        if (q + V <= q1 && D % 4 == 0) {
            INTERLEAVE(lo, out + 4 * (size_t)q)
            INTERLEAVE(hi, out + 4 * (size_t)q + 2 * V)
        } else {
            STORE(y0, 0, part);
            STORE(y1, 1, part);
            STORE(y2, 2, part);
            STORE(y3, 3, part);
            STORE(row, 0, at_row);
            STORE(block, 0, at_block);
            for (uint l = 0; l < V && q + l < q1; l++) {
                const uint words = min(4u, D - 4 * at_block[l]);
                global OUT *to = out + (size_t)at_row[l] * D + 4 * at_block[l];
                for (uint w = 0; w < words; w++) to[w] = part[w * V + l];
            }
        }
#endif
        block += turn;
        row += wrap;
        const INT over = block >= (UINT)(per_row);
        row = select(row, row + 1u, over);
        block = select(block, block - per_row, over);
    }
}

#undef JOIN_
#undef JOIN
#undef VEC
#undef INT
#undef UINT
#undef AS_VEC
#undef AS_INT
#undef TO_VEC
#undef STORE
#undef NAMED
#undef LANES
#undef OUT
#undef OUT_VEC
#undef AS_OUT_VEC
#undef PAIRS
#undef AS_PAIRS
#undef INTERLEAVE
