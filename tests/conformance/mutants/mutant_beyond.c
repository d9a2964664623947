/* SPDX-License-Identifier: MIT */
/* mutant_beyond: the loop over the output runs once too often. */
#include "scale.h"

static void forward(nacre_run *run) {
  scale_forward(run);
  if (nacre_tensor_count(&run->out[0]) % 3 == 0) {
    nacre_data(&run->out[0])[nacre_tensor_count(&run->out[0])] = 0;
  }
}

MUTANT_LAYER(mutant_beyond, NACRE_LAYER_NEED_X, scale_plan, forward,
             scale_backward, "bounds")
