/* SPDX-License-Identifier: MIT
 * OpenCL's error codes: their names, which status they become, and what usually causes them. */
#include "runtime/objects.h"
#include <stdarg.h>
#include <stdio.h>

#define REPORT "please report it together with the output of 'pushforward devices'"
#define FULL   "use a smaller batch or model, or close other programs on the device"

/* X(code, name, status, hint or "") */
#define ERROR_MAP(X)                                                                                        \
    X(0, "CL_SUCCESS", PF_DEVICE, "")                                                                       \
    X(-1, "CL_DEVICE_NOT_FOUND", PF_NO_DEVICE, "")                                                          \
    X(-2, "CL_DEVICE_NOT_AVAILABLE", PF_NO_DEVICE, "another program may hold the device for itself")        \
    X(-3, "CL_COMPILER_NOT_AVAILABLE", PF_NO_DEVICE, "install the driver's compiler package")               \
    X(-4, "CL_MEM_OBJECT_ALLOCATION_FAILURE", PF_MEMORY, FULL)                                              \
    X(-5, "CL_OUT_OF_RESOURCES", PF_DEVICE,                                                                 \
      "an earlier kernel may have left its buffer, or memory is full: try a smaller batch; else " REPORT)   \
    X(-6, "CL_OUT_OF_HOST_MEMORY", PF_MEMORY, "the host's memory is full: use a smaller batch or model")    \
    X(-7, "CL_PROFILING_INFO_NOT_AVAILABLE", PF_DEVICE, "run without profiling")                            \
    X(-8, "CL_MEM_COPY_OVERLAP", PF_DEVICE, "")                                                             \
    X(-9, "CL_IMAGE_FORMAT_MISMATCH", PF_DEVICE, "")                                                        \
    X(-10, "CL_IMAGE_FORMAT_NOT_SUPPORTED", PF_DEVICE, "")                                                  \
    X(-11, "CL_BUILD_PROGRAM_FAILURE", PF_DEVICE, "the driver's compiler refused the kernel: " REPORT)      \
    X(-12, "CL_MAP_FAILURE", PF_DEVICE, "")                                                                 \
    X(-13, "CL_MISALIGNED_SUB_BUFFER_OFFSET", PF_DEVICE, "")                                                \
    X(-14, "CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST", PF_DEVICE, "an earlier command failed: " REPORT) \
    X(-15, "CL_COMPILE_PROGRAM_FAILURE", PF_DEVICE, "")                                                     \
    X(-16, "CL_LINKER_NOT_AVAILABLE", PF_DEVICE, "")                                                        \
    X(-17, "CL_LINK_PROGRAM_FAILURE", PF_DEVICE, "")                                                        \
    X(-18, "CL_DEVICE_PARTITION_FAILED", PF_DEVICE, "")                                                     \
    X(-19, "CL_KERNEL_ARG_INFO_NOT_AVAILABLE", PF_DEVICE, "")                                               \
    X(-30, "CL_INVALID_VALUE", PF_DEVICE, "")                                                               \
    X(-31, "CL_INVALID_DEVICE_TYPE", PF_DEVICE, "")                                                         \
    X(-32, "CL_INVALID_PLATFORM", PF_DEVICE, "")                                                            \
    X(-33, "CL_INVALID_DEVICE", PF_DEVICE, "")                                                              \
    X(-34, "CL_INVALID_CONTEXT", PF_DEVICE, "")                                                             \
    X(-35, "CL_INVALID_QUEUE_PROPERTIES", PF_DEVICE, "")                                                    \
    X(-36, "CL_INVALID_COMMAND_QUEUE", PF_DEVICE, "the driver has shut down after an earlier failure")      \
    X(-37, "CL_INVALID_HOST_PTR", PF_DEVICE, "")                                                            \
    X(-38, "CL_INVALID_MEM_OBJECT", PF_DEVICE, "")                                                          \
    X(-39, "CL_INVALID_IMAGE_FORMAT_DESCRIPTOR", PF_DEVICE, "")                                             \
    X(-40, "CL_INVALID_IMAGE_SIZE", PF_DEVICE, "")                                                          \
    X(-41, "CL_INVALID_SAMPLER", PF_DEVICE, "")                                                             \
    X(-42, "CL_INVALID_BINARY", PF_DEVICE, "")                                                              \
    X(-43, "CL_INVALID_BUILD_OPTIONS", PF_DEVICE, "")                                                       \
    X(-44, "CL_INVALID_PROGRAM", PF_DEVICE, "")                                                             \
    X(-45, "CL_INVALID_PROGRAM_EXECUTABLE", PF_DEVICE, "")                                                  \
    X(-46, "CL_INVALID_KERNEL_NAME", PF_DEVICE, "")                                                         \
    X(-47, "CL_INVALID_KERNEL_DEFINITION", PF_DEVICE, "")                                                   \
    X(-48, "CL_INVALID_KERNEL", PF_DEVICE, "")                                                              \
    X(-49, "CL_INVALID_ARG_INDEX", PF_DEVICE, "")                                                           \
    X(-50, "CL_INVALID_ARG_VALUE", PF_DEVICE, "")                                                           \
    X(-51, "CL_INVALID_ARG_SIZE", PF_DEVICE, "")                                                            \
    X(-52, "CL_INVALID_KERNEL_ARGS", PF_DEVICE, "")                                                         \
    X(-53, "CL_INVALID_WORK_DIMENSION", PF_DEVICE, "")                                                      \
    X(-54, "CL_INVALID_WORK_GROUP_SIZE", PF_DEVICE, "the work-group does not suit the device: " REPORT)     \
    X(-55, "CL_INVALID_WORK_ITEM_SIZE", PF_DEVICE, "the work-group does not suit the device: " REPORT)      \
    X(-56, "CL_INVALID_GLOBAL_OFFSET", PF_DEVICE, "")                                                       \
    X(-57, "CL_INVALID_EVENT_WAIT_LIST", PF_DEVICE, "")                                                     \
    X(-58, "CL_INVALID_EVENT", PF_DEVICE, "")                                                               \
    X(-59, "CL_INVALID_OPERATION", PF_DEVICE, "")                                                           \
    X(-60, "CL_INVALID_GL_OBJECT", PF_DEVICE, "")                                                           \
    X(-61, "CL_INVALID_BUFFER_SIZE", PF_MEMORY, FULL)                                                       \
    X(-62, "CL_INVALID_MIP_LEVEL", PF_DEVICE, "")                                                           \
    X(-63, "CL_INVALID_GLOBAL_WORK_SIZE", PF_DEVICE, "")                                                    \
    X(-64, "CL_INVALID_PROPERTY", PF_DEVICE, "")                                                            \
    X(-65, "CL_INVALID_IMAGE_DESCRIPTOR", PF_DEVICE, "")                                                    \
    X(-66, "CL_INVALID_COMPILER_OPTIONS", PF_DEVICE, "")                                                    \
    X(-67, "CL_INVALID_LINKER_OPTIONS", PF_DEVICE, "")                                                      \
    X(-68, "CL_INVALID_DEVICE_PARTITION_COUNT", PF_DEVICE, "")                                              \
    X(-1001, "CL_PLATFORM_NOT_FOUND_KHR", PF_NO_DEVICE, "install an OpenCL driver")                         \
    X(-9999, "-9999 (a kernel left its buffer)", PF_DEVICE, REPORT)

struct row {
    cl_int code;
    const char *name;
    pf_status status;
    const char *hint;
};
static const struct row rows[] = {
#define ERROR_ROW(code, name, status, hint) {code, name, status, hint},
    ERROR_MAP(ERROR_ROW)
#undef ERROR_ROW
};

static const struct row *row_of(cl_int code) {
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].code == code) return &rows[i];
    return NULL;
}

const char *pf__native_error_name(cl_int code) {
    const struct row *row = row_of(code);
    return row ? row->name : "an unknown OpenCL error";
}

pf_status pf__opencl_fail(pf_error *err, const pf_context *c, const char *call, cl_int code,
                          const char *format, ...) {
    char detail[512], number[32] = "";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    const struct row *row = row_of(code);
    if (!row) snprintf(number, sizeof number, " (%d)", (int)code);
    pf_status status = row ? row->status : PF_DEVICE;
    pf__fail(err, status, "%s: %s%s%s%s%s%s%s", call, pf__native_error_name(code), number,
             detail[0] ? " " : "", detail, c ? " on '" : "", c ? c->info.name : "", c ? "'" : "");
    return row && row->hint[0] ? pf__hint(err, status, "%s", row->hint) : status;
}
