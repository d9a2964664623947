/* SPDX-License-Identifier: MIT */
/* cropping1d: the steps without some at the ends. */
#include "borders.h"

typedef struct cropping1d {
  nacre_ints cropping;
} cropping1d;

static int plan(nacre_plan *plan) {
  const cropping1d *cfg = plan->cfg;
  return nacre_borders_plan(plan, cfg->cropping, 1, -1, "cropping");
}

static nacre_borders borders_of(const nacre_run *run) {
  const cropping1d *cfg = run->cfg;
  nacre_borders b = { 0, 0, 0, 0 };
  nacre_borders_of_1d(cfg->cropping, &b); /* plan() has accepted it */
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
  NACRE_PARAM(cropping1d, cropping, "[1, 1]", "[0,1048576]", "",
              "Positions that are removed: at either end, or [before, "
              "after].", 0),
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops), .weights = NACRE_EMPTY_SPAN,
  .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "cropping1d",
  .summary = "The steps without some at the ends",
  .doc = "Input and output [steps, channels]. As Keras's Cropping1D.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(cropping1d),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(cropping1d, component)
