/* SPDX-License-Identifier: MIT */
/* device: the contract of devices: memory and math. The CPU with its threads
 * and BLAS is one; nothing in the core assumes that a tensor's data can be
 * read by the host unless `host_memory` says so. */
#ifndef NACRE_ABI_DEVICE_H
#define NACRE_ABI_DEVICE_H

#include "math.h"
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Flags of nacre_device_open. */
#define NACRE_DEVICE_LAST_RESORT 1u /* every provider has declined once: take
                                       it, if it can be done at all */

typedef struct nacre_device_open {
  uint32_t size, flags;
  const void *cfg;
  int64_t threads;       /* 0: as many as affinity and limits allow */
  const char *cpu_level; /* cap on the instruction set ("baseline",
                            "x86-64-v3"); NULL: none */
  nacre_fail *fail;
  void *(*alloc)(size_t count, size_t size); /* host memory, zeroed */
  void (*free)(void *);
} nacre_device_open;

typedef struct nacre_device_ops {
  uint32_t size, flags;
  /** [main] NACRE_DECLINE: another provider would do better here. */
  int (*open)(const nacre_device_open *, void **self);
  void (*close)(void *self);
  /** Lives as long as self. */
  const nacre_math *(*math)(void *self);
  /** One line on what it found: "AVX-512, 2 threads". Lives as self. */
  const char *(*describe)(void *self);
  /** [main] Zeroed device memory, 64-byte aligned; NULL when there is none. */
  void *(*alloc)(void *self, size_t bytes);
  void (*free)(void *self, void *memory, size_t bytes);
  /** [main] Between host and device; both are done when it returns. NULL
   *  when the device's memory is the host's. */
  void (*write)(void *self, void *device, const void *host, size_t bytes);
  void (*read)(void *self, void *host, const void *device, size_t bytes);
  /** [compute] Around every run of steps: floating-point state and the
   *  like; enter() returns what leave() gets. Optional. */
  uint64_t (*enter)(void *self);
  void (*leave)(void *self, uint64_t saved);
  /** [main] Floating-point operations a second that one thread could do at
   *  most, measured in about 10 ms; 0 when unknown. Optional. */
  double (*peak)(void *self);
} nacre_device_ops;

#ifdef __cplusplus
}
#endif

#endif
