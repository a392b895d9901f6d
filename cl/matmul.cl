/* SPDX-License-Identifier: MIT
 * Matrix products C[b] = op(A[b]) op(B[b]), f32, row-major; C [M,N], op(A) [M,K], op(B) [K,N]. OpenCL C 1.2.
 *
 * One kernel per inclusion, named KERNEL, chosen by one of these defines:
 *
 *   MATMUL_TILES    the product for CPUs: work-group size 1, register tiles, no local memory, no barrier
 *   MATMUL_PACK     B [K,N] or B [N,K] into panels [N/W][K][W], the columns past N being anything
 *   MATMUL_ADD      C = sum of S slices, added in order
 *   MATMUL_GENERIC  the product for any device and any transposes, 4 x 4 elements per item
 *
 *   parameter | of           | meaning                                             | legal values
 *   V         | TILES, ADD   | vector width                                        | 4, 8, 16
 *   MR        | TILES        | rows of the register tile                           | 1 .. 8
 *   NV        | TILES        | vectors in a row of the register tile               | 1, 2, 4
 *   KC        | TILES        | rows of B in one pass, so that its panel stays in L1| > 0
 *   A_COLUMNS | TILES        | A is [K,M] (else [M,K])                             | defined or not
 *   A_PANELS  | TILES        | A is [M/MR][K][MR]                                  | defined or not
 *   B_PANELS  | TILES        | B is [N/NR][K][NR], NR = NV V (else [K,N])          | defined or not
 *   PAIR      | TILES        | a second A and C of M2 rows, behind the first       | defined or not
 *   W         | PACK         | width of a panel                                    | > 0
 *   KP, NP    | PACK         | rows and panels that one item packs                 | > 0
 *   TRANSPOSED| PACK         | B is [N,K] (else [K,N])                             | defined or not
 *
 * Vector loads may run up to 64 floats past a tensor; what they bring ends in lanes that are never stored. */

#define JOIN_(a, b) a##b
#define JOIN(a, b)  JOIN_(a, b)

#ifdef MATMUL_TILES

#define VEC   JOIN(float, V)
#define LOAD  JOIN(vload, V)
#define STORE JOIN(vstore, V)
#define NR    (NV * V)

/* EACH_ROW(X) is X(0) X(1) ... X(MR - 1); EACH_COLUMN(X, r) is X(r, 0) ... X(r, NV - 1). Named variables
 * instead of arrays: compilers keep them in registers. */
#if MR > 1
#define ROW_1(X) X(1)
#else
#define ROW_1(X)
#endif
#if MR > 2
#define ROW_2(X) X(2)
#else
#define ROW_2(X)
#endif
#if MR > 3
#define ROW_3(X) X(3)
#else
#define ROW_3(X)
#endif
#if MR > 4
#define ROW_4(X) X(4)
#else
#define ROW_4(X)
#endif
#if MR > 5
#define ROW_5(X) X(5)
#else
#define ROW_5(X)
#endif
#if MR > 6
#define ROW_6(X) X(6)
#else
#define ROW_6(X)
#endif
#if MR > 7
#define ROW_7(X) X(7)
#else
#define ROW_7(X)
#endif
#define EACH_ROW(X) X(0) ROW_1(X) ROW_2(X) ROW_3(X) ROW_4(X) ROW_5(X) ROW_6(X) ROW_7(X)
#if NV == 1
#define EACH_COLUMN(X, r) X(r, 0)
#elif NV == 2
#define EACH_COLUMN(X, r) X(r, 0) X(r, 1)
#else
#define EACH_COLUMN(X, r) X(r, 0) X(r, 1) X(r, 2) X(r, 3)
#endif

#define ZERO_(r, v)  VEC c##r##_##v = (VEC)(0.0f);
#define ZERO(r)      EACH_COLUMN(ZERO_, r)
#define FETCH_(r, v) c##r##_##v = LOAD(0, tile + (size_t)(r)*tile_stride + (v)*V);
#define FETCH(r)     EACH_COLUMN(FETCH_, r)
#define KEEP_(r, v)  STORE(c##r##_##v, 0, tile + (size_t)(r)*tile_stride + (v)*V);
#define KEEP(r)      EACH_COLUMN(KEEP_, r)
#define PANEL_(r, v) VEC b##v = LOAD(0, bp + (v)*V);
/* Written as a sum so that the compiler fuses it exactly where the device has the instruction. */
#define MULTIPLY_(r, v) c##r##_##v += a##r * b##v;
#if defined A_PANELS || defined A_COLUMNS
#define MULTIPLY(r)               \
    {                             \
        VEC a##r = (VEC)(ap[r]);  \
        EACH_COLUMN(MULTIPLY_, r) \
    }
