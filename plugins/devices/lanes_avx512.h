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

/* The first n lanes; all of them for n >= LANES. */
ALWAYS part part_first(int64_t n) {
  return n >= LANES ? (part)~0u : (part)((1u << n) - 1u);
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

#endif
