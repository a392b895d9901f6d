/* SPDX-License-Identifier: MIT
 * Faults on purpose. The program pushforward_faults is the program itself, linked so (ld --wrap) that every
 * call of ours that can fail goes through a wrapper here, which lets the call of PF_FAULT fail. Calls inside
 * libraries are theirs and stay untouched. */
#ifndef PF_FAULTS_INJECT_H
#define PF_FAULTS_INJECT_H

#include <stdbool.h>

typedef enum pf_fault_kind { FAULT_OPENCL, FAULT_MEMORY, FAULT_HDF5, FAULT_FILE, FAULT_KINDS } pf_fault_kind;

/* Counts a call; true when it is to fail. `caller`: where the call came from, for the record. */
bool pf_fault(pf_fault_kind kind, const char *symbol, const void *caller);

/* An object is held (+1) or given back (-1); what is left at the end is reported to stderr as "faults: ...".
 */
void pf_fault_hold(pf_fault_kind kind, int change);

/* Defines the wrapper of a function: `failure` is what it yields in place of the call. The build reads the
 * names to wrap from the uses of these macros, so that each stands at the begin of a line, the name first. */
#define WRAP(name, kind, result, parameters, arguments, failure)                        \
    result __real_##name parameters;                                                    \
    result __wrap_##name parameters;                                                    \
    result __wrap_##name parameters {                                                   \
        if (pf_fault(FAULT_##kind, #name, __builtin_return_address(0))) return failure; \
        return __real_##name arguments;                                                 \
    }

/* One written by hand: declares both; the body follows. */
#define WRAP_BODY(name, result, parameters) \
    result __real_##name parameters;        \
    result __wrap_##name parameters;        \
    result __wrap_##name parameters

#endif
