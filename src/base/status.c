/* SPDX-License-Identifier: MIT
 * Names, texts and exit codes of the statuses, from the one table in pushforward/status.h. */
#include "pushforward/status.h"

const char *pf_version(void) {
    return PF_VERSION_STRING;
}

const char *pf_status_name(pf_status status) {
    switch (status) {
#define CASE(name, value, exit_code, text) \
    case PF_##name:                        \
        return "PF_" #name;
        PF_STATUS_MAP(CASE)
#undef CASE
    }
    return "PF_UNKNOWN";
}

const char *pf_status_text(pf_status status) {
    switch (status) {
#define CASE(name, value, exit_code, text) \
    case PF_##name:                        \
        return text;
        PF_STATUS_MAP(CASE)
#undef CASE
    }
    return "unknown status";
}

int pf_status_exit_code(pf_status status) {
    switch (status) {
#define CASE(name, value, exit_code, text) \
    case PF_##name:                        \
        return exit_code;
        PF_STATUS_MAP(CASE)
#undef CASE
    }
    return 1;
}
