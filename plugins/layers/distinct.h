/* SPDX-License-Identifier: MIT */
/* distinct: the distinct numbers among many, in the order in which they first
 * come. A table with open addressing holds those that have been seen. */
#ifndef NACRE_LAYERS_DISTINCT_H
#define NACRE_LAYERS_DISTINCT_H

#include <nacre/plugin.h>

#include <string.h>

/** Places are told as reals, which count no further than this. */
#define NACRE_DISTINCT_MAX \
  (sizeof(real) == 4 ? INT64_C(1) << 24 : INT64_C(1) << 53)

/** Where the table looks first: by the bits, which any number has. */
static inline uint64_t nacre_distinct_hash(const real *x, int bits) {
  uint64_t word = 0;
  memcpy(&word, x, sizeof *x);
  return (word * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - bits);
}

/** Finds them in x: [n]. of: [n], which of the distinct numbers x[i] is.
 *  first: [most], where each comes first. table: [2 n], used on the way.
 *  Returns how many there are; 0: more than `most`, or too many to be told. */
static inline int64_t nacre_distinct_find(int64_t n, const real *x,
                                          int64_t most, real *of, real *first,
                                          real *table) {
  int bits = 1;
  int64_t found = 0;
  if (n > NACRE_DISTINCT_MAX) {
    return 0;
  }
  while (INT64_C(2) << bits <= 2 * n) {
    bits++;
  }
  const uint64_t last = (UINT64_C(1) << bits) - 1;
  for (uint64_t at = 0; at <= last; at++) {
    table[at] = -1;
  }
  for (int64_t i = 0; i < n; i++) {
    uint64_t at = nacre_distinct_hash(&x[i], bits);
    while (table[at] >= 0 &&
           memcmp(&x[(int64_t)first[(int64_t)table[at]]], &x[i],
                  sizeof *x) != 0) {
      at = (at + 1) & last;
    }
    if (table[at] < 0) {
      if (found == most) {
        return 0;
      }
      first[found] = (real)i;
      table[at] = (real)found++;
    }
    of[i] = table[at];
  }
  return found;
}

#endif
