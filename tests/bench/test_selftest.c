/* SPDX-License-Identifier: MIT
 * The self-test: it covers the table of operations, passes on a good device, and finds a kernel made wrong in
 * the rows that use it and in no others. */
#include "base/file.h"
#include "bench/selftest.h"
#include "check.h"
#include "pushforward/bench.h"
#include "runtime/embedded.h"
#include <dirent.h>
#include <unistd.h>

void test_selftest_suite(void);

static void covers_the_table(void) {
    bool op[PF__OP_COUNT] = {false}, scalar[PF__SCALAR_COUNT] = {false};
    pf_error err = {0};
    for (const pf__selftest_group *group = pf__selftest_groups; group->name; group++) {
        pf__trial t = {0};
        CHECK_OK(pf_graph_create(&t.graph, &err), err);
        group->build(&t, true);
        CHECK_OK(pf_graph_check(t.graph, &err), err);
        for (uint32_t i = 1; i < t.graph->node_count; i++) {
            const pf__node *n = &t.graph->nodes[i];
            op[n->op] = true;
            if (n->op == PF__OP_MAP) scalar[n->attr.kind] = true;
        }
        pf_graph_destroy(&t.graph);
    }
    for (int i = PF__OP_ZERO + 1; i < PF__OP_COUNT; i++) {
        if (!op[i]) fprintf(stderr, "no row uses operation %d\n", i);
        CU_ASSERT(op[i]);
    }
    for (int i = 0; i < PF__SCALAR_COUNT; i++) {
        if (!scalar[i]) fprintf(stderr, "no row uses %s\n", pf__scalar_name((pf__scalar)i));
        CU_ASSERT(scalar[i]);
    }
}

/* Rows that are not ok, as "name, name". */
typedef struct bad {
    char names[512];
    int rows;
} bad;

static void report(void *user, const pf_selftest_row *row) {
    bad *b = user;
    const size_t used = strlen(b->names);
    b->rows++;
    if (row->state == PF_SELFTEST_OK) return;
    if (row->detail[0]) fprintf(stderr, "%s: %s\n", row->name, row->detail);
    snprintf(b->names + used, sizeof b->names - used, "%s%s", used ? ", " : "", row->name);
}

static pf_context *open_context(const char *cache) {
    pf_context *context = NULL;
    pf_error err = {0};
    const pf_context_desc desc = {.device = getenv("PF_DEVICE"), .cache = cache};
    CHECK_OK(pf_context_create(&context, &desc, &err), err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(context);
    return context;
}

static pf_status run(bad *b, pf_selftest_result *result, pf_error *err) {
    pf_context *context = open_context(NULL);
    const pf_selftest_desc desc = {.quick = true, .report = report, .user = b};
    const pf_status st = pf_selftest_run(context, &desc, result, err);
    CHECK_INT(result->rows, b->rows);
    pf_context_destroy(&context);
    return st;
}

static void passes_here(void) {
    bad b = {0};
    pf_error err = {0};
    pf_selftest_result result = {0};
    CHECK_OK(run(&b, &result, &err), err);
    CU_ASSERT_STRING_EQUAL(b.names, "");
    CU_ASSERT_STRING_EQUAL(result.avoid, "");
    CU_ASSERT_STRING_EQUAL(result.basic, "");
    CU_ASSERT(b.rows > 10);
}

/* ---- kernels made wrong ---- */

static char kernels[64];

static void copy_kernel(const char *name, const char *from, const char *to) {
    pf_error err = {0};
    char source[512], target[512], *text = NULL;
    size_t length = 0;
    snprintf(source, sizeof source, "%s/cl/%s", PF_SOURCE_DIR, name);
    snprintf(target, sizeof target, "%s/%s", kernels, name);
    CHECK_OK(pf__file_read(source, &text, &length, &err), err);
    char *at = text && from ? strstr(text, from) : NULL;
    if (from) CU_ASSERT_PTR_NOT_NULL(at);
    if (at) memcpy(at, to, strlen(to));
    CHECK_OK(pf__file_write(target, text ? text : "", length, &err), err);
    free(text);
}

/* Puts `to` in the place of `from`, of the same length, in one kernel. */
static void break_kernel(const char *kernel, const char *from, const char *to) {
    snprintf(kernels, sizeof kernels, "/tmp/pf_kernels_XXXXXX");
    CHECK_INT(strlen(from), strlen(to));
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(kernels));
    for (const struct pf__embedded *e = pf__embedded; e->name; e++)
        copy_kernel(e->name, strcmp(e->name, kernel) == 0 ? from : NULL, to);
    setenv("PF_KERNEL_DIR", kernels, 1);
}

static void restore_kernels(void) {
    char path[128];
    unsetenv("PF_KERNEL_DIR");
    for (const struct pf__embedded *e = pf__embedded; e->name; e++) {
        snprintf(path, sizeof path, "%s/%s", kernels, e->name);
        unlink(path);
    }
    rmdir(kernels);
}

