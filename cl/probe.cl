/* SPDX-License-Identifier: MIT
 * The smallest kernel that uses all that launches rely on: buffers with element offsets, and scalars.
 * It proves that a device compiles and runs. */

/* y[i] = a x[i] + y[i] for i < count. One work-item per element; the global size may exceed count. */
kernel void saxpy(global const float *x, uint x_offset, global float *y, uint y_offset, float a, uint count) {
    uint i = (uint)get_global_id(0);
    if (i < count) y[y_offset + i] = a * x[x_offset + i] + y[y_offset + i];
}
