/* SPDX-License-Identifier: MIT */
/* lanes_avx2: registers of 32 bytes with fused multiply-add. */
#ifndef NACRE_DEVICES_LANES_AVX2_H
#define NACRE_DEVICES_LANES_AVX2_H

#include <immintrin.h>

#define LANE_BYTES 32
#define KERNEL(name) name##_avx2

#include "lanes.h"

#ifdef NACRE_DOUBLE
#define OF_LANES(name) _mm256_##name##_pd
#else
#define OF_LANES(name) _mm256_##name##_ps
#endif
typedef __m256i part;

ALWAYS vreal v_fma(vreal a, vreal b, vreal c) {
  return (vreal)OF_LANES(fmadd)(a, b, c);
}

/* With a NaN on either side, b: as _mm256_max_ps does. */
ALWAYS vreal v_max(vreal a, vreal b) {
  return (vreal)OF_LANES(max)(a, b);
}

ALWAYS vreal v_min(vreal a, vreal b) {
  return (vreal)OF_LANES(min)(a, b);
}

ALWAYS real v_add_across(vreal x) {
  real lane[LANE_BYTES / sizeof(real)];
  memcpy(lane, &x, sizeof lane);
#ifdef NACRE_DOUBLE
  return (lane[0] + lane[2]) + (lane[1] + lane[3]);
#else
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) +
         ((lane[1] + lane[5]) + (lane[3] + lane[7]));
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
  return (vword)_mm256_mul_epu32((__m256i)a, (__m256i)b);
}

ALWAYS vword w_pairs_low(vword a, vword b) {
  return (vword)_mm256_unpacklo_epi64((__m256i)a, (__m256i)b);
}

ALWAYS vword w_pairs_high(vword a, vword b) {
  return (vword)_mm256_unpackhi_epi64((__m256i)a, (__m256i)b);
}

/* The first n lanes; all of them for n >= LANES. */
ALWAYS part part_first(int64_t n) {
#ifdef NACRE_DOUBLE
  const vint index = { 0, 1, 2, 3 };
#else
  const vint index = { 0, 1, 2, 3, 4, 5, 6, 7 };
#endif
  return (part)(index < i_set((lane_int)(n < LANES ? n : LANES)));
}

ALWAYS vreal v_load_part(const real *p, part mask) {
  return (vreal)OF_LANES(maskload)(p, mask);
}

ALWAYS void v_store_part(real *p, part mask, vreal x) {
  OF_LANES(maskstore)(p, mask, x);
}

ALWAYS vreal v_select_part(part mask, vreal a, vreal b) {
  return v_select((vint)mask, a, b);
}

#ifdef NACRE_DOUBLE

ALWAYS void v_turn(vreal r[4]) {
  vreal t[4];
  UNROLL for (int i = 0; i < 4; i += 2) {
    t[i] = (vreal)_mm256_unpacklo_pd(r[i], r[i + 1]);
    t[i + 1] = (vreal)_mm256_unpackhi_pd(r[i], r[i + 1]);
  }
  UNROLL for (int j = 0; j < 2; j++) {
    r[j] = (vreal)_mm256_permute2f128_pd(t[j], t[j + 2], 0x20);
    r[j + 2] = (vreal)_mm256_permute2f128_pd(t[j], t[j + 2], 0x31);
  }
}

#else

ALWAYS vreal v_pick16(const float table[16], vint place) {
  const __m256i at = (__m256i)place;
  __m256 low = _mm256_permutevar8x32_ps((__m256)v_load(table), at);
  __m256 high = _mm256_permutevar8x32_ps((__m256)v_load(table + 8), at);
  /* Bit 3 of the place, where a blend reads: in the sign. */
  return _mm256_blendv_ps(low, high, (__m256)_mm256_slli_epi32(at, 28));
}

ALWAYS void v_turn(vreal r[8]) {
  vreal t[8];
  UNROLL for (int i = 0; i < 8; i += 2) {
    t[i] = (vreal)_mm256_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = (vreal)_mm256_unpackhi_ps(r[i], r[i + 1]);
  }
  UNROLL for (int i = 0; i < 8; i += 4) {
    UNROLL for (int j = 0; j < 2; j++) {
      __m256d low = _mm256_castps_pd(t[i + j]);
      __m256d high = _mm256_castps_pd(t[i + j + 2]);
      r[i + 2 * j] = (vreal)_mm256_unpacklo_pd(low, high);
      r[i + 2 * j + 1] = (vreal)_mm256_unpackhi_pd(low, high);
    }
  }
  UNROLL for (int j = 0; j < 4; j++) {
    t[j] = (vreal)_mm256_permute2f128_ps(r[j], r[j + 4], 0x20);
    t[j + 4] = (vreal)_mm256_permute2f128_ps(r[j], r[j + 4], 0x31);
  }
  UNROLL for (int j = 0; j < 8; j++) {
    r[j] = t[j];
  }
}

#endif

#include "scale.h"

#endif
