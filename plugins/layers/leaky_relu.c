/* SPDX-License-Identifier: MIT */
/* leaky_relu: straight above 0, of a small slope below. */
#include <nacre/plugin.h>

#include "merge.h"

typedef struct leaky_relu {
  double negative_slope;
} leaky_relu;

static int plan(nacre_plan *plan) {
  return nacre_merge_plan(plan, 1);
}

/* to = from, times slope where sign is below 0. */
NACRE_KERNEL
static void bend(int64_t n, real slope, const real *sign, const real *from,
                 real *to) {
  for (int64_t i = 0; i < n; i++) {
    real bent = slope * from[i];
    to[i] = sign[i] < 0 ? bent : from[i];
  }
}

static void forward_tile(void *ctx, int64_t begin, int64_t end) {
  const nacre_run *run = ctx;
  const leaky_relu *cfg = run->cfg;
  const real *x = nacre_data(&run->in[0]) + begin;
  bend(end - begin, (real)cfg->negative_slope, x, x,
       nacre_data(&run->out[0]) + begin);
}

static void backward_tile(void *ctx, int64_t begin, int64_t end) {
  const nacre_run *run = ctx;
  const leaky_relu *cfg = run->cfg;
  bend(end - begin, (real)cfg->negative_slope,
       nacre_data(&run->in[0]) + begin, nacre_data(&run->dout[0]) + begin,
       nacre_data(&run->din[0]) + begin);
}

static void forward(nacre_run *run) {
  nacre_merge_run(run, forward_tile);
}

static void backward(nacre_run *run) {
  if (run->din[0].data) {
    nacre_merge_run(run, backward_tile);
  }
}

static const nacre_param params[] = {
  NACRE_PARAM(leaky_relu, negative_slope, "0.3", "[0,inf)", "",
              "Slope below 0.", 0),
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops),
  .flags = NACRE_LAYER_NEED_X | NACRE_LAYER_MASK_PASS,
  .weights = NACRE_EMPTY_SPAN, .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "leaky_relu",
  .summary = "Straight above 0, of a small slope below",
  .doc = "y = x for x >= 0, otherwise negative_slope x. As Keras's "
         "LeakyReLU; the activation of this name needs no memory of its "
         "own, but has another default slope.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(leaky_relu), .ops = &ops,
};

NACRE_COMPONENT_MODULE(leaky_relu, component)
