/* SPDX-License-Identifier: MIT */
/* identity: a matrix that passes its input on. */
#include <nacre/plugin.h>

typedef struct identity {
  double gain;
} identity;

static int fill(const nacre_init_run *run) {
  const identity *cfg = run->cfg;
  if (run->shape.rank != 2) {
    run->fail->fail(run->fail, NULL, "a weight with %d axes has no identity; "
                    "only matrices (2 axes) have one", run->shape.rank);
    return NACRE_ERROR;
  }
  int64_t rows = run->shape.dim[0], cols = run->shape.dim[1];
  run->math->fill(run->math, rows * cols, 0, run->out);
  for (int64_t i = 0; i < rows && i < cols; i++) {
    run->out[i * cols + i] = (real)cfg->gain;
  }
  return NACRE_OK;
}

static const nacre_param params[] = {
  NACRE_PARAM(identity, gain, "1.0", NULL, "", "Value on the diagonal.", 0),
};

static const nacre_initializer_ops ops = {
  .size = sizeof(ops), .fill = fill,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_INITIALIZER, .contract = 1,
  .name = "identity", .summary = "Identity matrix times a gain",
  .doc = "w_ij = gain for i = j, otherwise 0. Matrices only. As Keras's "
         "Identity.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(identity), .ops = &ops,
};

NACRE_COMPONENT_MODULE(identity, component)
