/* SPDX-License-Identifier: MIT */
/* overlap.h: losses of how far two sets overlap, over any axes. With I the
 * sum of t y, T that of t and P that of y, the loss is
 *   1 - share I / (both I + target T + predicted P + 1e-7),
 * for each position on the axes that are kept, and their mean. */
#ifndef NACRE_LOSSES_OVERLAP_H
#define NACRE_LOSSES_OVERLAP_H

#include <nacre/plugin.h>

#define OVERLAP_EPSILON 1e-7

typedef struct overlap {
  double share, both, target, predicted;
  nacre_ints axis; /* summed over, the batch being 0; none: all */
} overlap;

#define OVERLAP_AXIS_PARAM(T)                                               \
  NACRE_PARAM(T, axis, "null", "[0,6]", "",                                 \
              "Axes that are summed over, the batch being 0; null: all.", 0)

static inline bool overlap_is_summed(nacre_ints axis, int32_t index) {
  for (int64_t i = 0; i < axis.n; i++) {
    if (axis.at[i] == index) {
      return true;
    }
  }
  return axis.n == 0;
}

/* Sums of one kind that a sample has: positions on the axes that are kept. */
static inline int64_t overlap_groups(nacre_ints axis,
                                     const nacre_shape *shape) {
  int64_t groups = 1;
  for (int32_t i = 0; i < shape->rank; i++) {
    groups *= overlap_is_summed(axis, i + 1) ? 1 : shape->dim[i];
  }
  return groups;
}

/* The position, on the axes that are kept, of element `at` of a sample. */
static inline int64_t overlap_group(nacre_ints axis, const nacre_shape *shape,
                                    int64_t at) {
  int64_t group = 0, stride = 1;
  for (int32_t i = shape->rank - 1; i >= 0; i--) {
    if (!overlap_is_summed(axis, i + 1)) {
      group += at % shape->dim[i] * stride;
      stride *= shape->dim[i];
    }
    at /= shape->dim[i];
  }
  return group;
}

static inline int overlap_plan(nacre_ints axis, const nacre_shape *y,
                               const nacre_shape *target, nacre_fail *fail) {
  if (nacre_shape_count(y) != nacre_shape_count(target)) {
    fail->fail(fail, NULL, "the target has %lld numbers a sample, the output "
               "%lld", (long long)nacre_shape_count(target),
               (long long)nacre_shape_count(y));
    return NACRE_ERROR;
  }
  for (int64_t i = 0; i < axis.n; i++) {
    if (axis.at[i] > y->rank) {
      fail->fail(fail, NULL, "axis %lld: with the batch, which is axis 0, the "
                 "output has %d axes", (long long)axis.at[i], y->rank + 1);
      return NACRE_ERROR;
    }
  }
  return NACRE_OK;
}

/* Three sums for each group. */
static inline int64_t overlap_scratch(nacre_ints axis, const nacre_shape *y) {
  int64_t groups = overlap_groups(axis, y);
  return groups > INT64_MAX / 64 ? -1
                                 : groups * 3 * (int64_t)sizeof(double);
}

/* The three sums over elements [begin, end) of the batch. */
static inline void overlap_sum(const nacre_loss_run *run, const overlap *o,
                               int64_t begin, int64_t end, int64_t groups) {
  double *sum = run->scratch; /* [groups, 3] */
  int64_t sample = run->sample_rows * run->cols;
  for (int64_t i = 0; i < 3 * groups; i++) {
    sum[i] = 0.0;
  }
  for (int64_t i = begin; i < end; i++) {
    double t = (double)run->target[i], y = (double)run->y[i];
    double *at = sum;
    if (groups > 1) {
      at += 3 * overlap_group(o->axis, run->shape, i % sample);
    }
    at[0] += t * y;
    at[1] += t;
    at[2] += y;
  }
}

/* The loss of those elements; sum[0] becomes the slope of the loss by I and
 * sum[1] that by P. */
static inline double overlap_value(double *sum, const overlap *o,
                                   int64_t groups) {
  double loss = 0.0, mean = 1.0 / (double)groups;
  for (int64_t i = 0; i < groups; i++, sum += 3) {
    double size = o->both * sum[0] + o->target * sum[1] +
                  o->predicted * sum[2] + OVERLAP_EPSILON;
    double part = o->share * sum[0] / size;
    loss += mean * (1.0 - part);
    sum[0] = -mean * (o->share - part * o->both) / size;
    sum[1] = mean * part * o->predicted / size;
  }
  return loss;
}

/* Rows [begin, end), which have one loss. */
static inline void overlap_part(nacre_loss_run *run, const overlap *o,
                                int64_t begin, int64_t end) {
  int64_t groups = overlap_groups(o->axis, run->shape);
  int64_t sample = run->sample_rows * run->cols;
  double *slope = run->scratch, factor = 0.0;
  overlap_sum(run, o, begin * run->cols, end * run->cols, groups);
  double loss = overlap_value(slope, o, groups);
  for (int64_t i = begin; i < end; i++) {
    factor += run->weight != NULL ? run->weight[i] : run->scale;
    run->loss[i] = loss;
  }
  if (run->dy == NULL) {
    return;
  }
  for (int64_t i = begin * run->cols; i < end * run->cols; i++) {
    const double *at = slope;
    if (groups > 1) {
      at += 3 * overlap_group(o->axis, run->shape, i % sample);
    }
    run->dy[i] = (real)(factor * (at[0] * (double)run->target[i] + at[1]));
  }
}

static inline void overlap_rows(nacre_loss_run *run, const overlap *o) {
  int64_t step = overlap_is_summed(o->axis, 0) ? run->rows : run->sample_rows;
  for (int64_t i = 0; i < run->rows; i += step) {
    overlap_part(run, o, i, i + step);
  }
}

#endif
