/* SPDX-License-Identifier: MIT
 * Finds every device of every platform and asks, once, what it can do. The only file that asks for a vendor.
 */
#include "runtime/objects.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define PLATFORM_NOT_FOUND (-1001) /* of the loader, when no driver is installed: cl_ext.h */

/* Copies without outer blanks: several drivers pad their names. */
static void copy_trimmed(char *out, size_t size, const char *text) {
    while (isspace((unsigned char)*text)) text++;
    size_t length = strlen(text);
    while (length && isspace((unsigned char)text[length - 1])) length--;
    if (length >= size) length = size - 1;
    memcpy(out, text, length);
    out[length] = 0;
}

/* A device that is asked. What it does not know (CL_INVALID_VALUE) is 0 or ""; another failure is kept: a
 * device that is known in part would be used wrongly. */
struct asked {
    cl_device_id id;
    bool failed, no_memory;
};

static bool ask(struct asked *a, cl_device_info what, size_t size, void *out, size_t *length) {
    cl_int code = clGetDeviceInfo(a->id, what, size, out, length);
    if (code != CL_SUCCESS && code != CL_INVALID_VALUE) a->failed = true;
    return code == CL_SUCCESS;
}

/* Information of any length as a new text, or NULL. A buffer of fixed size would fail on a long one. */
static char *device_text(struct asked *a, cl_device_info what) {
    size_t size = 0;
    if (!ask(a, what, 0, NULL, &size) || size == 0) return NULL;
    char *text = calloc(1, size + 1);
    if (!text) a->no_memory = true;
    if (text && !ask(a, what, size, text, NULL)) {
        free(text);
        return NULL;
    }
    return text;
}

static void ask_text(struct asked *a, cl_device_info what, char *out, size_t size) {
    char *text = device_text(a, what);
    copy_trimmed(out, size, text ? text : "");
    free(text);
}

/* Left empty when the platform does not tell. */
static pf_status platform_name(cl_platform_id platform, char *out, size_t size, pf_error *err) {
    size_t length = 0;
    out[0] = 0;
    if (clGetPlatformInfo(platform, CL_PLATFORM_NAME, 0, NULL, &length) != CL_SUCCESS) return PF_OK;
    char *text = calloc(1, length + 1);
    if (!text) return pf__fail_memory(err, "the name of a platform", length + 1);
    if (clGetPlatformInfo(platform, CL_PLATFORM_NAME, length, text, NULL) == CL_SUCCESS)
        copy_trimmed(out, size, text);
    free(text);
    return PF_OK;
}

static uint32_t ask_uint(struct asked *a, cl_device_info what) {
    cl_uint value = 0;
    return ask(a, what, sizeof value, &value, NULL) ? value : 0;
}

static uint64_t ask_ulong(struct asked *a, cl_device_info what) {
    cl_ulong value = 0;
    return ask(a, what, sizeof value, &value, NULL) ? value : 0;
}

static bool ask_bool(struct asked *a, cl_device_info what) {
    cl_bool value = CL_FALSE;
    return ask(a, what, sizeof value, &value, NULL) && value != CL_FALSE;
}

static bool has_word(const char *list, const char *word) {
    size_t length = strlen(word);
    for (const char *at = list; (at = strstr(at, word)) != NULL; at += length)
        if ((at == list || at[-1] == ' ') && (at[length] == ' ' || at[length] == 0)) return true;
    return false;
}

static pf_device_type ask_type(struct asked *a) {
    cl_device_type type = 0;
    if (!ask(a, CL_DEVICE_TYPE, sizeof type, &type, NULL)) return PF_DEVICE_OTHER;
    if (type & CL_DEVICE_TYPE_GPU) return PF_DEVICE_GPU;
    if (type & CL_DEVICE_TYPE_CPU) return PF_DEVICE_CPU;
    return type & CL_DEVICE_TYPE_ACCELERATOR ? PF_DEVICE_ACCELERATOR : PF_DEVICE_OTHER;
}

const char *pf__device_type_name(pf_device_type type) {
    switch (type) {
    case PF_DEVICE_CPU:
        return "CPU";
    case PF_DEVICE_GPU:
        return "GPU";
    case PF_DEVICE_ACCELERATOR:
        return "accelerator";
    case PF_DEVICE_OTHER:
        break;
    }
    return "other";
}

uint32_t pf__vector_width(uint32_t reported, pf_device_type type) {
    if (reported >= 16 && type != PF_DEVICE_GPU) return 16;
    if (reported >= 8 && type != PF_DEVICE_GPU) return 8;
    return reported >= 4 ? 4 : 1;
}

static uint32_t ask_vector_width(struct asked *a) {
    uint32_t width = ask_uint(a, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT);
    return width ? width : ask_uint(a, CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT);
}

