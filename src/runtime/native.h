/* SPDX-License-Identifier: MIT
 * Raw OpenCL handles, for the one caller of CLBlast. */
#ifndef PF__RUNTIME_NATIVE_H
#define PF__RUNTIME_NATIVE_H

#include "runtime/runtime.h"
#include <CL/cl.h>

cl_command_queue *pf__native_queue(pf_context *c);
cl_context pf__native_context(pf_context *c);
cl_device_id pf__native_device(pf_context *c);
cl_mem pf__native_buffer(pf__buffer *b);
/** "CL_OUT_OF_RESOURCES" and the like. */
const char *pf__native_error_name(cl_int code);
/** A sub-buffer of [offset, offset + bytes) of b: offset must be a multiple of the device's base_align_bytes.
 * The caller releases it. */
pf_status pf__native_sub_buffer(pf__buffer *b, size_t offset, size_t bytes, cl_mem *out, pf_error *err);
/** Releases a sub-buffer and sets it to NULL. Accepts NULL inside. */
void pf__native_release(cl_mem *memory);

#endif
