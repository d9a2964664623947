/* SPDX-License-Identifier: MIT */
/* pooling: the windows of pooling layers, which walk over positions, and
 * what the layers of one and of two axes share. Channels are last; one axis
 * is two of which the first has extent 1. */
#ifndef NACRE_LAYERS_POOLING_H
#define NACRE_LAYERS_POOLING_H

#include <nacre/plugin.h>

#include "tiles.h"

/** Channels that a kernel takes at once, in registers: as many of the larger
 *  blocks as there are, then the smaller ones, then single channels. */
#define NACRE_POOLING_LANES 16
#define NACRE_POOLING_FEW 4

#define NACRE_POOLING_SAME 1 /* index of the word in "valid|same" */

/** The configuration of a layer over one axis. */
typedef struct nacre_pooling1d {
  int64_t pool_size, strides;
  nacre_enum padding;
} nacre_pooling1d;

/** The configuration of a layer over two axes. */
typedef struct nacre_pooling2d {
  nacre_ints pool_size, strides;
  nacre_enum padding;
} nacre_pooling2d;

/** The parameters of both; `size` is pool_size's default. */
#define NACRE_POOLING_PARAMS(T, size)                                       \
  NACRE_PARAM(T, pool_size, size, "[1,1048576]", "",                        \
              "Extent of a window.", 0),                                    \
  NACRE_PARAM(T, strides, "null", "[1,1048576]", "",                        \
              "Distance of neighbouring windows; null: pool_size.", 0),     \
  NACRE_PARAM(T, padding, "valid", "valid|same", "",                        \
              "valid: windows lie inside the input; same: they may hang "   \
              "over its edges, ceil(extent / strides) of them.", 0)

/** Windows along one axis. */
typedef struct nacre_pooling_axis {
  int64_t in, out;      /* positions */
  int64_t size, stride;
  int64_t before;       /* positions of the first window before the input */
} nacre_pooling_axis;

typedef struct nacre_pooling {
  nacre_pooling_axis rows, cols;
  int64_t channels;
} nacre_pooling;

/** Positions [*begin, *end) of the input in window i; never none. */
static inline void nacre_pooling_window(const nacre_pooling_axis *axis,
                                        int64_t i, int64_t *begin,
                                        int64_t *end) {
  int64_t first = i * axis->stride - axis->before;
  *begin = first > 0 ? first : 0;
  *end = first + axis->size < axis->in ? first + axis->size : axis->in;
}

/* With "same" the padding is split evenly, the odd position behind: as
 * TensorFlow. `out` is 0 or less if no window fits. */
static inline nacre_pooling_axis nacre_pooling_axis_of(int64_t in,
                                                       int64_t size,
                                                       int64_t stride,
                                                       nacre_enum padding) {
  nacre_pooling_axis axis = { in, 0, size, stride, 0 };
  if (padding.value == NACRE_POOLING_SAME) {
    axis.out = (in + stride - 1) / stride;
    int64_t over = (axis.out - 1) * stride + size - in;
    axis.before = over > 0 ? over / 2 : 0;
  } else if (in >= size) {
    axis.out = (in - size) / stride + 1;
  }
  return axis;
}

/** dim: extents [positions, channels], the batch left out. */
static inline nacre_pooling nacre_pooling_of_1d(const nacre_pooling1d *cfg,
                                                const int64_t *dim) {
  int64_t stride = cfg->strides > 0 ? cfg->strides : cfg->pool_size;
  nacre_pooling pool = {
    .rows = { 1, 1, 1, 1, 0 },
    .cols = nacre_pooling_axis_of(dim[0], cfg->pool_size, stride,
                                  cfg->padding),
    .channels = dim[1]
  };
  return pool;
}

/** dim: extents [rows, cols, channels], the batch left out. */
static inline nacre_pooling nacre_pooling_of_2d(const nacre_pooling2d *cfg,
                                                const int64_t *dim) {
  nacre_ints size = cfg->pool_size;
  nacre_ints stride = cfg->strides.n > 0 ? cfg->strides : size;
  nacre_pooling pool = {
    .rows = nacre_pooling_axis_of(dim[0], size.at[0], stride.at[0],
                                  cfg->padding),
    .cols = nacre_pooling_axis_of(dim[1], size.at[size.n - 1],
                                  stride.at[stride.n - 1], cfg->padding),
    .channels = dim[2]
  };
  return pool;
}

/* A window counts as one operation per element. */
static inline void nacre_pooling_flops(nacre_plan *plan,
                                       const nacre_pooling *pool) {
  nacre_plan_flops(plan, (double)pool->rows.out * (double)pool->cols.out *
                           (double)pool->rows.size *
                           (double)pool->cols.size * (double)pool->channels);
}

/** plan() of a layer over one axis. */
static inline int nacre_pooling_plan_1d(nacre_plan *plan) {
  const nacre_pooling1d *cfg = plan->cfg;
  const nacre_shape *in = &plan->input[0];
  if (in->rank != 2) {
    return nacre_plan_refuse(plan, "the input must be [steps, channels], but "
                             "has %d axes without the batch", in->rank);
  }
  nacre_pooling pool = nacre_pooling_of_1d(cfg, in->dim);
  if (pool.cols.out < 1) {
    return nacre_plan_refuse(plan, "pool_size is %lld, but the input has "
                             "only %lld steps", (long long)cfg->pool_size,
                             (long long)in->dim[0]);
  }
  nacre_pooling_flops(plan, &pool);
  nacre_shape out = nacre_shape_2d(pool.cols.out, pool.channels);
  return nacre_plan_output(plan, &out);
}

