/* SPDX-License-Identifier: MIT */
/* scale: x 2^n for instruction sets without an operation for it. */
#ifndef NACRE_DEVICES_SCALE_H
#define NACRE_DEVICES_SCALE_H

#ifdef NACRE_DOUBLE
#define EXPONENT_BIAS 1023
#define EXPONENT_SHIFT 52
#else
#define EXPONENT_BIAS 127
#define EXPONENT_SHIFT 23
#endif

/* x 2^n, where n is whole and `bits` is n as an integer. In two factors, for
 * results that are subnormal and for n one past the largest exponent. */
ALWAYS vreal v_scale(vreal x, vreal n, vint bits) {
  (void)n;
  vint half = bits >> 1;
  vint rest = bits - half;
  vreal first = (vreal)((half + EXPONENT_BIAS) << EXPONENT_SHIFT);
  vreal second = (vreal)((rest + EXPONENT_BIAS) << EXPONENT_SHIFT);
  return x * first * second;
}

#endif
