/* SPDX-License-Identifier: MIT
 * OpenCL and CLBlast. A failed call is not passed on to the driver. */
#include "inject.h"
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <clblast_c.h>

/* Those that return their status; those that make an event as well; those that make an object and write the
 * status through `code`; those that give one back, which never fail. */
#define WRAP_CL(name, parameters, arguments, status) WRAP(name, OPENCL, cl_int, parameters, arguments, status)
#define WRAP_EVENT(name, type, parameters, arguments, status)                          \
    type __real_##name parameters;                                                     \
    type __wrap_##name parameters;                                                     \
    type __wrap_##name parameters {                                                    \
        if (pf_fault(FAULT_OPENCL, #name, __builtin_return_address(0))) return status; \
        type real = __real_##name arguments;                                           \
        if (real == 0 && event && *event) pf_fault_hold(FAULT_OPENCL, 1);              \
        return real;                                                                   \
    }
/* Those that wait for the device when their argument `wait` says so, which the record tells too. */
#define WRAP_WAIT(name, parameters, arguments, status)                                  \
    cl_int __real_##name parameters;                                                    \
    cl_int __wrap_##name parameters;                                                    \
    cl_int __wrap_##name parameters {                                                   \
        const char *symbol = wait ? #name "(wait)" : #name;                             \
        if (pf_fault(FAULT_OPENCL, symbol, __builtin_return_address(0))) return status; \
        cl_int real = __real_##name arguments;                                          \
        if (real == CL_SUCCESS && event && *event) pf_fault_hold(FAULT_OPENCL, 1);      \
        return real;                                                                    \
    }
#define WRAP_NEW(name, type, parameters, arguments, status)              \
    type __real_##name parameters;                                       \
    type __wrap_##name parameters;                                       \
    type __wrap_##name parameters {                                      \
        type made = NULL;                                                \
        if (!pf_fault(FAULT_OPENCL, #name, __builtin_return_address(0))) \
            made = __real_##name arguments;                              \
        else if (code)                                                   \
            *code = status;                                              \
        if (made) pf_fault_hold(FAULT_OPENCL, 1);                        \
        return made;                                                     \
    }
#define WRAP_RELEASE(name, type)         \
    cl_int __real_##name(type object);   \
    cl_int __wrap_##name(type object);   \
    cl_int __wrap_##name(type object) {  \
        pf_fault_hold(FAULT_OPENCL, -1); \
        return __real_##name(object);    \
    }
WRAP_RELEASE(clReleaseContext, cl_context)
WRAP_RELEASE(clReleaseCommandQueue, cl_command_queue)
WRAP_RELEASE(clReleaseProgram, cl_program)
WRAP_RELEASE(clReleaseKernel, cl_kernel)
WRAP_RELEASE(clReleaseMemObject, cl_mem)
WRAP_RELEASE(clReleaseEvent, cl_event)

/* ---- devices ---- */
WRAP_CL(clGetPlatformIDs, (cl_uint n, cl_platform_id *out, cl_uint *count), (n, out, count),
        CL_OUT_OF_HOST_MEMORY)
WRAP_CL(clGetPlatformInfo, (cl_platform_id p, cl_platform_info what, size_t size, void *out, size_t *length),
        (p, what, size, out, length), CL_OUT_OF_HOST_MEMORY)
WRAP_CL(clGetDeviceIDs, (cl_platform_id p, cl_device_type t, cl_uint n, cl_device_id *out, cl_uint *count),
        (p, t, n, out, count), CL_DEVICE_NOT_FOUND)
WRAP_CL(clGetDeviceInfo, (cl_device_id d, cl_device_info what, size_t size, void *out, size_t *length),
        (d, what, size, out, length), CL_OUT_OF_HOST_MEMORY)
WRAP_NEW(clCreateContext, cl_context,
         (const cl_context_properties *p, cl_uint n, const cl_device_id *d,
          void(CL_CALLBACK *notify)(const char *, const void *, size_t, void *), void *user, cl_int *code),
         (p, n, d, notify, user, code), CL_DEVICE_NOT_AVAILABLE)
