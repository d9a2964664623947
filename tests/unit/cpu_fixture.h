/* SPDX-License-Identifier: MIT */
/* cpu_fixture: the device `cpu` opened at each instruction set that this
 * machine has, and memory whose end is watched. */
#ifndef NACRE_TESTS_CPU_FIXTURE_H
#define NACRE_TESTS_CPU_FIXTURE_H

#include "plugin_fixture.h"

#include <sys/mman.h>
#include <unistd.h>

/* Those that the processor lacks open as the next best one. */
static const char *const cpu_levels[] = { "x86-64-v4", "x86-64-v3",
                                          "baseline" };
#define CPU_LEVELS 3

typedef struct cpu_device {
  const nacre_device_ops *ops;
  void *self;
  const nacre_math *math;
} cpu_device;

static inline const nacre_device_ops *cpu_ops(void) {
  return fixture_component("devices", "cpu", "cpu")->ops;
}

static inline cpu_device cpu_open(const char *level, int64_t threads) {
  fixture_fail fail = fixture_fail_new();
  nacre_device_open open = { sizeof open, NACRE_DEVICE_LAST_RESORT, NULL,
                             threads, level, &fail.base, fixture_alloc,
                             fixture_free };
  cpu_device d = { cpu_ops(), NULL, NULL };
  ck_assert_msg(d.ops->open(&open, &d.self) == NACRE_OK, "%s", fail.text);
  d.math = d.ops->math(d.self);
  return d;
}

static inline void cpu_close(cpu_device *d) {
  d->ops->close(d->self);
  ck_assert_int_eq(fixture_blocks, 0);
}

/* --- values: the same in every run, of no pattern --- */

static inline double cpu_value(uint64_t *state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return (double)(*state >> 11) / 9007199254740992.0;
}

static inline int64_t cpu_whole(uint64_t *state, int64_t low, int64_t high) {
  return low + (int64_t)(cpu_value(state) * (double)(high - low + 1));
}

static inline void cpu_fill(uint64_t *state, size_t n, real *x) {
  for (size_t i = 0; i < n; i++) {
    x[i] = (real)(2 * cpu_value(state) - 1);
  }
}

/* --- n reals that end where no byte may be touched --- */

typedef struct cpu_block {
  real *at;
  void *pages;
  size_t bytes;
} cpu_block;

static inline cpu_block cpu_block_new(size_t n) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  const size_t inside = (n * sizeof(real) + page - 1) / page * page;
  cpu_block b = { NULL, NULL, inside + 2 * page };
  b.pages = mmap(NULL, b.bytes, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ck_assert_ptr_ne(b.pages, MAP_FAILED);
  char *end = (char *)b.pages + page + inside;
  ck_assert_int_eq(mprotect(end, page, PROT_NONE), 0);
  b.at = (real *)(void *)(end - n * sizeof(real));
  return b;
}

static inline void cpu_block_free(cpu_block *b) {
  munmap(b->pages, b->bytes);
}

/* --- an activation that halves what is above 0 --- */

static inline void cpu_halve_positive(const nacre_math *math, const void *cfg,
                                      int64_t rows, int64_t cols,
                                      const real *x, real *y) {
  (void)math;
  for (int64_t i = 0; i < rows * cols; i++) {
    y[i] = x[i] > 0 ? x[i] * *(const real *)cfg : x[i];
  }
}

static const real cpu_half = (real)0.5;
static const nacre_activation cpu_activation = { cpu_halve_positive, NULL,
                                                 &cpu_half };

#endif
