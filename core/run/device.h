/* SPDX-License-Identifier: MIT */
/* device: an open device, and its memory, which is counted: a plan that the
 * machine cannot hold is an error before the first step, not a process that
 * the system kills later. */
#ifndef NACRE_RUN_DEVICE_H
#define NACRE_RUN_DEVICE_H

#include "plugin/params.h"

/** An open device. */
typedef struct nacre_device {
  const nacre_device_ops *ops;
  const nacre_component *component;
  void *self;
  const nacre_math *math;
  uint64_t limit, used; /* bytes of its memory */
} nacre_device;

/** Opens the best provider of the device `name` that does not decline.
 *  threads 0: as many as it finds. */
int nacre_device_open_best(nacre_device *, nacre_params_ctx *,
                           const char *name, int64_t threads,
                           const char *cpu_level);
void nacre_device_close(nacre_device *);

/** count * size zeroed bytes of the device; `what` it is for is said when
 *  there is no room. NULL with a problem. */
void *nacre_device_alloc(nacre_device *, int64_t count, size_t size,
                         const char *what, nacre_error *);
/** NULL is allowed; count and size as given to _alloc(). */
void nacre_device_free(nacre_device *, void *, int64_t count, size_t size);

#endif
