/* SPDX-License-Identifier: MIT */
/* normal: normal random numbers, whole or cut off at two standard
 * deviations, by inversion: each weight is a function of one word of the
 * stream, with nothing to reject and no pairs to keep. */
#ifndef NACRE_INITIALIZERS_NORMAL_H
#define NACRE_INITIALIZERS_NORMAL_H

#include <nacre/plugin.h>

#include <math.h>

/** Standard deviation of a standard normal cut off at -2 and 2. */
#define NACRE_NORMAL_CUT_DEVIATION .87962566103423978

/** How much of the distribution is cut off on each side: Phi(-2), or 0. */
#define NACRE_NORMAL_CUT .022750131948179207
#define NACRE_NORMAL_WHOLE 0.0

/** (a0 + a1 x + .. + a7 x^7) / (b0 + b1 x + .. + b7 x^7). */
static inline double nacre_normal_ratio(const double a[8], const double b[8],
                                        double x) {
  double over = a[7], under = b[7];
  for (int i = 6; i >= 0; i--) {
    over = over * x + a[i];
    under = under * x + b[i];
  }
  return over / under;
}

/** The x below which a share p of a standard normal lies, 0 < p < 1, to
 *  about 1e-16: Wichura, "Algorithm AS 241: the percentage points of the
 *  normal distribution", Applied Statistics 37 (1988), PPND16. */
static inline double nacre_normal_quantile(double p) {
  static const double mid_a[8] = {
    3.3871328727963666080e0, 1.3314166789178437745e2,
    1.9715909503065514427e3, 1.3731693765509461125e4,
    4.5921953931549871457e4, 6.7265770927008700853e4,
    3.3430575583588128105e4, 2.5090809287301226727e3,
  };
  static const double mid_b[8] = {
    1.0, 4.2313330701600911252e1, 6.8718700749205790830e2,
    5.3941960214247511077e3, 2.1213794301586595867e4,
    3.9307895800092710610e4, 2.8729085735721942674e4,
    5.2264952788528545610e3,
  };
  static const double tail_a[8] = {
    1.42343711074968357734e0, 4.63033784615654529590e0,
    5.76949722146069140550e0, 3.64784832476320460504e0,
    1.27045825245236838258e0, 2.41780725177450611770e-1,
    2.27238449892691845833e-2, 7.74545014278341407640e-4,
  };
  static const double tail_b[8] = {
    1.0, 2.05319162663775882187e0, 1.67638483018380384940e0,
    6.89767334985100004550e-1, 1.48103976427480074590e-1,
    1.51986665636164571966e-2, 5.47593808499534494600e-4,
    1.05075007164441684324e-9,
  };
  static const double far_a[8] = {
    6.65790464350110377720e0, 5.46378491116411436990e0,
    1.78482653991729133580e0, 2.96560571828504891230e-1,
    2.65321895265761230930e-2, 1.24266094738807843860e-3,
    2.71155556874348757815e-5, 2.01033439929228813265e-7,
  };
  static const double far_b[8] = {
    1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1,
    1.48753612908506148525e-2, 7.86869131145613259100e-4,
    1.84631831751005468180e-5, 1.42151175831644588870e-7,
    2.04426310338993978564e-15,
  };
  double q = p - 0.5;
  if (fabs(q) <= 0.425) {
    return q * nacre_normal_ratio(mid_a, mid_b, 0.180625 - q * q);
  }
  double r = sqrt(-log(q < 0 ? p : 1 - p));
  double x = r <= 5 ? nacre_normal_ratio(tail_a, tail_b, r - 1.6)
                    : nacre_normal_ratio(far_a, far_b, r - 5);
  return q < 0 ? -x : x;
}

/** out = mean + deviation z, z standard normal without the share `cut` of
 *  either end. */
static inline void nacre_normal_fill(const nacre_init_run *run, double mean,
                                     double deviation, double cut) {
  int64_t n = nacre_shape_count(&run->shape);
  real *out = run->out; /* [n] */
  run->math->uniform(run->math, run->key, 0, n, out);
  for (int64_t i = 0; i < n; i++) {
    /* The uniform numbers are multiples of 2^-24; half a step keeps p off
     * the ends and the distribution symmetric. */
    double p = (double)out[i] + 0x1p-25;
    double z = nacre_normal_quantile(cut + (1 - 2 * cut) * p);
    out[i] = (real)(mean + deviation * z);
  }
}

#endif
