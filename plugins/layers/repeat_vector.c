/* SPDX-License-Identifier: MIT */
/* repeat_vector: a vector at each of n steps. */
#include "up_sampling.h"

typedef struct repeat_vector {
  int64_t n;
} repeat_vector;

static int plan(nacre_plan *plan) {
  const repeat_vector *cfg = plan->cfg;
  if (plan->input[0].rank != 1) {
    return nacre_plan_refuse(plan, "the input must be [features], but has "
                             "%d axes without the batch",
                             plan->input[0].rank);
  }
  nacre_shape out = nacre_shape_2d(cfg->n, plan->input[0].dim[0]);
  return nacre_plan_output(plan, &out);
}

/* A position that comes n times. */
static nacre_up_sampling geometry(const nacre_run *run,
                                  const nacre_tensor *x) {
  const repeat_vector *cfg = run->cfg;
  nacre_up_sampling up = { .rows = 1, .cols = 1, .channels = x->dim[1],
                           .row_times = 1, .col_times = cfg->n };
  return up;
}

static void forward(nacre_run *run) {
  nacre_up_sampling_forward(run, geometry(run, &run->in[0]));
}

static void backward(nacre_run *run) {
  nacre_up_sampling_backward(run, geometry(run, &run->din[0]));
}

static const nacre_param params[] = {
  NACRE_PARAM(repeat_vector, n, NULL, "[1,inf)", "", "Number of steps.", 0),
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops), .weights = NACRE_EMPTY_SPAN,
  .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "repeat_vector", .summary = "A vector at each of n steps",
  .doc = "Input [features], output [n, features]. As Keras's RepeatVector.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(repeat_vector),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(repeat_vector, component)
