/* SPDX-License-Identifier: MIT */
/* mutant_factor: half the input gradient is lost. */
#include "scale.h"

static void backward(nacre_run *run) {
  scale_backward(run);
  for (int64_t i = 0; run->din[0].data != NULL &&
                      i < nacre_tensor_count(&run->din[0]); i++) {
    nacre_data(&run->din[0])[i] *= (real)0.5;
  }
}

MUTANT_LAYER(mutant_factor, NACRE_LAYER_NEED_X, scale_plan, scale_forward,
             backward, "gradient")
