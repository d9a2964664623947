/* SPDX-License-Identifier: MIT */
/* average: the mean of its inputs, element by element. */
#include <nacre/plugin.h>

#include "merge.h"

static int plan(nacre_plan *plan) {
  return nacre_merge_plan(plan, (double)plan->n_inputs);
}

NACRE_KERNEL
static void sum(int64_t n, const real *a, const real *b, real *out) {
  for (int64_t i = 0; i < n; i++) {
    out[i] = a[i] + b[i];
  }
}

NACRE_KERNEL
static void scale(int64_t n, real factor, const real *x, real *y) {
  for (int64_t i = 0; i < n; i++) {
    y[i] = factor * x[i];
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
  scale(end - begin, (real)1 / (real)run->n_inputs, out, out);
}

static void forward(nacre_run *run) {
  nacre_merge_run(run, forward_tile);
}

/* din = dout / number of inputs. The first input's gradient may lie where
 * dout does and is written last. */
static void backward_tile(void *ctx, int64_t begin, int64_t end) {
  const nacre_run *run = ctx;
  const real *dout = nacre_data(&run->dout[0]) + begin;
  for (uint32_t i = run->n_inputs; i-- > 0;) {
    if (run->din[i].data) {
      scale(end - begin, (real)1 / (real)run->n_inputs, dout,
            nacre_data(&run->din[i]) + begin);
    }
  }
}

static void backward(nacre_run *run) {
  nacre_merge_run(run, backward_tile);
}

static const nacre_layer_ops ops = {
  .size = sizeof(ops),
  .flags = NACRE_LAYER_INPLACE | NACRE_LAYER_MASK_PASS,
  .weights = NACRE_EMPTY_SPAN, .min_inputs = 2, .max_inputs = 0,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "average", .summary = "Mean of its inputs",
  .doc = "y = (x1 + x2 + ... + xn) / n, element by element; all inputs have "
         "one shape. As Keras's Average.",
  .params = NACRE_EMPTY_SPAN, .ops = &ops,
};

NACRE_COMPONENT_MODULE(average, component)
