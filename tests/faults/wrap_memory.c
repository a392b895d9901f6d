/* SPDX-License-Identifier: MIT
 * Memory, and what libraries make out of it for us. */
#include "inject.h"
#include <errno.h>
#include <ini.h>
#include <lapacke.h>
#include <locale.h>
#include <png.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define NONE (errno = ENOMEM, NULL)

WRAP(malloc, MEMORY, void *, (size_t bytes), (bytes), NONE)
WRAP(calloc, MEMORY, void *, (size_t n, size_t bytes), (n, bytes), NONE)
WRAP(realloc, MEMORY, void *, (void *old, size_t bytes), (old, bytes), NONE)
WRAP(strdup, MEMORY, char *, (const char *text), (text), NONE)
WRAP(strndup, MEMORY, char *, (const char *text, size_t n), (text, n), NONE)
WRAP(newlocale, MEMORY, locale_t, (int mask, const char *name, locale_t base), (mask, name, base), NONE)

/* ---- threads ---- */
WRAP(pthread_create, MEMORY, int,
     (pthread_t * thread, const pthread_attr_t *how, void *(*body)(void *), void *user),
     (thread, how, body, user), EAGAIN)
WRAP(pthread_mutex_init, MEMORY, int, (pthread_mutex_t * m, const pthread_mutexattr_t *how), (m, how), ENOMEM)
WRAP(pthread_cond_init, MEMORY, int, (pthread_cond_t * c, const pthread_condattr_t *how), (c, how), ENOMEM)

/* ---- libpng ---- */
WRAP(png_create_read_struct, MEMORY, png_structp,
     (png_const_charp version, png_voidp user, png_error_ptr error, png_error_ptr warn),
     (version, user, error, warn), NULL)
WRAP(png_create_read_struct_2, MEMORY, png_structp,
     (png_const_charp version, png_voidp user, png_error_ptr error, png_error_ptr warn, png_voidp pool,
      png_malloc_ptr take, png_free_ptr give),
     (version, user, error, warn, pool, take, give), NULL)
WRAP(png_create_write_struct, MEMORY, png_structp,
     (png_const_charp version, png_voidp user, png_error_ptr error, png_error_ptr warn),
     (version, user, error, warn), NULL)
WRAP(png_create_info_struct, MEMORY, png_infop, (png_const_structrp png), (png), NULL)

/* ---- others ---- */
WRAP(ini_parse_stream, MEMORY, int, (ini_reader reader, void *stream, ini_handler handler, void *user),
     (reader, stream, handler, user), -2)
WRAP(LAPACKE_dsyev, MEMORY, lapack_int,
     (int layout, char job, char part, lapack_int n, double *a, lapack_int stride, double *w),
     (layout, job, part, n, a, stride, w), LAPACK_WORK_MEMORY_ERROR)
