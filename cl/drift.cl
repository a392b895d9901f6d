/* SPDX-License-Identifier: MIT
 * The drifting field (src/ops/drift.c has its formulas), f32. OpenCL C 1.2. One kernel per inclusion, named
 * KERNEL. In each group the targets y_j come in panels of W: the x themselves (O = N, else 0), the extra
 * negatives, padding up to PN; the positives, padding up to P. u_ij is the distance, or half its square
 * (GAUSS), and FAR where j is padding or i itself (self = FAR).
 *
 *   DRIFT_CENTRE     c = mean of the first positives: what coordinates are taken relative to in products
 *   DRIFT_ROWS       X = x - c, and |X|^2
 *   DRIFT_PANELS     targets into panels [P/W][D][W] (minus c where CENTRED), their |y - c|^2 and weights
 *   DRIFT_COLUMNS    targets minus c into panels [ceil(D/W)][P][W]
 *   DRIFT_SUMS       sum_j w_j u_ij
 *   DRIFT_MASS       of a block of rows: least u of every column, and sum exp((least - u) / tau)
 *   DRIFT_JOIN       the same of all rows from those of the blocks, in their order
 *   DRIFT_WEIGHTS    coefficients of the targets in V, in place of u or beside it; or V itself (SMALL)
 *
 * drift_tiles.cl: u of a block of rows (DRIFT_DISTANCE), and V = coefficients times targets (DRIFT_FIELD).
 *
 *   parameter | of              | meaning                                               | legal values
 *   V         | all             | vector width; 1 for work-groups of many items         | 1, 4, 8, 16
 *   L         | all             | items of a work-group                                 | 1, 2, 4 ... 256
 *   W         | all             | width of a panel                                      | multiple of V
 *   CV        | MASS, JOIN      | vectors of columns of an item                         | > 0
 *   TWO_SIDED | WEIGHTS, PANELS | the weights of both sides                             | defined or not
 *   SMALL     | WEIGHTS         | D, where V is computed at once                        | 1 .. 8
 *   INPLACE   | WEIGHTS         | coefficients replace u                                | defined or not
 *   ROW       | WEIGHTS         | P, where arrays of so many floats are at hand (L = 1) | defined or not
 *
 * Every sum has one order, whatever the device runs when. Padding of panels is written, never left. */

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

/* What u is multiplied by in exponents. */
#ifdef GAUSS
#define SCALE_OF(tau) (1.0f / ((tau) * (tau)))
#else
#define SCALE_OF(tau) (1.0f / (tau))
#endif

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

/* ---- reductions over the lanes of a vector and the items of a work-group ---- */

#if V == 16
#define LANES(op, x)   LANES_8(op, op((x).lo, (x).hi))
#define LANES_8(op, x) NAME(_##op##_8)(x)
#elif V == 8
#define LANES(op, x) NAME(_##op##_8)(x)
#elif V == 4
#define LANES(op, x) NAME(_##op##_4)(x)
#else
#define LANES(op, x) (x)
#endif
#define ADD(a, b)   ((a) + (b))
#define LEAST(a, b) ((b) < (a) ? (b) : (a))

#if defined DRIFT_WEIGHTS || defined DRIFT_SUMS || defined DRIFT_ROWS
#if V >= 4
static inline float NAME(_ADD_4)(float4 x) {
    return (x.s0 + x.s2) + (x.s1 + x.s3);
}
static inline float NAME(_LEAST_4)(float4 x) {
    return LEAST(LEAST(x.s0, x.s2), LEAST(x.s1, x.s3));
}
#endif
#if V >= 8
static inline float NAME(_ADD_8)(float8 x) {
    return NAME(_ADD_4)(x.lo + x.hi);
}
static inline float NAME(_LEAST_8)(float8 x) {
    return NAME(_LEAST_4)(LEAST(x.lo, x.hi));
}
#endif

#if L > 1
#define SHARED local float shared[L];
#define REDUCE(op, x)                                                    \
    {                                                                    \
        barrier(CLK_LOCAL_MEM_FENCE);                                    \
        shared[lid] = x;                                                 \
        barrier(CLK_LOCAL_MEM_FENCE);                                    \
        for (uint n = L / 2; n; n /= 2) {                                \
            if (lid < n) shared[lid] = op(shared[lid], shared[lid + n]); \
            barrier(CLK_LOCAL_MEM_FENCE);                                \
        }                                                                \
        x = shared[0];                                                   \
    }
