/* SPDX-License-Identifier: MIT
 * How much memory this process may come to use. Not how much is free now: that changes from run to run. */
#ifndef PF__BASE_MEMORY_H
#define PF__BASE_MEMORY_H

#include <stdint.h>

typedef struct pf__memory_limit {
    uint64_t bytes; /* 0: not known */
    const char *by; /* who sets it, for messages: "this machine has" */
} pf__memory_limit;

/** The smallest of the machine's memory, the control group's limit, and the process's own limits. */
pf__memory_limit pf__memory_limit_get(void);

/** The smallest limit on the way from a process's control group to the root, versions 1 and 2. membership:
 * the text of /proc/self/cgroup; root: where the groups are mounted. UINT64_MAX: none. */
uint64_t pf__memory_cgroup(const char *membership, const char *root);

#endif
