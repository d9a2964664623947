/* SPDX-License-Identifier: MIT */
/* block: the size of the blocks in which activations work that need several
 * passes: on the stack, and in the first-level cache all the while. */
#ifndef NACRE_ACTIVATIONS_BLOCK_H
#define NACRE_ACTIVATIONS_BLOCK_H

#include <stdint.h>

#define NACRE_BLOCK 512

/** Elements of the block that starts at `at` of `total`; 0 at the end. */
static inline int64_t nacre_block_size(int64_t total, int64_t at) {
  return total - at < NACRE_BLOCK ? total - at : NACRE_BLOCK;
}

#endif