#else
#define POINT(r) const global float *ap##r = A + (size_t)min(i + (r), M - 1) * K + kb;
#define MULTIPLY(r)                 \
    {                               \
        VEC a##r = (VEC)(ap##r[k]); \
        EACH_COLUMN(MULTIPLY_, r)   \
    }
#endif

/* C[slice][b] (+)= op(A[b]) op(B[b]) over rows [slice KS, (slice + 1) KS) of B. Group (x, y, z) owns columns
 * [x NC, ...), rows [y MC, ...) of product z % batch and slice z / batch. MC is a multiple of MR, NC of NR.
 * The order of additions of an element depends on KC and KS alone. */
kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
KERNEL(const global float *restrict A, uint a_offset, const global float *restrict B, uint b_offset,
       global float *restrict C, uint c_offset, uint M, uint N, uint K, uint MC, uint NC, uint KS, uint batch,
       uint a_step, uint b_step, uint slice_step
#ifdef PAIR
       ,
       const global float *restrict A2, uint a2_offset, global float *restrict C2, uint c2_offset, uint M2
#endif
) {
    float edge[MR * NR]; /* a tile that sticks out of C */
    const uint slice = (uint)get_group_id(2) / batch, item = (uint)get_group_id(2) - slice * batch;
    const uint j0 = (uint)get_group_id(0) * NC, j1 = min(j0 + NC, N);
    uint row = get_group_id(1);
#ifdef PAIR
    const uint first = (M + MC - 1) / MC;
    if (row >= first) {
        A = A2;
        a_offset = a2_offset;
        C = C2;
        c_offset = c2_offset;
        M = M2;
        row -= first;
    }
#endif
    const uint i0 = row * MC, i1 = min(i0 + MC, M);
    const uint k0 = slice * KS, k1 = min(k0 + KS, K);
    A += a_offset + (size_t)item * a_step;
    B += b_offset + (size_t)item * b_step;
    C += c_offset + (size_t)slice * slice_step + (size_t)item * M * N;
    for (uint kb = k0; kb < k1; kb += KC) {
        const uint kc = min((uint)KC, k1 - kb);
        for (uint j = j0; j < j1; j += NR) {
            for (uint i = i0; i < i1; i += MR) {
                const bool inside = i + MR <= M && j + NR <= N;
                const uint rows = min((uint)MR, M - i), columns = min((uint)NR, N - j);
                global float *out = C + (size_t)i * N + j;
#ifdef B_PANELS
                const global float *bp = B + (size_t)j * K + (size_t)kb * NR;
#else
                const global float *bp = B + (size_t)kb * N + j;
#endif
#ifdef A_PANELS
                const global float *ap = A + (size_t)i * K + (size_t)kb * MR;
#elif defined A_COLUMNS
                const global float *ap = A + (size_t)kb * M + i;
#else
                EACH_ROW(POINT)
#endif
                EACH_ROW(ZERO)
                if (kb > k0 && inside) {
                    const global float *tile = out;
                    const size_t tile_stride = N;
                    EACH_ROW(FETCH)
                } else if (kb > k0) {
                    for (uint r = 0; r < MR; r++)
                        for (uint n = 0; n < NR; n++)
                            edge[r * NR + n] = r < rows && n < columns ? out[(size_t)r * N + n] : 0.0f;
                    const float *tile = edge;
                    const size_t tile_stride = NR;
                    EACH_ROW(FETCH)
                }
                for (uint k = 0; k < kc; k++) {
                    EACH_COLUMN(PANEL_, 0)
                    EACH_ROW(MULTIPLY)
#ifdef B_PANELS
                    bp += NR;
#else
                    bp += N;
#endif
#ifdef A_PANELS
                    ap += MR;
#elif defined A_COLUMNS
                    ap += M;
#endif
                }
                if (inside) {
                    global float *tile = out;
                    const size_t tile_stride = N;
                    EACH_ROW(KEEP)
                } else {
                    float *tile = edge;
                    const size_t tile_stride = NR;
                    EACH_ROW(KEEP)
                    for (uint r = 0; r < rows; r++)
                        for (uint n = 0; n < columns; n++) out[(size_t)r * N + n] = edge[r * NR + n];
                }
            }
        }
    }
}