#else
#define SHARED
#define REDUCE(op, x)
#endif
/* float r = op over all lanes and items of VEC v */
#define ALL(op, r, v)       \
    float r = LANES(op, v); \
    REDUCE(op, r)
#endif

#if V == 1
#define EXP(x) exp(x)
#elif defined DRIFT_MASS || defined DRIFT_JOIN || defined DRIFT_WEIGHTS
DEFINE_EXP_DOWN(NAME(_exp), VEC, JOIN(as_int, V), JOIN(as_float, V))
#define EXP NAME(_exp)
#endif

#if defined DRIFT_CENTRE

/* Item (x, y): V coordinates of group y. centre [G][DP], DP = D rounded up to 16. */
kernel void KERNEL(const global float *restrict positive, uint p_offset, global float *restrict centre,
                   uint c_offset, SIZES) {
    const uint d = (uint)get_global_id(0) * V, g = get_global_id(1), DP = (D + 15) / 16 * 16;
    if (d >= D) return;
    positive += p_offset + (size_t)g * M * D + d;
    const uint count = min(M, 64u);
    VEC sum = 0.0f;
    for (uint j = 0; j < count; j++) sum += LOAD(0, positive + (size_t)j * D);
    STORE(sum / (float)count, 0, centre + c_offset + (size_t)g * DP + d);
}

#elif defined DRIFT_ROWS

/* Group (x, y): row x of group y. out [G][N][D], norm [G][N]. */
kernel void KERNEL(const global float *restrict x, uint x_offset, const global float *restrict centre,
                   uint c_offset, global float *restrict out, uint o_offset, global float *restrict norm,
                   uint n_offset, SIZES) {
    const uint i = get_group_id(0), g = get_group_id(1), lid = get_local_id(0), DP = (D + 15) / 16 * 16;
    SHARED
    x += x_offset + ((size_t)g * N + i) * D;
    out += o_offset + ((size_t)g * N + i) * D;
    centre += c_offset + (size_t)g * DP;
    VEC squares = 0.0f;
    float rest = 0.0f;
    for (uint d = lid * V; d + V <= D; d += L * V) {
        const VEC a = LOAD(0, x + d) - LOAD(0, centre + d);
        squares += a * a;
        STORE(a, 0, out + d);
    }
    for (uint d = D / V * V + lid; d < D; d += L) {
        const float a = x[d] - centre[d];
        rest += a * a;
        out[d] = a;
    }
    ALL(ADD, sum, squares)
    REDUCE(ADD, rest)
    if (lid == 0) norm[n_offset + (size_t)g * N + i] = sum + rest;
}

#elif defined DRIFT_PANELS

/* Group (x, y): panel x of group y. out [G][P/W][D][W], norm [G][P] (CENTRED), weight [G][P]: of a target, or
 * its logarithm (not TWO_SIDED); 0 or -FAR for padding. */
kernel void KERNEL(const global float *restrict x, uint x_offset, const global float *restrict positive,
                   uint p_offset, const global float *restrict extra, uint e_offset,
                   const global float *restrict given, uint g_offset, const global float *restrict centre,
                   uint c_offset, global float *restrict out, uint o_offset,
#ifdef CENTRED
                   global float *restrict norm, uint n_offset,
#endif
                   global float *restrict weight, uint w_offset, SIZES, uint weighted, uint logarithms) {
    const uint panel = get_group_id(0), g = get_group_id(1), DP = (D + 15) / 16 * 16;
    x += x_offset;
    positive += p_offset;
    extra += e_offset;
    centre += c_offset + (size_t)g * DP;
    out += o_offset + ((size_t)g * P + panel * W) * D;
    const uint lid = get_local_id(0);
    for (uint d0 = 0; d0 < D; d0 += 16) { /* so few rows of the panel stay near */
        const uint d1 = min(d0 + 16, D);
        for (uint w = lid; w < W; w += L) {
            const uint j = panel * W + w;
            TARGET(y, j)
            if (y)
#ifdef CENTRED
                for (uint d = d0; d < d1; d++) out[d * W + w] = y[d] - centre[d];
#else
                for (uint d = d0; d < d1; d++) out[d * W + w] = y[d];
#endif
            else
                for (uint d = d0; d < d1; d++) out[d * W + w] = 0.0f;
        }
    }
#ifdef CENTRED
    for (uint w = lid * V; w < W; w += L * V) { /* of lanes that this item wrote */
        VEC sum = 0.0f;
        for (uint d = 0; d < D; d++) {
            const VEC a = LOAD(0, out + d * W + w);
            sum += a * a;
        }
        STORE(sum, 0, norm + n_offset + (size_t)g * P + panel * W + w);
    }
#endif
    for (uint w = lid; w < W; w += L) {
        const uint j = panel * W + w;
        TARGET(y, j)
        float of_j = y ? 1.0f : 0.0f;
        if (weighted && j >= O && j < O + E) of_j = given[g_offset + (size_t)g * E + (j - O)];
        if (logarithms) of_j = of_j > 0.0f ? log(of_j) : of_j <= 0.0f ? -FAR : of_j;
        weight[w_offset + (size_t)g * P + j] = of_j;
    }
}

