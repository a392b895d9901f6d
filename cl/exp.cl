/* SPDX-License-Identifier: MIT
 * exp of the vectors VEC of floats, for CPUs: Cephes' expf, within an ulp, at half of the built-in one's cost
 * or less; below 2^-125 the result is 0; a NaN stays one. OpenCL C 1.2. In front of every plan's kernels.
 *
 *   DEFINE_EXP(NAME, VEC, AS_INT, AS_VEC)        defines NAME
 *   DEFINE_EXP_DOWN(NAME, VEC, AS_INT, AS_VEC)   for x < 88, which costs less
 *   DEFINE_SIGMOID(NAME, VEC, AS_INT, AS_VEC)    1 / (1 + exp(-x)), at least 1e-38 */

/* x = n log 2 + r, n in the low bits of t; p = exp(r). */
#define EXP_PARTS_(VEC)                                        \
    const VEC t = x * (VEC)(1.44269504f) + (VEC)(12582912.0f); \
    const VEC n = t - (VEC)(12582912.0f);                      \
    VEC r = n * (VEC)(-0.693145751953125f) + x;                \
    r = n * (VEC)(-1.42860682e-06f) + r;                       \
    VEC p = (VEC)(1.9875691500e-4f);                           \
    p = p * r + (VEC)(1.3981999507e-3f);                       \
    p = p * r + (VEC)(8.3334519073e-3f);                       \
    p = p * r + (VEC)(4.1665795894e-2f);                       \
    p = p * r + (VEC)(1.6666665459e-1f);                       \
    p = p * r + (VEC)(5.0000001201e-1f);                       \
    p = p * (r * r) + (r + (VEC)(1.0f));

/* 2^n in two parts, for what lies above 2^127. */
#define DEFINE_EXP(NAME, VEC, AS_INT, AS_VEC)                         \
    static inline VEC NAME(VEC x) {                                   \
        x = select(x, (VEC)(88.8f), x > (VEC)(88.8f));                \
        EXP_PARTS_(VEC)                                               \
        p = p * AS_VEC((AS_INT(t) << 23) + 0x3f000000) * (VEC)(2.0f); \
        return select(p, (VEC)(0.0f), x < (VEC)(-87.0f));             \
    }

#define DEFINE_EXP_DOWN(NAME, VEC, AS_INT, AS_VEC)        \
    static inline VEC NAME(VEC x) {                       \
        EXP_PARTS_(VEC)                                   \
        p = p * AS_VEC((AS_INT(t) << 23) + 0x3f800000);   \
        return select(p, (VEC)(0.0f), x < (VEC)(-87.0f)); \
    }

#define DEFINE_SIGMOID(NAME, VEC, AS_INT, AS_VEC)                                        \
    static inline VEC NAME(VEC of) {                                                     \
        VEC x = -of;                                                                     \
        x = select(x, (VEC)(87.0f), x > (VEC)(87.0f));                                   \
        x = select(x, (VEC)(-87.0f), x < (VEC)(-87.0f));                                 \
        EXP_PARTS_(VEC)                                                                  \
        return (VEC)(1.0f) / (p * AS_VEC((AS_INT(t) << 23) + 0x3f800000) + (VEC)(1.0f)); \
    }
