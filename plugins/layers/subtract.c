/* SPDX-License-Identifier: MIT */
/* subtract: the first input less the second, element by element. */
#include <nacre/plugin.h>

#include "merge.h"

static int plan(nacre_plan *plan) {
  return nacre_merge_plan(plan, 1);
}

NACRE_KERNEL
static void difference(int64_t n, const real *a, const real *b, real *out) {
  for (int64_t i = 0; i < n; i++) {
    out[i] = a[i] - b[i];
  }
}

NACRE_KERNEL
static void negate(int64_t n, const real *x, real *y) {
  for (int64_t i = 0; i < n; i++) {
    y[i] = -x[i];
  }
}

static void forward_tile(void *ctx, int64_t begin, int64_t end) {
  const nacre_run *run = ctx;
  difference(end - begin, nacre_data(&run->in[0]) + begin,
             nacre_data(&run->in[1]) + begin,
             nacre_data(&run->out[0]) + begin);
}

static void forward(nacre_run *run) {
  nacre_merge_run(run, forward_tile);
}

static void backward_tile(void *ctx, int64_t begin, int64_t end) {
  const nacre_run *run = ctx;
  negate(end - begin, nacre_data(&run->dout[0]) + begin,
         nacre_data(&run->din[1]) + begin);
}

/* din1 = dout, din2 = -dout. */
static void backward(nacre_run *run) {
  const real *dout = nacre_data(&run->dout[0]);
  real *din = nacre_data(&run->din[0]);
  if (run->din[1].data) {
    nacre_merge_run(run, backward_tile);
  }
  if (din && din != dout) {
    run->math->copy(run->math, nacre_tensor_count(&run->dout[0]), dout, din);
  }
}

static const nacre_layer_ops ops = {
  .size = sizeof(ops),
  .flags = NACRE_LAYER_INPLACE | NACRE_LAYER_MASK_PASS,
  .weights = NACRE_EMPTY_SPAN, .min_inputs = 2, .max_inputs = 2,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "subtract", .summary = "First input less the second",
  .doc = "y = x1 - x2, element by element; both inputs have one shape. As "
         "Keras's Subtract.",
  .params = NACRE_EMPTY_SPAN, .ops = &ops,
};

NACRE_COMPONENT_MODULE(subtract, component)
