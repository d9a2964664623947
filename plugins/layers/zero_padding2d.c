/* SPDX-License-Identifier: MIT */
/* zero_padding2d: zeros around the rows and columns. */
#include "borders.h"

typedef struct zero_padding2d {
  nacre_ints padding;
} zero_padding2d;

static int plan(nacre_plan *plan) {
  const zero_padding2d *cfg = plan->cfg;
  return nacre_borders_plan(plan, cfg->padding, 2, 1, "padding");
}

static nacre_borders borders_of(const nacre_run *run) {
  const zero_padding2d *cfg = run->cfg;
  nacre_borders b = { 0, 0, 0, 0 };
  nacre_borders_of_2d(cfg->padding, &b); /* plan() has accepted it */
  return b;
}

static void forward(nacre_run *run) {
  nacre_borders b = borders_of(run);
  nacre_borders_pad(run, b, &run->in[0], &run->out[0]);
}

static void backward(nacre_run *run) {
  nacre_borders b = borders_of(run);
  if (run->din[0].data) {
    nacre_borders_crop(run, b, &run->dout[0], &run->din[0]);
  }
}

static const nacre_param params[] = {
  NACRE_PARAM(zero_padding2d, padding, "1", "[0,1048576]", "",
              "Positions that are added: at every edge, [rows, cols], or "
              "[top, bottom, left, right].", 0),
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops), .weights = NACRE_EMPTY_SPAN,
  .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "zero_padding2d",
  .summary = "Zeros around the rows and columns",
  .doc = "Input and output [rows, cols, channels]. As Keras's "
         "ZeroPadding2D, whose ((top, bottom), (left, right)) are four "
         "numbers in a row here.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(zero_padding2d),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(zero_padding2d, component)
