/* SPDX-License-Identifier: MIT */
/* mutant_plan: goes on when the host could not give it a weight. */
#include "scale.h"

static int plan(nacre_plan *plan) {
  nacre_shape weight = nacre_shape_1d(nacre_shape_last(&plan->input[0]));
  nacre_plan_weight(plan, 0, &weight, 1, 1);
  return nacre_plan_output(plan, &plan->input[0]);
}

MUTANT_LAYER(mutant_plan, NACRE_LAYER_NEED_X, plan, scale_forward,
             scale_backward, "plan")
