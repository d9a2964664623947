/* SPDX-License-Identifier: MIT */
/* cropping2d: the rows and columns without some at the edges. */
#include "borders.h"

typedef struct cropping2d {
  nacre_ints cropping;
} cropping2d;

static int plan(nacre_plan *plan) {
  const cropping2d *cfg = plan->cfg;
  return nacre_borders_plan(plan, cfg->cropping, 2, -1, "cropping");
}

static nacre_borders borders_of(const nacre_run *run) {
  const cropping2d *cfg = run->cfg;
  nacre_borders b = { 0, 0, 0, 0 };
  nacre_borders_of_2d(cfg->cropping, &b); /* plan() has accepted it */
  return b;
}

static void forward(nacre_run *run) {
  nacre_borders b = borders_of(run);
  nacre_borders_crop(run, b, &run->in[0], &run->out[0]);
}

static void backward(nacre_run *run) {
  nacre_borders b = borders_of(run);
  if (run->din[0].data) {
    nacre_borders_pad(run, b, &run->dout[0], &run->din[0]);
  }
}

static const nacre_param params[] = {
  NACRE_PARAM(cropping2d, cropping, "0", "[0,1048576]", "",
              "Positions that are removed: at every edge, [rows, cols], or "
              "[top, bottom, left, right].", 0),
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops), .weights = NACRE_EMPTY_SPAN,
  .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "cropping2d",
  .summary = "The rows and columns without some at the edges",
  .doc = "Input and output [rows, cols, channels]. As Keras's Cropping2D, "
         "whose ((top, bottom), (left, right)) are four numbers in a row "
         "here.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(cropping2d),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(cropping2d, component)
