/* SPDX-License-Identifier: MIT */
/* random: keys for streams, and what is drawn whole from them. */
#include "random.h"

#include "text.h"

#include <string.h>

nacre_key nacre_key_make(uint64_t seed, const char *instance, uint32_t tag) {
  nacre_hash hash = { { 0, 0 } };
  unsigned char bytes[8];
  for (int i = 0; i < 8; i++) {
    bytes[i] = (unsigned char)(seed >> (8 * i));
  }
  nacre_hash_add(&hash, bytes, sizeof bytes);
  nacre_hash_add(&hash, instance, strlen(instance));
  nacre_key key = {
    { (uint32_t)hash.word[1], (uint32_t)(hash.word[1] >> 32) },
    { tag, 0 },
  };
  return key;
}

/* The upper half of a 128-bit product, without a 128-bit type: machines of
 * 32 bits have none. */
static uint64_t multiply_high(uint64_t a, uint64_t b) {
  uint64_t a0 = (uint32_t)a, a1 = a >> 32;
  uint64_t b0 = (uint32_t)b, b1 = b >> 32;
  uint64_t cross = a1 * b0 + (a0 * b0 >> 32);
  uint64_t middle = a0 * b1 + (uint32_t)cross;
  return a1 * b1 + (cross >> 32) + (middle >> 32);
}

uint64_t nacre_random_below(nacre_key key, uint64_t index, uint64_t n) {
  uint32_t words[4];
  nacre_random_block(key, index / 2, words);
  const uint32_t *pair = words + 2 * (index % 2);
  return multiply_high((uint64_t)pair[1] << 32 | pair[0], n);
}

static void exchange(int64_t *order, int64_t i, int64_t j) {
  int64_t held = order[i];
  order[i] = order[j];
  order[j] = held;
}

/* Short orders draw from single words, four to a block: for each number up
 * to 2^16, one in 65536 draws at most falls differently than it should. */
static void draw_short(nacre_key key, int64_t n, int64_t least,
                       int64_t *order) {
  uint32_t words[4];
  for (int64_t i = n - 1, at = 0; i >= least; i--, at++) {
    if (at % 4 == 0) {
      nacre_random_block(key, (uint64_t)(at / 4), words);
    }
    exchange(order, i, (int64_t)((uint64_t)words[at % 4] *
                                   (uint64_t)(i + 1) >> 32));
  }
}

/* Places from `least` on are drawn, the last one first. */
static void draw(nacre_key key, int64_t n, int64_t least, int64_t *order) {
  if (n <= 65536) {
    draw_short(key, n, least, order);
    return;
  }
  for (int64_t i = n - 1; i >= least; i--) {
    exchange(order, i, (int64_t)nacre_random_below(key, (uint64_t)i,
                                                   (uint64_t)i + 1));
  }
}

void nacre_random_shuffle(nacre_key key, int64_t n, int64_t *order) {
  draw(key, n, 1, order);
}

void nacre_random_draw(nacre_key key, int64_t n, int64_t k, int64_t *order) {
  if (k >= n) {
    nacre_random_shuffle(key, n, order);
    return;
  }
  draw(key, n, n - k, order);
  memmove(order, order + (n - k), (size_t)k * sizeof(*order));
}