/** plan() of a layer over two axes. */
static inline int nacre_pooling_plan_2d(nacre_plan *plan) {
  const nacre_pooling2d *cfg = plan->cfg;
  const nacre_shape *in = &plan->input[0];
  if (in->rank != 3) {
    return nacre_plan_refuse(plan, "the input must be [rows, cols, "
                             "channels], but has %d axes without the batch",
                             in->rank);
  }
  if (cfg->pool_size.n < 1 || cfg->pool_size.n > 2 || cfg->strides.n > 2) {
    return nacre_plan_refuse(plan, "pool_size and strides are one number or "
                             "two, [rows, cols]");
  }
  nacre_pooling pool = nacre_pooling_of_2d(cfg, in->dim);
  if (pool.rows.out < 1 || pool.cols.out < 1) {
    return nacre_plan_refuse(plan, "a window of [%lld, %lld] does not fit "
                             "into the input, [%lld, %lld]",
                             (long long)pool.rows.size,
                             (long long)pool.cols.size,
                             (long long)in->dim[0], (long long)in->dim[1]);
  }
  nacre_pooling_flops(plan, &pool);
  nacre_shape out = { { pool.rows.out, pool.cols.out, pool.channels }, 3,
                      NACRE_REAL };
  return nacre_plan_output(plan, &out);
}

/** What a pass over the windows needs. Rows of windows are counted through
 *  the batch: row i is row i % rows.out of sample i / rows.out. */
typedef struct nacre_pooling_pass {
  nacre_pooling pool;
  const real *x, *y, *dy; /* [batch, rows.in, cols.in, channels], and
                             [batch, rows.out, cols.out, channels] twice */
  real *out;              /* y of forward, dx of backward */
} nacre_pooling_pass;

/** Does row i of windows of a pass; in backward it adds to dx. */
typedef void (*nacre_pooling_row)(const nacre_pooling_pass *, int64_t i);

/** Calls body over the rows of windows of forward. */
static inline void nacre_pooling_forward(const nacre_run *run,
                                         const nacre_pooling *pool,
                                         nacre_body body) {
  nacre_pooling_pass pass = { *pool, nacre_data(&run->in[0]), NULL, NULL,
                              nacre_data(&run->out[0]) };
  nacre_tiles_run(run->math, run->batch * pool->rows.out,
                  nacre_tiles_rows(pool->rows.stride * pool->cols.in *
                                   pool->channels), body, &pass);
}

/** The same of backward: body gets rows of windows when no two of them meet
 *  in a row of the input, otherwise whole samples. */
static inline void nacre_pooling_backward(const nacre_run *run,
                                          const nacre_pooling *pool,
                                          nacre_body by_row,
                                          nacre_body by_sample) {
  nacre_pooling_pass pass = { *pool, nacre_data(&run->in[0]),
                              nacre_data(&run->out[0]),
                              nacre_data(&run->dout[0]),
                              nacre_data(&run->din[0]) };
  int64_t row = pool->cols.in * pool->channels;
  if (pass.out == NULL) {
    return;
  }
  if (pool->rows.stride >= pool->rows.size) {
    nacre_tiles_run(run->math, run->batch * pool->rows.out,
                    nacre_tiles_rows(pool->rows.stride * row), by_row, &pass);
  } else {
    nacre_tiles_run(run->math, run->batch,
                    nacre_tiles_rows(pool->rows.in * row), by_sample, &pass);
  }
}

/** Rows [begin, end) of windows that do not meet: each clears the rows of dx
 *  up to those of the next one. */
static inline void nacre_pooling_by_row(const nacre_pooling_pass *pass,
                                        nacre_pooling_row row, int64_t begin,
                                        int64_t end) {
  const nacre_pooling_axis *rows = &pass->pool.rows;
  int64_t width = pass->pool.cols.in * pass->pool.channels;
  for (int64_t i = begin; i < end; i++) {
    int64_t sample = i / rows->out, at = i % rows->out;
    int64_t first = at > 0 ? at * rows->stride - rows->before : 0;
    int64_t last = at + 1 < rows->out
                     ? (at + 1) * rows->stride - rows->before : rows->in;
    real *dx = pass->out + (sample * rows->in + first) * width;
    for (int64_t j = 0; j < (last - first) * width; j++) {
      dx[j] = 0;
    }
    row(pass, i);
  }
}

/** Samples [begin, end) whole. */
static inline void nacre_pooling_by_sample(const nacre_pooling_pass *pass,
                                           nacre_pooling_row row,
                                           int64_t begin, int64_t end) {
  const nacre_pooling_axis *rows = &pass->pool.rows;
  int64_t n = rows->in * pass->pool.cols.in * pass->pool.channels;
  for (int64_t sample = begin; sample < end; sample++) {
    for (int64_t j = 0; j < n; j++) {
      pass->out[sample * n + j] = 0;
    }
    for (int64_t i = 0; i < rows->out; i++) {
      row(pass, sample * rows->out + i);
    }
  }
}

#endif
