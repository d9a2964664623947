/* SPDX-License-Identifier: MIT */
/* mutant_threads: sums one partial result per thread. */
#include "scale.h"

static void backward(nacre_run *run) {
  int64_t cols = scale_cols(run), n = scale_n_rows(run) * cols;
  int64_t parts = run->math->threads;
  const real *x = nacre_data(&run->in[0]), *dy = nacre_data(&run->dout[0]);
  real *dw = nacre_data(&run->dweight[0]);
  scale_din(run);
  for (int64_t i = 0; dw != NULL && i < cols; i++) {
    for (int64_t part = 0; part < parts; part++) {
      real sum = 0;
      for (int64_t at = i + part * cols; at < n; at += parts * cols) {
        sum += x[at] * dy[at];
      }
      dw[i] += sum;
    }
  }
}

MUTANT_LAYER(mutant_threads, NACRE_LAYER_NEED_X, scale_plan, scale_forward,
             backward, "threads")