static void ask_limits(struct asked *a, pf_device_info *info) {
    info->compute_units = ask_uint(a, CL_DEVICE_MAX_COMPUTE_UNITS);
    info->clock_mhz = ask_uint(a, CL_DEVICE_MAX_CLOCK_FREQUENCY);
    info->memory_bytes = ask_ulong(a, CL_DEVICE_GLOBAL_MEM_SIZE);
    info->allocation_bytes_max = ask_ulong(a, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
    info->local_bytes = ask_ulong(a, CL_DEVICE_LOCAL_MEM_SIZE);
    cl_device_local_mem_type local = CL_NONE;
    if (ask(a, CL_DEVICE_LOCAL_MEM_TYPE, sizeof local, &local, NULL))
        info->local_is_dedicated = local == CL_LOCAL;
    size_t group = 0;
    if (ask(a, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof group, &group, NULL)) info->work_group_max = group;
    info->base_align_bytes = ask_uint(a, CL_DEVICE_MEM_BASE_ADDR_ALIGN) / 8; /* OpenCL says bits */
}

static void ask_device(struct asked *a, pf_device_info *info) {
    ask_text(a, CL_DEVICE_NAME, info->name, sizeof info->name);
    ask_text(a, CL_DEVICE_VENDOR, info->vendor, sizeof info->vendor);
    ask_text(a, CL_DRIVER_VERSION, info->driver, sizeof info->driver);
    ask_text(a, CL_DEVICE_VERSION, info->version, sizeof info->version);
    ask_text(a, CL_DEVICE_OPENCL_C_VERSION, info->c_version, sizeof info->c_version);
    info->type = ask_type(a);
    ask_limits(a, info);
    info->vector_width = pf__vector_width(ask_vector_width(a), info->type);
    char *extensions = device_text(a, CL_DEVICE_EXTENSIONS);
    const char *words = extensions ? extensions : "";
    info->fp64 = ask_ulong(a, CL_DEVICE_DOUBLE_FP_CONFIG) != 0 || has_word(words, "cl_khr_fp64");
    info->fp16 = has_word(words, "cl_khr_fp16");
    free(extensions);
    info->unified_memory = ask_bool(a, CL_DEVICE_HOST_UNIFIED_MEMORY);
    info->little_endian = ask_bool(a, CL_DEVICE_ENDIAN_LITTLE);
    info->has_compiler = ask_bool(a, CL_DEVICE_COMPILER_AVAILABLE);
}

/* The drivers whose own cache on disk makes ours a burden.
 *   NVIDIA  what it gives away is PTX, which it compiles again at load.
 *   PoCL    asking for a program's binary compiles every kernel once more, for any work-group size, and what
 *           is loaded is compiled once more for the size in use (seen in 3.1, November 2026: a first training
 *           takes 10.6 s of processor time instead of 5.5 s; a later start gains 0.02 s). */
static bool keeps_programs(const char *platform) {
    return strcmp(platform, "NVIDIA CUDA") == 0 || strcmp(platform, "Portable Computing Language") == 0;
}

/* llvmpipe leaves a shader's loops after 65535 iterations in all (gallivm's loop limiter), and silently: what
 * a work-item would have computed after them is missing (seen in Mesa 22.3, November 2026). */
static uint32_t iterations_max(const char *device) {
    return strncmp(device, "llvmpipe", 8) == 0 ? 65535 : 0;
}

static const char *obstacle_of(struct asked *a, const pf_device_info *info) {
    int major = 0, minor = 0;
    if (a->failed) return "does not answer all that it is asked";
    if (sscanf(info->version, "OpenCL %d.%d", &major, &minor) != 2 || major < 1 || (major == 1 && minor < 2))
        return "is older than OpenCL 1.2";
    if (!ask_bool(a, CL_DEVICE_AVAILABLE)) return "is not available";
    if (!info->has_compiler) return "has no OpenCL C compiler";
    return info->little_endian ? NULL : "is big-endian";
}

/* PoCL compiles through files, and ends the process when there is no room for them (3.1, LLVM's "IO failure
 * on output stream"): asked before the first build. */
pf_status pf__driver_check(const pf_device_info *info, pf_error *err) {
    static const char *const places[][2] = {
        {"POCL_CACHE_DIR", ""}, {"XDG_CACHE_HOME", "/pocl/kcache"}, {"HOME", "/.cache/pocl/kcache"}};
    enum { ROOM_MIB = 16 };
    char folder[4096] = "";
    if (strcmp(info->platform, "Portable Computing Language") != 0) return PF_OK;
    for (size_t i = 0; i < sizeof places / sizeof *places && !folder[0]; i++) {
        const char *value = getenv(places[i][0]);
        if (value && *value) snprintf(folder, sizeof folder, "%s%s", value, places[i][1]);
    }
    struct statvfs system;
    if (!folder[0] || statvfs(folder, &system) != 0) return PF_OK; /* PoCL knows another */
    double mib = (double)system.f_bavail * (double)system.f_frsize / 0x1p20;
    if (access(folder, W_OK | X_OK) != 0)
        pf__fail(err, PF_SYSTEM, "%s: cannot write, and PoCL compiles in this folder", folder);
    else if (system.f_blocks > 0 && mib < ROOM_MIB)
        pf__fail(err, PF_SYSTEM, "%s: %.1f MiB are free, and PoCL compiles in this folder (%d MiB)", folder,
                 mib, ROOM_MIB);
    else
        return PF_OK;
    return pf__hint(err, PF_SYSTEM, "set POCL_CACHE_DIR to a folder that can be written and has room");
}

static void note_empty(struct pf__discovery *d, const char *name) {
    size_t used = strlen(d->empty);
    snprintf(d->empty + used, sizeof d->empty - used, "%s'%s'", used ? ", " : "", name);
}

static pf_status add_platform(struct pf__discovery *d, cl_platform_id platform, int index, pf_error *err) {
    char name[sizeof d->devices->info.platform];
    cl_uint count = 0;
    PF__TRY(platform_name(platform, name, sizeof name, err));
    if (clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, NULL, &count) != CL_SUCCESS || count == 0) {
        note_empty(d, name);
        return PF_OK;
    }
    cl_device_id *ids = calloc(count, sizeof *ids);
    struct pf__found *grown = realloc(d->devices, ((size_t)d->count + count) * sizeof *grown);
    if (grown) d->devices = grown;
    if (!ids || !grown) {
        free(ids);
        return pf__fail_memory(err, "the list of devices",
                               ((unsigned long long)d->count + count) * sizeof *grown);
    }
    if (clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, count, ids, NULL) != CL_SUCCESS) {
        note_empty(d, name);
        count = 0;
    }
    pf_status st = PF_OK;
    for (cl_uint i = 0; i < count && st == PF_OK; i++) {
        struct pf__found *f = &d->devices[d->count++];
        struct asked asked = {.id = ids[i]};
        memset(f, 0, sizeof *f);
        f->platform = platform;
        f->device = ids[i];
        f->info.platform_index = index;
        f->info.device_index = (int)i;
        memcpy(f->info.platform, name, sizeof name);
        ask_device(&asked, &f->info);
        f->info.keeps_programs = keeps_programs(name);
        f->info.iterations_max = iterations_max(f->info.name);
        f->obstacle = obstacle_of(&asked, &f->info);
        if (asked.no_memory) st = pf__fail_memory(err, "the description of a device", sizeof f->info);
    }
    free(ids);
    return st;
}

