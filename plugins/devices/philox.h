/* SPDX-License-Identifier: MIT */
/* philox: streams of uniform numbers, a register of blocks at a time, word
 * for word those of nacre_random_block(). */
#ifndef NACRE_DEVICES_PHILOX_H
#define NACRE_DEVICES_PHILOX_H

/* Blocks in flight: enough independent chains to hide the multiplications. */
#define BLOCKS 16

typedef struct philox_state {
  uint32_t c[4][BLOCKS];
} philox_state;

/* Plain loops over blocks, which the compiler vectorizes: each round is two
 * widening products per block. */
ALWAYS void philox_blocks(nacre_key key, uint64_t block, philox_state *s) {
  for (int i = 0; i < BLOCKS; i++) {
    uint64_t index = block + (uint64_t)i;
    s->c[0][i] = (uint32_t)index;
    s->c[1][i] = (uint32_t)(index >> 32);
    s->c[2][i] = key.tag[0];
    s->c[3][i] = key.tag[1];
  }
  uint32_t k0 = key.key[0], k1 = key.key[1];
  for (int round = 0; round < 10; round++) {
    for (int i = 0; i < BLOCKS; i++) {
      uint64_t p0 = (uint64_t)0xD2511F53u * s->c[0][i];
      uint64_t p1 = (uint64_t)0xCD9E8D57u * s->c[2][i];
      uint32_t n0 = (uint32_t)(p1 >> 32) ^ s->c[1][i] ^ k0;
      uint32_t n2 = (uint32_t)(p0 >> 32) ^ s->c[3][i] ^ k1;
      s->c[1][i] = (uint32_t)p1;
      s->c[3][i] = (uint32_t)p0;
      s->c[0][i] = n0;
      s->c[2][i] = n2;
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
}

/* Single words, up to the next one that begins a block. */
ALWAYS int64_t uniform_edge(nacre_key key, uint64_t first, int64_t n,
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
  while (i < n && (first + (uint64_t)i) % 4 != 0) {
    i += uniform_edge(key, first + (uint64_t)i, n - i, y + i);
  }
  for (; i + 4 * BLOCKS <= n; i += 4 * BLOCKS) {
    philox_state s;
    philox_blocks(key, (first + (uint64_t)i) / 4, &s);
    for (int b = 0; b < BLOCKS; b++) {
      for (int w = 0; w < 4; w++) {
        y[i + 4 * b + w] = nacre_random_unit(s.c[w][b]);
      }
    }
  }
  while (i < n) {
    i += uniform_edge(key, first + (uint64_t)i, n - i, y + i);
  }
}

#endif