WRAP_NEW(clCreateCommandQueue, cl_command_queue,
         (cl_context c, cl_device_id d, cl_command_queue_properties p, cl_int *code), (c, d, p, code),
         CL_OUT_OF_RESOURCES)

/* ---- programs ---- */
WRAP_NEW(clCreateProgramWithSource, cl_program,
         (cl_context c, cl_uint n, const char **texts, const size_t *lengths, cl_int *code),
         (c, n, texts, lengths, code), CL_OUT_OF_HOST_MEMORY)
WRAP_NEW(clCreateProgramWithBinary, cl_program,
         (cl_context c, cl_uint n, const cl_device_id *d, const size_t *lengths,
          const unsigned char **binaries, cl_int *status, cl_int *code),
         (c, n, d, lengths, binaries, status, code), CL_INVALID_BINARY)
WRAP_CL(clBuildProgram,
        (cl_program p, cl_uint n, const cl_device_id *d, const char *options,
         void(CL_CALLBACK *notify)(cl_program, void *), void *user),
        (p, n, d, options, notify, user), CL_BUILD_PROGRAM_FAILURE)
WRAP_CL(clGetProgramInfo, (cl_program p, cl_program_info what, size_t size, void *out, size_t *length),
        (p, what, size, out, length), CL_OUT_OF_RESOURCES)
WRAP_CL(clGetProgramBuildInfo,
        (cl_program p, cl_device_id d, cl_program_build_info what, size_t size, void *out, size_t *length),
        (p, d, what, size, out, length), CL_OUT_OF_RESOURCES)
WRAP_NEW(clCreateKernel, cl_kernel, (cl_program p, const char *name, cl_int *code), (p, name, code),
         CL_OUT_OF_RESOURCES)
WRAP_CL(clGetKernelInfo, (cl_kernel k, cl_kernel_info what, size_t size, void *out, size_t *length),
        (k, what, size, out, length), CL_OUT_OF_RESOURCES)
WRAP_CL(clGetKernelWorkGroupInfo,
        (cl_kernel k, cl_device_id d, cl_kernel_work_group_info what, size_t size, void *out, size_t *length),
        (k, d, what, size, out, length), CL_OUT_OF_RESOURCES)
WRAP_CL(clSetKernelArg, (cl_kernel k, cl_uint i, size_t size, const void *value), (k, i, size, value),
        CL_OUT_OF_RESOURCES)

/* ---- memory ---- */
WRAP_NEW(clCreateBuffer, cl_mem, (cl_context c, cl_mem_flags flags, size_t size, void *host, cl_int *code),
         (c, flags, size, host, code), CL_MEM_OBJECT_ALLOCATION_FAILURE)
WRAP_NEW(clCreateSubBuffer, cl_mem,
         (cl_mem m, cl_mem_flags flags, cl_buffer_create_type type, const void *info, cl_int *code),
         (m, flags, type, info, code), CL_MEM_OBJECT_ALLOCATION_FAILURE)

/* ---- work ---- */
WRAP_WAIT(clEnqueueWriteBuffer,
          (cl_command_queue q, cl_mem m, cl_bool wait, size_t at, size_t size, const void *host, cl_uint n,
           const cl_event *after, cl_event *event),
          (q, m, wait, at, size, host, n, after, event), CL_OUT_OF_RESOURCES)
WRAP_WAIT(clEnqueueReadBuffer,
          (cl_command_queue q, cl_mem m, cl_bool wait, size_t at, size_t size, void *host, cl_uint n,
           const cl_event *after, cl_event *event),
          (q, m, wait, at, size, host, n, after, event), CL_OUT_OF_RESOURCES)
