/* SPDX-License-Identifier: MIT */
/* lanes_portable: registers of 16 bytes by the compiler's vector types,
 * which it maps to SSE2, NEON, VSX or plain scalars. */
#ifndef NACRE_DEVICES_LANES_PORTABLE_H
#define NACRE_DEVICES_LANES_PORTABLE_H

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define LANE_BYTES 16
#define KERNEL(name) name##_portable

#include "lanes.h"

typedef int64_t part;

/* Two roundings, everywhere: contraction is off. */
ALWAYS vreal v_fma(vreal a, vreal b, vreal c) {
  return a * b + c;
}

/* With a NaN on either side, b. */
ALWAYS vreal v_max(vreal a, vreal b) {
  return v_select((vint)(a > b), a, b);
}

ALWAYS vreal v_min(vreal a, vreal b) {
  return v_select((vint)(a < b), a, b);
}

ALWAYS real v_add_across(vreal x) {
#ifdef NACRE_DOUBLE
  return x[0] + x[1];
#else
  return (x[0] + x[2]) + (x[1] + x[3]);
#endif
}

ALWAYS real v_max_across(vreal x) {
  real most = x[0];
  for (int64_t i = 1; i < LANES; i++) {
    most = x[i] > most ? x[i] : most;
  }
  return most;
}

ALWAYS vword w_multiply(vword a, vword b) {
#ifdef __SSE2__
  return (vword)_mm_mul_epu32((__m128i)a, (__m128i)b);
#else
  return (a & 0xffffffffu) * (b & 0xffffffffu);
#endif
}

ALWAYS vword w_pairs_low(vword a, vword b) {
  return (vword){ a[0], b[0] };
}

ALWAYS vword w_pairs_high(vword a, vword b) {
  return (vword){ a[1], b[1] };
}

/* The first n lanes; all of them for n >= LANES. */
ALWAYS part part_first(int64_t n) {
  return n < LANES ? n : LANES;
}

ALWAYS vreal v_load_part(const real *p, part n) {
  if (n == LANES) {
    return v_load(p);
  }
  vreal x = { 0 };
  for (int64_t i = 0; i < n; i++) {
    x[i] = p[i];
  }
  return x;
}

ALWAYS void v_store_part(real *p, part n, vreal x) {
  if (n == LANES) {
    v_store(p, x);
    return;
  }
  for (int64_t i = 0; i < n; i++) {
    p[i] = x[i];
  }
}

ALWAYS vreal v_select_part(part n, vreal a, vreal b) {
  for (int64_t i = 0; i < n; i++) {
    b[i] = a[i];
  }
  return b;
}

#ifndef NACRE_DOUBLE
ALWAYS vreal v_pick16(const float table[16], vint place) {
  vreal x;
  UNROLL for (int64_t i = 0; i < LANES; i++) {
    x[i] = table[place[i] & 15];
  }
  return x;
}
#endif

ALWAYS void v_turn(vreal *r) {
  vreal t[LANE_BYTES / sizeof(real)];
  UNROLL for (int64_t i = 0; i < LANES; i++) {
#ifdef NACRE_DOUBLE
    t[i] = (vreal){ r[0][i], r[1][i] };
#else
    t[i] = (vreal){ r[0][i], r[1][i], r[2][i], r[3][i] };
#endif
  }
  UNROLL for (int64_t i = 0; i < LANES; i++) {
    r[i] = t[i];
  }
}

#include "scale.h"

#endif
