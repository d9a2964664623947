/* SPDX-License-Identifier: MIT */
/* mutant_unwanted: without an input gradient it forgets the weight's. */
#include "scale.h"

static void backward(nacre_run *run) {
  if (run->din[0].data != NULL) {
    scale_backward(run);
  }
}

MUTANT_LAYER(mutant_unwanted, NACRE_LAYER_NEED_X, scale_plan, scale_forward,
             backward, "unwanted gradients")
