/* SPDX-License-Identifier: MIT */
/* mutant_lookup: flagged LOOKUP, but its weights see each place by itself. */
#include "scale.h"

/* Weighs a place by where it stands: equal numbers, other gradients. */
static void backward(nacre_run *run) {
  const int64_t cols = scale_cols(run), n = scale_n_rows(run) * cols;
  const real *x = nacre_data(&run->in[0]), *dy = nacre_data(&run->dout[0]);
  real *dw = nacre_data(&run->dweight[0]);
  for (int64_t i = 0; dw != NULL && i < n; i++) {
    dw[i % cols] += x[i] * dy[i] * (real)(1 + i / cols);
  }
  scale_din(run);
}

MUTANT_LAYER(mutant_lookup, NACRE_LAYER_NEED_X | NACRE_LAYER_LOOKUP,
             scale_plan, scale_forward, backward, "lookup")
