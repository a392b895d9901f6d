/* SPDX-License-Identifier: MIT
 * Kernel sources and their building. */
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "runtime/embedded.h"
#include "runtime/objects.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LOG_LINES 4 /* of a failed build that a message repeats */

static pf_status source_from_folder(const char *folder, const char *name, char **text, pf_error *err) {
    char *path = pf__path_join(folder, name);
    if (!path) return pf__fail_memory(err, name, strlen(folder) + strlen(name));
    size_t length;
    pf_status st = pf__file_read(path, text, &length, err);
    free(path);
    return st == PF_OK ? st : pf__hint(err, st, "PF_KERNEL_DIR is set; unset it to use the built-in kernels");
}

pf_status pf__kernel_source(const char *name, char **text, pf_error *err) {
    *text = NULL;
    const char *folder = getenv("PF_KERNEL_DIR");
    if (folder && folder[0]) return source_from_folder(folder, name, text, err);
    for (const struct pf__embedded *e = pf__embedded; e->name; e++) {
        if (strcmp(e->name, name) != 0) continue;
        *text = malloc(e->length + 1);
        if (!*text) return pf__fail_memory(err, name, e->length + 1);
        memcpy(*text, e->text, e->length);
        (*text)[e->length] = 0;
        return PF_OK;
    }
    return pf__fail(err, PF_USAGE, "there is no kernel source '%s'", name);
}

pf_status pf__kernel_hash(uint64_t *out, pf_error *err) {
    *out = 0;
    for (const struct pf__embedded *e = pf__embedded; e->name; e++) {
        char *text = NULL;
        PF__TRY(pf__kernel_source(e->name, &text, err));
        *out = pf__hash64(text, strlen(text), pf__hash64(e->name, strlen(e->name), *out));
        free(text);
    }
    return PF_OK;
}

static char *build_log(const pf_context *c, cl_program program) {
    size_t size = 0;
    if (clGetProgramBuildInfo(program, c->device, CL_PROGRAM_BUILD_LOG, 0, NULL, &size) != CL_SUCCESS)
        return NULL;
    char *log = calloc(1, size + 1);
    if (log &&
        clGetProgramBuildInfo(program, c->device, CL_PROGRAM_BUILD_LOG, size, log, NULL) != CL_SUCCESS) {
        free(log);
        return NULL;
    }
    return log;
}

static bool says_error(const char *line) {
    for (; *line; line++)
        if (strncasecmp(line, "error", 5) == 0) return true;
    return false;
}

/* Sends every line to the log and gathers those that say "error", or the first ones where none does. Cuts
 * `log`. */
static void sort_log(const pf_context *c, char *log, pf__text *errors) {
    pf__text first = {0};
    int errors_seen = 0, lines_seen = 0;
    char *rest = NULL;
    for (char *line = strtok_r(log, "\r\n", &rest); line; line = strtok_r(NULL, "\r\n", &rest)) {
        pf__log(c, PF_LOG_INFO, "%s", line);
        if (says_error(line) && errors_seen++ < LOG_LINES) pf__text_format(errors, " | %s", line);
        if (lines_seen++ < LOG_LINES) pf__text_format(&first, " | %s", line);
    }
    if (!errors_seen) pf__text_add(errors, pf__text_string(&first));
    pf__text_free(&first);
}

static pf_status fail_build(const pf_context *c, const pf__program *p, const char *options, cl_int code,
                            pf_error *err) {
    char *log = build_log(c, p->program);
    pf__text errors = {0};
    if (log) sort_log(c, log, &errors);
    pf_status st = pf__opencl_fail(err, c, "clBuildProgram", code, "in %s (options %s)", p->what, options);
    if (err) {
        size_t used = strlen(err->message);
        snprintf(err->message + used, sizeof err->message - used, "%s", pf__text_string(&errors));
    }
    pf__text_free(&errors);
    free(log);
    return st;
}

static pf_status build(pf_context *c, pf__program *p, const char *head, const char *source,
                       const char *options, pf_error *err) {
    const char *parts[2] = {head, source};
    const size_t lengths[2] = {strlen(head), strlen(source)};
    cl_int code;
    p->program = clCreateProgramWithSource(c->context, 2, parts, lengths, &code);
    if (!p->program) return pf__opencl_fail(err, c, "clCreateProgramWithSource", code, "in %s", p->what);
    code = clBuildProgram(p->program, 1, &c->device, options, NULL, NULL);
    if (code == CL_SUCCESS) return PF_OK;
    pf_status st = fail_build(c, p, options, code, err);
    clReleaseProgram(p->program);
    return st;
}

