/* SPDX-License-Identifier: MIT */
/* peak: multiply-adds in registers and nothing else: what a core can do. */
#ifndef NACRE_DEVICES_PEAK_H
#define NACRE_DEVICES_PEAK_H

#include "lanes.h"

/* Chains enough to hide the latency of two units. */
#define PEAK_CHAINS 12

/* Returns the number of operations; `seed` is 1 and 0, which the compiler
 * cannot know, and out[LANES] keeps it from leaving the work out. */
static double KERNEL(multiply_add)(int64_t turns, const real seed[2],
                                   real *out) {
  const vreal one = v_set(seed[0]), none = v_set(seed[1]);
  vreal chain[PEAK_CHAINS];
  UNROLL for (int i = 0; i < PEAK_CHAINS; i++) {
    chain[i] = v_set(seed[0] + (real)i); /* or one would do for all */
  }
  for (int64_t turn = 0; turn < turns; turn++) {
    UNROLL for (int i = 0; i < PEAK_CHAINS; i++) {
      chain[i] = v_fma(chain[i], one, none);
    }
  }
  UNROLL for (int i = 1; i < PEAK_CHAINS; i++) {
    chain[0] += chain[i];
  }
  v_store(out, chain[0]);
  return 2.0 * PEAK_CHAINS * (double)LANES * (double)turns;
}

#endif
