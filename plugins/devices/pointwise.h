/* SPDX-License-Identifier: MIT */
/* pointwise: exp, log and their kin on registers.
 *
 * In float: reduction of the argument as in Muller et al., "Handbook of
 * Floating-Point Arithmetic", and polynomials fitted for the reduced ranges
 * (Chebyshev interpolation, evaluated in 40 digits). The same operations run
 * in every lane and for every edge, so a result does not depend on where in
 * an array its argument stands. In double: the C library's own functions. */
#ifndef NACRE_DEVICES_POINTWISE_H
#define NACRE_DEVICES_POINTWISE_H

#include <math.h>

#ifdef NACRE_DOUBLE

/* With what rounding took from 1 + e, times the derivative. */
ALWAYS real sigmoid_one(real x) {
  real e = exp(x < 0 ? x : -x);
  real sum = 1 + e;
  real y = (x < 0 ? e : 1) / sum;
  real lost = e - (sum - 1);
  return y - y * (x < 0 ? 1 - y : y) * lost;
}

/* expm1(2x) / (expm1(2x) + 2), with what rounding took from the sum. */
ALWAYS real tanh_one(real x) {
  real a = fabs(x);
  if (!(a < 22)) { /* rounds to 1; or a NaN */
    return a == a ? copysign(1, x) : x;
  }
  real t = expm1(2 * a);
  real sum = t + 2;
  real y = t / sum;
  real lost = t < 2 ? t - (sum - 2) : 2 - (sum - t);
  return copysign(y - y * lost / sum, x);
}

#define BY_LANE(name, expression)           \
  ALWAYS vreal v_##name(vreal v) {          \
    for (int64_t i = 0; i < LANES; i++) {   \
      real x = v[i];                        \
      v[i] = (expression);                  \
    }                                       \
    return v;                               \
  }
BY_LANE(exp, exp(x))
BY_LANE(log, log(x))
BY_LANE(log1p, log1p(x))
BY_LANE(tanh, tanh_one(x))
BY_LANE(sigmoid, sigmoid_one(x))
BY_LANE(erf, erf(x))

#else

#define LN2_HIGH 0.693145751953125f /* 15 bits: exact times an exponent */
#define LN2_LOW 1.42860682030941723e-6f

ALWAYS vreal v_exp(vreal x) {
  const vreal magic = v_set(12582912.0f); /* 1.5 2^23: rounds to whole */
  /* Beyond these the result is 0 or infinity. A NaN goes through. */
  x = v_min(v_set(89.0f), v_max(v_set(-105.0f), x));
  vreal t = v_fma(x, v_set(1.44269504088896341f), magic);
  vreal n = t - magic;
  vreal r = v_fma(n, v_set(-LN2_HIGH), x);
  r = v_fma(n, v_set(-LN2_LOW), r);
  vreal p = v_set(1.9891180158e-4f);
  p = v_fma(p, r, v_set(1.3933820480e-3f));
  p = v_fma(p, r, v_set(8.3333107546e-3f));
  p = v_fma(p, r, v_set(4.1666463386e-2f));
  p = v_fma(p, r, v_set(1.6666666682e-1f));
  p = v_fma(p, r, v_set(0.5f));
  p = v_fma(r * r, p, r) + v_set(1.0f);
  return v_scale(p, n, (vint)t - (vint)magic);
}

/* log((1 + f) 2^e) for 1 + f within [sqrt(1/2), sqrt(2)]. */
ALWAYS vreal log_reduced(vreal f, vreal e) {
  vreal z = f * f;
  vreal p = v_set(6.9716205410e-2f);
  p = v_fma(p, f, v_set(-1.1479748625e-1f));
  p = v_fma(p, f, v_set(1.1685423571e-1f));
  p = v_fma(p, f, v_set(-1.2425685693e-1f));
  p = v_fma(p, f, v_set(1.4249057141e-1f));
  p = v_fma(p, f, v_set(-1.6667802368e-1f));
  p = v_fma(p, f, v_set(2.0000715764e-1f));
  p = v_fma(p, f, v_set(-2.4999996958e-1f));
  p = v_fma(p, f, v_set(3.3333331180e-1f));
  vreal y = v_fma(e, v_set(LN2_LOW), f * z * p);
  y = v_fma(v_set(-0.5f), z, y);
  return v_fma(e, v_set(LN2_HIGH), f + y);
}

/* What log(x) is where x is not a positive number. */
ALWAYS vreal log_limits(vreal x, vreal y) {
  const vreal zero = { 0 };
  y = v_select((vint)(x == v_set(INFINITY)), x, y);
  y = v_select((vint)(x == zero), v_set(-INFINITY), y);
  y = v_select((vint)(x < zero), v_set(NAN), y);
  return v_select((vint)(x != x), x, y);
}

