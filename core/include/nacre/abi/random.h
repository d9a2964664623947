/* SPDX-License-Identifier: MIT */
/* random: counter-based random numbers.
 *
 * A number is a pure function of (key, index), so a mask need not be stored
 * between forward and backward, and the result does not depend on how the
 * work is split over threads. Philox4x32-10 of Salmon, Moraes, Dror and Shaw,
 * "Parallel random numbers: as easy as 1, 2, 3", SC 2011. */
#ifndef NACRE_ABI_RANDOM_H
#define NACRE_ABI_RANDOM_H

#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/** One stream: `key` comes from (seed, instance), `tag` from (step, use).
 *  The host makes keys; a component only reads from them. Frozen. */
typedef struct nacre_key {
  uint32_t key[2], tag[2];
} nacre_key;

/** The four 32-bit words number 4*block .. 4*block+3 of the stream. */
static inline void nacre_random_block(nacre_key key, uint64_t block,
                                      uint32_t out[4]) {
  uint32_t c0 = (uint32_t)block, c1 = (uint32_t)(block >> 32);
  uint32_t c2 = key.tag[0], c3 = key.tag[1];
  uint32_t k0 = key.key[0], k1 = key.key[1];
  for (int round = 0; round < 10; round++) {
    uint64_t p0 = (uint64_t)0xD2511F53u * c0;
    uint64_t p1 = (uint64_t)0xCD9E8D57u * c2;
    uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
    uint32_t n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
    c1 = (uint32_t)p1;
    c3 = (uint32_t)p0;
    c0 = n0;
    c2 = n2;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** A word as a uniform number in [0, 1), exact in float: 24 bits. */
static inline float nacre_random_unit(uint32_t word) {
  return (float)(word >> 8) * (1.0f / 16777216.0f);
}

/** A stream of its own below `key`, for use number `use`. */
static inline nacre_key nacre_key_split(nacre_key key, uint32_t use) {
  uint32_t words[4];
  nacre_random_block(key, ~(uint64_t)use, words);
  nacre_key split = { { words[0], words[1] }, { key.tag[0], words[2] } };
  return split;
}

#ifdef __cplusplus
}
#endif

#endif
