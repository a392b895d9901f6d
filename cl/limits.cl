/* SPDX-License-Identifier: MIT
 * What a device can do at most. VECTOR is floatV; the host defines V, and VLOAD and VSTORE to go with it. */

/* 10 chains of dependent multiply-adds, enough to hide their latency: 20 V operations a round. The result
 * goes to memory so that nothing is left out. */
kernel void limits_fma(global float *x, uint x_offset, uint rounds) {
    const float x0 = x[x_offset];
    const VECTOR s = (VECTOR)(x[x_offset + 1]);
    VECTOR a0 = (VECTOR)(x0), a1 = a0 + 1.0f, a2 = a0 + 2.0f, a3 = a0 + 3.0f, a4 = a0 + 4.0f;
    VECTOR a5 = a0 + 5.0f, a6 = a0 + 6.0f, a7 = a0 + 7.0f, a8 = a0 + 8.0f, a9 = a0 + 9.0f;
    for (uint r = 0; r < rounds; r++) {
        a0 = mad(a0, s, s), a1 = mad(a1, s, s), a2 = mad(a2, s, s), a3 = mad(a3, s, s), a4 = mad(a4, s, s);
        a5 = mad(a5, s, s), a6 = mad(a6, s, s), a7 = mad(a7, s, s), a8 = mad(a8, s, s), a9 = mad(a9, s, s);
    }
    float sum[V];
    VSTORE(a0 + a1 + a2 + a3 + a4 + a5 + a6 + a7 + a8 + a9, 0, sum);
    float all = 0.0f;
    for (int i = 0; i < V; i++) all += sum[i];
    if (all == 12345.0f) x[x_offset + 2] = all; /* never, but no compiler knows */
}

/* a = b + s c, in `steps` vectors per item that lie `stride` vectors apart. */
kernel void limits_triad(global float *a, uint a_offset, const global float *b, uint b_offset,
                         const global float *c, uint c_offset, float s, uint steps, uint stride) {
    const uint group = stride == 1 ? steps : 1;
    size_t i = get_global_id(0) * (size_t)group;
    for (uint k = 0; k < steps; k++, i += stride)
        VSTORE(VLOAD(i, b + b_offset) + s * VLOAD(i, c + c_offset), i, a + a_offset);
}

/* As little as a launch can do. */
kernel void limits_small(global float *x, uint x_offset) {
    x[x_offset] += 1.0f;
}