#undef VEC
#undef LOAD
#undef STORE
#undef NR
#undef ROW_1
#undef ROW_2
#undef ROW_3
#undef ROW_4
#undef ROW_5
#undef ROW_6
#undef ROW_7
#undef EACH_ROW
#undef EACH_COLUMN
#undef ZERO_
#undef ZERO
#undef FETCH_
#undef FETCH
#undef KEEP_
#undef KEEP
#undef PANEL_
#undef MULTIPLY_
#undef MULTIPLY
#undef POINT

#elif defined MATMUL_PACK

/* Within each fourth of two vectors: their elements 0 and 1, or 2 and 3, in turns; their first or second
 * halves. */
#define LOW(a, b) \
    (float16)(a.s0, b.s0, a.s1, b.s1, a.s4, b.s4, a.s5, b.s5, a.s8, b.s8, a.s9, b.s9, a.sc, b.sc, a.sd, b.sd)
#define HIGH(a, b) \
    (float16)(a.s2, b.s2, a.s3, b.s3, a.s6, b.s6, a.s7, b.s7, a.sa, b.sa, a.sb, b.sb, a.se, b.se, a.sf, b.sf)
#define FIRST(a, b)  (float16)(a.s01, b.s01, a.s45, b.s45, a.s89, b.s89, a.scd, b.scd)
#define SECOND(a, b) (float16)(a.s23, b.s23, a.s67, b.s67, a.sab, b.sab, a.sef, b.sef)
/* Columns c to c + 3 of rows s, s + 4, s + 8, s + 12, a row in each fourth. */
#define ROWS_FROM(s)                                                                                       \
    (float16)(vload4(0, B + row[s] + c), vload4(0, B + row[(s) + 4] + c), vload4(0, B + row[(s) + 8] + c), \
              vload4(0, B + row[(s) + 12] + c))

/* P[b][p][k][w] = op(B[b])[k][p W + w]. Group (x, y, b) packs rows [y KP, ...) of panels [x NP, ...). */
kernel __attribute__((reqd_work_group_size(1, 1, 1))) void KERNEL(const global float *restrict B,
                                                                  uint b_offset, global float *restrict P,
                                                                  uint p_offset, uint N, uint K) {
    const uint panels = (N + W - 1) / W, p0 = (uint)get_group_id(0) * NP, p1 = min(p0 + NP, panels);
    const uint k0 = (uint)get_group_id(1) * KP, k1 = min(k0 + KP, K), item = get_group_id(2);
    P += p_offset + (size_t)item * panels * K * W;
    B += b_offset + (size_t)item * K * N;
#ifdef TRANSPOSED
    for (uint p = p0; p < p1; p++) {
        global float *to = P + (size_t)p * K * W;
        uint k = k0;
#if W % 16 == 0
        /* 4 x 4 squares, transposed in the fourths of vectors by two rounds of interleaving */
        k += (k1 - k0) / 4 * 4;
        for (uint w = 0; w < W; w += 16) {
            size_t row[16];
            for (uint r = 0; r < 16; r++) row[r] = (size_t)min(p * W + w + r, N - 1) * K;
            for (uint c = k0; c < k; c += 4) {
                const float16 x0 = ROWS_FROM(0), x1 = ROWS_FROM(1), x2 = ROWS_FROM(2), x3 = ROWS_FROM(3);
                const float16 y0 = LOW(x0, x1), y1 = HIGH(x0, x1), y2 = LOW(x2, x3), y3 = HIGH(x2, x3);
                global float *at = to + (size_t)c * W + w;
                vstore16(FIRST(y0, y2), 0, at);
                vstore16(SECOND(y0, y2), 0, at + W);
                vstore16(FIRST(y1, y3), 0, at + 2 * W);
                vstore16(SECOND(y1, y3), 0, at + 3 * W);
            }
        }
#endif
        for (uint w = 0; w < W; w++) {
            const global float *row = B + (size_t)min(p * W + w, N - 1) * K;
            for (uint l = k; l < k1; l++) to[(size_t)l * W + w] = row[l];
        }
    }
#else
    for (uint k = k0; k < k1; k += 16) /* a few rows of all panels at a time: reads run along B's rows */
        for (uint p = p0; p < p1; p++)
            for (uint l = k; l < min(k + 16, k1); l++) {
                const global float *row = B + (size_t)l * N + p * W;
                global float *to = P + ((size_t)p * K + l) * W;
                for (uint w = 0; w < W; w++) to[w] = row[w];
            }
#endif
}

