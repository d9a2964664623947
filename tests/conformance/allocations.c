/* SPDX-License-Identifier: MIT */
/* allocations: the allocator's functions, defined by the program itself, so
 * that calls from plugins come through here too. glibc keeps its own under
 * other names. */
#include "allocations.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
  __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && \
  !defined(__SANITIZE_THREAD__) && !defined(SANITIZED)

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

static _Atomic uint64_t made;

void *malloc(size_t size) {
  made++;
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
  made++;
  return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
  made++;
  return __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  made++;
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size) {
  void *memory = aligned_alloc(alignment, size);
  if (memory == NULL) {
    return ENOMEM;
  }
  *out = memory;
  return 0;
}

static uint64_t count(void) {
  return made;
}

uint64_t (*nacre_test_allocations(void))(void) {
  return count;
}

#else

uint64_t (*nacre_test_allocations(void))(void) {
  return NULL;
}

#endif
