/* SPDX-License-Identifier: MIT */
/* attend: passes over rows of scores. */
#ifndef NACRE_DEVICES_ATTEND_H
#define NACRE_DEVICES_ATTEND_H

#include "pointwise.h"

/* x = exp(x - m), m being the larger of *top and the largest x, which *top
 * becomes; returns the sum of the results. Where all is minus infinity the
 * results are 0. x: [n] */
static real KERNEL(soften)(int64_t n, real *x, real *top) {
  const real none = -(real)INFINITY;
  const int64_t full = n / LANES * LANES;
  const part rest = part_first(n - full);
  vreal most = v_set(*top);
  for (int64_t i = 0; i < full; i += LANES) {
    most = v_max(v_load(x + i), most);
  }
  if (full < n) {
    most = v_max(v_select_part(rest, v_load_part(x + full, rest),
                               v_set(none)), most);
  }
  const real high = v_max_across(most);
  const vreal shift = v_set(high > none ? high : 0);
  vreal sum = { 0 };
  for (int64_t i = 0; i < full; i += LANES) {
    vreal e = v_exp(v_load(x + i) - shift);
    v_store(x + i, e);
    sum += e;
  }
  if (full < n) {
    vreal e = v_exp(v_load_part(x + full, rest) - shift);
    v_store_part(x + full, rest, e);
    sum += v_select_part(rest, e, (vreal){ 0 });
  }
  *top = high;
  return v_add_across(sum);
}

/* What p and dp become in one register: the probability that the values are
 * weighed with, and the gradient of the score. */
ALWAYS void soften_back(vreal log_sum, vreal mean, vreal keep, vreal *p,
                        vreal *dp) {
  vreal e = v_exp(*p - log_sum);
  *dp = e * (*dp * keep - mean);
  *p = e * keep;
}

/* p: scores, then probabilities; dp: their gradients, then those of the
 * scores; keep: factors of dropout, or NULL. All [n]. `mean` is the sum of
 * probabilities times gradients. */
static void KERNEL(soften_gradient)(int64_t n, real log_sum, real mean,
                                    const real *keep, real *p, real *dp) {
  const vreal shift = v_set(log_sum), middle = v_set(mean);
  const int64_t full = n / LANES * LANES;
  vreal factor = v_set(1);
  for (int64_t i = 0; i < full; i += LANES) {
    vreal a = v_load(p + i), b = v_load(dp + i);
    if (keep != NULL) {
      factor = v_load(keep + i);
    }
    soften_back(shift, middle, factor, &a, &b);
    v_store(p + i, a);
    v_store(dp + i, b);
  }
  if (full < n) {
    const part rest = part_first(n - full);
    vreal a = v_load_part(p + full, rest), b = v_load_part(dp + full, rest);
    if (keep != NULL) {
      factor = v_load_part(keep + full, rest);
    }
    soften_back(shift, middle, factor, &a, &b);
    v_store_part(p + full, rest, a);
    v_store_part(dp + full, rest, b);
  }
}

/* Uniform numbers to factors of dropout: 0, or 1 / (1 - rate). */
static void KERNEL(keep)(int64_t n, real rate, real *u) {
  const vreal least = v_set(rate), scale = v_set(1 / (1 - rate));
  for (int64_t i = 0; i < n; i += LANES) {
    const part some = part_first(n - i);
    vreal x = v_load_part(u + i, some);
    v_store_part(u + i, some,
                 v_select((vint)(x < least), (vreal){ 0 }, scale));
  }
}

/* y *= a */
static void KERNEL(times)(int64_t n, const real *a, real *y) {
  for (int64_t i = 0; i < n; i += LANES) {
    const part some = part_first(n - i);
    v_store_part(y + i, some,
                 v_load_part(a + i, some) * v_load_part(y + i, some));
  }
}

#endif
