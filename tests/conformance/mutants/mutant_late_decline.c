/* SPDX-License-Identifier: MIT */
/* mutant_late_decline: leaves to others what it has asked a weight for. */
#include "scale.h"

static int plan(nacre_plan *plan) {
  if (scale_plan(plan) != NACRE_OK) {
    return NACRE_ERROR;
  }
  return nacre_shape_last(&plan->input[0]) == 4 ? NACRE_DECLINE : NACRE_OK;
}

MUTANT_LAYER(mutant_late_decline, NACRE_LAYER_NEED_X, plan, scale_forward,
             scale_backward, "plan")
