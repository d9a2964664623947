/* SPDX-License-Identifier: MIT */
/* mutant_scratch: takes it for granted that scratch starts as zeros. */
#include "scale.h"

static int plan(nacre_plan *plan) {
  nacre_shape one = nacre_shape_1d(1);
  if (nacre_plan_scratch(plan, 0, &one, 0) != NACRE_OK) {
    return NACRE_ERROR;
  }
  return scale_plan(plan);
}

static void forward(nacre_run *run) {
  scale_forward(run);
  for (int64_t i = 0; i < nacre_tensor_count(&run->out[0]); i++) {
    nacre_data(&run->out[0])[i] += nacre_data(&run->scratch[0])[0];
  }
}

MUTANT_LAYER(mutant_scratch, NACRE_LAYER_NEED_X, plan, forward,
             scale_backward, "written")
