/* SPDX-License-Identifier: MIT */
/* permute: the axes of a sample in another order. */
#include <nacre/plugin.h>

#include "rearrange.h"

typedef struct permute {
  nacre_ints dims;
} permute;

static int plan(nacre_plan *plan) {
  const permute *cfg = plan->cfg;
  nacre_shape out = plan->input[0];
  bool seen[NACRE_RANK_MAX] = { false };
  if (cfg->dims.n != out.rank) {
    return nacre_plan_refuse(plan, "dims names %lld axes, but the input has "
                             "%d without the batch", (long long)cfg->dims.n,
                             out.rank);
  }
  for (int32_t i = 0; i < out.rank; i++) {
    int64_t axis = cfg->dims.at[i];
    if (axis < 1 || axis > out.rank || seen[axis - 1]) {
      return nacre_plan_refuse(plan, "dims must hold each of the axes 1 to "
                               "%d once", out.rank);
    }
    seen[axis - 1] = true;
    out.dim[i] = plan->input[0].dim[axis - 1];
  }
  return nacre_plan_output(plan, &out);
}

/* y's axis i is x's axis from[i]. */
static void transpose(nacre_run *run, const nacre_tensor *x,
                      const nacre_tensor *y, const int32_t *from) {
  nacre_rearrange walk = {
    .from = nacre_data(x), .to = nacre_data(y), .rank = y->rank
  };
  int64_t step[NACRE_RANK_MAX], product = 1;
  for (int32_t i = x->rank - 1; i >= 0; i--) {
    step[i] = product;
    product *= x->dim[i];
  }
  for (int32_t i = 0; i < y->rank; i++) {
    walk.dim[i] = y->dim[i];
    walk.step[i] = step[from[i]];
  }
  nacre_rearrange_run(run->math, &walk);
}

/* The batch, axis 0 here, stays in front: hence Keras's count from 1. */
static void forward(nacre_run *run) {
  const permute *cfg = run->cfg;
  int32_t from[NACRE_RANK_MAX] = { 0 };
  for (int32_t i = 0; i < cfg->dims.n; i++) {
    from[i + 1] = (int32_t)cfg->dims.at[i];
  }
  transpose(run, &run->in[0], &run->out[0], from);
}

static void backward(nacre_run *run) {
  const permute *cfg = run->cfg;
  int32_t from[NACRE_RANK_MAX] = { 0 };
  for (int32_t i = 0; i < cfg->dims.n; i++) {
    from[cfg->dims.at[i]] = i + 1;
  }
  if (run->din[0].data) {
    transpose(run, &run->dout[0], &run->din[0], from);
  }
}

static const nacre_param params[] = {
  NACRE_PARAM(permute, dims, NULL, NULL, "",
              "For each axis of the output the axis of the input, counted "
              "from 1.", 0),
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops), .weights = NACRE_EMPTY_SPAN,
  .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "permute", .summary = "The axes of a sample in another order",
  .doc = "Axis i of the output is axis dims[i] of the input: dims [2, 1] "
         "turns [a, b] into [b, a]. As Keras's Permute.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(permute), .ops = &ops,
};

NACRE_COMPONENT_MODULE(permute, component)
