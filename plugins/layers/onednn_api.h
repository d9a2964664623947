/* SPDX-License-Identifier: MIT */
/* onednn_api: what differs between versions 2 and 3 of oneDNN's C API, and
 * how the library is kept to the thread that calls it. */
#ifndef NACRE_LAYERS_ONEDNN_API_H
#define NACRE_LAYERS_ONEDNN_API_H

#include <stdbool.h>

#include <dnnl.h>

/* The three things that are computed. */
enum {
  NACRE_ONEDNN_FORWARD,
  NACRE_ONEDNN_DATA,    /* the gradient of the input */
  NACRE_ONEDNN_WEIGHTS, /* the gradient of the kernel */
  NACRE_ONEDNN_KINDS
};

/** A descriptor of memory that belongs to somebody else. */
#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t nacre_onednn_layout;
#else
typedef const dnnl_memory_desc_t *nacre_onednn_layout;
#endif

/** A convolution as oneDNN sees it. Dilation counts from 0. */
typedef struct nacre_onednn_conv {
  nacre_onednn_layout x, w, bias, y; /* bias NULL: none */
  dnnl_dims_t stride, dilation, before, after;
} nacre_onednn_conv;

/** Floats of these extents in the order that `tag` names. Ended by
 *  nacre_onednn_desc_fini(), unless it fails. */
static inline dnnl_status_t nacre_onednn_desc_init(dnnl_memory_desc_t *desc,
                                                   int rank,
                                                   const dnnl_dims_t dims,
                                                   dnnl_format_tag_t tag) {
#if DNNL_VERSION_MAJOR >= 3
  return dnnl_memory_desc_create_with_tag(desc, rank, dims, dnnl_f32, tag);
#else
  return dnnl_memory_desc_init_by_tag(desc, rank, dims, dnnl_f32, tag);
#endif
}

static inline void nacre_onednn_desc_fini(dnnl_memory_desc_t *desc) {
#if DNNL_VERSION_MAJOR >= 3
  if (*desc != NULL) {
    dnnl_memory_desc_destroy(*desc);
  }
  *desc = NULL;
#else
  (void)desc;
#endif
}

static inline nacre_onednn_layout nacre_onednn_desc_layout(
  const dnnl_memory_desc_t *desc) {
#if DNNL_VERSION_MAJOR >= 3
  return *desc;
#else
  return desc;
#endif
}

/** Chooses an implementation. `forward` is that of the same convolution,
 *  which the gradients are told of; NULL for itself. */
static inline dnnl_status_t nacre_onednn_describe(
  dnnl_primitive_desc_t *out, dnnl_engine_t engine, int kind,
  const nacre_onednn_conv *c, const_dnnl_primitive_desc_t forward,
  const_dnnl_primitive_attr_t attr) {
  const dnnl_alg_kind_t direct = dnnl_convolution_direct;
#if DNNL_VERSION_MAJOR >= 3
  if (kind == NACRE_ONEDNN_FORWARD) {
    return dnnl_convolution_forward_primitive_desc_create(
      out, engine, dnnl_forward_training, direct, c->x, c->w, c->bias, c->y,
      c->stride, c->dilation, c->before, c->after, attr);
  }
  if (kind == NACRE_ONEDNN_DATA) {
    return dnnl_convolution_backward_data_primitive_desc_create(
      out, engine, direct, c->x, c->w, c->y, c->stride, c->dilation,
      c->before, c->after, forward, attr);
  }
  return dnnl_convolution_backward_weights_primitive_desc_create(
    out, engine, direct, c->x, c->w, NULL, c->y, c->stride, c->dilation,
    c->before, c->after, forward, attr);
#else
  dnnl_convolution_desc_t desc;
  dnnl_status_t status;
  if (kind == NACRE_ONEDNN_FORWARD) {
    status = dnnl_dilated_convolution_forward_desc_init(
      &desc, dnnl_forward_training, direct, c->x, c->w, c->bias, c->y,
      c->stride, c->dilation, c->before, c->after);
  } else if (kind == NACRE_ONEDNN_DATA) {
    status = dnnl_dilated_convolution_backward_data_desc_init(
      &desc, direct, c->x, c->w, c->y, c->stride, c->dilation, c->before,
      c->after);
  } else {
    status = dnnl_dilated_convolution_backward_weights_desc_init(
      &desc, direct, c->x, c->w, NULL, c->y, c->stride, c->dilation,
      c->before, c->after);
  }
  return status != dnnl_success
    ? status
    : dnnl_primitive_desc_create(out, &desc, attr, engine, forward);
#endif
}

/* A build of oneDNN for OpenMP takes as many threads as OpenMP would give the
 * calling thread. These belong to the runtime that oneDNN brings: they are
 * there if it does, and OpenMP is not linked otherwise. */
#if defined(__GNUC__)
#define NACRE_ONEDNN_WEAK __attribute__((__weak__))
NACRE_ONEDNN_WEAK int omp_get_max_threads(void);
NACRE_ONEDNN_WEAK void omp_set_num_threads(int);
#endif

/** Whether the library can be kept to the calling thread. It cannot where it
 *  was built for a pool of its own (TBB, SYCL). */
static inline bool nacre_onednn_is_usable(void) {
  const dnnl_version_t *version = dnnl_version();
  if (version->major != DNNL_VERSION_MAJOR) {
    return false;
  }
#if defined(__GNUC__)
  if (version->cpu_runtime == DNNL_RUNTIME_OMP) {
    return omp_get_max_threads != NULL && omp_set_num_threads != NULL;
  }
#endif
  return version->cpu_runtime == DNNL_RUNTIME_SEQ;
}

/** From here to nacre_onednn_leave() the library computes on the calling
 *  thread alone. Returns what that needs; other threads, and what the program
 *  itself does with OpenMP, are not touched. */
static inline int nacre_onednn_enter(void) {
  int threads = 0;
#if defined(__GNUC__)
  if (omp_get_max_threads != NULL && omp_set_num_threads != NULL) {
    threads = omp_get_max_threads();
    omp_set_num_threads(1);
  }
#endif
  return threads;
}

static inline void nacre_onednn_leave(int threads) {
#if defined(__GNUC__)
  if (threads > 0) {
    omp_set_num_threads(threads);
  }
#else
  (void)threads;
#endif
}

#endif