#elif defined DRIFT_COLUMNS

/* Group (x, y): targets [x RB, (x + 1) RB) of group y. out [G][Q][P][W], Q = ceil(D / W). */
kernel void KERNEL(const global float *restrict x, uint x_offset, const global float *restrict positive,
                   uint p_offset, const global float *restrict extra, uint e_offset,
                   const global float *restrict centre, uint c_offset, global float *restrict out,
                   uint o_offset, SIZES, uint RB) {
    const uint g = get_group_id(1), Q = (D + W - 1) / W, DP = (D + 15) / 16 * 16;
    const uint j1 = min(((uint)get_group_id(0) + 1) * RB, P);
    x += x_offset;
    positive += p_offset;
    extra += e_offset;
    centre += c_offset + (size_t)g * DP;
    out += o_offset + (size_t)g * Q * P * W;
    for (uint j = (uint)get_group_id(0) * RB; j < j1; j++) {
        TARGET(y, j)
        for (uint q = 0; q < Q; q++) {
            global float *to = out + ((size_t)q * P + j) * W;
            const uint d0 = q * W;
            if (y && d0 + W <= D)
                for (uint w = (uint)get_local_id(0) * V; w < W; w += L * V)
                    STORE(LOAD(0, y + d0 + w) - LOAD(0, centre + d0 + w), 0, to + w);
            else
                for (uint w = get_local_id(0); w < W; w += L)
                    to[w] = y && d0 + w < D ? y[d0 + w] - centre[d0 + w] : 0.0f;
        }
    }
}

#elif defined DRIFT_SUMS

/* Group (x, 0, z): row x of the block. out [G][N]. Weights are no logarithms here. */
kernel void KERNEL(const global float *restrict U, uint u_offset, const global float *restrict weight,
                   uint w_offset, global float *restrict out, uint o_offset, SIZES) {
    const uint i = get_group_id(0), g = g0 + (uint)get_group_id(2), lid = get_local_id(0);
    SHARED
    U += u_offset + ((size_t)get_group_id(2) * R + i) * P;
    weight += w_offset + (size_t)g * P;
    VEC sum = 0.0f;
    for (uint j = lid * V; j < P; j += L * V) {
        const VEC w = LOAD(0, weight + j), u = LOAD(0, U + j);
#if V == 1
        sum += u == FAR ? 0.0f : w * u;
#else
        sum += select(w * u, (VEC)(0.0f), u == (VEC)(FAR));
#endif
    }
    ALL(ADD, all, sum)
    if (lid == 0) out[o_offset + (size_t)g * N + r0 + i] = all;
}

#elif defined DRIFT_MASS

/* Item (x, y, z): CV V columns, rows [y SR, (y + 1) SR) of the block. out [slice][1 + T][G][P]: least u, then
 * for each temperature the sum. */
