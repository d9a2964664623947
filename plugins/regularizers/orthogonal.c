/* SPDX-License-Identifier: MIT */
/* orthogonal: penalty on the angles between rows, or columns, of a matrix. */
#include <nacre/plugin.h>

#include <math.h>

typedef struct orthogonal {
  double factor;
  nacre_enum mode;
} orthogonal;

enum { ROWS, COLUMNS };

/* The matrix as `count` vectors of `length` elements: vector i starts at
 * i * next, its elements are `step` apart. */
typedef struct vectors {
  const real *at;
  int64_t count, length, next, step;
} vectors;

static double inner(const vectors *v, int64_t i, int64_t j) {
  const real *a = v->at + i * v->next, *b = v->at + j * v->next;
  double sum = 0;
  for (int64_t k = 0; k < v->length; k++) {
    sum += (double)a[k * v->step] * (double)b[k * v->step];
  }
  return sum;
}

/* 1 / length of vector i; a length below 1e-7 is taken for it, as in Keras. */
static double inverse(const vectors *v, int64_t i) {
  double length = sqrt(inner(v, i, i));
  return 1 / (length > 1e-7 ? length : 1e-7);
}

/* Adds slope d|cos(a, b)| / da to da: the sign of the cosine times
 * (b / |b| - cos a / |a|) / |a|. */
static void add_slope(const vectors *v, int64_t i, int64_t j, double cosine,
                      double slope, real *dw) {
  double a = inverse(v, i), b = inverse(v, j);
  double sign = cosine > 0 ? slope : cosine < 0 ? -slope : 0;
  const real *x = v->at + i * v->next, *y = v->at + j * v->next;
  real *dx = dw + i * v->next;
  for (int64_t k = 0; k < v->length; k++) {
    double toward = (double)y[k * v->step] * b;
    double along = (double)x[k * v->step] * a * cosine;
    dx[k * v->step] += (real)(sign * a * (toward - along));
  }
}

static double penalty(const nacre_math *math, const void *config,
                      const nacre_shape *shape, const real *w, real *dw) {
  (void)math;
  const orthogonal *cfg = config;
  int64_t cols = nacre_shape_last(shape);
  int64_t rows = nacre_shape_count(shape) / cols;
  vectors v = { w, rows, cols, cols, 1 };
  if (cfg->mode.value == COLUMNS) {
    v = (vectors){ w, cols, rows, 1, cols };
  }
  if (v.count < 2) {
    return 0;
  }
  double scale = cfg->factor / (0.5 * (double)v.count * (double)(v.count - 1));
  double sum = 0;
  for (int64_t i = 0; i < v.count; i++) {
    double a = inverse(&v, i);
    for (int64_t j = 0; j < i; j++) {
      double cosine = inner(&v, i, j) * a * inverse(&v, j);
      sum += fabs(cosine);
      if (dw) {
        add_slope(&v, i, j, cosine, scale, dw);
        add_slope(&v, j, i, cosine, scale, dw);
      }
    }
  }
  return scale * sum;
}

static const nacre_param params[] = {
  NACRE_PARAM(orthogonal, factor, "0.01", "[0,inf)", "", "Factor.", 0),
  NACRE_PARAM(orthogonal, mode, "rows", "rows|columns", "",
              "Which vectors are to be orthogonal to each other.", 0),
};

static const nacre_regularizer_ops ops = {
  .size = sizeof(ops), .penalty = penalty,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_REGULARIZER, .contract = 1,
  .name = "orthogonal", .aliases = "orthogonal_regularizer",
  .summary = "Penalty on the angles between rows, or columns",
  .doc = "factor times the mean of |cos(u, v)| over all pairs of rows (or "
         "columns) of the weight, added to the loss. Weights of more than "
         "two axes are taken as a matrix of all axes but the last by the "
         "last. As Keras's OrthogonalRegularizer.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(orthogonal), .ops = &ops,
};

NACRE_COMPONENT_MODULE(orthogonal, component)
