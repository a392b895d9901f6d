/* SPDX-License-Identifier: MIT
 * Marks: the host waits for a step and for no more than it. */
#include "fixture.h"
#include "runtime/native.h"
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

void test_mark_suite(void);

/* Holds the queue back until the test lets it go, so that "not yet passed" is certain. */
static cl_event gate_close(pf_context *c) {
    cl_int code;
    cl_event gate = clCreateUserEvent(pf__native_context(c), &code);
    CHECK_INT(code, CL_SUCCESS);
    CHECK_INT(clEnqueueBarrierWithWaitList(*pf__native_queue(c), 1, &gate, NULL), CL_SUCCESS);
    return gate;
}

struct opener {
    cl_event gate;
    atomic_bool opened;
};

static void *open_later(void *argument) {
    struct opener *o = argument;
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    atomic_store(&o->opened, true);
    clSetUserEventStatus(o->gate, CL_COMPLETE);
    return NULL;
}

static void waits_for_its_slot(void) {
    pf_error err = {0};
    pf_context *c = fixture_open(false);
    for (int slot = 0; slot < 8; slot++) CHECK_OK(pf__context_wait(c, slot, &err), err);
    CHECK_INT(pf_context_count(c).blocking, 0);
    CHECK_OK(pf__context_mark(c, 0, &err), err);
    CHECK_OK(pf__context_finish(c, &err), err);
    CHECK_OK(pf__context_wait(c, 0, &err), err); /* already passed */
    CHECK_INT(pf_context_count(c).blocking, 1);  /* the finish */
    pf_context_destroy(&c);
}

static void waits_for_no_more(void) {
    pf_error err = {0};
    pf_context *c = fixture_open(false);
    if (fixture_is_oclgrind(c)) {
        pf_context_destroy(&c);
        return;
    }
    CHECK_OK(pf__context_mark(c, 1, &err), err);
    CHECK_OK(pf__context_finish(c, &err), err);
    cl_event gate = gate_close(c);
    CHECK_OK(pf__context_mark(c, 2, &err), err);
    CHECK_OK(pf__context_wait(c, 1, &err), err); /* would hang if it waited for slot 2 */
    CHECK_INT(pf_context_count(c).blocking, 1);
    struct opener opener = {.gate = gate};
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, open_later, &opener), 0);
    CHECK_OK(pf__context_wait(c, 2, &err), err);
    CU_ASSERT(atomic_load(&opener.opened)); /* it did wait for slot 2 */
    CHECK_INT(pf_context_count(c).blocking, 2);
    CHECK_INT(pthread_join(thread, NULL), 0);
    clReleaseEvent(gate);
    pf_context_destroy(&c);
}

static void replaces_marks(void) {
    pf_error err = {0};
    pf_context *c = fixture_open(false);
    for (int i = 0; i < 100; i++) CHECK_OK(pf__context_mark(c, i % 8, &err), err);
    for (int i = 0; i < 8; i++) CHECK_OK(pf__context_wait(c, i, &err), err);
    uint64_t blocking = pf_context_count(c).blocking;
    for (int i = 0; i < 8; i++) CHECK_OK(pf__context_wait(c, i, &err), err);
    CHECK_INT(pf_context_count(c).blocking, blocking);
    CHECK_OK(pf__context_mark(c, 3, &err), err); /* left for the destroy */
    pf_context_destroy(&c);
}

void test_mark_suite(void) {
    CU_pSuite s = CU_add_suite("mark", NULL, NULL);
    CU_add_test(s, "waits for its slot", waits_for_its_slot);
    CU_add_test(s, "waits for no more", waits_for_no_more);
    CU_add_test(s, "replaces marks", replaces_marks);
}