kernel void KERNEL(const global float *restrict U, uint u_offset, const global float *restrict tau,
                   uint t_offset, global float *restrict out, uint o_offset, SIZES, uint T, uint SR,
                   uint slice) {
    const uint j = (uint)get_global_id(0) * (CV * V), g = g0 + (uint)get_global_id(2);
    const uint i0 = (uint)get_global_id(1) * SR, i1 = min(i0 + SR, rows);
    if (j >= P) return;
    const size_t step = (size_t)G * P;
    U += u_offset + (size_t)get_global_id(2) * R * P + j;
    out += o_offset + (size_t)(slice + (uint)get_global_id(1)) * (1 + T) * step + (size_t)g * P + j;
    VEC least[CV], sum[CV];
    for (uint v = 0; v < CV; v++) least[v] = FAR;
    for (uint i = i0; i < i1; i++)
        for (uint v = 0; v < CV; v++) least[v] = LEAST(least[v], LOAD(0, U + (size_t)i * P + v * V));
    for (uint v = 0; v < CV; v++) STORE(least[v], 0, out + v * V);
    for (uint t = 0; t < T; t++) {
        const float scale = SCALE_OF(tau[t_offset + t]);
        for (uint v = 0; v < CV; v++) sum[v] = 0.0f;
        for (uint i = i0; i < i1; i++)
            for (uint v = 0; v < CV; v++)
                sum[v] += EXP((least[v] - LOAD(0, U + (size_t)i * P + v * V)) * scale);
        for (uint v = 0; v < CV; v++) STORE(sum[v], 0, out + (1 + t) * step + v * V);
    }
}

#elif defined DRIFT_JOIN

/* Item (x, y): CV V columns of group y. out [1 + T][G][P]: least u, then half the logarithm of each sum. */
kernel void KERNEL(const global float *restrict parts, uint p_offset, const global float *restrict tau,
                   uint t_offset, global float *restrict out, uint o_offset, SIZES, uint T, uint slices) {
    const uint j = (uint)get_global_id(0) * (CV * V), g = get_global_id(1);
    if (j >= P) return;
    const size_t step = (size_t)G * P;
    parts += p_offset + (size_t)g * P + j;
    out += o_offset + (size_t)g * P + j;
    for (uint v = 0; v < CV; v++) {
        VEC least = FAR;
        for (uint s = 0; s < slices; s++)
            least = LEAST(least, LOAD(0, parts + (size_t)s * (1 + T) * step + v * V));
        STORE(least, 0, out + v * V);
        for (uint t = 0; t < T; t++) {
            const float scale = SCALE_OF(tau[t_offset + t]);
            VEC sum = 0.0f;
            for (uint s = 0; s < slices; s++) {
                const global float *part = parts + (size_t)s * (1 + T) * step + v * V;
                sum += LOAD(0, part + (1 + t) * step) * EXP((least - LOAD(0, part)) * scale);
            }
            STORE(0.5f * log(sum), 0, out + (1 + t) * step + v * V);
        }
    }
}

#elif defined DRIFT_WEIGHTS

/* The energy of a target beside its weight's logarithm, INFINITY where it does not count. */
#ifndef TWO_SIDED
static inline VEC NAME(_energy)(VEC u, VEC log_w, float scale) {
    const VEC e = u * scale - log_w;
#if V == 1
    return u == FAR || log_w == -FAR ? INFINITY : e;
#else
    return select(e, (VEC)(INFINITY), (u == (VEC)(FAR)) | (log_w == (VEC)(-FAR)));
#endif
}
#endif

#ifdef TWO_SIDED
/* At least the floor; not-a-number stays. */
static inline VEC NAME(_raise)(VEC a, float floor_of_a) {
#if V == 1
    return a < floor_of_a ? floor_of_a : a;
#else
    return select(a, (VEC)(floor_of_a), a < (VEC)(floor_of_a));
#endif
}
#endif

#ifdef SMALL
/* of += a times the targets j ... relative to x_i */
#define ACCUMULATE(of, a)                                                              \
    {                                                                                  \
        const global float *y = panels + (j + (size_t)(j / W) * ((SMALL - 1) * W));    \
        for (uint d = 0; d < SMALL; d++) of[d] += a * (LOAD(0, y + d * W) - point[d]); \
    }
#define CLEAR(of) \
    for (uint d = 0; d < SMALL; d++) of[d] = 0.0f;
#else
#define ACCUMULATE(of, a) STORE(a, 0, C + j);
#define CLEAR(of)
/* C[first ... last) *= factor */
#define MULTIPLY_BY(factor, first, last) \
    for (uint j = first + lid * V; j < last; j += L * V) STORE(LOAD(0, C + j) * (factor), 0, C + j);
#endif

/* What one pass over a row leaves for the next: in an array, or computed again. */
#ifdef ROW
#define KEEP(e) STORE(e, 0, kept + j);
#define KEPT    LOAD(0, kept + j)
#else
#define KEEP(e)
#define KEPT NAME(_energy)(LOAD(0, u_i + j), LOAD(0, weight + j), scale)
#endif

