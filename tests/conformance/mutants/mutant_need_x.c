/* SPDX-License-Identifier: MIT */
/* mutant_need_x: backward reads an input that it did not ask to keep. */
#include "scale.h"

MUTANT_LAYER(mutant_need_x, 0, scale_plan, scale_forward, scale_backward,
             "written")
