/* SPDX-License-Identifier: MIT */
/* mutant_batch: computes the planned batch, not the one that is run. */
#include "scale.h"

static int64_t planned;

static int plan(nacre_plan *plan) {
  planned = plan->batch;
  return scale_plan(plan);
}

static void forward(nacre_run *run) {
  int64_t rows = scale_n_rows(run) / run->batch * planned;
  scale_rows(rows, scale_cols(run), nacre_data(&run->in[0]),
             nacre_data(&run->weight[0]), nacre_data(&run->out[0]));
}

MUTANT_LAYER(mutant_batch, NACRE_LAYER_NEED_X, plan, forward, scale_backward,
             "partial batch")
