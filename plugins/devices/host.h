/* SPDX-License-Identifier: MIT */
/* host: a device whose memory is the host's: threads, kernels, workspaces.
 * The modules `cpu` and `cblas` differ in how they multiply matrices. */
#ifndef NACRE_DEVICES_HOST_H
#define NACRE_DEVICES_HOST_H

#include "kernels.h"
#include "pool.h"

/** Workspace of one product: a panel of A, then a block of B. */
#define HOST_A_REALS (KERNEL_K_MAX * KERNEL_A_STEP)
#define HOST_SPACE_REALS (HOST_A_REALS + KERNEL_K_MAX * KERNEL_N_MAX)
/** Behind it, room for a second sum of each element of a block of C. */
#define HOST_SUM_ROWS ((int64_t)128)
#define HOST_SUM_REALS (HOST_SUM_ROWS * KERNEL_N_MAX)
#define HOST_SPACE_STEP (HOST_SPACE_REALS + HOST_SUM_REALS)
/** Room for a second sum of all of C, for the one product at a time whose
 *  sums go to different threads; untouched, it costs nothing. */
#define HOST_SUMS_REALS ((int64_t)1 << 18)

typedef void (*host_gemm)(const nacre_math *, const nacre_gemm *);

typedef struct host_device host_device;

struct host_device {
  nacre_math math; /* math.self is this struct */
  const kernels *kern;
  pool *pool;
  void *(*alloc)(size_t count, size_t size);
  void (*release)(void *);
  void *spaces_memory; /* as allocated; `spaces` is aligned within it */
  real *spaces;        /* [space_count, HOST_SPACE_STEP] */
  _Atomic int *taken;  /* [space_count] */
  int64_t space_count;
  real *sums;          /* [HOST_SUMS_REALS], behind the spaces */
  _Atomic int summing; /* a product has them */
  char text[128];
};

/** [main] The best kernels that the processor and the cap `level` (NULL:
 *  none) allow; NULL and a fail() when there is no such level. */
const kernels *nacre_host_kernels(const char *level, nacre_fail *);

/** [main] Opens the device; NULL and a fail() when out of memory. `how` ends
 *  the description: "own kernels". */
host_device *nacre_host_open(const nacre_device_open *, const kernels *,
                             host_gemm, const char *how);

/** The operations of a nacre_device_ops but open(). */
void nacre_host_close(void *self);
const nacre_math *nacre_host_math(void *self);
const char *nacre_host_describe(void *self);
void *nacre_host_alloc(void *self, size_t bytes);
void nacre_host_free(void *self, void *memory, size_t bytes);
uint64_t nacre_host_enter(void *self);
void nacre_host_leave(void *self, uint64_t saved);
double nacre_host_peak(void *self);

/** [compute] A workspace that nobody else uses until it is given back. Waits
 *  for one only if more products run at once than there are threads. */
real *nacre_host_take_space(host_device *);
void nacre_host_give_space(host_device *, const real *space);

/** [main] Fills in everything of a math table but gemm (vector.c). */
void nacre_vector_bind(nacre_math *, const kernels *);

/** [compute] The product by own kernels (gemm.c). */
void nacre_gemm_run(const nacre_math *, const nacre_gemm *);
/** [compute] One that is not worth packing, on this thread: 1 when it was
 *  done, 0 when it is too large. */
int nacre_gemm_run_small(const nacre_math *, const nacre_gemm *);
/** [compute] One with a vector (gemm_vector.c): 1 when it was done, 0 when it
 *  is no such product. */
int nacre_gemm_run_vector(const nacre_math *, const nacre_gemm *);

/** [compute] Attention by own kernels (attention.c). */
void nacre_attention_run(const nacre_math *, const nacre_attention *);
/** [compute] Its gradient (attention_gradient.c). */
void nacre_attention_gradient_run(const nacre_math *,
                                  const nacre_attention *);

/** [compute] Convolutions by own kernels (conv.c, conv_weights.c). */
void nacre_conv_run(const nacre_math *, const nacre_conv *);
void nacre_conv_run_data(const nacre_math *, const nacre_conv *);
void nacre_conv_run_weights(const nacre_math *, const nacre_conv *);

/** [compute] nacre_math.pack() for nacre_gemm_run. */
void nacre_gemm_pack(const nacre_math *, const nacre_gemm *, real *packed);

/** [compute] Applies the activation of a product to rows of its C. */
void nacre_gemm_activate(const nacre_math *, const nacre_gemm *,
                         int64_t rows, int64_t cols, real *c);

#endif