static pf_status fail_platforms(cl_int code, pf_error *err) {
    pf__fail(err, PF_NO_DEVICE, "the OpenCL platforms cannot be listed: %s", pf__native_error_name(code));
    return pf__hint(err, PF_NO_DEVICE, "clinfo -l shows what the system sees");
}

pf_status pf__discover(struct pf__discovery *out, pf_error *err) {
    memset(out, 0, sizeof *out);
    cl_uint count = 0;
    cl_int code = clGetPlatformIDs(0, NULL, &count);
    if (code == PLATFORM_NOT_FOUND || (code == CL_SUCCESS && count == 0)) return PF_OK;
    if (code != CL_SUCCESS) return fail_platforms(code, err);
    cl_platform_id *ids = calloc(count, sizeof *ids);
    if (!ids) return pf__fail_memory(err, "the list of platforms", (unsigned long long)count * sizeof *ids);
    code = clGetPlatformIDs(count, ids, NULL);
    pf_status st = code == CL_SUCCESS ? PF_OK : fail_platforms(code, err);
    for (cl_uint i = 0; i < count && st == PF_OK; i++) st = add_platform(out, ids[i], (int)i, err);
    free(ids);
    if (st != PF_OK) pf__discovery_clear(out);
    return st;
}

void pf__discovery_clear(struct pf__discovery *d) {
    free(d->devices);
    memset(d, 0, sizeof *d);
}

void pf_device_load_drivers(void) {
    cl_uint count = 0;
    (void)clGetPlatformIDs(0, NULL, &count);
}

pf_status pf_device_list(pf_device_info **out, int *count, pf_error *error) {
    *out = NULL;
    *count = 0;
    struct pf__discovery d;
    PF__TRY(pf__discover(&d, error));
    if (d.count == 0) {
        pf__discovery_clear(&d);
        return PF_OK;
    }
    pf_device_info *list = calloc((size_t)d.count, sizeof *list);
    if (!list) {
        pf__discovery_clear(&d);
        return pf__fail_memory(error, "the list of devices", (unsigned long long)d.count * sizeof *list);
    }
    for (int i = 0; i < d.count; i++) list[i] = d.devices[i].info;
    *out = list;
    *count = d.count;
    pf__discovery_clear(&d);
    return PF_OK;
}