/* The coefficient A of every target j, and what it adds. */
#define ADD_TARGETS(A)                                                   \
    for (uint j = lid * V; j < PN; j += L * V) {                         \
        const VEC a = NAME(_raise)(A, floor_of_a) * LOAD(0, weight + j); \
        negative_v += a;                                                 \
        ACCUMULATE(near_negative, a)                                     \
    }                                                                    \
    for (uint j = PN + lid * V; j < P; j += L * V) {                     \
        const VEC a = NAME(_raise)(A, floor_of_a) * LOAD(0, weight + j); \
        positive_v += a;                                                 \
        ACCUMULATE(near_positive, a)                                     \
    }

/* Group (x, 0, z): rows [x RB, (x + 1) RB) of the block. temperature: which of tau.
 *
 * ROW, two-sided: where distances are so near each other that nothing overflows or underflows, coefficients
 * are products of a row's number, a column's, and the pair's exp that the row's mass needs anyway. */
kernel void KERNEL(
#ifdef INPLACE
    global float *restrict U, uint u_offset,
#else
    const global float *restrict U, uint u_offset,
#endif
    const global float *restrict weight, uint w_offset, const global float *restrict tau, uint t_offset,
#ifdef TWO_SIDED
    const global float *restrict column, uint l_offset,
#endif
#ifdef SMALL
    const global float *restrict panels, uint p_offset, const global float *restrict x, uint x_offset,
    global float *restrict field, uint f_offset,
#elif !defined INPLACE
    global float *restrict coefficients, uint o_offset,
#endif
    SIZES, uint temperature, float floor_of_a, uint RB) {
    const uint lid = get_local_id(0), g = g0 + (uint)get_group_id(2);
    const uint i1 = min(((uint)get_group_id(0) + 1) * RB, rows);
    SHARED
    const float scale = SCALE_OF(tau[t_offset + temperature]);
    weight += w_offset + (size_t)g * P;
#ifdef TWO_SIDED
    const global float *nearest = column + l_offset + (size_t)g * P;
    const global float *mass = nearest + (size_t)(1 + temperature) * G * P;
#endif
#ifdef SMALL
    panels += p_offset + (size_t)g * P * SMALL;
#endif
#ifdef ROW
    float kept[ROW];
#ifdef TWO_SIDED
    const float half_scale = 0.5f * scale;
    float of_column[ROW];
    VEC first = FAR, last = 0.0f; /* of the least distances; 0 less the last */
    for (uint j = 0; j < P; j += V) {
        const VEC n = LOAD(0, nearest + j);
        first = LEAST(first, n);
        last = LEAST(last, n < (VEC)(0.5f * FAR) ? -n : (VEC)(0.0f));
    }
    const float nearest_of_all = LANES(LEAST, first);
    const bool product = (-LANES(LEAST, last) - nearest_of_all) * half_scale < 40.0f;
    for (uint j = 0; product && j < P; j += V) {
        const VEC n = LOAD(0, nearest + j);
        const VEC e = EXP(LEAST((n - nearest_of_all) * half_scale, (VEC)(40.0f)) - LOAD(0, mass + j));
        STORE(n < (VEC)(0.5f * FAR) ? e : (VEC)(0.0f), 0, of_column + j);
    }
#endif
#elif defined TWO_SIDED
    const float half_scale = 0.5f * scale;
#endif
    for (uint i = (uint)get_group_id(0) * RB; i < i1; i++) {
        const size_t row = ((size_t)get_group_id(2) * R + i) * P;
#ifdef INPLACE
        global float *u_i = U + u_offset + row, *C = u_i;
#else
        const global float *u_i = U + u_offset + row;
#ifndef SMALL
        global float *C = coefficients + o_offset + row;
#endif
#endif
#ifdef SMALL
        const size_t at = ((size_t)g * N + r0 + i) * SMALL;
        VEC near_negative[SMALL], near_positive[SMALL];
        float point[SMALL];
        for (uint d = 0; d < SMALL; d++) point[d] = x[x_offset + at + d];
        CLEAR(near_negative)
        CLEAR(near_positive)
#endif
#ifdef TWO_SIDED
        VEC least_v = FAR, mass_v = 0.0f, negative_v = 0.0f, positive_v = 0.0f;
#ifdef ROW
        VEC last_v = 0.0f; /* 0 less the largest distance */
#define LAST(u) last_v = LEAST(last_v, (u) < (VEC)(0.5f * FAR) ? -(u) : (VEC)(0.0f));
#else
#define LAST(u)
#endif
        for (uint j = lid * V; j < P; j += L * V) {
            const VEC u = LOAD(0, u_i + j);
            least_v = LEAST(least_v, u);
            LAST(u)
        }
#undef LAST
        ALL(LEAST, least, least_v)
        for (uint j = lid * V; j < P; j += L * V) {
            const VEC e = EXP((least - LOAD(0, u_i + j)) * scale);
            KEEP(e)
            mass_v += e;
        }
        ALL(ADD, row_sum, mass_v)
        const float row_mass = 0.5f * log(row_sum);
#ifdef ROW
        if (product && (-LANES(LEAST, last_v) - least) * scale < 80.0f &&
            (least - nearest_of_all) * half_scale < 40.0f) {
            const float of_row = exp((nearest_of_all - least) * half_scale - row_mass);
#define A_OF LOAD(0, kept + j) * LOAD(0, of_column + j) * of_row
            ADD_TARGETS(A_OF)
#undef A_OF
        } else
#endif
        {
#define A_OF                                                                                    \
    EXP(((least - LOAD(0, u_i + j)) + (LOAD(0, nearest + j) - LOAD(0, u_i + j))) * half_scale - \
        (row_mass + LOAD(0, mass + j)))
            ADD_TARGETS(A_OF)
#undef A_OF
        }
        ALL(ADD, negative, negative_v)
        ALL(ADD, positive, positive_v)
        const float of_positive = negative, of_negative = positive;
#else
        VEC least_n = INFINITY, least_p = INFINITY, sum_n = 0.0f, sum_p = 0.0f;
#define E_OF(e) const VEC e = NAME(_energy)(LOAD(0, u_i + j), LOAD(0, weight + j), scale);
        for (uint j = lid * V; j < PN; j += L * V) {
            E_OF(e)
            KEEP(e)
            least_n = LEAST(least_n, e);
        }
        for (uint j = PN + lid * V; j < P; j += L * V) {
            E_OF(e)
            KEEP(e)
            least_p = LEAST(least_p, e);
        }
        ALL(LEAST, nearest_n, least_n)
        ALL(LEAST, nearest_p, least_p)
        const float from_n = isinf(nearest_n) ? 0.0f : nearest_n,
                    from_p = isinf(nearest_p) ? 0.0f : nearest_p;
        for (uint j = lid * V; j < PN; j += L * V) {
            const VEC a = EXP(from_n - KEPT);
            sum_n += a;
            ACCUMULATE(near_negative, a)
        }
        for (uint j = PN + lid * V; j < P; j += L * V) {
            const VEC a = EXP(from_p - KEPT);
            sum_p += a;
            ACCUMULATE(near_positive, a)
        }
#undef E_OF
        ALL(ADD, negative, sum_n)
        ALL(ADD, positive, sum_p)
        const bool none = negative == 0.0f || positive == 0.0f;
        const float of_positive = none ? 0.0f : 1.0f / positive, of_negative = none ? 0.0f : 1.0f / negative;
#endif
#ifdef SMALL
        for (uint d = 0; d < SMALL; d++) {
            ALL(ADD, towards, near_positive[d])
            ALL(ADD, away, near_negative[d])
            if (lid == 0)
                field[f_offset + (size_t)temperature * G * N * SMALL + at + d] = of_positive * towards -
                                                                                 of_negative * away;
        }
#else
        MULTIPLY_BY(-of_negative, 0, PN)
        MULTIPLY_BY(of_positive, PN, P)
#endif
    }
}

#endif

#undef EXP
#undef KEEP
#undef KEPT
#undef ADD_TARGETS
#undef ACCUMULATE
#undef CLEAR
#undef MULTIPLY_BY
#undef E_OF
#undef SHARED
#undef REDUCE
#undef ALL
#undef ADD
#undef LEAST
#undef LANES
#undef LANES_8
#undef TARGET
#undef SIZES
#undef FAR
#undef SCALE_OF
#undef VEC
#undef MASK
#undef LOAD
#undef STORE
#undef NAME
#undef JOIN_
#undef JOIN
