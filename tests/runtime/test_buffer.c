/* SPDX-License-Identifier: MIT
 * Device memory. */
#include "fixture.h"
#include "runtime/native.h"

void test_buffer_suite(void);

static void is_zero_at_first(void) {
    pf_context *c = fixture_open(false);
    pf__buffer *b = NULL;
    pf_error err = {0};
    unsigned char bytes[1001];
    int wrong = 0;
    for (int i = 0; i < 4; i++) { /* what was there before must not show through */
        memset(bytes, 7, sizeof bytes);
        CHECK_OK(pf__buffer_create(c, sizeof bytes, "dirt", &b, &err), err);
        CHECK_OK(pf__buffer_write(b, 0, bytes, sizeof bytes, true, &err), err);
        pf__buffer_release(&b);
    }
    CHECK_OK(pf__buffer_create(c, sizeof bytes, "odd", &b, &err), err);
    CHECK_INT(pf__buffer_bytes(b), sizeof bytes);
    CHECK_OK(pf__buffer_read(b, 0, bytes, sizeof bytes, &err), err);
    for (size_t i = 0; i < sizeof bytes; i++) wrong += bytes[i] != 0;
    CHECK_INT(wrong, 0);
    pf__buffer_release(&b);
    CU_ASSERT_PTR_NULL(b);
    pf_context_destroy(&c);
}

static void writes_reads_copies_zeroes(void) {
    const float values[6] = {1, 2, 3, 4, 5, 6};
    const float expected[6] = {1, 0, 0, 2, 3, 6};
    float out[6] = {0}, part[2] = {0};
    pf_error err = {0};
    pf_context *c = fixture_open(false);
    pf__buffer *a = fixture_buffer(c, values, 6, "a"), *b = fixture_buffer(c, values, 6, "b");
    CHECK_OK(pf__buffer_copy(a, 4, b, 12, 8, &err), err);
    CHECK_OK(pf__buffer_zero(b, 4, 8, &err), err);
    CHECK_OK(pf__buffer_read(b, 0, out, sizeof out, &err), err);
    for (int i = 0; i < 6; i++) CHECK_NEAR(out[i], expected[i], 0);
    CHECK_OK(pf__buffer_write(b, 4, values + 3, 8, false, &err), err);
    CHECK_OK(pf__buffer_read(b, 4, part, sizeof part, &err), err);
    CHECK_NEAR(part[0], 4, 0);
    CHECK_NEAR(part[1], 5, 0);
    pf__buffer_release(&a);
    pf__buffer_release(&b);
    pf_context_destroy(&c);
}

static void stays_inside(void) {
    float host[8] = {0};
    pf_error err = {0};
    pf_context *c = fixture_open(false);
    pf__buffer *a = fixture_buffer(c, host, 4, "the small one"), *b = fixture_buffer(c, host, 8, "b");
    CHECK_INT(pf__buffer_write(a, 4, host, 16, true, &err), PF_USAGE);
    CHECK_CONTAINS(err.message, "the small one");
    CHECK_CONTAINS(err.message, "16 bytes at 4");
    CHECK_INT(pf__buffer_read(a, 17, host, 0, &err), PF_USAGE);
    CHECK_INT(pf__buffer_read(a, 8, host, SIZE_MAX - 4, &err), PF_USAGE);
    CHECK_INT(pf__buffer_copy(b, 0, a, 0, 20, &err), PF_USAGE);
    CHECK_INT(pf__buffer_copy(a, 0, b, 0, 20, &err), PF_USAGE);
    CHECK_INT(pf__buffer_zero(b, 2, 4, &err), PF_USAGE);
    CHECK_INT(pf__buffer_zero(b, 0, 36, &err), PF_USAGE);
    CHECK_OK(pf__buffer_write(a, 16, host, 0, true, &err), err);
    pf__buffer_release(&a);
    pf__buffer_release(&b);
    pf_context_destroy(&c);
}