WRAP_EVENT(clEnqueueFillBuffer, cl_int,
           (cl_command_queue q, cl_mem m, const void *pattern, size_t length, size_t at, size_t size,
            cl_uint n, const cl_event *after, cl_event *event),
           (q, m, pattern, length, at, size, n, after, event), CL_MEM_OBJECT_ALLOCATION_FAILURE)
WRAP_EVENT(clEnqueueCopyBuffer, cl_int,
           (cl_command_queue q, cl_mem from, cl_mem to, size_t from_at, size_t to_at, size_t size, cl_uint n,
            const cl_event *after, cl_event *event),
           (q, from, to, from_at, to_at, size, n, after, event), CL_OUT_OF_RESOURCES)
WRAP_EVENT(clEnqueueNDRangeKernel, cl_int,
           (cl_command_queue q, cl_kernel k, cl_uint dimensions, const size_t *offset, const size_t *global,
            const size_t *local, cl_uint n, const cl_event *after, cl_event *event),
           (q, k, dimensions, offset, global, local, n, after, event), CL_OUT_OF_RESOURCES)
WRAP_EVENT(clEnqueueMarkerWithWaitList, cl_int,
           (cl_command_queue q, cl_uint n, const cl_event *after, cl_event *event), (q, n, after, event),
           CL_OUT_OF_RESOURCES)
WRAP_CL(clFlush, (cl_command_queue q), (q), CL_OUT_OF_RESOURCES)
WRAP_CL(clFinish, (cl_command_queue q), (q), CL_OUT_OF_RESOURCES)
WRAP_CL(clWaitForEvents, (cl_uint n, const cl_event *events), (n, events), CL_OUT_OF_RESOURCES)
WRAP_CL(clGetEventInfo, (cl_event e, cl_event_info what, size_t size, void *out, size_t *length),
        (e, what, size, out, length), CL_OUT_OF_RESOURCES)
WRAP_CL(clGetEventProfilingInfo, (cl_event e, cl_profiling_info what, size_t size, void *out, size_t *length),
        (e, what, size, out, length), CL_PROFILING_INFO_NOT_AVAILABLE)

/* ---- CLBlast ---- */
WRAP(CLBlastOverrideParameters, OPENCL, CLBlastStatusCode,
     (const cl_device_id d, const char *kernel, const CLBlastPrecision precision, const size_t n,
      const char **names, const size_t *values),
     (d, kernel, precision, n, names, values), CLBlastUnexpectedError)
WRAP_EVENT(CLBlastSgemm, CLBlastStatusCode,
           (const CLBlastLayout layout, const CLBlastTranspose at, const CLBlastTranspose bt, const size_t m,
            const size_t n, const size_t k, const float alpha, const cl_mem a, const size_t a_offset,
            const size_t a_ld, const cl_mem b, const size_t b_offset, const size_t b_ld, const float beta,
            cl_mem c, const size_t c_offset, const size_t c_ld, cl_command_queue *q, cl_event *event),
           (layout, at, bt, m, n, k, alpha, a, a_offset, a_ld, b, b_offset, b_ld, beta, c, c_offset, c_ld, q,
            event),
           CLBlastTempBufferAllocFailure)
WRAP_EVENT(CLBlastSgemmStridedBatched, CLBlastStatusCode,
           (const CLBlastLayout layout, const CLBlastTranspose at, const CLBlastTranspose bt, const size_t m,
            const size_t n, const size_t k, const float alpha, const cl_mem a, const size_t a_offset,
            const size_t a_ld, const size_t a_stride, const cl_mem b, const size_t b_offset,
            const size_t b_ld, const size_t b_stride, const float beta, cl_mem c, const size_t c_offset,
            const size_t c_ld, const size_t c_stride, const size_t count, cl_command_queue *q,
            cl_event *event),
           (layout, at, bt, m, n, k, alpha, a, a_offset, a_ld, a_stride, b, b_offset, b_ld, b_stride, beta, c,
            c_offset, c_ld, c_stride, count, q, event),
           CLBlastTempBufferAllocFailure)
