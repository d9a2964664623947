/* SPDX-License-Identifier: MIT */
/* draws: numbers of other distributions out of a stream. */
#ifndef NACRE_TRANSFORMS_DRAWS_H
#define NACRE_TRANSFORMS_DRAWS_H

#include <nacre/plugin.h>

#include <math.h>

/** A word as a uniform number in (0, 1]: it has a logarithm. */
static inline double draws_positive(uint32_t word) {
  return ((double)word + 1) * (1.0 / 4294967296.0);
}

/** Two standard normal numbers from two words, by Box and Muller. */
static inline void draws_normals(uint32_t a, uint32_t b, double out[2]) {
  double radius = sqrt(-2 * log(draws_positive(a)));
  double angle = 6.283185307179586 * draws_positive(b);
  out[0] = radius * cos(angle);
  out[1] = radius * sin(angle);
}

/** Logarithm of a number of the Gamma distribution of shape a > 0, from the
 *  blocks of a stream from `block` on. Marsaglia and Tsang, "A simple method
 *  for generating gamma variables", 2000, with Gamma(a) = Gamma(a + 1)
 *  U^(1/a) below 1; as a logarithm since small shapes give numbers that no
 *  exponent can hold. */
static inline double draws_log_gamma(nacre_key key, uint64_t block,
                                     double a) {
  double d = (a < 1 ? a + 1 : a) - 1.0 / 3, c = 1 / sqrt(9 * d);
  uint32_t words[4];
  double normal[2], value = log(d);
  nacre_random_block(key, block, words);
  double small = a < 1 ? log(draws_positive(words[0])) / a : 0;
  /* One try in twenty fails at most. */
  for (uint64_t i = 1; i < 32; i++) {
    nacre_random_block(key, block + i, words);
    draws_normals(words[0], words[1], normal);
    double v = 1 + c * normal[0];
    v = v * v * v;
    if (v > 0 && log(draws_positive(words[2])) <
                   0.5 * normal[0] * normal[0] + d - d * v + d * log(v)) {
      value = log(d * v);
      break;
    }
  }
  return value + small;
}

/** A number of the distribution Beta(a, a), from blocks 8 to 71. */
static inline double draws_beta(nacre_key key, double a) {
  double x = draws_log_gamma(key, 8, a), y = draws_log_gamma(key, 40, a);
  return 1 / (1 + exp(y - x));
}

#endif
