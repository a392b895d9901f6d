/* SPDX-License-Identifier: MIT
 * Kernel sources and building them. */
#include "fixture.h"
#include "runtime/embedded.h"
#include <unistd.h>

void test_program_suite(void);

static void gives_every_embedded_source(void) {
    pf_error err = {0};
    int count = 0;
    for (const struct pf__embedded *e = pf__embedded; e->name; e++, count++) {
        char *text = NULL;
        CHECK_OK(pf__kernel_source(e->name, &text, &err), err);
        CHECK_INT(strlen(text), e->length);
        CHECK_CONTAINS(text, "SPDX-License-Identifier");
        free(text);
    }
    CU_ASSERT(count > 0);
    char *text = NULL;
    CHECK_INT(pf__kernel_source("absent.cl", &text, &err), PF_USAGE);
    CU_ASSERT_PTR_NULL(text);
    CHECK_CONTAINS(err.message, "absent.cl");
}

static void reads_the_kernel_folder(void) {
    char folder[] = "/tmp/pf_kernels_XXXXXX", path[64];
    pf_error err = {0};
    char *text = NULL;
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/probe.cl", folder);
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs("/* mine */", file);
    fclose(file);
    setenv("PF_KERNEL_DIR", folder, 1);
    CHECK_OK(pf__kernel_source("probe.cl", &text, &err), err);
    CU_ASSERT_STRING_EQUAL(text ? text : "", "/* mine */");
    free(text);
    CHECK_INT(pf__kernel_source("absent.cl", &text, &err), PF_DATA);
    CHECK_CONTAINS(err.message, "absent.cl");
    CHECK_CONTAINS(err.hint, "PF_KERNEL_DIR");
    unsetenv("PF_KERNEL_DIR");
    unlink(path);
    rmdir(folder);
}

static void passes_options(void) {
    pf_error err = {0};
    pf_context *c = fixture_open(false);
    pf__program *p = NULL;
    const char *source = "#if PF_TEST != 42 || __OPENCL_C_VERSION__ != 120\n#error wrong options\n#endif\n"
                         "kernel void nothing(void) {}\n";
    CHECK_OK(pf__program_build(c, "options", source, "-DPF_TEST=42", &p, &err), err);
    pf__program_release(&p);
    CU_ASSERT_PTR_NULL(p);
    CHECK_INT(pf__program_build(c, "options", source, "-DPF_TEST=41", &p, &err), PF_DEVICE);
    CU_ASSERT_PTR_NULL(p);
    pf_context_destroy(&c);
}

static void count_line(void *user, pf_log_level level, const char *line) {
    int *lines = user;
    if (level == PF_LOG_INFO && strstr(line, "undeclared_thing")) (*lines)++;
}

static void explains_a_failed_build(void) {
    int lines = 0;
    pf_error err = {0};
    pf_context *c = NULL;
    pf__program *p = NULL;
    pf_context_desc desc = {.device = getenv("PF_DEVICE"), .log = count_line, .log_user = &lines};
    CHECK_OK(pf_context_create(&c, &desc, &err), err);
    if (!c) return;
    CHECK_INT(pf__program_build(c, "my_broken.cl",
                                "kernel void k(global int *x) { x[0] = undeclared_thing; }", "-DWIDTH=3", &p,
                                &err),
              PF_DEVICE);
    CU_ASSERT_PTR_NULL(p);
    CHECK_CONTAINS(err.message, "my_broken.cl");
    CHECK_CONTAINS(err.message, "-DWIDTH=3");
    CHECK_CONTAINS(err.message, "CL_BUILD_PROGRAM_FAILURE");
    CHECK_CONTAINS(err.message, "undeclared_thing");
    if (!fixture_is_oclgrind(c))
        CHECK_CONTAINS(err.message, "my_broken.cl:1"); /* the place, not a temporary file */
    CHECK_CONTAINS(err.message, pf_context_device(c)->name);
    CU_ASSERT_PTR_NULL(strchr(err.message, '\n'));
    CU_ASSERT(err.hint[0] != 0);
    CU_ASSERT(lines > 0);
    CHECK_INT(pf__program_build(c, "my_broken.cl", "kernel void k(", NULL, &p, NULL), PF_DEVICE);
    pf_context_destroy(&c);
}

void test_program_suite(void) {
    CU_pSuite s = CU_add_suite("program", NULL, NULL);
    CU_add_test(s, "gives every embedded source", gives_every_embedded_source);
    CU_add_test(s, "reads the kernel folder", reads_the_kernel_folder);
    CU_add_test(s, "passes options", passes_options);
    CU_add_test(s, "explains a failed build", explains_a_failed_build);
}