static void check_broken(const char *kernel, const char *from, const char *to, const char *rows, bool basic) {
    bad b = {0};
    pf_error err = {0};
    pf_selftest_result result = {0};
    break_kernel(kernel, from, to);
    CHECK_INT(run(&b, &result, &err), PF_MISMATCH);
    restore_kernels();
    if (strcmp(b.names, rows) != 0) fprintf(stderr, "wrong: %s; expected: %s\n", b.names, rows);
    CU_ASSERT_STRING_EQUAL(b.names, rows);
    CHECK_CONTAINS(err.message, "computes wrongly");
    CHECK_INT(result.basic[0] != 0, basic);
    CHECK_INT(result.avoid[0] != 0, !basic);
}

static void finds_a_wrong_product(void) {
    check_broken("matmul.cl", "c3 += a[r3] * x;", "c3 += a[r2] * x;", "products by generic", true);
}

#define TILES "c##r##_##v += a##r * b##v;"
#define WRONG "c##r##_##v -= a##r * b##v;"

/* Where the device multiplies by that kernel of its own accord. */
static bool multiplies_by_cpu(void) {
    pf_context *context = open_context(NULL);
    const bool is_cpu = pf_context_device(context)->type == PF_DEVICE_CPU;
    pf_context_destroy(&context);
    return is_cpu;
}

static void finds_a_wrong_candidate(void) {
    if (multiplies_by_cpu())
        check_broken("matmul.cl", TILES, WRONG, "jvp and vjp of a network by cpu", false);
}

static void finds_a_wrong_gather(void) {
    check_broken("gather.cl", "sum = mad(1.0f,", "sum = mad(2.0f,", "gathers", true);
}

static void finds_wrong_bits(void) {
    check_broken("random.cl", "c3 = l0;", "c3 = l1;", "random leaves, random: published bits", true);
}

static void avoids_by_whole_names(void) {
    pf_context *context = open_context(NULL);
    pf_error err = {0};
    char lengthy[256];
    memset(lengthy, 'a', sizeof lengthy - 1);
    lengthy[sizeof lengthy - 1] = '\0';
    CHECK_INT(pf__context_avoids(context, "cpu"), 0);
    CHECK_OK(pf_context_avoid(context, "clblast,cpu", &err), err);
    CHECK_INT(pf__context_avoids(context, "cpu"), 1);
    CHECK_INT(pf__context_avoids(context, "clblast"), 1);
    CHECK_INT(pf__context_avoids(context, "cp"), 0);
    CHECK_INT(pf__context_avoids(context, "cpux"), 0);
    CHECK_INT(pf__context_avoids(context, "blast"), 0);
    CHECK_INT(pf_context_avoid(context, lengthy, &err), PF_USAGE);
    CU_ASSERT_STRING_EQUAL(pf_context_avoided(context), "clblast,cpu");
    CHECK_OK(pf_context_avoid(context, NULL, &err), err);
    CHECK_INT(pf__context_avoids(context, "cpu"), 0);
    pf_context_destroy(&context);
}

/* ---- verdicts that are remembered ---- */

static char folder[64];

