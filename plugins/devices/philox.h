/* SPDX-License-Identifier: MIT */
/* philox: streams of uniform numbers, a register of blocks at a time, word
 * for word those of nacre_random_block(). */
#ifndef NACRE_DEVICES_PHILOX_H
#define NACRE_DEVICES_PHILOX_H

/* A block in each 64-bit lane, whose upper half is left to be anything: the
 * products read the lower one only. */
typedef int32_t vhalves __attribute__((vector_size(LANE_BYTES)));
typedef float vfloat __attribute__((vector_size(LANE_BYTES)));

#define BLOCKS (LANE_BYTES / 8) /* at a time */
#define WORDS (4 * BLOCKS)
#define LOW_HALF 0xffffffffu

ALWAYS vword w_set(uint64_t x) {
  return x - (vword){ 0 };
}

/* The block in each lane, such that w_pairs_low and w_pairs_high put the
 * blocks' words in order: even lanes first, then odd ones. */
ALWAYS vword block_order(void) {
  vword order;
  for (uint64_t i = 0; i < BLOCKS; i++) {
    order[i] = i / 2 + i % 2 * (BLOCKS / 2);
  }
  return order;
}

/* Pairs of words as numbers in [0, 1): 24 bits, exact. */
ALWAYS vword unit_pairs(vword first, vword second) {
  vword pairs = (first & LOW_HALF) | (second << 32);
  pairs = (pairs >> 8) & w_set(0x00ffffff00ffffffu);
  vfloat unit = __builtin_convertvector((vhalves)pairs, vfloat);
  return (vword)(unit * (1.0f / 16777216.0f));
}

/* The WORDS numbers of BLOCKS blocks from `block` on. */
ALWAYS void uniform_blocks(nacre_key key, uint64_t block, float *out) {
  vword index = w_set(block) + block_order();
  vword c0 = index, c1 = index >> 32;
  vword c2 = w_set(key.tag[0]), c3 = w_set(key.tag[1]);
  uint32_t k0 = key.key[0], k1 = key.key[1];
  UNROLL for (int round = 0; round < 10; round++) {
    vword p0 = w_multiply(w_set(0xD2511F53u), c0);
    vword p1 = w_multiply(w_set(0xCD9E8D57u), c2);
    c0 = (p1 >> 32) ^ c1 ^ w_set(k0);
    c2 = (p0 >> 32) ^ c3 ^ w_set(k1);
    c1 = p1;
    c3 = p0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  vword first = unit_pairs(c0, c1), second = unit_pairs(c2, c3);
  vword low = w_pairs_low(first, second);
  vword high = w_pairs_high(first, second);
  memcpy(out, &low, sizeof low);
  memcpy(out + WORDS / 2, &high, sizeof high);
}

/* Numbers of one block, from the word `first` on; returns how many. */
static int64_t KERNEL(uniform_edge)(nacre_key key, uint64_t first, int64_t n,
                                    real *y) {
  uint32_t words[4];
  int64_t done = 0;
  nacre_random_block(key, first / 4, words);
  for (uint64_t w = first % 4; w < 4 && done < n; w++) {
    y[done++] = nacre_random_unit(words[w]);
  }
  return done;
}

static void KERNEL(uniform)(nacre_key key, uint64_t first, int64_t n,
                            real *y) {
  int64_t i = 0;
  if (n > 0 && first % 4 != 0) {
    i = KERNEL(uniform_edge)(key, first, n, y);
  }
  for (; i + WORDS <= n; i += WORDS) {
    const uint64_t block = (first + (uint64_t)i) / 4;
#ifdef NACRE_DOUBLE
    float unit[WORDS];
    uniform_blocks(key, block, unit);
    for (int w = 0; w < WORDS; w++) {
      y[i + w] = unit[w];
    }
#else
    uniform_blocks(key, block, y + i);
#endif
  }
  while (i < n) {
    i += KERNEL(uniform_edge)(key, first + (uint64_t)i, n - i, y + i);
  }
}

#endif
