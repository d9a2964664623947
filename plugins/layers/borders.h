/* SPDX-License-Identifier: MIT */
/* borders: tensors with and without positions around them, for layers that
 * add or remove these. Channels are last; one axis is two of which the first
 * has extent 1. */
#ifndef NACRE_LAYERS_BORDERS_H
#define NACRE_LAYERS_BORDERS_H

#include <nacre/plugin.h>

#include <string.h>

#include "tiles.h"

/** Positions before and after each axis. */
typedef struct nacre_borders {
  int64_t top, bottom, left, right;
} nacre_borders;

/** One number for both ends of the axis, or two. */
static inline int nacre_borders_of_1d(nacre_ints given, nacre_borders *out) {
  if (given.n < 1 || given.n > 2) {
    return NACRE_ERROR;
  }
  *out = (nacre_borders){ 0, 0, given.at[0], given.at[given.n - 1] };
  return NACRE_OK;
}

/** One number for all ends, one for each axis, or one for each end. */
static inline int nacre_borders_of_2d(nacre_ints given, nacre_borders *out) {
  if (given.n == 1 || given.n == 2) {
    int64_t rows = given.at[0], cols = given.at[given.n - 1];
    *out = (nacre_borders){ rows, rows, cols, cols };
    return NACRE_OK;
  }
  if (given.n == 4) {
    *out = (nacre_borders){ given.at[0], given.at[1], given.at[2],
                            given.at[3] };
    return NACRE_OK;
  }
  return NACRE_ERROR;
}

/* What a pass over the rows of `to` needs. large: [batch, rows, cols,
 * channels]; small: the same without the borders. */
typedef struct nacre_borders_pass {
  nacre_borders borders;
  int64_t rows, cols, channels; /* of large */
  const real *from;
  real *to;
} nacre_borders_pass;

/** Geometry from the large one of two tensors. */
static inline nacre_borders_pass nacre_borders_pass_of(
  nacre_borders borders, const nacre_tensor *large) {
  int32_t rank = large->rank;
  nacre_borders_pass p = { .borders = borders,
                           .rows = rank == 4 ? large->dim[1] : 1,
                           .cols = large->dim[rank - 2],
                           .channels = large->dim[rank - 1] };
  return p;
}

/* Rows of large; those outside of small are zeros. */
static inline void nacre_borders_pad_rows(void *ctx, int64_t begin,
                                          int64_t end) {
  const nacre_borders_pass *p = ctx;
  const nacre_borders *b = &p->borders;
  int64_t height = p->rows - b->top - b->bottom;
  int64_t width = (p->cols - b->left - b->right) * p->channels;
  int64_t left = b->left * p->channels, right = b->right * p->channels;
  for (int64_t i = begin; i < end; i++) {
    int64_t row = i % p->rows - b->top;
    real *to = p->to + i * p->cols * p->channels;
    if (row < 0 || row >= height) {
      memset(to, 0, (size_t)(left + width + right) * sizeof(real));
      continue;
    }
    memset(to, 0, (size_t)left * sizeof(real));
    memcpy(to + left, p->from + (i / p->rows * height + row) * width,
           (size_t)width * sizeof(real));
    memset(to + left + width, 0, (size_t)right * sizeof(real));
  }
}

/* Rows of small. */
static inline void nacre_borders_crop_rows(void *ctx, int64_t begin,
                                           int64_t end) {
  const nacre_borders_pass *p = ctx;
  const nacre_borders *b = &p->borders;
  int64_t height = p->rows - b->top - b->bottom;
  int64_t width = (p->cols - b->left - b->right) * p->channels;
  for (int64_t i = begin; i < end; i++) {
    int64_t row = i / height * p->rows + i % height + b->top;
    memcpy(p->to + i * width,
           p->from + (row * p->cols + b->left) * p->channels,
           (size_t)width * sizeof(real));
  }
}

/** large = small with zeros around it. */
static inline void nacre_borders_pad(const nacre_run *run, nacre_borders b,
                                     const nacre_tensor *small,
                                     const nacre_tensor *large) {
  nacre_borders_pass p = nacre_borders_pass_of(b, large);
  p.from = nacre_data(small);
  p.to = nacre_data(large);
  nacre_tiles_run(run->math, run->batch * p.rows,
                  nacre_tiles_rows(p.cols * p.channels),
                  nacre_borders_pad_rows, &p);
}

/** small = the inner part of large. */
static inline void nacre_borders_crop(const nacre_run *run, nacre_borders b,
                                      const nacre_tensor *large,
                                      const nacre_tensor *small) {
  nacre_borders_pass p = nacre_borders_pass_of(b, large);
  p.from = nacre_data(large);
  p.to = nacre_data(small);
  nacre_tiles_run(run->math, run->batch * (p.rows - b.top - b.bottom),
                  nacre_tiles_rows(p.cols * p.channels),
                  nacre_borders_crop_rows, &p);
}

/** plan() of a layer over `axes` axes that adds the borders (sign 1) or
 *  takes them away (sign -1). `name` is the parameter's. */
static inline int nacre_borders_plan(nacre_plan *plan, nacre_ints given,
                                     int32_t axes, int sign,
                                     const char *name) {
  nacre_shape out = plan->input[0];
  nacre_borders b;
  if (out.rank != axes + 1) {
    return nacre_plan_refuse(plan, "the input must be %s, but has %d axes "
                             "without the batch",
                             axes == 1 ? "[steps, channels]"
                                       : "[rows, cols, channels]", out.rank);
  }
  if ((axes == 1 ? nacre_borders_of_1d(given, &b)
                 : nacre_borders_of_2d(given, &b)) != NACRE_OK) {
    return nacre_plan_refuse(plan, "%s has %lld numbers; %s", name,
                             (long long)given.n, axes == 1
                               ? "expected one, or two: [before, after]"
                               : "expected one, two: [rows, cols], or four: "
                                 "[top, bottom, left, right]");
  }
  if (axes == 2) {
    out.dim[0] += sign * (b.top + b.bottom);
  }
  out.dim[axes - 1] += sign * (b.left + b.right);
  if (out.dim[0] < 1 || out.dim[axes - 1] < 1) {
    return nacre_plan_refuse(plan, "%s leaves nothing of the input", name);
  }
  return nacre_plan_output(plan, &out);
}

#endif