#undef LOW
#undef HIGH
#undef FIRST
#undef SECOND
#undef ROWS_FROM

#elif defined MATMUL_ADD

/* C[i] = P[0][i] + P[1][i] + ..., i < count rounded up to V; count is allocated so. A group owns `chunk`
 * elements. */
kernel __attribute__((reqd_work_group_size(1, 1, 1))) void KERNEL(const global float *restrict P,
                                                                  uint p_offset, global float *restrict C,
                                                                  uint c_offset, uint count, uint slices,
                                                                  uint slice_step, uint chunk) {
    const uint i0 = (uint)get_group_id(0) * chunk, i1 = min(i0 + chunk, count);
    P += p_offset;
    C += c_offset;
    for (uint i = i0; i < i1; i += V) {
        JOIN(float, V) sum = JOIN(vload, V)(0, P + i);
        for (uint s = 1; s < slices; s++) sum += JOIN(vload, V)(0, P + (size_t)s * slice_step + i);
        JOIN(vstore, V)(sum, 0, C + i);
    }
}

#elif defined MATMUL_GENERIC

/* op(A)[i][k] = A[i a_row + k a_column], op(B)[k][j] = B[k b_row + j b_column]. A group of LX items
 * along x owns 4 LX columns and 4 rows per item along y; an item's columns are LX apart, so that neighbours
 * read neighbours. */
kernel void KERNEL(const global float *restrict A, uint a_offset, const global float *restrict B,
                   uint b_offset, global float *restrict C, uint c_offset, uint M, uint N, uint K, uint a_row,
                   uint a_column, uint b_row, uint b_column) {
    const uint item = get_global_id(2), i0 = (uint)get_global_id(1) * 4;
    const uint LX = (uint)get_local_size(0);
    const uint j0 = (uint)get_group_id(0) * (4 * LX) + (uint)get_local_id(0);
    if (i0 >= M || j0 >= N) return;
    A += a_offset + (size_t)item * M * K;
    B += b_offset + (size_t)item * K * N;
    C += c_offset + (size_t)item * M * N;
    float4 c0 = 0.0f, c1 = 0.0f, c2 = 0.0f, c3 = 0.0f;
    const size_t r0 = (size_t)i0 * a_row, r1 = (size_t)min(i0 + 1, M - 1) * a_row;
    const size_t r2 = (size_t)min(i0 + 2, M - 1) * a_row, r3 = (size_t)min(i0 + 3, M - 1) * a_row;
    const size_t n0 = (size_t)j0 * b_column, n1 = (size_t)min(j0 + LX, N - 1) * b_column;
    const size_t n2 = (size_t)min(j0 + 2 * LX, N - 1) * b_column,
                 n3 = (size_t)min(j0 + 3 * LX, N - 1) * b_column;
    for (uint k = 0; k < K; k++) {
        const global float *b = B + (size_t)k * b_row, *a = A + (size_t)k * a_column;
        const float4 x = (float4)(b[n0], b[n1], b[n2], b[n3]);
        c0 += a[r0] * x;
        c1 += a[r1] * x;
        c2 += a[r2] * x;
        c3 += a[r3] * x;
    }
    for (uint r = 0; r < 4 && i0 + r < M; r++) {
        const float4 x = r == 0 ? c0 : r == 1 ? c1 : r == 2 ? c2 : c3;
        global float *row = C + (size_t)(i0 + r) * N;
        row[j0] = x.s0;
        if (j0 + LX < N) row[j0 + LX] = x.s1;
        if (j0 + 2 * LX < N) row[j0 + 2 * LX] = x.s2;
        if (j0 + 3 * LX < N) row[j0 + 3 * LX] = x.s3;
    }
}

#endif

#undef JOIN_
#undef JOIN
