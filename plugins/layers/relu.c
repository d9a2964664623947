/* SPDX-License-Identifier: MIT */
/* relu: 0 below a threshold, straight above, and at most so much. */
#include <nacre/plugin.h>

#include <math.h>

#include "merge.h"

typedef struct relu {
  double max_value, negative_slope, threshold;
} relu;

static int plan(nacre_plan *plan) {
  return nacre_merge_plan(plan, 2);
}

typedef struct bends {
  real top, slope, threshold;
} bends;

static bends bends_of(const nacre_run *run) {
  const relu *cfg = run->cfg;
  bends b = { isnan(cfg->max_value) ? (real)INFINITY : (real)cfg->max_value,
              (real)cfg->negative_slope, (real)cfg->threshold };
  return b;
}

NACRE_KERNEL
static void compute(int64_t n, bends b, const real *x, real *y) {
  for (int64_t i = 0; i < n; i++) {
    real below = b.slope * (x[i] - b.threshold);
    real above = x[i] > b.top ? b.top : x[i];
    y[i] = x[i] < b.threshold ? below : above;
  }
}

NACRE_KERNEL
static void derive(int64_t n, bends b, const real *x, const real *dy,
                   real *dx) {
  for (int64_t i = 0; i < n; i++) {
    real below = b.slope * dy[i];
    real above = x[i] < b.top ? dy[i] : 0;
    dx[i] = x[i] > b.threshold ? above : below;
  }
}

static void forward_tile(void *ctx, int64_t begin, int64_t end) {
  const nacre_run *run = ctx;
  compute(end - begin, bends_of(run), nacre_data(&run->in[0]) + begin,
          nacre_data(&run->out[0]) + begin);
}

static void backward_tile(void *ctx, int64_t begin, int64_t end) {
  const nacre_run *run = ctx;
  derive(end - begin, bends_of(run), nacre_data(&run->in[0]) + begin,
         nacre_data(&run->dout[0]) + begin,
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
  NACRE_PARAM(relu, max_value, "null", "[0,inf)", "",
              "Largest value that is given; null: none.", 0),
  NACRE_PARAM(relu, negative_slope, "0.0", "[0,inf)", "",
              "Slope below the threshold.", 0),
  NACRE_PARAM(relu, threshold, "0.0", "[0,inf)", "",
              "Where the straight part begins.", 0),
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops),
  .flags = NACRE_LAYER_NEED_X | NACRE_LAYER_MASK_PASS,
  .weights = NACRE_EMPTY_SPAN, .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "relu",
  .summary = "0 below a threshold, straight above",
  .doc = "y = max_value for x >= max_value, x for threshold <= x < "
         "max_value, otherwise negative_slope (x - threshold). As Keras's "
         "ReLU.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(relu), .ops = &ops,
};

NACRE_COMPONENT_MODULE(relu, component)
