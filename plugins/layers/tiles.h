/* SPDX-License-Identifier: MIT */
/* tiles: runs a body over a range: at once when it is small, by the
 * device's threads when it is worth waking them. */
#ifndef NACRE_LAYERS_TILES_H
#define NACRE_LAYERS_TILES_H

#include <nacre/plugin.h>

/** Elements of a tile of cheap elementwise work: two such arrays stay in a
 *  first-level cache's neighbourhood. */
#define NACRE_TILES_GRAIN 8192

/** Elements of a block on the stack, for work in several passes. Tiles begin
 *  at multiples of it. */
#define NACRE_TILES_BLOCK 512

/** Calls body over [0, n) in tiles of `grain`. */
static inline void nacre_tiles_run(const nacre_math *math, int64_t n,
                                   int64_t grain, nacre_body body,
                                   void *ctx) {
  if (n > grain) {
    math->parallel(math, n, grain, body, ctx);
  } else if (n > 0) {
    body(ctx, 0, n);
  }
}

/** Rows of a tile when a row has `cols` elements. */
static inline int64_t nacre_tiles_rows(int64_t cols) {
  return cols < NACRE_TILES_GRAIN ? NACRE_TILES_GRAIN / (cols > 0 ? cols : 1)
                                  : 1;
}

#endif
