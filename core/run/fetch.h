/* SPDX-License-Identifier: MIT */
/* fetch: samples of a feed made in the host's memory, on any thread. */
#ifndef NACRE_RUN_FETCH_H
#define NACRE_RUN_FETCH_H

#include "run/feed.h"

#include <string.h>

/** What one thread needs to fetch. Freed after an error too. */
int nacre_room_make(nacre_room *, const nacre_feed *, nacre_error *);
void nacre_room_fini(nacre_room *);

/** Samples position[0..n) as the network reads them, read or out of the
 *  cache, transformed, augmented and mixed: those of channel i go to data[i],
 *  [n, count]. Their weights go to weight, [n], where there are such. [any],
 *  each with a room of its own */
int nacre_fetch(const nacre_feed *, nacre_room *, const int64_t *position,
                int64_t n, nacre_key, real *const *data, real *weight,
                nacre_error *);

/** Keeps the samples of a channel in memory, after its first `fixed`
 *  stages. */
int nacre_fetch_all(nacre_feed *, nacre_channel *);
/** The same of the samples' own weights. */
int nacre_fetch_all_weights(nacre_feed *);
/** Samples of the cache: out[i] = cache[position[i]], each of `count`. In the
 *  header, since those of one or two numbers are not worth a call each. */
static inline void nacre_fetch_cached(const real *cache, int64_t count,
                        const int64_t *position, int64_t n, real *out) {
  switch (count) {
  case 1:
    for (int64_t i = 0; i < n; i++) {
      out[i] = cache[position[i]];
    }
    return;
  case 2:
    for (int64_t i = 0; i < n; i++) {
      const real *row = cache + 2 * position[i];
      out[2 * i] = row[0];
      out[2 * i + 1] = row[1];
    }
    return;
  default:
    for (int64_t i = 0; i < n; i++) {
      memcpy(out + i * count, cache + position[i] * count,
             (size_t)count * sizeof(real));
    }
  }
}

#endif
