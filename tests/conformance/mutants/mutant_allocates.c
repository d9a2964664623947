/* SPDX-License-Identifier: MIT */
/* mutant_allocates: forward takes memory from the heap. */
#include "scale.h"

#include <stdlib.h>
#include <string.h>

static void forward(nacre_run *run) {
  size_t bytes = (size_t)scale_cols(run) * sizeof(real);
  real *copy = malloc(bytes);
  if (copy == NULL) {
    return;
  }
  memcpy(copy, run->weight[0].data, bytes);
  scale_rows(scale_n_rows(run), scale_cols(run), nacre_data(&run->in[0]),
             copy, nacre_data(&run->out[0]));
  free(copy);
}

MUTANT_LAYER(mutant_allocates, NACRE_LAYER_NEED_X, scale_plan, forward,
             scale_backward, "no allocation")
