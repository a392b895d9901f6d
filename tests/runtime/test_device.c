/* SPDX-License-Identifier: MIT
 * Listing devices and choosing one. */
#include "fixture.h"
#include "runtime/objects.h"
#include <ctype.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
const char *test_device_program; /* this program, to run again */
int test_device_none(void);
void test_device_suite(void);

static void lists_devices(void) {
    pf_device_info *list = NULL;
    int count = 0;
    pf_error err = {0};
    CHECK_OK(pf_device_list(&list, &count, &err), err);
    CU_ASSERT_FATAL(count > 0);
    for (int i = 0; i < count; i++) {
        const pf_device_info *d = &list[i];
        CU_ASSERT(d->name[0] != 0);
        CU_ASSERT(d->platform[0] != 0);
        CHECK_CONTAINS(d->version, "OpenCL ");
        CU_ASSERT(d->compute_units > 0);
        CU_ASSERT(d->memory_bytes > 0);
        CU_ASSERT(d->allocation_bytes_max > 0 && d->allocation_bytes_max <= d->memory_bytes);
        CU_ASSERT(d->work_group_max > 0);
        CU_ASSERT(d->base_align_bytes >= 1 && d->base_align_bytes <= 65536);
        CU_ASSERT(d->vector_width == 1 || d->vector_width == 4 || d->vector_width == 8 ||
                  d->vector_width == 16);
        CU_ASSERT(d->type != PF_DEVICE_GPU || d->vector_width <= 4);
    }
    free(list);
}

static void chooses_vector_widths(void) {
    static const uint32_t cases[][3] = {/* reported, CPU, GPU */ {0, 1, 1},
                                        {1, 1, 1},
                                        {2, 1, 1},
                                        {4, 4, 4},
                                        {5, 4, 4},
                                        {8, 8, 4},
                                        {16, 16, 4},
                                        {32, 16, 4}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CHECK_INT(pf__vector_width(cases[i][0], PF_DEVICE_CPU), cases[i][1]);
        CHECK_INT(pf__vector_width(cases[i][0], PF_DEVICE_GPU), cases[i][2]);
    }
}

static void opens_by_selector(const char *selector, const pf_device_info *expected) {
    pf_context *c = NULL;
    pf_error err = {0};
    CHECK_OK(pf_context_create(&c, &(pf_context_desc){.device = selector}, &err), err);
    if (!c) return;
    CHECK_INT(pf_context_device(c)->platform_index, expected->platform_index);
    CHECK_INT(pf_context_device(c)->device_index, expected->device_index);
    pf_context_destroy(&c);
    CU_ASSERT_PTR_NULL(c);
    pf_context_destroy(&c);
}

static void opens_what_is_there(void) {
    pf_context *c = fixture_open(false);
    pf_device_info info = *pf_context_device(c);
    char selector[160];
    pf_context_destroy(&c);
    snprintf(selector, sizeof selector, "%d:%d", info.platform_index, info.device_index);
    opens_by_selector(selector, &info);
}

/* Selection needs no driver: a made-up machine with four devices. */
static struct pf__found machine[4] = {
    {.info = {.platform_index = 0, .device_index = 0, .name = "Host Processor", .type = PF_DEVICE_CPU}},
    {.obstacle = "has no OpenCL C compiler",
     .info = {.platform_index = 1, .device_index = 0, .name = "Old Card", .type = PF_DEVICE_GPU}},
    {.info = {.platform_index = 1, .device_index = 1, .name = "New Card", .type = PF_DEVICE_GPU}},
    {.info = {.platform_index = 3, .device_index = 0, .name = "Newer Card", .type = PF_DEVICE_GPU}},
};
static const struct pf__discovery found = {machine, 4, ""};

static void selects(void) {
    static const struct {
        const char *selector;
        int device;
    } cases[] = {
        {NULL, 2},  {"", 2},    {"gpu", 2}, {"GPU", 2},        {"cpu", 0},
        {"1:1", 2}, {"3:0", 3}, {"0:0", 0}, {"name=newer", 3}, {"name=HOST PROC", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct pf__found *one = NULL;
        pf_error err = {0};
        CHECK_OK(pf__select(&found, cases[i].selector, &one, &err), err);
        CU_ASSERT_PTR_EQUAL(one, &machine[cases[i].device]);
    }
    const struct pf__discovery only_cpu = {machine, 1, ""};
    const struct pf__found *one = NULL;
    pf_error err = {0};
    CHECK_OK(pf__select(&only_cpu, NULL, &one, &err), err);
    CU_ASSERT_PTR_EQUAL(one, &machine[0]);
}

static void refuses_bad_selectors(void) {
    static const char *const bad[] = {
        "gpux", "0", "0:", ":1", "0:1x", "-1:0", "name=", "1:99999999999999999999", " "};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const struct pf__found *one = NULL;
        pf_error err = {0};
        CHECK_INT(pf__select(&found, bad[i], &one, &err), PF_USAGE);
        CHECK_CONTAINS(err.message, bad[i]);
        CHECK_CONTAINS(err.hint, "name=");
    }
}

