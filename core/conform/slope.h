/* SPDX-License-Identifier: MIT */
/* slope: a derivative against central differences. */
#ifndef NACRE_CONFORM_SLOPE_H
#define NACRE_CONFORM_SLOPE_H

#include "suite.h"

/** (f(x + up) - f(x - down)) / (up + down), for whatever `ctx` knows. */
typedef double (*nacre_slope_of)(void *ctx, double up, double down);

#define NACRE_SLOPE_RIGHT 0
#define NACRE_SLOPE_WRONG 1
#define NACRE_SLOPE_CORNER 2 /* there is no derivative to compare with */

/** Whether `given` is the derivative at x, to within what central
 *  differences can show relative to `scale`, the size of the gradient that
 *  it is an element of. `numeric` is what they gave. */
int nacre_slope_compare(nacre_slope_of, void *ctx, double x, double given,
                        double scale, double *numeric);

#endif