/* ---- the cache: whatever goes wrong here, the program is built from its source ---- */

static pf__cache_key key_of(const pf_context *c, const char *head, const char *source, const char *options) {
    const char *const texts[] = {
        head,         source,         options,        c->info.platform, c->platform_version,
        c->info.name, c->info.vendor, c->info.driver, c->info.version};
    return pf__cache_key_of(texts, sizeof texts / sizeof *texts);
}

static bool load(pf_context *c, pf__program *p, pf__cache_key key, const char *options) {
    size_t length = 0;
    unsigned char *binary = pf__cache_load(c->cache, key, &length);
    if (!binary) return false;
    const unsigned char *binaries[1] = {binary};
    cl_int status = CL_SUCCESS, code;
    p->program = clCreateProgramWithBinary(c->context, 1, &c->device, &length, binaries, &status, &code);
    if (code == CL_SUCCESS) code = status;
    if (code == CL_SUCCESS) code = clBuildProgram(p->program, 1, &c->device, options, NULL, NULL);
    free(binary);
    if (code == CL_SUCCESS) return true;
    pf__log(c, PF_LOG_DEBUG, "the driver refuses the kept program of %s: %s", p->what,
            pf__native_error_name(code));
    if (p->program) clReleaseProgram(p->program);
    p->program = NULL;
    pf__cache_drop(c->cache, key);
    return false;
}

static void keep(pf_context *c, const pf__program *p, pf__cache_key key) {
    size_t length = 0;
    if (clGetProgramInfo(p->program, CL_PROGRAM_BINARY_SIZES, sizeof length, &length, NULL) != CL_SUCCESS ||
        length == 0)
        return; /* a driver that does not give its programs away */
    unsigned char *binary = malloc(length);
    pf_error err = {0};
    if (!binary) return;
    if (clGetProgramInfo(p->program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL) != CL_SUCCESS)
        goto done;
    if (pf__cache_store(c->cache, key, binary, length, &err) == PF_OK) {
        pf__cache_trim(c->cache, PF_CACHE_BYTES_MAX, key);
    } else {
        pf__log(c, PF_LOG_DEBUG, "programs are no longer kept: %s", err.message);
        c->keeps = false;
    }
done:
    free(binary);
}

static pf_status load_or_build(pf_context *c, pf__program *p, const char *source, const char *options,
                               pf_error *err) {
    char head[sizeof p->what + 16] = ""; /* lets the compiler name the source, not its temporary file */
    if (!strpbrk(p->what, "\"\\")) snprintf(head, sizeof head, "#line 1 \"%s\"\n", p->what);
    pf__cache_key key = key_of(c, head, source, options);
    double begin = pf__seconds();
    bool loaded = c->keeps && load(c, p, key, options);
    if (!loaded) {
        PF__TRY(build(c, p, head, source, options, err));
        if (c->keeps) keep(c, p, key);
    }
    ++*(loaded ? &c->counts.programs_loaded : &c->counts.programs_built);
    pf__log(c, PF_LOG_DEBUG, "%s %s in %.3f s", loaded ? "loaded" : "built", p->what, pf__seconds() - begin);
    return PF_OK;
}

pf_status pf__program_build(pf_context *c, const char *what, const char *source, const char *options,
                            pf__program **out, pf_error *err) {
    *out = NULL;
    pf__program *p = calloc(1, sizeof *p);
    if (!p) return pf__fail_memory(err, what, sizeof *p);
    *p = (pf__program){.context = c, .references = 1};
    snprintf(p->what, sizeof p->what, "%s", what);
    pf__text all = {0};
    pf__text_format(&all, "-cl-std=CL1.2%s%s", options && options[0] ? " " : "", options ? options : "");
    pf_status st = all.failed ? pf__fail_memory(err, "build options", strlen(options ? options : ""))
                              : load_or_build(c, p, source, pf__text_string(&all), err);
    pf__text_free(&all);
    if (st != PF_OK) {
        free(p);
        return st;
    }
    c->objects++;
    *out = p;
    return PF_OK;
}

pf__program *pf__program_retain(pf__program *p) {
    assert(p->references > 0);
    p->references++;
    return p;
}

void pf__program_release(pf__program **program) {
    if (!program || !*program) return;
    pf__program *p = *program;
    *program = NULL;
    assert(p->references > 0);
    if (--p->references) return;
    p->context->objects--;
    clReleaseProgram(p->program);
    free(p);
}
