/* SPDX-License-Identifier: MIT
 * The products of the drifting field, f32: register tiles of A [rows][K] times panels [K][W]. drift.cl has
 * the names, the layout of targets and the rest of the field. OpenCL C 1.2. One kernel per inclusion, named
 * KERNEL:
 *
 *   DRIFT_DISTANCE   u of a block of rows; by products |X|^2 + |Y|^2 - 2 X Y^T, or (DIRECT) by differences
 *   DRIFT_FIELD      V = coefficients times targets
 *
 *   parameter | meaning                                               | legal values
 *   V         | vector width; 1 for work-groups of many items         | 1, 4, 8, 16
 *   W         | width of a panel                                      | multiple of V
 *   MR NV KC  | register tile, rows of a panel in one pass; W = NV V  | as in matmul.cl
 *   S         | S S items of 4 x 4 elements; W = 4 S, no MR NV KC     | 4, 8, 16
 *   CENTRED   | distances by products of centred coordinates          | defined or not
 *   GAUSS     | u is half the square of the distance                  | defined or not */

#define JOIN_(a, b) a##b
#define JOIN(a, b)  JOIN_(a, b)
#define NAME(x)     JOIN(KERNEL, x)

#if V == 1
#define VEC            float
#define MASK           int
#define LOAD(i, p)     (*(p))
#define STORE(x, i, p) (*(p) = (x))
#else
#define VEC   JOIN(float, V)
#define MASK  JOIN(int, V)
#define LOAD  JOIN(vload, V)
#define STORE JOIN(vstore, V)
#endif

#define FAR 1e30f

/* What all kernels are told: the block of rows [r0, r0 + rows) of groups g0 + group id 2, padded to R rows;
 * the sizes of a group; G groups. */
#define SIZES \
    uint g0, uint r0, uint rows, uint R, uint G, uint N, uint O, uint M, uint E, uint D, uint PN, uint P

/* The row of target j of group g, or 0 where j is padding. */
#define TARGET(y, j)                               \
    const global float *y = 0;                     \
    if ((j) < O)                                   \
        y = x + ((size_t)g * N + (j)) * D;         \
    else if ((j) < O + E)                          \
        y = extra + ((size_t)g * E + ((j)-O)) * D; \
    else if ((j) >= PN && (j) < PN + M)            \
        y = positive + ((size_t)g * M + ((j)-PN)) * D;

/* ---- tiles of products: A [rows][K] times panels [K][W] ---- */

#ifdef DRIFT_FIELD
#undef CENTRED /* what it reads is */
#endif
#ifdef DRIFT_DISTANCE
#define K_OF_TILE   D
#define A_OF_GROUP  ((size_t)g * N + r0) * D
#define PANEL_STEP  ((size_t)D * W)
#define PANEL_COUNT (P / W)
#define B_OF_GROUP  ((size_t)g * P * D)
#define C_WIDTH     P
#define C_OF_GROUP  ((size_t)get_group_id(2) * R * P)
#else
#define K_OF_TILE   P
#define A_OF_GROUP  ((size_t)get_group_id(2) * R * P)
#define PANEL_STEP  ((size_t)P * W)
#define PANEL_COUNT ((D + W - 1) / W)
#define B_OF_GROUP  ((size_t)g * PANEL_COUNT * P * W)
#define C_WIDTH     D
#define C_OF_GROUP  (((size_t)temperature * G + g) * N + r0) * D
#endif

#ifdef CENTRED
/* Pairs nearer than this part of their squared norms lose digits in |x|^2 + |y|^2 - 2 x y: by differences
 * then. */
#define NEAR 0.125f

/* The squared distance of row i of x to row y. */
static float NAME(_square)(const global float *x, const global float *y, uint D) {
    float sum = 0.0f;
    uint d = 0;
#if V > 1
    VEC squares = 0.0f;
    for (; d + V <= D; d += V) {
        const VEC a = LOAD(0, x + d) - LOAD(0, y + d);
        squares += a * a;
    }
    float lane[V];
    STORE(squares, 0, lane);
    for (uint v = 0; v < V; v++) sum += lane[v];
#endif
    for (; d < D; d++) {
        const float a = x[d] - y[d];
        sum = mad(a, a, sum);
    }
    return sum;
}
#endif

