/* SPDX-License-Identifier: MIT */
/* host: opening, memory and workspaces of a device on the host. */
#include "host.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define ALIGNMENT 64
#define HOST_LANES_MAX (64 / sizeof(real))

typedef struct level {
  const char *name;
  int rank;
} level;

static const level levels[] = {
  { "baseline", 0 },  { "portable", 0 },  { "x86-64", 0 },
  { "x86-64-v2", 0 }, { "x86-64-v3", 1 }, { "x86-64-v4", 2 },
};

/* The highest set that this processor and its operating system run: the
 * compiler's check asks both. */
static int machine_rank(void) {
#ifdef __x86_64__
  __builtin_cpu_init();
  int v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  int v4 = v3 && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl");
  return v4 ? 2 : v3 ? 1 : 0;
#else
  return 0;
#endif
}

const kernels *nacre_host_kernels(const char *cap, nacre_fail *fail) {
  int rank = machine_rank();
  if (cap != NULL) {
    const size_t count = sizeof levels / sizeof levels[0];
    size_t i = 0;
    while (i < count && strcmp(levels[i].name, cap) != 0) {
      i++;
    }
    if (i == count) {
      fail->fail(fail, NULL,
                 "no instruction set level '%s': one of baseline, x86-64-v3, "
                 "x86-64-v4",
                 cap);
      return NULL;
    }
    rank = levels[i].rank < rank ? levels[i].rank : rank;
  }
#ifdef __x86_64__
  if (rank == 2) {
    return &nacre_kernels_avx512;
  }
  if (rank == 1) {
    return &nacre_kernels_avx2;
  }
#endif
  (void)rank;
  return &nacre_kernels_portable;
}

static void *align_up(void *memory) {
  uintptr_t at = (uintptr_t)memory;
  return (char *)memory + ((ALIGNMENT - at % ALIGNMENT) % ALIGNMENT);
}

/* One workspace per thread, and two for callers beside the pool. */
static int open_spaces(host_device *d, int64_t threads) {
  d->space_count = threads + 2;
  size_t count = (size_t)d->space_count;
  d->taken = d->alloc(count, sizeof *d->taken);
  /* Counted in workspaces, with more for the sums and the alignment. */
  const size_t more = (size_t)(HOST_SUMS_REALS / HOST_SPACE_STEP) + 2;
  d->spaces_memory =
    d->alloc(count + more, (size_t)HOST_SPACE_STEP * sizeof(real));
  if (d->taken == NULL || d->spaces_memory == NULL) {
    return 0;
  }
  d->spaces = align_up(d->spaces_memory);
  d->sums = d->spaces + d->space_count * HOST_SPACE_STEP;
  return 1;
}

host_device *nacre_host_open(const nacre_device_open *open,
                             const kernels *kern, host_gemm gemm,
                             const char *how) {
  int64_t threads =
    open->threads > 0 ? open->threads : nacre_pool_processors();
  threads = threads < POOL_THREADS_MAX ? threads : POOL_THREADS_MAX;
  host_device *d = open->alloc(1, sizeof *d);
  if (d == NULL) {
    open->fail->fail(open->fail, NULL, "out of memory");
    return NULL;
  }
  d->alloc = open->alloc;
  d->release = open->free;
  d->kern = kern;
  d->pool = nacre_pool_new(threads, open->alloc, open->free);
  if (d->pool == NULL || !open_spaces(d, threads)) {
    open->fail->fail(open->fail, NULL, "out of memory for %lld threads",
                     (long long)threads);
    nacre_host_close(d);
    return NULL;
  }
  d->math.size = sizeof d->math;
  d->math.threads = (uint32_t)threads;
  d->math.self = d;
  d->math.gemm = gemm;
  d->math.pack = nacre_gemm_pack;
  nacre_vector_bind(&d->math, kern);
  d->math.conv = nacre_conv_run;
  d->math.conv_data = nacre_conv_run_data;
  d->math.conv_weights = nacre_conv_run_weights;
  snprintf(d->text, sizeof d->text, "%s, %lld thread%s, %s", kern->name,
           (long long)threads, threads == 1 ? "" : "s", how);
  return d;
}

void nacre_host_close(void *self) {
  host_device *d = self;
  if (d == NULL) {
    return;
  }
  void (*release)(void *) = d->release;
  nacre_pool_free(d->pool);
  if (d->spaces_memory != NULL) {
    release(d->spaces_memory);
  }
  if (d->taken != NULL) {
    release(d->taken);
  }
  release(d);
}

const nacre_math *nacre_host_math(void *self) {
  return &((host_device *)self)->math;
}

const char *nacre_host_describe(void *self) {
  return ((host_device *)self)->text;
}

/* In front of each block stands what the host's allocator gave for it. */
void *nacre_host_alloc(void *self, size_t bytes) {
  host_device *d = self;
  if (bytes > SIZE_MAX - 2 * ALIGNMENT) {
    return NULL;
  }
  char *memory = d->alloc(1, bytes + 2 * ALIGNMENT);
  if (memory == NULL) {
    return NULL;
  }
  char *block = align_up(memory + sizeof(void *));
  memcpy(block - sizeof(void *), &memory, sizeof(void *));
  return block;
}

void nacre_host_free(void *self, void *block, size_t bytes) {
  host_device *d = self;
  (void)bytes;
  if (block != NULL) {
    void *memory;
    memcpy(&memory, (char *)block - sizeof(void *), sizeof(void *));
    d->release(memory);
  }
}

uint64_t nacre_host_enter(void *self) {
  (void)self;
  uint64_t mode = nacre_pool_float_mode();
  nacre_pool_set_float_mode(nacre_pool_float_mode_fast(mode));
  return mode;
}

void nacre_host_leave(void *self, uint64_t saved) {
  (void)self;
  nacre_pool_set_float_mode(saved);
}

static double seconds(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (double)at.tv_sec + 1e-9 * (double)at.tv_nsec;
}

/* The best of several rounds: the others were disturbed. */
double nacre_host_peak(void *self) {
  const host_device *d = self;
  const volatile real unknown[2] = { 1, 0 };
  const real seed[2] = { unknown[0], unknown[1] };
  real out[HOST_LANES_MAX];
  double best = 0;
  for (int round = 0; round < 20; round++) {
    double start = seconds();
    double done = d->kern->multiply_add(20000, seed, out);
    double took = seconds() - start;
    best = took > 0 && done / took > best ? done / took : best;
  }
  return best;
}

real *nacre_host_take_space(host_device *d) {
  for (;;) {
    for (int64_t i = 0; i < d->space_count; i++) {
      int idle = 0;
      if (atomic_load_explicit(&d->taken[i], memory_order_relaxed) == 0 &&
          atomic_compare_exchange_strong_explicit(
            &d->taken[i], &idle, 1, memory_order_acquire,
            memory_order_relaxed)) {
        return d->spaces + i * HOST_SPACE_STEP;
      }
    }
    sched_yield();
  }
}

void nacre_host_give_space(host_device *d, const real *space) {
  int64_t i = (space - d->spaces) / HOST_SPACE_STEP;
  atomic_store_explicit(&d->taken[i], 0, memory_order_release);
}
