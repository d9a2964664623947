/* SPDX-License-Identifier: MIT */
/* lanes_avx512: registers of 64 bytes, with masks for the edges. */
#ifndef NACRE_DEVICES_LANES_AVX512_H
#define NACRE_DEVICES_LANES_AVX512_H

#include <immintrin.h>

#define LANE_BYTES 64
#define KERNEL(name) name##_avx512

#include "lanes.h"

#ifdef NACRE_DOUBLE
#define OF_LANES(name) _mm512_##name##_pd
typedef __mmask8 part;
#else
#define OF_LANES(name) _mm512_##name##_ps
typedef __mmask16 part;
#endif

ALWAYS vreal v_fma(vreal a, vreal b, vreal c) {
  return (vreal)OF_LANES(fmadd)(a, b, c);
}

/* With a NaN on either side, b: as _mm512_max_ps does. */
ALWAYS vreal v_max(vreal a, vreal b) {
  return (vreal)OF_LANES(max)(a, b);
}

ALWAYS vreal v_min(vreal a, vreal b) {
  return (vreal)OF_LANES(min)(a, b);
}

/* x 2^n, where n is whole and `bits` is n as an integer. */
ALWAYS vreal v_scale(vreal x, vreal n, vint bits) {
  (void)bits;
  return (vreal)OF_LANES(scalef)(x, n);
}

ALWAYS real v_add_across(vreal x) {
  return OF_LANES(reduce_add)(x);
}

ALWAYS real v_max_across(vreal x) {
  return OF_LANES(reduce_max)(x);
}

ALWAYS vword w_multiply(vword a, vword b) {
  return (vword)_mm512_mul_epu32((__m512i)a, (__m512i)b);
}

ALWAYS vword w_pairs_low(vword a, vword b) {
  return (vword)_mm512_unpacklo_epi64((__m512i)a, (__m512i)b);
}

ALWAYS vword w_pairs_high(vword a, vword b) {
  return (vword)_mm512_unpackhi_epi64((__m512i)a, (__m512i)b);
}

/* The first n lanes; all of them for n >= LANES. */
ALWAYS part part_first(int64_t n) {
  return (part)(n >= LANES ? ~0u : (1u << n) - 1u);
}

ALWAYS vreal v_load_part(const real *p, part mask) {
  return (vreal)OF_LANES(maskz_loadu)(mask, p);
}

ALWAYS void v_store_part(real *p, part mask, vreal x) {
  OF_LANES(mask_storeu)(p, mask, x);
}

ALWAYS vreal v_select_part(part mask, vreal a, vreal b) {
  return (vreal)OF_LANES(mask_blend)(mask, b, a);
}

/* As that of narrower lanes, but a whole register of places is written. */
ALWAYS int64_t v_list(vreal x, int32_t i, int32_t *list) {
  const __m512i place =
    _mm512_add_epi32(_mm512_set1_epi32(i),
                     _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
                                       12, 13, 14, 15));
#ifdef NACRE_DOUBLE
  const __mmask16 mask =
    _mm512_cmp_pd_mask((__m512d)x, _mm512_setzero_pd(), _CMP_NEQ_UQ);
#else
  const __mmask16 mask =
    _mm512_cmp_ps_mask((__m512)x, _mm512_setzero_ps(), _CMP_NEQ_UQ);
#endif
  _mm512_storeu_si512(list, _mm512_maskz_compress_epi32(mask, place));
  return __builtin_popcount(mask);
}

#ifdef NACRE_DOUBLE

ALWAYS void v_turn(vreal r[8]) {
  vreal t[8];
  UNROLL for (int i = 0; i < 8; i += 2) {
    t[i] = (vreal)_mm512_unpacklo_pd(r[i], r[i + 1]);
    t[i + 1] = (vreal)_mm512_unpackhi_pd(r[i], r[i + 1]);
  }
  /* Quarters 0 and 2, or 1 and 3, of two registers. */
  UNROLL for (int i = 0; i < 8; i += 4) {
    UNROLL for (int j = 0; j < 2; j++) {
      r[i + j] = (vreal)_mm512_shuffle_f64x2(t[i + j], t[i + j + 2], 0x88);
      r[i + j + 2] =
        (vreal)_mm512_shuffle_f64x2(t[i + j], t[i + j + 2], 0xdd);
    }
  }
  UNROLL for (int j = 0; j < 4; j++) {
    t[j] = (vreal)_mm512_shuffle_f64x2(r[j], r[j + 4], 0x88);
    t[j + 4] = (vreal)_mm512_shuffle_f64x2(r[j], r[j + 4], 0xdd);
  }
  UNROLL for (int j = 0; j < 8; j++) {
    r[j] = t[j];
  }
}

#else

ALWAYS vreal v_pick16(const float table[16], vint place) {
  return _mm512_permutexvar_ps((__m512i)place, (__m512)v_load(table));
}

ALWAYS void v_turn(vreal r[16]) {
  vreal t[16];
  UNROLL for (int i = 0; i < 16; i += 2) {
    t[i] = (vreal)_mm512_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = (vreal)_mm512_unpackhi_ps(r[i], r[i + 1]);
  }
  /* Row 4 q + i of each group of four holds its columns i, in quarter q. */
  UNROLL for (int i = 0; i < 16; i += 4) {
    UNROLL for (int j = 0; j < 2; j++) {
      __m512d low = _mm512_castps_pd(t[i + j]);
      __m512d high = _mm512_castps_pd(t[i + j + 2]);
      r[i + 2 * j] = (vreal)_mm512_unpacklo_pd(low, high);
      r[i + 2 * j + 1] = (vreal)_mm512_unpackhi_pd(low, high);
    }
  }
  /* Quarters 0 and 2, or 1 and 3, of two registers. */
  UNROLL for (int i = 0; i < 16; i += 8) {
    UNROLL for (int j = 0; j < 4; j++) {
      t[i + j] = (vreal)_mm512_shuffle_f32x4(r[i + j], r[i + j + 4], 0x88);
      t[i + j + 4] =
        (vreal)_mm512_shuffle_f32x4(r[i + j], r[i + j + 4], 0xdd);
    }
  }
  UNROLL for (int j = 0; j < 8; j++) {
    r[j] = (vreal)_mm512_shuffle_f32x4(t[j], t[j + 8], 0x88);
    r[j + 8] = (vreal)_mm512_shuffle_f32x4(t[j], t[j + 8], 0xdd);
  }
}

#endif

#endif
