/* SPDX-License-Identifier: MIT */
/* slope: a derivative against central differences. */
#include "slope.h"

#include <math.h>

int nacre_slope_compare(nacre_slope_of slope, void *ctx, double x,
                        double given, double scale, double *numeric) {
  double h = NACRE_SUITE_STEP * fmax(1, fabs(x));
  double tolerance = NACRE_SUITE_GRADIENT * scale;
  *numeric = slope(ctx, h, h);
  if (fabs(*numeric - given) <= tolerance) {
    return NACRE_SLOPE_RIGHT;
  }
  /* A corner, or a sharp bend, may lie within the step but not at x. */
  if (fabs(slope(ctx, h / 10, h / 10) - given) <= tolerance) {
    return NACRE_SLOPE_CORNER;
  }
  /* At a corner the slopes of both sides stay apart as the step shrinks. */
  double wide = fabs(slope(ctx, h, 0) - slope(ctx, 0, h));
  double narrow = fabs(slope(ctx, h / 10, 0) - slope(ctx, 0, h / 10));
  return narrow > tolerance && narrow > 0.5 * wide ? NACRE_SLOPE_CORNER
                                                   : NACRE_SLOPE_WRONG;
}
