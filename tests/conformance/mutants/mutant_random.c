/* SPDX-License-Identifier: MIT */
/* mutant_random: reads the key without being flagged RANDOM. */
#include "scale.h"

static void forward(nacre_run *run) {
  uint32_t word[4];
  nacre_random_block(run->key, 0, word);
  scale_forward(run);
  nacre_data(&run->out[0])[0] += (real)nacre_random_unit(word[0]);
}

MUTANT_LAYER(mutant_random, NACRE_LAYER_NEED_X, scale_plan, forward,
             scale_backward, "random")
