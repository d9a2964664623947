/* SPDX-License-Identifier: MIT */
/* cache: hints on what will be written. */
#ifndef NACRE_BASE_CACHE_H
#define NACRE_BASE_CACHE_H

#include <stddef.h>

#define NACRE_CACHE_LINE 64

/** Asks for the cache lines of `bytes` from p on, to be written soon. Where
 *  another core has read them it must give them up, and stores wait for that
 *  one after another; lines asked for come together. */
static inline void nacre_claim_lines(const void *p, size_t bytes) {
#if defined(__x86_64__)
  /* Older processors may not know the instruction. The compiler's builtin
   * would ask for reading, unless told that all do. */
  if (!__builtin_cpu_supports("avx2")) {
    return;
  }
#endif
  for (size_t i = 0; i < bytes; i += NACRE_CACHE_LINE) {
    const char *line = (const char *)p + i;
#if defined(__x86_64__)
    __asm__ volatile("prefetchw %0" : : "m"(*line));
#else
    __builtin_prefetch(line, 1);
#endif
  }
}

#endif