#define SQRT_HALF_BITS 0x3f3504f3

ALWAYS vreal v_log(vreal x) {
  vint tiny = (vint)(x < v_set(1.17549435e-38f));
  vreal scaled = v_select(tiny, x * v_set(8388608.0f), x);
  vint e = (vint)((vbits)scaled - SQRT_HALF_BITS) >> 23;
  vreal m = (vreal)((vbits)scaled - ((vbits)e << 23));
  e -= tiny & 23;
  return log_limits(x, log_reduced(m - v_set(1.0f),
                                   __builtin_convertvector(e, vreal)));
}

ALWAYS vreal v_log1p(vreal x) {
  const vreal one = v_set(1.0f);
  vreal u = one + x;
  vint e = (vint)((vbits)u - SQRT_HALF_BITS) >> 23;
  vreal m = (vreal)((vbits)u - ((vbits)e << 23));
  /* What rounding took from 1 + x, brought to the scale of m. */
  vreal lost = v_select((vint)(x > one), one - (u - x), x - (u - one));
  vint scale = 127 - e;
  scale &= ~(scale >> 31); /* where u is huge nothing is lost that counts */
  lost *= (vreal)((vbits)scale << 23);
  vreal f = v_select((vint)(e == 0), x, (m - one) + lost);
  vreal y = log_reduced(f, __builtin_convertvector(e, vreal));
  y = v_select((vint)(x == (vreal){ 0 }), x, y); /* the sign of a zero */
  vreal limit = log_limits(u, y);
  return v_select((vint)(x != x), x, limit);
}

#define SIGN_BIT ((lane_int)0x80000000u)

ALWAYS vreal v_abs(vreal x) {
  return (vreal)((vint)x & ~SIGN_BIT);
}

ALWAYS vreal v_copysign(vreal size, vreal sign) {
  return (vreal)(((vint)size & ~SIGN_BIT) | ((vint)sign & SIGN_BIT));
}

ALWAYS vreal v_tanh(vreal x) {
  const vreal one = v_set(1.0f);
  vreal a = v_abs(x);
  vreal z = a * a;
  vreal p = v_set(2.2927448162e-3f);
  p = v_fma(p, z, v_set(-8.3439455158e-3f));
  p = v_fma(p, z, v_set(2.1768918651e-2f));
  p = v_fma(p, z, v_set(-5.3959259577e-2f));
  p = v_fma(p, z, v_set(1.3333303557e-1f));
  p = v_fma(p, z, v_set(-3.3333333172e-1f));
  vreal near = v_fma(a * z, p, a);
  vreal far = one - v_set(2.0f) / (v_exp(a + a) + one);
  return v_copysign(v_select((vint)(a < v_set(0.625f)), near, far), x);
}

ALWAYS vreal v_sigmoid(vreal x) {
  const vreal one = v_set(1.0f);
  vint positive = (vint)(x >= (vreal){ 0 });
  vreal e = v_exp(-v_abs(x)); /* at most 1: nothing overflows */
  vreal sum = one + e;
  vreal y = v_select(positive, one, e) / sum;
  /* What rounding took from the sum, times the derivative y / sum. */
  vreal lost = e - (sum - one);
  vreal inverse = v_select(positive, y, one - y);
  return v_fma(-y * inverse, lost, y);
}

/* Polynomials of erf around the multiples of 65/256; each row holds one power's
 * coefficients of all 16. That around 0 is odd, as erf is: exact for a tiny
 * x. */
