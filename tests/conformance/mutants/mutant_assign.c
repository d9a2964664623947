/* SPDX-License-Identifier: MIT */
/* mutant_assign: weight gradients are written, not added to. */
#include "scale.h"

static void backward(nacre_run *run) {
  for (int64_t i = 0; run->dweight[0].data != NULL && i < scale_cols(run);
       i++) {
    nacre_data(&run->dweight[0])[i] = 0;
  }
  scale_backward(run);
}

MUTANT_LAYER(mutant_assign, NACRE_LAYER_NEED_X, scale_plan, scale_forward,
             backward, "gradient")
