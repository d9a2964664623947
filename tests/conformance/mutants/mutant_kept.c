/* SPDX-License-Identifier: MIT */
/* mutant_kept: keeps what it made of its input, and gives it again. */
#include "scale.h"

#include <string.h>

static int plan(nacre_plan *plan) {
  if (scale_plan(plan) != NACRE_OK) {
    return NACRE_ERROR;
  }
  return nacre_plan_scratch(plan, 0, &plan->input[0],
                            NACRE_PER_SAMPLE | NACRE_KEPT);
}

static void forward(nacre_run *run) {
  const size_t bytes =
    (size_t)nacre_tensor_count(&run->in[0]) * sizeof(real);
  real *kept = nacre_data(&run->scratch[0]);
  if ((run->flags & NACRE_RUN_KEPT) == 0) {
    scale_rows(scale_n_rows(run), scale_cols(run), nacre_data(&run->in[0]),
               nacre_data(&run->weight[0]), kept);
  }
  memcpy(nacre_data(&run->out[0]), kept, bytes);
}

MUTANT_LAYER(mutant_kept, NACRE_LAYER_NEED_X, plan, forward, scale_backward,
             "kept")