#ifdef GAUSS
#define U_OF_SQUARE(s) (0.5f * (s))
#else
#define U_OF_SQUARE(s) sqrt(s)
#endif

#ifdef S /* work-groups of S x S items, 4 x 4 elements each */

#define TS (4 * S)
#define KT 16

/* Group (x, y, z): panel x, rows [y TS, ...) of the block of group z. */
kernel __attribute__((reqd_work_group_size(S, S, 1))) void
KERNEL(const global float *restrict A, uint a_offset, const global float *restrict B, uint b_offset,
       global float *restrict C, uint c_offset,
#ifdef CENTRED
       const global float *restrict x_norm, uint xn_offset, const global float *restrict y_norm,
       uint yn_offset, const global float *restrict x, uint x_offset, const global float *restrict positive,
       uint p_offset, const global float *restrict extra, uint e_offset,
#endif
       SIZES, uint temperature, float self) {
    local float a_tile[KT][TS + 1], b_tile[KT][TS];
    const uint g = g0 + (uint)get_group_id(2), panel = get_group_id(0), i0 = (uint)get_group_id(1) * TS;
    const uint lx = get_local_id(0), ly = get_local_id(1), lid = ly * S + lx, K = K_OF_TILE;
    A += a_offset + A_OF_GROUP;
    B += b_offset + B_OF_GROUP + panel * PANEL_STEP;
    C += c_offset + C_OF_GROUP;
    float c[4][4];
    for (uint r = 0; r < 4; r++)
        for (uint v = 0; v < 4; v++) c[r][v] = 0.0f;
    for (uint kb = 0; kb < K; kb += KT) {
        for (uint e = lid; e < KT * TS; e += S * S) {
            const uint r = e / KT, k = e % KT, i = min(i0 + r, rows - 1);
            a_tile[k][r] = kb + k < K ? A[(size_t)i * K + kb + k] : 0.0f;
        }
        for (uint e = lid; e < KT * TS; e += S * S) {
            const uint k = e / TS, w = e % TS;
            b_tile[k][w] = kb + k < K ? B[(size_t)(kb + k) * W + w] : 0.0f;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint k = 0; k < KT; k++)
            for (uint r = 0; r < 4; r++)
                for (uint v = 0; v < 4; v++) {
#ifdef DIRECT
                    const float a = a_tile[k][ly * 4 + r] - b_tile[k][v * S + lx];
                    c[r][v] += a * a;
#else
                    c[r][v] += a_tile[k][ly * 4 + r] * b_tile[k][v * S + lx];
#endif
                }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
#ifdef CENTRED
    x += x_offset;
    positive += p_offset;
    extra += e_offset;
#endif
    for (uint r = 0; r < 4; r++)
        for (uint v = 0; v < 4; v++) {
            const uint i = i0 + ly * 4 + r, j = panel * W + v * S + lx;
            if (i >= rows) continue;
#ifdef DRIFT_DISTANCE
            float square = c[r][v];
#ifdef CENTRED
            const float sum = x_norm[xn_offset + (size_t)g * N + r0 + i] +
                              y_norm[yn_offset + (size_t)g * P + j];
            TARGET(y, j)
            square = sum - 2.0f * square;
            if (square < NEAR * sum && y) square = NAME(_square)(x + ((size_t)g * N + r0 + i) * D, y, D);
#endif
            const bool pad = j >= PN + M || (j >= O + E && j < PN);
            float u = pad ? FAR : U_OF_SQUARE(square);
            if (j == r0 + i && j < O) u = self;
            C[(size_t)i * P + j] = u;
#else
            if (j < D) C[(size_t)i * D + j] = c[r][v];
#endif
        }
}

#undef TS
#undef KT

#else /* work-group size 1, register tiles */

/* As in matmul.cl: named variables, which compilers keep in registers. */
#if MR > 4
#define ROWS_4_5(X) X(4) X(5)
#else
#define ROWS_4_5(X)
#endif
#if MR > 6
#define ROWS_6_7(X) X(6) X(7)
#else
#define ROWS_6_7(X)
#endif
#define EACH_ROW(X)       X(0) X(1) X(2) X(3) ROWS_4_5(X) ROWS_6_7(X)
#define EACH_COLUMN(X, r) X(r, 0) X(r, 1)

#define ZERO_(r, v)  VEC c##r##_##v = (VEC)(0.0f);
#define ZERO(r)      EACH_COLUMN(ZERO_, r)
#define FETCH_(r, v) c##r##_##v = LOAD(0, tile + (size_t)(r)*tile_step + (v)*V);
#define FETCH(r)     EACH_COLUMN(FETCH_, r)
#define KEEP_(r, v)  STORE(c##r##_##v, 0, tile + (size_t)(r)*tile_step + (v)*V);
#define KEEP(r)      EACH_COLUMN(KEEP_, r)
#define PANEL_(r, v) const VEC b##v = LOAD(0, bp + (v)*V);
#define POINT(r)     const global float *ap##r = A + (size_t)min(i + (r), rows - 1) * K + kb;
#ifdef DIRECT
#define MULTIPLY_(r, v)                \
    {                                  \
        const VEC apart = a##r - b##v; \
        c##r##_##v += apart * apart;   \
    }
#else
#define MULTIPLY_(r, v) c##r##_##v += a##r * b##v;
#endif
#define MULTIPLY(r)                       \
    {                                     \
        const VEC a##r = (VEC)(ap##r[k]); \
        EACH_COLUMN(MULTIPLY_, r)         \
    }
#ifdef CENTRED
#define FINISH_(r, v)                                                                        \
    {                                                                                        \
        const VEC sum = (VEC)(x_norm[min(i + (r), rows - 1)]) + LOAD(0, y_norm + j + (v)*V); \
        c##r##_##v = sum - 2.0f * c##r##_##v;                                                \
        near |= c##r##_##v < NEAR * sum;                                                     \
        c##r##_##v = U_OF_SQUARE(select(c##r##_##v, (VEC)(0.0f), c##r##_##v < (VEC)(0.0f))); \
    }
#else
#define FINISH_(r, v) c##r##_##v = U_OF_SQUARE(c##r##_##v);
#endif
#define FINISH(r) EACH_COLUMN(FINISH_, r)

/* Group (x, y, z): panels [x NP, (x + 1) NP), rows [y MC, (y + 1) MC) of the block of group z. MC is a
 * multiple of MR. The order of the additions of an element depends on KC alone. */
kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
KERNEL(const global float *restrict A, uint a_offset, const global float *restrict B, uint b_offset,
       global float *restrict C, uint c_offset,
#ifdef CENTRED
       const global float *restrict x_norm, uint xn_offset, const global float *restrict y_norm,
       uint yn_offset, const global float *restrict x, uint x_offset, const global float *restrict positive,
       uint p_offset, const global float *restrict extra, uint e_offset,
#endif
       SIZES, uint temperature, float self, uint MC, uint NP) {
    const uint g = g0 + (uint)get_group_id(2), K = K_OF_TILE;
    const uint q0 = (uint)get_group_id(0) * NP, q1 = min(q0 + NP, PANEL_COUNT);
    const uint first = (uint)get_group_id(1) * MC, last = min(first + MC, rows);
    A += a_offset + A_OF_GROUP;
    B += b_offset + B_OF_GROUP;
    C += c_offset + C_OF_GROUP;
#ifdef CENTRED
    x_norm += xn_offset + (size_t)g * N + r0;
    y_norm += yn_offset + (size_t)g * P;
    x += x_offset;
    positive += p_offset;
    extra += e_offset;
#endif
    for (uint kb = 0; kb < K; kb += KC) {
        const uint kc = min((uint)KC, K - kb);
        for (uint q = q0; q < q1; q++) {
            const uint j = q * W;
            for (uint i = first; i < last; i += MR) {
                const global float *bp = B + q * PANEL_STEP + (size_t)kb * W;
                global float *out = C + (size_t)i * C_WIDTH + j;
                EACH_ROW(POINT)
                EACH_ROW(ZERO)
#ifdef DRIFT_DISTANCE
                global float *tile = out;
                const size_t tile_step = P;
                if (kb > 0) {
                    EACH_ROW(FETCH)
                }
#else
                float edge[MR * W]; /* a tile that sticks out of V */
                const bool inside = i + MR <= rows && j + W <= D;
                const uint tile_rows = min((uint)MR, rows - i), columns = min((uint)W, D - j);
                if (kb > 0 && inside) {
                    const global float *tile = out;
                    const size_t tile_step = D;
                    EACH_ROW(FETCH)
                } else if (kb > 0) {
                    for (uint r = 0; r < MR; r++)
                        for (uint n = 0; n < W; n++)
                            edge[r * W + n] = r < tile_rows && n < columns ? out[(size_t)r * D + n] : 0.0f;
                    const float *tile = edge;
                    const size_t tile_step = W;
                    EACH_ROW(FETCH)
                }
#endif
                for (uint k = 0; k < kc; k++) {
                    EACH_COLUMN(PANEL_, 0)
                    EACH_ROW(MULTIPLY)
                    bp += W;
                }
#ifdef DRIFT_DISTANCE
                if (kb + kc < K) {
                    EACH_ROW(KEEP)
                    continue;
                }
#ifdef CENTRED
                MASK near = 0;
#endif
                EACH_ROW(FINISH)
                EACH_ROW(KEEP)
#ifdef CENTRED
                if (any(near))
                    for (uint r = 0; r < MR && i + r < rows; r++)
                        for (uint n = 0; n < W; n++) {
                            const float u = out[(size_t)r * P + n];
#ifdef GAUSS
                            const float square = 2.0f * u;
#else
                            const float square = u * u;
#endif
                            if (!(square < 1.01f * NEAR * (x_norm[i + r] + y_norm[j + n]))) continue;
                            TARGET(y, j + n)
                            if (y)
                                out[(size_t)r * P + n] = U_OF_SQUARE(
                                    NAME(_square)(x + ((size_t)g * N + r0 + i + r) * D, y, D));
                        }
#endif
                const uint negatives = O + E;
                if ((j < PN && j + W > negatives) || j + W > PN + M)
                    for (uint n = 0; n < W; n++)
                        if (j + n >= PN + M || (j + n >= negatives && j + n < PN))
                            for (uint r = 0; r < MR; r++) out[(size_t)r * P + n] = FAR;
                const uint diagonal = r0 + i;
                if (j < diagonal + MR && diagonal < j + W)
                    for (uint r = 0; r < MR; r++)
                        if (diagonal + r >= j && diagonal + r < min(j + W, O))
                            out[(size_t)r * P + (diagonal + r - j)] = self;
#else
                if (inside) {
                    global float *tile = out;
                    const size_t tile_step = D;
                    EACH_ROW(KEEP)
                } else {
                    float *tile = edge;
                    const size_t tile_step = W;
                    EACH_ROW(KEEP)
                    for (uint r = 0; r < tile_rows; r++)
                        for (uint n = 0; n < columns; n++) out[(size_t)r * D + n] = edge[r * W + n];
                }
#endif
            }
        }
    }
}

#undef ROWS_4_5
#undef ROWS_6_7
#undef EACH_ROW
#undef EACH_COLUMN
#undef ZERO_
#undef ZERO
#undef FETCH_
#undef FETCH
#undef KEEP_
#undef KEEP
#undef PANEL_
#undef POINT
#undef MULTIPLY_
#undef MULTIPLY
#undef FINISH_
#undef FINISH
#endif

#undef K_OF_TILE
#undef A_OF_GROUP
#undef PANEL_STEP
#undef PANEL_COUNT
#undef B_OF_GROUP
#undef C_WIDTH
#undef C_OF_GROUP
#undef U_OF_SQUARE
#undef NEAR

#undef TARGET
#undef SIZES
#undef FAR
#undef VEC
#undef MASK
#undef LOAD
#undef STORE
#undef NAME
#undef JOIN_
#undef JOIN
