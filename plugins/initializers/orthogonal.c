/* SPDX-License-Identifier: MIT */
/* orthogonal: a random matrix with orthonormal rows or columns. */
#include <nacre/plugin.h>

#include <math.h>

#include "normal.h"

typedef struct orthogonal {
  double gain;
} orthogonal;

#define LANES 16

/* The sums of the lanes are added in a fixed order, so the result is one. */
NACRE_KERNEL
static double inner(int64_t n, const double *a, const double *b) {
  double part[LANES] = { 0 }, sum = 0;
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    for (int l = 0; l < LANES; l++) {
      part[l] += a[i + l] * b[i + l];
    }
  }
  for (; i < n; i++) {
    part[0] += a[i] * b[i];
  }
  for (int l = 0; l < LANES; l++) {
    sum += part[l];
  }
  return sum;
}

/* x -= along y */
NACRE_KERNEL
static void subtract(int64_t n, double along, const double *y, double *x) {
  for (int64_t i = 0; i < n; i++) {
    x[i] -= along * y[i];
  }
}

/* Makes the `count` vectors of v, [count, n] with count <= n, orthonormal by
 * modified Gram-Schmidt, run twice over each vector: one pass leaves errors
 * that grow with the condition of v, two do not. */
static void orthonormalize(int64_t count, int64_t n, double *v) {
  for (int64_t i = 0; i < count; i++) {
    double *x = v + i * n;
    for (int pass = 0; pass < 2; pass++) {
      for (int64_t j = 0; j < i; j++) {
        const double *y = v + j * n;
        subtract(n, inner(n, x, y), y, x);
      }
    }
    double length = sqrt(inner(n, x, x));
    for (int64_t k = 0; k < n; k++) {
      x[k] /= length;
    }
  }
}

static int fill(const nacre_init_run *run) {
  const orthogonal *cfg = run->cfg;
  if (run->shape.rank < 2) {
    run->fail->fail(run->fail, NULL, "a weight with fewer than 2 axes cannot "
                    "be orthogonal");
    return NACRE_ERROR;
  }
  int64_t cols = run->shape.dim[run->shape.rank - 1];
  int64_t total = nacre_shape_count(&run->shape);
  int64_t rows = total / cols;
  int64_t count = rows < cols ? rows : cols, n = rows < cols ? cols : rows;
  double *v = run->alloc((size_t)total, sizeof(*v)); /* [count, n] */
  if (!v) {
    run->fail->fail(run->fail, NULL, "no memory for a matrix of %lld x %lld",
                    (long long)rows, (long long)cols);
    return NACRE_ERROR;
  }
  nacre_normal_fill(run, 0, 1, NACRE_NORMAL_WHOLE);
  for (int64_t i = 0; i < total; i++) {
    v[i] = (double)run->out[i];
  }
  orthonormalize(count, n, v);
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t j = 0; j < cols; j++) {
      double w = rows < cols ? v[i * n + j] : v[j * n + i];
      run->out[i * cols + j] = (real)(cfg->gain * w);
    }
  }
  run->free(v);
  return NACRE_OK;
}

static const nacre_param params[] = {
  NACRE_PARAM(orthogonal, gain, "1.0", NULL, "", "Factor of the matrix.", 0),
};

static const nacre_initializer_ops ops = {
  .size = sizeof(ops), .fill = fill,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_INITIALIZER, .contract = 1,
  .name = "orthogonal",
  .summary = "Random matrix with orthonormal rows or columns",
  .doc = "The weight is taken as a matrix of all axes but the last by the "
         "last; whichever of rows and columns are fewer become orthonormal, "
         "times gain, uniformly distributed among such matrices.\n\n"
         "As Keras's Orthogonal. Saxe, McClelland and Ganguli, \"Exact "
         "solutions to the nonlinear dynamics of learning in deep linear "
         "neural networks\", ICLR 2014.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(orthogonal), .ops = &ops,
};

NACRE_COMPONENT_MODULE(orthogonal, component)
