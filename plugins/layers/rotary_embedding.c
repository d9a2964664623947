/* SPDX-License-Identifier: MIT */
/* rotary_embedding: turns pairs of features by angles that grow with the
 * steps. */
#include <nacre/plugin.h>

#include "rotary.h"

typedef struct rotary_embedding {
  double max_wavelength, scaling_factor;
} rotary_embedding;

static int plan(nacre_plan *plan) {
  const nacre_shape *in = &plan->input[0]; /* [steps, ..., features] */
  if (in->rank < 2) {
    return nacre_plan_refuse(plan, "the input must be [steps, features] or "
                             "[steps, heads, features]");
  }
  if (nacre_shape_last(in) % 2 != 0) {
    return nacre_plan_refuse(plan, "features are turned in pairs: their "
                             "number must be even, not %lld",
                             (long long)nacre_shape_last(in));
  }
  nacre_plan_flops(plan, 3.0 * (double)nacre_shape_count(in));
  return nacre_plan_output(plan, in);
}

static int create(const nacre_plan *plan, void **self) {
  const rotary_embedding *cfg = plan->cfg;
  const nacre_shape *in = &plan->input[0];
  *self = nacre_rotary_new(in->dim[0], nacre_shape_last(in),
                           cfg->max_wavelength, cfg->scaling_factor);
  return *self == NULL ? NACRE_ERROR : NACRE_OK;
}

static void turn(const nacre_run *run, int sign, const nacre_tensor *x,
                 const nacre_tensor *y) {
  const int64_t steps = x->dim[1], dim = x->dim[x->rank - 1];
  const int64_t heads = nacre_tensor_count(x) / (x->dim[0] * steps * dim);
  nacre_rotary_turn(run->math, run->self, x->dim[0], steps, heads, sign,
                    nacre_data(x), nacre_data(y));
}

static void forward(nacre_run *run) {
  turn(run, 1, &run->in[0], &run->out[0]);
}

static void backward(nacre_run *run) {
  if (run->din[0].data) {
    turn(run, -1, &run->dout[0], &run->din[0]);
  }
}

static const nacre_param params[] = {
  NACRE_PARAM(rotary_embedding, max_wavelength, "10000", "(0,inf)", "",
              "Of the slowest angle, in steps by 2 pi.", 0),
  NACRE_PARAM(rotary_embedding, scaling_factor, "1", "(0,inf)", "",
              "Divides all angles.", 0),
};

static const nacre_layer_ops ops = {
  .size = sizeof(ops), .flags = NACRE_LAYER_INPLACE | NACRE_LAYER_MASK_PASS,
  .weights = NACRE_EMPTY_SPAN, .min_inputs = 1, .max_inputs = 1,
  .plan = plan, .forward = forward, .backward = backward,
  .create = create, .destroy = nacre_rotary_free,
};

static const nacre_component component = {
  .size = sizeof(component), .kind = NACRE_KIND_LAYER, .contract = 1,
  .name = "rotary_embedding",
  .summary = "Turns pairs of features by angles that grow with the steps",
  .doc = "Features j and j + n/2 of n at step t are turned, as a pair, by "
         "the angle t / (max_wavelength^(2j/n) scaling_factor). Input and "
         "output [steps, features] or [steps, heads, features], features "
         "even. For queries and keys of attention: their products then "
         "depend on the distance of steps. multi_head_attention does it "
         "itself, with rope_max_wavelength.\n\n"
         "As KerasHub's RotaryEmbedding. Su et al., \"RoFormer: Enhanced "
         "Transformer with Rotary Position Embedding\", arXiv:2104.09864.",
  .params = NACRE_SPAN(params), .cfg_size = sizeof(rotary_embedding),
  .ops = &ops,
};

NACRE_COMPONENT_MODULE(rotary_embedding, component)
