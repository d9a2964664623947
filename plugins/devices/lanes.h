/* SPDX-License-Identifier: MIT */
/* lanes: a register of reals as a C type, for the kernels of one instruction
 * set. The including file has defined LANE_BYTES and KERNEL(name), which adds
 * the set's suffix, and then gives the few operations that C has no operator
 * for: v_fma, v_max, v_min, v_scale, part_*, v_add_across, v_max_across;
 * v_turn, which transposes a square of registers; v_pick16 (in float), which
 * reads a table at the lower four bits of each lane; w_multiply of the lower
 * halves of 64-bit lanes, and w_pairs_* of even and of odd lanes. */
#ifndef NACRE_DEVICES_LANES_H
#define NACRE_DEVICES_LANES_H

#include <string.h>

#include "kernels.h"

#define LANES ((int64_t)(LANE_BYTES / sizeof(real)))
#define ALWAYS static inline __attribute__((always_inline))

#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

#ifdef NACRE_DOUBLE
typedef int64_t lane_int;
typedef uint64_t lane_word;
#else
typedef int32_t lane_int;
typedef uint32_t lane_word;
#endif

/* 64-bit lanes, for random numbers. */
typedef uint64_t vword __attribute__((vector_size(LANE_BYTES)));
typedef real vreal __attribute__((vector_size(LANE_BYTES)));
typedef lane_int vint __attribute__((vector_size(LANE_BYTES)));
/* Lanes whose sums wrap around, as those on the bits of a real do. */
typedef lane_word vbits __attribute__((vector_size(LANE_BYTES)));
typedef real vloose __attribute__((vector_size(LANE_BYTES), may_alias,
                                   aligned(__alignof__(real))));

ALWAYS vreal v_load(const real *p) {
  return (vreal)*(const vloose *)(const void *)p;
}

ALWAYS void v_store(real *p, vreal x) {
  *(vloose *)(void *)p = (vloose)x;
}

ALWAYS vreal v_set(real x) {
  return x - (vreal){ 0 };
}

ALWAYS vint i_set(lane_int x) {
  return x - (vint){ 0 };
}

/* Where mask (all ones or all zeros in each lane) a, else b. */
ALWAYS vreal v_select(vint mask, vreal a, vreal b) {
  return (vreal)((mask & (vint)a) | (~mask & (vint)b));
}

#if LANE_BYTES < 64 /* wider registers have an instruction for it */
/* Appends the places of the lanes that are not 0, the first of which is `i`;
 * returns how many there are. Without a branch: there is no foreseeing it. */
ALWAYS int64_t v_list(vreal x, int32_t i, int32_t *list) {
  int64_t n = 0;
  UNROLL for (int j = 0; j < LANES; j++) {
    list[n] = i + j;
    n += x[j] != 0;
  }
  return n;
}
#endif

#endif
