/* SPDX-License-Identifier: MIT */
/* values: numbers to test with, and comparisons of arrays. */
#include "values.h"

#include "base/random.h"

#include <math.h>
#include <string.h>

double nacre_values_unit(nacre_suite *suite) {
  const nacre_key key = { { 0x6e616372u, 0x65u }, { 0x636f6e66u, 0 } };
  uint32_t word[4];
  nacre_random_block(key, suite->drawn++, word);
  return ((double)word[0] + 0.5) / 4294967296.0;
}

int64_t nacre_values_below(nacre_suite *suite, int64_t n) {
  return (int64_t)(nacre_values_unit(suite) * (double)n);
}

void nacre_values_spaced(nacre_suite *suite, int64_t n, real *x) {
  for (int64_t i = 0; i < n; i++) {
    double size = 0.05 + 1.95 * ((double)i + 0.5) / (double)n;
    x[i] = (real)(nacre_values_unit(suite) < 0.5 ? -size : size);
  }
  for (int64_t i = n - 1; i > 0; i--) {
    int64_t other = nacre_values_below(suite, i + 1);
    real kept = x[i];
    x[i] = x[other];
    x[other] = kept;
  }
}

void nacre_values_between(nacre_suite *suite, double low, double high,
                          int64_t n, real *x) {
  for (int64_t i = 0; i < n; i++) {
    x[i] = (real)(low + (high - low) * nacre_values_unit(suite));
  }
}

void nacre_values_whole(nacre_suite *suite, int64_t below, int64_t n,
                        real *x) {
  for (int64_t i = 0; i < n; i++) {
    x[i] = (real)nacre_values_below(suite, below);
  }
}

void nacre_values_simplex(nacre_suite *suite, int64_t rows, int64_t cols,
                          real *x) {
  for (int64_t row = 0; row < rows; row++) {
    real *at = x + row * cols;
    double sum = 0;
    for (int64_t i = 0; i < cols; i++) {
      double part = 0.2 + nacre_values_unit(suite);
      at[i] = (real)part;
      sum += part;
    }
    for (int64_t i = 0; i < cols; i++) {
      at[i] = (real)((double)at[i] / sum);
    }
  }
}

void nacre_values_poison(int64_t n, real *x) {
  if (n > 0) {
    memset(x, 0xff, (size_t)n * sizeof(real));
  }
}

int64_t nacre_values_differ(int64_t n, const real *a, const real *b,
                            double tolerance) {
  for (int64_t i = 0; i < n; i++) {
    if (memcmp(a + i, b + i, sizeof(real)) == 0) {
      continue;
    }
    double p = (double)a[i], q = (double)b[i];
    if (isnan(p) && isnan(q)) {
      continue;
    }
    double size = fmax(1, fmax(fabs(p), fabs(q)));
    if (tolerance > 0 && fabs(p - q) <= tolerance * size) {
      continue;
    }
    return i;
  }
  return -1;
}

int64_t nacre_values_not_finite(int64_t n, const real *x) {
  for (int64_t i = 0; i < n; i++) {
    if (!isfinite((double)x[i])) {
      return i;
    }
  }
  return -1;
}
