/* SPDX-License-Identifier: MIT
 * Rows by index, and the adjoint in gather form (every destination row looks for its sources: no atomics, one
 * order). OpenCL C 1.2. One kernel per inclusion, named KERNEL:
 *
 *   GATHER          out[b] = table[index[b]], elements of 4 bytes of any type
 *   GATHER_ADJOINT  out[r] = sum, in order, of source[b] with index[b] == r
 *
 *   parameter | meaning                                                                      | legal values
 *   V         | vector width                                                                 | 4, 8, 16
 *
 * Geometry of both: item (x, y) owns columns [x CW, (x + 1) CW) of rows [y RB, (y + 1) RB). */

#define JOIN_(a, b) a##b
#define JOIN(a, b)  JOIN_(a, b)

#ifdef GATHER

/* An index outside of the table takes the nearest row: no read goes astray. */
kernel void KERNEL(const global uint *restrict table, uint table_offset, const global int *restrict index,
                   uint index_offset, global uint *restrict out, uint out_offset, uint rows, uint B, uint D,
                   uint CW, uint RB) {
    const uint d0 = (uint)get_global_id(0) * CW, b0 = (uint)get_global_id(1) * RB;
    const uint b1 = min(b0 + RB, B);
    if (d0 >= D) return;
    const uint d1 = min(d0 + CW, D), whole = d0 + (d1 - d0) / V * V;
    table += table_offset;
    out += out_offset;
    for (uint b = b0; b < b1; b++) {
        const uint row = (uint)clamp(index[index_offset + b], 0, (int)(rows - 1));
        const global uint *from = table + (size_t)row * D;
        global uint *to = out + (size_t)b * D;
        for (uint d = d0; d < whole; d += V) JOIN(vstore, V)(JOIN(vload, V)(0, from + d), 0, to + d);
        for (uint d = whole; d < d1; d++) to[d] = from[d];
    }
}

#elif defined GATHER_ADJOINT

/* mad by 1 is the same addition, which vectorising compilers (Intel's) leave in its order. */
kernel void KERNEL(const global float *restrict source, uint source_offset, const global int *restrict index,
                   uint index_offset, global float *restrict out, uint out_offset, uint rows, uint B, uint D,
                   uint CW, uint RB) {
    const uint d0 = (uint)get_global_id(0) * CW, r0 = (uint)get_global_id(1) * RB;
    const uint r1 = min(r0 + RB, rows);
    if (d0 >= D) return;
    const uint d1 = min(d0 + CW, D), whole = d0 + (d1 - d0) / V * V;
    source += source_offset;
    index += index_offset;
    out += out_offset;
    for (uint r = r0; r < r1; r++) {
        global float *to = out + (size_t)r * D;
        for (uint d = d0; d < whole; d += V) {
            JOIN(float, V) sum = 0.0f;
            for (uint b = 0; b < B; b++)
                if (index[b] == (int)r) sum += JOIN(vload, V)(0, source + (size_t)b * D + d);
            JOIN(vstore, V)(sum, 0, to + d);
        }
        for (uint d = whole; d < d1; d++) {
            float sum = 0.0f;
            for (uint b = 0; b < B; b++)
                if (index[b] == (int)r) sum = mad(1.0f, source[(size_t)b * D + d], sum);
            to[d] = sum;
        }
    }
}

#endif

#undef JOIN_
#undef JOIN
