/* SPDX-License-Identifier: MIT */
/* up_sampling1d: every step several times. */
#include "up_sampling.h"

typedef struct up_sampling1d {
  int64_t size;
} up_sampling1d;

static int plan(nacre_plan *plan) {
  const up_sampling1d *cfg = plan->cfg;
  nacre_shape out = plan->input[0];
  if (out.rank != 2) {
    return nacre_plan_refuse(plan, "the input must be [steps, channels], but "
                             "has %d axes without the batch", out.rank);
  }
  if (out.dim[0] > INT64_MAX / cfg->size) {
    return nacre_plan_refuse(plan, "the output would be too large");
  }
  out.dim[0] *= cfg->size;
  return nacre_plan_output(plan, &out);
}

static nacre_up_sampling geometry(const nacre_run *run,
                                  const nacre_tensor *x) {
  const up_sampling1d *cfg = run->cfg;
  nacre_up_sampling up = { .rows = 1, .cols = x->dim[1],
                           .channels = x->dim[2], .row_times = 1,
                           .col_times = cfg->size };
  return up;
}

static void forward(nacre_run *run) {
  nacre_up_sampling_forward(run, geometry(run, &run->in[0]));
}

static void backward(nacre_run *run) {
  nacre_up_sampling_backward(run, geometry(run, &run->din[0]));
}

static const nacre_param params[] = {
  NACRE_PARAM(up_sampling1d, size, "2", "[1,1048576]", "",
              "How often each step comes.", 0),
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops), .weights = NACRE_EMPTY_SPAN,
  .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "up_sampling1d", .summary = "Every step several times",
  .doc = "Input [steps, channels], output [size steps, channels]. As "
         "Keras's UpSampling1D.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(up_sampling1d),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(up_sampling1d, component)
