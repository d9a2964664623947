/* SPDX-License-Identifier: MIT */
/* add: the sum of its inputs, element by element. */
#include <nacre/plugin.h>

#include "merge.h"

static int plan(nacre_plan *plan) {
  return nacre_merge_plan(plan, (double)(plan->n_inputs - 1));
}

NACRE_KERNEL
static void sum(int64_t n, const real *a, const real *b, real *out) {
  for (int64_t i = 0; i < n; i++) {
    out[i] = a[i] + b[i];
  }
}

static void forward_tile(void *ctx, int64_t begin, int64_t end) {
  const nacre_run *run = ctx;
  real *out = nacre_data(&run->out[0]) + begin;
  const real *so_far = nacre_data(&run->in[0]) + begin;
  for (uint32_t i = 1; i < run->n_inputs; i++) {
    sum(end - begin, so_far, nacre_data(&run->in[i]) + begin, out);
    so_far = out;
  }
}

static void forward(nacre_run *run) {
  nacre_merge_run(run, forward_tile);
}

/* din = dout for every input. */
static void backward(nacre_run *run) {
  const real *dout = nacre_data(&run->dout[0]);
  for (uint32_t i = 0; i < run->n_inputs; i++) {
    real *din = nacre_data(&run->din[i]);
    if (din && din != dout) {
      run->math->copy(run->math, nacre_tensor_count(&run->dout[0]), dout,
                      din);
    }
  }
}

static const nacre_layer_ops ops = {
  .size = sizeof(ops),
  .flags = NACRE_LAYER_INPLACE | NACRE_LAYER_MASK_PASS |
           NACRE_LAYER_SUM,
  .weights = NACRE_EMPTY_SPAN, .min_inputs = 2, .max_inputs = 0,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "add", .summary = "Sum of its inputs",
  .doc = "y = x1 + x2 + ..., element by element; all inputs have one shape. "
         "As Keras's Add.",
  .params = NACRE_EMPTY_SPAN, .ops = &ops,
};

NACRE_COMPONENT_MODULE(add, component)
