/* SPDX-License-Identifier: MIT */
/* moments: passes over rows that layers share which divide each row by a
 * measure of its own size. With z = (x - shift) inverse,
 *
 *   y = gamma z + beta,
 *   dx = inverse (d - mean(d) - z mean(d z)),  d = gamma dy.
 *
 * Sums are of LANES parts that are added in a fixed order. */
#ifndef NACRE_LAYERS_MOMENTS_H
#define NACRE_LAYERS_MOMENTS_H

#include <nacre/plugin.h>

#define NACRE_MOMENTS_LANES 16

static inline real nacre_moments_add(const real *part) {
  double sum = 0;
  for (int l = 0; l < NACRE_MOMENTS_LANES; l++) {
    sum += (double)part[l];
  }
  return (real)sum;
}

/** Sum of x. x: [n] */
NACRE_KERNEL
static inline real nacre_moments_sum(int64_t n, const real *x) {
  real part[NACRE_MOMENTS_LANES] = { 0 };
  int64_t j = 0;
  for (; j + NACRE_MOMENTS_LANES <= n; j += NACRE_MOMENTS_LANES) {
    for (int l = 0; l < NACRE_MOMENTS_LANES; l++) {
      part[l] += x[j + l];
    }
  }
  for (; j < n; j++) {
    part[j % NACRE_MOMENTS_LANES] += x[j];
  }
  return nacre_moments_add(part);
}

/** Sum of (x - shift)^2. x: [n] */
NACRE_KERNEL
static inline real nacre_moments_squares(int64_t n, real shift, const real *x) {
  real part[NACRE_MOMENTS_LANES] = { 0 };
  int64_t j = 0;
  for (; j + NACRE_MOMENTS_LANES <= n; j += NACRE_MOMENTS_LANES) {
    for (int l = 0; l < NACRE_MOMENTS_LANES; l++) {
      part[l] += (x[j + l] - shift) * (x[j + l] - shift);
    }
  }
  for (; j < n; j++) {
    part[j % NACRE_MOMENTS_LANES] += (x[j] - shift) * (x[j] - shift);
  }
  return nacre_moments_add(part);
}

/** y = gamma z + beta. x, y: [n]; gamma, beta: [n], or NULL. */
NACRE_KERNEL
static inline void nacre_moments_apply(int64_t n, real shift, real inverse,
                                const real *restrict gamma,
                                const real *restrict beta,
                                const real *restrict x, real *restrict y) {
  if (gamma != NULL && beta != NULL) {
    for (int64_t j = 0; j < n; j++) {
      y[j] = gamma[j] * ((x[j] - shift) * inverse) + beta[j];
    }
  } else if (gamma != NULL) {
    for (int64_t j = 0; j < n; j++) {
      y[j] = gamma[j] * ((x[j] - shift) * inverse);
    }
  } else {
    for (int64_t j = 0; j < n; j++) {
      y[j] = (x[j] - shift) * inverse + (beta != NULL ? beta[j] : 0);
    }
  }
}

/** Sums of d and of d z. x, dy: [n]; gamma: [n], or NULL. */
NACRE_KERNEL
static inline void nacre_moments_products(int64_t n, real shift, real inverse,
                                   const real *gamma, const real *x,
                                   const real *dy, real sums[2]) {
  real part[NACRE_MOMENTS_LANES] = { 0 }, product[NACRE_MOMENTS_LANES] = { 0 };
  int64_t j = 0;
  for (; gamma != NULL && j + NACRE_MOMENTS_LANES <= n;
       j += NACRE_MOMENTS_LANES) {
    for (int l = 0; l < NACRE_MOMENTS_LANES; l++) {
      real d = gamma[j + l] * dy[j + l];
      part[l] += d;
      product[l] += d * ((x[j + l] - shift) * inverse);
    }
  }
  for (; j + NACRE_MOMENTS_LANES <= n; j += NACRE_MOMENTS_LANES) {
    for (int l = 0; l < NACRE_MOMENTS_LANES; l++) {
      part[l] += dy[j + l];
      product[l] += dy[j + l] * ((x[j + l] - shift) * inverse);
    }
  }
  for (; j < n; j++) {
    real d = gamma != NULL ? gamma[j] * dy[j] : dy[j];
    part[j % NACRE_MOMENTS_LANES] += d;
    product[j % NACRE_MOMENTS_LANES] += d * ((x[j] - shift) * inverse);
  }
  sums[0] = nacre_moments_add(part);
  sums[1] = nacre_moments_add(product);
}

/** dx = inverse (d - a - b z); gamma: [n], or NULL. x, dy, dx: [n] */
NACRE_KERNEL
static inline void nacre_moments_back(int64_t n, real shift, real inverse,
                                      real a, real b,
                                      const real *restrict gamma,
                                      const real *restrict x,
                                      const real *restrict dy,
                                      real *restrict dx) {
  if (gamma != NULL) {
    for (int64_t j = 0; j < n; j++) {
      real z = (x[j] - shift) * inverse;
      dx[j] = inverse * (gamma[j] * dy[j] - a - b * z);
    }
  } else {
    for (int64_t j = 0; j < n; j++) {
      real z = (x[j] - shift) * inverse;
      dx[j] = inverse * (dy[j] - a - b * z);
    }
  }
}

/** dgamma += dy z, dbeta += dy. x, dy, dgamma: [n]; dbeta: [n] */
NACRE_KERNEL
static inline void nacre_moments_weights(int64_t n, real shift, real inverse,
                                  const real *restrict x,
                                  const real *restrict dy,
                                  real *restrict dgamma,
                                  real *restrict dbeta) {
  for (int64_t j = 0; j < n; j++) {
    dgamma[j] += dy[j] * ((x[j] - shift) * inverse);
    dbeta[j] += dy[j];
  }
}

#endif
