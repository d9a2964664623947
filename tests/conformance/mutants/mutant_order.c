/* SPDX-License-Identifier: MIT */
/* mutant_order: the first row of a batch is treated unlike the others. */
#include "scale.h"

static void forward(nacre_run *run) {
  scale_forward(run);
  nacre_data(&run->out[0])[0] += 1;
}

MUTANT_LAYER(mutant_order, NACRE_LAYER_NEED_X, scale_plan, forward,
             scale_backward, "row order")
