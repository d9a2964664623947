/* SPDX-License-Identifier: MIT */
/* cpu: the device that computes on the host's processor by own kernels. */
#include "host.h"

/* Where only the portable kernels run, a BLAS written for the machine does
 * better: they are the last resort. */
static int cpu_open(const nacre_device_open *open, void **self) {
  const kernels *kern = nacre_host_kernels(open->cpu_level, open->fail);
  if (kern == NULL) {
    return NACRE_ERROR;
  }
  if (kern == &nacre_kernels_portable &&
      !(open->flags & NACRE_DEVICE_LAST_RESORT)) {
    return NACRE_DECLINE;
  }
  *self = nacre_host_open(open, kern, nacre_gemm_run, "own kernels");
  return *self == NULL ? NACRE_ERROR : NACRE_OK;
}

static const nacre_device_ops ops = {
  sizeof(nacre_device_ops), 0, cpu_open, nacre_host_close, nacre_host_math,
  nacre_host_describe, nacre_host_alloc, nacre_host_free, NULL, NULL,
  nacre_host_enter, nacre_host_leave, nacre_host_peak
};

static const nacre_component component = {
  .size = sizeof(nacre_component),
  .kind = NACRE_KIND_DEVICE,
  .contract = 1,
  .name = "cpu",
  .summary = "The host's processor, by nacre's own kernels",
  .doc = "Matrix products and vector functions for AVX-512 and AVX2, chosen "
         "when the device is opened, and in portable C. One pool of threads, "
         "as many as the process's affinity and control group allow; the "
         "number of threads does not change a single bit of a result.",
  .params = NACRE_EMPTY_SPAN,
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(cpu, component)
