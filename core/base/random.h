/* SPDX-License-Identifier: MIT */
/* random: keys for the counter-based streams of nacre/abi/random.h. */
#ifndef NACRE_BASE_RANDOM_H
#define NACRE_BASE_RANDOM_H

#include <nacre/abi/random.h>

/** The stream of one instance (a layer, the shuffler, an initializer) for
 *  one use: every (seed, name, tag) has numbers of its own. */
nacre_key nacre_key_make(uint64_t seed, const char *instance, uint32_t tag);

/** A uniform whole number in [0, n) from word pair `index` of the stream,
 *  without bias worth the name (64-bit multiply-shift). n >= 1. */
uint64_t nacre_random_below(nacre_key, uint64_t index, uint64_t n);

/** Fisher-Yates over `order`, keyed: the same key gives the same order. */
void nacre_random_shuffle(nacre_key, int64_t n, int64_t *order);
/** The same for the first k entries alone, which become k of the n in random
 *  order; the others are lost. Costs as much as k. */
void nacre_random_draw(nacre_key, int64_t n, int64_t k, int64_t *order);

#endif
