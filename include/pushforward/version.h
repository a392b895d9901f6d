/* SPDX-License-Identifier: MIT
 * The version of the library and how its symbols are exported. */
#ifndef PUSHFORWARD_VERSION_H
#define PUSHFORWARD_VERSION_H

#define PF_VERSION_MAJOR  0
#define PF_VERSION_MINOR  1
#define PF_VERSION_PATCH  0
#define PF_VERSION_STRING "0.1.0"

#ifdef __cplusplus
#define PF_EXTERN extern "C"
#else
#define PF_EXTERN extern
#endif

#if defined(__GNUC__)
#define PF_API PF_EXTERN __attribute__((visibility("default")))
#else
#define PF_API PF_EXTERN
#endif

/** Declared so, a function may still change its signature between minor versions. */
#define PF_EXPERIMENTAL PF_API

/** The version of the library that is running, such as "0.1.0". Static storage. */
PF_API const char *pf_version(void);

#endif
