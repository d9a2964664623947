/* SPDX-License-Identifier: MIT */
/* mutant_tokens: with tokens, forgets the gradients of rows that come again. */
#include "scale.h"

#include <string.h>

/* Right for the first place of each token; the others it takes for done. */
static void backward(nacre_run *run) {
  const real *token = nacre_data(&run->tokens[0]);
  const int64_t cols = scale_cols(run), n = scale_n_rows(run);
  scale_backward(run);
  for (int64_t i = 1; token != NULL && run->din[0].data != NULL && i < n;
       i++) {
    for (int64_t j = 0; j < i; j++) {
      if (token[j] == token[i]) {
        memset(nacre_data(&run->din[0]) + i * cols, 0,
               (size_t)cols * sizeof(real));
      }
    }
  }
}

MUTANT_LAYER(mutant_tokens, NACRE_LAYER_NEED_X | NACRE_LAYER_TOKENS,
             scale_plan, scale_forward, backward, "tokens")
