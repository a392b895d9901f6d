/* SPDX-License-Identifier: MIT
 * The self-test: it covers the table of operations, passes on a good device, and finds a kernel made wrong in
 * the rows that use it and in no others. */
#include "base/file.h"
#include "bench/selftest.h"
#include "check.h"
#include "pushforward/bench.h"
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

static pf_status run(bad *b, pf_error *err) {
    pf_context *context = NULL;
    pf_selftest_result result = {0};
    CHECK_OK(pf_context_create(&context, &(pf_context_desc){.device = getenv("PF_DEVICE")}, err), *err);
    if (!context) return PF_NO_DEVICE;
    const pf_selftest_desc desc = {.quick = true, .report = report, .user = b};
    const pf_status st = pf_selftest_run(context, &desc, &result, err);
    CHECK_INT(result.rows, b->rows);
    pf_context_destroy(&context);
    return st;
}

static void passes_here(void) {
    bad b = {0};
    pf_error err = {0};
    CHECK_OK(run(&b, &err), err);
    CU_ASSERT_STRING_EQUAL(b.names, "");
    CU_ASSERT(b.rows > 12);
}

static void copy_kernel(const char *folder, const char *name, const char *from, const char *to) {
    pf_error err = {0};
    char source[512], target[512], *text = NULL;
    size_t length = 0;
    snprintf(source, sizeof source, "%s/cl/%s", PF_SOURCE_DIR, name);
    snprintf(target, sizeof target, "%s/%s", folder, name);
    CHECK_OK(pf__file_read(source, &text, &length, &err), err);
    char *at = text && from ? strstr(text, from) : NULL;
    if (from) CU_ASSERT_PTR_NOT_NULL(at);
    if (at) memcpy(at, to, strlen(to));
    CHECK_OK(pf__file_write(target, text ? text : "", length, &err), err);
    free(text);
}

/* Puts `to` in the place of `from`, of the same length, in one kernel, and expects the rows. */
static void check_broken(const char *kernel, const char *from, const char *to, const char *rows) {
    static const char *const names[] = {"gather.cl", "matmul.cl", "probe.cl", "random.cl"};
    char folder[] = "/tmp/pf_kernels_XXXXXX", path[64];
    bad b = {0};
    pf_error err = {0};
    CHECK_INT(strlen(from), strlen(to));
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    for (int i = 0; i < 4; i++)
        copy_kernel(folder, names[i], strcmp(names[i], kernel) == 0 ? from : NULL, to);
    setenv("PF_KERNEL_DIR", folder, 1);
    CHECK_INT(run(&b, &err), PF_MISMATCH);
    unsetenv("PF_KERNEL_DIR");
    if (strcmp(b.names, rows) != 0) fprintf(stderr, "wrong: %s; expected: %s\n", b.names, rows);
    CU_ASSERT_STRING_EQUAL(b.names, rows);
    CHECK_CONTAINS(err.message, "computes wrongly");
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

static void finds_a_wrong_product(void) {
    check_broken("matmul.cl", "c3 += a[r3] * x;", "c3 += a[r2] * x;", "products by generic");
}

static void finds_a_wrong_gather(void) {
    check_broken("gather.cl", "sum += source[(size_t)b * D + d];", "sum  = source[(size_t)b * D + d];",
                 "gathers");
}

static void finds_wrong_bits(void) {
    check_broken("random.cl", "c3 = l0;", "c3 = l1;",
                 "random bits, random uniforms, random normals, random: published bits");
}

void test_selftest_suite(void) {
    CU_pSuite s = CU_add_suite("self-test", NULL, NULL);
    CU_add_test(s, "covers the table of operations", covers_the_table);
    CU_add_test(s, "passes here", passes_here);
    CU_add_test(s, "finds a wrong product", finds_a_wrong_product);
    CU_add_test(s, "finds a wrong gather", finds_a_wrong_gather);
    CU_add_test(s, "finds wrong random bits", finds_wrong_bits);
}