static const float erf_near[6][16] = {
  {
    0, 2.80463010e-01f, 5.27338445e-01f, 7.18623817e-01f, 8.49086046e-01f,
    9.27408159e-01f, 9.68796372e-01f, 9.88047481e-01f, 9.95929182e-01f,
    9.98769462e-01f, 9.99670327e-01f, 9.99921799e-01f, 9.99983609e-01f,
    9.99996960e-01f, 9.99999523e-01f, 9.99999940e-01f
  },
  {
    1.12837911e+00f, 1.05792964e+00f, 8.71890604e-01f, 6.31641567e-01f,
    4.02237773e-01f, 2.25163758e-01f, 1.10794343e-01f, 4.79225740e-02f,
    1.82207469e-02f, 6.08969759e-03f, 1.78907579e-03f, 4.62024793e-04f,
    1.04883053e-04f, 2.09290229e-05f, 3.67109942e-06f, 5.66039830e-07f
  },
  {
    0, -2.68608987e-01f, -4.42749709e-01f, -4.81129527e-01f,
    -4.08523619e-01f, -2.85855561e-01f, -1.68790951e-01f, -8.51760358e-02f,
    -3.70108671e-02f, -1.39154699e-02f, -4.54219012e-03f, -1.29020563e-03f,
    -3.19474668e-04f, -6.90513261e-05f, -1.30410026e-05f, -2.15379873e-06f
  },
  {
    -3.76122415e-01f, -3.07172239e-01f, -1.40739396e-01f, 3.37755680e-02f,
    1.42522559e-01f, 1.66877404e-01f, 1.34494871e-01f, 8.49500373e-02f,
    4.40457724e-02f, 1.91701818e-02f, 7.09280791e-03f, 2.24863878e-03f,
    6.14106306e-04f, 1.45019760e-04f, 2.96945273e-05f, 5.28332293e-06f
  },
  {
    0, 1.27548873e-01f, 1.82122141e-01f, 1.46900892e-01f, 6.39470071e-02f,
    -1.01210717e-02f, -4.57372479e-02f, -4.69108559e-02f, -3.24016139e-02f,
    -1.73377376e-02f, -7.55421259e-03f, -2.74571311e-03f, -8.44104274e-04f,
    -2.21422219e-04f, -4.98566624e-05f, -9.67742471e-06f
  },
  {
    1.12184241e-01f, 7.87156820e-02f, 5.12941414e-03f, -5.46301343e-02f,
    -6.83247074e-02f, -4.45912145e-02f, -1.23287234e-02f, 7.85890874e-03f,
    1.30364299e-02f, 1.00200279e-02f, 5.49429888e-03f, 2.36790814e-03f,
    8.34487146e-04f, 2.45507312e-04f, 6.10520656e-05f, 1.29383325e-05f
  },
};

/* By the polynomial around the nearest of 16 points: a table in registers
 * costs less than the exponential of one formula for all. */
ALWAYS vreal v_erf(vreal x) {
  const vreal magic = v_set(12582912.0f); /* 1.5 2^23: rounds to whole */
  vreal a = v_min(v_set(3.92f), v_abs(x)); /* there erf rounds to 1 */
  vreal t = v_fma(a, v_set(256.0f / 65), magic);
  vreal u = v_fma(t - magic, v_set(-65.0f / 256), a);
  vreal p = v_pick16(erf_near[5], (vint)t);
  UNROLL for (int i = 4; i >= 0; i--) {
    p = v_fma(p, u, v_pick16(erf_near[i], (vint)t));
  }
  return v_copysign(p, x);
}

#endif

#define POINTWISE(name)                                                     \
  static void KERNEL(name)(const nacre_math *math, int64_t n,               \
                           const real *x, real *y) {                        \
    (void)math;                                                             \
    int64_t i = 0;                                                          \
    for (; i + LANES <= n; i += LANES) {                                    \
      v_store(y + i, v_##name(v_load(x + i)));                              \
    }                                                                       \
    if (i < n) {                                                            \
      part rest = part_first(n - i);                                        \
      v_store_part(y + i, rest, v_##name(v_load_part(x + i, rest)));        \
    }                                                                       \
  }
POINTWISE(exp)
POINTWISE(log)
POINTWISE(log1p)
POINTWISE(tanh)
POINTWISE(sigmoid)
POINTWISE(erf)

/* One row: y = exp(x - max) / sum. */
ALWAYS void softmax_row(int64_t n, const real *x, real *y) {
  const vreal least = v_set(-(real)INFINITY);
  int64_t i = 0;
  vreal most = least;
  for (; i + LANES <= n; i += LANES) {
    most = v_max(v_load(x + i), most);
  }
  const int64_t full = i;
  const part rest = part_first(n - full);
  if (full < n) {
    most = v_max(v_select_part(rest, v_load_part(x + full, rest), least),
                 most);
  }
  const vreal top = v_set(v_max_across(most));
  vreal sum = { 0 };
  for (i = 0; i < full; i += LANES) {
    vreal e = v_exp(v_load(x + i) - top);
    v_store(y + i, e);
    sum += e;
  }
  if (full < n) {
    vreal e = v_exp(v_load_part(x + full, rest) - top);
    v_store_part(y + full, rest, e);
    sum += v_select_part(rest, e, (vreal){ 0 });
  }
  const vreal scale = v_set(1 / v_add_across(sum));
  for (i = 0; i < full; i += LANES) {
    v_store(y + i, v_load(y + i) * scale);
  }
  if (full < n) {
    v_store_part(y + full, rest, v_load_part(y + full, rest) * scale);
  }
}

static void KERNEL(softmax)(int64_t rows, int64_t cols, const real *x,
                            real *y) {
  for (int64_t i = 0; i < rows; i++) {
    softmax_row(cols, x + i * cols, y + i * cols);
  }
}

#endif
