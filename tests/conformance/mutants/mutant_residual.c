/* SPDX-License-Identifier: MIT */
/* mutant_residual: flagged RESIDUAL, but never adds one. */
#include "scale.h"

MUTANT_LAYER(mutant_residual, NACRE_LAYER_NEED_X | NACRE_LAYER_RESIDUAL,
             scale_plan, scale_forward, scale_backward, "residual")
