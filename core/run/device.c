/* SPDX-License-Identifier: MIT */
#include "run/device.h"

int nacre_device_open_best(nacre_device *device, nacre_params_ctx *ctx,
                           const char *name, int64_t threads,
                           const char *cpu_level) {
  nacre_error_fail fail;
  nacre_device_open open = {
    .size = sizeof(open), .threads = threads, .cpu_level = cpu_level,
    .fail = nacre_error_fail_init(&fail, ctx->error, NACRE_EPLUGIN, NULL),
    .alloc = nacre_alloc, .free = nacre_free
  };
  *device = (nacre_device){ 0 };
  /* Providers may leave the field to one that does better; when all have,
   * the best one must take it. */
  for (int round = 0; round < 2; round++) {
    open.flags = round == 0 ? 0 : NACRE_DEVICE_LAST_RESORT;
    for (int nth = 0;; nth++) {
      const nacre_component *component = nacre_registry_find(
        ctx->registry, NACRE_KIND_DEVICE, name, NULL, nth, ctx->error);
      if (component == NULL) {
        break;
      }
      const nacre_device_ops *ops = component->ops;
      void *self = NULL;
      int status = ops->open(&open, &self);
      if (status == NACRE_OK) {
        *device = (nacre_device){
          .ops = ops, .component = component, .self = self,
          .math = ops->math(self),
          .limit = ops->write == NULL ? nacre_memory_limit() : UINT64_MAX
        };
        return NACRE_OK;
      }
      if (status != NACRE_DECLINE) {
        return NACRE_ERROR;
      }
    }
    if (ctx->error->errors > 0) {
      return NACRE_ERROR;
    }
  }
  return nacre_error_add(ctx->error, NACRE_EPLUGIN, NULL,
                         "no plugin provides the device '%s'", name);
}

void nacre_device_close(nacre_device *device) {
  if (device->ops != NULL) {
    device->ops->close(device->self);
  }
  *device = (nacre_device){ 0 };
}

/* An empty region still has an address. */
static size_t bytes_of(int64_t count, size_t size) {
  size_t bytes = 0;
  if (!nacre_size_mul((size_t)(count > 0 ? count : 1), size, &bytes)) {
    return SIZE_MAX;
  }
  return bytes;
}

void *nacre_device_alloc(nacre_device *device, int64_t count, size_t size,
                         const char *what, nacre_error *error) {
  size_t bytes = bytes_of(count, size);
  void *at = NULL;
  if (bytes > device->limit || device->used > device->limit - bytes) {
    nacre_error_add(error, NACRE_ELIMIT, NULL,
                    "%s: %.1f MiB more than the %.1f MiB of memory there "
                    "are would hold", what,
                    ((double)device->used + (double)bytes -
                     (double)device->limit) / 1048576,
                    (double)device->limit / 1048576);
    return NULL;
  }
  at = device->ops->alloc(device->self, bytes);
  if (at == NULL) {
    nacre_error_add(error, NACRE_ELIMIT, NULL,
                    "no memory for %s: %.1f MiB", what,
                    (double)bytes / 1048576);
    return NULL;
  }
  device->used += bytes;
  return at;
}

void nacre_device_free(nacre_device *device, void *at, int64_t count,
                       size_t size) {
  if (at != NULL) {
    device->ops->free(device->self, at, bytes_of(count, size));
    device->used -= bytes_of(count, size);
  }
}
