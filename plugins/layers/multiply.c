/* SPDX-License-Identifier: MIT */
/* multiply: the product of its inputs, element by element. */
#include <nacre/plugin.h>

#include "merge.h"

static int plan(nacre_plan *plan) {
  return nacre_merge_plan(plan, (double)(plan->n_inputs - 1));
}

NACRE_KERNEL
static void product(int64_t n, const real *a, const real *b, real *out) {
  for (int64_t i = 0; i < n; i++) {
    out[i] = a[i] * b[i];
  }
}

static void forward_tile(void *ctx, int64_t begin, int64_t end) {
  const nacre_run *run = ctx;
  real *out = nacre_data(&run->out[0]) + begin;
  const real *so_far = nacre_data(&run->in[0]) + begin;
  for (uint32_t i = 1; i < run->n_inputs; i++) {
    product(end - begin, so_far, nacre_data(&run->in[i]) + begin, out);
    so_far = out;
  }
}

static void forward(nacre_run *run) {
  nacre_merge_run(run, forward_tile);
}

/* din_i = dout times all inputs but the i-th: multiplied anew rather than
 * divided out, because an input may be 0. */
static void backward_tile(void *ctx, int64_t begin, int64_t end) {
  const nacre_run *run = ctx;
  for (uint32_t i = 0; i < run->n_inputs; i++) {
    if (!run->din[i].data) {
      continue;
    }
    real *din = nacre_data(&run->din[i]) + begin;
    const real *so_far = nacre_data(&run->dout[0]) + begin;
    for (uint32_t j = 0; j < run->n_inputs; j++) {
      if (j != i) {
        product(end - begin, so_far, nacre_data(&run->in[j]) + begin, din);
        so_far = din;
      }
    }
  }
}

static void backward(nacre_run *run) {
  nacre_merge_run(run, backward_tile);
}

static const nacre_layer_ops ops = {
  .size = sizeof(ops),
  .flags = NACRE_LAYER_NEED_X | NACRE_LAYER_MASK_PASS,
  .weights = NACRE_EMPTY_SPAN, .min_inputs = 2, .max_inputs = 0,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "multiply", .summary = "Product of its inputs",
  .doc = "y = x1 x2 ..., element by element; all inputs have one shape. As "
         "Keras's Multiply.",
  .params = NACRE_EMPTY_SPAN, .ops = &ops,
};

NACRE_COMPONENT_MODULE(multiply, component)
