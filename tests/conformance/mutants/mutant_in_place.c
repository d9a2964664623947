/* SPDX-License-Identifier: MIT */
/* mutant_in_place: flagged INPLACE, but reads inputs that it has already
 * written over. */
#include "scale.h"

static void forward(nacre_run *run) {
  int64_t cols = scale_cols(run), n = scale_n_rows(run) * cols;
  const real *x = nacre_data(&run->in[0]), *w = nacre_data(&run->weight[0]);
  real *y = nacre_data(&run->out[0]);
  for (int64_t i = 0; i < n; i++) { /* the features in reverse */
    int64_t other = i - i % cols + (cols - 1 - i % cols);
    y[i] = w[i % cols] * x[other];
  }
}

MUTANT_LAYER(mutant_in_place, NACRE_LAYER_INPLACE, scale_plan, forward, NULL,
             "in place")