static void counts_memory(void) {
    pf_error err = {0};
    pf_context *c = fixture_open(false);
    CHECK_INT(pf_context_count(c).bytes, 0);
    pf__buffer *a = fixture_buffer(c, NULL, 25, "a"); /* 100 bytes: two vectors and one of slack */
    CHECK_INT(pf_context_count(c).bytes, 384);
    pf__buffer *again = pf__buffer_retain(a);
    pf__buffer_release(&a);
    CHECK_INT(pf_context_count(c).bytes, 384);
    pf__buffer *b = fixture_buffer(c, NULL, 16, "b");
    CHECK_INT(pf_context_count(c).bytes, 384 + 320);
    pf__buffer_release(&again);
    CHECK_INT(pf_context_count(c).bytes, 320);
    CHECK_INT(pf_context_count(c).bytes_peak, 384 + 320);
    CHECK_INT(pf_context_count(c).allocations, 2);
    CHECK_INT(pf_context_count(c).blocking, 0);
    CHECK_OK(pf__context_finish(c, &err), err);
    CHECK_INT(pf_context_count(c).blocking, 1);
    pf__buffer_release(&b);
    pf__buffer_release(&b);
    pf_context_destroy(&c);
}

static void refuses_too_much(void) {
    pf_error err = {0};
    pf_context *c = fixture_open(false);
    pf__buffer *b = NULL;
    size_t most = (size_t)pf_context_device(c)->allocation_bytes_max;
    CHECK_INT(pf__buffer_create(c, most + 1, "a huge one", &b, &err), PF_MEMORY);
    CU_ASSERT_PTR_NULL(b);
    CHECK_CONTAINS(err.message, "a huge one");
    CHECK_CONTAINS(err.message, "MiB");
    CHECK_CONTAINS(err.message, pf_context_device(c)->name);
    CHECK_CONTAINS(err.hint, "smaller batch");
    CHECK_INT(pf__buffer_create(c, SIZE_MAX, "an endless one", &b, &err), PF_MEMORY);
    CHECK_INT(pf_context_count(c).bytes, 0);
    CHECK_INT(pf_context_count(c).allocations, 0);
    pf_context_destroy(&c);
}

static void gives_parts(void) {
    pf_error err = {0};
    pf_context *c = fixture_open(false);
    size_t align = pf_context_device(c)->base_align_bytes;
    pf__buffer *b = fixture_buffer(c, NULL, align, "whole");
    const float value = 3;
    float out = 0;
    cl_mem part = NULL;
    CHECK_OK(pf__buffer_write(b, align, &value, sizeof value, true, &err), err);
    CHECK_OK(pf__native_sub_buffer(b, align, align, &part, &err), err);
    CHECK_INT(clEnqueueReadBuffer(*pf__native_queue(c), part, CL_TRUE, 0, sizeof out, &out, 0, NULL, NULL),
              0);
    CHECK_NEAR(out, 3, 0);
    clReleaseMemObject(part);
    CHECK_INT(pf__native_sub_buffer(b, 0, 100 * align, &part, &err), PF_USAGE);
    if (align > 4) {
        CHECK_INT(pf__native_sub_buffer(b, 4, 4, &part, &err), PF_USAGE);
        CHECK_CONTAINS(err.message, "not a multiple of the alignment");
    }
    pf__buffer_release(&b);
    pf_context_destroy(&c);
}

void test_buffer_suite(void) {
    CU_pSuite s = CU_add_suite("buffer", NULL, NULL);
    CU_add_test(s, "is zero at first", is_zero_at_first);
    CU_add_test(s, "writes, reads, copies, zeroes", writes_reads_copies_zeroes);
    CU_add_test(s, "stays inside", stays_inside);
    CU_add_test(s, "counts memory", counts_memory);
    CU_add_test(s, "refuses too much", refuses_too_much);
    CU_add_test(s, "gives parts", gives_parts);
}