static void enter(void) {
    snprintf(folder, sizeof folder, "/tmp/pf_verdict_XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
}

static void leave(void) {
    pf_cache_usage removed;
    pf_error err = {0};
    CHECK_OK(pf_cache_clear(folder, &removed, &err), err);
    CHECK_INT(rmdir(folder), 0);
}

static uint64_t verdicts(void) {
    pf_cache_usage usage;
    pf_error err = {0};
    CHECK_OK(pf_cache_show(folder, &usage, &err), err);
    CHECK_INT(usage.programs, 0); /* what the self-test builds is not kept */
    return usage.verdicts;
}

/* Asks in a context of its own; *rows: how many ran. */
static pf_status require(pf_selftest_result *result, int *rows, char avoided[64], pf_error *err) {
    bad b = {0};
    pf_context *context = open_context(folder);
    const pf_selftest_desc desc = {.quick = true, .report = report, .user = &b};
    const pf_status st = pf_selftest_require(context, &desc, result, err);
    snprintf(avoided, 64, "%s", pf_context_avoided(context));
    *rows = b.rows;
    pf_context_destroy(&context);
    return st;
}

static void remembers_a_good_device(void) {
    pf_selftest_result first, second;
    pf_error err = {0};
    char avoided[64];
    int rows;
    enter();
    CHECK_OK(require(&first, &rows, avoided, &err), err);
    CHECK_INT(first.remembered, 0);
    CU_ASSERT(rows > 10);
    CHECK_INT(verdicts(), 1);
    CHECK_OK(require(&second, &rows, avoided, &err), err);
    CHECK_INT(second.remembered, 1);
    CHECK_INT(rows, 0);
    CHECK_INT(second.rows, first.rows);
    CHECK_INT(second.quick, 1);
    CU_ASSERT_STRING_EQUAL(second.date, first.date);
    CHECK_INT(strlen(second.date), 20);
    CU_ASSERT_STRING_EQUAL(avoided, "");
    leave();
}

/* Other kernels are asked about anew; a bad candidate is avoided, now and when remembered. */
static void avoids_a_bad_candidate(void) {
    pf_selftest_result r;
    pf_error err = {0};
    char avoided[64];
    int rows;
    if (!multiplies_by_cpu()) return;
    enter();
    break_kernel("matmul.cl", TILES, WRONG);
    for (int again = 0; again < 2; again++) {
        CHECK_OK(require(&r, &rows, avoided, &err), err);
        CHECK_INT(r.remembered, again);
        CU_ASSERT_STRING_EQUAL(avoided, "cpu");
        CHECK_CONTAINS(r.optional, "a network by cpu (");
        CU_ASSERT_STRING_EQUAL(r.basic, "");
    }
    restore_kernels();
    CHECK_INT(verdicts(), 1);
    pf_context *context = open_context(folder);
    CHECK_INT(pf_selftest_recall(context, &r), 0);
    CHECK_INT(r.rows, 0);
    pf_context_destroy(&context);
    leave();
}

static void refuses_a_bad_device(void) {
    pf_selftest_result r;
    pf_error err = {0};
    char avoided[64];
    int rows;
    enter();
    break_kernel("random.cl", "c3 = l0;", "c3 = l1;");
    for (int again = 0; again < 2; again++) {
        CHECK_INT(require(&r, &rows, avoided, &err), PF_MISMATCH);
        CHECK_INT(r.remembered, again);
        CHECK_CONTAINS(err.message, "computes wrongly: random leaves (");
        CHECK_CONTAINS(err.hint, "runtime.selftest = off");
        CU_ASSERT_STRING_EQUAL(avoided, "");
    }
    restore_kernels();
    leave();
}

/* A basic kernel that cannot be built says nothing for good. */
static void remembers_no_failure(void) {
    pf_selftest_result r;
    pf_error err = {0};
    char avoided[64];
    int rows;
    enter();
    break_kernel("gather.cl", "sum = mad(1.0f,", "sum = mad(1.0f;");
    CHECK_INT(require(&r, &rows, avoided, &err), PF_DEVICE);
    CHECK_INT(r.failed, 1);
    CHECK_CONTAINS(r.basic, "gathers (did not run: ");
    restore_kernels();
    CHECK_INT(verdicts(), 0);
    leave();
}

/* Every bit of the file counts, and its whole length. */
static void refuses_damaged_verdicts(void) {
    char path[512] = "", *data = NULL;
    size_t length = 0;
    int accepted = 0;
    pf_error err = {0};
    enter();
    pf_context *context = open_context(folder);
    pf_selftest_result r = {.rows = 12, .wrong = 1, .quick = true, .avoid = "cpu", .optional = "a\nb"}, found;
    pf__verdict_store(context, &r);
    CHECK_INT(pf_selftest_recall(context, &found), 1);
    CU_ASSERT_STRING_EQUAL(found.avoid, "cpu");
    CU_ASSERT_STRING_EQUAL(found.optional, "a b");
    CHECK_INT(found.wrong, 1);
    DIR *d = opendir(folder);
    CU_ASSERT_PTR_NOT_NULL_FATAL(d);
    for (const struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.') snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
    closedir(d);
    CHECK_OK(pf__file_read(path, &data, &length, &err), err);
    for (size_t bit = 0; bit < 8 * length; bit++) {
        data[bit / 8] = (char)(data[bit / 8] ^ 1 << bit % 8);
        accepted += pf__verdict_parse(data, length, &found);
        data[bit / 8] = (char)(data[bit / 8] ^ 1 << bit % 8);
    }
    CHECK_INT(pf__verdict_parse(data, length, &found), 1);
    for (size_t cut = length; cut-- > 0;) {
        data[cut] = '\0';
        accepted += pf__verdict_parse(data, cut, &found);
    }
    CHECK_INT(accepted, 0);
    CHECK_OK(pf__file_write(path, "text", 4, &err), err);
    CHECK_INT(pf_selftest_recall(context, &found), 0);
    free(data);
    pf_context_destroy(&context);
    leave();
}

void test_selftest_suite(void) {
    CU_pSuite s = CU_add_suite("self-test", NULL, NULL);
    CU_add_test(s, "covers the table of operations", covers_the_table);
    CU_add_test(s, "passes here", passes_here);
    CU_add_test(s, "finds a wrong product", finds_a_wrong_product);
    CU_add_test(s, "finds a wrong candidate", finds_a_wrong_candidate);
    CU_add_test(s, "finds a wrong gather", finds_a_wrong_gather);
    CU_add_test(s, "finds wrong random bits", finds_wrong_bits);
    CU_add_test(s, "avoids by whole names", avoids_by_whole_names);
    CU_add_test(s, "remembers a good device", remembers_a_good_device);
    CU_add_test(s, "avoids a bad candidate", avoids_a_bad_candidate);
    CU_add_test(s, "refuses a bad device", refuses_a_bad_device);
    CU_add_test(s, "remembers no failure", remembers_no_failure);
    CU_add_test(s, "refuses damaged verdicts", refuses_damaged_verdicts);
}
