/* SPDX-License-Identifier: MIT */
/* norm: walks over the vectors of a weight whose lengths a constraint
 * bounds: those that run along the given axes. */
#ifndef NACRE_CONSTRAINTS_NORM_H
#define NACRE_CONSTRAINTS_NORM_H

#include <nacre/plugin.h>

#include <math.h>

/** Keeps divisions by a length away from 0, as Keras's epsilon does. */
#define NACRE_NORM_EPSILON 1e-7

/** The factor of a vector, from its length. */
typedef double (*nacre_norm_factor)(const void *cfg, double length);

/** Axes of a walk: extents and strides. */
typedef struct nacre_norm_walk {
  int64_t dim[NACRE_RANK_MAX], stride[NACRE_RANK_MAX];
  int32_t rank;
} nacre_norm_walk;

static inline int64_t nacre_norm_count(const nacre_norm_walk *walk) {
  int64_t count = 1;
  for (int32_t i = 0; i < walk->rank; i++) {
    count *= walk->dim[i];
  }
  return count;
}

/** Offset of element number `index`. */
static inline int64_t nacre_norm_at(const nacre_norm_walk *walk,
                                    int64_t index) {
  int64_t at = 0;
  for (int32_t i = walk->rank - 1; i >= 0; i--) {
    at += index % walk->dim[i] * walk->stride[i];
    index /= walk->dim[i];
  }
  return at;
}

/** Multiplies every vector of w, of `shape`, along `axis` by its factor.
 *  Axes count from 0, or from the end below it; those that the weight has
 *  not are passed over, and without any left it stays as it is. */
static inline void nacre_norm_project(nacre_ints axis,
                                      const nacre_shape *shape, real *w,
                                      nacre_norm_factor factor,
                                      const void *cfg) {
  nacre_norm_walk along = { .rank = 0 }, across = { .rank = 0 };
  int64_t stride = nacre_shape_count(shape);
  for (int32_t i = 0; i < shape->rank; i++) {
    nacre_norm_walk *walk = &across;
    for (int64_t j = 0; j < axis.n; j++) {
      if (axis.at[j] == i || axis.at[j] == i - shape->rank) {
        walk = &along;
      }
    }
    stride /= shape->dim[i];
    walk->dim[walk->rank] = shape->dim[i];
    walk->stride[walk->rank++] = stride;
  }
  int64_t vectors = along.rank > 0 ? nacre_norm_count(&across) : 0;
  int64_t n = nacre_norm_count(&along);
  for (int64_t i = 0; i < vectors; i++) {
    real *v = w + nacre_norm_at(&across, i);
    double square = 0;
    for (int64_t j = 0; j < n; j++) {
      double x = (double)v[nacre_norm_at(&along, j)];
      square += x * x;
    }
    double f = factor(cfg, sqrt(square));
    for (int64_t j = 0; j < n; j++) {
      real *x = v + nacre_norm_at(&along, j);
      *x = (real)((double)*x * f);
    }
  }
}

#endif
