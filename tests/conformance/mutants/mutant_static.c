/* SPDX-License-Identifier: MIT */
/* mutant_static: remembers how often it was called. */
#include "scale.h"

static void forward(nacre_run *run) {
  static int calls;
  scale_forward(run);
  nacre_data(&run->out[0])[0] += (real)(++calls);
}

MUTANT_LAYER(mutant_static, NACRE_LAYER_NEED_X, scale_plan, forward,
             scale_backward, "deterministic")
