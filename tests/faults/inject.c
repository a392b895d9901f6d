/* SPDX-License-Identifier: MIT
 * Which call fails.
 *   PF_FAULT=N[:KIND][:on]   the N-th call (of KIND: opencl, memory, hdf5, file) fails; with "on" also all
 * after it PF_FAULT_COUNT=FILE      a line "KIND SYMBOL ADDRESS" for every call, or under PF_FAULT for every
 * failed one The address is that of the caller in the program's file, as addr2line takes it. */
#include "inject.h"
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int __real_open(const char *path, int flags, ...);
ssize_t __real_write(int fd, const void *bytes, size_t length);

extern const char __executable_start; /* by the linker: address 0 of a position-independent program */

static const char *const kind_names[FAULT_KINDS] = {"opencl", "memory", "hdf5", "file"};

static struct {
    unsigned long n; /* 0: nothing fails */
    int kind;        /* FAULT_KINDS: any */
    bool on;
    int record; /* a descriptor, or -1 */
} plan = {.kind = FAULT_KINDS, .record = -1};

static atomic_ulong counts[FAULT_KINDS + 1]; /* the last: of all kinds */

static atomic_int held[FAULT_KINDS];

static bool parse(const char *text) {
    char *end;
    plan.n = strtoul(text, &end, 10);
    if (end == text || *text == '-' || plan.n == 0) return false;
    while (*end == ':') {
        size_t length = strcspn(++end, ":");
        int kind = 0;
        while (kind < FAULT_KINDS &&
               (strlen(kind_names[kind]) != length || strncmp(end, kind_names[kind], length) != 0))
            kind++;
        if (kind < FAULT_KINDS)
            plan.kind = kind;
        else if (length == 2 && strncmp(end, "on", 2) == 0)
            plan.on = true;
        else
            return false;
        end += length;
    }
    return *end == '\0';
}

static void report_held(void) {
    for (int i = 0; i < FAULT_KINDS; i++)
        if (held[i]) fprintf(stderr, "faults: %d %s objects are not given back\n", held[i], kind_names[i]);
}

void pf_fault_hold(pf_fault_kind kind, int change) {
    held[kind] += change;
}

__attribute__((constructor)) static void begin(void) {
    const char *fault = getenv("PF_FAULT"), *file = getenv("PF_FAULT_COUNT");
    if (fault && !parse(fault)) {
        static const char text[] = "pushforward: error: PF_FAULT is not understood\n"
                                   "hint: PF_FAULT=N[:opencl|memory|hdf5|file][:on]\n";
        if (__real_write(2, text, sizeof text - 1) < 0) _exit(1);
        _exit(2);
    }
    if (file) plan.record = __real_open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    atexit(report_held);
}

static void record(pf_fault_kind kind, const char *symbol, const void *caller) {
    char line[160];
    int n = snprintf(line, sizeof line, "%s %s 0x%llx\n", kind_names[kind], symbol,
                     (unsigned long long)((uintptr_t)caller - (uintptr_t)&__executable_start));
    if (n > 0 && __real_write(plan.record, line, (size_t)n) != n)
        _exit(1); /* a count that lies is worse than none */
}

bool pf_fault(pf_fault_kind kind, const char *symbol, const void *caller) {
    unsigned long of_kind = atomic_fetch_add(&counts[kind], 1) + 1,
                  of_all = atomic_fetch_add(&counts[FAULT_KINDS], 1) + 1;
    bool fails = false;
    if (plan.n && (plan.kind == FAULT_KINDS || plan.kind == (int)kind)) {
        unsigned long now = plan.kind == FAULT_KINDS ? of_all : of_kind;
        fails = plan.on ? now >= plan.n : now == plan.n;
    }
    if (plan.record >= 0 && (fails || !plan.n)) record(kind, symbol, caller);
    return fails;
}
