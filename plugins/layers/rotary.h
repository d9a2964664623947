/* SPDX-License-Identifier: MIT */
/* rotary: rotary positions. Features j and j + half of a vector at step t
 * are turned, as a pair, by the angle t / wavelength^(j / half) / factor.
 * Su et al., "RoFormer: Enhanced Transformer with Rotary Position
 * Embedding", arXiv:2104.09864; pairs as in KerasHub. */
#ifndef NACRE_LAYERS_ROTARY_H
#define NACRE_LAYERS_ROTARY_H

#include <nacre/plugin.h>

#include <math.h>
#include <stdlib.h>

#include "tiles.h"

/* Cosines and sines of all steps. */
typedef struct nacre_rotary {
  int64_t half;
  real *cosine, *sine; /* [steps, half] each */
} nacre_rotary;

/** NULL when out of memory; freed with nacre_rotary_free(). dim: even. */
static inline nacre_rotary *nacre_rotary_new(int64_t steps, int64_t dim,
                                             double wavelength,
                                             double factor) {
  const int64_t half = dim / 2;
  nacre_rotary *table = malloc(sizeof(*table));
  real *values = calloc((size_t)steps * (size_t)half, 2 * sizeof(real));
  if (table == NULL || values == NULL) {
    free(table);
    free(values);
    return NULL;
  }
  *table = (nacre_rotary){ half, values, values + steps * half };
  for (int64_t t = 0; t < steps; t++) {
    for (int64_t j = 0; j < half; j++) {
      const double angle =
        (double)t * pow(wavelength, -(double)j / (double)half) / factor;
      table->cosine[t * half + j] = (real)cos(angle);
      table->sine[t * half + j] = (real)sin(angle);
    }
  }
  return table;
}

static inline void nacre_rotary_free(void *self) {
  nacre_rotary *table = self;
  if (table != NULL) {
    free(table->cosine);
    free(table);
  }
}

/* sine: of the angle, or its negative to turn back. y may be x. */
NACRE_KERNEL
static inline void nacre_rotary_pair(int64_t half, const real *cosine,
                              const real *sine, real sign, const real *x,
                              real *y) {
  for (int64_t j = 0; j < half; j++) {
    const real s = sign * sine[j];
    const real a = x[j], b = x[j + half];
    y[j] = a * cosine[j] - b * s;
    y[j + half] = b * cosine[j] + a * s;
  }
}

typedef struct nacre_rotary_pass {
  const nacre_rotary *table;
  int64_t steps, heads;
  real sign;
  const real *x;
  real *y;
} nacre_rotary_pass;

static inline void nacre_rotary_rows(void *ctx, int64_t begin, int64_t end) {
  const nacre_rotary_pass *p = ctx;
  const int64_t half = p->table->half, dim = 2 * half;
  for (int64_t i = begin; i < end; i++) {
    const int64_t t = i % p->steps;
    for (int64_t h = 0; h < p->heads; h++) {
      const int64_t at = (i * p->heads + h) * dim;
      nacre_rotary_pair(half, p->table->cosine + t * half,
                        p->table->sine + t * half, p->sign, p->x + at,
                        p->y + at);
    }
  }
}

/** Turns x, [batch, steps, heads, dim], into y, which may be x; back with
 *  `sign` -1. The table may be of more steps. */
static inline void nacre_rotary_turn(const nacre_math *math,
                                     const nacre_rotary *table,
                                     int64_t batch, int64_t steps,
                                     int64_t heads, int sign, const real *x,
                                     real *y) {
  nacre_rotary_pass p = { table, steps, heads, (real)sign, x, y };
  nacre_tiles_run(math, batch * steps,
                  nacre_tiles_rows(heads * 2 * table->half),
                  nacre_rotary_rows, &p);
}

#endif
