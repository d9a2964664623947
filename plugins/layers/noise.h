/* SPDX-License-Identifier: MIT */
/* noise: normal numbers, for layers that add or multiply them. */
#ifndef NACRE_LAYERS_NOISE_H
#define NACRE_LAYERS_NOISE_H

#include <nacre/plugin.h>

#include <math.h>

#include "tiles.h"

#define NACRE_NOISE_HALF (NACRE_TILES_BLOCK / 2)

/** Standard normal numbers first .. first + NACRE_TILES_BLOCK - 1 of the
 * stream, two from every two words: Box and Muller, "A note on the
 * generation of random normal deviates", 1958. */
static inline void nacre_noise_normals(const nacre_run *run, int64_t first,
                                       real *z) {
  const nacre_math *math = run->math;
  real *radius = z, *angle = z + NACRE_NOISE_HALF; /* [NACRE_NOISE_HALF] each */
  math->uniform(math, run->key, (uint64_t)first, NACRE_TILES_BLOCK, z);
  for (int i = 0; i < NACRE_NOISE_HALF; i++) {
    radius[i] = 1 - radius[i]; /* in (0, 1]: its logarithm is finite */
  }
  math->log(math, NACRE_NOISE_HALF, radius, radius);
  for (int i = 0; i < NACRE_NOISE_HALF; i++) {
    double r = sqrt(-2 * (double)radius[i]);
    double turn = 6.283185307179586 * (double)angle[i];
    radius[i] = (real)(r * cos(turn));
    angle[i] = (real)(r * sin(turn));
  }
}

#endif