static void says_what_there_is(void) {
    static const char *const absent[] = {"accelerator", "0:1", "name=nothing like it", "2:0"};
    const struct pf__found *one = NULL;
    pf_error err = {0};
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) {
        CHECK_INT(pf__select(&found, absent[i], &one, &err), PF_NO_DEVICE);
        CHECK_CONTAINS(err.message, absent[i]);
        CHECK_CONTAINS(err.message, "0:0 'Host Processor' (CPU)");
        CHECK_CONTAINS(err.message, "1:0 'Old Card' (GPU, has no OpenCL C compiler)");
        CHECK_CONTAINS(err.message, "3:0 'Newer Card' (GPU)");
        CHECK_CONTAINS(err.hint, "pocl-opencl-icd");
    }
    CHECK_INT(pf__select(&found, "name=old", &one, &err), PF_NO_DEVICE);
    CHECK_CONTAINS(err.message, "'Old Card' cannot be used: it has no OpenCL C compiler");
    const struct pf__discovery hollow = {NULL, 0, "'Clover', 'rusticl'"};
    CHECK_INT(pf__select(&hollow, NULL, &one, &err), PF_NO_DEVICE);
    CHECK_CONTAINS(err.message, "'Clover', 'rusticl'");
    CHECK_CONTAINS(err.hint, "pocl-opencl-icd");
}

static void remember_line(void *user, pf_log_level level, const char *line) {
    if (level == PF_LOG_INFO) snprintf(user, 512, "%s", line);
}

static void logs_to_the_caller(void) {
    char line[512] = "";
    pf_context *c = NULL;
    pf_error err = {0};
    pf_context_desc desc = {.device = getenv("PF_DEVICE"), .log = remember_line, .log_user = line};
    CHECK_OK(pf_context_create(&c, &desc, &err), err);
    if (!c) return;
    CHECK_CONTAINS(line, pf_context_device(c)->name);
    pf_context_destroy(&c);
}

/* Runs in a process where no driver is installed; returns what main returns. */
int test_device_none(void) {
    pf_device_info *list = (pf_device_info *)1;
    int count = 1;
    pf_error err = {0};
    pf_context *c = NULL;
    if (pf_device_list(&list, &count, &err) != PF_OK || list || count) return 2;
    if (pf_context_create(&c, NULL, &err) != PF_NO_DEVICE || c) return 3;
    if (strcmp(err.message, "no OpenCL device found") != 0) return 4;
    if (!strstr(err.hint, "apt install pocl-opencl-icd")) return 5;
    if (pf_context_create(&c, &(pf_context_desc){.device = "gpu"}, NULL) != PF_NO_DEVICE) return 6;
    return pf_context_create(&c, &(pf_context_desc){.device = "gpux"}, &err) == PF_USAGE ? 0 : 7;
}

static void works_without_a_driver(void) {
    char folder[] = "/tmp/pf_no_driver_XXXXXX";
    pf_context *c = fixture_open(false);
    bool oclgrind = fixture_is_oclgrind(c);
    pf_context_destroy(&c);
    if (oclgrind) return;
    char *const arguments[] = {(char *)(uintptr_t)test_device_program, "--no-device", NULL};
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    const char *variable = "OCL_ICD_VENDORS", *before = getenv(variable);
    char *saved = before ? strdup(before) : NULL;
    setenv(variable, folder, 1);
    pid_t child = 0;
    int status = -1;
    CHECK_INT(posix_spawnp(&child, test_device_program, NULL, NULL, arguments, environ), 0);
    if (saved)
        setenv(variable, saved, 1);
    else
        unsetenv(variable);
    if (child > 0) CHECK_INT(waitpid(child, &status, 0), child);
    CU_ASSERT(WIFEXITED(status));
    CHECK_INT(WEXITSTATUS(status), 0);
    free(saved);
    rmdir(folder);
}

static void takes_another_vector_width(void) {
    pf_error err = {0};
    for (uint32_t width = 4; width <= 16; width *= 2) {
        pf_context *c = NULL;
        CHECK_OK(pf_context_create(
                     &c, &(pf_context_desc){.device = getenv("PF_DEVICE"), .vector_width = width}, &err),
                 err);
        CU_ASSERT_PTR_NOT_NULL_FATAL(c);
        const pf_device_info *info = pf_context_device(c);
        CHECK_INT(info->vector_width, info->type == PF_DEVICE_GPU ? 4 : width);
        pf_context_destroy(&c);
    }
    pf_context *none = NULL;
    CHECK_INT(pf_context_create(&none, &(pf_context_desc){.vector_width = 5}, &err), PF_USAGE);
    CHECK_CONTAINS(err.message, "vectors of 5");
}

void test_device_suite(void) {
    CU_pSuite s = CU_add_suite("device", NULL, NULL);
    CU_add_test(s, "lists devices", lists_devices);
    CU_add_test(s, "chooses vector widths", chooses_vector_widths);
    CU_add_test(s, "takes another vector width", takes_another_vector_width);
    CU_add_test(s, "opens what is there", opens_what_is_there);
    CU_add_test(s, "selects", selects);
    CU_add_test(s, "refuses bad selectors", refuses_bad_selectors);
    CU_add_test(s, "says what there is", says_what_there_is);
    CU_add_test(s, "logs to the caller", logs_to_the_caller);
    CU_add_test(s, "works without a driver", works_without_a_driver);
}
