/* SPDX-License-Identifier: MIT */
/* simple_rnn: the fully connected recurrent layer. */
#include <nacre/plugin.h>

#include "recurrent_walk.h"

typedef struct simple_rnn {
  nacre_recurrent base;
} simple_rnn;

/* Saved beside what all save. */
enum {
  BEFORE_ACTIVATION = RECURRENT_OWN /* [batch, steps, units]: where the
                                       derivative needs it */
};

static int plan(nacre_plan *plan) {
  const simple_rnn *cfg = plan->cfg;
  if (nacre_recurrent_check(plan, 1) != NACRE_OK) {
    return NACRE_ERROR;
  }
  const nacre_shape bias = nacre_shape_1d(cfg->base.units);
  const nacre_shape all =
    nacre_shape_2d(plan->input[0].dim[0], cfg->base.units);
  if (nacre_recurrent_plan(plan, 1, 1, 1, 1, &bias) != NACRE_OK) {
    return NACRE_ERROR;
  }
  return nacre_recurrent_needs_x(&cfg->base.activation)
           ? nacre_plan_saved(plan, BEFORE_ACTIVATION, &all, NACRE_PER_SAMPLE)
           : NACRE_OK;
}

static void step_row(const nacre_recurrent_tile *t, int64_t i) {
  const simple_rnn *cfg = t->pass->run->cfg;
  const int64_t n = t->pass->units;
  real *z = nacre_recurrent_gates(t, i);
  nacre_recurrent_add(n, nacre_recurrent_scratch(t, RECURRENT_PRODUCT, n, i),
                      z);
  if (t->pass->run->saved[BEFORE_ACTIVATION].data != NULL) {
    nacre_recurrent_copy(t, z,
                         nacre_recurrent_saved(t, BEFORE_ACTIVATION, n, i));
  }
  nacre_recurrent_apply(t, &cfg->base.activation, 1, z, z);
  nacre_recurrent_copy(t, z, nacre_recurrent_state(t, i));
  nacre_recurrent_put(t, i);
}

/* h = activation(x kernel + h recurrent_kernel + bias) */
static void step(const nacre_recurrent_tile *t) {
  const int64_t n = t->pass->units;
  nacre_recurrent_lay(t);
  if (nacre_recurrent_any(t)) {
    nacre_recurrent_multiply(
      t, 0, nacre_recurrent_state(t, 0), n, 0,
      nacre_recurrent_scratch(t, RECURRENT_PRODUCT, n, 0), n);
  }
  for (int64_t i = 0; i < t->rows; i++) {
    if (nacre_recurrent_counts(t, i)) {
      step_row(t, i);
    } else {
      nacre_recurrent_hold(t, i);
    }
  }
}

static void forward(nacre_run *run) {
  nacre_recurrent_pass pass = nacre_recurrent_begin(run, 1, step);
  const int64_t n = pass.units;
  nacre_recurrent_inputs(&pass, n);
  nacre_recurrent_prepare(&pass, 0, 0, n, n,
                          nacre_data(&run->weight[RECURRENT_STATE_KERNEL]), n);
  nacre_recurrent_run(&pass);
}

static void back_row(const nacre_recurrent_tile *t, int64_t i) {
  const simple_rnn *cfg = t->pass->run->cfg;
  const int64_t n = t->pass->units;
  real *y = nacre_recurrent_gates(t, i);
  const real *z = t->pass->run->saved[BEFORE_ACTIVATION].data != NULL
                    ? nacre_recurrent_saved(t, BEFORE_ACTIVATION, n, i)
                    : y;
  real *d = nacre_recurrent_scratch(t, RECURRENT_PRODUCT, n, i);
  real *dh = nacre_recurrent_take(t, i);
  nacre_recurrent_copy(t, dh, d);
  nacre_recurrent_copy(t, NULL, dh);
  nacre_recurrent_derive(t, &cfg->base.activation, 1, z, y, d);
  nacre_recurrent_copy(t, d, y);
}

static void back(const nacre_recurrent_tile *t) {
  const int64_t n = t->pass->units;
  for (int64_t i = 0; i < t->rows; i++) {
    if (nacre_recurrent_counts(t, i)) {
      back_row(t, i);
    } else {
      nacre_recurrent_skip(t, i);
    }
  }
  if (nacre_recurrent_any(t)) {
    nacre_recurrent_return(t, 0,
                           nacre_recurrent_scratch(t, RECURRENT_PRODUCT, n, 0),
                           n);
    nacre_recurrent_end(t);
  }
}

static void backward(nacre_run *run) {
  nacre_recurrent_pass pass = nacre_recurrent_begin(run, 1, back);
  const int64_t n = pass.units;
  nacre_recurrent_prepare(&pass, 0, NACRE_GEMM_TRANS_B, n, n,
                          nacre_data(&run->weight[RECURRENT_STATE_KERNEL]), n);
  nacre_recurrent_return_all(&pass);
  nacre_recurrent_dinputs(&pass, n, 0, 0, n, 0);
  nacre_recurrent_cut(&pass);
  nacre_recurrent_dstates(&pass, nacre_data(&run->saved[RECURRENT_BEFORE]), 0,
                          n, 0, n);
  if (run->dweight[RECURRENT_BIAS].data != NULL) {
    nacre_recurrent_dbias(&pass, 0, n,
                          nacre_data(&run->dweight[RECURRENT_BIAS]));
  }
}

static const nacre_param params[] = {
  NACRE_RECURRENT_PARAM(simple_rnn, units, NULL, "[1,inf)",
                        "Numbers of the state, and of an output."),
  NACRE_RECURRENT_PARAM(simple_rnn, activation, "tanh", "activation",
                        "Of the state."),
  NACRE_RECURRENT_PARAMS(simple_rnn),
};

static const nacre_weight weights[] = {
  { "kernel", "glorot_uniform", "Of the input, [features, units].", 0, 0 },
  { "recurrent_kernel", "orthogonal", "Of the state, [units, units].", 0, 0 },
  { "bias", "zeros", "Added to the state, [units].", 0, 0 },
  { "state", "zeros", "With stateful: the last h, [batch, units].",
    NACRE_WEIGHT_STATE | NACRE_WEIGHT_CARRY, 0 },
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops),
  .flags = NACRE_LAYER_NEED_X | NACRE_LAYER_RANDOM | NACRE_LAYER_MASK_READ |
           NACRE_LAYER_TOKENS,
  .weights = NACRE_SPAN(weights),
  .min_inputs = 1,
  .max_inputs = 2,
  .plan = plan,
  .forward = forward,
  .backward = backward,
};

static const nacre_component component = {
  .size = sizeof(component),
  .kind = NACRE_KIND_LAYER,
  .contract = 1,
  .name = "simple_rnn",
  .summary = "Fully connected recurrent layer",
  .doc = "In every step, with the input x and the state h, h = a(x W + h U + "
         "b), a being the activation. The output is h.\n\n"
         "Inputs: [steps, features], and the first h, [units], if it is not "
         "to be 0. Outputs: [units], or [steps, units] with "
         "return_sequences; with return_state the last h as output 1. Steps "
         "that are masked leave the state, and repeat the output before.\n\n"
         "As Keras's SimpleRNN. Elman, \"Finding structure in time\", "
         "Cognitive Science 14 (1990).",
  .params = NACRE_SPAN(params),
  .cfg_size = sizeof(simple_rnn),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(simple_rnn, component)
